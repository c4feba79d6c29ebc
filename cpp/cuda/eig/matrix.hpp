// A dense symmetric matrix on the device, as the dense solvers want it: looked at, scaled, and its
// symmetric part taken: S = 2^-exponent (A + A^T) / 2, its largest element in [1/2, 1).
//
// What eig/dense.hpp and eig/signs_scale.hpp do on the CPU. The matrix stays on the device; numbers
// of its rows and of its tiles come to the host, which adds them up in order.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cuda/device.hpp"
#include "eig/signs_scale.hpp"

namespace saddlescape::cuda::eig {

using saddlescape::eig::Scale;

// The largest |a_ij|: `most` and the exponent. Throws std::invalid_argument that says where a NaN
// or an infinite number is.
template <class T>
Scale scale_of(const Stream& stream, std::int64_t n, const T* a, const std::string& name = "A");

// s <- S + shift I, where s is not null. Sets the scale's asymmetry; throws std::invalid_argument,
// which says where, if it is more than rounding leaves.
template <class T>
void symmetric_part(const Stream& stream, std::int64_t n, const T* a, double shift, Scale& scale,
                    double* s, const std::string& name = "A");

// The row sums of |S|, with what adding them up may have got wrong.
std::vector<double> row_sums(const Stream& stream, std::int64_t n, const double* s);

// w <- 2^exponent w, n numbers on the device. Throws std::invalid_argument if one leaves float64's
// range.
void unscale(const Stream& stream, std::int64_t n, int exponent, double* w);

}  // namespace saddlescape::cuda::eig
