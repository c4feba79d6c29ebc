#include "eig/orthogonal.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/blas.hpp"
#include "core/isa.hpp"
#include "core/parallel.hpp"
#include "core/reduce.hpp"
#include "eig/orthogonal_kernels.hpp"
#include "eig/pieces.hpp"

namespace saddlescape::eig {

const OrthogonalKernels& orthogonal_kernels() { SADDLESCAPE_ACTIVE(_orthogonal) }

namespace {

using blas::Op;
using Vector = std::vector<double>;

// Up to so many vectors our own loops take out of a basis, bound by memory; more are worth a
// matrix product.
constexpr std::int64_t few = 4;

// The columns are cut into pieces that depend on n alone, and a piece into tiles whose part of the
// basis stays in the second cache.
constexpr std::int64_t most_pieces = 64, least_width = 512, tile_bytes = 512 * 1024;

std::int64_t rounded_up(std::int64_t count, std::int64_t unit) {
  return (count + unit - 1) / unit * unit;
}

// piece(begin, end, h) for all pieces, on threads; h (size) <- the sum of theirs, in order.
template <class Piece>
void by_pieces(std::int64_t n, std::int64_t size, double* h, const Piece& piece) {
  const std::int64_t width =
      std::max(least_width, rounded_up((n + most_pieces - 1) / most_pieces, 8));
  const std::int64_t pieces = (n + width - 1) / width;
  Vector sums(static_cast<std::size_t>(pieces * size));
  parallel_for(pieces, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t p = first; p < last; ++p)
      piece(p * width, std::min(n, (p + 1) * width), sums.data() + p * size);
  });
  std::fill(h, h + size, 0.0);
  for (std::int64_t p = 0; p < pieces; ++p)
    for (std::int64_t i = 0; i < size; ++i) h[i] += sums[p * size + i];
}

template <class Tile>
void by_tiles(std::int64_t begin, std::int64_t end, std::int64_t rows, const Tile& tile) {
  const std::int64_t fitting = tile_bytes / 8 / std::max<std::int64_t>(1, rows) / 64 * 64;
  const std::int64_t width = std::max<std::int64_t>(64, fitting);
  for (std::int64_t at = begin; at < end; at += width) tile(at, std::min(width, end - at));
}

constexpr std::int64_t rotated = 1024;  // columns rotated at once: the copy of them stays in cache

}  // namespace

void take_out(std::int64_t n, const double* q, std::int64_t k, double* x, double* taken,
              const Sum& sum) {
  Vector coefficients(static_cast<std::size_t>(k));
  for (std::int64_t j = 0; j < k; ++j) coefficients[j] = reduce::dot(q, x + j * n, n);
  over_all(sum, k, coefficients.data());
  for (std::int64_t j = 0; j < k; ++j) {
    for (std::int64_t i = 0; i < n; ++i) x[j * n + i] -= coefficients[j] * q[i];
    taken[j] += coefficients[j];
  }
}

void inner_products(std::int64_t n, std::int64_t j, const double* v, std::int64_t k,
                    const double* b, double alpha, double* h, const Sum& sum) {
  if (n == 0)  // no leading dimension for BLAS
    std::fill(h, h + j * k, 0.0);
  else
    blas::gemm(Op::none, Op::transpose, j, k, n, alpha, v, n, b, n, 0.0, h, k);
  over_all(sum, j * k, h);
}

void norms(std::int64_t n, std::int64_t k, const double* x, double* lengths, const Sum& sum) {
  for (std::int64_t i = 0; i < k; ++i) lengths[i] = reduce::sum_squares(x + i * n, n);
  over_all(sum, k, lengths);
  for (std::int64_t i = 0; i < k; ++i) lengths[i] = std::sqrt(lengths[i]);
}

// Three sweeps over V for one vector or a few; h is k x j inside, one vector's products in a row.
void project_out_twice(std::int64_t n, std::int64_t j, const double* v, std::int64_t k, double* b,
                       double* h, const Sum& sum) {
  if (k > few) {
    Vector again(static_cast<std::size_t>(j * k));
    project_out(n, j, v, k, b, h, sum);
    project_out(n, j, v, k, b, again.data(), sum);
    for (std::int64_t i = 0; i < j * k; ++i) h[i] += again[i];
    return;
  }
  const OrthogonalKernels& kernels = orthogonal_kernels();
  const std::int64_t size = j * k;
  Vector first(static_cast<std::size_t>(size)), second(static_cast<std::size_t>(size));
  const auto dots = [&](std::int64_t at, std::int64_t width, double* sums) {
    for (std::int64_t a = 0; a < k; ++a)
      kernels.dots(width, j, v + at, n, b + a * n + at, sums + a * j);
  };
  const auto take_out = [&](std::int64_t at, std::int64_t width, const Vector& of) {
    for (std::int64_t a = 0; a < k; ++a)
      kernels.take_out(width, j, v + at, n, of.data() + a * j, b + a * n + at);
  };
  by_pieces(n, size, first.data(), [&](std::int64_t begin, std::int64_t end, double* sums) {
    by_tiles(begin, end, j, [&](auto at, auto width) { dots(at, width, sums); });
  });
  over_all(sum, size, first.data());
  by_pieces(n, size, second.data(), [&](std::int64_t begin, std::int64_t end, double* sums) {
    by_tiles(begin, end, j, [&](auto at, auto width) {
      take_out(at, width, first);
      dots(at, width, sums);
    });
  });
  over_all(sum, size, second.data());
  by_pieces(n, 0, nullptr, [&](std::int64_t begin, std::int64_t end, double*) {
    by_tiles(begin, end, j, [&](auto at, auto width) { take_out(at, width, second); });
  });
  for (std::int64_t i = 0; i < j; ++i)
    for (std::int64_t a = 0; a < k; ++a) h[i * k + a] = first[a * j + i] + second[a * j + i];
}

void project_out(std::int64_t n, std::int64_t j, const double* v, std::int64_t k, double* b,
                 double* h, const Sum& sum) {
  if (k > 1) {
    inner_products(n, j, v, k, b, 1.0, h, sum);
    if (n > 0) blas::gemm(Op::transpose, Op::none, k, n, j, -1.0, h, k, v, n, 1.0, b, n);
    return;
  }
  const OrthogonalKernels& kernels = orthogonal_kernels();
  by_pieces(n, j, h, [&](std::int64_t begin, std::int64_t end, double* sums) {
    by_tiles(begin, end, j,
             [&](auto at, auto width) { kernels.dots(width, j, v + at, n, b + at, sums); });
  });
  over_all(sum, j, h);
  by_pieces(n, 0, nullptr, [&](std::int64_t begin, std::int64_t end, double*) {
    by_tiles(begin, end, j,
             [&](auto at, auto width) { kernels.take_out(width, j, v + at, n, h, b + at); });
  });
}

void rotate_rows(std::int64_t n, std::int64_t l, std::int64_t j, const double* s, double* v) {
  const std::int64_t tiles = (n + rotated - 1) / rotated;
  parallel_for(tiles, 1, [&](std::int64_t first, std::int64_t last) {
    Vector copy(static_cast<std::size_t>(l * std::min(n, rotated)));
    for (std::int64_t t = first; t < last; ++t) {
      const std::int64_t begin = t * rotated, width = std::min(rotated, n - begin);
      blas::gemm(Op::none, Op::none, l, width, j, 1.0, s, j, v + begin, n, 0.0, copy.data(), width);
      for (std::int64_t i = 0; i < l; ++i)
        std::copy_n(copy.data() + i * width, width, v + i * n + begin);
    }
  });
}

}  // namespace saddlescape::eig
