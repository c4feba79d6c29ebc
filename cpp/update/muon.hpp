// Muon (Jordan 2024, kellerjordan.github.io/posts/muon): momentum, made orthogonal.
//
//   B_t = mu B_{t-1} + (1 - mu) G_t
//   D_t = (1 - mu) G_t + mu B_t with Nesterov, else B_t
//   O_t = NS(D_t)                        its singular values near 1: newton_schulz.hpp
//   theta_t = (1 - lr wd) theta_{t-1} - lr s O_t
//
// with s = sqrt(max(1, rows / columns)), or 0.2 sqrt(max(rows, columns)) to make steps as long as
// AdamW's (Liu et al. 2025, section 2.2). B averages, as in PyTorch; Jordan's post sums:
// B_t = mu B_{t-1} + G_t, which O_t does not see. PyTorch takes the products in bfloat16, with a
// relative error of 4e-3 for each rounding; here they are in what is computed in. Optax corrects
// the bias of B and of G before it mixes them: another direction with Nesterov, the same without.
#pragma once

#include "update/terms.hpp"

namespace saddlescape::update {
namespace {

template <class T>
struct MuonDirection {
  static constexpr int states = 2;  // the last is the direction
  static constexpr bool sets_states = true;
  static constexpr const char* state_names[max_states] = {"momentum_buffer"};
  static constexpr Nature natures[max_states] = {Nature::value};

  T sign;
  Average<T> average;
  T of_gradient, of_buffer;

  SADDLESCAPE_HOST_DEVICE static MuonDirection fold(const Options& o, std::int64_t) {
    const auto average = Average<T>::fold(o.momentum);
    return {o.maximize ? T(-1) : T(1), average, o.use_nesterov ? average.gain : T(0),
            o.use_nesterov ? average.decay : T(1)};
  }

  SADDLESCAPE_HOST_DEVICE static inline void update(const MuonDirection& h, T&, T g, T& b, T& d) {
    g = h.sign * g;
    // B = mu B + (1 - mu) G
    b = h.average(b, g);
    // D = (1 - mu) G + mu B, or B
    d = h.of_gradient * g + h.of_buffer * b;
  }
};

// Its g is an element of O.
template <class T>
struct Muon {
  static constexpr int states = 0;
  static constexpr auto& state_names = MuonDirection<T>::state_names;
  static constexpr auto& natures = MuonDirection<T>::natures;

  Decay<T> decay;
  T rate;  // lr s

  SADDLESCAPE_HOST_DEVICE static Muon fold(Options o, std::int64_t) {
    o.decoupled = true;
    return {Decay<T>::fold(o), static_cast<T>(o.lr * o.trust)};
  }

  SADDLESCAPE_HOST_DEVICE static inline void update(const Muon& h, T& p, T g) {
    // theta = theta - (lr wd) theta - lr s O
    p -= h.decay(p) + h.rate * g;
  }
};

}  // namespace
}  // namespace saddlescape::update
