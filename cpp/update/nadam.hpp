// NAdam (Dozat 2016), as PyTorch writes it, with psi = momentum_decay:
//
//   mu_t = beta1 (1 - 0.96^(t psi) / 2),  Pi_t = mu_1 mu_2 ... mu_t
//   m_t, v_t as in Adam
//   theta_t = theta_{t-1} - lr (mu_{t+1} m_t / (1 - Pi_{t+1}) + (1 - mu_t) g_t / (1 - Pi_t))
//                         / (sqrt(vhat_t) + eps)
//
// Dozat's m_t averages with mu_t; PyTorch's, Keras's and this one with beta1. Keras has psi = 1,
// Optax mu_t = beta1, which is the limit of a large psi.
#pragma once

#include "update/adam.hpp"

namespace saddlescape::update {
namespace {

template <class T>
struct Nadam {
  static constexpr int states = 2;
  static constexpr const char* state_names[max_states] = {"exp_avg", "exp_avg_sq"};
  static constexpr Nature natures[max_states] = {Nature::value, Nature::square};

  Gradient<T> gradient;
  Decay<T> decay;
  Average<T> first, second;
  T of_gradient;  // lr (1 - mu_t) / (1 - Pi_t)
  T of_moment;    // lr mu_{t+1} / (1 - Pi_{t+1})
  Denominator<T> denominator;

  SADDLESCAPE_HOST_DEVICE static double mu(const Options& o, std::int64_t t) {
    return o.beta1 *
           (1.0 - 0.5 * power::real_power(0.96, static_cast<double>(t) * o.momentum_decay));
  }

  // Pi_t = Pi_{t-1} mu_t, with the mu_s of the steps that were taken: beta1 may have changed, as
  // where a schedule cycles the momentum. Each tensor has its own, as it has its own t. PyTorch
  // multiplies it up in a float32 tensor (`mu_product`).
  SADDLESCAPE_HOST_DEVICE static void carry(const Options& o, std::int64_t t,
                                            double (&carried)[max_carried]) {
    carried[0] = (t == 1 ? 1.0 : carried[0]) * mu(o, t);
  }

  SADDLESCAPE_HOST_DEVICE static Nadam fold(const Options& o, std::int64_t t) {
    const auto second = Average<T>::fold(o.beta2);
    const double product = o.carried[0], next = mu(o, t + 1);
    return {Gradient<T>::fold(o),
            Decay<T>::fold(o),
            Average<T>::fold(o.beta1),
            second,
            static_cast<T>(o.lr * (1.0 - mu(o, t)) / (1.0 - product)),
            static_cast<T>(o.lr * next / (1.0 - product * next)),
            Denominator<T>::fold(o, second.correction(t))};
  }

  SADDLESCAPE_HOST_DEVICE static inline void update(const Nadam& h, T& p, T g, T& m, T& v) {
    g = h.gradient(g, p);
    // m = beta1 m + (1 - beta1) g
    m = h.first(m, g);
    // v = beta2 v + (1 - beta2) g^2
    v = h.second(v, g * g);
    // theta = theta - (lr wd) theta - lr (mu_{t+1} mhat + (1 - mu_t) ghat) / (sqrt(vhat) + eps)
    p -= h.decay(p) + ratio(h.of_moment * m + h.of_gradient * g, h.denominator(v));
  }
};

}  // namespace
}  // namespace saddlescape::update
