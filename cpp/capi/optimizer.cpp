#include "capi/optimizer.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

namespace saddlescape::capi {
namespace {

using update::Element;

constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max() / 16;

std::string item(const std::string& list, std::int64_t i) {
  return list + "[" + std::to_string(i) + "]";
}

std::string item_at(const std::string& name, std::int64_t i) {
  return name + ": element " + std::to_string(i) + " is ";
}

std::string shown(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", number);
  return text;
}

double number_at(Element type, const void* data, std::int64_t i) {
  if (type == Element::float64) return static_cast<const double*>(data)[i];
  if (type == Element::float32) return static_cast<double>(static_cast<const float*>(data)[i]);
  float wide;
  update::widen(type, static_cast<const char*>(data) + i * update::width(type), 1, &wide);
  return static_cast<double>(wide);
}

// name() is only asked when something is refused: a step allocates nothing.
template <class Name>
void check_pointer(const Name& name, const void* data, std::int64_t size, Element type) {
  if (size > 0 && !data)
    throw std::invalid_argument(name() + ": NULL, expected " + std::to_string(size) + " numbers");
  const auto width = static_cast<std::uintptr_t>(update::width(type));
  if (reinterpret_cast<std::uintptr_t>(data) % width != 0)
    throw std::invalid_argument(name() +
                                ": misaligned, expected an address that is a multiple of " +
                                std::to_string(width));
}

double unscale_of(double grad_scale) {
  if (!(std::isfinite(grad_scale) && grad_scale > 0))
    throw std::invalid_argument("grad_scale: " + shown(grad_scale) +
                                ", expected a finite number > 0");
  return 1 / grad_scale;
}

}  // namespace

Optimizer::Turn::Turn(std::atomic_flag& busy) : busy_(busy) {
  if (busy_.test_and_set())
    throw Busy("optimizer: at work on another thread, expected one caller at a time");
}

Optimizer::Optimizer(const update::Rule& rule, const std::vector<Source>& groups,
                     const saddlescape_settings& settings)
    : layout_(layout_of(settings)), averaging_(averaging_of(settings)) {
  apply(settings, around_);
  around_.check_finite = groups[0].options.allow_non_finite == 0;
  for (const Source& source : groups) {
    groups_.push_back({&rule, core_options(source.options)});
    add(source, static_cast<int>(groups_.size()) - 1);
  }
  if (around_.check_finite) {
    // Each step sets all of these anew.
    for (update::Tensor& tensor : tensors_) {
      tensor.gradient = tensor.parameters;
      tensor.gradient_type = tensor.parameter_type;
    }
    const auto bad =
        update::first_non_finite(tensors_.data(), static_cast<std::int64_t>(tensors_.size()));
    if (bad >= 0)
      refuse_non_finite(names_[static_cast<std::size_t>(bad)],
                        tensors_[static_cast<std::size_t>(bad)]);
  }
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const auto group = static_cast<std::size_t>(tensors_[i].group);
    add_buffers(tensors_[i], static_cast<std::int64_t>(i),
                groups[group].options.initial_accumulator_value);
  }
}

void Optimizer::add(const Source& source, int group) {
  for (std::int64_t i = 0; i < source.count; ++i)
    add(source.tensors[i], group, item(source.name, i));
}

void Optimizer::add(const saddlescape_tensor& source, int group, const std::string& name) {
  if (source.size < 0 || source.size > largest)
    throw std::invalid_argument(name + ".size: " + std::to_string(source.size) +
                                ", expected 0 to " + std::to_string(largest));
  check_pointer([&] { return name; }, source.parameters, source.size, layout_.parameters);
  regions_.add(source.parameters, source.size * update::width(layout_.parameters), name);
  update::Tensor tensor;
  tensor.size = source.size;
  tensor.group = group;
  tensor.parameters = source.parameters;
  tensor.parameter_type = layout_.parameters;
  tensor.state_type = layout_.states;
  tensors_.push_back(tensor);
  names_.push_back(name);
}

// `tensor.gradient` holds something that is not finite, as it is or once it is unscaled.
void Optimizer::refuse_non_finite(const std::string& name, const update::Tensor& tensor) const {
  const std::string expected = ", expected finite numbers";
  for (std::int64_t i = 0; i < tensor.size; ++i) {
    const double number = number_at(tensor.gradient_type, tensor.gradient, i);
    if (!std::isfinite(number))
      throw NotFinite(item_at(name, i) + std::to_string(number) + expected);
  }
  if (around_.unscale > 1)
    throw NotFinite(name + ": infinite once divided by grad_scale (multiplied by " +
                    shown(around_.unscale) + ")" + expected);
  // Another thread is writing to it.
  throw NotFinite(name + ": changed while it was looked at" + expected);
}

void Optimizer::take(const void* const* gradients, std::int64_t count) {
  const auto expected = static_cast<std::int64_t>(tensors_.size());
  if (count != expected)
    throw std::invalid_argument("count: " + std::to_string(count) + ", expected " +
                                std::to_string(expected) + ", one gradient for each tensor");
  const Element type = layout_.gradients;
  for (std::int64_t i = 0; i < count; ++i) {
    if (!gradients[i]) continue;
    const std::int64_t size = tensors_[static_cast<std::size_t>(i)].size;
    check_pointer([&] { return item("gradients", i); }, gradients[i], size, type);
    if (const Region* other = regions_.overlapping(gradients[i], size * update::width(type)))
      Regions::refuse(item("gradients", i), *other);
  }
  for (std::int64_t i = 0; i < count; ++i) {
    update::Tensor& tensor = tensors_[static_cast<std::size_t>(i)];
    tensor.gradient = gradients[i];
    tensor.gradient_type = type;
  }
}

void Optimizer::step(const void* const* gradients, std::int64_t count, double grad_scale) {
  const Turn turn(busy_);
  const double unscale = unscale_of(grad_scale);
  take(gradients, count);
  around_.unscale = unscale;
  around_.average_weight = averaging_.weight(calls_ + 1);
  const update::Outcome outcome =
      update::step(groups_.data(), tensors_.data(), count, around_, workspace_);
  if (outcome.non_finite >= 0)
    refuse_non_finite(item("gradients", outcome.non_finite),
                      tensors_[static_cast<std::size_t>(outcome.non_finite)]);
  last_ = outcome;
  ++calls_;
}

void Optimizer::set_lr(double lr) {
  const Turn turn(busy_);
  check_lr(lr);
  for (update::Group& group : groups_) group.options.lr = lr;
}

void Optimizer::set_lr(std::int64_t group, double lr) {
  const Turn turn(busy_);
  const std::size_t k = checked_group(group);
  check_lr(lr);
  groups_[k].options.lr = lr;
}

}  // namespace saddlescape::capi
