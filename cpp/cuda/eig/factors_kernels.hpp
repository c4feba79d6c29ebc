// The kernels of factors.hpp. Row k of `l` is column k of L.
#pragma once

#include <cstdint>

#include "cuda/block.hpp"
#include "cuda/eig/loops.hpp"

namespace saddlescape::cuda::eig {
namespace {

// What a row of D is: a block of its own, the first of two, the second of two.
constexpr std::int32_t alone = 0, first_of_two = 1, second_of_two = 2;

struct TakeD {
  const double* l;
  std::int64_t n;
  const std::int32_t* kind;
  double *d, *e;
  SADDLESCAPE_KERNEL void operator()(std::int64_t k) const {
    d[k] = l[k * n + k];
    e[k] = kind[k] == first_of_two ? l[k * n + k + 1] : 0;
  }
};

// Makes each row a whole column of L.
struct Complete {
  double* l;
  std::int64_t n;
  const std::int32_t* kind;
  SADDLESCAPE_KERNEL void operator()(std::int64_t at) const {
    const std::int64_t k = at / n, i = at % n;
    if (i < k || (i == k + 1 && kind[k] == first_of_two)) l[at] = 0;
    if (i == k) l[at] = 1;
  }
};

// LAPACK leaves a column as it was when it was eliminated: the exchanges that came later are done
// here, a column a thread.
struct Exchange {
  double* l;
  std::int64_t n;
  const std::int32_t *kind, *pivots;
  SADDLESCAPE_KERNEL void operator()(std::int64_t k) const {
    double* const column = l + k * n;
    for (std::int64_t i = k + 1; i < n; ++i) {
      if (kind[i] == second_of_two) continue;
      const std::int64_t to = kind[i] == alone ? i : i + 1;
      const std::int64_t from = (pivots[i] < 0 ? -pivots[i] : pivots[i]) - 1;
      if (from == to) continue;
      const double kept = column[to];
      column[to] = column[from];
      column[from] = kept;
    }
  }
};

// |L| y, an element a thread.
struct TimesMagnitudes {
  const double *l, *y;
  std::int64_t n;
  double* out;
  SADDLESCAPE_KERNEL void operator()(std::int64_t i) const {
    double sum = 0;
    for (std::int64_t k = 0; k <= i; ++k) {
      const double x = l[k * n + i];
      sum += (x < 0 ? -x : x) * y[k];
    }
    out[i] = sum;
  }
};

constexpr int wide = 64;  // a tile of R
constexpr int deep = 16;  // columns of L that are there at a time
constexpr int each = 4;   // elements of a thread, along either side
constexpr int across = wide / each;
constexpr std::int64_t chain = 64;  // products summed up before they are subtracted
static_assert(across * across == block_threads && chain % deep == 0);

struct Part {
  double r[each][each], sum[each][each];
};

// The row sums of |R| by tiles: those of row i over the columns of tile J go to sums[i tiles + J].
// A block for each pair of tiles (I, J), of which those below the diagonal have nothing to do: R is
// symmetric, and the column sums of tile (I, J) are the row sums of (J, I).
template <class T>
struct ResidualSums {
  std::int64_t n, tiles;
  const T* a;
  double first, second, shift;
  const std::int64_t* order;
  const double *l, *d, *e;
  double* sums;

  // P M P^T
  SADDLESCAPE_KERNEL double given(std::int64_t i, std::int64_t j) const {
    const std::int64_t row = order[i], column = order[j];
    const double x = static_cast<double>(a[row * n + column]) * first * second;
    const double y = static_cast<double>(a[column * n + row]) * first * second;
    const double mean = 0.5 * x + 0.5 * y;
    return i == j ? mean + shift : mean;
  }

  // C = L D
  SADDLESCAPE_KERNEL double scaled(std::int64_t i, std::int64_t k) const {
    double c = l[k * n + i] * d[k];
    if (k > 0 && e[k - 1] != 0) c += l[(k - 1) * n + i] * e[k - 1];
    if (k + 1 < n && e[k] != 0) c += l[(k + 1) * n + i] * e[k];
    return c;
  }

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    SADDLESCAPE_SHARED double left[deep][wide], right[deep][wide];
    SADDLESCAPE_SHARED double by_rows[wide][across], by_columns[across][wide];
    const std::int64_t I = block.index() / tiles, J = block.index() % tiles;
    if (J < I) return;
    const std::int64_t i0 = I * wide, j0 = J * wide;
    Own<Part> own;
    block.all([&](int thread) { begin(thread, i0, j0, own.of(thread)); });
    // C's rows end one behind the diagonal, where a block of two starts on it.
    const std::int64_t most = i0 + wide + 1, end = most < n ? most : n;
    for (std::int64_t k0 = 0; k0 < end; k0 += deep) {
      block.phase([&](int thread) { load(thread, k0, end, i0, j0, left, right); });
      const bool ends = (k0 + deep) % chain == 0 || k0 + deep >= end;
      block.phase([&](int thread) { subtract(thread, ends, left, right, own.of(thread)); });
    }
    block.phase([&](int thread) { add_up(thread, I == J, own.of(thread), by_rows, by_columns); });
    block.all([&](int thread) {
      if (thread >= wide) return;
      double row = 0, column = 0;
      for (int k = 0; k < across; ++k) {
        row += by_rows[thread][k];
        column += by_columns[k][thread];
      }
      if (i0 + thread < n) sums[(i0 + thread) * tiles + J] = I == J ? row + column : row;
      if (I != J && j0 + thread < n) sums[(j0 + thread) * tiles + I] = column;
    });
  }

 private:
  SADDLESCAPE_KERNEL static int row_of(int thread, int r) { return thread / across + across * r; }
  SADDLESCAPE_KERNEL static int column_of(int thread, int c) {
    return thread % across + across * c;
  }

  SADDLESCAPE_KERNEL void begin(int thread, std::int64_t i0, std::int64_t j0, Part& part) const {
    for (int r = 0; r < each; ++r)
      for (int c = 0; c < each; ++c) {
        const std::int64_t i = i0 + row_of(thread, r), j = j0 + column_of(thread, c);
        part.r[r][c] = i < n && j < n ? given(i, j) : 0;
        part.sum[r][c] = 0;
      }
  }

  // Adds the products of what was loaded; at the end of a chain its sum is taken off.
  SADDLESCAPE_KERNEL static void subtract(int thread, bool ends, const double (*left)[wide],
                                          const double (*right)[wide], Part& part) {
    for (int k = 0; k < deep; ++k)
      for (int r = 0; r < each; ++r)
        for (int c = 0; c < each; ++c)
          part.sum[r][c] += left[k][row_of(thread, r)] * right[k][column_of(thread, c)];
    for (int r = 0; ends && r < each; ++r)
      for (int c = 0; c < each; ++c) {
        part.r[r][c] -= part.sum[r][c];
        part.sum[r][c] = 0;
      }
  }

  SADDLESCAPE_KERNEL void load(int thread, std::int64_t k0, std::int64_t end, std::int64_t i0,
                               std::int64_t j0, double (*left)[wide], double (*right)[wide]) const {
    for (int at = thread; at < deep * wide; at += block_threads) {
      const int k = at / wide, c = at % wide;
      const bool there = k0 + k < end;
      left[k][c] = there && i0 + c < n ? scaled(i0 + c, k0 + k) : 0;
      right[k][c] = there && j0 + c < n ? l[(k0 + k) * n + j0 + c] : 0;
    }
  }

  // On the diagonal what lies below it is left out, and what is on it stands in one of the two.
  SADDLESCAPE_KERNEL static void add_up(int thread, bool diagonal, const Part& part,
                                        double (*by_rows)[across], double (*by_columns)[wide]) {
    for (int r = 0; r < each; ++r) {
      double sum = 0;
      for (int c = 0; c < each; ++c)
        if (!diagonal || row_of(thread, r) <= column_of(thread, c))
          sum += part.r[r][c] < 0 ? -part.r[r][c] : part.r[r][c];
      by_rows[row_of(thread, r)][thread % across] = sum;
    }
    for (int c = 0; c < each; ++c) {
      double sum = 0;
      for (int r = 0; r < each; ++r)
        if (!diagonal || row_of(thread, r) < column_of(thread, c))
          sum += part.r[r][c] < 0 ? -part.r[r][c] : part.r[r][c];
      by_columns[thread / across][column_of(thread, c)] = sum;
    }
  }
};

}  // namespace
}  // namespace saddlescape::cuda::eig
