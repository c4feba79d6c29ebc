// The averages that batch normalisation takes at test time, moved by a batch on the device.
#pragma once

#include <cstdint>

#include "cuda/train/standing.hpp"

namespace saddlescape::cuda {

// running = momentum running + (1 - momentum) seen, `count` numbers of each; not in a step that is
// not to happen, and not where the loss or one of `seen` is not finite. Comes before the step is
// judged: the gradient has no say.
void average(const Stream& stream, const Judged& of, double momentum, const double* seen,
             std::int64_t count, double* running);

}  // namespace saddlescape::cuda
