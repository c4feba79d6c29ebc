// Stochastic gradient descent (Robbins & Monro 1951):
//
//   theta_t = theta_{t-1} - lr g_t
#pragma once

#include "update/terms.hpp"

namespace saddlescape::update {
namespace {

template <class T>
struct Sgd {
  static constexpr int states = 0;
  static constexpr const char* state_names[max_states] = {};
  static constexpr Nature natures[max_states] = {};

  Gradient<T> gradient;
  T lr;

  SADDLESCAPE_HOST_DEVICE static Sgd fold(const Options& o, std::int64_t) {
    return {Gradient<T>::fold(o), static_cast<T>(o.lr)};
  }

  SADDLESCAPE_HOST_DEVICE static inline void update(const Sgd& h, T& p, T g) {
    g = h.gradient(g, p);
    // theta = theta - lr g
    p -= h.lr * g;
  }
};

}  // namespace
}  // namespace saddlescape::update
