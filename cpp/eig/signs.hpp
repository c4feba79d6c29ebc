// Counts of eigenvalues with certified signs, from two eliminations (eig/ldlt.hpp).
//
// S, the scaled symmetric part of A, is factored as S - s I and S + s I for a shift s above the
// tolerance t. With both bounds at most b <= s - t, the first has as many positive pivots as S has
// eigenvalues that are surely above t, the second as many negative ones as S has below -t; every
// eigenvalue beyond s + b on either side is among them. The bound is known after the elimination
// only: s is guessed, and taken again if it was too small. So S has to be there after an
// elimination: A holds it.
//
// Memory: a triangle for each of the two, n (n + 1) numbers, and half of that with four threads or
// more, which then share one elimination after the other. In place: the upper triangle of A is the
// room for both, one after the other, and the lower one keeps A.
#pragma once

#include <cstdint>

#include "eig/ldlt.hpp"

namespace saddlescape::eig {

struct CertifiedSigns {
  std::int64_t positive = 0;  // eigenvalues that are surely above the tolerance
  std::int64_t negative = 0;  // surely below minus the tolerance
  double band = 0;            // beyond it on either side each eigenvalue was counted
  double error_bound = 0;     // what the eliminations and the roundings before them are off by
  bool found = false;         // false if no shift was large enough: an elimination overflowed
  bool finite = true;         // false if A is not: then nothing was done
};

// a (n x n); tolerance >= 0. Throws std::invalid_argument as check_symmetric (eig/dense.hpp).
template <class T>
CertifiedSigns certified_signs(std::int64_t n, const T* a, double tolerance);

// The same with no room but for a few hundred rows. Whatever comes out, `a` holds its symmetric
// part afterwards: if it was exactly symmetric, what it held before. It throws, or finds that A is
// not finite, before anything has changed.
CertifiedSigns certified_signs_in_place(std::int64_t n, double* a, double tolerance);

// The factors of 2^-exponent (A + A^T) / 2 + shift I, for somebody who wants to see a proof.
template <class T>
void shifted_factors(std::int64_t n, const T* a, int exponent, double shift,
                     const Factors& factors);

}  // namespace saddlescape::eig
