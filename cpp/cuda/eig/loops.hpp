// The shapes that the kernels of the eigen-solvers have: an element a thread, and sums along rows
// and columns, each in an order that depends on the sizes alone.
#pragma once

#include <cstdint>

#include "cuda/block.hpp"

namespace saddlescape::cuda::eig {
namespace {

inline std::int64_t blocks_of(std::int64_t count) {
  return (count + block_threads - 1) / block_threads;
}

// f(i) for each i below `count`; blocks_of(count) blocks.
template <class F>
struct Elements {
  std::int64_t count;
  F f;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    block.all([&](int thread) {
      const std::int64_t i = block.index() * block_threads + thread;
      if (i < count) f(i);
    });
  }
};

// out[piece] <- the sum of f(row, column) over the piece's columns, of `pieces` pieces for each
// row; a block for each piece.
template <class F>
struct RowSums {
  std::int64_t columns, pieces;
  double* out;
  F f;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    SADDLESCAPE_SHARED double sums[block_threads];
    const std::int64_t row = block.index() / pieces, piece = block.index() % pieces;
    const std::int64_t width = (columns + pieces - 1) / pieces, begin = piece * width;
    const std::int64_t end = begin + width < columns ? begin + width : columns;
    block.phase([&](int thread) {
      double sum = 0;
      for (std::int64_t j = begin + thread; j < end; j += block_threads) sum += f(row, j);
      sums[thread] = sum;
    });
    block.all([&](int thread) {
      if (thread != 0) return;
      double sum = 0;
      for (int i = 0; i < block_threads; ++i) sum += sums[i];
      out[block.index()] = sum;
    });
  }
};

// out[i] <- the largest of f(row, column) over a piece's columns, NaN if one is; as RowSums.
template <class F>
struct RowLargest {
  std::int64_t columns, pieces;
  double* out;
  F f;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    SADDLESCAPE_SHARED double most[block_threads];
    const std::int64_t row = block.index() / pieces, piece = block.index() % pieces;
    const std::int64_t width = (columns + pieces - 1) / pieces, begin = piece * width;
    const std::int64_t end = begin + width < columns ? begin + width : columns;
    block.phase([&](int thread) {
      double found = 0;
      for (std::int64_t j = begin + thread; j < end; j += block_threads) {
        const double x = f(row, j);
        if (!(x <= found)) found = found == found ? x : found;
      }
      most[thread] = found;
    });
    block.all([&](int thread) {
      if (thread != 0) return;
      double found = most[0];
      for (int i = 1; i < block_threads; ++i)
        if (!(most[i] <= found)) found = found == found ? most[i] : found;
      out[block.index()] = found;
    });
  }
};

}  // namespace
}  // namespace saddlescape::cuda::eig
