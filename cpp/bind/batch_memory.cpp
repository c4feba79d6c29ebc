// What a batch's step may not do, in whose words, and what it writes beside the arrays.
#include <algorithm>
#include <cmath>
#include <utility>

#include "bind/batch.hpp"

namespace saddlescape::bind {

std::string Batch::parameter_name(const Place& place) const {
  return part(place).name + "[" + std::to_string(place.i) + "]";
}

std::string Batch::gradient_name(const Place& place) const {
  return parameter_name(place) + ".grad";
}

std::string Batch::state_name(const Place& place, const std::string& key) const {
  return "state of " + parameter_name(place) + "['" + key + "']";
}

void Batch::take_carried(const Place& place, update::Tensor& tensor) const {
  const py::object& all = part(place).carried;
  if (all.is_none()) return;
  const auto numbers = py::cast<py::list>(py::cast<py::list>(all)[place.i]);
  for (std::size_t n = 0; n < update::max_carried; ++n) {
    const auto number = py::cast<double>(numbers[n]);
    if (!(std::isfinite(number) && number >= 0))
      throw py::value_error("state of " + parameter_name(place) + ": " + std::to_string(number) +
                            " among its numbers, expected finite ones >= 0");
    tensor.carried[n] = number;
  }
}

void* Batch::widened(const Array& state) {
  return widened_.emplace_back(Widened{state, home_->widened(state)}).wide;
}

void Batch::write_back() const {
  for (const Counter& counter : counters_) counter.write();
  for (std::size_t n = 0; n < tensors_.size(); ++n) {
    const py::object& all = part(places_[n]).carried;
    if (all.is_none()) continue;
    auto numbers = py::cast<py::list>(py::cast<py::list>(all)[places_[n].i]);
    for (std::size_t c = 0; c < update::max_carried; ++c) numbers[c] = tensors_[n].carried[c];
  }
}

void Batch::note(std::vector<Extent>& list, const Taken& taken, const Place& place, int slot) {
  held_.push_back(taken.owner);
  if (taken.array.size == 0) return;
  const char* begin = taken.array.as<char>();
  list.push_back({begin, begin + taken.array.size * width(taken.array.dtype),
                  static_cast<std::uint32_t>(place.part), static_cast<std::uint32_t>(place.i),
                  slot});
}

std::string Batch::text(const Extent& extent) const {
  const Place place{extent.part, extent.i};
  return extent.slot < 0
             ? parameter_name(place)
             : state_name(place,
                          part(place).rule->state_names[static_cast<std::size_t>(extent.slot)]);
}

void Batch::refuse_shared_memory() {
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
    const auto next =
        std::lower_bound(sorted_.begin(), sorted_.end(), read.end,
                         [](const Extent& extent, const char* end) { return extent.begin < end; });
    if (next != sorted_.begin() && (next - 1)->end > read.begin)
      refuse(gradient_name({read.part, read.i}), text(*(next - 1)));
  }
}

void Batch::refuse_non_finite(const Place& place) const {
  const std::string name = gradient_name(place);
  py::object gradient = part(place).grads[place.i];
  if (py::cast<bool>(py::getattr(gradient, "is_sparse", py::bool_(false))))
    gradient = gradient.attr("coalesce")().attr("values")().attr("contiguous")();
  const std::initializer_list<Dtype> allowed = {Dtype::float32, Dtype::float64, Dtype::bfloat16,
                                                Dtype::float16};
  const Taken given = home_->taken(gradient, name, allowed);
  check_finite(home_->shown(given.array).array, name);
  // It was finite when it was looked at again: another thread is writing to it.
  throw py::value_error(name + ": changed during the step, expected an array that stands still");
}

}  // namespace saddlescape::bind
