// Sums of loops that are compiled once for each instruction set, with the same bits from each.
//
// Internal linkage, nothing of std::.
#pragma once

#include <cstdint>

// Loops over a block are inlined where its length is a constant: no tail, and they unroll.
#define SADDLESCAPE_BLOCK_LOOP [[gnu::always_inline]] inline

namespace saddlescape::lanes {
namespace {

// Sixteen partial sums in float64, whatever the width of a vector.
struct Lanes {
  static constexpr std::int64_t count = 16;
  double lane[count] = {};

  // Adds f(0), f(1), ... f(n - 1); calls before the last one with multiples of 16.
  template <class F>
  SADDLESCAPE_BLOCK_LOOP void add(std::int64_t n, const F& f) {
    const std::int64_t body = n / count * count;
    for (std::int64_t i = 0; i < body; i += count)
#pragma omp simd
      for (std::int64_t j = 0; j < count; ++j) lane[j] += f(i + j);
    for (std::int64_t i = body; i < n; ++i) lane[i - body] += f(i);
  }
  template <class T>
  SADDLESCAPE_BLOCK_LOOP void add_squares(const T* __restrict x, std::int64_t n) {
    add(n, [=](std::int64_t i) { return static_cast<double>(x[i]) * static_cast<double>(x[i]); });
  }
  double total() const {
    double sum = 0;
    for (double each : lane) sum += each;
    return sum;
  }
};

}  // namespace
}  // namespace saddlescape::lanes
