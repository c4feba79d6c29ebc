// The look for NaN and infinite gradients inside the region that steps: nobody moves a parameter
// before all gradients were looked at.
//
// A gradient that overflows when it is unscaled is infinite too, clamped or not.
//
// The gradients are cut into chunks that threads claim. Who finds none left waits for those that
// others have begun, never for a thread that has not come: it can't wait for ever.
#pragma once

#include <atomic>
#include <cstdint>

#include "update/step.hpp"

namespace saddlescape::update {

class Check {
 public:
  // `unscale`: what they will be multiplied by.
  Check(const Tensor* tensors, std::int64_t count, double unscale);

  // True if all gradients are finite. `at` in [0, 1): where in the row the caller will go on, so
  // that it looks at its own part first and finds it in its cache again.
  bool pass(double at);

  // The first tensor with a gradient that is not finite, or -1; once `pass` has returned.
  std::int64_t first() const;

 private:
  static constexpr int most = 64;

  void look(int chunk);
  bool finite(const Tensor& tensor, std::int64_t from, std::int64_t to) const;

  const Tensor* tensors_;
  std::int64_t count_, lines_ = 0;
  Around unscaled_;
  int chunks_;
  std::atomic<bool> claimed_[most] = {};
  std::atomic<int> looked_{0};
  std::atomic<std::int64_t> first_;
};

}  // namespace saddlescape::update
