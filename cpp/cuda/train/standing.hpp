// Where a burst of training steps stands, on the device: a step is judged there, and one after it
// knows that it is not to happen, so that the host needs to hear of neither before the burst is
// over.
//
//   gradient; judge: loss and norm into the record, and on or stop
//   keep: theta before the step; the step, unless stopped; arrive: how far it went
//
// What stopped it is step `step`: its loss or its gradient was not finite, and it has moved
// nothing, or what it `moved` is not finite any more.
#pragma once

#include <cstdint>

#include "cuda/device.hpp"
#include "cuda/table.hpp"
#include "train/measure.hpp"

namespace saddlescape::cuda {

struct Standing {
  double last_norm;            // of the last gradient that was finite
  double gradient_norm, clip;  // the optimizer's, of the last step that happened
  std::int64_t step;
  std::int32_t stopped, moved;
};

// What the sums of a step find out.
struct StepSums {
  double loss, gradient_square, gradient_product, absolute, weight_square, move, outside;
};

// One of a burst's steps; all pointers are the device's.
struct Judged {
  std::int64_t step;
  const StepSums* sums;
  Standing* standing;
  double* record;  // train::record_width numbers
};

// The record's loss, gradient norm and cosine; `has_last`: whether gradient_product is one.
void judge(const Stream& stream, const Judged& of, const train::Penalty& penalty, bool has_last);

// before <- theta; where this step stopped the burst, or the one before it did when it had moved,
// kept <- last instead, if there is one: the gradient that the next step would have looked back at.
template <class T>
void keep(const Stream& stream, const Judged& of, const T* theta, const T* last, std::int64_t n,
          T* before, T* kept);

// The record's length of the step; `control`: of the optimizer's step.
void arrive(const Stream& stream, const Judged& of, const Control* control);

}  // namespace saddlescape::cuda
