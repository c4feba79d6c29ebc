// All eigenvalues, eigenpairs, and certified signs of a dense symmetric matrix in device memory:
// eig/dense.hpp and eig/signs.hpp on the device.
//
// A (n x n, row-major) is refused and scaled as on the CPU; what comes out is float64 and stays on
// the device. Everything is in the stream's order, and each of these waits for it.
#pragma once

#include <cstdint>
#include <string>

#include "cuda/device.hpp"
#include "eig/signs.hpp"

namespace saddlescape::cuda::eig {

// Throws std::invalid_argument if A is not finite or not symmetric.
template <class T>
void check_symmetric(const Stream& stream, std::int64_t n, const T* a, const std::string& name);

// w (n), ascending. Room for n^2 numbers and cuSOLVER's own. Throws std::invalid_argument as
// check_symmetric, OutOfMemory, Error.
template <class T>
void eigenvalues(const Stream& stream, std::int64_t n, const T* a, double* w);

// w (n), ascending; row i of `rows` (n x n) is the unit eigenvector of w[i].
template <class T>
void eigenpairs(const Stream& stream, std::int64_t n, const T* a, double* w, double* rows);

// As on the CPU, with room for n^2 numbers: a factorization is cuSOLVER's, its proof our own
// (cuda/eig/factors.hpp). n at most solver::most_ldlt.
template <class T>
saddlescape::eig::CertifiedSigns certified_signs(const Stream& stream, std::int64_t n, const T* a,
                                                 double tolerance);

}  // namespace saddlescape::cuda::eig
