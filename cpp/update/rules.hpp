// What the passes know of a rule besides its name.
#pragma once

#include <algorithm>
#include <cstdint>

#include "update/step.hpp"

namespace saddlescape::update {

// A rule's struct for one step, as the bytes that its kernel takes.
struct Folded {
  alignas(8) unsigned char bytes[128];
};

// Folds options for step t. `kernel`: index in SADDLESCAPE_KERNEL_LIST.
Folded fold(int kernel, Real real, const Options& options, std::int64_t t);

// The last fold, kept: tensors of a group mostly share it.
class Folds {
 public:
  const void* of(int kernel, const Group& group, const Tensor& tensor) {
    const Real real = real_of(tensor.parameter_type);
    const bool same = kernel == kernel_ && &group == group_ && real == real_ &&
                      tensor.steps == steps_ && tensor.trust == trust_ &&
                      std::equal(tensor.carried, tensor.carried + max_carried, carried_);
    if (!same) {
      Options options = group.options;
      options.trust = trust_ = tensor.trust;
      std::copy_n(tensor.carried, max_carried, carried_);
      std::copy_n(tensor.carried, max_carried, options.carried);
      kernel_ = kernel;
      group_ = &group;
      real_ = real;
      steps_ = tensor.steps;
      folded_ = fold(kernel, real, options, tensor.steps);
    }
    return folded_.bytes;
  }

 private:
  Folded folded_;
  int kernel_ = -1;
  const Group* group_ = nullptr;
  Real real_ = Real::float32;
  std::int64_t steps_ = 0;
  double trust_ = 1, carried_[max_carried] = {};
};

// Brings a tensor's own numbers to step t, before the fold.
void carry(int kernel, const Options& options, std::int64_t t, double (&carried)[max_carried]);

// The factor of a tensor's update by a normed or factored rule.
double trust(const Group& group, const Tensor& tensor, double parameter_norm,
             double direction_norm);

}  // namespace saddlescape::update
