// Steps over parameters whose states live in dictionaries of another library, as PyTorch's
// optimizers keep them: any number of groups, each with a rule and hyper-parameters of its own.
//
// The dictionaries are the truth and are read anew in every step: nothing goes stale when somebody
// loads, moves or replaces what is in them. Everything is checked before anything is changed, also
// across groups.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "bind/home.hpp"
#include "update/step.hpp"

namespace saddlescape::bind {

class Batch {
 public:
  explicit Batch(std::unique_ptr<Home> home = cpu_home()) : home_(std::move(home)) {}

  // `parts`: tuples as the stub (optim.pyi) says. `unscale`: gradients are multiplied by it.
  // `stream`: as Stepper's.
  void step(const py::list& parts, bool finite, double unscale, const py::object& stream);

  // Refuses what `step` would, and changes nothing: for those that step together.
  void check(const py::list& parts, double unscale, const py::object& stream, bool finite);

 protected:
  class Clear;  // lets go of what was taken

  // Where a tensor stands.
  struct Place {
    std::size_t part, i;
  };

  void take(const py::list& parts, double unscale, const py::object& stream);

  std::vector<update::Group> groups_;  // one for each part
  std::vector<update::Tensor> tensors_;
  std::vector<Place> places_;  // of the tensors
  update::Around around_;
  std::unique_ptr<Home> home_;
  std::vector<py::object> held_;
  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;

 private:
  struct Part {
    const update::Rule* rule = nullptr;
    std::string name;
    py::list grads;
    py::object carried;  // a list, or None
  };

  // What is known of one parameter while it is being taken.
  struct Entry {
    Place place;
    py::object state;
    Taken param;
  };

  // A "step" of another library: one real number.
  struct Counter {
    void* data;
    Dtype dtype;

    double read() const;
    void write() const;
  };

  // Memory that a step writes to. `slot`: -1 the parameter, else which state.
  struct Extent {
    const char* begin;
    const char* end;
    std::uint32_t part, i;
    int slot;
    bool operator==(const Extent& other) const {
      return begin == other.begin && end == other.end && part == other.part && i == other.i;
    }
  };

  // A narrow state of a rule that adds up in float32, and the float32 that stands for it.
  struct Widened {
    Array narrow;
    float* wide;
  };

  void take(const py::handle& source, std::size_t k);
  void take(const Entry& entry, const py::object& gradient, const py::object& counts);
  void take_rows(const Entry& entry, const update::Tensor& whole, const py::object& gradient);
  update::Tensor taken_parameter(const Entry& entry);
  void take_state(const Entry& entry, std::size_t s, update::Tensor& tensor);
  void take_carried(const Place& place, update::Tensor& tensor) const;
  void* widened(const Array& state);
  void write_back() const;
  std::int64_t counted(const Entry& entry);
  void note(std::vector<Extent>& list, const Taken& taken, const Place& place, int slot);
  void refuse_shared_memory();
  [[noreturn]] void refuse_non_finite(const Place& place) const;

  const Part& part(const Place& place) const { return parts_[place.part]; }
  std::string parameter_name(const Place& place) const;
  std::string gradient_name(const Place& place) const;
  std::string state_name(const Place& place, const std::string& key) const;
  py::object item(const Entry& entry, const py::str& key, const std::string& text) const;
  std::string text(const Extent& extent) const;

  std::vector<Part> parts_;
  std::vector<py::str> keys_;  // the state names of the part that is being taken
  std::vector<Counter> counters_;
  std::vector<Widened> widened_;
  std::vector<Extent> writes_, reads_;
  std::vector<Extent> known_, sorted_;  // what was found to be disjoint, and the same in order
  // Whether gradients are asked if they are sparse before they are read as dense: once one was.
  // PyTorch takes half a millisecond to say that it can't be read so, and a dense one needs no
  // word.
  bool asks_first_ = false;
};

class Batch::Clear {
 public:
  explicit Clear(Batch& batch) : batch_(batch) {}
  ~Clear() {
    for (Part& part : batch_.parts_) {
      part.grads = py::list();
      part.carried = py::object();
    }
    batch_.tensors_.clear();
    batch_.places_.clear();
    batch_.held_.clear();
    batch_.counters_.clear();
    batch_.widened_.clear();
    batch_.writes_.clear();
    batch_.reads_.clear();
  }
  Clear(const Clear&) = delete;
  Clear& operator=(const Clear&) = delete;

 private:
  Batch& batch_;
};

}  // namespace saddlescape::bind
