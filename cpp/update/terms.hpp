// Terms that several update rules share, on scalars.
//
// This header and every rule that includes it is compiled once for each instruction set. All of it
// has internal linkage and nothing comes from std::, so that the linker can't take a function that
// was compiled for AVX-512 and give it to an older CPU.
#pragma once

#include <cstdint>

#include "update/options.hpp"

namespace saddlescape::update {
namespace {

constexpr int max_states = 2;

inline float root(float x) { return __builtin_sqrtf(x); }
inline double root(double x) { return __builtin_sqrt(x); }

// a / b, and 0 where b is 0: with eps = 0 a parameter that has seen no gradient stays where it is.
// PyTorch has 0/0 = NaN there.
template <class T>
inline T ratio(T a, T b) {
  return b == T(0) ? T(0) : a / b;
}

// The gradient that a rule sees: g <- s g + wd p, with s = -1 to maximize.
template <class T>
struct Gradient {
  T sign, weight_decay;

  static Gradient fold(const Options& o) {
    return {o.maximize ? T(-1) : T(1), static_cast<T>(o.weight_decay)};
  }
  T operator()(T g, T p) const { return sign * g + weight_decay * p; }
};

// An exponential moving average: m <- beta m + (1 - beta) x.
//
// 1 - beta is taken of the beta that T holds, so the two weights add up to exactly 1. PyTorch
// rounds beta and 1 - beta each for itself; in float32 with beta = 0.999 the average then settles
// 1.3e-5 beside the mean of x.
template <class T>
struct Average {
  T decay, gain;

  static Average fold(double beta) {
    const T decay = static_cast<T>(beta);
    return {decay, static_cast<T>(1.0 - static_cast<double>(decay))};
  }
  // The sum of the weights after t steps from zero: 1 - beta^t.
  double correction(std::int64_t t) const {
    return 1.0 - __builtin_pow(static_cast<double>(decay), static_cast<double>(t));
  }
  T operator()(T m, T x) const { return decay * m + gain * x; }
};

}  // namespace
}  // namespace saddlescape::update
