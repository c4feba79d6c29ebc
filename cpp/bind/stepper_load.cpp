// A state from elsewhere: what should not be in one is refused by name before anything is taken.
#include <algorithm>

#include "bind/elements.hpp"
#include "bind/items.hpp"
#include "bind/stepper.hpp"
#include "bind/turn.hpp"

namespace saddlescape::bind {

void Stepper::load(const py::dict& buffers, const std::vector<std::int64_t>& steps,
                   const std::vector<Carried>& carried, std::int64_t calls, bool as_left) {
  const Turn turn(busy_);
  const auto check_count = [&](const char* what, std::size_t given) {
    if (given != tensors_.size())
      throw py::value_error(std::string(what) + ": " + std::to_string(given) +
                            " numbers, expected " + std::to_string(tensors_.size()));
  };
  check_count("steps", steps.size());
  check_count("carried", carried.size());
  for (std::size_t i = 0; i < steps.size(); ++i)
    if (steps[i] < 0 || steps[i] > calls)
      throw py::value_error(item("steps", i) + ": " + std::to_string(steps[i]) +
                            ", expected 0 to " + std::to_string(calls) + ", the number of steps");
  std::vector<std::vector<py::object>> sources;
  std::vector<Taken> incoming;  // by slot, then by tensor
  for (std::size_t s = 0; s < slots_.size(); ++s) {
    const std::string key = "state['" + slots_[s].name + "']";
    sources.push_back(items_of(buffers[slots_[s].name.c_str()], key));
    check_length(sources.back(), key);
    for (std::size_t i = 0; i < arrays_.size(); ++i) {
      const Array like = checked_array(
          buffers_[s][i], key,
          {Dtype::float32, Dtype::float64, Dtype::uint16, Dtype::uint8, Dtype::float16});
      incoming.push_back(taken_like(sources.back()[i], item(key, i), like));
      if (!as_left) check_numbers(slots_[s], i, incoming.back().array, item(key, i));
    }
  }
  for (std::size_t s = 0; s < slots_.size(); ++s)
    for (std::size_t i = 0; i < arrays_.size(); ++i)
      std::copy_n(incoming[s * arrays_.size() + i].array.as<char>(), buffers_[s][i].nbytes(),
                  static_cast<char*>(buffers_[s][i].mutable_data()));
  for (std::size_t i = 0; i < steps.size(); ++i) {
    tensors_[i].steps = steps[i];
    std::copy_n(carried[i].begin(), update::max_carried, tensors_[i].carried);
  }
  calls_ = calls;
}

void Stepper::measured(const std::vector<std::array<double, 3>>& norms, double gradient_norm,
                       double clip) {
  const Turn turn(busy_);
  if (norms.size() != tensors_.size())
    throw py::value_error("norms: " + std::to_string(norms.size()) + " rows, expected " +
                          std::to_string(tensors_.size()));
  for (std::size_t i = 0; i < norms.size(); ++i)
    tensors_[i].norms = {norms[i][0], norms[i][1], norms[i][2]};
  outcome_.gradient_norm = gradient_norm;
  outcome_.clip = clip;
}

// Numbers are finite, and scales, squares and sizes of steps at least 0. Any 8-bit code is a
// number.
void Stepper::check_numbers(const Slot& slot, std::size_t i, Array array,
                            const std::string& name) const {
  if (array.dtype == Dtype::uint8) return;
  if (array.dtype == Dtype::uint16) array.dtype = Dtype::bfloat16;  // its bits
  check_finite(array, name);
  const update::Rule& rule = *groups_[static_cast<std::size_t>(tensors_[i].group)].rule;
  bool non_negative = slot.scale;
  for (std::size_t s = 0; s < rule.state_names.size(); ++s)
    if (slot.state >= 0 && slot.name == rule.state_names[s])
      non_negative = update::is_non_negative(rule.natures[s]);
  if (non_negative) check_non_negative(array, name);
}

}  // namespace saddlescape::bind
