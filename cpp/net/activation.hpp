// Activation functions phi with their first and second derivatives.
//
// Each is a struct with one function: derivatives(z) gives phi(z), phi'(z), phi''(z). A new one
// is a struct and a line in `with_activation`. Those with an exponential stand in
// activation_cpu.cpp once more, as loops over vectors; the tests hold them to these. Where a
// derivative does not exist (relu at 0) it is taken from the left, as PyTorch does; the hard ones'
// slopes are those of the constant or linear side at both of their kinks, as PyTorch's are.
#pragma once

#include <algorithm>
#include <cmath>

#include "core/host_device.hpp"
#include "net/activations.hpp"

namespace saddlescape::net {

struct Linear {
  template <class T>
  SADDLESCAPE_HOST_DEVICE static Jet<T> derivatives(T z) {
    return {z, T(1), T(0)};
  }
};

struct Tanh {
  // 1 / cosh(z)^2 without a subtraction: of 1 - tanh(z)^2 a saturated unit keeps no digit (from
  // |z| = 19 in float64, 9 in float32), and whether its gradient is small or zero is the question.
  template <class T>
  SADDLESCAPE_HOST_DEVICE static T sech_squared(T z) {
    const T e = std::exp(-2 * std::abs(z));
    return 4 * e / ((1 + e) * (1 + e));
  }
  template <class T>
  SADDLESCAPE_HOST_DEVICE static Jet<T> derivatives(T z) {
    const T a = std::tanh(z);
    const T slope = std::abs(a) < T(0.5L) ? 1 - a * a : sech_squared(z);
    return {a, slope, -2 * a * slope};
  }
};

template <class T>
SADDLESCAPE_HOST_DEVICE T logistic(T z) {  // exp of a negative number only: never overflows
  const T e = std::exp(-std::abs(z));
  return z >= 0 ? 1 / (1 + e) : e / (1 + e);
}

struct Sigmoid {
  template <class T>
  SADDLESCAPE_HOST_DEVICE static Jet<T> derivatives(T z) {
    const T a = logistic(z), b = logistic(-z);  // b = 1 - a to full relative precision
    return {a, a * b, a * b * (b - a)};
  }
};

struct Relu {
  template <class T>
  SADDLESCAPE_HOST_DEVICE static Jet<T> derivatives(T z) {
    // A NaN stays one: a zero would hide that training diverged.
    return z <= 0 ? Jet<T>{T(0), T(0), T(0)} : Jet<T>{z, T(1), T(0)};
  }
};

struct LeakyRelu {
  template <class T>
  SADDLESCAPE_HOST_DEVICE static Jet<T> derivatives(T z) {
    const T below = T(0.01L);
    return z > 0 ? Jet<T>{z, T(1), T(0)} : Jet<T>{below * z, below, T(0)};
  }
};

struct Elu {
  template <class T>
  SADDLESCAPE_HOST_DEVICE static Jet<T> derivatives(T z) {
    if (z > 0) return {z, T(1), T(0)};
    const T e = std::exp(z);
    return {std::expm1(z), e, e};
  }
};

struct Softplus {
  template <class T>
  SADDLESCAPE_HOST_DEVICE static Jet<T> derivatives(T z) {
    const T a = logistic(z), b = logistic(-z);
    return {std::max(z, T(0)) + std::log1p(std::exp(-std::abs(z))), a, a * b};
  }
};

struct Silu {
  template <class T>
  SADDLESCAPE_HOST_DEVICE static Jet<T> derivatives(T z) {
    const T a = logistic(z), b = logistic(-z);
    return {z * a, a * (1 + z * b), a * b * (2 + z * (b - a))};
  }
};

struct Gelu {  // the exact one, z Phi(z), with the normal distribution's Phi and density
  template <class T>
  SADDLESCAPE_HOST_DEVICE static Jet<T> derivatives(T z) {
    const T Phi = std::erfc(-z * T(0.707106781186547524400844362104849039L)) / 2;
    const T density = T(0.398942280401432677939946059934381868L) * std::exp(-z * z / 2);
    // In this order a density of 0 makes 0, however large z is.
    const T falling = z * density;
    return {z * Phi, Phi + falling, 2 * density - z * falling};
  }
};

// clip(z / 6 + 1/2, 0, 1). With z + 3 in one piece its values near 0 keep their digits. PyTorch's
// slope in float64 is float32's 1/6 (2.13), off by 3e-8.
struct HardSigmoid {
  template <class T>
  SADDLESCAPE_HOST_DEVICE static Jet<T> derivatives(T z) {
    if (z <= -3) return {T(0), T(0), T(0)};
    if (z >= 3) return {T(1), T(0), T(0)};
    return {(z + 3) / 6, 1 / T(6), T(0)};
  }
};

struct HardTanh {  // clip(z, -1, 1)
  template <class T>
  SADDLESCAPE_HOST_DEVICE static Jet<T> derivatives(T z) {
    if (z <= -1) return {T(-1), T(0), T(0)};
    if (z >= 1) return {T(1), T(0), T(0)};
    return {z, T(1), T(0)};
  }
};

// z clip(z + 3, 0, 6) / 6: its slope (2 z + 3) / 6 jumps, from 0 to -1/2 and from 3/2 to 1.
struct HardSwish {
  template <class T>
  SADDLESCAPE_HOST_DEVICE static Jet<T> derivatives(T z) {
    if (z <= -3) return {T(0), T(0), T(0)};
    if (z >= 3) return {z, T(1), T(0)};
    return {z * ((z + 3) / 6), (2 * z + 3) / 6, 1 / T(3)};
  }
};

inline constexpr struct {
  const char* name;
  Activation activation;
} activations[] = {
    {"elu", Activation::elu},
    {"gelu", Activation::gelu},
    {"hard_sigmoid", Activation::hard_sigmoid},
    {"hard_swish", Activation::hard_swish},
    {"hard_tanh", Activation::hard_tanh},
    {"leaky_relu", Activation::leaky_relu},
    {"linear", Activation::linear},
    {"relu", Activation::relu},
    {"sigmoid", Activation::sigmoid},
    {"silu", Activation::silu},
    {"softplus", Activation::softplus},
    {"tanh", Activation::tanh},
};

// Calls visit(phi) with the struct of `activation`.
template <class Visit>
void with_activation(Activation activation, Visit&& visit) {
  switch (activation) {
    case Activation::linear:
      return visit(Linear{});
    case Activation::tanh:
      return visit(Tanh{});
    case Activation::sigmoid:
      return visit(Sigmoid{});
    case Activation::relu:
      return visit(Relu{});
    case Activation::leaky_relu:
      return visit(LeakyRelu{});
    case Activation::elu:
      return visit(Elu{});
    case Activation::softplus:
      return visit(Softplus{});
    case Activation::silu:
      return visit(Silu{});
    case Activation::gelu:
      return visit(Gelu{});
    case Activation::hard_sigmoid:
      return visit(HardSigmoid{});
    case Activation::hard_tanh:
      return visit(HardTanh{});
    case Activation::hard_swish:
      return visit(HardSwish{});
  }
}

}  // namespace saddlescape::net
