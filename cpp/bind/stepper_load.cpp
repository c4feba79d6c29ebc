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
  home_->begin(py::none());
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
      const Array like = home_->array(buffers_[s][i]);
      incoming.push_back(home_->incoming(sources.back()[i], item(key, i), like));
      if (!as_left) check_numbers(slots_[s], i, incoming.back().array, item(key, i));
    }
  }
  for (std::size_t s = 0; s < slots_.size(); ++s)
    for (std::size_t i = 0; i < arrays_.size(); ++i)
      home_->receive(home_->array(buffers_[s][i]).data, incoming[s * arrays_.size() + i].array);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    tensors_[i].steps = steps[i];
    std::copy_n(carried[i].begin(), update::max_carried, tensors_[i].carried);
  }
  calls_ = calls;
  ++changes_;
  home_->end();
}

void Stepper::put(const std::string& buffer, const py::list& rows, const std::string& argument) {
  const Turn turn(busy_);
  home_->begin(py::none());
  std::size_t s = 0;
  while (slots_.at(s).name != buffer) ++s;
  std::vector<Taken> given(tensors_.size());
  std::vector<update::Tensor> looked_at = tensors_;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const py::object row = rows[i];
    if (row.is_none()) continue;
    given[i] = home_->incoming(row, name(argument.c_str(), i), home_->array(buffers_[s][i]));
    const Array& array = given[i].array;
    // What the device holds it looks at itself.
    if (array.device < 0) check_finite(array, name(argument.c_str(), i));
    if (array.device >= 0) looked_at[i].gradient = array.data;
    looked_at[i].gradient_type = element_of(array.dtype);
  }
  const update::Seen seen = home_->look(groups_.data(), looked_at.data(), count(), {});
  if (seen.non_finite >= 0) {
    const auto i = static_cast<std::size_t>(seen.non_finite);
    check_finite(home_->shown(given[i].array).array, name(argument.c_str(), i));
  }
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (given[i].owner)
      home_->receive(home_->array(buffers_[s][i]).data, given[i].array);
    else
      home_->fill(buffers_[s][i], py::int_(0));
  }
  home_->end();
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
  const Taken shown = home_->shown(array);
  array = shown.array;
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
