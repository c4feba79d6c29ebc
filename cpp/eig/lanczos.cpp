#include "eig/lanczos.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>

#include "eig/krylov.hpp"
#include "eig/missing.hpp"
#include "eig/pairs.hpp"

namespace saddlescape::eig {
namespace {

// How far below tol the recurrence goes, so that the true residual is below tol.
constexpr double margin = 0.9, margin_after_resume = 0.1;

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
  void begin_check(const Ritz& ritz);
  void restart(const Ritz& ritz);
  void schedule(double left);
  bool stopped_by_callback(const Ritz& ritz) const;
  double worst_wanted(const Ritz& ritz) const;
  bool lost_in_noise(const Ritz& ritz) const;
  void ask_for_missing(const Ritz& ritz);
  bool none_missing(const Ritz& ritz) const;
  bool moved(const Ritz& ritz) const;
  bool recurrence_is_exact() const;
  double rounding() const;
  Neighbours neighbours(const Ritz& ritz) const;
  std::vector<std::int64_t> wanted(std::int64_t size) const;
  std::vector<std::int64_t> restart_set(std::int64_t size) const;
  std::vector<double> wanted_of(const std::vector<double>& all) const;
  LanczosResult result(const std::vector<double>& residuals, const Neighbours& next,
                       Outcome outcome) const;

  std::int64_t n_, low_, high_, pairs_, block_, capacity_, budget_;
  bool exhaustive_;
  double tol_;
  const LanczosOptions& options_;
  Krylov space_;
  // The check: the values that it began with, and what it says of each end that is wanted.
  bool checking_ = false;
  std::vector<double> locked_;
  std::vector<Missing> ends_;
  std::vector<double> missing_;
  // When the Ritz values are looked at next, and the logarithm of what was left to do.
  std::int64_t tested_at_ = 0, next_test_ = 0;
  double left_before_ = std::numeric_limits<double>::infinity();
};

// The options as they are used: both ends clipped to n, everything checked.
LanczosOptions checked(const Operator& op, const LanczosOptions& o) {
  if (op.n < 1) refuse("op", "order " + std::to_string(op.n), "at least 1");
  if (o.low < 0) refuse("low", std::to_string(o.low), "at least 0");
  if (o.high < 0) refuse("high", std::to_string(o.high), "at least 0");
  if (o.low == 0 && o.high == 0) refuse("low, high", "both 0", "at least one pair");
  if (!(o.tol > 0) || !std::isfinite(o.tol)) refuse("tol", text(o.tol), "a positive number");
  if (!(o.missing > 0 && o.missing <= 1))
    refuse("missing", text(o.missing), "a probability above 0 and up to 1");
  if (o.block < 1) refuse("block", std::to_string(o.block), "at least 1");
  if (o.max_products < 0) refuse("max_products", std::to_string(o.max_products), "at least 1");
  LanczosOptions used = o;
  used.block = std::min(o.block, op.n);
  used.low = std::min(o.low, op.n);
  used.high = std::min(o.high, op.n - used.low);
  const std::int64_t pairs = used.low + used.high;
  const std::int64_t smallest = std::min(op.n, pairs + 2 * used.block);
  if (o.basis != 0 && o.basis < smallest)
    refuse("basis", std::to_string(o.basis), "at least " + std::to_string(smallest));
  if (o.basis == 0) used.basis = basis_size(op.n, pairs, used.block);
  used.basis = std::min(op.n, used.basis);
  const std::int64_t steps = (pairs + used.block - 1) / used.block;
  const std::int64_t least = std::min(op.n, steps * used.block) + pairs;
  if (o.max_products == 0) {
    used.max_products = 100 * std::max<std::int64_t>(40, used.basis);
  } else if (o.max_products < least) {
    refuse("max_products", std::to_string(o.max_products),
           "at least " + std::to_string(least) + " for " + std::to_string(pairs) +
               " pairs in blocks of " + std::to_string(used.block) + " and their residuals");
  }
  return used;
}

std::int64_t smallest_basis(std::int64_t pairs, std::int64_t block) {
  return std::max({std::int64_t{40}, 2 * pairs + 20, pairs + 8 * block});
}

Solver::Solver(const Operator& op, const LanczosOptions& options)
    : n_(op.n),
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
      space_(op, capacity_, block_, pairs_, tol_, options.seed, options.start, options.starts) {}

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

// tol is below what the products are exact to, and the residuals have come down to that: a vector
// of noise in the basis has up to sqrt(basis) such components.
bool Solver::lost_in_noise(const Ritz& ritz) const {
  if (space_.noise() <= tol_ * space_.norm()) return false;
  return worst_wanted(ritz) <= std::sqrt(static_cast<double>(capacity_)) * space_.noise();
}

// What of the wanted pairs is locked, and how surely nothing lies beyond the last but one of them.
void Solver::begin_check(const Ritz& ritz) {
  space_.keep(ritz, wanted(space_.size()));
  space_.fresh();
  locked_ = wanted_of(ritz.values);
  checking_ = true;
  ends_.clear();
  const double apart = tol_ * space_.norm();
  // Up to tol ||A|| a value is the same one.
  if (low_ > 0) {
    const std::int64_t last_but_one = std::max<std::int64_t>(0, low_ - 2);
    ends_.emplace_back(space_, locked_[last_but_one] - apart, true, locked_);
  }
  if (high_ > 0) {
    const std::int64_t last_but_one = pairs_ - 1 - std::max<std::int64_t>(0, high_ - 2);
    ends_.emplace_back(space_, locked_[last_but_one] + apart, false, locked_);
  }
  missing_.assign(ends_.size(), 1.0);
}

void Solver::restart(const Ritz& ritz) {
  const std::vector<std::int64_t> kept = restart_set(space_.size());
  if (checking_)
    for (Missing& end : ends_) end.restart(space_, ritz, kept);
  space_.keep(ritz, kept);
}

void Solver::ask_for_missing(const Ritz& ritz) {
  for (std::size_t i = 0; i < ends_.size(); ++i) missing_[i] = ends_[i].probability(space_, ritz);
}

// Where copies of the last but one are left, the probability falls with the residual of the next
// pair: it need not fall below the noise.
bool Solver::none_missing(const Ritz& ritz) const {
  const double floor = std::sqrt(static_cast<double>(capacity_)) * space_.noise();
  const std::int64_t below = space_.size() - 1 - high_;
  for (std::size_t i = 0; i < ends_.size(); ++i) {
    const std::int64_t next = i == 0 && low_ > 0 ? low_ : below;
    if (missing_[i] > 0.5 * options_.missing && ritz.residuals[next] > floor) return false;
  }
  return true;
}

// Did something enter the window? By the minimax principle values in a growing space move outward
// only: up to tol ||A|| it is the same pair become more exact.
bool Solver::moved(const Ritz& ritz) const {
  const std::vector<double> now = wanted_of(ritz.values);
  for (std::size_t i = 0; i < now.size(); ++i)
    if (std::abs(now[i] - locked_[i]) > tol_ * space_.norm()) return true;
  return false;
}

// An eigenvalue problem of T costs little beside a product, but not nothing. `left`: the logarithm
// of how far the goal is; it falls faster than linearly in the steps.
void Solver::schedule(double left) {
  const std::int64_t least = std::max(block_, space_.size() / 20);
  const std::int64_t most = std::max(least, capacity_ / 10);
  const double rate = (left_before_ - left) / static_cast<double>(space_.size() - tested_at_);
  const double steps = rate > 0 && std::isfinite(rate) ? 0.7 * left / rate : 1e9;
  tested_at_ = space_.size();
  left_before_ = left;
  next_test_ = tested_at_ + (steps < static_cast<double>(most)
                                 ? std::max(least, static_cast<std::int64_t>(steps))
                                 : most);
}

bool Solver::stopped_by_callback(const Ritz& ritz) const {
  if (!options_.callback) return false;
  std::vector<double> values = wanted_of(ritz.values), residuals = wanted_of(ritz.residuals);
  for (double& x : values) x *= space_.unit();
  for (double& x : residuals) x *= space_.unit();
  return options_.callback(space_.products(), values, residuals);
}

Outcome Solver::search(bool check, double part_of_tol) {
  bool all_converged = false;
  next_test_ = space_.size();
  while (true) {
    if (space_.products() + space_.next() > budget_)
      return checking_ && all_converged ? Outcome::unchecked : Outcome::budget;
    space_.expand();
    const bool full = space_.full() || space_.complete();
    if (space_.size() < pairs_ || (space_.size() < next_test_ && !full)) continue;
    const Ritz ritz = space_.ritz();
    space_.saw_norm(std::max(std::abs(ritz.values.front()), std::abs(ritz.values.back())));
    if (stopped_by_callback(ritz)) return Outcome::stopped;
    if (space_.complete()) {
      missing_.assign(1, 0.0);
      return Outcome::converged;
    }
    const double goal = part_of_tol * tol_ * space_.norm(), worst = worst_wanted(ritz);
    all_converged = !exhaustive_ && worst <= goal;
    const bool as_locked = checking_ && all_converged && !moved(ritz);
    if (as_locked) ask_for_missing(ritz);
    if (all_converged && (!check || (as_locked && none_missing(ritz)))) return Outcome::converged;
    if (all_converged && options_.missing == 1) return Outcome::unchecked;
    if (all_converged && !as_locked) {
      begin_check(ritz);
      tested_at_ = next_test_ = space_.size();
      continue;
    }
    const double left =
        as_locked ? *std::max_element(missing_.begin(), missing_.end()) / (0.5 * options_.missing)
                  : worst / goal;
    schedule(std::log(left));
    if (!space_.full()) continue;
    if (!all_converged && lost_in_noise(ritz)) return Outcome::stagnated;
    restart(ritz);
    tested_at_ = space_.size();
    next_test_ = tested_at_ + std::max(block_, capacity_ / 10);
    left_before_ = std::numeric_limits<double>::infinity();
  }
}

// What the residuals of the recurrence do not see, in each component of the basis.
double Solver::rounding() const {
  return 4 * std::numeric_limits<double>::epsilon() * space_.norm() +
         std::sqrt(static_cast<double>(capacity_)) * space_.noise();
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
    r.missing = std::min(1.0, std::accumulate(missing_.begin(), missing_.end(), 0.0));
  for (std::int64_t i : order) {
    r.eigenvalues.push_back(space_.projected(i));
    r.residuals.push_back(residuals[i]);
    r.converged.push_back(residuals[i] <= tol_ * space_.norm());
    r.eigenvectors.insert(r.eigenvectors.end(), space_.vectors() + i * n_,
                          space_.vectors() + (i + 1) * n_);
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
    space_.keep(ritz, wanted(space_.size()));
    if (recurrence_is_exact()) {
      for (double& r : residuals) r += rounding();
      return result(residuals, next, outcome);
    }
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

std::int64_t basis_size(std::int64_t n, std::int64_t pairs, std::int64_t block) {
  constexpr std::int64_t room = (64 << 20) / 8, most = 160;
  return std::max(smallest_basis(pairs, block), std::min(most, room / n));
}

LanczosResult lanczos(const Operator& op, const LanczosOptions& options) {
  const LanczosOptions used = checked(op, options);
  return Solver(op, used).run();
}

}  // namespace saddlescape::eig
