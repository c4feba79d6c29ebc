// Trace and diagonal from random signs, and both exactly from n products.
//
// With E[omega omega^T] = I, omega^T A omega has the mean tr A and omega (A omega), element by
// element, the mean diag A; for signs the variances are 2 (||A||_F^2 - sum a_ii^2) and
// sum_{l != j} a_jl^2 (Hutchinson, Commun. Stat. Simul. Comput. 19 (1990); Bekas, Kokiopoulou,
// Saad, Appl. Numer. Math. 57 (2007)).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/random.hpp"
#include "eig/products.hpp"

namespace saddlescape::eig {

class Hutchinson {
 public:
  // `elements`: the diagonal is wanted, not the trace alone; of vectors in the host's memory only.
  Hutchinson(const Operator& op, std::int64_t block, bool elements, std::uint64_t seed);

  // `count` more products. Throws std::invalid_argument if one is not finite, or if it shows that
  // the operator is not symmetric or not deterministic.
  void sample(std::int64_t count);

  std::int64_t products() const { return products_.count(); }
  // Everything below is of A / unit().
  double unit() const { return products_.unit(); }
  // (n): the means of omega (A omega) over all samples, and sum (sample - mean)^2. Empty without
  // `elements`.
  const std::vector<double>& mean() const { return mean_; }
  const std::vector<double>& deviations() const { return deviations_; }
  // The same of omega^T A omega.
  double trace_mean() const { return trace_mean_; }
  double trace_deviations() const { return trace_deviations_; }

 private:
  void take(const double* sign, const double* y);

  Products products_;
  const Vectors& on_;
  Random random_;
  std::int64_t block_, samples_ = 0;
  std::vector<double> mean_, deviations_;
  std::shared_ptr<double> first_sign_, first_product_;
  double norm_ = 0;  // the largest |A omega| seen
  double trace_mean_ = 0, trace_deviations_ = 0;
};

// diag(A) from the products with e_1 ... e_n, and one more that shows whether A is symmetric and
// the same each time; throws std::invalid_argument if not. Not scaled: no element is lost beside
// another one, however large.
struct ExactDiagonal {
  std::vector<double> values;
  std::int64_t products = 0;  // n + 1
};
ExactDiagonal exact_diagonal(const Operator& op, std::int64_t block);

}  // namespace saddlescape::eig
