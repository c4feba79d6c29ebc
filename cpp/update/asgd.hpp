// Averaged stochastic gradient descent (Polyak & Juditsky 1992; the decay of Bottou's), as PyTorch
// writes it:
//
//   eta_t = lr / (1 + lambd lr (t-1))^alpha,  mu_t = 1 / max(1, t - 1 - t0)
//   theta_t = (1 - lambd eta_t) theta_{t-1} - eta_t g_t
//   a_t = a_{t-1} + mu_t (theta_t - a_{t-1})
//
// The average a is a state, what training goes on with is theta. PyTorch computes eta at the end of
// a step for the next one, so a changed lr acts a step late there; here at once.
#pragma once

#include "update/terms.hpp"

namespace saddlescape::update {
namespace {

template <class T>
struct Asgd {
  static constexpr int states = 1;
  static constexpr const char* state_names[max_states] = {"ax"};
  static constexpr Nature natures[max_states] = {Nature::exact};

  Gradient<T> gradient;
  T part;  // lambd eta
  T eta;
  T old, mu;  // 1 - mu, mu

  SADDLESCAPE_HOST_DEVICE static Asgd fold(const Options& o, std::int64_t steps) {
    const auto before = static_cast<double>(steps - 1);
    const double eta = o.lr / power::real_power(1.0 + o.lambd * o.lr * before, o.alpha);
    const double late = before - o.t0;
    const auto mu = static_cast<T>(late > 1.0 ? 1.0 / late : 1.0);
    return {Gradient<T>::fold(o), static_cast<T>(o.lambd * eta), static_cast<T>(eta),
            static_cast<T>(1.0 - static_cast<double>(mu)), mu};
  }

  SADDLESCAPE_HOST_DEVICE static inline void update(const Asgd& h, T& p, T g, T& a) {
    g = h.gradient(g, p);
    // theta = (1 - lambd eta) theta - eta g
    p -= h.part * p + h.eta * g;
    // a = (1 - mu) a + mu theta: theta itself where mu is 1
    a = h.old * a + h.mu * p;
  }
};

}  // namespace
}  // namespace saddlescape::update
