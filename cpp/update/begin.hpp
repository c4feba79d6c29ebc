// How a step over a list of tensors begins, and how it is taken back where it must not happen.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "core/host_device.hpp"
#include "update/rules.hpp"
#include "update/squares.hpp"
#include "update/step.hpp"

namespace saddlescape::update {

inline bool clips(const Around& around) {
  return around.clip_norm < std::numeric_limits<double>::infinity();
}

inline bool clamps(const Around& around) {
  return around.clip_value < std::numeric_limits<double>::infinity();
}

// 1 at most. PyTorch's clip_grad_norm_ adds the same 1e-6.
SADDLESCAPE_HOST_DEVICE inline double clip_factor(double norm, double limit) {
  const double factor = limit / (norm + 1e-6);
  return factor < 1.0 ? factor : 1.0;
}

inline void begin_steps(const Group* groups, Tensor* tensors, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    Tensor& tensor = tensors[i];
    if (!tensor.gradient) continue;
    const Group& group = groups[tensor.group];
    std::copy_n(tensor.carried, max_carried, tensor.before);
    carry(group.rule->kernel, group.options, ++tensor.steps, tensor.carried);
  }
}

inline void take_back(Tensor* tensors, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    if (!tensors[i].gradient) continue;
    --tensors[i].steps;
    std::copy_n(tensors[i].before, max_carried, tensors[i].carried);
  }
}

// Of all gradients together, from the norm of each; a tensor without one has no norms.
inline double total_norm(Tensor* tensors, std::int64_t count) {
  Squares sum;
  for (std::int64_t i = 0; i < count; ++i) {
    if (!tensors[i].gradient) tensors[i].norms = {};
    sum.add_square(tensors[i].norms.gradient);
  }
  return sum.norm();
}

}  // namespace saddlescape::update
