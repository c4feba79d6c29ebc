// RMSprop (Tieleman & Hinton 2012, lecture 6.5), as PyTorch writes it:
//
//   v_t = alpha v_{t-1} + (1 - alpha) g_t^2
//   theta_t = theta_{t-1} - lr g_t / (sqrt(v_t) + eps)
//
// centered (Graves 2013, equations 38 to 41), with the variance in place of the mean square:
//
//   a_t = alpha a_{t-1} + (1 - alpha) g_t,  v_t - a_t^2 for v_t
//
// and with momentum:
//
//   b_t = mu b_{t-1} + g_t / (sqrt(v_t) + eps),  theta_t = theta_{t-1} - lr b_t
//
// eps stands outside the root; in Keras, Optax and the lectures it stands inside (`eps_root`).
// Keras and Optax hold lr inside the buffer b (`lr_inside`). The lectures' notes (S2-32) start at
// v_1 = g_1^2 (`first_gradient`).
#pragma once

#include "update/terms.hpp"

namespace saddlescape::update {
namespace {

template <class T>
struct Rmsprop {
  static constexpr int states = 1;
  static constexpr const char* state_names[max_states] = {"square_avg"};
  static constexpr Nature natures[max_states] = {Nature::square};

  Gradient<T> gradient;
  Average<T> average;
  T eps, eps_root;
  T momentum, gain, lr;  // b = mu b + gain g / ..., theta = theta - lr b

  SADDLESCAPE_HOST_DEVICE static Rmsprop fold(const Options& o, std::int64_t t) {
    const bool first = o.first_gradient && t == 1;
    const auto lr = static_cast<T>(o.lr);
    return {Gradient<T>::fold(o),       Average<T>::fold(first ? 0.0 : o.alpha),
            static_cast<T>(o.eps),      static_cast<T>(o.eps_root),
            static_cast<T>(o.momentum), o.lr_inside ? lr : T(1),
            o.lr_inside ? T(1) : lr};
  }

  // sqrt(v) + eps
  SADDLESCAPE_HOST_DEVICE T denominator(T v) const { return root(v + eps_root) + eps; }

  // v - a^2, which is no less than 0 until it is rounded, and v where both overflowed. PyTorch
  // takes the root as it comes: NaN in both cases.
  SADDLESCAPE_HOST_DEVICE static T variance(T v, T a) {
    const T d = v - a * a;
    const T known = d == d ? d : v;
    return d < T(0) ? T(0) : known;
  }

  SADDLESCAPE_HOST_DEVICE static inline void update(const Rmsprop& h, T& p, T g, T& v) {
    g = h.gradient(g, p);
    // v = alpha v + (1 - alpha) g^2
    v = h.average(v, g * g);
    // theta = theta - lr g / (sqrt(v) + eps)
    p -= ratio(h.lr * h.gain * g, h.denominator(v));
  }
};

template <class T>
struct RmspropMomentum : Rmsprop<T> {
  static constexpr int states = 2;
  static constexpr const char* state_names[max_states] = {"square_avg", "momentum_buffer"};
  static constexpr Nature natures[max_states] = {Nature::square, Nature::value};

  SADDLESCAPE_HOST_DEVICE static inline void update(const Rmsprop<T>& h, T& p, T g, T& v, T& b) {
    g = h.gradient(g, p);
    // v = alpha v + (1 - alpha) g^2
    v = h.average(v, g * g);
    // b = mu b + g / (sqrt(v) + eps)
    b = h.momentum * b + ratio(h.gain * g, h.denominator(v));
    // theta = theta - lr b
    p -= h.lr * b;
  }
};

template <class T>
struct RmspropCentered : Rmsprop<T> {
  static constexpr int states = 2;
  static constexpr const char* state_names[max_states] = {"square_avg", "grad_avg"};
  static constexpr Nature natures[max_states] = {Nature::square, Nature::exact};

  SADDLESCAPE_HOST_DEVICE static inline void update(const Rmsprop<T>& h, T& p, T g, T& v, T& a) {
    g = h.gradient(g, p);
    // v = alpha v + (1 - alpha) g^2
    v = h.average(v, g * g);
    // a = alpha a + (1 - alpha) g
    a = h.average(a, g);
    // theta = theta - lr g / (sqrt(v - a^2) + eps)
    p -= ratio(h.lr * h.gain * g, h.denominator(h.variance(v, a)));
  }
};

template <class T>
struct RmspropCenteredMomentum : Rmsprop<T> {
  static constexpr int states = 3;
  static constexpr const char* state_names[max_states] = {"square_avg", "grad_avg",
                                                          "momentum_buffer"};
  static constexpr Nature natures[max_states] = {Nature::square, Nature::exact, Nature::value};

  SADDLESCAPE_HOST_DEVICE static inline void update(const Rmsprop<T>& h, T& p, T g, T& v, T& a,
                                                    T& b) {
    g = h.gradient(g, p);
    // v = alpha v + (1 - alpha) g^2
    v = h.average(v, g * g);
    // a = alpha a + (1 - alpha) g
    a = h.average(a, g);
    // b = mu b + g / (sqrt(v - a^2) + eps)
    b = h.momentum * b + ratio(h.gain * g, h.denominator(h.variance(v, a)));
    // theta = theta - lr b
    p -= h.lr * b;
  }
};

}  // namespace
}  // namespace saddlescape::update
