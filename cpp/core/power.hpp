// Powers, logarithms and exponentials with the same bits everywhere: they need sums, products,
// quotients and fma alone, which are. A device's pow may be two units in the last place beside the
// host's, and one host's beside another's.
//
// Rounded as if they had been exact in all but one of a million cases: pairs (high, low) whose sum
// has 106 bits. `root_power`, which loops over elements use, has doubles alone.
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
  const double total = high + low;
  return {total, low - (total - high)};
}

// Knuth's sum of the high ones is exact; where a is the larger of the two, or they have one sign,
// so is the whole but for 2^-104.
SADDLESCAPE_HOST_DEVICE inline Pair sum(const Pair& a, const Pair& b) {
  const double high = a.high + b.high, part = high - a.high;
  const double low = (a.high - (high - part)) + (b.high - part) + (a.low + b.low);
  const double total = high + low;
  return {total, low - (total - high)};
}

SADDLESCAPE_HOST_DEVICE inline Pair quotient(double a, const Pair& b) {
  const double high = a / b.high;
  const double low = (__builtin_fma(-high, b.high, a) - high * b.low) / b.high;
  const double total = high + low;
  return {total, low - (total - high)};
}

// x^n for a whole n >= 0, where x^n and x itself are in the range.
SADDLESCAPE_HOST_DEVICE inline double whole_power(double x, std::int64_t n) {
  Pair result{1, 0}, square{x, 0};
  for (; n > 0; n /= 2) {
    if (n % 2 != 0) result = product(result, square);
    square = product(square, square);
  }
  return result.high + result.low;
}

// Unsigned: the bits of what is no such number may be anything.
SADDLESCAPE_HOST_DEVICE inline std::uint64_t bits_of(double x) {
  std::uint64_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  return bits;
}
SADDLESCAPE_HOST_DEVICE inline double double_of(std::uint64_t bits) {
  double x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}

// Added to a whole number, which then stands in the last bits: not every instruction set converts
// vectors of integers.
constexpr double whole = 0x1.8p52;
constexpr std::uint64_t whole_bits = 0x4338000000000000, one_bits = 0x3ff0000000000000;

// x = 2^exponent mantissa, the mantissa in [sqrt(1/2), sqrt(2)); of a normal x > 0.
struct Split {
  double exponent, mantissa;
};
SADDLESCAPE_HOST_DEVICE inline Split split(double x) {
  constexpr std::uint64_t root_half = 0x3fe6a09e667f3bcd;
  const std::uint64_t exponent = ((bits_of(x) - root_half + one_bits) >> 52) - 1023;
  return {double_of(whole_bits + exponent) - whole, double_of(bits_of(x) - (exponent << 52))};
}

// A device reads no constant that is an object.
SADDLESCAPE_HOST_DEVICE inline Pair ln_2() { return {0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56}; }

// 2^n of a whole n for which it is normal.
SADDLESCAPE_HOST_DEVICE inline double two_to(double n) {
  return double_of((bits_of(n + whole) - whole_bits + 1023) << 52);
}
// x 2^n, in two steps: 2^n may be larger or smaller than a normal number.
SADDLESCAPE_HOST_DEVICE inline double scaled(double x, double n) {
  const double half = __builtin_floor(n * 0.5);
  return x * two_to(half) * two_to(n - half);
}

template <int i>
constexpr double factorial = i * factorial<i - 1>;
template <>
constexpr double factorial<0> = 1;

// Coefficients of s^(2 i) in atanh s / s, and of x^i in e^x.
struct OfAtanh {
  template <int i>
  static constexpr double of = 1.0 / (2 * i + 1);
};
struct OfExp {
  template <int i>
  static constexpr double of = 1.0 / factorial<i>;
};

// c_i + c_(i + step) x + c_(i + 2 step) x^2 + ... up to c_n, even and odd powers apart: half of
// them need not wait for the other half.
template <class Coefficients, int i, int step, int n>
SADDLESCAPE_HOST_DEVICE inline double series_of(double x) {
  if constexpr (i + step > n)
    return Coefficients::template of<i>;
  else
    return series_of<Coefficients, i, 2 * step, n>(x * x) +
           x * series_of<Coefficients, i + step, 2 * step, n>(x * x);
}

// log x of a normal x > 0 = 2^e m: e ln 2 + 2 atanh s, s = (m - 1) / (m + 1), |s| < 0.172. From
// s^8 / 9 on a double holds what matters of the series.
SADDLESCAPE_HOST_DEVICE inline Pair log_pair(double x) {
  const Split parts = split(x);
  const Pair s = quotient(parts.mantissa - 1.0, sum({parts.mantissa, 0}, {1, 0}));
  const Pair square = product(s, s);
  Pair series{series_of<OfAtanh, 4, 1, 18>(square.high), 0};
  series = sum({0x1.2492492492492p-3, 0x1.2492492492492p-57}, product(series, square));   // 1/7
  series = sum({0x1.999999999999ap-3, -0x1.999999999999ap-57}, product(series, square));  // 1/5
  series = sum({0x1.5555555555555p-2, 0x1.5555555555555p-56}, product(series, square));   // 1/3
  series = sum({1, 0}, product(series, square));
  const Pair twice{2 * s.high, 2 * s.low};
  return sum(product({parts.exponent, 0}, ln_2()), product(twice, series));
}

// e^x = 2^n (e^r)^64, r = (x - n ln 2) / 64, |r| < 0.0055. From r^3 / 6 on a double holds what
// matters.
SADDLESCAPE_HOST_DEVICE inline double exp_pair(const Pair& x) {
  if (!(x.high < 709.8)) return x.high >= 709.8 ? __builtin_inf() : x.high;
  if (x.high < -745.2) return 0;
  const double n = __builtin_floor(x.high / ln_2().high + 0.5);
  const Pair whole_r = sum(x, product({-n, 0}, ln_2()));
  const Pair r{whole_r.high * 0x1p-6, whole_r.low * 0x1p-6};
  const Pair square = product(r, r);
  const double rest = r.high * square.high * series_of<OfExp, 3, 1, 9>(r.high);
  Pair power = sum({1, 0}, sum(r, sum({0.5 * square.high, 0.5 * square.low}, {rest, 0})));
  for (int k = 0; k < 6; ++k) power = product(power, power);
  return scaled(power.high + power.low, n);
}

// log x; of a denormal x that of the smallest normal number.
SADDLESCAPE_HOST_DEVICE inline double logarithm(double x) {
  if (!(x > 0)) return x == 0 ? -__builtin_inf() : __builtin_nan("");
  if (x == __builtin_inf()) return x;
  const Pair log = log_pair(x < 0x1p-1022 ? 0x1p-1022 : x);
  return log.high + log.low;
}

SADDLESCAPE_HOST_DEVICE inline double exponential(double x) { return exp_pair({x, 0}); }

// x^y, x >= 0.
SADDLESCAPE_HOST_DEVICE inline double real_power(double x, double y) {
  if (x == __builtin_inf()) return y > 0 ? x : y == 0 ? 1.0 : 0.0;
  const bool in_range = x <= 1 ? y < 0x1p31 : x < 0x1p30 && y <= 32;
  if (in_range && y >= 0 && __builtin_floor(y) == y)
    return whole_power(x, static_cast<std::int64_t>(y));
  if (!(x > 0)) return x == 0 ? (y > 0 ? 0.0 : __builtin_inf()) : __builtin_nan("");
  return exp_pair(product({y, 0}, log_pair(x < 0x1p-1022 ? 0x1p-1022 : x)));
}

// x^k, x >= 0 and 0 <= k <= 1, for loops over elements: without fma, an error of at most two units
// in the last place of a double. With log2 x = e + f, |f| <= 1/2, and the upper bits of k apart,
// k e is exact but for what is added to k f.
SADDLESCAPE_HOST_DEVICE inline double root_power(double x, double k) {
  const bool small = x < 0x1p-1022;
  const Split parts = split(small ? x * 0x1p54 : x);
  const double e = small ? parts.exponent - 54 : parts.exponent;
  const double s = (parts.mantissa - 1) / (parts.mantissa + 1), square = s * s;
  const double series = series_of<OfAtanh, 1, 1, 13>(square);
  // 2 / ln 2 in two parts: log2 m = 2 / ln 2 (s + s^3 series)
  constexpr double high = 0x1.71547652b82fep+1, low = 0x1.777d0ffda0d24p-55;
  const double f = high * s + (low * s + high * (s * square * series));
  const double upper = double_of(bits_of(k) & ~std::uint64_t{0xfff});
  const double exact = upper * e, rest = (k - upper) * e + k * f;
  const double n = (exact + rest + whole) - whole;
  const double r = ((exact - n) + rest) * ln_2().high;
  const double half = (n * 0.5 + whole) - whole;
  const double power =
      (1 + (r + r * r * series_of<OfExp, 2, 1, 14>(r))) * two_to(half) * two_to(n - half);
  // 0, infinity and NaN go past it.
  const double known = x < __builtin_inf() ? power : x;
  const double result = x > 0 ? known : x;
  return k == 0 ? 1.0 : result;
}

}  // namespace
}  // namespace saddlescape::power
