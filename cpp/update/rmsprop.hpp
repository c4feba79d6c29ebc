// RMSprop (Tieleman & Hinton 2012, lecture 6.5), as PyTorch writes it:
//
//   v_t = alpha v_{t-1} + (1 - alpha) g_t^2
//   theta_t = theta_{t-1} - lr g_t / (sqrt(v_t) + eps)
//
// eps stands outside the root; in Keras, Optax and the lectures it stands inside.
#pragma once

#include "update/terms.hpp"

namespace saddlescape::update {
namespace {

template <class T>
struct Rmsprop {
  static constexpr int states = 1;
  static constexpr const char* state_names[max_states] = {"square_avg"};

  Gradient<T> gradient;
  Average<T> average;
  T lr, eps;

  static Rmsprop fold(const Options& o, std::int64_t) {
    return {Gradient<T>::fold(o), Average<T>::fold(o.alpha), static_cast<T>(o.lr),
            static_cast<T>(o.eps)};
  }

  static inline void update(const Rmsprop& h, T& p, T g, T& v) {
    g = h.gradient(g, p);
    // v = alpha v + (1 - alpha) g^2
    v = h.average(v, g * g);
    // theta = theta - lr g / (sqrt(v) + eps)
    p -= ratio(h.lr * g, root(v) + h.eps);
  }
};

}  // namespace
}  // namespace saddlescape::update
