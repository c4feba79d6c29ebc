// Eigenvectors of a symmetric tridiagonal matrix for given eigenvalues, by inverse iteration.
//
// (T - lambda I) y = x is solved by elimination with partial pivoting from a random x, and again
// from y; vectors whose eigenvalues are within 1e-3 ||T|| of the one before are kept orthogonal to
// all those of their group (Jessup, Ipsen 1992, "Improving the accuracy of inverse iteration"; as
// LAPACK's dstein, which also splits T: here a group does what the pieces would do).
#pragma once

#include <cstdint>

namespace saddlescape::eig {

// w (k), ascending; row i of `rows` (k rows, `stride` apart) <- the unit eigenvector of w[i]. O(n
// k) operations, and O(n k^2) within groups.
void tridiagonal_vectors(std::int64_t n, const double* d, const double* e, std::int64_t k,
                         const double* w, double* rows, std::int64_t stride);

}  // namespace saddlescape::eig
