#include "eig/hutchinson.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "core/reduce.hpp"

namespace saddlescape::eig {
namespace {

// As for a sketch: far above the rounding of float32, far below dropout.
constexpr double allowed_asymmetry = 1e-2;

std::size_t length(std::int64_t count) { return static_cast<std::size_t>(count); }

// Welford, Technometrics 4 (1962): mean and squared deviations of one sample more.
void update(double sample, double samples, double& mean, double& deviations) {
  const double difference = sample - mean;
  mean += difference / samples;
  deviations += difference * (sample - mean);
}

[[noreturn]] void refuse(double off, std::int64_t product) {
  throw std::invalid_argument(
      "op: not symmetric, or not deterministic: u'(Av) and v'(Au) differ by " +
      std::to_string(off) + " |A v| at product " + std::to_string(product) + ", expected at most " +
      std::to_string(allowed_asymmetry) +
      " |A v|; switch off dropout, batch statistics and shuffling, or pass (A + A.T) / 2");
}

}  // namespace

Hutchinson::Hutchinson(const Operator& op, std::int64_t block, bool elements, std::uint64_t seed)
    : products_(op, block),
      random_(seed),
      block_(std::min(block, op.n)),
      mean_(length(elements ? op.n : 0)),
      deviations_(length(elements ? op.n : 0)) {}

void Hutchinson::sample(std::int64_t count) {
  const std::int64_t n = products_.n(), most = std::min(block_, count);
  std::vector<double> omega(length(checked_size(most, n))), product(omega.size());
  for (std::int64_t done = 0; done < count; done += block_) {
    const std::int64_t k = std::min(block_, count - done);
    for (std::int64_t i = 0; i < k; ++i) random_.signs(omega.data() + i * n, n);
    products_.multiply(k, omega.data(), product.data());
    for (std::int64_t i = 0; i < k; ++i) take(omega.data() + i * n, product.data() + i * n);
  }
}

void Hutchinson::take(const double* sign, const double* y) {
  const std::int64_t n = products_.n();
  const double samples = static_cast<double>(++samples_);
  update(reduce::dot(sign, y, n), samples, trace_mean_, trace_deviations_);
  for (std::size_t j = 0; j < mean_.size(); ++j)
    update(sign[j] * y[j], samples, mean_[j], deviations_[j]);
  if (samples_ == 1) {
    first_sign_.assign(sign, sign + n);
    first_product_.assign(y, y + n);
  }
  // omega_1^T A omega_i in both ways: a free test. Of independent signs it is about ||A||_F, as
  // |A omega_i| is.
  norm_ = std::max(norm_, std::sqrt(reduce::sum_squares(y, n)));
  const double off =
      std::abs(reduce::dot(first_sign_.data(), y, n) - reduce::dot(first_product_.data(), sign, n));
  if (off > allowed_asymmetry * norm_) refuse(off / norm_, products_.count());
}

ExactDiagonal exact_diagonal(const Operator& op, std::int64_t block) {
  const std::int64_t n = op.n;
  block = std::min(block, n);
  Products products(op, block);
  ExactDiagonal diagonal;
  std::vector<double> vectors(length(checked_size(block, n))), product(vectors.size());
  // A v for random signs v, so small that no sum overflows that the columns do not.
  std::vector<double> v(length(n)), all(length(n));
  Random(0).signs(v.data(), n);
  for (double& x : v) x = std::ldexp(x, -std::ilogb(static_cast<double>(n)) - 1);
  products.multiply_unscaled(1, v.data(), all.data());
  double largest = 0, off = 0;
  for (std::int64_t first = 0; first < n; first += block) {
    const std::int64_t k = std::min(block, n - first);
    for (std::int64_t i = 0; i < k; ++i) vectors[i * n + first + i] = 1;
    products.multiply_unscaled(k, vectors.data(), product.data());
    for (std::int64_t i = 0; i < k; ++i) {
      vectors[i * n + first + i] = 0;
      const double* const column = product.data() + i * n;
      diagonal.values.push_back(column[first + i]);
      // (A v)_j = v^T (A e_j) if A is symmetric, and the same each time.
      const double there = all[first + i], here = reduce::dot(v.data(), column, n);
      off = std::max(off, std::abs(here - there));
      largest = std::max({largest, std::abs(here), std::abs(there)});
    }
  }
  if (off > allowed_asymmetry * largest) refuse(off / largest, products.count());
  diagonal.products = products.count();
  return diagonal;
}

}  // namespace saddlescape::eig
