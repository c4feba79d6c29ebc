// What the loops over arrays share. Compiled once for each instruction set: internal linkage,
// nothing of std::.
#pragma once

#include <cstdint>

#include "update/kernels.hpp"
#include "update/storage.hpp"

// Loops over a block are inlined where its length is a constant: no tail, and they unroll.
#define SADDLESCAPE_BLOCK_LOOP [[gnu::always_inline]] inline

namespace saddlescape::update {
namespace {

constexpr std::int64_t block = block8_size;
// In the second-level cache it costs a tenth: only ranges far beyond it ask.
constexpr std::int64_t worth_asking = std::int64_t(1) << 19;

// Asks for what is eight blocks away. Hardware looks ahead too, but not as far as four or five
// arrays from the third-level cache or a fast memory need, nor through a loop that computes for
// long. Past the end of an array nothing is read.
SADDLESCAPE_BLOCK_LOOP void ask_ahead(const void* array, std::int64_t from, std::int64_t width) {
  const auto start = reinterpret_cast<std::uintptr_t>(array);
  const auto first = start + static_cast<std::uintptr_t>((from + 8 * block) * width);
  for (std::int64_t k = 0; k < block * width; k += 64)
    __builtin_prefetch(reinterpret_cast<const void*>(first + static_cast<std::uintptr_t>(k)), 1, 3);
}

// A gradient as the rules see it.
template <class T>
struct Scale {
  T factor, most, shrink;

  explicit Scale(const Scaling& scaling)
      : factor(static_cast<T>(scaling.unscale)),
        most(static_cast<T>(scaling.limit)),
        shrink(static_cast<T>(scaling.clip)) {}
  T operator()(T g) const {
    T value = g * factor;
    // Written so that a NaN stays one.
    value = value > most ? most : value;
    value = value < -most ? -most : value;
    return value * shrink;
  }
};

// Sixteen partial sums in float64, whatever the width of a vector: the same bits everywhere.
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
}  // namespace saddlescape::update
