// Adan (Xie et al. 2022, algorithm 1) with the authors' bias corrections, and beta the weights of
// the old averages as in their code (the paper's are 1 - beta):
//
//   d_t = g_t - g_{t-1},  d_1 = 0
//   m_t = beta1 m_{t-1} + (1 - beta1) g_t
//   v_t = beta2 v_{t-1} + (1 - beta2) d_t
//   n_t = beta3 n_{t-1} + (1 - beta3) (g_t + beta2 d_t)^2
//   theta_t = (theta_{t-1} - lr (mhat_t + beta2 vhat_t) / (sqrt(nhat_t) + eps)) / (1 + lr wd)
//
// Optax 0.2.8 has 1 - beta2 in the place of both factors beta2 of d and vhat, with the same beta2
// in v: 0.08 where the paper and the authors have 0.92.
//
// With `decoupled` (the authors' no_prox) the decay is AdamW's: theta <- (1 - lr wd) theta before.
#pragma once

#include "update/adam.hpp"

namespace saddlescape::update {
namespace {

template <class T>
struct Adan {
  static constexpr int states = 4;
  static constexpr const char* state_names[max_states] = {"exp_avg", "exp_avg_diff", "exp_avg_sq",
                                                          "prev"};
  static constexpr Nature natures[max_states] = {Nature::value, Nature::value, Nature::square,
                                                 Nature::value};

  T direction;  // -1 to maximize
  Decay<T> decay;
  Average<T> first, change, second;
  T later;                // 0 in the first step, which has no g_{t-1}
  T of_first, of_change;  // lr / (1 - beta1^t), lr beta2 / (1 - beta2^t)
  Denominator<T> denominator;
  T prox;  // 1 / (1 + lr wd), or 1

  SADDLESCAPE_HOST_DEVICE static Adan fold(Options o, std::int64_t t) {
    // (theta - u) / (1 + c) = theta - (c theta + u) / (1 + c): prox is that factor behind.
    const T prox = o.decoupled ? T(1) : static_cast<T>(1.0 / (1.0 + o.lr * o.weight_decay));
    o.decoupled = true;
    const auto first = Average<T>::fold(o.beta1);
    const auto change = Average<T>::fold(o.beta2);
    const auto second = Average<T>::fold(o.beta3);
    return {o.maximize ? T(-1) : T(1),
            Decay<T>::fold(o),
            first,
            change,
            second,
            t == 1 ? T(0) : T(1),
            static_cast<T>(o.lr / first.correction(t)),
            static_cast<T>(o.lr * o.beta2 / change.correction(t)),
            Denominator<T>::fold(o, second.correction(t)),
            prox};
  }

  SADDLESCAPE_HOST_DEVICE static inline void update(const Adan& h, T& p, T g, T& m, T& v, T& n,
                                                    T& previous) {
    g = h.direction * g;
    // d = g_t - g_{t-1}
    const T d = h.later * (g - previous);
    previous = g;
    // m = beta1 m + (1 - beta1) g
    m = h.first(m, g);
    // v = beta2 v + (1 - beta2) d
    v = h.change(v, d);
    // n = beta3 n + (1 - beta3) (g + beta2 d)^2
    const T ahead = g + h.change.decay * d;
    n = h.second(n, ahead * ahead);
    // theta = (theta - lr (mhat + beta2 vhat) / (sqrt(nhat) + eps)) / (1 + lr wd), or undivided
    // with (1 - lr wd) theta for the first theta
    const T move = ratio(h.of_first * m + h.of_change * v, h.denominator(n));
    p -= h.prox * (h.decay(p) + move);
  }
};

}  // namespace
}  // namespace saddlescape::update
