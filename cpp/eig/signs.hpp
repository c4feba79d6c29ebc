// Counts of eigenvalues with certified signs, from two eliminations (eig/ldlt.hpp).
//
// S, the scaled symmetric part of A, is factored as S - s I and S + s I for a shift s above the
// tolerance t. With both bounds at most b <= s - t, the first has as many positive pivots as S has
// eigenvalues that are surely above t, the second as many negative ones as S has below -t; every
// eigenvalue beyond s + b on either side is among them. The bound is known after the elimination
// only: s is guessed, and taken again if it was too small.
#pragma once

#include <cstdint>

namespace saddlescape::eig {

struct CertifiedSigns {
  std::int64_t positive = 0;  // eigenvalues that are surely above the tolerance
  std::int64_t negative = 0;  // surely below minus the tolerance
  double band = 0;            // beyond it on either side each eigenvalue was counted
  double error_bound = 0;     // what the eliminations and the roundings before them are off by
  bool found = false;         // false if no shift was large enough: an elimination overflowed
};

// a (n x n), finite and symmetric; tolerance >= 0. Three matrices of work.
template <class T>
CertifiedSigns certified_signs(std::int64_t n, const T* a, double tolerance);

}  // namespace saddlescape::eig
