// AMSGrad (Reddi, Kale & Kumar 2018, algorithm 2): Adam whose denominator never shrinks. As PyTorch
// writes it, with x the largest v so far and Adam's bias corrections:
//
//   m_t, v_t as in Adam,  x_t = max(x_{t-1}, v_t)
//   theta_t = theta_{t-1} - lr mhat_t / (sqrt(x_t / (1 - beta2^t)) + eps)
//
// The paper has neither correction (`uncorrected`). Optax takes the maximum of vhat instead of v
// (`max_corrected`): early vhat are noisy and their maximum stays, so the paths differ for good.
#pragma once

#include "update/adam.hpp"

namespace saddlescape::update {
namespace {

template <class T>
struct Amsgrad {
  static constexpr int states = 3;
  static constexpr const char* state_names[max_states] = {"exp_avg", "exp_avg_sq",
                                                          "max_exp_avg_sq"};
  static constexpr Nature natures[max_states] = {Nature::value, Nature::square, Nature::square};

  Adam<T> adam;
  T correct;  // 1, or 1 / (1 - beta2^t) where the maximum is taken of vhat

  SADDLESCAPE_HOST_DEVICE static Amsgrad fold(const Options& o, std::int64_t t) {
    auto adam = Adam<T>::fold(o, t);
    if (o.uncorrected) adam.step = static_cast<T>(o.lr);
    const bool bare = o.uncorrected || o.max_corrected;
    if (bare) adam.denominator = Denominator<T>::fold(o, 1.0);
    return {adam, o.max_corrected ? static_cast<T>(1.0 / adam.second.correction(t)) : T(1)};
  }

  SADDLESCAPE_HOST_DEVICE static inline void update(const Amsgrad& h, T& p, T g, T& m, T& v, T& x) {
    g = h.adam.gradient(g, p);
    // m = beta1 m + (1 - beta1) g
    m = h.adam.first(m, g);
    // v = beta2 v + (1 - beta2) g^2
    v = h.adam.second(v, g * g);
    // x = max(x, v)
    x = larger(x, h.correct * v);
    // theta = theta - (lr wd) theta - lr mhat / (sqrt(xhat) + eps)
    p -= h.adam.decay(p) + ratio(h.adam.step * m, h.adam.denominator(x));
  }
};

// The same with the weight decay decoupled, as in AdamW.
template <class T>
struct AmsgradW : Amsgrad<T> {
  SADDLESCAPE_HOST_DEVICE static Amsgrad<T> fold(Options o, std::int64_t t) {
    o.decoupled = true;
    return Amsgrad<T>::fold(o, t);
  }
};

}  // namespace
}  // namespace saddlescape::update
