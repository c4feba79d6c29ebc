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
// column, or stands beside one that is, so that no |l_ij| exceeds 2 and the bound stays small.
// Disagreement with the paper and LAPACK's dsytf2_rook:
// - the search starts at the largest of the next few diagonal elements, not at the first one (as in
//   the paper's section 2.3, but over a window instead of all): of a dense random matrix nine in
//   ten of those are pivots at once, of the first ones hardly any, and columns near the first one
//   lie in memory side by side;
// - alpha is 1/2 instead of (1 + sqrt(17)) / 8. That is the one of least growth in the worst case;
//   this one makes the largest |l_ij| smallest, and a search is over sooner.
//
// The bound is no theorem about the algorithm, it is read off its numbers. With C the columns
// before they are divided by their pivots, l_k d_k = c_k + e_k, and S the Schur complement before a
// panel, each entry behind the panel and in it was computed as fl(s_ij - sum l_ik c_jk) over
// columns of the panel: by chains of q products, of which no more than r are subtracted one after
// the other. So for every i, j
//
//   |L D L^T - P M P^T|_ij <= gamma_(q+r) sum over panels (|s_ij| + sum |l_ik| |c_jk| + |c_ik|
//   |l_jk|)
//                             + sum |l_ik| |e_jk| + |e_ik| |l_jk|
//
// (Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., lemma 8.4 and section 11.1;
// any order within a chain, with or without FMA). The largest row sum of the right side bounds the
// 2-norm, and needs the column sums of |l|, |c|, |e| and the row sums of |S| only. A division that
// is rounded once has |e| <= u |c|: that of a pivot 1 x 1 is in the first line with gamma_(q+r+1).
#pragma once

#include <cstdint>

namespace saddlescape::eig {

struct Signs {
  std::int64_t positive = 0;  // eigenvalues of D; what is neither has a sign that rounding hides
  std::int64_t negative = 0;
  double bound = 0;  // || L D L^T - P M P^T ||_2, infinite if the elimination overflowed
};

// The upper triangle of a matrix, by rows: row(i)[j] for j >= i. Either in the room of a whole
// matrix, whose strictly lower triangle is left alone, or packed: then row i starts at the multiple
// of 8 before column i, so that whatever is a multiple of 8 lies at the start of a cache line.
struct Triangle {
  double* start;
  std::int64_t n;
  bool packed;

  static std::int64_t packed_size(std::int64_t n) {
    const std::int64_t width = (n + 7) / 8 * 8;
    return width * (width + 8) / 2;
  }
  double* row(std::int64_t i) const {
    if (!packed) return start + i * n;
    const std::int64_t width = (n + 7) / 8 * 8, first = i / 8 * 8;
    return start + first * width - first * (first - 8) / 2 + (i - first) * (width - first) - first;
  }
};

// Where the factors go that somebody wants to see. Row i of L is that of row order[i] of M; d is
// the diagonal of D, e[k] the element below d[k], not 0 where a pivot of two starts.
struct Factors {
  double* L;  // n x n, zero and ones on the diagonal at the start
  std::int64_t* order;
  double* d;
  double* e;  // zero at the start
};

// M is overwritten. magnitudes (n): the row sums of |M|, or more. Uses all threads, with the same
// bits for any number of them.
Signs signs_by_elimination(const Triangle& m, const double* magnitudes,
                           const Factors* factors = nullptr);

}  // namespace saddlescape::eig
