// AdEMAMix (Pagliardini, Ablin & Grangier 2024, algorithm 1): Adam with a second, slow average of
// the gradient beside the first:
//
//   m_t = beta1 m_{t-1} + (1 - beta1) g_t
//   s_t = beta3(t) s_{t-1} + (1 - beta3(t)) g_t
//   v_t = beta2 v_{t-1} + (1 - beta2) g_t^2
//   theta_t = (1 - lr wd) theta_{t-1} - lr (mhat_t + alpha(t) s_t) / (sqrt(vhat_t) + eps)
//
// s has no bias correction. With a warm-up of T steps alpha(t) = alpha min(t / T, 1), and the
// half-life log(1/2) / log(beta3(t)) goes linearly from beta1's to beta3's, which is the paper's
// equation for beta3(t).
#pragma once

#include "update/adam.hpp"

namespace saddlescape::update {
namespace {

// beta3(t); `part` = t / T goes from 0 to 1. Also for beta1 = 0, whose half-life is 0.
SADDLESCAPE_HOST_DEVICE inline double slow_decay(double beta1, double beta3, double part) {
  if (part >= 1.0) return beta3;
  const double log_half = power::logarithm(0.5);
  const double life =
      (1.0 - part) * log_half / power::logarithm(beta1) + part * log_half / power::logarithm(beta3);
  return power::exponential(log_half / life);
}

template <class T>
struct Ademamix {
  static constexpr int states = 3;
  static constexpr const char* state_names[max_states] = {"exp_avg_fast", "exp_avg_slow",
                                                          "exp_avg_sq"};
  static constexpr Nature natures[max_states] = {Nature::value, Nature::slow, Nature::square};

  Gradient<T> gradient;
  Decay<T> decay;
  Average<T> fast, second;
  T gain;              // 1 - beta3(t)
  T of_fast, of_slow;  // lr / (1 - beta1^t), lr alpha(t)
  Denominator<T> denominator;

  SADDLESCAPE_HOST_DEVICE static Ademamix fold(Options o, std::int64_t t) {
    o.decoupled = true;
    const auto fast = Average<T>::fold(o.beta1);
    const auto second = Average<T>::fold(o.beta2);
    const double done = o.warmup > 0.0 ? static_cast<double>(t) / o.warmup : 1.0;
    const double part = done < 1.0 ? done : 1.0;
    return {Gradient<T>::fold(o),
            Decay<T>::fold(o),
            fast,
            second,
            static_cast<T>(1.0 - slow_decay(o.beta1, o.beta3, part)),
            static_cast<T>(o.lr / fast.correction(t)),
            static_cast<T>(o.lr * o.alpha * part),
            Denominator<T>::fold(o, second.correction(t))};
  }

  SADDLESCAPE_HOST_DEVICE static inline void update(const Ademamix& h, T& p, T g, T& m, T& s,
                                                    T& v) {
    g = h.gradient(g, p);
    // m = beta1 m + (1 - beta1) g
    m = h.fast(m, g);
    // s = beta3 s + (1 - beta3) g, so written that 1 - beta3 = 1e-4 is rounded and not beta3: s has
    // no bias correction that would make good for it
    s += h.gain * (g - s);
    // v = beta2 v + (1 - beta2) g^2
    v = h.second(v, g * g);
    // theta = (1 - lr wd) theta - lr (mhat + alpha s) / (sqrt(vhat) + eps)
    p -= h.decay(p) + ratio(h.of_fast * m + h.of_slow * s, h.denominator(v));
  }
};

}  // namespace
}  // namespace saddlescape::update
