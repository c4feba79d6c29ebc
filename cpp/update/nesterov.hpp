// Nesterov's accelerated gradient (Nesterov 1983) in the form of Sutskever et al. (2013),
// rewritten by PyTorch for the gradient at theta itself:
//
//   b_1 = g_1,   b_t = mu b_{t-1} + g_t
//   theta_t = theta_{t-1} - lr (g_t + mu b_t)
//
// Keras holds lr inside the buffer (`lr_inside`): b_t = mu b_{t-1} + lr g_t, and theta moves by
// lr g_t + mu b_t.
//
// theta here is the lectures' look-ahead point theta - gamma v: with phi_t = theta_t + lr mu b_t
// and v_t = lr b_t, phi follows v = gamma v + lr grad J(phi - gamma v), phi = phi - v.
#pragma once

#include "update/terms.hpp"

namespace saddlescape::update {
namespace {

template <class T>
struct Nesterov {
  static constexpr int states = 1;
  static constexpr const char* state_names[max_states] = {"momentum_buffer"};
  static constexpr Nature natures[max_states] = {Nature::value};

  Gradient<T> gradient;
  T momentum, gain, lr;

  SADDLESCAPE_HOST_DEVICE static Nesterov fold(const Options& o, std::int64_t) {
    const auto lr = static_cast<T>(o.lr);
    return {Gradient<T>::fold(o), static_cast<T>(o.momentum), o.lr_inside ? lr : T(1),
            o.lr_inside ? T(1) : lr};
  }

  SADDLESCAPE_HOST_DEVICE static inline void update(const Nesterov& h, T& p, T g, T& b) {
    g = h.gradient(g, p);
    // b = mu b + g; b starts at 0, so the first b is g
    g = h.gain * g;
    b = h.momentum * b + g;
    // theta = theta - lr (g + mu b)
    p -= h.lr * (g + h.momentum * b);
  }
};

}  // namespace
}  // namespace saddlescape::update
