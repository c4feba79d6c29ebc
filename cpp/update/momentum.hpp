// Gradient descent with momentum, the heavy ball (Polyak 1964), as PyTorch writes it:
//
//   b_1 = g_1,   b_t = mu b_{t-1} + (1 - dampening) g_t
//   theta_t = theta_{t-1} - lr b_t
//
// The textbook form m = mu m - lr g, theta = theta + m (Keras, the lectures) holds lr inside the
// buffer (`lr_inside`, b = -m): the same path for a constant lr, another one as soon as lr changes.
#pragma once

#include "update/terms.hpp"

namespace saddlescape::update {
namespace {

template <class T>
struct Momentum {
  static constexpr int states = 1;
  static constexpr const char* state_names[max_states] = {"momentum_buffer"};
  static constexpr Nature natures[max_states] = {Nature::value};

  Gradient<T> gradient;
  T momentum, gain, lr;

  SADDLESCAPE_HOST_DEVICE static Momentum fold(const Options& o, std::int64_t t) {
    // The first step takes the whole gradient: dampening begins with the second, as in PyTorch.
    const bool first = t == 1;
    const double gain = first ? 1.0 : 1.0 - o.dampening;
    return {Gradient<T>::fold(o), first ? T(0) : static_cast<T>(o.momentum),
            static_cast<T>(o.lr_inside ? o.lr * gain : gain),
            o.lr_inside ? T(1) : static_cast<T>(o.lr)};
  }

  SADDLESCAPE_HOST_DEVICE static inline void update(const Momentum& h, T& p, T g, T& b) {
    g = h.gradient(g, p);
    // b = mu b + (1 - dampening) g
    b = h.momentum * b + h.gain * g;
    // theta = theta - lr b
    p -= h.lr * b;
  }
};

}  // namespace
}  // namespace saddlescape::update
