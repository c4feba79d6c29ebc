// How kernels of the network share out matrices and sums.
#pragma once

#include <cstdint>

#include "cuda/block.hpp"

namespace saddlescape::cuda {
namespace {

inline std::int64_t parts_of(std::int64_t count) {
  return (count + block_threads - 1) / block_threads;
}

// Blocks of a kernel that goes through a (rows, n) matrix by `in_row`.
inline std::int64_t row_blocks(std::int64_t rows, std::int64_t n) { return rows * parts_of(n); }

// visit(row, i) for i < n: one division for a whole block, and neighbours in a row.
template <class Visit>
SADDLESCAPE_KERNEL inline void in_row(const Block& block, std::int64_t n, const Visit& visit) {
  const std::int64_t parts = (n + block_threads - 1) / block_threads;
  const std::int64_t row = block.index() / parts, first = block.index() % parts * block_threads;
  block.all([&](int thread) {
    if (first + thread < n) visit(row, first + thread);
  });
}

// visit(i) for i < n, in parts_of(n) blocks.
template <class Visit>
SADDLESCAPE_KERNEL inline void each(const Block& block, std::int64_t n, const Visit& visit) {
  block.all([&](int thread) {
    const std::int64_t i = block.index() * block_threads + thread;
    if (i < n) visit(i);
  });
}

// The sum of value(i), i < n, in float64 and in an order that n alone gives; write(sum) once.
template <class Value, class Write>
SADDLESCAPE_KERNEL inline void sum_in_order(const Block& block, std::int64_t n,
                                            double (&waiting)[block_threads], const Value& value,
                                            const Write& write) {
  block.phase([&](int thread) {
    double sum = 0;
    for (std::int64_t i = thread; i < n; i += block_threads) sum += value(i);
    waiting[thread] = sum;
  });
  for (int half = block_threads / 2; half > 0; half /= 2)
    block.phase([&](int thread) {
      if (thread < half) waiting[thread] += waiting[thread + half];
    });
  block.all([&](int thread) {
    if (thread == 0) write(waiting[0]);
  });
}

}  // namespace
}  // namespace saddlescape::cuda
