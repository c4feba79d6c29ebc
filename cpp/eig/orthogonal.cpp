#include "eig/orthogonal.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "core/blas.hpp"
#include "core/reduce.hpp"

namespace saddlescape::eig {
namespace {

using blas::Op;

// Below this part of the scale a row is rounding: the breakdown test.
constexpr double breakdown = 100 * std::numeric_limits<double>::epsilon();

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

// The longest of the rows first..last-1, and its norm.
std::pair<std::int64_t, double> longest(std::int64_t n, const double* v, std::int64_t first,
                                        std::int64_t last) {
  std::pair<std::int64_t, double> found(first, -1.0);
  for (std::int64_t row = first; row < last; ++row) {
    const double length = norm(n, v + row * n);
    if (length > found.second) found = {row, length};
  }
  return found;
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
                                 double scale_of_rows, double* c) {
  std::fill(c, c + k * k, 0.0);
  std::vector<std::int64_t> origin(static_cast<std::size_t>(k));
  for (std::int64_t i = 0; i < k; ++i) origin[i] = i;
  for (std::int64_t i = 0; i < k; ++i) {
    const auto [pivot, most] = longest(n, v, r + i, r + k);
    if (!(most > breakdown * scale_of_rows)) return i;
    double* q = v + (r + i) * n;
    if (pivot != r + i) std::swap_ranges(q, q + n, v + pivot * n);
    std::swap(origin[i], origin[pivot - r]);
    scale(n, 1 / most, q);
    // The rounding that q carries along the earlier rows has grown: take it out again.
    if (most < 0.1 * scale_of_rows && !orthonormalise_row(n, v, r + i)) return i;
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
