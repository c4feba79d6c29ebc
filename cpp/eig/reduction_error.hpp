// How far the eigenvalues of the tridiagonal T may be from those of S, read off the numbers of the
// first stage and counted for the second.
//
// First stage, a panel (symbols of eig/band.hpp; V and T are the computed ones, taken as exact, and
// Q~ = I - V T V^T, nearly orthogonal). ||A|| stands for ||S||_F, gamma_k = k u / (1 - k u), |.| of
// a matrix for its elements' magnitudes; any order of summation, with or without FMA (Higham,
// "Accuracy and Stability of Numerical Algorithms", 2nd ed., section 3.5).
//
// 1. Q~^T Q~ - I = -V E V^T with E = T + T^T - T^T (V^T V) T, so that by Ostrowski's theorem the
//    eigenvalues of Q~^T A Q~ are those of A, each times a number within delta >= ||V E V^T|| of 1
//    (Horn, Johnson, "Matrix Analysis", theorem 4.5.9): they move by delta ||A||.
// 2. The panel is P before and R after: ||Q~^T P - R||_F is computed, and stands twice in the
// matrix.
// 3. X = A V T, S = V^T X, M = T^T S, W = X - 1/2 V M satisfy Q~^T A Q~ = A - V W^T - W V^T exactly
//    for any V and T, so only their rounding counts. With t >= || |T| ||, v >= ||V||,
//    c >= ||V T^T||, v_F = ||V||_F >= || |V| ||, and sums of q pieces of p terms (gamma_(p+q+2)):
//      dY = gamma ||A|| v_F,                   X off by dY T + dX, dX = gamma t (||A|| v + dY),
//      dS = gamma v_F ||X||,                   M off by T^T dS + dM, dM = gamma t ||S||,
//      dW = gamma (||X|| + v_F ||M|| / 2),
//      dA = 2 (1 + delta) (c dY + v dX) + v (c dS + v dM) + 2 v dW + gamma (||A|| + 2 v_F ||W||)
//    for I - V T^T V^T / 2 = (I + Q~^T) / 2 has no norm above 1 + delta.
// By Weyl the eigenvalues have moved by no more than delta ||A|| + sqrt(2) ||Q~^T P - R|| + dA.
//
// Second stage, a sweep (eig/bulge.hpp, blocks of b = 64). Take for H the exact reflector of the
// computed v. An inner product in lanes rounds q = 12 times on the way of a term. Elements of v are
// right to gamma_(q+5), so H x is (beta, 0, ...) to 4 gamma_(q+5) ||x||; the computed tau is right
// to eta = gamma_(4q+16). D - v x^T - x v^T with x = w - (tau w^T v / 2) v, w = tau D v by columns,
// is off by (4 (2 (b + 2) + (q + 2) + 4) + 12 (4 q + 16) + 27) u ||D||_F, and B with a reflector
// from either side by less than 500 u ||B||_F. With b = 64 that is below 1,450 u times the norm of
// a block, the blocks of a sweep do not overlap, and so a sweep moves the eigenvalues by less than
// 1,450 u ||A||: n - 2 sweeps, 1,450 n u ||A||. A reflector left out because its squares would
// underflow drops less than 1e-139.
//
// In all about 1e-12 n ||S||_F, a million times what the errors are: no rounding is trusted to
// cancel.
#pragma once

#include <cstdint>
#include <vector>

#include "eig/panel.hpp"

namespace saddlescape::eig {

// The first stage's part, panel by panel.
class ReductionError {
 public:
  ReductionError(std::int64_t n, const double* s);

  void before(const Panel& panel);  // it is factored
  void after(const Panel& panel);
  void x(const double* x, std::int64_t stride);  // k rows of m elements, as those of W
  void rest(const double* w, std::int64_t stride, const double* s, const double* m);

  // Of all panels and sweeps; infinite if the numbers are of no use.
  double total(std::int64_t n) const;

 private:
  void departure(const Panel& panel);
  void residual(const Panel& panel);
  double norm_, total_ = 0;
  // Of the panel: see above.
  std::int64_t k_ = 0, m_ = 0;
  double v_ = 0, v_f_ = 0, t_ = 0, c_ = 0, delta_ = 0, x_ = 0;
  std::vector<double> panel_, gram_, work_, more_;
};

}  // namespace saddlescape::eig
