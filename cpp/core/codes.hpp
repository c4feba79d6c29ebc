// 8-bit codes of numbers: blocks of 64 that share a float scale.
//
// A code c stands for a level times the scale; levels are roots drawn with a ruler. The bits of a
// float, as an integer, are the logarithm of its value drawn with straight lines between the powers
// of 2. Doubled (or quadrupled) they are those of a number near its square (or fourth power), and
// halved near its root, without a multiplication:
//
//   signed:    c^2 in 2^-14 of the scale, by straight lines between the c = 2^k (1, 3/2),
//              where it is 4^k (1, 2); c in 0 ... 127 and a sign
//   unsigned:  c^4 in 2^-32 of the scale, by straight lines between the c = 2^k (1, 5/4, 3/2, 7/4),
//              where it is 16^k (1, 2, 4, 8); c in 0 ... 255
//
// The powers put more levels near zero: a second moment keeps nine decades below its block's
// largest number (evenly spaced levels: two). The way back is exact, and a straight line between
// two levels where both ends are codes: so the dither keeps the mean.
//
// Zero is zero. A square that is not zero never becomes one: Adam would divide by eps there.
//
// Like half.hpp this is compiled once for each instruction set: internal linkage, nothing of std::.
#pragma once

#include <cstdint>

#include "core/half.hpp"

namespace saddlescape::codes {
namespace {

using half::bits_of;
using half::float_of;

constexpr std::int64_t block = 64;
// The largest code of either kind stands for this part of the scale.
constexpr float top = 63.0F / 64;
constexpr float smallest_scale = 0x1p-94F;  // with it the lowest level, 2^-32 of it, is normal

// The scale that puts a block's largest magnitude at the last level; 0 for 0. NaN, which makes the
// whole block NaN, for one that is infinite, NaN or so large that its scale is.
SADDLESCAPE_HOST_DEVICE inline float scale_of(float largest) {
  const float scale = largest * (1 / top);
  const float shown = scale + 0 * scale;
  return shown > 0 && shown < smallest_scale ? smallest_scale : shown;
}

constexpr std::uint32_t one = 0x3f800000;  // the bits of 1.0

// The dithers of a block's elements, less that of the first.
struct Dithers {
  std::uint32_t of[block];
  constexpr Dithers() : of() {
    for (std::uint32_t i = 0; i < block; ++i) of[i] = i * half::weyl_index;
  }
};
constexpr Dithers dithers;

// Levels are rounded down after the dither's fraction is added; 512 with it, so that the sum is
// counted in 2^-14. A fraction is at least 2^-13 away from 0 and 1: a level comes back exactly,
// whatever it is.
SADDLESCAPE_HOST_DEVICE inline float shifted_fraction(std::uint32_t dither) {
  return float_of(0x44000002 | ((dither >> 18) & 0x3ffc));
}
SADDLESCAPE_HOST_DEVICE inline std::int32_t whole(float shifted) {
  return static_cast<std::int32_t>((bits_of(shifted) >> 14) & 0xff);
}

SADDLESCAPE_HOST_DEVICE inline float at_most(float x, float limit) { return x < limit ? x : limit; }

struct Signed8 {
  using Code = std::int8_t;
  static constexpr float steps = 0x1p14F;  // to the scale

  // `unit`: scale / steps.
  SADDLESCAPE_HOST_DEVICE static float expand(std::int32_t code, float unit) {
    const std::uint32_t bits = bits_of(static_cast<float>(code));
    // Negative for code 0 alone; a sign is shifted out.
    const auto square = static_cast<std::int32_t>((bits << 1) - one);
    const float value = float_of(static_cast<std::uint32_t>(square > 0 ? square : 0)) * unit;
    return float_of(bits_of(value) | (bits & 0x80000000));
  }
};

// To nearest; but below the second level, where a line's middle is no code, the thresholds are at
// 1/4 and 2 of the first.
struct NearestSigned8 : Signed8 {
  // `inverse`: steps / scale.
  SADDLESCAPE_HOST_DEVICE static std::int32_t encode(float x, float inverse, std::uint32_t) {
    const auto bits = static_cast<std::int32_t>(bits_of(x * inverse));
    // The root over 128, with the sign: 1.5 * 2^16 rounds it to what the last byte counts.
    const std::uint32_t level =
        (static_cast<std::uint32_t>(bits >> 1) + ((one >> 1) - (7U << 23))) & 0xbfffffff;
    return static_cast<std::int8_t>(bits_of(float_of(level) + 0x1.8p16F) & 0xff);
  }
};

// Dithered; the first two gaps, where a straight line has no code in its middle, are whole ones.
struct DitheredSigned8 : Signed8 {
  SADDLESCAPE_HOST_DEVICE static std::int32_t encode(float x, float inverse, std::uint32_t dither) {
    const float t = half::magnitude_of(x * inverse);
    const float root = float_of((bits_of(t) >> 1) + (one >> 1));
    const float level = at_most(at_most(root, t), (t + 2) * (1.0F / 3));
    const std::int32_t code = whole(level + shifted_fraction(dither));
    return x < 0 ? -code : code;
  }
};

// Dithered. Below code 4, 6e-8 of the block's largest number, straight lines have their middles
// between codes: what is rounded there comes out too large on average, up to 2.4 times.
struct Unsigned8 {
  using Code = std::uint8_t;
  static constexpr float steps = 0x1p32F;

  SADDLESCAPE_HOST_DEVICE static float expand(std::int32_t code, float unit) {
    const std::uint32_t bits = bits_of(static_cast<float>(code));
    return float_of(code == 0 ? 0 : (bits << 2) - 3 * one) * unit;
  }
  SADDLESCAPE_HOST_DEVICE static std::int32_t encode(float x, float inverse, std::uint32_t dither) {
    const float level = float_of((bits_of(x * inverse) >> 2) + one / 4 * 3);
    const std::int32_t code = whole(level + shifted_fraction(dither));
    const std::int32_t least = x > 0 ? 1 : 0;
    return code < least ? least : code;
  }
};

}  // namespace
}  // namespace saddlescape::codes
