// The seam to cuSOLVER: nothing else names it. Matrices are symmetric, n x n, float64, in device
// memory, with both triangles; everything is row-major here.
//
// cuSOLVER says by a number in device memory whether it did what it was asked for, so each of these
// waits for the stream before it returns.
#pragma once

#include <cstdint>

#include "cuda/device.hpp"

namespace saddlescape::cuda::solver {

// Eigenvalues of `a`, ascending into w (n), in device memory. `a` is destroyed; with vectors, row i
// of it becomes the unit eigenvector of w[i]. Divide and conquer (cusolverDnXsyevd). Throws Error
// with the call and its status, or if it did not converge; OutOfMemory.
void eigh(const Stream& stream, std::int64_t n, double* a, double* w, bool vectors);

// cuSOLVER's factorization counts in 32 bits; beyond, n^2 leaves them.
constexpr std::int64_t most_ldlt = 46340;

// Bunch's and Kaufman's factorization with partial pivoting (cusolverDnDsytrf), as LAPACK's dsytrf
// leaves it for a lower triangle: behind the diagonal row k of `a` holds column k of L, and pivots
// (n) tell the exchanges, from 1 on, negative for both rows of a block of two. A pivot of zero is
// no fault. n at most most_ldlt.
void ldlt(const Stream& stream, std::int64_t n, double* a, std::int32_t* pivots);

}  // namespace saddlescape::cuda::solver
