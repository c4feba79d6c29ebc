// Sophia (Liu et al. 2023, algorithm 3), for any estimate d of the Hessian's diagonal:
//
//   m_t = beta1 m_{t-1} + (1 - beta1) g_t
//   h_t = beta2 h_{t-1} + (1 - beta2) d_t  in a step with an estimate, else h_{t-1}
//   theta_t = (1 - lr wd) theta_{t-1} - lr clip(m_t / max(rho h_t, eps), 1)
//
// Neither average is corrected for its start at zero. Where the curvature is not positive a step is
// as long as the clip lets it be, lr. Clipping comes before dividing here: nothing overflows, and
// eps may be 0. The first version of the paper divides by max(h, eps) and clips at rho; the
// authors' code adds 1e-15 to rho h and multiplies h, a mean over the samples, by their number B in
// every step: here B belongs to the estimate, as in algorithm 2.
#pragma once

#include "update/terms.hpp"

namespace saddlescape::update {
namespace {

template <class T>
struct Sophia {
  static constexpr int states = 3;
  static constexpr bool takes_diagonal = true;
  static constexpr const char* state_names[max_states] = {"exp_avg", "hessian", "hessian_diagonal"};
  static constexpr Nature natures[max_states] = {Nature::value, Nature::slow, Nature::exact};

  Gradient<T> gradient;
  Decay<T> decay;
  Average<T> first, second;  // second: 1 and 0 in a step without an estimate
  T lr, rho, eps;

  // The number of estimates, for who asks whether there was one.
  SADDLESCAPE_HOST_DEVICE static void carry(const Options& o, std::int64_t,
                                            double (&carried)[max_carried]) {
    carried[0] += o.refresh ? 1 : 0;
  }

  SADDLESCAPE_HOST_DEVICE static Sophia fold(Options o, std::int64_t) {
    o.decoupled = true;
    return {
        Gradient<T>::fold(o),      Decay<T>::fold(o),
        Average<T>::fold(o.beta1), o.refresh ? Average<T>::fold(o.beta2) : Average<T>{T(1), T(0)},
        static_cast<T>(o.lr),      static_cast<T>(o.rho),
        static_cast<T>(o.eps)};
  }

  SADDLESCAPE_HOST_DEVICE static inline void update(const Sophia& h, T& p, T g, T& m, T& curvature,
                                                    T& d) {
    g = h.gradient(g, p);
    // m = beta1 m + (1 - beta1) g
    m = h.first(m, g);
    // h = beta2 h + (1 - beta2) d, of -L to maximize
    curvature = h.second(curvature, h.gradient.sign * d);
    // theta = (1 - lr wd) theta - lr clip(m / max(rho h, eps), 1)
    const T scale = larger(h.rho * curvature, h.eps);
    const T clipped = magnitude(m) < scale ? ratio(m, scale) : sign(m);
    p -= h.decay(p) + h.lr * clipped;
  }
};

}  // namespace
}  // namespace saddlescape::update
