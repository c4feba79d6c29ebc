// Adagrad (Duchi, Hazan & Singer 2011), as PyTorch writes it:
//
//   s_t = s_{t-1} + g_t^2
//   theta_t = theta_{t-1} - lr / (1 + (t-1) lr_decay) g_t / (sqrt(s_t) + eps)
//
// eps stands outside the root; in Keras, Optax and the lectures it stands inside.
#pragma once

#include "update/terms.hpp"

namespace saddlescape::update {
namespace {

template <class T>
struct Adagrad {
  static constexpr int states = 1;
  static constexpr const char* state_names[max_states] = {"sum"};

  Gradient<T> gradient;
  T lr, eps;

  static Adagrad fold(const Options& o, std::int64_t t) {
    const double lr = o.lr / (1.0 + static_cast<double>(t - 1) * o.lr_decay);
    return {Gradient<T>::fold(o), static_cast<T>(lr), static_cast<T>(o.eps)};
  }

  static inline void update(const Adagrad& h, T& p, T g, T& s) {
    g = h.gradient(g, p);
    // s = s + g^2
    s += g * g;
    // theta = theta - lr_t g / (sqrt(s) + eps)
    p -= ratio(h.lr * g, root(s) + h.eps);
  }
};

}  // namespace
}  // namespace saddlescape::update
