// An optimizer's core as Python sees it: the parameters, their states, and a step over all of them.
//
// Everything that comes in is checked before anything is changed.
#pragma once

#include <pybind11/stl.h>

#include <array>
#include <atomic>
#include <string>
#include <vector>

#include "bind/array.hpp"
#include "bind/home.hpp"
#include "bind/regions.hpp"
#include "train/loop.hpp"
#include "update/step.hpp"

namespace saddlescape::bind {

// How an optimizer keeps its numbers.
struct Layout {
  std::string state_dtype;      // "": as what is computed in; "bfloat16", "8bit"
  bool master_weights = false;  // float32 of its own beside narrow parameters
  bool average = false;         // an average of the parameters
};

// What a rule keeps for a whole tensor.
using Carried = std::array<double, update::max_carried>;

class Stepper {
 public:
  // `rules` and `fills` (what states start with): one for each group; `group`: the group of each of
  // `params`, empty if there is one; `labels`: what stands behind "params" and "grads" in errors.
  Stepper(const std::vector<std::string>& rules, const py::object& params,
          const std::vector<double>& fills, const std::vector<int>& group,
          const std::vector<std::string>& labels, const Layout& layout,
          std::unique_ptr<Home> home = cpu_home());

  // False if gradients were not finite and `skip` says to leave the step out then. `stream`: for
  // arrays on a device, None: that of their library.
  bool step(const py::object& grads, bool check_finite, bool skip, const py::object& stream);

  // What a step with these gradients would find out before it changed anything; for several
  // optimizers that step together. Refuses what `step` does.
  update::Seen look(const py::object& grads, bool check_finite, bool skip,
                    const py::object& stream);

  py::object params() const;
  std::vector<std::string> buffer_names() const;
  // By name, then by tensor.
  const std::vector<std::vector<py::object>>& buffers() const { return buffers_; }
  std::int64_t calls() const { return calls_; }
  std::vector<std::int64_t> steps() const;
  std::vector<Carried> carried() const;
  bool carries() const;
  // The parameters as what is computed in (the master weights), copied.
  std::vector<py::object> numbers();
  py::object norms() const;  // (tensors, 3): gradient, update, parameter
  const update::Outcome& outcome() const { return outcome_; }
  update::Options& options(std::size_t group) { return groups_.at(group).options; }

  // Takes buffers (by name, then by tensor) and counters from elsewhere: all of them or none.
  // `as_left`: the numbers are those that a run left, whatever they are.
  void load(const py::dict& buffers, const std::vector<std::int64_t>& steps,
            const std::vector<Carried>& carried, std::int64_t calls, bool as_left);

  // Takes numbers that a rule reads in its next step, an array or None (zeros) for each parameter:
  // all of them or none. `argument`: what they are called in errors.
  void put(const std::string& buffer, const py::list& rows, const std::string& argument);

  // Takes what another one measured in its last step: `norms` as they come from `norms()`.
  void measured(const std::vector<std::array<double, 3>>& norms, double gradient_norm, double clip);

  // For steps that the core takes by itself, while `busy` is held: of a single array, as it was.
  train::Stepping stepping();
  std::atomic_flag& busy() { return busy_; }

  update::Around around;

 protected:
  class Held;

  // Checks the parameters and takes the gradients; Held lets go of them again.
  void begin(const py::object& grads, const py::object& stream);
  void check_parameter(std::size_t i) const;
  std::int64_t count() const { return static_cast<std::int64_t>(tensors_.size()); }

  std::unique_ptr<Home> home_;
  std::vector<update::Group> groups_;
  std::vector<update::Tensor> tensors_;
  std::vector<py::object> held_;  // what keeps the gradients' memory during a step
  update::Outcome outcome_;
  std::int64_t calls_ = 0;
  std::int64_t changes_ = 0;  // steps, and states that were loaded

 private:
  // An array that the optimizer keeps for each tensor.
  struct Slot {
    std::string name;
    int state;  // -1: none of the rule's
    bool scale;
  };

  std::string name(const char* argument, std::size_t i) const;
  void check_length(const std::vector<py::object>& items, const std::string& name) const;
  void add(const py::object& source, std::size_t i);
  void check_shape(std::size_t i) const;
  void check_states(std::size_t i) const;
  void name_slots();
  void check_numbers(const Slot& slot, std::size_t i, Array array, const std::string& name) const;
  void add_buffers(std::size_t i, const std::vector<double>& fills);
  py::object buffer(const Slot& slot, std::size_t i, double fill) const;
  void attach(const Slot& slot, std::size_t i, void* data);
  void start(std::size_t i);
  void check_parameters_finite();
  void take(const py::object& grads);
  void take(const py::object& gradient, std::size_t i);
  bool take_known(const py::object& gradient, std::size_t i);
  bool take_rows(const py::object& gradient, std::size_t i);
  void check_rows(std::size_t i, const std::string& name) const;
  void add_rows(std::size_t i, const Array& indices, const Array& values);
  update::Outcome step_with_rows();
  update::Seen look_with_rows();
  // Calls visit with the rows among the tensors, and names their owner where one is not finite.
  template <class Visit>
  auto with_rows(const Visit& visit);
  [[noreturn]] void refuse_non_finite(std::size_t i) const;

  Layout layout_;
  std::vector<std::string> labels_;
  bool single_;  // params was an array, not a list
  std::vector<py::object> params_;
  std::vector<py::object> owners_;  // what keeps the memory of params_
  std::vector<Array> arrays_;       // params_ as they were checked
  std::vector<Slot> slots_;
  std::vector<std::vector<py::object>> buffers_;  // by slot, then by tensor
  std::vector<Array> taken_;                      // the gradients as they were checked
  std::vector<update::Tensor> rows_;              // of this step's gradients that are rows
  std::vector<std::size_t> row_owners_;           // whose they are
  std::vector<std::size_t> row_tensors_;
  Regions regions_;
  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
};

// Keeps the gradients alive during a step, whatever another thread does with their list.
class Stepper::Held {
 public:
  explicit Held(Stepper& stepper) : stepper_(stepper) {}
  ~Held() {
    for (py::object& gradient : stepper_.held_) gradient = py::object();
    for (update::Tensor& tensor : stepper_.tensors_) tensor.gradient = nullptr;
    stepper_.rows_.clear();
    stepper_.row_owners_.clear();
    stepper_.row_tensors_.clear();
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

 private:
  Stepper& stepper_;
};

}  // namespace saddlescape::bind
