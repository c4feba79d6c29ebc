// Sums of squares whose root is right wherever a double holds it (Blue 1978, as BLAS's nrm2).
//
// float32 squares stay in a double's range. Those of float64 overflow from 1e154 on and vanish
// below 1e-162. A tile's sum is taken plainly first; only where it has left the range it is taken
// again, scaled by powers of two, which round nothing. So the usual path costs one comparison for
// each tile, and its bits are those of the plain sum.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/host_device.hpp"
#include "update/storage.hpp"

namespace saddlescape::update {

class Squares {
 public:
  // Adds what tile_squares returned.
  SADDLESCAPE_HOST_DEVICE void add(double tile) {
    if (tile >= 0)
      plain_ += tile;
    else
      add_square(-tile);
  }

  // Adds x^2.
  SADDLESCAPE_HOST_DEVICE void add_square(double x) {
    x = std::fabs(x);
    if ((x >= small && x <= big) || x == 0)
      plain_ += x * x;
    else if (x < small)
      small_ += (x * up) * (x * up);
    else  // a NaN too
      big_ += (x * down) * (x * down);
  }

  SADDLESCAPE_HOST_DEVICE void add(const Squares& other) {
    plain_ += other.plain_;
    small_ += other.small_;
    big_ += other.big_;
  }

  // Infinite only where the root itself is.
  SADDLESCAPE_HOST_DEVICE double norm() const {
    if (big_ != 0) return std::sqrt(big_ + plain_ * down * down) * up;
    // Beside a larger plain_ the small ones are below a unit in its last place.
    if (small_ != 0 && plain_ < 0x1p-700) return std::sqrt(small_ + plain_ * up * up) * down;
    return std::sqrt(plain_);
  }

 private:
  static constexpr double small = 0x1p-480, big = 0x1p450;  // their squares are far from the ends
  static constexpr double up = 0x1p600, down = 0x1p-600;
  double plain_ = 0, small_ = 0, big_ = 0;
};

// True where a tile's plain sum is to be trusted. The ends leave room for the sum over 2^100 tiles,
// and for the squares that were lost beside one of 2^-960.
SADDLESCAPE_HOST_DEVICE inline bool in_range(double sum) {
  return sum >= 0x1p-960 && sum <= 0x1p900;
}

// `sum` of the squares of x - y (of x where y is null), or where it may have left the range minus
// their norm.
SADDLESCAPE_HOST_DEVICE inline double tile_squares(double sum, Real real, const void* x,
                                                   const void* y, std::int64_t n) {
  if (real == Real::float32 || in_range(sum)) return sum;
  const auto* a = static_cast<const double*>(x);
  const auto* b = static_cast<const double*>(y);
  Squares squares;
  for (std::int64_t i = 0; i < n; ++i) squares.add_square(b ? a[i] - b[i] : a[i]);
  return -squares.norm();
}

}  // namespace saddlescape::update
