// Signs of eigenvalues without eigenvalues: P M P^T = L D L^T with a bound on what it is off by.
//
// M (n x n, symmetric), D of pivots 1 x 1 and 2 x 2, L unit lower triangular. By Sylvester's law
// D has as many positive and negative eigenvalues as L D L^T, and if || L D L^T - P M P^T || <= b,
// then by Weyl M has at least as many eigenvalues above -b as D has positive ones, and at least as
// many below b as D has negative ones. n^3 / 3 operations, nearly all of them matrix products;
// eigenvalues take 4 n^3 / 3, half of them bound by memory.
//
// Rook pivoting (Ashcraft, Grimes, Lewis 1998, "Accurate symmetric indefinite linear equation
// solvers", SIAM J. Matrix Anal. Appl. 20, section 2.4): a pivot is the largest of its row and
// column, or stands beside one that is, so that no |l_ij| exceeds 2.79 and the bound stays small.
//
// The bound is no theorem about the algorithm, it is read off its numbers. With C the columns
// before they are divided by their pivots, l_k d_k = c_k + e_k, and S the Schur complement before a
// panel of at most q columns, each entry behind the panel and in it was computed as
// fl(s_ij - sum l_ik c_jk) over columns of the panel, in some order. So for every i, j
//
//   |L D L^T - P M P^T|_ij <= gamma_(q+2) sum over panels (|s_ij| + sum |l_ik| |c_jk| + |c_ik|
//   |l_jk|)
//                             + sum |l_ik| |e_jk| + |e_ik| |l_jk|
//
// (Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., lemma 8.4 and section 11.1;
// any order of summation, with or without FMA). The largest row sum of the right side bounds the
// 2-norm, and needs the column sums of |l|, |c|, |e| and the row sums of |S| only.
#pragma once

#include <cstdint>

namespace saddlescape::eig {

struct Signs {
  std::int64_t positive = 0;  // eigenvalues of D; what is neither has a sign that rounding hides
  std::int64_t negative = 0;
  double bound = 0;  // || L D L^T - P M P^T ||_2, infinite if the elimination overflowed
};

// m (n x n, row-major): its upper triangle is read, all of it is overwritten.
Signs signs_by_elimination(std::int64_t n, double* m);

}  // namespace saddlescape::eig
