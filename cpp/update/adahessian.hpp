// AdaHessian (Yao et al. 2021, algorithm 2): Adam, with an estimate D of the Hessian's diagonal in
// the place of the gradient in the second moment:
//
//   m_t = beta1 m_{t-1} + (1 - beta1) g_t
//   v_n = beta2 v_{n-1} + (1 - beta2) D_n^2
//   theta_t = (1 - lr wd) theta_{t-1} - lr mhat_t / (sqrt(vhat_n)^k + eps)
//   mhat_t = m_t / (1 - beta1^t),  vhat_n = v_n / (1 - beta2^n),  0 <= k <= 1
//
// n counts the estimates: a step may have none, and then keeps v. The paper takes one in every step
// (n = t); its code corrects by t where estimates are rarer, so that vhat starts too small. The
// estimate is averaged over neighbours, if at all, by who hands it over.
#pragma once

#include "update/terms.hpp"

namespace saddlescape::update {
namespace {

template <class T>
struct Adahessian {
  static constexpr int states = 3;
  static constexpr bool takes_diagonal = true;
  static constexpr const char* state_names[max_states] = {"exp_avg", "exp_hessian_diag_sq",
                                                          "hessian_diagonal"};
  static constexpr Nature natures[max_states] = {Nature::value, Nature::square, Nature::exact};

  Gradient<T> gradient;
  Decay<T> decay;
  Average<T> first, second;  // second: 1 and 0 in a step without an estimate
  T step;                    // lr / (1 - beta1^t)
  T scale;                   // 1 / (1 - beta2^n), 0 before the first estimate
  T k, eps;

  // The number of estimates.
  SADDLESCAPE_HOST_DEVICE static void carry(const Options& o, std::int64_t,
                                            double (&carried)[max_carried]) {
    carried[0] += o.refresh ? 1 : 0;
  }

  SADDLESCAPE_HOST_DEVICE static Adahessian fold(Options o, std::int64_t t) {
    o.decoupled = true;
    const auto first = Average<T>::fold(o.beta1);
    const auto second = Average<T>::fold(o.beta2);
    const auto n = static_cast<std::int64_t>(o.carried[0]);
    return {Gradient<T>::fold(o),
            Decay<T>::fold(o),
            first,
            o.refresh ? second : Average<T>{T(1), T(0)},
            static_cast<T>(o.lr / first.correction(t)),
            n > 0 ? static_cast<T>(1.0 / second.correction(n)) : T(0),
            static_cast<T>(o.hessian_power),
            static_cast<T>(o.eps)};
  }

  // Whether k is not 1: the same for all elements, whose loop then is another one (loops.hpp).
  static constexpr bool has_forms = true;
  SADDLESCAPE_HOST_DEVICE bool form() const { return k != T(1); }

  SADDLESCAPE_HOST_DEVICE static inline void update(const Adahessian& h, T& p, T g, T& m, T& v,
                                                    T& d) {
    h.form() ? update_in<true>(h, p, g, m, v, d) : update_in<false>(h, p, g, m, v, d);
  }

  template <bool powers>
  SADDLESCAPE_HOST_DEVICE static inline void update_in(const Adahessian& h, T& p, T g, T& m, T& v,
                                                       T& d) {
    g = h.gradient(g, p);
    // m = beta1 m + (1 - beta1) g
    m = h.first(m, g);
    // v = beta2 v + (1 - beta2) D^2
    v = h.second(v, d * d);
    // theta = (1 - lr wd) theta - lr mhat / (sqrt(vhat)^k + eps)
    T size = root(v * h.scale);
    if constexpr (powers) size = static_cast<T>(power::root_power(size, h.k));
    p -= h.decay(p) + ratio(h.step * m, size + h.eps);
  }
};

}  // namespace
}  // namespace saddlescape::update
