#include "eig/hutchinson.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

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
      on_(products_.vectors()),
      random_(seed),
      block_(std::min(block, op.n)),
      mean_(length(elements ? op.n : 0)),
      deviations_(length(elements ? op.n : 0)) {}

void Hutchinson::sample(std::int64_t count) {
  const std::int64_t n = products_.n(), most = std::min(block_, count);
  const std::shared_ptr<double> omega = on_.room(checked_size(most, n));
  const std::shared_ptr<double> product = on_.room(checked_size(most, n));
  for (std::int64_t done = 0; done < count; done += block_) {
    const std::int64_t k = std::min(block_, count - done);
    for (std::int64_t i = 0; i < k; ++i)
      on_.put(n, [&](double* x) { random_.signs(x, n); }, omega.get() + i * n);
    products_.multiply(k, omega.get(), product.get());
    for (std::int64_t i = 0; i < k; ++i) take(omega.get() + i * n, product.get() + i * n);
  }
}

void Hutchinson::take(const double* sign, const double* y) {
  const std::int64_t n = products_.n();
  const double samples = static_cast<double>(++samples_);
  update(on_.dot(sign, y), samples, trace_mean_, trace_deviations_);
  for (std::size_t j = 0; j < mean_.size(); ++j)
    update(sign[j] * y[j], samples, mean_[j], deviations_[j]);
  if (samples_ == 1) {
    first_sign_ = on_.room(n);
    first_product_ = on_.room(n);
    on_.copy(n, sign, first_sign_.get());
    on_.copy(n, y, first_product_.get());
  }
  // omega_1^T A omega_i in both ways: a free test. Of independent signs it is about ||A||_F, as
  // |A omega_i| is.
  norm_ = std::max(norm_, norm(on_, y));
  const double off = std::abs(on_.dot(first_sign_.get(), y) - on_.dot(first_product_.get(), sign));
  if (off > allowed_asymmetry * norm_) refuse(off / norm_, products_.count());
}

ExactDiagonal exact_diagonal(const Operator& op, std::int64_t block) {
  const std::int64_t n = op.n;
  block = std::min(block, n);
  Products products(op, block);
  const Vectors& on = products.vectors();
  ExactDiagonal diagonal;
  const std::shared_ptr<double> vectors = on.room(checked_size(block, n)), v = on.room(n);
  const std::shared_ptr<double> product = on.room(checked_size(block, n)), all = on.room(n);
  // A v for random signs v, so small that no sum overflows that the columns do not.
  const int small = -std::ilogb(static_cast<double>(n)) - 1;
  on.put(n, [&](double* x) { Random(0).signs(x, n); }, v.get());
  on.shift_exponent(n, small, v.get());
  products.multiply_unscaled(1, v.get(), all.get());
  std::vector<double> there(length(n));
  on.get(n, all.get(), there.data());
  on.put(block * n, [&](double* x) { std::fill_n(x, block * n, 0.0); }, vectors.get());
  const auto set = [&](std::int64_t at, double value) {
    on.put(1, [&](double* x) { *x = value; }, vectors.get() + at);
  };
  double largest = 0, off = 0;
  for (std::int64_t first = 0; first < n; first += block) {
    const std::int64_t k = std::min(block, n - first);
    for (std::int64_t i = 0; i < k; ++i) set(i * n + first + i, 1);
    products.multiply_unscaled(k, vectors.get(), product.get());
    for (std::int64_t i = 0; i < k; ++i) {
      set(i * n + first + i, 0);
      const double* const column = product.get() + i * n;
      diagonal.values.emplace_back();
      on.get(1, column + first + i, &diagonal.values.back());
      // (A v)_j = v^T (A e_j) if A is symmetric, and the same each time.
      const double here = on.dot(v.get(), column);
      off = std::max(off, std::abs(here - there[first + i]));
      largest = std::max({largest, std::abs(here), std::abs(there[first + i])});
    }
  }
  if (off > allowed_asymmetry * largest) refuse(off / largest, products.count());
  diagonal.products = products.count();
  return diagonal;
}

}  // namespace saddlescape::eig
