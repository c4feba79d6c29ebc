// Adagrad (Duchi, Hazan & Singer 2011), as PyTorch writes it:
//
//   s_t = s_{t-1} + g_t^2
//   theta_t = theta_{t-1} - lr / (1 + (t-1) lr_decay) g_t / (sqrt(s_t) + eps)
//
// eps stands outside the root; in Keras, Optax and the lectures it stands inside (`eps_root`). The
// lectures' notes (S2-31) divide by the root of the mean, sqrt(s_t / t), in its place (`mean`).
#pragma once

#include "update/terms.hpp"

namespace saddlescape::update {
namespace {

template <class T>
struct Adagrad {
  static constexpr int states = 1;
  static constexpr const char* state_names[max_states] = {"sum"};
  static constexpr Nature natures[max_states] = {Nature::square};

  Gradient<T> gradient;
  T lr, eps, eps_root;

  SADDLESCAPE_HOST_DEVICE static Adagrad fold(const Options& o, std::int64_t t) {
    const double lr = o.lr / (1.0 + static_cast<double>(t - 1) * o.lr_decay);
    // lr g / (sqrt(s / t) + eps) = sqrt(t) lr g / (sqrt(s) + sqrt(t) eps)
    const double scale = o.mean ? root(static_cast<double>(t)) : 1.0;
    return {Gradient<T>::fold(o), static_cast<T>(scale * lr), static_cast<T>(scale * o.eps),
            static_cast<T>(o.eps_root)};
  }

  SADDLESCAPE_HOST_DEVICE static inline void update(const Adagrad& h, T& p, T g, T& s) {
    g = h.gradient(g, p);
    // s = s + g^2
    s += g * g;
    // theta = theta - lr_t g / (sqrt(s) + eps)
    p -= ratio(h.lr * g, root(s + h.eps_root) + h.eps);
  }
};

}  // namespace
}  // namespace saddlescape::update
