// What a training step on the device is told by: sums over tiles of a fixed size, in float64 and
// added in order, so that the bits are the same on each run.
#pragma once

#include <cstdint>

#include "cuda/device.hpp"
#include "train/measure.hpp"

namespace saddlescape::cuda {

// Numbers that `partial` needs for arrays of n.
std::int64_t partial_sums(std::int64_t n);

// out[0] = sum g^2, out[1] = sum g last / |last|, whose norm is *last_norm on the device. `last`
// may be null: then out[1] means nothing.
template <class T>
void squares_and_product(const Stream& stream, const T* g, const T* last, const double* last_norm,
                         std::int64_t n, double* partial, double* out);

// out[0] = sum (theta - before)^2, out[1] = how many of theta are not finite.
template <class T>
void squared_differences(const Stream& stream, const T* theta, const T* before, std::int64_t n,
                         double* partial, double* out);

// Adds the penalty's gradient on the weights w, l1 sign(w) + l2 w, to g; out[0] = sum |w|,
// out[1] = sum w^2, or with `add` they gain that.
template <class T>
void penalise(const Stream& stream, const T* w, std::int64_t n, const train::Penalty& penalty, T* g,
              double* partial, double* out, bool add);

}  // namespace saddlescape::cuda
