// Adamax (Kingma & Ba 2015, algorithm 2), as PyTorch writes it:
//
//   m_t = beta1 m_{t-1} + (1 - beta1) g_t
//   u_t = max(beta2 u_{t-1}, |g_t| + eps)
//   theta_t = theta_{t-1} - lr / (1 - beta1^t) m_t / u_t
//
// The paper has no eps. Keras adds it to u instead (`eps_hat`): it then does not stay in u.
#pragma once

#include "update/terms.hpp"

namespace saddlescape::update {
namespace {

template <class T>
struct Adamax {
  static constexpr int states = 2;
  static constexpr const char* state_names[max_states] = {"exp_avg", "exp_inf"};
  static constexpr Nature natures[max_states] = {Nature::value, Nature::square};

  Gradient<T> gradient;
  Average<T> average;
  T beta2;
  T step;  // lr / (1 - beta1^t)
  T eps, eps_hat;

  SADDLESCAPE_HOST_DEVICE static Adamax fold(const Options& o, std::int64_t t) {
    const auto average = Average<T>::fold(o.beta1);
    return {Gradient<T>::fold(o),    average,
            static_cast<T>(o.beta2), static_cast<T>(o.lr / average.correction(t)),
            static_cast<T>(o.eps),   static_cast<T>(o.eps_hat)};
  }

  SADDLESCAPE_HOST_DEVICE static inline void update(const Adamax& h, T& p, T g, T& m, T& u) {
    g = h.gradient(g, p);
    // m = beta1 m + (1 - beta1) g
    m = h.average(m, g);
    // u = max(beta2 u, |g| + eps)
    u = larger(h.beta2 * u, magnitude(g) + h.eps);
    // theta = theta - lr mhat / u
    p -= ratio(h.step * m, u + h.eps_hat);
  }
};

}  // namespace
}  // namespace saddlescape::update
