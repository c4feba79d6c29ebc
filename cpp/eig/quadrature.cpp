#include "eig/quadrature.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "eig/krylov.hpp"
#include "eig/pieces.hpp"

namespace saddlescape::eig {
namespace {

// A pair is taken out once its residual is below this part of ||A||: its eigenvalue is then wrong
// by the square of that over its gap, and what is left of its vector in the rest is as small.
constexpr double settled = 1e-8;

class Probing {
 public:
  Probing(const Operator& op, std::int64_t steps, std::int64_t probes, std::uint64_t seed)
      : n_(op.n),
        steps_(steps),
        // Of a space of m vectors not more than a few pairs at the ends converge.
        room_(probes > 1 ? std::max<std::int64_t>(1, steps / 4) : 0),
        probes_(probes),
        space_(op, steps < op.n - room_ ? steps + room_ : op.n, 1, 0, settled, seed) {}

  Quadrature run();

 private:
  void grow();
  double rounding() const;
  void record();
  void take_all();
  std::vector<std::int64_t> outliers(const Ritz& ritz) const;

  std::int64_t n_, steps_, room_, probes_, kept_ = 0;
  Krylov space_;
  Quadrature q_;
};

void Probing::grow() {
  for (std::int64_t step = 0; step < steps_ && !space_.complete(); ++step) {
    space_.expand();
    // Behind a breakdown there is nothing of v. Where all n dimensions can be had they are wanted.
    if (!space_.coupled() && steps_ < n_) return;
  }
}

// What the residuals of the recurrence do not see.
double Probing::rounding() const {
  const double steps = static_cast<double>(space_.size());
  return 10 * std::numeric_limits<double>::epsilon() * space_.norm() + std::sqrt(steps) * q_.noise;
}

// The whole space: T is A in another basis.
void Probing::take_all() {
  q_ = Quadrature{};
  q_.noise = space_.noise();
  q_.known = space_.ritz().values;
  q_.known_errors.assign(q_.known.size(), rounding());
}

void Probing::record() {
  const Ritz ritz = space_.ritz(kept_);
  const std::size_t m = ritz.values.size();
  double sum = 0;
  for (std::size_t l = 0; l < m; ++l) {
    const double first = ritz.rows[l * m];
    q_.nodes.push_back(ritz.values[l]);
    q_.weights.push_back(first * first);
    q_.residuals.push_back(ritz.residuals[l] + rounding());
    sum += first * first;
  }
  for (std::size_t l = q_.weights.size() - m; l < q_.weights.size(); ++l) q_.weights[l] /= sum;
  q_.sizes.push_back(static_cast<std::int64_t>(m));
}

// The converged pairs, those furthest from the mean of the spectrum if there is no room for all.
std::vector<std::int64_t> Probing::outliers(const Ritz& ritz) const {
  const std::size_t m = ritz.values.size();
  const double enough = std::max(settled * space_.norm(), 10 * space_.noise());
  double mean = 0;
  std::vector<std::int64_t> found;
  for (std::size_t l = 0; l < m; ++l) {
    mean += ritz.rows[l * m] * ritz.rows[l * m] * ritz.values[l];
    if (ritz.residuals[l] <= enough) found.push_back(static_cast<std::int64_t>(l));
  }
  std::stable_sort(found.begin(), found.end(), [&](std::int64_t a, std::int64_t b) {
    return std::abs(ritz.values[a] - mean) > std::abs(ritz.values[b] - mean);
  });
  if (static_cast<std::int64_t>(found.size()) > room_)
    found.resize(static_cast<std::size_t>(room_));
  std::sort(found.begin(), found.end());
  return found;
}

Quadrature Probing::run() {
  for (std::int64_t probe = 0; probe < probes_; ++probe) {
    if (probe > 0) space_.restart(kept_);
    grow();
    // Of the first probe only: pairs that were locked show up as noise later.
    if (probe == 0) q_.noise = space_.noise();
    if (space_.complete()) {
      take_all();
      break;
    }
    const Ritz ritz = probe == 0 ? space_.ritz() : Ritz{};
    const std::vector<std::int64_t> found = outliers(ritz);
    if (found.empty()) {
      record();
      continue;
    }
    for (std::int64_t l : found) {
      q_.known.push_back(ritz.values[l]);
      q_.known_errors.push_back(ritz.residuals[l] + rounding());
    }
    // The first probe is not used for the rest: of a multiple eigenvalue it took the one vector
    // that it saw, and what it would say of the others is that there are none.
    space_.keep(ritz, found);
    kept_ = space_.size();
  }
  const double unit = space_.unit(), largest = std::numeric_limits<double>::max();
  for (auto* values : {&q_.known, &q_.known_errors, &q_.nodes, &q_.residuals})
    for (double& x : *values) x = std::clamp(x * unit, -largest, largest);  // by a rounding
  q_.products = space_.products();
  q_.norm = space_.norm() * unit;
  q_.noise *= unit;
  return q_;
}

}  // namespace

Quadrature quadrature(const Operator& op, std::int64_t steps, std::int64_t probes,
                      std::uint64_t seed) {
  check_alike(op,
              {static_cast<double>(op.n), static_cast<double>(steps), static_cast<double>(probes),
               static_cast<double>(seed >> 32), static_cast<double>(seed & 0xFFFFFFFFu)});
  return Probing(op, steps, probes, seed).run();
}

}  // namespace saddlescape::eig
