// From a dense symmetric to a tridiagonal matrix in two stages: T = Q^T S Q.
#pragma once

#include <cstdint>
#include <memory>

#include "eig/band.hpp"
#include "eig/bulge.hpp"

namespace saddlescape::eig {

// d (n), e (n - 1) <- the diagonals of T; s (n x n, row-major, both triangles) is destroyed. The
// largest |s_ij| should be near 1.
void tridiagonalize(std::int64_t n, double* s, double* d, double* e);

// The same; returns a bound of |lambda_i(T) - lambda_i(S)| for all i, infinite if there is none
// (eig/reduction_error.hpp).
double certified_tridiagonalize(std::int64_t n, double* s, double* d, double* e);

}  // namespace saddlescape::eig
