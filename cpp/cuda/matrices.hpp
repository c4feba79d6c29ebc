// The kernels round Muon's products: a direction divided by its norm, copies.
#pragma once

#include <cstdint>
#include <limits>

#include "cuda/block.hpp"
#include "cuda/numbers.hpp"
#include "cuda/sums.hpp"
#include "cuda/table.hpp"
#include "update/loops.hpp"

namespace saddlescape::cuda {
namespace {

// D / max(|D|, eps) of matrices of so many numbers one behind the other, table.order; zeros where
// one has no part in this step. A block for each tile of each matrix.
template <class T>
struct Normalise {
  Table table;
  std::int64_t size;
  double eps;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    const std::int64_t tiles = (size + tile_size - 1) / tile_size;
    const std::int64_t matrix = block.index() / tiles, begin = block.index() % tiles * tile_size;
    const std::int64_t tensor = table.order[matrix], left = size - begin;
    const std::int64_t n = left < tile_size ? left : tile_size;
    T* const x = static_cast<T*>(table.directions) + matrix * size + begin;
    const bool here = table.now[tensor].gradient && table.control->non_finite == all_finite;
    const double norm = here ? table.totals[tensor].of[1].norm() : 1;
    // PyTorch divides by the norm; the product with its reciprocal rounds once more.
    const update::Scale<T> scaled(update::Scaling{1.0 / (norm < eps ? eps : norm),
                                                  std::numeric_limits<double>::infinity(), 1});
    block.all([&](int thread) {
      for (std::int64_t i = thread; i < n; i += block_threads) x[i] = here ? scaled(x[i]) : T(0);
    });
  }
};

// A block for each tile.
template <class T>
struct CopyNumbers {
  const T* from;
  T* to;
  std::int64_t n;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    const std::int64_t begin = block.index() * tile_size, left = n - begin;
    const std::int64_t length = left < tile_size ? left : tile_size;
    block.all([&](int thread) {
      for (std::int64_t i = thread; i < length; i += block_threads) to[begin + i] = from[begin + i];
    });
  }
};

}  // namespace
}  // namespace saddlescape::cuda
