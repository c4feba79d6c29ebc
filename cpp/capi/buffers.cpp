// The arrays that an optimizer keeps beside the caller's parameters, and how a caller gets at them.
#include <algorithm>
#include <cmath>
#include <new>

#include "capi/optimizer.hpp"
#include "update/fill.hpp"

namespace saddlescape::capi {
namespace {

using update::Element;

constexpr std::int64_t line_bytes = 64;  // every array starts at a cache line

void check_index(const char* name, std::int64_t i, std::int64_t count) {
  if (i < 0 || i >= count)
    throw std::invalid_argument(std::string(name) + ": " + std::to_string(i) + ", expected 0 to " +
                                std::to_string(count - 1));
}

}  // namespace

void* Optimizer::memory(Element type, std::int64_t size, const std::string& name) {
  const std::int64_t bytes = size * update::width(type);
  const std::int64_t lines = std::max<std::int64_t>(1, (bytes + line_bytes - 1) / line_bytes);
  memory_.emplace_back(
      std::aligned_alloc(line_bytes, static_cast<std::size_t>(lines * line_bytes)));
  void* data = memory_.back().get();
  if (!data) throw std::bad_alloc();
  regions_.add(data, bytes, "the optimizer's " + name);
  return data;
}

void Optimizer::add_buffers(update::Tensor& tensor, std::int64_t i, double fill) {
  const std::string number = "[" + std::to_string(i) + "]";
  for (std::int64_t s = 0; s < states(); ++s) add_state(tensor, i, s, fill);
  if (averaging_.kind != update::Averaging::Kind::none) {
    tensor.average = memory(computed(), tensor.size, "average" + number);
    start_from_parameters(tensor, tensor.average);
  }
  if (!layout_.master_weights) return;
  void* master = memory(Element::float32, tensor.size, "master weights" + number);
  start_from_parameters(tensor, master);
  tensor.copy = tensor.parameters;
  tensor.copy_type = tensor.parameter_type;
  tensor.parameters = master;
  tensor.parameter_type = Element::float32;
}

void Optimizer::add_state(update::Tensor& tensor, std::int64_t i, std::int64_t state, double fill) {
  const std::string name = std::string(state_name(state)) + "[" + std::to_string(i) + "]";
  tensor.state[state] = memory(layout_.states, tensor.size, name);
  if (layout_.states == Element::block8)
    tensor.scales[state] = static_cast<float*>(
        memory(Element::float32, update::block_count(tensor.size), "scales of " + name));
  update::fill_state(layout_.states, tensor.state[state], tensor.scales[state], tensor.size, fill);
}

// Before its first step the tensor's parameters are the caller's.
void Optimizer::start_from_parameters(const update::Tensor& tensor, void* out) const {
  if (tensor.parameter_type == computed())
    std::copy_n(static_cast<const char*>(tensor.parameters),
                tensor.size * update::width(tensor.parameter_type), static_cast<char*>(out));
  else
    update::widen(tensor.parameter_type, tensor.parameters, tensor.size, static_cast<float*>(out));
}

const char* Optimizer::state_name(std::int64_t state) const {
  check_index("state", state, states());
  return rule().state_names[static_cast<std::size_t>(state)].c_str();
}

Numbers Optimizer::state(std::int64_t i, std::int64_t state) const {
  const update::Tensor& owner = tensor(i);
  check_index("state", state, states());
  return {owner.state[state], owner.size};
}

Numbers Optimizer::scales(std::int64_t i, std::int64_t state) const {
  const update::Tensor& owner = tensor(i);
  check_index("state", state, states());
  if (layout_.states != Element::block8)
    throw std::invalid_argument(
        "optimizer: its states have no scales, expected one with "
        "SADDLESCAPE_STATES_8BIT");
  return {owner.scales[state], update::block_count(owner.size)};
}

Numbers Optimizer::master_weights(std::int64_t i) const {
  const update::Tensor& owner = tensor(i);
  if (!layout_.master_weights)
    throw std::invalid_argument(
        "optimizer: has no master weights, expected one with "
        "settings.master_weights");
  return {owner.parameters, owner.size};
}

Numbers Optimizer::average(std::int64_t i) const {
  const update::Tensor& owner = tensor(i);
  if (averaging_.kind == update::Averaging::Kind::none)
    throw std::invalid_argument("optimizer: has no average, expected one with settings.average");
  return {owner.average, owner.size};
}

void Optimizer::set_steps(std::int64_t i, std::int64_t steps) {
  const Turn turn(busy_);
  const std::size_t index = checked_tensor(i);
  if (steps < 0)
    throw std::invalid_argument("steps: " + std::to_string(steps) + ", expected at least 0");
  tensors_[index].steps = steps;
}

void Optimizer::set_carried(std::int64_t i, const double* carried) {
  const Turn turn(busy_);
  const std::size_t index = checked_tensor(i);
  for (std::int64_t k = 0; k < update::max_carried; ++k)
    if (!(std::isfinite(carried[k]) && carried[k] >= 0))
      throw std::invalid_argument("carried[" + std::to_string(k) + "]: " +
                                  std::to_string(carried[k]) + ", expected a finite number >= 0");
  std::copy_n(carried, update::max_carried, tensors_[index].carried);
}

void Optimizer::set_calls(std::int64_t calls) {
  const Turn turn(busy_);
  if (calls < 0)
    throw std::invalid_argument("calls: " + std::to_string(calls) + ", expected at least 0");
  calls_ = calls;
}

std::size_t Optimizer::checked_tensor(std::int64_t i) const {
  check_index("tensor", i, static_cast<std::int64_t>(tensors_.size()));
  return static_cast<std::size_t>(i);
}

std::size_t Optimizer::checked_group(std::int64_t i) const {
  check_index("group", i, static_cast<std::int64_t>(groups_.size()));
  return static_cast<std::size_t>(i);
}

}  // namespace saddlescape::capi
