// Terms that several update rules share, on scalars.
//
// This header and every rule that includes it is compiled once for each instruction set. All of it
// has internal linkage and nothing comes from std::, so that the linker can't take a function that
// was compiled for AVX-512 and give it to an older CPU.
#pragma once

#include <cstdint>

#include "core/host_device.hpp"
#include "core/power.hpp"
#include "update/options.hpp"
#include "update/storage.hpp"

namespace saddlescape::update {
namespace {

SADDLESCAPE_HOST_DEVICE inline float root(float x) { return __builtin_sqrtf(x); }
SADDLESCAPE_HOST_DEVICE inline double root(double x) { return __builtin_sqrt(x); }

// a / b, and 0 where b is 0: with eps = 0 a parameter that has seen no gradient stays where it is.
// PyTorch has 0/0 = NaN there.
template <class T>
SADDLESCAPE_HOST_DEVICE inline T ratio(T a, T b) {
  return b == T(0) ? T(0) : a / b;
}

SADDLESCAPE_HOST_DEVICE inline float magnitude(float x) { return __builtin_fabsf(x); }
SADDLESCAPE_HOST_DEVICE inline double magnitude(double x) { return __builtin_fabs(x); }

// x^t of a weight x after t steps.
SADDLESCAPE_HOST_DEVICE inline double power_of(double x, std::int64_t t) {
#if defined(__CUDA_ARCH__)
  return power::whole_power(x, t);
#else
  return __builtin_pow(x, static_cast<double>(t));
#endif
}

// The larger of the two, and b where a is NaN.
template <class T>
SADDLESCAPE_HOST_DEVICE inline T larger(T a, T b) {
  return a > b ? a : b;
}

// 1, -1, and x itself where it is a zero or NaN: a zero moves nothing, a NaN shows.
template <class T>
SADDLESCAPE_HOST_DEVICE inline T sign(T x) {
  return x > T(0) ? T(1) : x < T(0) ? T(-1) : x;
}

// The gradient that a rule sees: g <- s g + wd p, with s = -1 to maximize.
template <class T>
struct Gradient {
  T sign, weight_decay;

  SADDLESCAPE_HOST_DEVICE static Gradient fold(const Options& o) {
    return {o.maximize ? T(-1) : T(1), o.decoupled ? T(0) : static_cast<T>(o.weight_decay)};
  }
  SADDLESCAPE_HOST_DEVICE T operator()(T g, T p) const { return sign * g + weight_decay * p; }
};

// Decoupled weight decay (Loshchilov & Hutter 2019): what it takes from p, past the gradient and
// its averages. The paper's algorithm 2 multiplies wd by the schedule alone; PyTorch, Keras and
// Optax by all of lr.
//
// PyTorch multiplies p by 1 - lr wd and then subtracts the update. In float32 that factor is
// rounded by up to 3e-8, the same way in every step: 3e-3 of the decay with lr wd = 1e-5. Here lr
// wd is rounded to 6e-8 of itself, and p once per step: p <- p - ((lr wd) p + update).
template <class T>
struct Decay {
  T part;

  SADDLESCAPE_HOST_DEVICE static Decay fold(const Options& o) {
    return {o.decoupled ? static_cast<T>(o.lr * o.weight_decay) : T(0)};
  }
  SADDLESCAPE_HOST_DEVICE T operator()(T p) const { return part * p; }
};

// An exponential moving average: m <- beta m + (1 - beta) x.
//
// 1 - beta is taken of the beta that T holds, so the two weights add up to exactly 1. PyTorch
// rounds beta and 1 - beta each for itself; in float32 with beta = 0.999 the average then settles
// 1.3e-5 beside the mean of x.
template <class T>
struct Average {
  T decay, gain;

  SADDLESCAPE_HOST_DEVICE static Average fold(double beta) {
    const T decay = static_cast<T>(beta);
    return {decay, static_cast<T>(1.0 - static_cast<double>(decay))};
  }
  // The sum of the weights after t steps from zero: 1 - beta^t.
  SADDLESCAPE_HOST_DEVICE double correction(std::int64_t t) const {
    return 1.0 - power_of(static_cast<double>(decay), t);
  }
  SADDLESCAPE_HOST_DEVICE T operator()(T m, T x) const { return decay * m + gain * x; }
};

}  // namespace
}  // namespace saddlescape::update
