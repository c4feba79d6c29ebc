// Several sums over a tile at once, with the same bits for every instruction set.
//
// Terms and the sums of up to eight rows of sixteen are of the type that is summed, the sums of
// those float64: conversions would cost more than all else. In float32 that is right to 5e-7
// of the sum of the terms' sizes, where the terms neither overflow nor vanish.
//
// Internal linkage, nothing of std::.
#pragma once

#include <cstdint>

#include "core/lanes.hpp"

namespace saddlescape::lanes {
namespace {

constexpr std::int64_t tile_row = Lanes::count, rows_together = 8;

template <class T, int count>
struct RowSums {
  T lane[count][tile_row] = {};
};

// add(i, m, row): adds the terms of elements i to i + m - 1, m <= 16, to the first m lanes of each
// of row.lane; m is a constant 16 but for the last ones.
template <class T, int count, class Add>
SADDLESCAPE_BLOCK_LOOP void tile_sums(std::int64_t n, double* sums, const Add& add) {
  Lanes total[count];
  const auto take = [&](const RowSums<T, count>& row) {
    for (int k = 0; k < count; ++k)
#pragma omp simd
      for (std::int64_t j = 0; j < tile_row; ++j)
        total[k].lane[j] += static_cast<double>(row.lane[k][j]);
  };
  constexpr std::int64_t together = rows_together * tile_row;
  std::int64_t i = 0;
  for (; i + together <= n; i += together) {
    RowSums<T, count> row;
    for (std::int64_t k = i; k < i + together; k += tile_row) add(k, tile_row, row);
    take(row);
  }
  RowSums<T, count> rest;
  for (; i + tile_row <= n; i += tile_row) add(i, tile_row, rest);
  add(i, n - i, rest);
  take(rest);
  for (int k = 0; k < count; ++k) sums[k] = total[k].total();
}

}  // namespace
}  // namespace saddlescape::lanes
