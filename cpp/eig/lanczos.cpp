#include "eig/lanczos.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "eig/check.hpp"
#include "eig/krylov.hpp"
#include "eig/lanczos_options.hpp"
#include "eig/pairs.hpp"
#include "eig/pieces.hpp"

namespace saddlescape::eig {
namespace {

// How far below tol the recurrence goes, so that the true residual is below tol.
constexpr double margin = 0.9, margin_after_resume = 0.1;

class Solver {
 public:
  Solver(const Operator& op, const LanczosOptions& options);
  LanczosResult run();

 private:
  // What a growth of the space ended with, while pairs may still be missing or not.
  Outcome search(bool check, double part_of_tol);
  void begin_check(const Ritz& ritz);
  void restart(const Ritz& ritz);
  void schedule(double left);
  bool stopped_by_callback(const Ritz& ritz) const;
  double worst_wanted(const Ritz& ritz) const;
  double noise_floor() const;
  bool lost_in_noise(const Ritz& ritz) const;
  bool recurrence_is_exact() const;
  double rounding() const;
  Neighbours neighbours(const Ritz& ritz) const;
  std::vector<std::int64_t> wanted(std::int64_t size) const;
  std::vector<std::int64_t> restart_set(std::int64_t size) const;
  std::vector<double> wanted_of(const std::vector<double>& all) const;
  LanczosResult result(const std::vector<double>& residuals, const Neighbours& next,
                       Outcome outcome) const;

  std::int64_t n_, here_, low_, high_, pairs_, block_, capacity_, budget_;
  bool exhaustive_;
  double tol_;
  const LanczosOptions& options_;
  const Sum& sum_;
  Krylov space_;
  Check check_;
  // When the Ritz values are looked at next, and the logarithm of what was left to do.
  std::int64_t tested_at_ = 0, next_test_ = 0;
  double left_before_ = std::numeric_limits<double>::infinity();
};

Solver::Solver(const Operator& op, const LanczosOptions& options)
    : n_(op.n),
      here_(op.here()),
      low_(options.low),
      high_(options.high),
      pairs_(low_ + high_),
      block_(options.block),
      capacity_(options.basis),
      // The residuals of the result may take a product for each pair.
      budget_(options.max_products - pairs_),
      exhaustive_(capacity_ == n_ && n_ <= smallest_basis(pairs_, block_)),
      tol_(options.tol),
      options_(options),
      sum_(op.sum),
      space_(op, capacity_, block_, pairs_, tol_, options.seed, options.start, options.starts),
      check_(low_, high_, options.missing) {}

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

double Solver::worst_wanted(const Ritz& ritz) const {
  const std::vector<double> residuals = wanted_of(ritz.residuals);
  return *std::max_element(residuals.begin(), residuals.end());
}

// A vector of noise in the basis has up to sqrt(basis) components like the largest one seen.
double Solver::noise_floor() const {
  return std::sqrt(static_cast<double>(capacity_)) * space_.noise();
}

// tol is below what the products are exact to, and the residuals have come down to that.
bool Solver::lost_in_noise(const Ritz& ritz) const {
  return space_.noise() > tol_ * space_.norm() && worst_wanted(ritz) <= noise_floor();
}

void Solver::begin_check(const Ritz& ritz) {
  space_.keep(ritz, wanted(space_.size()));
  space_.fresh();
  // Zeros are the same too.
  const double apart = tol_ * space_.norm() + std::numeric_limits<double>::min();
  check_.begin(space_, wanted_of(ritz.values), apart);
  tested_at_ = next_test_ = space_.size();
}

void Solver::restart(const Ritz& ritz) {
  const std::vector<std::int64_t> kept = restart_set(space_.size());
  check_.restart(space_, ritz, kept);
  space_.keep(ritz, kept);
  tested_at_ = space_.size();
  next_test_ = tested_at_ + std::max(block_, capacity_ / 10);
  left_before_ = std::numeric_limits<double>::infinity();
}

// An eigenvalue problem of T costs little beside a product, but not nothing. `left`: the logarithm
// of how far the goal is; it falls faster than linearly in the steps.
void Solver::schedule(double left) {
  const std::int64_t least = std::max(block_, space_.size() / 20);
  const std::int64_t most = std::max(least, std::min(capacity_ / 10, 2 + space_.size() / 8));
  const double rate = (left_before_ - left) / static_cast<double>(space_.size() - tested_at_);
  const double steps = rate > 0 && std::isfinite(rate) ? 0.7 * left / rate : 1e9;
  tested_at_ = space_.size();
  left_before_ = left;
  next_test_ = tested_at_ + (steps < static_cast<double>(most)
                                 ? std::max(least, static_cast<std::int64_t>(steps))
                                 : most);
}

bool Solver::stopped_by_callback(const Ritz& ritz) const {
  if (!options_.callback && !sum_) return false;
  std::vector<double> values = wanted_of(ritz.values), residuals = wanted_of(ritz.residuals);
  for (double& x : values) x *= space_.unit();
  for (double& x : residuals) x *= space_.unit();
  std::vector<double> stop(1);
  together(sum_, "callback", stop, [&](std::vector<double>& said) {
    said[0] = options_.callback && options_.callback(space_.products(), values, residuals) ? 1 : 0;
  });
  return stop[0] != 0;
}

Outcome Solver::search(bool check, double part_of_tol) {
  bool converged = false;
  next_test_ = space_.size();
  while (true) {
    if (space_.products() + space_.next() > budget_)
      return check_.begun() && converged ? Outcome::unchecked : Outcome::budget;
    space_.expand();
    const bool full = space_.full() || space_.complete();
    if (space_.size() < pairs_ || (space_.size() < next_test_ && !full)) continue;
    const Ritz ritz = space_.ritz();
    space_.saw_norm(std::max(std::abs(ritz.values.front()), std::abs(ritz.values.back())));
    if (stopped_by_callback(ritz)) return Outcome::stopped;
    if (space_.complete()) {
      check_.end();
      return Outcome::converged;
    }
    const double goal = part_of_tol * tol_ * space_.norm(), worst = worst_wanted(ritz);
    converged = !exhaustive_ && worst <= goal;
    const bool as_before = converged && check_.begun() && !check_.moved(wanted_of(ritz.values));
    if (as_before) check_.look(space_, ritz);
    if (converged && (!check || (as_before && check_.done(ritz, noise_floor()))))
      return Outcome::converged;
    if (converged && options_.missing == 1) return Outcome::unchecked;
    if (converged && !as_before) {
      begin_check(ritz);
      continue;
    }
    schedule(std::log(as_before ? check_.left() : worst / goal));
    if (!space_.full()) continue;
    if (!converged && lost_in_noise(ritz)) return Outcome::stagnated;
    restart(ritz);
  }
}

// What the residuals of the recurrence do not see, in each component of the basis.
double Solver::rounding() const {
  return 16 * std::numeric_limits<double>::epsilon() * space_.norm() + noise_floor();
}

// Noise of the products has up to sqrt(n) times the norm that a component of it shows in T.
bool Solver::recurrence_is_exact() const {
  return 10 * std::sqrt(static_cast<double>(n_)) * space_.noise() <= 0.05 * tol_ * space_.norm();
}

Neighbours Solver::neighbours(const Ritz& ritz) const {
  const std::int64_t above = low_, below = space_.size() - 1 - high_;
  Neighbours next;
  if (above > below) return next;
  next.above_low = ritz.values[above] - ritz.residuals[above];
  next.below_high = ritz.values[below] + ritz.residuals[below];
  return next;
}

LanczosResult Solver::result(const std::vector<double>& residuals, const Neighbours& next,
                             Outcome outcome) const {
  std::vector<std::int64_t> order(residuals.size());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::sort(order.begin(), order.end(), [this](std::int64_t a, std::int64_t b) {
    return space_.projected(a) < space_.projected(b);
  });
  LanczosResult r;
  r.products = space_.products();
  r.outcome = outcome;
  if (outcome == Outcome::converged || outcome == Outcome::unchecked)
    r.missing = check_.probability();
  for (std::int64_t i : order) {
    r.eigenvalues.push_back(space_.projected(i));
    r.residuals.push_back(residuals[i]);
    r.converged.push_back(residuals[i] <= tol_ * space_.norm());
    const double* const vector = space_.vectors() + i * here_;
    const std::size_t place = (r.eigenvalues.size() - 1) * static_cast<std::size_t>(here_);
    if (options_.eigenvectors) {
      space_.on().copy(here_, vector, options_.eigenvectors + place);
      continue;
    }
    r.eigenvectors.resize(place + static_cast<std::size_t>(here_));
    space_.on().get(here_, vector, r.eigenvectors.data() + place);
  }
  r.gaps = gaps(r.eigenvalues, r.residuals, low_, next);
  r.bounds = bounds(r.residuals, r.gaps, rounding());
  r.multiplicities = multiplicities(r.eigenvalues, r.residuals, 2 * rounding());
  for (auto* values : {&r.eigenvalues, &r.residuals, &r.gaps, &r.bounds})
    for (double& x : *values) x *= space_.unit();
  return r;
}

LanczosResult Solver::run() {
  Outcome outcome = search(true, margin);
  double before = std::numeric_limits<double>::infinity();
  while (true) {
    const Ritz ritz = space_.ritz();
    const Neighbours next = neighbours(ritz);
    std::vector<double> residuals = wanted_of(ritz.residuals);
    const std::vector<double> missed = wanted_of(ritz.missed);
    for (std::size_t i = 0; i < residuals.size(); ++i) residuals[i] += missed[i] + rounding();
    space_.keep(ritz, wanted(space_.size()));
    const double claimed = *std::max_element(residuals.begin(), residuals.end());
    const bool done = outcome == Outcome::converged || outcome == Outcome::unchecked;
    if (recurrence_is_exact() && (!done || claimed <= tol_ * space_.norm()))
      return result(residuals, next, outcome);
    residuals = space_.true_residuals();
    const double worst = *std::max_element(residuals.begin(), residuals.end());
    if (worst <= tol_ * space_.norm() || outcome == Outcome::stopped ||
        outcome == Outcome::stagnated)
      return result(residuals, next, outcome);
    if (outcome == Outcome::budget) return result(residuals, next, Outcome::budget);
    // What was dropped when pairs were locked, or the operator's own rounding: the first is mended
    // by going on from the true residuals, the second is not.
    if (worst > 0.5 * before || exhaustive_) return result(residuals, next, Outcome::stagnated);
    if (space_.products() + block_ > budget_) return result(residuals, next, Outcome::budget);
    before = worst;
    space_.resume();
    const Outcome again = search(false, margin_after_resume);
    if (again != Outcome::converged) outcome = again;
  }
}

}  // namespace

LanczosResult lanczos(const Operator& op, const LanczosOptions& options) {
  check_alike(op, steering(op, options));
  const LanczosOptions used = checked(op, options);
  return Solver(op, used).run();
}

}  // namespace saddlescape::eig
