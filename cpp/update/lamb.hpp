// LAMB (You et al. 2020, algorithm 2, phi the identity): Adam with a step as long as the layer.
//
//   m, v, mhat, vhat as in Adam
//   u_t = mhat_t / (sqrt(vhat_t) + eps) + wd theta_{t-1}
//   theta_t = theta_{t-1} - lr trust u_t,   trust = |theta_{t-1}| / |u_t| over the tensor
//
// The trust is 1 where either norm is 0 (Optax and Apex as well): a tensor of zeros can begin to
// move. Apex takes it only where wd is not 0 and clips the gradients to norm 1 first; here
// clip_norm does, if it is asked for.
#pragma once

#include "update/adam.hpp"

namespace saddlescape::update {
namespace {

template <class T>
struct Lamb {
  static constexpr int states = 2;
  static constexpr auto& state_names = Adam<T>::state_names;
  static constexpr auto& natures = Adam<T>::natures;

  Gradient<T> gradient;
  Average<T> first, second;
  T correction;  // 1 / (1 - beta1^t)
  Denominator<T> denominator;
  T weight_decay;
  T step;  // lr trust

  SADDLESCAPE_HOST_DEVICE static Lamb fold(Options o, std::int64_t t) {
    o.decoupled = true;
    const auto first = Average<T>::fold(o.beta1);
    const auto second = Average<T>::fold(o.beta2);
    return {Gradient<T>::fold(o),
            first,
            second,
            static_cast<T>(1.0 / first.correction(t)),
            Denominator<T>::fold(o, second.correction(t)),
            static_cast<T>(o.weight_decay),
            static_cast<T>(o.lr * o.trust)};
  }

  // u = mhat / (sqrt(vhat) + eps) + wd theta
  SADDLESCAPE_HOST_DEVICE static inline T direction(const Lamb& h, T p, T m, T v) {
    return ratio(h.correction * m, h.denominator(v)) + h.weight_decay * p;
  }

  SADDLESCAPE_HOST_DEVICE static inline void update(const Lamb& h, T& p, T, T& m, T& v) {
    p -= h.step * direction(h, p, m, v);
  }
};

template <class T>
struct LambDirection : Lamb<T> {
  static constexpr int states = 3;  // the last is the direction
  static constexpr bool sets_states = true;

  SADDLESCAPE_HOST_DEVICE static double trust(const Options&, double parameter_norm,
                                              double direction_norm) {
    return parameter_norm > 0 && direction_norm > 0 ? parameter_norm / direction_norm : 1;
  }

  SADDLESCAPE_HOST_DEVICE static inline void update(const LambDirection& h, T& p, T g, T& m, T& v,
                                                    T& u) {
    g = h.gradient(g, p);
    m = h.first(m, g);
    v = h.second(v, g * g);
    u = Lamb<T>::direction(h, p, m, v);
  }
};

}  // namespace
}  // namespace saddlescape::update
