// LARS (You, Gitman & Ginsburg 2017, algorithm 1): momentum with a rate of its own for each tensor:
//
//   trust = eta |theta_{t-1}| / (|g_t| + wd |theta_{t-1}| + eps)
//   b_t = mu b_{t-1} + lr trust (g_t + wd theta_{t-1})
//   theta_t = theta_{t-1} - b_t
//
// The trust is 1 where either norm is 0: a tensor of zeros can begin to move. The paper has no eps.
// Optax divides by |g + wd theta| instead of the sum of the norms.
#pragma once

#include "update/terms.hpp"

namespace saddlescape::update {
namespace {

template <class T>
struct Lars {
  static constexpr int states = 1;
  static constexpr const char* state_names[max_states] = {"momentum_buffer"};
  static constexpr Nature natures[max_states] = {Nature::value};

  Gradient<T> gradient;
  T momentum, rate;  // lr trust

  SADDLESCAPE_HOST_DEVICE static Lars fold(const Options& o, std::int64_t) {
    return {Gradient<T>::fold(o), static_cast<T>(o.momentum), static_cast<T>(o.lr * o.trust)};
  }

  SADDLESCAPE_HOST_DEVICE static inline void update(const Lars& h, T& p, T g, T& b) {
    b = h.momentum * b + h.rate * h.gradient(g, p);
    p -= b;
  }
};

// Only the norms: of the bare gradient.
template <class T>
struct LarsDirection : Lars<T> {
  static constexpr int states = 2;  // the last is the direction
  static constexpr bool sets_states = false;

  SADDLESCAPE_HOST_DEVICE static double trust(const Options& o, double parameter_norm,
                                              double direction_norm) {
    if (!(parameter_norm > 0 && direction_norm > 0)) return 1;
    return o.trust_coefficient * parameter_norm /
           (direction_norm + o.weight_decay * parameter_norm + o.eps);
  }

  SADDLESCAPE_HOST_DEVICE static inline void update(const LarsDirection&, T&, T g, T&, T& u) {
    u = g;
  }
};

}  // namespace
}  // namespace saddlescape::update
