// Schedule-free AdamW (Defazio et al. 2024, algorithm 1): no schedule, an average instead.
//
//   y_t = (1 - beta1) z_t + beta1 x_t                      where the gradient g_t is taken
//   v_t = beta2 v_{t-1} + (1 - beta2) g_t^2,  vhat_t = v_t / (1 - beta2^t)
//   u_t = g_t / (sqrt(vhat_t) + eps) + wd y_t
//   z_{t+1} = z_t - gamma_t u_t,                gamma_t = lr min(1, t / T)
//   x_{t+1} = (1 - c) x_t + c z_{t+1},          c = w_t / (w_1 + .. + w_t)
//
// The parameters hold y; z is a state, which starts as the parameters of the first step; x, the
// point to evaluate at, is neither: x = z + (y - z) / beta1. With x put in, y moves by
//
//   y_{t+1} = (1 - c) y_t + c z_t - gamma_t (1 - beta1 (1 - c)) u_t
//
// The authors' program weighs with w_t = t^r (largest gamma so far)^p, p = 2, where the paper has
// gamma_t^2, and corrects v as above where the paper has lr sqrt(1 - beta2^t): followed here. Its
// weights are of a group; here of a tensor, which may be left out of a step. Optax weighs step t of
// a schedule with the rate of step t + 1.
#pragma once

#include "update/adam.hpp"

namespace saddlescape::update {
namespace {

template <class T>
struct ScheduleFreeAdamW {
  static constexpr int states = 2;
  static constexpr const char* state_names[max_states] = {"z", "exp_avg_sq"};
  // y - z would magnify what z is rounded by.
  static constexpr Nature natures[max_states] = {Nature::exact, Nature::square};

  T sign;
  Average<T> second;
  Denominator<T> denominator;
  T weight_decay;
  T later;         // 0 in the first step, which has no z
  T rate;          // gamma
  T pull, travel;  // c, gamma (1 - beta1 (1 - c))

  SADDLESCAPE_HOST_DEVICE static double scheduled(const Options& o, std::int64_t t) {
    const auto step = static_cast<double>(t);
    return step < o.warmup ? o.lr * (step / o.warmup) : o.lr;
  }

  // w_t
  SADDLESCAPE_HOST_DEVICE static double weight(const Options& o, std::int64_t t, double largest) {
    return power::real_power(static_cast<double>(t), o.weight_step_power) *
           power::real_power(largest, o.weight_lr_power);
  }

  // The sum of the weights and the largest rate.
  SADDLESCAPE_HOST_DEVICE static void carry(const Options& o, std::int64_t t,
                                            double (&carried)[max_carried]) {
    carried[1] = larger(scheduled(o, t), carried[1]);
    carried[0] += weight(o, t, carried[1]);
  }

  SADDLESCAPE_HOST_DEVICE static ScheduleFreeAdamW fold(const Options& o, std::int64_t t) {
    const auto second = Average<T>::fold(o.beta2);
    const double rate = scheduled(o, t);
    // 0 as long as all weights are 0.
    const double c = ratio(weight(o, t, o.carried[1]), o.carried[0]);
    return {o.maximize ? T(-1) : T(1),
            second,
            Denominator<T>::fold(o, second.correction(t)),
            static_cast<T>(o.weight_decay),
            t == 1 ? T(0) : T(1),
            static_cast<T>(rate),
            static_cast<T>(c),
            static_cast<T>(rate * (1.0 - o.beta1 * (1.0 - c)))};
  }

  SADDLESCAPE_HOST_DEVICE static inline void update(const ScheduleFreeAdamW& h, T& y, T g, T& z,
                                                    T& v) {
    g = h.sign * g;
    // v = beta2 v + (1 - beta2) g^2
    v = h.second(v, g * g);
    // u = g / (sqrt(vhat) + eps) + wd y
    const T u = ratio(g, h.denominator(v)) + h.weight_decay * y;
    const T from = h.later == T(0) ? y : z;
    // y = (1 - c) y + c z - gamma (1 - beta1 (1 - c)) u
    y += h.pull * (from - y) - h.travel * u;
    // z = z - gamma u
    z = from - h.rate * u;
  }
};

}  // namespace
}  // namespace saddlescape::update
