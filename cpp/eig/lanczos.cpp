#include "eig/lanczos.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>

#include "eig/krylov.hpp"

namespace saddlescape::eig {
namespace {

constexpr double miss_probability = 1e-4;

// How far below tol the recurrence goes, so that the true residual is below tol.
constexpr double margin = 0.5, margin_after_resume = 0.1;

std::string text(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%g", value);
  return buffer;
}

[[noreturn]] void refuse(const std::string& name, const std::string& came,
                         const std::string& allowed) {
  throw std::invalid_argument(name + ": " + came + ", expected " + allowed);
}

class Solver {
 public:
  Solver(const Operator& op, const LanczosOptions& options);
  LanczosResult run();

 private:
  // What a growth of the space ended with, while pairs may still be missing or not.
  Outcome search(bool check, double part_of_tol);
  bool test_now() const;
  bool stopped_by_callback(const Ritz& ritz) const;
  bool wanted_converged(const Ritz& ritz, double part_of_tol) const;
  bool lost_in_noise(const Ritz& ritz) const;
  bool outside_settled(const Ritz& ritz, std::int64_t steps) const;
  bool settled(double gap, double residual, double spread, std::int64_t steps) const;
  bool moved(const Ritz& ritz, const std::vector<double>& before) const;
  std::vector<std::int64_t> wanted(std::int64_t size) const;
  std::vector<std::int64_t> restart_set(std::int64_t size) const;
  std::vector<double> wanted_of(const std::vector<double>& all) const;
  LanczosResult result(const std::vector<double>& residuals, Outcome outcome) const;

  std::int64_t n_, low_, high_, pairs_, block_, capacity_, budget_;
  double tol_;
  const LanczosOptions& options_;
  Krylov space_;
  std::int64_t tested_at_ = 0;
};

// The options as they are used: both ends clipped to n, everything checked.
LanczosOptions checked(const Operator& op, const LanczosOptions& o) {
  if (op.n < 1) refuse("op", "order " + std::to_string(op.n), "at least 1");
  if (o.low < 0) refuse("low", std::to_string(o.low), "at least 0");
  if (o.high < 0) refuse("high", std::to_string(o.high), "at least 0");
  if (o.low == 0 && o.high == 0) refuse("low, high", "both 0", "at least one pair");
  if (!(o.tol > 0) || !std::isfinite(o.tol)) refuse("tol", text(o.tol), "a positive number");
  if (o.block < 1) refuse("block", std::to_string(o.block), "at least 1");
  if (o.max_products < 0) refuse("max_products", std::to_string(o.max_products), "at least 1");
  LanczosOptions used = o;
  used.block = std::min(o.block, op.n);
  used.low = std::min(o.low, op.n);
  used.high = std::min(o.high, op.n - used.low);
  const std::int64_t pairs = used.low + used.high;
  const std::int64_t steps = (pairs + used.block - 1) / used.block;
  const std::int64_t least = std::min(op.n, steps * used.block) + pairs;
  if (o.max_products == 0) {
    used.max_products = 100 * basis_size(pairs, used.block);
  } else if (o.max_products < least) {
    refuse("max_products", std::to_string(o.max_products),
           "at least " + std::to_string(least) + " for " + std::to_string(pairs) +
               " pairs in blocks of " + std::to_string(used.block) + " and their residuals");
  }
  return used;
}

Solver::Solver(const Operator& op, const LanczosOptions& options)
    : n_(op.n),
      low_(options.low),
      high_(options.high),
      pairs_(low_ + high_),
      block_(options.block),
      capacity_(std::min(n_, basis_size(pairs_, block_))),
      // The residuals of the result take a product for each pair.
      budget_(options.max_products - pairs_),
      tol_(options.tol),
      options_(options),
      space_(op, capacity_, block_, pairs_, tol_, options.seed) {}

std::vector<std::int64_t> Solver::wanted(std::int64_t size) const {
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < low_; ++i) indices.push_back(i);
  for (std::int64_t i = size - high_; i < size; ++i) indices.push_back(i);
  return indices;
}

std::vector<double> Solver::wanted_of(const std::vector<double>& all) const {
  std::vector<double> values;
  for (std::int64_t i : wanted(static_cast<std::int64_t>(all.size()))) values.push_back(all[i]);
  return values;
}

// The wanted Ritz vectors and, from the same ends, half of the room that is left.
std::vector<std::int64_t> Solver::restart_set(std::int64_t size) const {
  const std::int64_t extra =
      std::max<std::int64_t>(0, std::min((capacity_ - pairs_) / 2, capacity_ - block_ - pairs_));
  const std::int64_t extra_low = high_ == 0 ? extra : low_ == 0 ? 0 : extra / 2;
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < low_ + extra_low; ++i) indices.push_back(i);
  for (std::int64_t i = size - high_ - (extra - extra_low); i < size; ++i) indices.push_back(i);
  return indices;
}

bool Solver::wanted_converged(const Ritz& ritz, double part_of_tol) const {
  for (double residual : wanted_of(ritz.residuals))
    if (residual > part_of_tol * tol_ * space_.norm()) return false;
  return true;
}

// tol is below what the products are exact to, and the residuals have come down to that: a vector
// of noise in the basis has up to sqrt(basis_size) such components.
bool Solver::lost_in_noise(const Ritz& ritz) const {
  if (space_.noise() <= tol_ * space_.norm()) return false;
  const double floor = std::sqrt(static_cast<double>(capacity_)) * space_.noise();
  for (double residual : wanted_of(ritz.residuals))
    if (residual > floor) return false;
  return true;
}

// Is the next Ritz value outside the window a witness that nothing is missing inside?
bool Solver::settled(double gap, double residual, double spread, std::int64_t steps) const {
  if (residual <= tol_ * space_.norm()) return true;
  if (gap <= residual) return false;
  // 1.648 sqrt(n) exp(-sqrt(g) (2j - 1)) <= miss_probability
  const double exponent = std::sqrt(gap / spread) * static_cast<double>(2 * steps - 1);
  return 1.648 * std::sqrt(static_cast<double>(n_)) * std::exp(-exponent) <= miss_probability;
}

bool Solver::outside_settled(const Ritz& ritz, std::int64_t steps) const {
  const std::vector<double>& theta = ritz.values;
  const std::int64_t j = static_cast<std::int64_t>(theta.size());
  const double spread = theta[j - 1] - theta[0];
  const std::int64_t above = low_, below = j - 1 - high_;
  return (low_ == 0 ||
          settled(theta[above] - theta[above - 1], ritz.residuals[above], spread, steps)) &&
         (high_ == 0 ||
          settled(theta[below + 1] - theta[below], ritz.residuals[below], spread, steps));
}

// Did something enter the window? By the minimax principle values in a growing space move outward
// only: up to tol ||A|| it is the same pair become more exact.
bool Solver::moved(const Ritz& ritz, const std::vector<double>& before) const {
  const std::vector<double> now = wanted_of(ritz.values);
  for (std::size_t i = 0; i < now.size(); ++i)
    if (std::abs(now[i] - before[i]) > tol_ * space_.norm()) return true;
  return false;
}

// An eigenvalue problem of T costs little beside a product, but not nothing: about ten a restart.
bool Solver::test_now() const {
  return space_.complete() || space_.full() || space_.size() - tested_at_ >= capacity_ / 10;
}

bool Solver::stopped_by_callback(const Ritz& ritz) const {
  if (!options_.callback) return false;
  std::vector<double> values = wanted_of(ritz.values), residuals = wanted_of(ritz.residuals);
  for (double& x : values) x *= space_.unit();
  for (double& x : residuals) x *= space_.unit();
  return options_.callback(space_.products(), values, residuals);
}

Outcome Solver::search(bool check, double part_of_tol) {
  const bool exhaustive = capacity_ == n_;
  bool checking = false, all_converged = false;
  std::vector<double> locked;
  std::int64_t steps = 0;
  tested_at_ = space_.size();
  while (true) {
    if (space_.products() + space_.next() > budget_)
      return checking && all_converged ? Outcome::unchecked : Outcome::budget;
    space_.expand();
    ++steps;
    if (space_.size() < pairs_ || !test_now()) continue;
    tested_at_ = space_.size();
    const Ritz ritz = space_.ritz();
    space_.saw_norm(std::max(std::abs(ritz.values.front()), std::abs(ritz.values.back())));
    if (stopped_by_callback(ritz)) return Outcome::stopped;
    if (space_.complete()) return Outcome::converged;
    all_converged = !exhaustive && wanted_converged(ritz, part_of_tol);
    if (all_converged &&
        (!check || (checking && !moved(ritz, locked) && outside_settled(ritz, steps))))
      return Outcome::converged;
    if (all_converged && (!checking || moved(ritz, locked))) {
      space_.keep(ritz, wanted(space_.size()));
      space_.fresh();
      locked = wanted_of(ritz.values);
      checking = true;
      steps = 0;
    } else if (space_.full()) {
      if (!all_converged && lost_in_noise(ritz)) return Outcome::stagnated;
      space_.keep(ritz, restart_set(space_.size()));
    }
    tested_at_ = space_.size();
  }
}

LanczosResult Solver::result(const std::vector<double>& residuals, Outcome outcome) const {
  std::vector<std::int64_t> order(residuals.size());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::sort(order.begin(), order.end(), [this](std::int64_t a, std::int64_t b) {
    return space_.projected(a) < space_.projected(b);
  });
  LanczosResult r;
  r.products = space_.products();
  r.outcome = outcome;
  for (std::int64_t i : order) {
    r.eigenvalues.push_back(space_.projected(i) * space_.unit());
    r.residuals.push_back(residuals[i] * space_.unit());
    r.converged.push_back(residuals[i] <= tol_ * space_.norm());
    r.eigenvectors.insert(r.eigenvectors.end(), space_.vectors() + i * n_,
                          space_.vectors() + (i + 1) * n_);
  }
  return r;
}

LanczosResult Solver::run() {
  Outcome outcome = search(true, margin);
  double before = std::numeric_limits<double>::infinity();
  while (true) {
    space_.keep(space_.ritz(), wanted(space_.size()));
    const std::vector<double> residuals = space_.true_residuals();
    const double worst = *std::max_element(residuals.begin(), residuals.end());
    if (worst <= tol_ * space_.norm() || outcome == Outcome::stopped)
      return result(residuals, outcome);
    if (outcome == Outcome::stagnated) return result(residuals, outcome);
    if (outcome != Outcome::converged) return result(residuals, Outcome::budget);
    // What was dropped when pairs were locked, or the operator's own rounding: the first is mended
    // by going on from the true residuals, the second is not.
    if (worst > 0.5 * before || capacity_ == n_) return result(residuals, Outcome::stagnated);
    if (space_.products() + block_ > budget_) return result(residuals, Outcome::budget);
    before = worst;
    space_.resume();
    outcome = search(false, margin_after_resume);
  }
}

}  // namespace

std::int64_t basis_size(std::int64_t pairs, std::int64_t block) {
  return std::max({std::int64_t{40}, 2 * pairs + 20, pairs + 8 * block});
}

LanczosResult lanczos(const Operator& op, const LanczosOptions& options) {
  const LanczosOptions used = checked(op, options);
  return Solver(op, used).run();
}

}  // namespace saddlescape::eig
