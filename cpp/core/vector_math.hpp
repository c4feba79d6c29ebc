// exp and log(1 + x) for loops that run as vectors: no branch, no table, no call, the same bits
// everywhere.
//
//   e^x = 2^n e^r,  n = round(x / ln 2),  |r| <= ln(2) / 2,  e^r - 1 = r + r^2 q(r)
//
// with q the Taylor polynomial up to a term below half a unit in the last place. e^x - 1 comes with
// it: 2^n (e^r - 1) + (2^n - 1), to full relative precision near x = 0 too. Errors of at most 1.5
// units in the last place over the whole range, counted in cpp/tests/test_vector_math.cpp; libm's
// have 0.5 to 0.6 and take five times as long.
//
// For x <= 0, which is all that a logistic function, tanh and softmax need; NaN gives NaN. Compiled
// once for each instruction set: internal linkage, nothing of std::.
#pragma once

#include <cstdint>

namespace saddlescape::vector_math {
namespace {

template <class T>
struct Exponential {
  T value;     // e^x
  T less_one;  // e^x - 1
};

template <class T>
struct Parameters;

template <>
struct Parameters<double> {
  using Bits = std::int64_t;
  using Unsigned = std::uint64_t;
  static constexpr double least = -746;  // below it e^x is 0
  static constexpr double log2_e = 1.4426950408889634;
  static constexpr double high = 0x1.62e42feep-1;  // ln 2 in two parts: n high is exact
  static constexpr double low = 0x1.a39ef35793c76p-33;
  static constexpr double round = 0x1.8p52;  // added, the integer stands in the last bits
  static constexpr int mantissa = 52, bias = 1023, terms = 12, log_terms = 10;
};

template <>
struct Parameters<float> {
  using Bits = std::int32_t;
  using Unsigned = std::uint32_t;
  static constexpr float least = -105;
  static constexpr float log2_e = 1.44269504F;
  static constexpr float high = 0x1.63p-1F;
  static constexpr float low = -0x1.bd0106p-13F;
  static constexpr float round = 0x1.8p23F;
  static constexpr int mantissa = 23, bias = 127, terms = 6, log_terms = 5;
};

// 1 / 2!, 1 / 3!, ...
struct Reciprocals {
  double of[12];
  constexpr Reciprocals() : of() {
    double factorial = 1;
    for (int k = 0; k < 12; ++k) {
      factorial *= k + 2;
      of[k] = 1 / factorial;
    }
  }
};
constexpr Reciprocals reciprocals;

// 2^n for a normal 2^n.
template <class T>
inline T power(typename Parameters<T>::Bits n) {
  // Unsigned: a NaN's n is anything.
  const auto bits = (static_cast<typename Parameters<T>::Unsigned>(n) + Parameters<T>::bias)
                    << Parameters<T>::mantissa;
  T x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}

template <class T>
inline Exponential<T> exponential(T x) {
  using P = Parameters<T>;
  using Bits = typename P::Bits;
  x = x < P::least ? P::least : x;
  const T shifted = x * P::log2_e + P::round;
  Bits bits, zero;
  const T none = P::round;
  __builtin_memcpy(&bits, &shifted, sizeof bits);
  __builtin_memcpy(&zero, &none, sizeof zero);
  const Bits n = bits - zero;
  const T whole = shifted - P::round;
  const T r = (x - whole * P::high) - whole * P::low;
  T q = static_cast<T>(reciprocals.of[P::terms - 1]);
  for (int k = P::terms - 2; k >= 0; --k) q = q * r + static_cast<T>(reciprocals.of[k]);
  const T part = r + r * r * q;
  // In two steps: 2^n may be smaller than a normal number.
  const Bits half = n >> 1;
  const T first = power<T>(half), second = power<T>(n - half);
  return {(1 + part) * first * second, part * first * second + (first * second - 1)};
}

// log(1 + x) for x >= 0. With u = 1 + x rounded, u = 2^k (1 + f), 1 + f in [sqrt(1/2), sqrt(2)),
// and s = f / (2 + f):
//
//   log u = k ln 2 + 2 atanh s = k ln 2 + f - (f^2 / 2 - s (f^2 / 2 + r)),
//   r = 2 s^2 / 3 + 2 s^4 / 5 + ...
//
// and (x - (u - 1)) / u more, what the rounding of u left out.
template <class T>
inline T log_one_more(T x) {
  using P = Parameters<T>;
  using Bits = typename P::Bits;
  const T u = 1 + x;
  const T lost = x < 1 ? x - (u - 1) : 1 - (u - x);
  // The exponent of u / sqrt(1/2).
  Bits bits, base;
  const T root_half = static_cast<T>(0.70710678118654752);
  __builtin_memcpy(&bits, &u, sizeof bits);
  __builtin_memcpy(&base, &root_half, sizeof base);
  const Bits k = (bits - base) >> P::mantissa;
  // Unsigned: a NaN's k is anything.
  using Unsigned = typename P::Unsigned;
  const auto scaled = static_cast<Unsigned>(bits) - (static_cast<Unsigned>(k) << P::mantissa);
  T m;
  __builtin_memcpy(&m, &scaled, sizeof m);
  const T f = m - 1, s = f / (2 + f), square = s * s, half = f * f * static_cast<T>(0.5);
  T r = 0;
  for (int i = P::log_terms; i >= 1; --i) r = (r + static_cast<T>(2.0 / (2 * i + 1))) * square;
  const T whole = static_cast<T>(k);
  return whole * P::high - ((half - (s * (half + r) + (whole * P::low + lost / u))) - f);
}

}  // namespace
}  // namespace saddlescape::vector_math
