// How surely no eigenvector is missing: what a random start says of those that it did not find.
//
// Let A y = e y for a unit vector y. From the invariant V A = T V + C^T Q of a Krylov space,
//
//     (e - theta_i) (x_i . y) = (C s_i) . z,   z = Q y,  |z| <= 1,   T s_i = theta_i s_i
//
// so the component of y in the start vectors, which lie in the space, is M z with a small M: were y
// there, the random start would have to be almost orthogonal to it. A fixed unit vector has in b
// random orthonormal ones of R^n a component of at most d with the probability of a Beta(b / 2,
// (n - b) / 2) distribution; for b = 1 that is about sqrt(2 n / pi) d. M is known for this space
// and this spectrum (van Dorsselaer, Hochstenbach, van der Vorst, "Computing probabilistic bounds
// for extreme eigenvalues of symmetric matrices with the Lanczos method" (1999)); Kuczynski and
// Wozniakowski (SIAM J. Matrix Anal. Appl. 13 (1992)) bound it over all spectra, 1.648 sqrt(n)
// exp(-sqrt(g) (2j - 1)) after j steps, which asks for two to four times as many of them.
//
// Beyond e, where the space has no Ritz value, M gets smaller: for one start vector and a space
// that was not restarted it is a product over the Ritz values. For blocks, and past Ritz values
// that are known already, this is taken over, not proved: the probability is that of a vector at e
// itself. A restart drops Ritz vectors x_i and keeps Q: their part of y follows from z by the same
// equation, so the sum goes on through any number of restarts. Both sources do without.
#pragma once

#include <cstdint>
#include <vector>

#include "eig/krylov.hpp"

namespace saddlescape::eig {

class Missing {
 public:
  // Of eigenvalues at `edge` and further from the middle, apart from the `known` ones, whose
  // vectors `space` holds. Its next block has just been drawn at random, orthogonal to them.
  Missing(const Krylov& space, double edge, bool low, const std::vector<double>& known);

  // Before every space.keep(ritz, kept).
  void restart(const Krylov& space, const Ritz& ritz, const std::vector<std::int64_t>& kept);

  // The probability that such a start and such a space miss a vector; 1 where a new Ritz value lies
  // beyond the edge.
  double probability(const Krylov& space, const Ritz& ritz) const;

 private:
  std::vector<double> behind(const Krylov& space, const Ritz& ritz,
                             const std::vector<bool>& counted) const;
  std::int64_t beyond(const std::vector<double>& values) const;

  double edge_;
  bool low_;
  std::int64_t n_, beyond_, rows_;
  // start . y = sum_i start_i (v_i . y): rows_ x the vectors of the space and of its next block, as
  // many as there were when this was last written.
  std::int64_t known_;
  std::vector<double> start_;
};

}  // namespace saddlescape::eig
