// The loops of activation_kernels.hpp. One object for each instruction set, no contraction: the
// same bits from each.
#include "core/vector_math.hpp"
#include "net/activation_kernels.hpp"

namespace saddlescape::net {
namespace {

using vector_math::exponential;
using vector_math::Exponential;

inline float magnitude(float x) { return __builtin_fabsf(x); }
inline double magnitude(double x) { return __builtin_fabs(x); }
inline float with_sign(float x, float sign) { return __builtin_copysignf(x, sign); }
inline double with_sign(double x, double sign) { return __builtin_copysign(x, sign); }

// e = exp(-2 |z|): tanh |z| = (1 - e) / (1 + e) and 1 / cosh^2 z = 4 e / (1 + e)^2, neither of
// which cancels.
struct Tanh {
  template <class T>
  static inline Jet<T> of(T z) {
    const Exponential<T> e = exponential(T(-2) * magnitude(z));
    const T below = 1 + e.value;
    const T value = with_sign(-e.less_one / below, z), slope = 4 * e.value / (below * below);
    return {value, slope, T(-2) * value * slope};
  }
};

// The logistic function of z and of -z: neither is the other's difference from 1.
template <class T>
struct Logistic {
  T up, down;

  explicit inline Logistic(T z) {
    const T e = exponential(-magnitude(z)).value, large = 1 / (1 + e), small = e * large;
    up = z >= 0 ? large : small;
    down = z >= 0 ? small : large;
    // Comparisons drop a NaN.
    up = z != z ? z : up;
    down = z != z ? z : down;
  }
};

struct Sigmoid {
  template <class T>
  static inline Jet<T> of(T z) {
    const Logistic<T> a(z);
    return {a.up, a.up * a.down, a.up * a.down * (a.down - a.up)};
  }
};

struct Silu {
  template <class T>
  static inline Jet<T> of(T z) {
    const Logistic<T> a(z);
    return {z * a.up, a.up * (1 + z * a.down), a.up * a.down * (2 + z * (a.down - a.up))};
  }
};

struct Elu {
  template <class T>
  static inline Jet<T> of(T z) {
    const Exponential<T> e = exponential(z > 0 ? T(0) : z);
    return {z > 0 ? z : e.less_one, z > 0 ? T(1) : e.value, z > 0 ? T(0) : e.value};
  }
};

// As in activation.hpp, NaN included.
struct Relu {
  template <class T>
  static inline Jet<T> of(T z) {
    return {z <= 0 ? T(0) : z, z <= 0 ? T(0) : T(1), T(0)};  // a NaN stays one
  }
};

struct LeakyRelu {
  template <class T>
  static inline Jet<T> of(T z) {
    const T below = static_cast<T>(0.01L);
    return {z > 0 ? z : below * z, z > 0 ? T(1) : below, T(0)};
  }
};

struct Linear {
  template <class T>
  static inline Jet<T> of(T z) {
    return {z, T(1), T(0)};
  }
};

struct HardSigmoid {
  template <class T>
  static inline Jet<T> of(T z) {
    const bool low = z <= -3, high = z >= 3;
    return {low ? T(0) : high ? T(1) : (z + 3) / 6, low || high ? T(0) : 1 / T(6), T(0)};
  }
};

struct HardTanh {
  template <class T>
  static inline Jet<T> of(T z) {
    const bool low = z <= -1, high = z >= 1;
    return {low ? T(-1) : high ? T(1) : z, low || high ? T(0) : T(1), T(0)};
  }
};

struct HardSwish {
  template <class T>
  static inline Jet<T> of(T z) {
    const bool low = z <= -3, high = z >= 3;
    return {low    ? T(0)
            : high ? z
                   : z * ((z + 3) / 6),
            low    ? T(0)
            : high ? T(1)
                   : (2 * z + 3) / 6,
            low || high ? T(0) : 1 / T(3)};
  }
};

// Values, and as many derivatives as asked for.
template <class Phi, int derivatives, class T>
void loop(T* __restrict values, T* __restrict slopes, T* __restrict curvatures, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    const Jet<T> phi = Phi::of(values[i]);
    values[i] = phi.value;
    if constexpr (derivatives >= 1) slopes[i] = phi.slope;
    if constexpr (derivatives >= 2) curvatures[i] = phi.curvature;
  }
}

template <class Phi, class T>
void activate(T* values, T* slopes, T* curvatures, std::int64_t n) {
  const auto chosen = curvatures ? loop<Phi, 2, T> : slopes ? loop<Phi, 1, T> : loop<Phi, 0, T>;
  chosen(values, slopes, curvatures, n);
}

}  // namespace
}  // namespace saddlescape::net

namespace a = saddlescape::net;

extern "C" const a::ActivationKernels SADDLESCAPE_TABLE(_activation) = {
    {a::activate<a::Tanh, float>, a::activate<a::Sigmoid, float>, a::activate<a::Silu, float>,
     a::activate<a::Elu, float>, a::activate<a::Relu, float>, a::activate<a::LeakyRelu, float>,
     a::activate<a::Linear, float>, a::activate<a::HardSigmoid, float>,
     a::activate<a::HardTanh, float>, a::activate<a::HardSwish, float>},
    {a::activate<a::Tanh, double>, a::activate<a::Sigmoid, double>, a::activate<a::Silu, double>,
     a::activate<a::Elu, double>, a::activate<a::Relu, double>, a::activate<a::LeakyRelu, double>,
     a::activate<a::Linear, double>, a::activate<a::HardSigmoid, double>,
     a::activate<a::HardTanh, double>, a::activate<a::HardSwish, double>}};
