// 8-bit codes of blocks: every code at many scales, the errors between two of them, the mean of
// dithered rounding, blocks of every length and of strange numbers.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "core/codes.hpp"
#include "core/isa.hpp"
#include "update/kernels.hpp"

namespace {

using saddlescape::update::coded_kernels;
namespace half = saddlescape::half;

int failures = 0;

void expect(bool ok, const char* what) {
  if (ok) return;
  std::printf("failed: %s\n", what);
  ++failures;
}

struct Block {
  std::vector<std::uint8_t> codes;
  std::vector<float> scales;
};

// The kinds of codes, as the natures of states: signed and rounded to nearest, signed and dithered,
// for squares (dithered).
constexpr int nearest = 0, slow = 1, square = 2;
constexpr int most_of(int kind) { return kind == square ? 255 : 127; }

Block quantised(int kind, const std::vector<float>& x, std::uint32_t dither = 0) {
  Block block{std::vector<std::uint8_t>(x.size()), std::vector<float>((x.size() + 63) / 64)};
  coded_kernels().quantise[kind](x.data(), static_cast<std::int64_t>(x.size()),
                                 {block.codes.data(), block.scales.data(), dither});
  return block;
}

std::vector<float> expanded(int kind, const Block& block) {
  std::vector<float> out(block.codes.size());
  coded_kernels().expand[kind](block.codes.data(), block.scales.data(),
                               static_cast<std::int64_t>(out.size()), out.data());
  return out;
}

// What the code stands for, in double: c^2 in 2^-14 or c^4 in 2^-32, with straight lines between
// those c = 2^k (1 + j / power) where it is a power of two.
double level(int kind, int code) {
  if (code == 0) return 0;
  const int power = kind == square ? 4 : 2;
  const double c = std::abs(code), low = std::exp2(std::floor(std::log2(c)));
  const double line = std::floor((c / low - 1) * power), part = (c / low - 1) * power - line;
  const double value = std::pow(low, power) * std::exp2(line) * (1 + part);
  return std::copysign(value * (kind == square ? 0x1p-32 : 0x1p-14), code);
}

double top(int kind) { return level(kind, most_of(kind)); }

bool near(float x, double expected, double relative = 2e-6) {
  return std::fabs(static_cast<double>(x) - expected) <= relative * std::fabs(expected);
}

std::vector<float> scales() {
  std::vector<float> all;
  for (int e = -93; e <= 126; ++e)
    for (double mantissa : {1.0, 1.25, 1.7320508, 1.9999999})
      all.push_back(static_cast<float>(std::ldexp(mantissa, e)));
  return all;
}

void every_code(int kind) {
  const int most = most_of(kind), least = kind == square ? 0 : -most;
  std::vector<int> codes;
  for (int code = least; code <= most; ++code) codes.push_back(code);
  for (float scale : scales()) {
    // 63 codes and the largest in each block, so that its scale is this one.
    for (std::size_t from = 0; from < codes.size(); from += 63) {
      Block block{{}, {scale}};
      for (std::size_t i = from; i < std::min(from + 63, codes.size()); ++i)
        block.codes.push_back(static_cast<std::uint8_t>(codes[i]));
      block.codes.push_back(static_cast<std::uint8_t>(most));
      const std::vector<float> x = expanded(kind, block);
      for (std::size_t i = 0; i + 1 < x.size(); ++i) {
        const double value = level(kind, codes[from + i]) * static_cast<double>(scale);
        // One rounding, but for denormal numbers.
        expect(std::fabs(static_cast<double>(x[i]) - value) <= 6e-8 * std::fabs(value) + 0x1p-149,
               "a code expands to its level");
      }
      for (std::uint32_t base : {0U, 0x12345678U, 0xffffffffU}) {
        const Block again = quantised(kind, x, base);
        expect(again.codes == block.codes && near(again.scales[0], static_cast<double>(scale)),
               "what was expanded quantises to its code, whatever the dither");
      }
    }
  }
}

// The largest code whose level is at most this part of the scale.
int code_below(int kind, double part) {
  int c = 0;
  while (c < most_of(kind) && level(kind, c + 1) <= part) ++c;
  return c;
}

void block_edges(int kind) {
  std::mt19937 random(2);
  std::normal_distribution<double> normal;
  for (std::int64_t n : {0, 1, 2, 15, 16, 17, 63, 64, 65, 127, 128, 129, 2047, 2048}) {
    std::vector<float> x(static_cast<std::size_t>(n));
    for (float& each : x) {
      each = static_cast<float>(normal(random) * std::exp(2 * normal(random)));
      if (kind == square) each = each * each;
    }
    if (n > 15) x[7] = 0, x[9] = kind == square ? 0.0F : -0.0F;
    const Block block = quantised(kind, x);
    const std::vector<float> back = expanded(kind, block);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const std::size_t first = i / 64 * 64, last = std::min(first + 64, x.size());
      float largest = 0;
      for (std::size_t j = first; j < last; ++j) largest = std::max(largest, std::fabs(x[j]));
      expect(near(block.scales[i / 64], static_cast<double>(largest) / top(kind)),
             "the scale puts the block's largest magnitude at the last level");
      expect(kind != square || (x[i] == 0) == (back[i] == 0), "no square becomes zero");
      expect(x[i] != 0 || back[i] == 0, "zero is zero");
      expect(back[i] == 0 || (back[i] < 0) == (x[i] < 0), "the sign is kept");
      if (std::fabs(x[i]) == largest)
        expect(near(back[i], static_cast<double>(x[i])), "the largest comes back");
      if (largest == 0) continue;
      const double scale = static_cast<double>(largest) / top(kind);
      const double part = std::fabs(static_cast<double>(x[i])) / scale;
      const int c = code_below(kind, part);
      const double gap = level(kind, std::min(c + 1, most_of(kind))) - level(kind, c);
      const double off = std::fabs(static_cast<double>(std::fabs(back[i]) - std::fabs(x[i])));
      // Dithered: to one of the two round it. To nearest: the nearer one, but below the second.
      const bool halves = kind == nearest && c > 1;
      expect(off <= ((halves ? 0.5002 : 1.0) * gap + 3e-6 * part) * scale,
             "the error is at most a gap, or half of it");
    }
  }
}

void strange_blocks(int kind) {
  const float denormal = std::numeric_limits<float>::denorm_min();
  std::vector<float> tiny(64, denormal);
  tiny[3] = 0;
  const std::vector<float> back = expanded(kind, quantised(kind, tiny));
  for (std::size_t i = 0; i < 64; ++i)
    expect(i == 3 ? back[i] == 0 : (kind == square ? back[i] > 0 : back[i] >= 0), "tiny numbers");
  for (const Block& zeros : {quantised(kind, std::vector<float>(70, 0.0F))})
    expect(zeros.scales == std::vector<float>(2, 0.0F) &&
               zeros.codes == std::vector<std::uint8_t>(70, 0),
           "a block of zeros is all zeros");
  const float most = std::numeric_limits<float>::max();
  for (float bad : {std::nanf(""), -std::nanf(""), INFINITY, most}) {
    std::vector<float> x(128, 1.0F);
    x[5] = bad, x[6] = 0;
    const std::vector<float> shown = expanded(kind, quantised(kind, x));
    for (std::size_t i = 0; i < 64; ++i)
      expect(std::isnan(shown[i]), "what has no scale makes its block NaN");
    expect(near(shown[64], 1) && near(shown[127], 1), "and no other");
  }
  const float large = most * (62.9F / 64);
  expect(near(expanded(kind, quantised(kind, {large}))[0], static_cast<double>(large)),
         "the largest that has one");
}

// Between the levels low and low + gap of the scale 1: the share of dithers that round up.
double share_up(int kind, int code, double value) {
  constexpr int n = 65536;
  const float scale = 3;
  const float x = static_cast<float>(value / top(kind) * static_cast<double>(scale));
  double mean = 0;
  for (int t = 0; t < n; ++t) {
    const Block block = quantised(kind, {scale, x}, half::dither_base(99, t, 0));
    expect(block.codes[1] == code || block.codes[1] == code + 1, "dithered to a neighbour");
    mean += (block.codes[1] - code) / static_cast<double>(n);
  }
  return mean;
}

void dithered_codes(int kind) {
  for (int code : {0, 1, 2, 3, 4, 17, 39, 100, most_of(kind) - 1})
    for (double part : {0.01, 0.3, 0.5, 0.9, 0.999}) {
      const double low = level(kind, code), gap = level(kind, code + 1) - low;
      const double up = share_up(kind, code, low + part * gap);
      // The discrepancy of the sequence, 1/4096 as what is counted, and 1e-6 in up to 100 gaps.
      if (kind == slow || code >= 4)
        expect(std::fabs(up - part) < 8e-4, "the mean of dithered codes");
      // Between the squares' first codes the line has its middles: too often up, as codes.hpp says.
      if (kind == square && code < 4) {
        const double mean = low + up * gap, value = low + part * gap;
        expect(up >= part - 8e-4 && (code == 0 || mean <= 2.4 * value), "not far too large");
      }
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
  for (float& each : x)
    if (!std::isfinite(each)) each = 0;
  std::vector<unsigned char> bytes;
  for (int kind : {nearest, slow, square}) {
    std::vector<float> in = x;
    for (float& each : in)
      each = std::copysign(std::sqrt(std::sqrt(std::fabs(each))), kind == square ? 1.0F : each);
    const Block block = quantised(kind, in, 0x2468ace0);
    append(bytes, block.codes);
    append(bytes, block.scales);
    append(bytes, expanded(kind, block));
  }
  return bytes;
}

}  // namespace

int main() {
  namespace isa = saddlescape::isa;
  std::vector<unsigned char> reference;
  for (isa::Isa each : isa::available()) {
    isa::force(isa::name(each));
    for (int kind : {nearest, slow, square}) {
      every_code(kind);
      block_edges(kind);
      strange_blocks(kind);
      if (kind != nearest) dithered_codes(kind);
    }
    const std::vector<unsigned char> bytes = everything();
    if (reference.empty()) reference = bytes;
    expect(bytes == reference, "the same bits for every instruction set");
  }
  if (failures == 0) std::printf("codes: all good\n");
  return failures == 0 ? 0 : 1;
}
