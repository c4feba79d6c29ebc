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

struct Sum {
  SADDLESCAPE_KERNEL double operator()(double a, double b) const { return a + b; }
};
// Of numbers from 0 on; NaN if one is.
struct Largest {
  SADDLESCAPE_KERNEL double operator()(double a, double b) const {
    return b <= a || a != a ? a : b;
  }
};

// out[piece] <- f(row, column) of the piece's columns brought together, of `pieces` pieces for each
// row; a block for each piece.
template <class Together, class F>
struct PerRow {
  std::int64_t columns, pieces;
  double* out;
  F f;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    SADDLESCAPE_SHARED double found[block_threads];
    const Together together{};
    const std::int64_t row = block.index() / pieces, piece = block.index() % pieces;
    const std::int64_t width = (columns + pieces - 1) / pieces, begin = piece * width;
    const std::int64_t end = begin + width < columns ? begin + width : columns;
    block.phase([&](int thread) {
      double own = 0;
      for (std::int64_t j = begin + thread; j < end; j += block_threads)
        own = together(own, f(row, j));
      found[thread] = own;
    });
    block.all([&](int thread) {
      if (thread != 0) return;
      double own = 0;
      for (int i = 0; i < block_threads; ++i) own = together(own, found[i]);
      out[block.index()] = own;
    });
  }
};

template <class F>
using RowSums = PerRow<Sum, F>;
template <class F>
using RowLargest = PerRow<Largest, F>;

}  // namespace
}  // namespace saddlescape::cuda::eig
