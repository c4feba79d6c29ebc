// Adadelta (Zeiler 2012, algorithm 1):
//
//   s_t = rho s_{t-1} + (1 - rho) g_t^2
//   d_t = sqrt(u_{t-1} + eps) / sqrt(s_t + eps) g_t
//   u_t = rho u_{t-1} + (1 - rho) d_t^2
//   theta_t = theta_{t-1} - lr d_t
//
// The paper has no lr; PyTorch's stands outside the accumulated d, so lr = 1 is the paper.
#pragma once

#include "update/terms.hpp"

namespace saddlescape::update {
namespace {

template <class T>
struct Adadelta {
  static constexpr int states = 2;
  static constexpr const char* state_names[max_states] = {"square_avg", "acc_delta"};
  static constexpr Nature natures[max_states] = {Nature::square, Nature::square};

  Gradient<T> gradient;
  Average<T> average;
  T lr, eps;

  SADDLESCAPE_HOST_DEVICE static Adadelta fold(const Options& o, std::int64_t) {
    return {Gradient<T>::fold(o), Average<T>::fold(o.rho), static_cast<T>(o.lr),
            static_cast<T>(o.eps)};
  }

  SADDLESCAPE_HOST_DEVICE static inline void update(const Adadelta& h, T& p, T g, T& s, T& u) {
    g = h.gradient(g, p);
    // s = rho s + (1 - rho) g^2
    s = h.average(s, g * g);
    // d = RMS[d]_{t-1} / RMS[g]_t g
    const T d = ratio(root(u + h.eps) * g, root(s + h.eps));
    // u = rho u + (1 - rho) d^2
    u = h.average(u, d * d);
    // theta = theta - lr d
    p -= h.lr * d;
  }
};

}  // namespace
}  // namespace saddlescape::update
