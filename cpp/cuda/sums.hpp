// Sums of squares of a tile in the CPU's order: sixteen lanes in float64, added up in order.
#pragma once

#include <cstdint>

#include "cuda/block.hpp"
#include "cuda/numbers.hpp"
#include "update/squares.hpp"

namespace saddlescape::cuda {
namespace {

using update::Real;
using update::tile_size;

static_assert(tile_size == four * block_threads);

template <class T>
constexpr Real real = sizeof(T) == sizeof(float) ? Real::float32 : Real::float64;

// Of a thread's place in a tile of `n` elements: how many of its four there are.
SADDLESCAPE_HOST_DEVICE inline int count_of(int thread, std::int64_t n) {
  const std::int64_t left = n - four * thread;
  return static_cast<int>(left < 0 ? 0 : left < four ? left : four);
}

struct TileSum {
  static constexpr int lanes = 16;
  double numbers[tile_size];
  double lane[lanes];

  // out <- sum x^2 of n numbers; value(thread, j): the j-th of the four that the thread holds.
  template <class T, class Value>
  SADDLESCAPE_KERNEL void add(const Block& block, std::int64_t n, const Value& value, double* out) {
    block.phase([&](int thread) {
      for (int j = 0; j < four; ++j) numbers[four * thread + j] = value(thread, j);
    });
    block.phase([&](int thread) {
      if (thread >= lanes) return;
      double sum = 0;
      for (std::int64_t i = thread; i < n; i += lanes) sum += numbers[i] * numbers[i];
      lane[thread] = sum;
    });
    block.phase([&](int thread) {
      if (thread != 0) return;
      double sum = 0;
      for (int l = 0; l < lanes; ++l) sum += lane[l];
      *out = update::tile_squares(sum, real<T>, numbers, nullptr, n);
    });
  }
};

}  // namespace
}  // namespace saddlescape::cuda
