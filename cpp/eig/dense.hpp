// All eigenvalues, or eigenpairs, of a dense symmetric matrix.
//
// A (n x n, row-major) is scaled by a power of two, S = 2^-e (A + A^T) / 2 with max |s_ij| in
// [1/2, 1), so that spectra near 1e-300 or 1e300 lose nothing. Eigenvalues alone: two stages to
// tridiagonal form (eig/tridiagonal.hpp), then bisection (eig/sturm.hpp); all eigenpairs, and
// matrices of small order: LAPACK's dsyevd on S.
// Disagreement with LAPACK, NumPy and SciPy: they read one triangle and never look at the other,
// so a matrix that is not symmetric gets an answer to another question. Here it is refused.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace saddlescape::eig {

// Throws std::invalid_argument, which says where the largest |a_ij - a_ji| is, if that is above
// 100 n eps max|A|, eps that of T: what a product X X^T or an assembly in T may leave behind.
template <class T>
void check_symmetric(std::int64_t n, const T* a, const std::string& name);

// What each |a_ij - a_ji| may be, and the refusal of one that is more.
template <class T>
double allowed_asymmetry(std::int64_t n, double most) {
  return 100.0 * static_cast<double>(n) * static_cast<double>(std::numeric_limits<T>::epsilon()) *
         most;
}
[[noreturn]] void refuse_asymmetry(const std::string& name, std::int64_t row, std::int64_t column,
                                   double difference, double allowed);

// S = 2^-exponent (A + A^T) / 2, written to s (n x n), which may be a.
struct Scaling {
  int exponent = 0;
  double asymmetry = 0;  // ||A - A^T||_F / 2 on the scale of S, as computed
  bool zero = false;     // A is zero, and so is S
};
template <class T>
Scaling scaled_symmetric_part(std::int64_t n, const T* a, double* s);

// w (n), ascending.
template <class T>
void eigenvalues(std::int64_t n, const T* a, double* w);

// The same with no memory for S: a holds anything afterwards. Throws std::invalid_argument, and
// leaves a as it is, if n max|a| is beyond float64.
void eigenvalues_over(std::int64_t n, double* a, double* w);

// w (n), ascending; row i of `rows` (n x n) is the unit eigenvector of w[i].
template <class T>
void eigenpairs(std::int64_t n, const T* a, double* w, double* rows);

// w <- 2^exponent w. Throws std::invalid_argument if one leaves float64's range.
void unscale(std::int64_t n, int exponent, double* w);
[[noreturn]] void refuse_range();

}  // namespace saddlescape::eig
