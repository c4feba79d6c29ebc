// Eigenvalues with a proof: a bound on |lambda_i(A) - w_i| from the computed eigenpairs alone.
//
// Symbols: S (n x n) the scaled symmetric part of A (eig/dense.hpp), V (n x n) the computed
// eigenvectors as columns, W = diag(w) ascending. Nothing is assumed of how V and w were found.
//
//   E = V^T V - I,  ||E|| <= d < 1        R = S V - V W,  ||R|| <= rho
//
// 1. Polar factors: V = Q P, Q orthogonal, P = (I + E)^(1/2). An eigenvalue e of E gives P - I the
//    eigenvalue sqrt(1 + e) - 1 = e / (sqrt(1 + e) + 1), so ||P - I|| <= d, and ||V - Q|| <= d.
// 2. S Q - Q W = R - S (V - Q) + (V - Q) W, hence
//      b := ||Q^T S Q - W|| = ||S Q - Q W|| <= rho + d (||S|| + max|w|).
// 3. Q^T S Q is symmetric and has the eigenvalues of S: by Weyl |lambda_i(S) - w_i| <= b, so
//    ||S|| <= max|w| + b, which put into 2. leaves no norm of S but the computed one:
//      b <= (rho + 2 d max|w|) / (1 - d).
// 4. rho and d are Frobenius norms of R and E as gemm computes them, plus what gemm may have got
//    wrong. For any order of summation, with or without FMA, with gamma_k = k u / (1 - k u)
//    (Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., section 3.5):
//      |fl(E) - E| <= gamma_(n+2) (|V|^T |V| + I)
//      |fl(R) - R| <= gamma_(n+3) (|S| |V| + |V| |W|)
//    with || |S||V| ||_F <= min(||S||_F, ||S||_inf) ||V||_F.
// 5. A instead of S: + ||A - A^T||_F / 2, which covers A's lower triangle, its upper triangle, and
//    every symmetric matrix whose elements lie between the two; + the roundings of S itself.
//
// The bound is about n^2 u ||A||, 1e-11 ||A|| at n = 300: far above the true error, since it
// trusts no rounding to cancel, and far below any eigenvalue that says something about a network.
#pragma once

#include <cstdint>

#include "eig/dense.hpp"

namespace saddlescape::eig {

// At least the largest row sum of |S|, and so its 2-norm.
double largest_row_sum(std::int64_t n, const double* s);

// ||S - 2^-exponent A||_2 at most: the asymmetry of A, the rounding of each mean, elements that
// underflow when scaled.
double scaling_error(std::int64_t n, const Scaling& scaling, const double* s);

// w (n) ascending, row i of `rows` (n x n) the eigenvector of w[i]; returns the bound, for all i.
// Throws std::runtime_error if the vectors that LAPACK returned are not even nearly orthonormal.
template <class T>
double certified_eigenpairs(std::int64_t n, const T* a, double* w, double* rows);

}  // namespace saddlescape::eig
