// A few eigenpairs at the ends of the spectrum of a dense symmetric matrix.
//
// The values from T as in eig/dense.hpp, the vectors of T by inverse iteration, and those of S by
// applying both stages' reflectors to them: 4 n^2 operations a vector. The second stage's take
// n^2 / 2 numbers of memory.
#pragma once

#include <cstdint>

namespace saddlescape::eig {

// w (low + high), ascending: the `low` smallest and the `high` largest; row i of `rows`
// (low + high, n) is the unit eigenvector of w[i]. low + high <= n.
template <class T>
void end_pairs(std::int64_t n, const T* a, std::int64_t low, std::int64_t high, double* w,
               double* rows);

}  // namespace saddlescape::eig
