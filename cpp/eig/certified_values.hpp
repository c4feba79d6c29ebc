// All eigenvalues of a dense symmetric matrix with a bound of their error, without eigenvectors.
//
// |w_i - lambda_i(A)| is at most what scaling and symmetrising did to A (eig/certify.hpp), what the
// reduction to T did to the eigenvalues (eig/reduction_error.hpp), and the width that bisection
// left with the error of its counts (eig/sturm.hpp): each of them a bound for every i.
#pragma once

#include <cstdint>

namespace saddlescape::eig {

// w (n), ascending; returns the bound.
template <class T>
double certified_eigenvalues(std::int64_t n, const T* a, double* w);

}  // namespace saddlescape::eig
