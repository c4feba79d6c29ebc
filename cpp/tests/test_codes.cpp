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

#include "core/half.hpp"
#include "core/isa.hpp"
#include "update/kernels.hpp"

namespace {

using saddlescape::update::tile_kernels;
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

Block quantised(int kind, const std::vector<float>& x, bool dither = false,
                std::uint32_t base = 0) {
  Block block{std::vector<std::uint8_t>(x.size()), std::vector<float>((x.size() + 63) / 64)};
  tile_kernels().quantise[kind](x.data(), static_cast<std::int64_t>(x.size()), dither, base,
                                block.codes.data(), block.scales.data());
  return block;
}

std::vector<float> expanded(int kind, const Block& block) {
  std::vector<float> out(block.codes.size());
  tile_kernels().expand[kind](block.codes.data(), block.scales.data(),
                              static_cast<std::int64_t>(out.size()), out.data());
  return out;
}

// What the code stands for, in double: the chord of l^2 or l^4 between the powers of 1/2 round l.
double level(int kind, int code) {
  if (code == 0) return 0;
  const double l = std::abs(code) / (kind == 0 ? 128.0 : 256.0), power = kind == 0 ? 2 : 4;
  const double right = std::exp2(std::floor(std::log2(l)) + 1), left = right / 2;
  const double low = std::pow(left, power), high = std::pow(right, power);
  return std::copysign(low + (l - left) / (right - left) * (high - low), code);
}

double top(int kind) { return level(kind, kind == 0 ? 127 : 255); }

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
  const int most = kind == 0 ? 127 : 255, least = kind == 0 ? -127 : 0;
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
      expect(near(x.back(), top(kind) * static_cast<double>(scale)), "the largest is there");
      for (std::size_t i = 0; i + 1 < x.size(); ++i) {
        const double value = level(kind, codes[from + i]) * static_cast<double>(scale);
        // The two or three roundings of expand.
        expect(std::fabs(static_cast<double>(x[i]) - value) <= 3e-7 * std::fabs(value),
               "a code expands to its level");
      }
      for (std::uint32_t base : {0U, 0x12345678U, 0xffffffffU}) {
        const Block again = quantised(kind, x, base != 0, base);
        expect(again.codes == block.codes && near(again.scales[0], static_cast<double>(scale)),
               "what was expanded quantises to its code, dithered or not");
      }
    }
  }
}

void block_edges(int kind) {
  std::mt19937 random(2);
  std::normal_distribution<double> normal;
  for (std::int64_t n : {0, 1, 2, 15, 16, 17, 63, 64, 65, 127, 128, 129, 2047, 2048}) {
    std::vector<float> x(static_cast<std::size_t>(n));
    for (float& each : x) {
      each = static_cast<float>(normal(random) * std::exp(2 * normal(random)));
      if (kind == 1) each = each * each;
    }
    if (n > 15) x[7] = 0, x[9] = kind == 0 ? -0.0F : 0.0F;
    const Block block = quantised(kind, x);
    const std::vector<float> back = expanded(kind, block);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const std::size_t first = i / 64 * 64, last = std::min(first + 64, x.size());
      float largest = 0;
      for (std::size_t j = first; j < last; ++j) largest = std::max(largest, std::fabs(x[j]));
      expect(near(block.scales[i / 64], static_cast<double>(largest) / top(kind)),
             "the scale puts the block's largest magnitude at the last level");
      expect((x[i] == 0) == (back[i] == 0) || kind == 0, "zero is zero and no square becomes it");
      expect(x[i] != 0 || back[i] == 0, "zero is zero");
      expect(back[i] == 0 || (back[i] < 0) == (x[i] < 0), "the sign is kept");
      if (std::fabs(x[i]) == largest)
        expect(near(back[i], static_cast<double>(x[i])), "the largest comes back");
      // Half of the distance between the levels round it.
      if (largest == 0) continue;
      const double part =
          std::fabs(static_cast<double>(x[i])) / static_cast<double>(largest) * top(kind);
      int c = 0;
      while (level(kind, c + 1) <= part) ++c;
      const double gap = level(kind, c + 1) - level(kind, c);
      const double off = std::fabs(static_cast<double>(std::fabs(back[i]) - std::fabs(x[i])));
      if (!(kind == 1 && c < 1))
        expect(off / static_cast<double>(largest) * top(kind) <= 0.5002 * gap + 3e-6 * part,
               "the error is at most half of a gap");
    }
  }
}

void strange_blocks(int kind) {
  const float denormal = std::numeric_limits<float>::denorm_min();
  const float most = std::numeric_limits<float>::max();
  std::vector<float> tiny(64, denormal);
  tiny[3] = 0;
  const std::vector<float> back = expanded(kind, quantised(kind, tiny));
  for (std::size_t i = 0; i < 64; ++i)
    expect(i == 3 ? back[i] == 0 : (kind == 1 ? back[i] > 0 : back[i] >= 0), "tiny numbers");
  for (const Block& zeros : {quantised(kind, std::vector<float>(70, 0.0F))})
    expect(zeros.scales == std::vector<float>(2, 0.0F) &&
               zeros.codes == std::vector<std::uint8_t>(70, 0),
           "a block of zeros is all zeros");
  std::vector<float> infinite(64, 1.0F);
  infinite[5] = INFINITY;
  expect(expanded(kind, quantised(kind, infinite))[5] >= most / 4, "infinite becomes large");
  std::vector<float> bad(128, 1.0F);
  bad[5] = std::nanf("");
  const std::vector<float> shown = expanded(kind, quantised(kind, bad));
  expect(std::isnan(shown[5]), "a NaN shows in its block");
  expect(near(shown[64], 1) && near(shown[127], 1), "and in no other");
}

void dithered_codes(int kind) {
  constexpr int n = 65536;
  const float scale = 3;
  for (int code : {0, 1, 2, 3, 17, 39, 100, kind == 0 ? 126 : 254}) {
    if (kind == 1 && code == 0) continue;  // a square is at least code 1
    for (double part : {0.01, 0.3, 0.5, 0.9, 0.999}) {
      const double low = level(kind, code), gap = level(kind, code + 1) - low;
      const double value = (low + part * gap) / top(kind);
      const float x = static_cast<float>(value * static_cast<double>(scale));
      double mean = 0;
      for (int t = 0; t < n; ++t) {
        const Block block = quantised(kind, {scale, x}, true, half::dither_base(99, t, 0));
        expect(block.codes[1] == code || block.codes[1] == code + 1, "dithered to a neighbour");
        mean += (block.codes[1] - code) / static_cast<double>(n);
      }
      // The discrepancy as above, 1/4096 as what is counted, and 1e-6 in up to 100 gaps.
      expect(std::fabs(mean - part) < 8e-4, "the mean of dithered codes");
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
  for (int kind : {0, 1})
    for (bool dither : {false, true}) {
      std::vector<float> in = x;
      for (float& each : in)
        each = std::copysign(std::sqrt(std::sqrt(std::fabs(each))), kind ? 1.0F : each);
      const Block block = quantised(kind, in, dither, 0x2468ace0);
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
    for (int kind : {0, 1}) {
      every_code(kind);
      block_edges(kind);
      strange_blocks(kind);
      dithered_codes(kind);
    }
    const std::vector<unsigned char> bytes = everything();
    if (reference.empty()) reference = bytes;
    expect(bytes == reference, "the same bits for every instruction set");
  }
  if (failures == 0) std::printf("codes: all good\n");
  return failures == 0 ? 0 : 1;
}
