// Pairs of indices as kernels count them, and where pairs of parameters stand in a Hessian.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/host_device.hpp"

namespace saddlescape::cuda {

struct IndexPair {
  std::int64_t first, second;
};

// All (i, j), i < `one`, j < `two`; or those with i <= j < `one`; or all (i, i).
struct Pairs {
  enum class Kind { all, ordered, equal };

  Kind kind;
  std::int64_t one, two;

  static Pairs all(std::int64_t one, std::int64_t two) { return {Kind::all, one, two}; }
  static Pairs ordered(std::int64_t one) { return {Kind::ordered, one, one}; }
  static Pairs equal(std::int64_t one) { return {Kind::equal, one, one}; }

  SADDLESCAPE_HOST_DEVICE std::int64_t count() const {
    if (kind == Kind::equal) return one;
    return kind == Kind::all ? one * two : one * (one + 1) / 2;
  }
  // Where those with this first one start, of the ordered ones.
  SADDLESCAPE_HOST_DEVICE std::int64_t start(std::int64_t first) const {
    return first * one - first * (first - 1) / 2;
  }
  SADDLESCAPE_HOST_DEVICE IndexPair at(std::int64_t k) const {
    if (kind == Kind::equal) return {k, k};
    if (kind == Kind::all) return {k / two, k % two};
    // The root of start(p) = k, and what rounding makes of it put right.
    const double b = 2 * static_cast<double>(one) + 1;
    const double root = std::sqrt(b * b - 8 * static_cast<double>(k));
    auto p = static_cast<std::int64_t>((b - root) / 2);
    while (p > 0 && start(p) > k) --p;
    while (start(p + 1) <= k) ++p;
    return {p, p + k - start(p)};
  }
};

// Where a layer's parameters stand among those of a Hessian: W (units, inputs), then b (units,).
struct Place {
  std::int64_t offset, units, inputs;

  // Of the weight from `from` to `unit`; the bias comes last.
  SADDLESCAPE_HOST_DEVICE std::int64_t of(std::int64_t unit, std::int64_t from) const {
    return from < inputs ? offset + unit * inputs + from : offset + units * inputs + unit;
  }
  // (unit, from) of a number that stands there.
  SADDLESCAPE_HOST_DEVICE IndexPair at(std::int64_t place) const {
    const std::int64_t k = place - offset, weights = units * inputs;
    if (k < weights) return {k / inputs, k % inputs};
    return {k - weights, inputs};
  }
};

}  // namespace saddlescape::cuda
