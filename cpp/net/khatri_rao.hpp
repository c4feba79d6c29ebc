// Products of a matrix with the row-wise products of two others, tile by tile.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/blas.hpp"
#include "core/memory.hpp"
#include "core/parallel.hpp"

namespace saddlescape::net {

struct Pair {
  std::int64_t first, second;
};

inline std::vector<Pair> all_pairs(std::int64_t first, std::int64_t second) {
  std::vector<Pair> pairs;
  for (std::int64_t i = 0; i < first; ++i)
    for (std::int64_t j = 0; j < second; ++j) pairs.push_back({i, j});
  return pairs;
}

inline std::vector<Pair> ordered_pairs(std::int64_t count) {
  std::vector<Pair> pairs;
  for (std::int64_t i = 0; i < count; ++i)
    for (std::int64_t j = i; j < count; ++j) pairs.push_back({i, j});
  return pairs;
}

// A tile's product stays in the second-level cache, its columns in the third.
constexpr std::int64_t most_rows = 1024, most_columns = 384;

// [0, count) in equal parts of at most `most`.
struct Parts {
  std::int64_t count, parts;

  Parts(std::int64_t total, std::int64_t most)
      : count(total), parts(std::max<std::int64_t>(1, (total + most - 1) / most)) {}
  std::int64_t begin(std::int64_t part) const { return count * part / parts; }
};

// For tiles of the products of left[r] and x[c.first] y[c.second], summed over n samples:
// add(r0, r1, c0, c1, tile), tile (r1 - r0, c1 - c0). They run at the same time.
template <class Add>
void khatri_rao(std::int64_t n, const double* left, std::int64_t rows, const double* x,
                const double* y, const std::vector<Pair>& columns, const Add& add) {
  const Parts down(rows, most_rows);
  const Parts across(static_cast<std::int64_t>(columns.size()), most_columns);
  parallel_for(down.parts * across.parts, 1, [&](std::int64_t begin, std::int64_t end) {
    const auto right = numbers(most_columns * n), out = numbers(most_rows * most_columns);
    for (std::int64_t tile = begin; tile < end; ++tile) {
      const std::int64_t r0 = down.begin(tile % down.parts);
      const std::int64_t r1 = down.begin(tile % down.parts + 1);
      const std::int64_t c0 = across.begin(tile / down.parts);
      const std::int64_t c1 = across.begin(tile / down.parts + 1);
      for (std::int64_t c = c0; c < c1; ++c) {
        const double *u = x + columns[c].first * n, *v = y + columns[c].second * n;
        double* to = right.get() + (c - c0) * n;
        for (std::int64_t i = 0; i < n; ++i) to[i] = u[i] * v[i];
      }
      blas::gemm(blas::Op::none, blas::Op::transpose, r1 - r0, c1 - c0, n, 1.0, left + r0 * n, n,
                 right.get(), n, 0.0, out.get(), c1 - c0);
      add(r0, r1, c0, c1, out.get());
    }
  });
}

}  // namespace saddlescape::net
