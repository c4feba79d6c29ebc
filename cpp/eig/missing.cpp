#include "eig/missing.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace saddlescape::eig {
namespace {

std::size_t length(std::int64_t count) { return static_cast<std::size_t>(count); }

// log |Gamma(x)|. std::lgamma writes the sign to a global, which threads would share.
double log_gamma(double x) {
  int sign = 0;
  return ::lgamma_r(x, &sign);
}

// P[|component|^2 <= x] <= x^(b/2) / (b/2 B(b/2, (n - b)/2)), an equality for n = b + 2.
double small_component(double x, std::int64_t b, std::int64_t n) {
  const double half = 0.5 * static_cast<double>(b), rest = 0.5 * static_cast<double>(n - b);
  if (!(x > 0)) return 0;
  if (rest < 1) return 1;
  const double log_beta = log_gamma(half) + log_gamma(rest) - log_gamma(half + rest);
  return std::min(1.0, std::exp(half * std::log(x) - std::log(half) - log_beta));
}

}  // namespace

Missing::Missing(const Krylov& space, double edge, bool low, const std::vector<double>& known)
    : edge_(edge),
      low_(low),
      n_(space.order() - space.size()),
      beyond_(beyond(known)),
      rows_(space.next()),
      known_(space.size() + space.next()),
      start_(length(rows_ * known_)) {
  for (std::int64_t a = 0; a < rows_; ++a) start_[a * known_ + space.size() + a] = 1;
}

std::int64_t Missing::beyond(const std::vector<double>& values) const {
  return std::count_if(values.begin(), values.end(),
                       [this](double x) { return low_ ? x <= edge_ : x >= edge_; });
}

// M (rows_ x q) = sum_i (start s_i) (C s_i)^T / (e - theta_i) over the Ritz vectors counted.
std::vector<double> Missing::behind(const Krylov& space, const Ritz& ritz,
                                    const std::vector<bool>& counted) const {
  const std::int64_t j = space.size(), q = space.next(), part = std::min(j, known_);
  std::vector<double> m(length(rows_ * q)), coupling(length(q));
  for (std::int64_t i = 0; i < j; ++i) {
    if (!counted[i]) continue;
    const double* const s = ritz.rows.data() + i * j;
    for (std::int64_t c = 0; c < q; ++c) {
      coupling[c] = 0;
      for (std::int64_t l = 0; l < j; ++l) coupling[c] += space.coupling(c, l) * s[l];
    }
    for (std::int64_t a = 0; a < rows_; ++a) {
      double own = 0;
      for (std::int64_t l = 0; l < part; ++l) own += start_[a * known_ + l] * s[l];
      for (std::int64_t c = 0; c < q; ++c)
        if (coupling[c] != 0) m[a * q + c] += own * coupling[c] / (edge_ - ritz.values[i]);
    }
  }
  // What of the start lies in the next block itself, until that is a part of the space.
  for (std::int64_t a = 0; a < rows_; ++a)
    for (std::int64_t l = j; l < known_; ++l) m[a * q + l - j] += start_[a * known_ + l];
  return m;
}

void Missing::restart(const Krylov& space, const Ritz& ritz,
                      const std::vector<std::int64_t>& kept) {
  const std::int64_t j = space.size(), q = space.next(), part = std::min(j, known_);
  const std::int64_t l = static_cast<std::int64_t>(kept.size());
  std::vector<bool> dropped(length(j), true);
  for (std::int64_t i : kept) dropped[i] = false;
  const std::vector<double> m = behind(space, ritz, dropped);
  std::vector<double> next(length(rows_ * (l + q)));
  for (std::int64_t a = 0; a < rows_; ++a) {
    for (std::int64_t i = 0; i < l; ++i)
      for (std::int64_t k = 0; k < part; ++k)
        next[a * (l + q) + i] += start_[a * known_ + k] * ritz.rows[kept[i] * j + k];
    for (std::int64_t c = 0; c < q; ++c) next[a * (l + q) + l + c] = m[a * q + c];
  }
  start_ = std::move(next);
  known_ = l + q;
}

double Missing::probability(const Krylov& space, const Ritz& ritz) const {
  if (beyond(ritz.values) != beyond_) return 1;
  double squares = 0;
  for (double x : behind(space, ritz, std::vector<bool>(length(space.size()), true)))
    squares += x * x;
  // |M z|^2 <= |M|^2, and no component is larger than 1.
  return small_component(std::min(squares, 1.0), rows_, n_);
}

}  // namespace saddlescape::eig
