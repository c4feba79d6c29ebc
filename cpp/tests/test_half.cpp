// Numbers in less than 32 bits against slow writings of what they are: every pattern of 16 bits,
// every boundary between two of them, the mean of dithered rounding.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "core/half.hpp"
#include "core/isa.hpp"
#include "update/kernels.hpp"

namespace {

using saddlescape::update::Element;
using saddlescape::update::tile_kernels;
namespace half = saddlescape::half;

int failures = 0;

void expect(bool ok, const char* what) {
  if (ok) return;
  std::printf("failed: %s\n", what);
  ++failures;
}

// A format by its numbers of bits: sign, exponent, mantissa.
struct Format {
  Element element;
  const char* name;
  int exponent, mantissa;

  int bias() const { return (1 << (exponent - 1)) - 1; }
  std::uint32_t infinity() const { return ((1U << exponent) - 1) << mantissa; }
  // (-1)^s 2^(e - bias) (1 + m 2^-mantissa), as IEEE 754 says it.
  double value(std::uint32_t bits) const {
    const std::uint32_t e = (bits >> mantissa) & ((1U << exponent) - 1);
    const double m = std::ldexp(bits & ((1U << mantissa) - 1), -mantissa);
    const double magnitude =
        e == 0 ? std::ldexp(m, 1 - bias()) : std::ldexp(1 + m, static_cast<int>(e) - bias());
    return bits & 0x8000 ? -magnitude : magnitude;
  }
};
constexpr Format formats[] = {{Element::bfloat16, "bfloat16", 8, 7},
                              {Element::float16, "float16", 5, 10}};

std::vector<float> widened(const Format& format, const std::vector<std::uint16_t>& x) {
  std::vector<float> out(x.size());
  tile_kernels().widen[static_cast<int>(format.element)](
      x.data(), static_cast<std::int64_t>(x.size()), out.data());
  return out;
}

std::vector<std::uint16_t> narrowed(const Format& format, const std::vector<float>& x) {
  std::vector<std::uint16_t> out(x.size());
  tile_kernels().narrow[static_cast<int>(format.element)](
      x.data(), static_cast<std::int64_t>(x.size()), out.data());
  return out;
}

std::vector<std::uint16_t> dithered(const Format& format, const std::vector<float>& x,
                                    std::uint32_t dither) {
  std::vector<std::uint16_t> out(x.size());
  tile_kernels().narrow_dithered[static_cast<int>(format.element)](
      x.data(), static_cast<std::int64_t>(x.size()), dither, out.data());
  return out;
}

bool is_nan(const Format& format, std::uint16_t bits) {
  return (bits & 0x7fff) > format.infinity();
}

void every_pattern(const Format& format) {
  std::vector<std::uint16_t> all(65536);
  for (std::uint32_t bits = 0; bits < 65536; ++bits) all[bits] = static_cast<std::uint16_t>(bits);
  const std::vector<float> wide = widened(format, all);
  const std::vector<std::uint16_t> back = narrowed(format, wide);
  std::vector<std::uint16_t> kept[3];
  const std::uint32_t dithers[3] = {0, 0x80000000, 0xffffffff};
  for (int k = 0; k < 3; ++k) kept[k] = dithered(format, wide, dithers[k]);
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const std::uint16_t own = all[bits];
    if (is_nan(format, own)) {
      expect(std::isnan(wide[bits]) && is_nan(format, back[bits]), "a NaN stays a NaN");
      for (const auto& each : kept) expect(is_nan(format, each[bits]), "a NaN stays, dithered");
      continue;
    }
    const bool infinite = (bits & 0x7fff) == format.infinity();
    const double value = infinite ? (bits & 0x8000 ? -1.0 : 1.0) / 0.0 : format.value(bits);
    expect(static_cast<double>(wide[bits]) == value, "a pattern widens to its value");
    expect(std::signbit(wide[bits]) == ((bits & 0x8000) != 0), "a zero keeps its sign");
    expect(back[bits] == own, "a pattern comes back");
    for (const auto& each : kept) expect(each[bits] == own, "an exact number is not dithered");
  }
}

// A float's NaN may say so in bits that are cut off, or in all that a carry runs through.
void every_nan(const Format& format) {
  for (std::uint32_t bits : {0x7f800001U, 0x7fffffffU, 0xff800001U, 0xffffffffU, 0x7fbfffffU}) {
    const std::vector<float> x = {half::float_of(bits)};
    expect(is_nan(format, narrowed(format, x)[0]), "a NaN narrows to one");
    expect(is_nan(format, dithered(format, x, 0xffffffff)[0]), "a NaN narrows to one, dithered");
  }
}

// To nearest, ties to even, by comparing distances in double with all neighbours.
std::uint16_t nearest(const Format& format, float x) {
  const std::uint32_t sign = std::signbit(x) ? 0x8000 : 0;
  const double magnitude = std::fabs(static_cast<double>(x));
  std::uint32_t low = 0, high = format.infinity();  // value(infinity()) is 2^(emax + 1): right
  while (low + 1 < high) {
    const std::uint32_t middle = (low + high) / 2;
    (format.value(middle) <= magnitude ? low : high) = middle;
  }
  if (magnitude >= format.value(high)) low = high;
  const double down = magnitude - format.value(low), up = format.value(high) - magnitude;
  const bool even = low % 2 == 0;
  return static_cast<std::uint16_t>(sign | (down < up || (down == up && even) ? low : high));
}

void every_boundary(const Format& format) {
  std::vector<float> x;
  for (std::uint32_t bits = 0; bits < format.infinity(); ++bits) {
    const double middle = (format.value(bits) + format.value(bits + 1)) / 2;
    const float at = static_cast<float>(middle);  // may not be one below the float's denormals
    for (float each : {at, std::nextafterf(at, 0.0F), std::nextafterf(at, INFINITY)}) {
      x.push_back(each);
      x.push_back(-each);
    }
  }
  std::mt19937 random(1);
  for (int i = 0; i < 200000; ++i) {
    const float each = half::float_of(static_cast<std::uint32_t>(random()));
    if (std::isfinite(each)) x.push_back(each);
  }
  x.push_back(std::numeric_limits<float>::max());
  x.push_back(std::numeric_limits<float>::denorm_min());
  const std::vector<std::uint16_t> out = narrowed(format, x);
  for (std::size_t i = 0; i < x.size(); ++i)
    expect(out[i] == nearest(format, x[i]), "narrowing takes the nearest, ties to even");
}

// The mean over the steps of one element, and over the elements of one step.
void dither_keeps_the_mean(const Format& format) {
  constexpr std::int64_t n = 65536;
  for (std::uint32_t bits : {0x3c00U, 0x0401U, 0x0003U, 0x0000U, 0xbc01U, 0x8002U}) {
    for (double part : {0.0009765625, 0.25, 0.5, 0.75, 0.9990234375}) {
      const double low = format.value(bits), unit = format.value(bits + 1) - low;
      const float x = static_cast<float>(low + part * unit);
      if (static_cast<double>(x) != low + part * unit) continue;  // below the float's denormals
      double over_steps = 0;
      for (std::int64_t t = 0; t < n; ++t) {
        const auto one = dithered(format, {x}, half::dither_base(12345, t, 1));
        expect(one[0] == bits || one[0] == bits + 1, "dithered to a neighbour");
        over_steps += format.value(one[0]) - low;
      }
      double over_elements = 0;
      for (std::uint16_t each :
           dithered(format, std::vector<float>(n, x), half::dither_base(0, 77, 2)))
        over_elements += format.value(each) - low;
      // An additive sequence with a badly approximable step leaves some ln n / n: 1.7e-4 here. The
      // least threshold of 13 bits (float16) is 1.2e-4.
      expect(std::fabs(over_steps / n / unit - part) < 4e-4, "mean over steps");
      expect(std::fabs(over_elements / n / unit - part) < 4e-4, "mean over elements");
    }
  }
  const double last = format.value(format.infinity() - 1), past = format.value(format.infinity());
  const float edge = std::nextafterf(static_cast<float>(past), 0.0F);
  for (std::uint32_t dither : {0U, 0x7fffffffU, 0xffffffffU}) {
    const auto out = dithered(format, {edge, -edge}, dither);
    expect(format.value(out[0]) == last && format.value(out[1]) == -last,
           "dithering alone never makes a number infinite");
    const auto infinite = dithered(format, {INFINITY, -INFINITY}, dither);
    expect(infinite[0] == format.infinity() && infinite[1] == (format.infinity() | 0x8000),
           "infinite stays infinite");
  }
}

template <class T>
void append(std::vector<unsigned char>& bytes, const std::vector<T>& x) {
  const auto* data = reinterpret_cast<const unsigned char*>(x.data());
  bytes.insert(bytes.end(), data, data + x.size() * sizeof(T));
}

// All that the kernels give for numbers of all sizes, as bytes.
std::vector<unsigned char> everything() {
  std::vector<float> x;
  std::mt19937 random(3);
  for (int i = 0; i < 100003; ++i)
    x.push_back(half::float_of(static_cast<std::uint32_t>(random())));
  std::vector<unsigned char> bytes;
  for (const Format& format : formats) {
    append(bytes, narrowed(format, x));
    append(bytes, dithered(format, x, 0x9abcdef0));
    append(bytes, widened(format, narrowed(format, x)));
  }
  return bytes;
}

}  // namespace

int main() {
  namespace isa = saddlescape::isa;
  std::vector<unsigned char> reference;
  for (isa::Isa each : isa::available()) {
    isa::force(isa::name(each));
    for (const Format& format : formats) {
      every_pattern(format);
      every_nan(format);
      every_boundary(format);
      dither_keeps_the_mean(format);
    }
    const std::vector<unsigned char> bytes = everything();
    if (reference.empty()) reference = bytes;
    expect(bytes == reference, "the same bits for every instruction set");
  }
  if (failures == 0) std::printf("half: all good\n");
  return failures == 0 ? 0 : 1;
}
