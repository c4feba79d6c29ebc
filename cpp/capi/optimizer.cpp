#include "capi/optimizer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <string>

namespace saddlescape::capi {
namespace {

constexpr std::int64_t line_bytes = 64;  // states start at a cache line
constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max() / 16;

std::string item(const std::string& list, std::int64_t i) {
  return list + "[" + std::to_string(i) + "]";
}

void check_index(const char* name, std::int64_t i, std::int64_t count) {
  if (i < 0 || i >= count)
    throw std::invalid_argument(std::string(name) + ": " + std::to_string(i) + ", expected 0 to " +
                                std::to_string(count - 1));
}

// "element 17 is nan"
template <class T>
std::string first_bad(const void* data, std::int64_t size) {
  const T* x = static_cast<const T*>(data);
  for (std::int64_t i = 0; i < size; ++i)
    if (!std::isfinite(x[i])) return "element " + std::to_string(i) + " is " + std::to_string(x[i]);
  return "changed while it was looked at";  // another thread is writing to it
}

}  // namespace

Optimizer::Turn::Turn(std::atomic_flag& busy) : busy_(busy) {
  if (busy_.test_and_set())
    throw Busy("optimizer: at work on another thread, expected one caller at a time");
}

Optimizer::Optimizer(const update::Rule& rule, const saddlescape_options& options,
                     update::Element type, const saddlescape_tensor* tensors, std::int64_t count)
    : group_{&rule, core_options(options)},
      type_(type),
      allow_non_finite_(options.allow_non_finite != 0) {
  around_.check_finite = !allow_non_finite_;
  for (std::int64_t i = 0; i < count; ++i) add(tensors[i], i);
  if (!allow_non_finite_) {
    // Each step sets all of these anew.
    for (update::Tensor& tensor : tensors_) tensor.gradient = tensor.parameters;
    refuse_non_finite("tensors", update::first_non_finite(tensors_.data(), count));
  }
  for (std::int64_t i = 0; i < count; ++i) add_states(i, options.initial_accumulator_value);
}

void Optimizer::add(const saddlescape_tensor& source, std::int64_t i) {
  if (source.size < 0 || source.size > largest)
    throw std::invalid_argument(item("tensors", i) + ".size: " + std::to_string(source.size) +
                                ", expected 0 to " + std::to_string(largest));
  check_pointer("tensors", i, source.parameters, source.size);
  regions_.add(source.parameters, bytes(source.size), item("tensors", i));
  update::Tensor tensor;
  tensor.size = source.size;
  tensor.parameters = source.parameters;
  tensor.parameter_type = tensor.gradient_type = tensor.state_type = type_;
  tensors_.push_back(tensor);
}

void Optimizer::add_states(std::int64_t i, double fill) {
  update::Tensor& tensor = tensors_[static_cast<std::size_t>(i)];
  const std::int64_t lines = std::max<std::int64_t>(1, (bytes(tensor.size) - 1) / line_bytes + 1);
  for (std::int64_t s = 0; s < states(); ++s) {
    memory_.emplace_back(
        std::aligned_alloc(line_bytes, static_cast<std::size_t>(lines) * line_bytes));
    void* memory = memory_.back().get();
    if (!memory) throw std::bad_alloc();
    if (type_ == update::Element::float32)
      std::fill_n(static_cast<float*>(memory), tensor.size, static_cast<float>(fill));
    else
      std::fill_n(static_cast<double*>(memory), tensor.size, fill);
    regions_.add(memory, bytes(tensor.size), "the optimizer's " + item(state_name(s), i));
    tensor.state[s] = memory;
  }
}

void Optimizer::check_pointer(const char* list, std::int64_t i, const void* data,
                              std::int64_t size) const {
  if (size > 0 && !data)
    throw std::invalid_argument(item(list, i) + ": NULL, expected " + std::to_string(size) +
                                " numbers");
  const auto width = static_cast<std::uintptr_t>(bytes(1));
  if (reinterpret_cast<std::uintptr_t>(data) % width != 0)
    throw std::invalid_argument(item(list, i) + ": misaligned, expected an address that is a " +
                                "multiple of " + std::to_string(width));
}

void Optimizer::refuse_non_finite(const char* list, std::int64_t bad) const {
  if (bad < 0) return;
  const update::Tensor& tensor = tensors_[static_cast<std::size_t>(bad)];
  throw NotFinite(item(list, bad) + ": " +
                  (type_ == update::Element::float32
                       ? first_bad<float>(tensor.gradient, tensor.size)
                       : first_bad<double>(tensor.gradient, tensor.size)) +
                  ", expected finite numbers");
}

void Optimizer::step(const void* const* gradients, std::int64_t count) {
  const Turn turn(busy_);
  const auto expected = static_cast<std::int64_t>(tensors_.size());
  if (count != expected)
    throw std::invalid_argument("count: " + std::to_string(count) + ", expected " +
                                std::to_string(expected) + ", one gradient for each tensor");
  for (std::int64_t i = 0; i < count; ++i) {
    if (!gradients[i]) continue;
    const std::int64_t size = tensors_[static_cast<std::size_t>(i)].size;
    check_pointer("gradients", i, gradients[i], size);
    if (const Region* other = regions_.overlapping(gradients[i], bytes(size)))
      Regions::refuse(item("gradients", i), *other);
  }
  for (std::int64_t i = 0; i < count; ++i)
    tensors_[static_cast<std::size_t>(i)].gradient = gradients[i];
  const update::Outcome outcome =
      update::step(&group_, tensors_.data(), count, around_, workspace_);
  refuse_non_finite("gradients", outcome.non_finite);
}

void Optimizer::set_lr(double lr) {
  const Turn turn(busy_);
  check_lr(lr);
  group_.options.lr = lr;
}

const char* Optimizer::state_name(std::int64_t state) const {
  check_index("state", state, states());
  return group_.rule->state_names[static_cast<std::size_t>(state)].c_str();
}

void* Optimizer::state(std::int64_t i, std::int64_t state) const {
  const update::Tensor& owner = tensor(i);
  check_index("state", state, states());
  return owner.state[state];
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
      throw std::invalid_argument(item("carried", k) + ": " + std::to_string(carried[k]) +
                                  ", expected a finite number >= 0");
  std::copy_n(carried, update::max_carried, tensors_[index].carried);
}

std::size_t Optimizer::checked_tensor(std::int64_t i) const {
  check_index("tensor", i, static_cast<std::int64_t>(tensors_.size()));
  return static_cast<std::size_t>(i);
}

}  // namespace saddlescape::capi
