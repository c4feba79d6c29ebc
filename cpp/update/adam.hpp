// Adam (Kingma & Ba 2015, algorithm 1):
//
//   m_t = beta1 m_{t-1} + (1 - beta1) g_t
//   v_t = beta2 v_{t-1} + (1 - beta2) g_t^2
//   theta_t = theta_{t-1} - lr mhat_t / (sqrt(vhat_t) + eps),
//   mhat_t = m_t / (1 - beta1^t),  vhat_t = v_t / (1 - beta2^t)
//
// Keras adds eps to sqrt(v) before the correction ("epsilon hat" in the paper's section 2), so no
// constant eps there matches this one; `eps_hat` does. `eps_root` stands under the root of vhat.
#pragma once

#include "update/terms.hpp"

namespace saddlescape::update {
namespace {

// sqrt(vhat + eps_root) + eps with vhat = v / correction: what Adam's descendants divide by.
template <class T>
struct Denominator {
  T shift;  // eps_root correction
  T scale;  // 1 / sqrt(correction)
  T eps;    // eps, or eps_hat / sqrt(correction)

  SADDLESCAPE_HOST_DEVICE static Denominator fold(const Options& o, double correction) {
    const double scale = 1.0 / root(correction);
    return {static_cast<T>(o.eps_root * correction), static_cast<T>(scale),
            static_cast<T>(o.eps + o.eps_hat * scale)};
  }
  SADDLESCAPE_HOST_DEVICE T operator()(T v) const { return root(v + shift) * scale + eps; }
};

template <class T>
struct Adam {
  static constexpr int states = 2;
  static constexpr const char* state_names[max_states] = {"exp_avg", "exp_avg_sq"};
  static constexpr Nature natures[max_states] = {Nature::value, Nature::square};

  Gradient<T> gradient;
  Decay<T> decay;
  Average<T> first, second;
  T step;  // lr / (1 - beta1^t)
  Denominator<T> denominator;

  SADDLESCAPE_HOST_DEVICE static Adam fold(const Options& o, std::int64_t t) {
    const auto first = Average<T>::fold(o.beta1);
    const auto second = Average<T>::fold(o.beta2);
    return {Gradient<T>::fold(o),
            Decay<T>::fold(o),
            first,
            second,
            static_cast<T>(o.lr / first.correction(t)),
            Denominator<T>::fold(o, second.correction(t))};
  }

  SADDLESCAPE_HOST_DEVICE static inline void update(const Adam& h, T& p, T g, T& m, T& v) {
    g = h.gradient(g, p);
    // m = beta1 m + (1 - beta1) g
    m = h.first(m, g);
    // v = beta2 v + (1 - beta2) g^2
    v = h.second(v, g * g);
    // theta = theta - (lr wd) theta - lr mhat / (sqrt(vhat) + eps), the decay if it is decoupled,
    // and with one division instead of PyTorch's two
    p -= h.decay(p) + ratio(h.step * m, h.denominator(v));
  }
};

}  // namespace
}  // namespace saddlescape::update
