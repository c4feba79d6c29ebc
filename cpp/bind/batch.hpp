// Steps over parameters whose states live in dictionaries of another library, as PyTorch's
// optimizers keep them: any number of groups, each with a rule and hyper-parameters of its own.
//
// The dictionaries are the truth and are read anew in every step: nothing goes stale when somebody
// loads, moves or replaces what is in them. Everything is checked before anything is changed, also
// across groups.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bind/array.hpp"
#include "bind/elements.hpp"
#include "bind/gil.hpp"
#include "bind/turn.hpp"
#include "update/step.hpp"

namespace saddlescape::bind {

class Batch {
 public:
  // `parts`: tuples as the stub (optim.pyi) says.
  void step(const py::list& parts, bool finite) {
    const Turn turn(busy_);
    const Clear clear(*this);
    parts_.resize(parts.size());
    groups_.resize(parts.size());
    for (std::size_t k = 0; k < parts_.size(); ++k) take(parts[k], k);
    refuse_shared_memory();
    update::Outcome outcome;
    {
      const ReleaseGil release;
      around_.check_finite = finite;
      around_.nearest_states = true;
      outcome = update::step(groups_.data(), tensors_.data(),
                             static_cast<std::int64_t>(tensors_.size()), around_, workspace_);
    }
    if (outcome.non_finite >= 0)
      refuse_non_finite(places_[static_cast<std::size_t>(outcome.non_finite)]);
    for (const Counter& counter : counters_) counter.write();
  }

 private:
  struct Part {
    const update::Rule* rule = nullptr;
    std::string name;
    py::list grads;
  };

  // Where a tensor stands.
  struct Place {
    std::size_t part, i;
  };

  // A "step" of another library: one real number.
  struct Counter {
    void* data;
    Dtype dtype;

    double read() const {
      return dtype == Dtype::float32 ? *static_cast<float*>(data) : *static_cast<double*>(data);
    }
    void write() const {
      // A float32 stands still at 2^24, as PyTorch's does.
      if (dtype == Dtype::float32)
        *static_cast<float*>(data) += 1.0F;
      else
        *static_cast<double*>(data) += 1.0;
    }
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

  class Clear {
   public:
    explicit Clear(Batch& batch) : batch_(batch) {}
    ~Clear() {
      for (Part& part : batch_.parts_) part.grads = py::list();
      batch_.tensors_.clear();
      batch_.places_.clear();
      batch_.held_.clear();
      batch_.counters_.clear();
      batch_.writes_.clear();
      batch_.reads_.clear();
    }
    Clear(const Clear&) = delete;
    Clear& operator=(const Clear&) = delete;

   private:
    Batch& batch_;
  };

  static std::string parameter_name(const Part& part, std::size_t i) {
    return part.name + "[" + std::to_string(i) + "]";
  }
  static std::string gradient_name(const Part& part, std::size_t i) {
    return parameter_name(part, i) + ".grad";
  }
  static std::string state_name(const Part& part, std::size_t i, const std::string& key) {
    return "state of " + parameter_name(part, i) + "['" + key + "']";
  }

  // Names are only written out when something is refused: there are thousands of tensors.
  template <class Read, class Name>
  static Taken named(const Read& read, const Name& name) {
    try {
      return read(std::string());
    } catch (const std::exception&) {
      return read(name());
    }
  }

  void take(const py::handle& source, std::size_t k) {
    const auto row = py::cast<py::tuple>(source);
    Part& part = parts_[k];
    part.rule = &update::rule(py::cast<std::string>(row[0]));
    groups_[k] = {part.rule, py::cast<update::Options>(row[1])};
    part.name = py::cast<std::string>(row[2]);
    part.grads = py::cast<py::list>(row[4]);
    const auto params = py::cast<py::list>(row[3]);
    const auto entries = py::cast<py::list>(row[5]);
    if (part.grads.size() != params.size() || entries.size() != params.size())
      throw py::value_error(part.name + ": " + std::to_string(params.size()) + " parameters, " +
                            std::to_string(part.grads.size()) + " gradients and " +
                            std::to_string(entries.size()) + " states, expected one of each");
    keys_.clear();
    for (const std::string& name : part.rule->state_names) keys_.emplace_back(name);
    for (std::size_t i = 0; i < params.size(); ++i) {
      const py::object gradient = part.grads[i];
      if (gradient.is_none()) continue;
      const py::object entry = entries[i];
      take(part, k, i, params[i], gradient, entry, row[6]);
    }
  }

  void take(Part& part, std::size_t k, std::size_t i, const py::object& source,
            const py::object& gradient_source, const py::object& entry, const py::object& counts) {
    const auto writable = [&](const py::object& object, std::initializer_list<Dtype> allowed) {
      return [&object, allowed](const std::string& name) {
        return taken_writable(object, name, allowed);
      };
    };
    const Taken param =
        named(writable(source, {Dtype::float32, Dtype::float64, Dtype::bfloat16, Dtype::float16}),
              [&] { return parameter_name(part, i); });
    const Taken gradient = named(
        [&](const std::string& name) { return taken_like(gradient_source, name, param.array); },
        [&] { return gradient_name(part, i); });
    update::Tensor tensor;
    tensor.size = param.array.size;
    tensor.parameters = param.array.data;
    tensor.gradient = gradient.array.data;
    tensor.group = static_cast<int>(k);
    tensor.parameter_type = tensor.gradient_type = tensor.state_type =
        element_of(param.array.dtype);
    note(writes_, param, k, i, -1);
    note(reads_, gradient, k, i, -1);
    for (std::size_t s = 0; s < keys_.size(); ++s) {
      const std::string& key = part.rule->state_names[s];
      const py::object state_source = item(part, i, entry, keys_[s], key);
      const Taken state = named(writable(state_source, {param.array.dtype}),
                                [&] { return state_name(part, i, key); });
      if (state.array.shape != param.array.shape)
        throw py::value_error(state_name(part, i, key) + ": shape " +
                              shape_text(state.array.shape) + ", expected " +
                              shape_text(param.array.shape));
      tensor.state[s] = state.array.data;
      note(writes_, state, k, i, static_cast<int>(s));
    }
    tensor.steps =
        counts.is_none() ? counted(part, i, entry) : py::cast<std::int64_t>(py::list(counts)[i]);
    tensors_.push_back(tensor);
    places_.push_back({k, i});
  }

  static py::object item(const Part& part, std::size_t i, const py::object& entry,
                         const py::str& key, const std::string& text) {
    PyObject* found =
        py::isinstance<py::dict>(entry) ? PyDict_GetItemWithError(entry.ptr(), key.ptr()) : nullptr;
    if (!found)
      throw py::value_error("state of " + parameter_name(part, i) + ": has no '" + text +
                            "', which " + part.rule->name +
                            " keeps; load a state of that rule, or none");
    return py::reinterpret_borrow<py::object>(found);
  }

  std::int64_t counted(const Part& part, std::size_t i, const py::object& entry) {
    static const auto key = py::reinterpret_steal<py::str>(PyUnicode_InternFromString("step"));
    const py::object source = item(part, i, entry, key, "step");
    const Taken step = named(
        [&](const std::string& name) {
          return taken_writable(source, name, {Dtype::float32, Dtype::float64});
        },
        [&] { return state_name(part, i, "step"); });
    Counter counter{step.array.data, step.array.dtype};
    const double steps = step.array.size == 1 ? counter.read() : -1.0;
    if (!(steps >= 0.0 && steps < 9e15 && std::floor(steps) == steps))
      throw py::value_error(state_name(part, i, "step") + ": shape " +
                            shape_text(step.array.shape) + ", value " + std::to_string(steps) +
                            ", expected one whole number >= 0");
    held_.push_back(step.owner);
    counters_.push_back(counter);
    return static_cast<std::int64_t>(steps);
  }

  void note(std::vector<Extent>& list, const Taken& taken, std::size_t k, std::size_t i, int slot) {
    held_.push_back(taken.owner);
    if (taken.array.size == 0) return;
    const char* begin = taken.array.as<char>();
    list.push_back({begin, begin + taken.array.size * width(taken.array.dtype),
                    static_cast<std::uint32_t>(k), static_cast<std::uint32_t>(i), slot});
  }

  std::string text(const Extent& extent) const {
    const Part& part = parts_[extent.part];
    return extent.slot < 0
               ? parameter_name(part, extent.i)
               : state_name(part, extent.i,
                            part.rule->state_names[static_cast<std::size_t>(extent.slot)]);
  }

  void refuse_shared_memory() {
    const auto refuse = [](const std::string& name, const std::string& other) {
      throw py::value_error(name + ": shares memory with " + other +
                            ", expected an array of its own");
    };
    if (writes_ != known_) {
      known_.clear();
      sorted_ = writes_;
      std::sort(sorted_.begin(), sorted_.end(),
                [](const Extent& a, const Extent& b) { return a.begin < b.begin; });
      for (std::size_t n = 1; n < sorted_.size(); ++n)
        if (sorted_[n - 1].end > sorted_[n].begin) refuse(text(sorted_[n]), text(sorted_[n - 1]));
      known_ = writes_;  // the next step most likely writes to the same memory
    }
    for (const Extent& read : reads_) {
      // The last that starts before the end of `read`: they are disjoint, no other reaches into it.
      const auto next = std::lower_bound(
          sorted_.begin(), sorted_.end(), read.end,
          [](const Extent& extent, const char* end) { return extent.begin < end; });
      if (next != sorted_.begin() && (next - 1)->end > read.begin)
        refuse(gradient_name(parts_[read.part], read.i), text(*(next - 1)));
    }
  }

  [[noreturn]] void refuse_non_finite(const Place& place) const {
    const Part& part = parts_[place.part];
    const std::string name = gradient_name(part, place.i);
    const py::object gradient = part.grads[place.i];
    check_finite(
        taken(gradient, name, {Dtype::float32, Dtype::float64, Dtype::bfloat16, Dtype::float16})
            .array,
        name);
    // It was finite when it was looked at again: another thread is writing to it.
    throw py::value_error(name + ": changed during the step, expected an array that stands still");
  }

  std::vector<Part> parts_;
  std::vector<update::Group> groups_;  // one for each part
  std::vector<update::Tensor> tensors_;
  std::vector<Place> places_;  // of the tensors
  update::Around around_;
  update::Workspace workspace_;
  std::vector<py::str> keys_;  // the state names of the part that is being taken
  std::vector<Counter> counters_;
  std::vector<Extent> writes_, reads_;
  std::vector<Extent> known_, sorted_;  // what was found to be disjoint, and the same in order
  std::vector<py::object> held_;
  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
};

}  // namespace saddlescape::bind
