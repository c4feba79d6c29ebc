#include "eig/orthogonal.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/blas.hpp"
#include "core/reduce.hpp"

namespace saddlescape::eig {
namespace {

using blas::Op;

constexpr std::int64_t tile = 4096;  // columns rotated at once: the copy of them stays in cache

void scale(std::int64_t n, double factor, double* x) {
  for (std::int64_t i = 0; i < n; ++i) x[i] *= factor;
}

// Takes q out of x and returns the coefficient.
double take_out(std::int64_t n, const double* q, double* x) {
  const double coefficient = reduce::dot(q, x, n);
  for (std::int64_t i = 0; i < n; ++i) x[i] -= coefficient * q[i];
  return coefficient;
}

}  // namespace

double norm(std::int64_t n, const double* x) { return std::sqrt(reduce::sum_squares(x, n)); }

void project_out(std::int64_t n, std::int64_t j, const double* v, std::int64_t k, double* b,
                 double* h) {
  blas::gemm(Op::none, Op::transpose, j, k, n, 1.0, v, n, b, n, 0.0, h, k);
  blas::gemm(Op::transpose, Op::none, k, n, j, -1.0, h, k, v, n, 1.0, b, n);
}

bool orthonormalise_row(std::int64_t n, double* v, std::int64_t r) {
  double* x = v + r * n;
  std::vector<double> h(static_cast<std::size_t>(std::max<std::int64_t>(1, r)));
  // "Twice is enough" (Kahan, in Parlett, section 6.9): a pass that leaves most of the vector
  // leaves it orthogonal. More than two are needed only where rounding is all that it held.
  for (int pass = 0; pass < 6; ++pass) {
    if (r > 0) project_out(n, r, v, 1, x, h.data());
    const double left = norm(n, x);
    if (!(left > 1e-8)) return false;
    scale(n, 1 / left, x);
    if (left > 0.7) return true;
  }
  return false;
}

std::int64_t orthonormalise_rows(std::int64_t n, double* v, std::int64_t r, std::int64_t k,
                                 double threshold, double* c) {
  std::fill(c, c + k * k, 0.0);
  std::vector<std::int64_t> origin(static_cast<std::size_t>(k));
  for (std::int64_t i = 0; i < k; ++i) origin[i] = i;
  for (std::int64_t i = 0; i < k; ++i) {
    std::int64_t pivot = i;
    double most = -1;
    for (std::int64_t j = i; j < k; ++j) {
      const double length = norm(n, v + (r + j) * n);
      if (length > most) {
        most = length;
        pivot = j;
      }
    }
    if (!(most > threshold)) return i;
    double* q = v + (r + i) * n;
    if (pivot != i) std::swap_ranges(q, q + n, v + (r + pivot) * n);
    std::swap(origin[i], origin[pivot]);
    scale(n, 1 / most, q);
    // The rounding that q carries along the earlier rows has grown by 1/most: take it out again.
    if (!orthonormalise_row(n, v, r + i)) return i;
    c[i * k + origin[i]] = most;
    for (std::int64_t j = i + 1; j < k; ++j)
      for (int pass = 0; pass < 2; ++pass) c[i * k + origin[j]] += take_out(n, q, v + (r + j) * n);
  }
  return k;
}

void rotate_rows(std::int64_t n, std::int64_t l, std::int64_t j, const double* s, double* v) {
  std::vector<double> rotated(static_cast<std::size_t>(l * std::min(n, tile)));
  for (std::int64_t begin = 0; begin < n; begin += tile) {
    const std::int64_t width = std::min(tile, n - begin);
    blas::gemm(Op::none, Op::none, l, width, j, 1.0, s, j, v + begin, n, 0.0, rotated.data(),
               width);
    for (std::int64_t i = 0; i < l; ++i)
      std::copy_n(rotated.data() + i * width, width, v + i * n + begin);
  }
}

void polish_rows(std::int64_t n, std::int64_t l, double* v) {
  std::vector<double> step(static_cast<std::size_t>(l * l));
  // I - E/2 = 3/2 I - V V^T / 2
  blas::gemm(Op::none, Op::transpose, l, l, n, -0.5, v, n, v, n, 0.0, step.data(), l);
  for (std::int64_t i = 0; i < l; ++i) step[i * l + i] += 1.5;
  rotate_rows(n, l, l, step.data(), v);
}

}  // namespace saddlescape::eig
