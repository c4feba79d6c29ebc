// An optimizer's core as Python sees it: the parameters, their states, and a step over all of them.
//
// Everything that comes in is checked before anything is changed.
#pragma once

#include <pybind11/stl.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "bind/array.hpp"
#include "bind/gil.hpp"
#include "bind/regions.hpp"
#include "bind/turn.hpp"
#include "update/step.hpp"

namespace saddlescape::bind {

inline std::string item(const std::string& list, std::size_t i) {
  return list + "[" + std::to_string(i) + "]";
}

inline std::string type_name(py::handle object) {
  return py::cast<std::string>(py::type::handle_of(object).attr("__name__"));
}

class Stepper {
 public:
  Stepper(const std::string& rule, const py::object& params, double fill)
      : rule_(update::rule(rule)), single_(is_array(params)) {
    const std::vector<py::object> sources =
        single_ ? std::vector<py::object>{params} : list(params, "params");
    if (sources.empty()) throw py::value_error("params: empty, expected at least one array");
    for (std::size_t i = 0; i < sources.size(); ++i) add(sources[i], i);
    for (std::size_t i = 0; i < arrays_.size(); ++i) check_finite(arrays_[i], name("params", i));
    for (std::size_t i = 0; i < arrays_.size(); ++i) add_states(i, fill);
    held_.resize(arrays_.size());
    taken_.resize(arrays_.size());
  }

  void step(const py::object& grads, bool finite) {
    const Turn turn(busy_);
    for (std::size_t i = 0; i < arrays_.size(); ++i) check_parameter(i);
    const Held held(*this);
    take(grads);
    std::int64_t refused = -1;
    {
      const ReleaseGil release;
      if (finite) refused = update::first_non_finite(real(), tensors_.data(), count());
      if (refused < 0) update::step(rule_, options, real(), tensors_.data(), count());
    }
    if (refused >= 0) refuse_non_finite(static_cast<std::size_t>(refused));
    ++calls_;
  }

  py::object params() const {
    if (single_) return params_[0];
    return py::cast(params_);
  }
  std::vector<std::string> state_names() const { return rule_.state_names; }
  const std::vector<std::vector<py::array>>& states() const { return states_; }
  std::int64_t calls() const { return calls_; }
  std::vector<std::int64_t> steps() const {
    std::vector<std::int64_t> all;
    for (const update::Tensor& tensor : tensors_) all.push_back(tensor.steps);
    return all;
  }

  // Takes states (by name, then by tensor) and counters from elsewhere: all of them or none.
  void load(const py::dict& state, const std::vector<std::int64_t>& steps, std::int64_t calls) {
    const Turn turn(busy_);
    if (steps.size() != tensors_.size())
      throw py::value_error("steps: " + std::to_string(steps.size()) + " numbers, expected " +
                            std::to_string(tensors_.size()));
    for (std::size_t i = 0; i < steps.size(); ++i)
      if (steps[i] < 0 || steps[i] > calls)
        throw py::value_error(item("steps", i) + ": " + std::to_string(steps[i]) +
                              ", expected 0 to " + std::to_string(calls) + ", the number of steps");
    std::vector<std::vector<py::object>> sources;
    std::vector<Taken> incoming;  // by state, then by tensor
    for (const std::string& state_name : rule_.state_names) {
      const std::string key = "state['" + state_name + "']";
      sources.push_back(list(state[state_name.c_str()], key));
      check_length(sources.back(), key);
      for (std::size_t i = 0; i < arrays_.size(); ++i)
        check_finite(
            incoming.emplace_back(taken_like(sources.back()[i], item(key, i), arrays_[i])).array,
            item(key, i));
    }
    for (std::size_t s = 0; s < sources.size(); ++s)
      for (std::size_t i = 0; i < arrays_.size(); ++i)
        std::copy_n(incoming[s * arrays_.size() + i].array.as<char>(), states_[s][i].nbytes(),
                    static_cast<char*>(tensors_[i].state[s]));
    for (std::size_t i = 0; i < steps.size(); ++i) tensors_[i].steps = steps[i];
    calls_ = calls;
  }

  update::Options options;

 private:
  // Keeps the gradients alive during a step, whatever another thread does with their list.
  class Held {
   public:
    explicit Held(Stepper& stepper) : stepper_(stepper) {}
    ~Held() {
      for (py::object& gradient : stepper_.held_) gradient = py::object();
      for (update::Tensor& tensor : stepper_.tensors_) tensor.gradient = nullptr;
    }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

   private:
    Stepper& stepper_;
  };

  Dtype dtype() const { return arrays_[0].dtype; }
  update::Real real() const {
    return dtype() == Dtype::float32 ? update::Real::float32 : update::Real::float64;
  }
  std::int64_t count() const { return static_cast<std::int64_t>(tensors_.size()); }
  std::string name(const char* argument, std::size_t i) const {
    return single_ ? argument : item(argument, i);
  }

  static std::vector<py::object> list(const py::object& source, const std::string& name) {
    if (!py::isinstance<py::list>(source) && !py::isinstance<py::tuple>(source))
      throw py::type_error(name + ": " + type_name(source) + ", expected " +
                           (name == "params" ? "a NumPy array, or " : "") +
                           "a list or tuple of NumPy arrays");
    std::vector<py::object> items;
    for (py::handle each : source) items.push_back(py::reinterpret_borrow<py::object>(each));
    return items;
  }

  void check_length(const std::vector<py::object>& items, const std::string& name) const {
    if (items.size() != arrays_.size())
      throw py::value_error(name + ": " + std::to_string(items.size()) + " arrays, expected " +
                            std::to_string(arrays_.size()) + ", one for each of params");
  }

  void add(const py::object& source, std::size_t i) {
    const std::string name = this->name("params", i);
    // Mixed precisions would need a kernel call of each kind inside one range: refused.
    const Taken param = i == 0 ? taken_writable(source, name, {Dtype::float32, Dtype::float64})
                               : taken_writable(source, name, {dtype()});
    const Array& array = param.array;
    regions_.add(array, name);
    arrays_.push_back(array);
    params_.push_back(source);
    owners_.push_back(param.owner);
    update::Tensor tensor;
    tensor.size = array.size;
    tensor.parameters = array.data;
    tensors_.push_back(tensor);
  }

  void add_states(std::size_t i, double fill) {
    states_.resize(rule_.state_names.size());
    const py::object zeros = py::module_::import("numpy").attr("zeros");
    for (std::size_t s = 0; s < states_.size(); ++s) {
      const py::array state = zeros(py::tuple(py::cast(arrays_[i].shape)), dtype_name(dtype()));
      if (fill != 0) state.attr("fill")(fill);
      const std::string name = "the optimizer's " + item(rule_.state_names[s], i);
      const Array array = checked_writable(state, name, {dtype()});
      regions_.add(array, name);
      tensors_[i].state[s] = array.data;
      states_[s].push_back(state);
    }
  }

  // NumPy lets a user freeze an array, or resize it with refcheck=False, behind our back; PyTorch
  // gives a tensor other memory, device or dtype.
  void check_parameter(std::size_t i) const {
    if (!py::isinstance<py::array>(params_[i])) {
      const Array now = taken_writable(params_[i], name("params", i), {dtype()}).array;
      if (now.data != tensors_[i].parameters || now.shape != arrays_[i].shape)
        throw py::value_error(name("params", i) +
                              ": was moved or resized since the optimizer was made, make a new "
                              "optimizer");
      return;
    }
    const auto array = py::reinterpret_borrow<py::array>(params_[i]);
    if (array.data() != tensors_[i].parameters || array.size() != tensors_[i].size)
      throw py::value_error(name("params", i) +
                            ": was resized since the optimizer was made, make a new optimizer");
    if (!array.writeable())
      throw py::value_error(name("params", i) +
                            ": read-only, expected a writable array (it is updated in place)");
  }

  void take(const py::object& grads) {
    if (single_) {
      take(grads, 0);
      return;
    }
    const std::vector<py::object> items = list(grads, "grads");
    check_length(items, "grads");
    for (std::size_t i = 0; i < items.size(); ++i)
      if (!items[i].is_none()) take(items[i], i);
  }

  void take(const py::object& gradient, std::size_t i) {
    const std::string name = this->name("grads", i);
    Taken taken = taken_like(gradient, name, arrays_[i]);
    regions_.refuse(taken.array, name);
    tensors_[i].gradient = taken.array.data;
    held_[i] = std::move(taken.owner);
    taken_[i] = std::move(taken.array);
  }

  [[noreturn]] void refuse_non_finite(std::size_t i) const {
    const std::string name = this->name("grads", i);
    check_finite(taken_[i], name);
    // It was finite when it was looked at again: another thread is writing to it.
    throw py::value_error(name + ": changed during the step, expected an array that stands still");
  }

  const update::Rule& rule_;
  bool single_;  // params was an array, not a list
  std::vector<py::object> params_;
  std::vector<py::object> owners_;              // what keeps the memory of params_
  std::vector<Array> arrays_;                   // params_ as they were checked
  std::vector<std::vector<py::array>> states_;  // by state, then by tensor
  std::vector<update::Tensor> tensors_;
  std::vector<py::object> held_;  // what keeps the gradients' memory during a step
  std::vector<Array> taken_;      // the gradients as they were checked
  Regions regions_;
  std::int64_t calls_ = 0;
  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
};

}  // namespace saddlescape::bind
