#include "eig/certify.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "core/blas.hpp"
#include "core/reduce.hpp"
#include "eig/dense.hpp"

namespace saddlescape::eig {
namespace {

constexpr double u = 0x1p-53;  // unit roundoff

double gamma(std::int64_t k) {
  const double ku = static_cast<double>(k) * u;
  return ku / (1 - ku);
}

// An upper bound of the Frobenius norm of an n x n matrix: its n^2 additions, and squares that
// underflow (each at most 2^-1022, so 2^-511 n in the norm), can only make the sum too small.
double norm_above(std::int64_t n, const double* x) {
  return std::sqrt(reduce::sum_squares(x, n * n)) * (1 + gamma(n * n + 8)) +
         static_cast<double>(n) * 0x1p-511;
}

// d >= ||E||_F, E = X X^T - I, where the rows of X are the columns of V.
double departure_from_orthonormal(std::int64_t n, const double* x, double* e) {
  std::fill(e, e + n * n, 0.0);
  for (std::int64_t i = 0; i < n; ++i) e[i * n + i] = 1;
  blas::gemm(blas::Op::none, blas::Op::transpose, n, n, n, 1.0, x, n, x, n, -1.0, e, n);
  const double v = norm_above(n, x);
  return norm_above(n, e) + gamma(n + 2) * (v * v + std::sqrt(static_cast<double>(n)));
}

// rho >= ||R||_F, R^T = X S - W X.
double residual(std::int64_t n, const double* s, const double* x, const double* w, double w_max,
                double* r) {
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < n; ++j) r[i * n + j] = w[i] * x[i * n + j];
  blas::gemm(blas::Op::none, blas::Op::none, n, n, n, 1.0, x, n, s, n, -1.0, r, n);
  const double s_norm = std::min(norm_above(n, s), largest_row_sum(n, s));
  return norm_above(n, r) + gamma(n + 3) * norm_above(n, x) * (s_norm + w_max);
}

}  // namespace

double largest_row_sum(std::int64_t n, const double* s) {
  double most = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    double sum = 0;
    for (std::int64_t j = 0; j < n; ++j) sum += std::abs(s[i * n + j]);
    most = std::max(most, sum);
  }
  return most * (1 + gamma(n));
}

double scaling_error(std::int64_t n, const Scaling& scaling, const double* s) {
  double error = static_cast<double>(n) * 0x1p-511;
  if (scaling.asymmetry > 0)
    error += scaling.asymmetry * (1 + gamma(n * n + 8)) + u * norm_above(n, s);
  return error;
}

template <class T>
double certified_eigenpairs(std::int64_t n, const T* a, double* w, double* rows) {
  if (n == 0) return 0;
  std::vector<double> s(static_cast<std::size_t>(n * n));
  const Scaling scaling = scaled_symmetric_part(n, a, s.data());
  std::copy(s.begin(), s.end(), rows);
  blas::eigh(n, rows, w, true);
  if (scaling.zero) return 0;  // S = 0 was copied, not computed: every eigenvalue is exactly 0
  const double w_max = std::max(std::abs(w[0]), std::abs(w[n - 1]));

  std::vector<double> work(static_cast<std::size_t>(n * n));
  const double d = departure_from_orthonormal(n, rows, work.data());
  if (!(d < 0.5))
    throw std::runtime_error("LAPACK dsyevd returned eigenvectors that are not orthonormal");
  const double rho = residual(n, s.data(), rows, w, w_max, work.data());
  // b <= (rho + 2 d max|w|) / (1 - d)
  double bound = (rho + 2 * d * w_max) / (1 - d);
  bound += scaling_error(n, scaling, s.data());
  bound *= 1 + 64 * u;  // the dozen roundings of this function

  unscale(n, scaling.exponent, w);
  // Subnormal results are rounded to a multiple of the smallest one.
  return std::ldexp(bound, scaling.exponent) + 2 * std::numeric_limits<double>::denorm_min();
}

template double certified_eigenpairs(std::int64_t, const float*, double*, double*);
template double certified_eigenpairs(std::int64_t, const double*, double*, double*);

}  // namespace saddlescape::eig
