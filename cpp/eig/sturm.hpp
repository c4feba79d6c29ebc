// All eigenvalues of a symmetric tridiagonal matrix by counting those below a shift.
//
// T (n x n): diagonal d (n), off-diagonal e (n - 1). The leading principal minors of T - x I,
//
//   p_0 = 1,   p_1 = d_1 - x,   p_{i+1} = (d_{i+1} - x) p_i - e_i^2 p_{i-1},
//
// change their sign as often as T has eigenvalues below x (Sturm; Givens 1954). The quotients
// p_{i+1} / p_i that LAPACK's dlaebz and dlaneg take instead need no care for the range, but a
// division each, which takes as long as ten products; here both minors are scaled by a power of two
// every eight steps (Barth, Martin, Wilkinson 1967, "Calculation of the eigenvalues of a symmetric
// tridiagonal matrix by the method of bisection", say why they left this form: range alone).
//
// What rounding does. With |d|, |e| < 1 and |delta| <= u each, a step computes
//   p_{i+1} = ((d - x)(1 + delta_1)(1 + delta_2) p_i - e^2 (1 + delta_3)(1 + delta_4) p_{i-1})
//             (1 + delta_5).
// Take delta_5 into the p's, which keeps their signs: what was counted is exact for a matrix whose
// d_i - x is off by 2 u, whose e_i by 3/2 u, relatively and to first order. |d - x| <= 4, so T is
// moved by less than (8 + 3) u in the 2-norm; e below 2^-60 is lifted to 2^-60. Underflow: with
// e^2 >= 2^-120 a step shrinks the larger minor by no more than 2^-123, eight of them by no more
// than 2^-984; what underflows then, 2^-1074, is less than 2^-90 of it. In all, less than
// `count_error` = 16 u: a count at x is right for some T + E, ||E|| <= 16 u (on the scale of T).
// So each eigenvalue lies where the counts have it, 16 u at either end, whether or not they grow
// monotonically.
#pragma once

#include <cstdint>

namespace saddlescape::eig {

// Eigenvalues of T below each of x (count), to within count_error as above on the scale of the
// power of two above the largest |d_i|, |e_i|.
void count_below(std::int64_t n, const double* d, const double* e, std::int64_t count,
                 const double* x, std::int64_t* below);

// How far count_below may move the matrix, in its own units.
double count_error(std::int64_t n, const double* d, const double* e);

// w (n), ascending, by bisection. Elements e that are nothing beside the largest of all, 2^-54, are
// dropped first, and the pieces taken one by one. Returns a bound of |w_i - lambda_i(T)|, about
// 20 u ||T||. All finite; no smaller than 1e-280 and no larger than 1e280, but for zeros.
double tridiagonal_eigenvalues(std::int64_t n, const double* d, const double* e, double* w);

}  // namespace saddlescape::eig
