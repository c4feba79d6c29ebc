// What the residuals of a few eigenpairs say of their eigenvalues.
//
//     |lambda - theta| <= r             always, for some eigenvalue lambda
//     |lambda - theta| <= r^2 / gap     gap: from theta to the nearest other eigenvalue
//
// The second is Kato's and Temple's (Parlett, "The symmetric eigenvalue problem" (1998), theorem
// 11.7.1). It takes the neighbours to be those that were found: the pairs themselves, and behind
// the innermost pair of each end the next Ritz value, each moved by its own residual.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace saddlescape::eig {

// The nearest Ritz values that are not among the wanted, moved by their residuals towards them;
// infinitely far where there are none.
struct Neighbours {
  double above_low = std::numeric_limits<double>::infinity();
  double below_high = -std::numeric_limits<double>::infinity();
};

// `values` (k) ascending, the first `low` of them from the lower end.
std::vector<double> gaps(const std::vector<double>& values, const std::vector<double>& residuals,
                         std::int64_t low, const Neighbours& next);

// min(r, r^2 / gap) + rounding.
std::vector<double> bounds(const std::vector<double>& residuals, const std::vector<double>& gaps,
                           double rounding);

// How many of the values can't be told from each by their residuals, itself included.
std::vector<std::int64_t> multiplicities(const std::vector<double>& values,
                                         const std::vector<double>& residuals, double rounding);

}  // namespace saddlescape::eig
