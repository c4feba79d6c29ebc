// The check that no pair is missing beyond the wanted ones at both ends: when it began, what it
// compares with, and when it has seen enough. The space is the solver's; see eig/lanczos.hpp.
#pragma once

#include <cstdint>
#include <vector>

#include "eig/krylov.hpp"
#include "eig/missing.hpp"

namespace saddlescape::eig {

class Check {
 public:
  // Until the probability is `goal`, for both ends together.
  Check(std::int64_t low, std::int64_t high, double goal) : low_(low), high_(high), goal_(goal) {}

  // The space holds the wanted vectors, with these values, and a random block behind them. Values
  // that differ by `apart` are the same.
  void begin(const Krylov& space, const std::vector<double>& wanted, double apart);

  // Every dimension was searched.
  void end() { missing_.assign(1, 0.0); }

  // Before the space keeps these.
  void restart(const Krylov& space, const Ritz& ritz, const std::vector<std::int64_t>& kept);

  bool begun() const { return !wanted_.empty(); }

  // Did something enter the window? By the minimax principle values in a growing space move outward
  // only: up to `apart` it is the same pair become more exact.
  bool moved(const std::vector<double>& wanted) const;

  void look(const Krylov& space, const Ritz& ritz);

  // After a look. `floor`: below it a residual is noise.
  bool done(const Ritz& ritz, double floor) const;

  // How many times more probable than the goal it is that one is missing.
  double left() const;

  double probability() const;

 private:
  std::int64_t low_, high_;
  double goal_, apart_ = 0;
  std::vector<double> wanted_;
  std::vector<Missing> ends_;
  std::vector<double> missing_;
};

}  // namespace saddlescape::eig
