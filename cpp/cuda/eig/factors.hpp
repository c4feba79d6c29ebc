// The factors of P M P^T = L D L^T on the device, as cuda/solver.hpp leaves them, put in order, and
// how far L D L^T is from P M P^T, counted after the fact.
//
// Nothing is assumed of how the factors were found, and no library has a part in the count: M is
// symmetric, L unit lower triangular, D of blocks 1 x 1 and 2 x 2, whatever stands in them. With
// C = L D, each of three roundings, the kernel computes every element of R = P M P^T - C L^T by
// sums of q = 64 products, n / q of which are subtracted one after the other, so that (Higham,
// "Accuracy and Stability of Numerical Algorithms", 2nd ed., section 3.5; u = 2^-53, gamma_k = k u
// / (1 - k u))
//
//   |error of R| <= gamma_(q + n/q + 6) (|P M P^T| + |L| |D| |L^T|)
//
// and the largest row sum of |R| and of this bounds the 2-norm: a row sum of |L| |D| |L^T| is three
// products with a vector, from the right to the left. Only what is on and above R's diagonal is
// computed, R being symmetric as it is meant. It takes the n^3 / 3 operations of the factorization.
#pragma once

#include <cstdint>
#include <vector>

#include "cuda/device.hpp"
#include "eig/ldlt.hpp"

namespace saddlescape::cuda::eig {

using saddlescape::eig::Signs;

// What is left of a factorization beside L.
struct Blocks {
  std::vector<double> d, e;         // D's diagonal; e[k] below d[k], not 0 where two start
  std::vector<std::int64_t> order;  // (P M P^T)_ij = M_(order i, order j)
  bool found = false;               // false: these are no exchanges
};

// `a`: row k holds column k of L behind the diagonal, D on it and beside it. Afterwards row k is
// column k of L whole, 0 and 1 included.
Blocks put_in_order(const Stream& stream, std::int64_t n, double* a, const std::int32_t* pivots);

// The signs of D, and at least || L D L^T - P M P^T ||_2 for M = S + shift I, S = 2^-exponent
// (A + A^T) / 2 as symmetric_part (cuda/eig/matrix.hpp) computes it; infinite if there is no such
// number. row_sums: of |S|.
template <class T>
Signs signs_of(const Stream& stream, std::int64_t n, const T* a, int exponent, double shift,
               const double* l, const Blocks& blocks, const std::vector<double>& row_sums);

}  // namespace saddlescape::cuda::eig
