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

// Pi_t, from t alone. PyTorch multiplies it up in a float32 tensor (`mu_product`); here it is no
// state, so each tensor has that of its own count of steps, and a run that was loaded goes on with
// the same number. With q = 0.96^psi it is beta1^t (1 - q/2) (1 - q^2/2) ... (1 - q^t/2), and the
// series of log(1 - x), summed over the factors first, is
//
//   log(Pi_t / beta1^t) = -sum_k 2^-k / k  q^k (1 - q^(k t)) / (1 - q^k):
//
// 60 terms for any t.
inline double momentum_product(double beta1, double psi, double t) {
  const double log_q = psi * __builtin_log(0.96);
  if (log_q == 0.0) return __builtin_pow(beta1 / 2.0, t);
  const double one_minus_q = -__builtin_expm1(log_q);
  const double one_minus_qt = -__builtin_expm1(t * log_q);
  // 1 - q^(k+1) = (1 - q^k) + q^k (1 - q) adds positive numbers only: nothing cancels where q is 1
  // but for rounding.
  double qk = 1.0 - one_minus_q, qkt = 1.0 - one_minus_qt;
  double a = one_minus_q, b = one_minus_qt, half = 0.5, sum = 0.0;
  for (int k = 1; k <= 60; ++k) {
    sum += half / k * qk * b / a;
    a += qk * one_minus_q;
    b += qkt * one_minus_qt;
    qk *= 1.0 - one_minus_q;
    qkt *= 1.0 - one_minus_qt;
    half *= 0.5;
  }
  return __builtin_pow(beta1, t) * __builtin_exp(-sum);
}

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

  static Nadam fold(const Options& o, std::int64_t steps) {
    const auto second = Average<T>::fold(o.beta2);
    const auto t = static_cast<double>(steps);
    const auto mu = [&](double s) {
      return o.beta1 * (1.0 - 0.5 * __builtin_pow(0.96, s * o.momentum_decay));
    };
    const double product = momentum_product(o.beta1, o.momentum_decay, t);
    return {Gradient<T>::fold(o),
            Decay<T>::fold(o),
            Average<T>::fold(o.beta1),
            second,
            static_cast<T>(o.lr * (1.0 - mu(t)) / (1.0 - product)),
            static_cast<T>(o.lr * mu(t + 1.0) / (1.0 - product * mu(t + 1.0))),
            Denominator<T>::fold(o, second.correction(steps))};
  }

  static inline void update(const Nadam& h, T& p, T g, T& m, T& v) {
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
