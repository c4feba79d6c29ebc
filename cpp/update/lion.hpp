// Lion (Chen et al. 2023, algorithm 2):
//
//   c_t = beta1 m_{t-1} + (1 - beta1) g_t
//   theta_t = (1 - lr wd) theta_{t-1} - lr sign(c_t)
//   m_t = beta2 m_{t-1} + (1 - beta2) g_t
//
// sign(0) = 0: a parameter that sees no gradient stays. (DeepSpeed's kernels move it by lr.)
#pragma once

#include "update/terms.hpp"

namespace saddlescape::update {
namespace {

template <class T>
struct Lion {
  static constexpr int states = 1;
  static constexpr const char* state_names[max_states] = {"exp_avg"};
  static constexpr Nature natures[max_states] = {Nature::value};

  Gradient<T> gradient;
  Decay<T> decay;
  Average<T> ahead, average;
  T lr;

  SADDLESCAPE_HOST_DEVICE static Lion fold(Options o, std::int64_t) {
    o.decoupled = true;
    return {Gradient<T>::fold(o), Decay<T>::fold(o), Average<T>::fold(o.beta1),
            Average<T>::fold(o.beta2), static_cast<T>(o.lr)};
  }

  SADDLESCAPE_HOST_DEVICE static inline void update(const Lion& h, T& p, T g, T& m) {
    g = h.gradient(g, p);
    // theta = (1 - lr wd) theta - lr sign(beta1 m + (1 - beta1) g)
    p -= h.decay(p) + h.lr * sign(h.ahead(m, g));
    // m = beta2 m + (1 - beta2) g
    m = h.average(m, g);
  }
};

}  // namespace
}  // namespace saddlescape::update
