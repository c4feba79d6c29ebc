// Adafactor (Shazeer & Stern 2018, algorithms 4 to 6), as PyTorch writes it. The squares of a
// matrix of gradients are kept as their means over rows and over columns:
//
//   w_t = t^decay                                            1 - beta2 of the paper
//   R_t = (1 - w_t) R_{t-1} + w_t mean over columns of G_t^2   (rows numbers)
//   C_t = (1 - w_t) C_{t-1} + w_t mean over rows of G_t^2      (columns numbers)
//   V_t = R_t C_t / max(mean R_t, eps1)                      (of a vector V_t itself is kept)
//   U_t = G_t / max(sqrt(V_t), eps1)
//   alpha_t = max(eps2, rms(theta_{t-1})) min(lr, 1 / sqrt(t))
//   theta_t = (1 - lr wd) theta_{t-1} - alpha_t U_t / max(1, rms(U_t) / d)
//
// The paper adds eps1 to G_t^2 instead, has min(0.01, 1 / sqrt(t)) and no decay. Of an array with
// more dimensions the last two are the matrix. PyTorch takes norms in float32 and multiplies R by C
// before it divides; here sums are in float64, in a fixed order, and R is divided first, which
// neither overflows nor underflows.
#pragma once

#include "update/terms.hpp"

namespace saddlescape::update {
namespace {

// x <- (1 - w) x + w mean, no larger than T holds.
template <class T>
SADDLESCAPE_HOST_DEVICE inline T blended(T x, double w, double mean) {
  constexpr double most = sizeof(T) == sizeof(float) ? double{__FLT_MAX__} : __DBL_MAX__;
  const double value = static_cast<double>(x) + w * (mean - static_cast<double>(x));
  return static_cast<T>(value > most ? most : value);
}

// mean R, whose rounding may leave the range.
SADDLESCAPE_HOST_DEVICE inline double bounded(double mean) {
  return mean > __DBL_MAX__ ? __DBL_MAX__ : mean;
}

// R_i / max(mean R, eps1)
template <class T>
SADDLESCAPE_HOST_DEVICE inline T row_factor(T r, double mean, double eps) {
  return static_cast<T>(static_cast<double>(r) / larger(mean, eps));
}

// G / max(sqrt(V), eps1), given V and eps1^2.
template <class T>
SADDLESCAPE_HOST_DEVICE inline T preconditioned(T g, T v, T floor) {
  return ratio(g, root(larger(v, floor)));
}

// Its g is an element of U. The states are brought forward in adafactor.cpp.
template <class T>
struct Adafactor {
  static constexpr int states = 0;
  static constexpr const char* state_names[max_states] = {"row_var", "col_var", "variance"};
  // They are small beside the parameters, or part of a quotient.
  static constexpr Nature natures[max_states] = {Nature::exact_square, Nature::exact_square,
                                                 Nature::exact_square};

  Decay<T> decay;
  T rate;  // alpha / max(1, rms(U) / d)

  SADDLESCAPE_HOST_DEVICE static Adafactor fold(Options o, std::int64_t) {
    o.decoupled = true;
    return {Decay<T>::fold(o), static_cast<T>(o.maximize ? -o.trust : o.trust)};
  }

  SADDLESCAPE_HOST_DEVICE static inline void update(const Adafactor& h, T& p, T g) {
    // theta = theta - (lr wd) theta - alpha U / max(1, rms(U) / d)
    p -= h.decay(p) + h.rate * g;
  }
};

// What comes before it where a pass takes norms: the direction is U itself.
template <class T>
struct AdafactorDirection : Adafactor<T> {
  static constexpr int states = 1;  // the direction

  SADDLESCAPE_HOST_DEVICE static inline void update(const AdafactorDirection&, T&, T u, T& out) {
    out = u;
  }
};

}  // namespace
}  // namespace saddlescape::update
