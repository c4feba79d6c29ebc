#include "eig/check.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace saddlescape::eig {

void Check::begin(const Krylov& space, const std::vector<double>& wanted, double apart) {
  wanted_ = wanted;
  apart_ = apart;
  ends_.clear();
  const std::int64_t k = low_ + high_;
  // The last but one, or the only one.
  if (low_ > 0)
    ends_.emplace_back(space, wanted[std::max<std::int64_t>(0, low_ - 2)] - apart, true, wanted);
  if (high_ > 0)
    ends_.emplace_back(space, wanted[k - 1 - std::max<std::int64_t>(0, high_ - 2)] + apart, false,
                       wanted);
  missing_.assign(ends_.size(), 1.0);
}

void Check::restart(const Krylov& space, const Ritz& ritz, const std::vector<std::int64_t>& kept) {
  for (Missing& end : ends_) end.restart(space, ritz, kept);
}

bool Check::moved(const std::vector<double>& wanted) const {
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (std::abs(wanted[i] - wanted_[i]) > apart_) return true;
  return false;
}

void Check::look(const Krylov& space, const Ritz& ritz) {
  for (std::size_t i = 0; i < ends_.size(); ++i) missing_[i] = ends_[i].probability(space, ritz);
}

// One end may take what the other leaves of the goal. Where copies of the last but one are left,
// the probability falls with the residual of the next pair: it need not fall below the noise.
bool Check::done(const Ritz& ritz, double floor) const {
  if (probability() <= goal_) return true;
  const std::int64_t above = low_,
                     below = static_cast<std::int64_t>(ritz.values.size()) - 1 - high_;
  for (std::size_t i = 0; i < ends_.size(); ++i) {
    const std::int64_t next = i == 0 && low_ > 0 ? above : below;
    if (missing_[i] > 0.5 * goal_ && ritz.residuals[next] > floor) return false;
  }
  return true;
}

double Check::left() const {
  return std::accumulate(missing_.begin(), missing_.end(), 0.0) / goal_;
}

double Check::probability() const {
  if (missing_.empty()) return 1;
  return std::min(1.0, std::accumulate(missing_.begin(), missing_.end(), 0.0));
}

}  // namespace saddlescape::eig
