// Adam (Kingma & Ba 2015, algorithm 1):
//
//   m_t = beta1 m_{t-1} + (1 - beta1) g_t
//   v_t = beta2 v_{t-1} + (1 - beta2) g_t^2
//   theta_t = theta_{t-1} - lr mhat_t / (sqrt(vhat_t) + eps),
//   mhat_t = m_t / (1 - beta1^t),  vhat_t = v_t / (1 - beta2^t)
//
// Keras adds eps to sqrt(v) before the correction ("epsilon hat" in the paper's section 2), so no
// constant eps there matches this one.
#pragma once

#include "update/terms.hpp"

namespace saddlescape::update {
namespace {

template <class T>
struct Adam {
  static constexpr int states = 2;
  static constexpr const char* state_names[max_states] = {"exp_avg", "exp_avg_sq"};

  Gradient<T> gradient;
  Average<T> first, second;
  T step;   // lr / (1 - beta1^t)
  T scale;  // 1 / sqrt(1 - beta2^t)
  T eps;

  static Adam fold(const Options& o, std::int64_t t) {
    const auto first = Average<T>::fold(o.beta1);
    const auto second = Average<T>::fold(o.beta2);
    return {Gradient<T>::fold(o),
            first,
            second,
            static_cast<T>(o.lr / first.correction(t)),
            static_cast<T>(1.0 / root(second.correction(t))),
            static_cast<T>(o.eps)};
  }

  static inline void update(const Adam& h, T& p, T g, T& m, T& v) {
    g = h.gradient(g, p);
    // m = beta1 m + (1 - beta1) g
    m = h.first(m, g);
    // v = beta2 v + (1 - beta2) g^2
    v = h.second(v, g * g);
    // theta = theta - lr mhat / (sqrt(vhat) + eps), with one division instead of PyTorch's two
    p -= ratio(h.step * m, root(v) * h.scale + h.eps);
  }
};

}  // namespace
}  // namespace saddlescape::update
