#include "eig/hutchinson.hpp"

#include <algorithm>

#include "core/reduce.hpp"

namespace saddlescape::eig {
namespace {

std::size_t length(std::int64_t count) { return static_cast<std::size_t>(count); }

// Welford, Technometrics 4 (1962): mean and squared deviations of one sample more.
void update(double sample, double samples, double& mean, double& deviations) {
  const double difference = sample - mean;
  mean += difference / samples;
  deviations += difference * (sample - mean);
}

}  // namespace

Hutchinson::Hutchinson(const Operator& op, std::int64_t block, std::uint64_t seed)
    : products_(op, block),
      random_(seed),
      block_(std::min(block, op.n)),
      mean_(length(op.n)),
      deviations_(length(op.n)) {}

void Hutchinson::sample(std::int64_t count) {
  const std::int64_t n = products_.n();
  std::vector<double> omega(length(block_ * n)), product(length(block_ * n));
  for (std::int64_t done = 0; done < count; done += block_) {
    const std::int64_t k = std::min(block_, count - done);
    for (std::int64_t i = 0; i < k; ++i) random_.signs(omega.data() + i * n, n);
    products_.multiply(k, omega.data(), product.data());
    for (std::int64_t i = 0; i < k; ++i) {
      const double* const sign = omega.data() + i * n;
      const double* const y = product.data() + i * n;
      const double samples = static_cast<double>(++samples_);
      update(reduce::dot(sign, y, n), samples, trace_mean_, trace_deviations_);
      for (std::int64_t j = 0; j < n; ++j)
        update(sign[j] * y[j], samples, mean_[j], deviations_[j]);
    }
  }
}

ExactDiagonal exact_diagonal(const Operator& op, std::int64_t block) {
  const std::int64_t n = op.n;
  block = std::min(block, n);
  Products products(op, block);
  ExactDiagonal diagonal;
  std::vector<double> unit_vectors(length(block * n)), product(length(block * n));
  for (std::int64_t first = 0; first < n; first += block) {
    const std::int64_t k = std::min(block, n - first);
    for (std::int64_t i = 0; i < k; ++i) unit_vectors[i * n + first + i] = 1;
    products.multiply(k, unit_vectors.data(), product.data());
    for (std::int64_t i = 0; i < k; ++i) {
      unit_vectors[i * n + first + i] = 0;
      diagonal.values.push_back(product[i * n + first + i]);
    }
  }
  // What came before a scale was found is zero on any scale.
  diagonal.unit = products.unit();
  return diagonal;
}

}  // namespace saddlescape::eig
