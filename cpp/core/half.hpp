// Numbers in 16 bits: bfloat16 and float16, to and from float; the dither of narrow numbers.
//
// Integer arithmetic on the bits, so that every instruction set gives the same: hardware
// conversions differ in NaNs, and flush denormals where the host has asked for it. Like the update
// rules this header is compiled once for each instruction set: internal linkage, nothing of std::.
#pragma once

#include <cstdint>

#include "core/host_device.hpp"

namespace saddlescape::half {
namespace {

struct Bfloat16 {
  std::uint16_t bits;
};
struct Float16 {
  std::uint16_t bits;
};

SADDLESCAPE_HOST_DEVICE inline std::uint32_t bits_of(float x) {
  std::uint32_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  return bits;
}
SADDLESCAPE_HOST_DEVICE inline float float_of(std::uint32_t bits) {
  float x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}
SADDLESCAPE_HOST_DEVICE inline float magnitude_of(float x) {
  return float_of(bits_of(x) & 0x7fffffff);
}

constexpr std::uint32_t infinity_bits = 0x7f800000;

// ---- Dither
// --------------------------------------------------------------------------------------
//
// Rounding to nearest freezes an average that moves by less than half a unit in each step: with
// beta2 = 0.999 a second moment in 8 bits or bfloat16 never moves again. Rounding up with the
// probability of the part that is cut off keeps the mean, but the errors walk at random: 7 % after
// the 500 steps that such an average remembers.
//
// So the thresholds are not drawn, they are counted: element i in step t has the fraction
// i a + t b mod 1, an additive (Weyl) sequence with the constants of the plastic number. Over any
// run of steps they are spread as evenly as can be, so the errors of a slow average cancel instead
// of adding up. No state, no generator, the same bits everywhere.
constexpr std::uint32_t weyl_index = 0xc13fa9a9;  // 2^32 / 1.3247...
constexpr std::uint32_t weyl_step = 0x91e10da5;   // 2^32 / 1.3247...^2
constexpr std::uint32_t weyl_slot = 0x9e3779b9;   // 2^32 / golden ratio: states of one element

SADDLESCAPE_HOST_DEVICE inline std::uint32_t dither_base(std::int64_t index, std::int64_t step,
                                                         int slot) {
  return static_cast<std::uint32_t>(index) * weyl_index +
         static_cast<std::uint32_t>(step) * weyl_step +
         static_cast<std::uint32_t>(slot) * weyl_slot;
}
// In [0, 1).
SADDLESCAPE_HOST_DEVICE inline float fraction(std::uint32_t dither) {
  return static_cast<float>(static_cast<std::int32_t>(dither >> 8)) * 0x1p-24F;
}

// ---- bfloat16: the upper half of a float
// ----------------------------------------------------------

SADDLESCAPE_HOST_DEVICE inline float widen(Bfloat16 x) {
  return float_of(static_cast<std::uint32_t>(x.bits) << 16);
}

SADDLESCAPE_HOST_DEVICE inline bool special(std::uint32_t magnitude) {
  return magnitude >= infinity_bits;
}

// To nearest, ties to even; a NaN stays one.
SADDLESCAPE_HOST_DEVICE inline void narrow(float x, Bfloat16& out) {
  const std::uint32_t bits = bits_of(x);
  const std::uint32_t nearest = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  const std::uint32_t nan = (bits >> 16) | 0x40;
  out.bits = static_cast<std::uint16_t>((bits & 0x7fffffff) > infinity_bits ? nan : nearest);
}

// Up where the part that is cut off and the dither's fraction together reach 1; never to infinity.
SADDLESCAPE_HOST_DEVICE inline void narrow_dithered(float x, std::uint32_t dither, Bfloat16& out) {
  const std::uint32_t bits = bits_of(x);
  const std::uint32_t up = bits + (dither >> 16);
  const bool keep = special(up & 0x7fffffff) || special(bits & 0x7fffffff);
  const std::uint32_t nan = (bits & 0x7fffffff) > infinity_bits ? 0x40 : 0;
  out.bits = static_cast<std::uint16_t>(keep ? (bits >> 16) | nan : up >> 16);
}

// ---- float16: 5 bits of exponent, 10 of mantissa
// --------------------------------------------------

constexpr std::uint32_t half_bias = 112U << 23;      // the difference of the two exponents' biases
constexpr std::uint32_t half_smallest = 0x38800000;  // 2^-14, the smallest that is normal
constexpr std::uint32_t half_overflow = 0x47800000;  // 2^16

SADDLESCAPE_HOST_DEVICE inline float widen(Float16 x) {
  const std::uint32_t sign = static_cast<std::uint32_t>(x.bits & 0x8000) << 16;
  const std::uint32_t magnitude = x.bits & 0x7fff;
  const std::uint32_t normal = (magnitude << 13) + half_bias;
  const std::uint32_t denormal =
      bits_of(static_cast<float>(static_cast<std::int32_t>(magnitude)) * 0x1p-24F);
  const std::uint32_t infinite = (magnitude << 13) | infinity_bits;
  const std::uint32_t bits =
      magnitude >= 0x7c00 ? infinite : (magnitude < 0x400 ? denormal : normal);
  return float_of(bits | sign);
}

SADDLESCAPE_HOST_DEVICE inline std::uint16_t half_bits(std::uint32_t sign, std::uint32_t magnitude,
                                                       std::uint32_t normal,
                                                       std::uint32_t denormal) {
  const std::uint32_t large = magnitude > infinity_bits ? 0x7e00 : 0x7c00;
  const std::uint32_t bits =
      magnitude >= half_overflow ? large : (magnitude < half_smallest ? denormal : normal);
  return static_cast<std::uint16_t>(bits | (sign >> 16));
}

SADDLESCAPE_HOST_DEVICE inline void narrow(float x, Float16& out) {
  const std::uint32_t bits = bits_of(x), magnitude = bits & 0x7fffffff;
  const std::uint32_t normal = (magnitude + 0xfff + ((magnitude >> 13) & 1) - half_bias) >> 13;
  // A unit in the last place of 0.5 is 2^-24, the smallest float16: the sum rounds to nearest.
  const std::uint32_t denormal = bits_of(float_of(magnitude) + 0.5F) - bits_of(0.5F);
  out.bits = half_bits(bits & 0x80000000, magnitude, normal, denormal);
}

// As for bfloat16; from 2^16 on numbers are infinite here too.
SADDLESCAPE_HOST_DEVICE inline void narrow_dithered(float x, std::uint32_t dither, Float16& out) {
  const std::uint32_t bits = bits_of(x), magnitude = bits & 0x7fffffff;
  const std::uint32_t up = (magnitude + (dither >> 19) - half_bias) >> 13;
  const std::uint32_t normal = up >= 0x7c00 ? (magnitude - half_bias) >> 13 : up;
  const float units = magnitude < half_smallest ? float_of(magnitude) * 0x1p24F : 0.0F;
  const std::int32_t whole = static_cast<std::int32_t>(units);
  const bool over = units - static_cast<float>(whole) + fraction(dither) >= 1;
  const auto denormal = static_cast<std::uint32_t>(whole + (over ? 1 : 0));
  out.bits = half_bits(bits & 0x80000000, magnitude, normal, denormal);
}

}  // namespace
}  // namespace saddlescape::half
