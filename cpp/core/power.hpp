// x^n for a whole n >= 0, of 0 <= x <= 1, rounded as if it had been exact in all but one of a
// million cases: squares and products of pairs (high, low) whose sum has 106 bits.
//
// A device's pow may be two units in the last place beside the host's. This one needs products,
// sums and fma alone, which are the same everywhere.
#pragma once

#include <cstdint>

#include "core/host_device.hpp"

namespace saddlescape::power {
namespace {

struct Pair {
  double high, low;
};

// Dekker 1971: the product of two pairs, with a relative error below 2^-101.
SADDLESCAPE_HOST_DEVICE inline Pair product(const Pair& a, const Pair& b) {
  const double high = a.high * b.high;
  const double low = __builtin_fma(a.high, b.high, -high) + (a.high * b.low + a.low * b.high);
  const double sum = high + low;
  return {sum, low - (sum - high)};
}

SADDLESCAPE_HOST_DEVICE inline double whole_power(double x, std::int64_t n) {
  Pair result{1, 0}, square{x, 0};
  for (; n > 0; n /= 2) {
    if (n % 2 != 0) result = product(result, square);
    square = product(square, square);
  }
  return result.high + result.low;
}

}  // namespace
}  // namespace saddlescape::power
