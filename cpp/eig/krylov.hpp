// A block Krylov space with its projected matrix: the state of thick-restart Lanczos.
//
// Wu, Simon, "Thick-restart Lanczos method for large symmetric eigenvalue problems", SIAM J.
// Matrix Anal. Appl. 22 (2000). The invariant, with the basis vectors as rows:
//
//     V A = T V + C^T Q,    V V^T = I,  Q V^T = 0,  Q Q^T = I
//
//   V  j x n   orthonormal basis
//   T  j x j   V A V^T, symmetric and kept in full: after a restart it is no band
//   Q  q x n   the next block, stored right behind V
//   C  q x j   the coupling; a zero row is a decoupled vector
//   D  d x j   couplings to directions that were given up, each of unit length: V A misses D^T
//   times
//              those, of which T holds the part that the basis has come to contain
//
// Differences from the paper and from ARPACK: T takes all inner products with the basis, not the
// three that are non-zero in exact arithmetic; a breakdown does not end the run, it brings in a
// random vector with zero coupling; the kept vectors are orthonormalised again at every restart
// (cupy#10098: without it, copies of converged eigenvalues appear after the first one).
// Where vectors are spread over processes, V and Q are this one's columns; all else is the same in
// all, bit for bit.
// All numbers here are scaled by a power of two; values times `unit()` are those of the operator.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/random.hpp"
#include "eig/operator.hpp"
#include "eig/products.hpp"
#include "eig/vectors.hpp"

namespace saddlescape::eig {

struct Ritz {
  std::vector<double> values;  // theta (j), ascending
  std::vector<double> rows;    // j x j: row i is s_i, T s_i = theta_i s_i
  // ||A x_i - theta_i x_i|| = ||C s_i|| up to missed_i = |D s_i|_1, x_i = V^T s_i
  std::vector<double> residuals, missed;
};

class Krylov {
 public:
  // `capacity`: rows that V may have; `block`: rows of Q. Both at most n, capacity >= block.
  // `pairs`: how many Ritz vectors `residuals` will be asked for at most. `start`: `starts` finite
  // vectors (or pieces of them) to begin near, in place of vectors that are random alone.
  Krylov(const Operator& op, std::int64_t capacity, std::int64_t block, std::int64_t pairs,
         double tol, std::uint64_t seed, const double* start = nullptr, std::int64_t starts = 0);

  // V <- [V; Q]: one product for each row of Q, and the next Q from what they add to the space.
  // Throws std::invalid_argument if a product is not finite, or if it shows that the operator is
  // not symmetric or not deterministic.
  void expand();

  // Of T without its first `first` rows and columns: of the space behind them.
  Ritz ritz(std::int64_t first = 0) const;

  // Restart: V <- the Ritz vectors `kept` (ascending indices); Q stays, C follows.
  void keep(const Ritz& ritz, const std::vector<std::int64_t>& kept);

  // Q <- a random block orthogonal to V, C <- 0: the old direction is given up, D gets C's rows.
  void fresh();

  // V <- its first `kept` rows, Q <- a random block orthogonal to them, C <- 0.
  void restart(std::int64_t kept);

  // False after a breakdown: V is invariant, and Q was drawn at random.
  bool coupled() const;

  // Multiplies every basis vector by A once more: T_ii becomes their Rayleigh quotients, and the
  // result is ||A v_i - T_ii v_i|| as it is, not as the recurrence has it.
  std::vector<double> true_residuals();

  // After true_residuals: Q <- what is largest in them.
  void resume();

  std::int64_t order() const { return op_.n; }
  std::int64_t size() const { return size_; }
  std::int64_t next() const { return next_; }
  std::int64_t products() const { return products_.count(); }
  bool complete() const { return size_ == op_.n; }
  bool full() const { return size_ + next_ > capacity_; }
  const double* vectors() const { return v_.get(); }
  const Vectors& on() const { return on_; }
  // C_ci: of row c of Q to basis vector i.
  double coupling(std::int64_t c, std::int64_t i) const { return c_[c * size_ + i]; }
  double projected(std::int64_t i) const { return t_[i * capacity_ + i]; }
  // The largest of the |theta| and ||A v|| seen so far: a lower bound of ||A||_2, and close to it.
  double norm() const { return norm_; }
  // The largest |H - C^T| seen: the operator's own rounding, or its noise. No residual falls below.
  double noise() const { return noise_; }
  void saw_norm(double value);
  double unit() const { return products_.unit(); }

 private:
  std::int64_t here() const { return on_.n; }
  double* row(std::int64_t i) { return v_.get() + i * here(); }
  double given_up(std::int64_t i) const;
  void add_starts(const double* start, std::int64_t starts);
  void multiply(std::int64_t first, std::int64_t count, std::int64_t to);
  void take_projection(const std::vector<double>& h, std::int64_t q);
  void random_rows(std::int64_t from, std::int64_t to);
  void orthonormalise_next(std::int64_t last);

  const Operator& op_;
  Products products_;
  const Vectors& on_;
  std::int64_t capacity_, block_;
  double allowed_asymmetry_;
  Random random_;
  std::shared_ptr<double> v_;           // the rows of V, of Q, and of the products
  std::vector<double> t_;               // capacity x capacity
  std::vector<double> c_;               // next x size
  std::vector<std::vector<double>> d_;  // a row each, zero behind its end
  std::int64_t size_ = 0, next_ = 0;
  double norm_ = 0, noise_ = 0;
};

}  // namespace saddlescape::eig
