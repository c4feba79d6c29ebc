// Rprop (Riedmiller & Braun 1993), as PyTorch writes it, without weight backtracking:
//
//   s_t = clamp(s_{t-1} f, low, high),  f = eta+, eta-, 1  for  g_t g_{t-1} >, <, = 0
//   g_t = 0  where  g_t g_{t-1} < 0
//   theta_t = theta_{t-1} - sign(g_t) s_t,  s_0 = lr
//
// lr is the size of the first step and nothing later. Optax 0.2.8 has these s_t and moves a step
// late, by sign(g_{t-1}) s_{t-1}.
#pragma once

#include "update/terms.hpp"

namespace saddlescape::update {
namespace {

template <class T>
struct Rprop {
  static constexpr int states = 2;
  static constexpr const char* state_names[max_states] = {"prev", "step_size"};
  static constexpr Nature natures[max_states] = {Nature::exact, Nature::exact_square};

  Gradient<T> gradient;
  T keep, start;  // s_{t-1} = keep s + start: lr before the first step, s later
  T shrink, grow, low, high;

  SADDLESCAPE_HOST_DEVICE static Rprop fold(const Options& o, std::int64_t t) {
    const bool first = t == 1;
    return {Gradient<T>::fold(o),
            first ? T(0) : T(1),
            first ? static_cast<T>(o.lr) : T(0),
            static_cast<T>(o.eta_minus),
            static_cast<T>(o.eta_plus),
            static_cast<T>(o.step_min),
            static_cast<T>(o.step_max)};
  }

  SADDLESCAPE_HOST_DEVICE static inline void update(const Rprop& h, T& p, T g, T& previous, T& s) {
    g = h.gradient(g, p);
    const T turn = g * previous;
    // s = clamp(s f, low, high). The factors are read before they are chosen from: a load on one
    // side of a select is a branch to GCC, and the loop stays scalar.
    const T grow = h.grow, shrink = h.shrink;
    const T grown = turn > T(0) ? grow : T(1);
    const T factor = turn < T(0) ? shrink : grown;
    const T size = (h.keep * s + h.start) * factor;
    s = larger(h.low, -larger(-h.high, -size));
    // g = 0 where it turned
    g = turn < T(0) ? T(0) : g;
    // theta = theta - sign(g) s
    p -= sign(g) * s;
    previous = g;
  }
};

}  // namespace
}  // namespace saddlescape::update
