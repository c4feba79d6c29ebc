// RAdam (Liu et al. 2020, algorithm 2), as PyTorch writes it: Adam, whose denominator is left out
// while the variance of 1 / sqrt(vhat) has no bound, and then enters by degrees:
//
//   rho = 2 / (1 - beta2) - 1,  rho_t = rho - 2 t beta2^t / (1 - beta2^t)
//   r_t = sqrt((rho_t - 4) (rho_t - 2) rho / ((rho - 4) (rho - 2) rho_t))
//   theta_t = theta_{t-1} - lr mhat_t r_t sqrt(1 - beta2^t) / (sqrt(v_t) + eps)   if rho_t > 5
//   theta_t = theta_{t-1} - lr mhat_t                                             else
//
// The paper rectifies from rho_t > 4 on. eps is added before the bias correction (`eps_hat`), other
// than in PyTorch's Adam; in Optax after it (`eps`).
#pragma once

#include "update/adam.hpp"

namespace saddlescape::update {
namespace {

template <class T>
struct Radam {
  static constexpr int states = Adam<T>::states;
  static constexpr auto& state_names = Adam<T>::state_names;
  static constexpr auto& natures = Adam<T>::natures;

  Adam<T> adam;  // its step holds r_t
  T rectified;   // 1, or 0 where the denominator is left out

  SADDLESCAPE_HOST_DEVICE static Radam fold(const Options& o, std::int64_t t) {
    auto adam = Adam<T>::fold(o, t);
    const double power = power_of(o.beta2, t);
    const double rho = 2.0 / (1.0 - o.beta2) - 1.0;
    const double rho_t = rho - 2.0 * static_cast<double>(t) * power / (1.0 - power);
    const bool rectified = rho_t > o.threshold;
    if (rectified) {
      const double r =
          root((rho_t - 4.0) * (rho_t - 2.0) * rho / ((rho - 4.0) * (rho - 2.0) * rho_t));
      adam.step = static_cast<T>(o.lr * r / adam.first.correction(t));
    }
    return {adam, rectified ? T(1) : T(0)};
  }

  SADDLESCAPE_HOST_DEVICE static inline void update(const Radam& h, T& p, T g, T& m, T& v) {
    g = h.adam.gradient(g, p);
    // m = beta1 m + (1 - beta1) g
    m = h.adam.first(m, g);
    // v = beta2 v + (1 - beta2) g^2
    v = h.adam.second(v, g * g);
    // theta = theta - (lr wd) theta - lr r mhat / (sqrt(vhat) + eps), or without the denominator
    const T size = h.adam.denominator(v);
    p -= h.adam.decay(p) + ratio(h.adam.step * m, h.rectified > T(0) ? size : T(1));
  }
};

}  // namespace
}  // namespace saddlescape::update
