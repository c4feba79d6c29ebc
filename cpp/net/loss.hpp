// Losses of one sample: outputs f (C,), target y (C,) -> value, gradient in f, Hessian product in
// f.
//
// Each is a struct with value(f, y, C), gradient(f, y, C, g), and for the Hessian in f root(f, y,
// C, R), R (C, C) with R^T R the Hessian, keep(f, y, C, w) and product(w, C, v, Hv) from the
// kept(C) numbers w; `per_element` says whether the mean is over samples and outputs (N C) or over
// samples (N). A new one is a struct and a line in `with_loss`.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/host_device.hpp"
#include "net/activation.hpp"

namespace saddlescape::net {

// sum_c y_c (logsumexp(f) - f_c): y are class probabilities, one-hot for a label.
// With s = sum_c y_c and p = softmax(f): gradient s p - y, Hessian s (diag(p) - p p^T).
//
// Everything is counted from the largest output f_t. PyTorch forms p_t - 1 and logsumexp(f) - f_t,
// which cancel where the network is sure: at a loss of 1e-12 four digits are left, and in float32
// logits of 1e4 cost a loss its fourth digit. Here both keep their relative precision.
struct CrossEntropy {
  static constexpr bool per_element = false;

  template <class T>
  SADDLESCAPE_HOST_DEVICE static T total(const T* y, std::int64_t C) {
    T s = 0;
    for (std::int64_t c = 0; c < C; ++c) s += y[c];
    return s;
  }
  // Calls visit(t, log sum_c exp(f_c - f_t)).
  template <class T, class Visit>
  SADDLESCAPE_HOST_DEVICE static void from_top(const T* f, std::int64_t C, Visit&& visit) {
    const std::int64_t t = std::max_element(f, f + C) - f;
    T others = 0;
    for (std::int64_t c = 0; c < C; ++c)
      if (c != t) others += std::exp(f[c] - f[t]);
    visit(t, std::log1p(others));
  }
  template <class T>
  SADDLESCAPE_HOST_DEVICE static T value(const T* f, const T* y, std::int64_t C) {
    T sum = 0;
    from_top(f, C, [&](std::int64_t t, T level) {
      for (std::int64_t c = 0; c < C; ++c) sum += y[c] * (level - (f[c] - f[t]));
    });
    return sum;
  }
  // p = softmax(f): exp(f_c - f_t) over their sum. Returns t.
  template <class T>
  SADDLESCAPE_HOST_DEVICE static std::int64_t softmax(const T* f, std::int64_t C, T* p) {
    const std::int64_t t = std::max_element(f, f + C) - f;
    T sum = 0;
    for (std::int64_t c = 0; c < C; ++c) {
      p[c] = std::exp(f[c] - f[t]);
      sum += p[c];
    }
    for (std::int64_t c = 0; c < C; ++c) p[c] /= sum;
    return t;
  }
  template <class T>
  SADDLESCAPE_HOST_DEVICE static void gradient(const T* f, const T* y, std::int64_t C, T* g) {
    const T s = total(y, C);
    const std::int64_t t = softmax(f, C, g);
    T others = 0;
    for (std::int64_t c = 0; c < C; ++c)
      if (c != t) {
        g[c] = s * g[c] - y[c];
        others += g[c];
      }
    g[t] = -others;  // sum_c g_c = 0
  }
  // p, and s.
  SADDLESCAPE_HOST_DEVICE static std::int64_t kept(std::int64_t C) { return C + 1; }
  template <class T>
  SADDLESCAPE_HOST_DEVICE static void keep(const T* f, const T* y, std::int64_t C, T* w) {
    softmax(f, C, w);
    w[C] = total(y, C);
  }
  template <class T>
  SADDLESCAPE_HOST_DEVICE static void product(const T* w, std::int64_t C, const T* v, T* Hv) {
    const std::int64_t t = std::max_element(w, w + C) - w;
    T mean = 0;  // p^T (v - v_t): a shift of v changes nothing
    for (std::int64_t c = 0; c < C; ++c)
      if (c != t) mean += w[c] * (v[c] - v[t]);
    for (std::int64_t c = 0; c < C; ++c) Hv[c] = w[C] * w[c] * (v[c] - v[t] - mean);
  }
  // diag(p) - p p^T = sum_c p_c (e_c - p) (e_c - p)^T, and 1 - p_c is the sum of the others.
  template <class T>
  static void root(const T* f, const T* y, std::int64_t C, T* R) {
    const T s = total(y, C);
    from_top(f, C, [&](std::int64_t t, T level) {
      const auto p = [&](std::int64_t c) { return std::exp(f[c] - f[t] - level); };
      for (std::int64_t c = 0; c < C; ++c) {
        const T weight = std::sqrt(s * p(c));
        T others = 0;
        for (std::int64_t k = 0; k < C; ++k)
          if (k != c) {
            R[c * C + k] = -weight * p(k);
            others += p(k);
          }
        R[c * C + c] = weight * others;
      }
    });
  }
};

// Losses that look at each output alone: the root of a diagonal, given by its entries.
template <class T, class Entry>
void diagonal_root(std::int64_t C, T* R, Entry&& entry) {
  std::fill(R, R + C * C, T(0));
  for (std::int64_t c = 0; c < C; ++c) R[c * C + c] = std::sqrt(entry(c));
}

// sum_c softplus(f_c) - y_c f_c: f are logits, y in [0, 1].
struct BinaryCrossEntropy {
  static constexpr bool per_element = false;

  template <class T>
  SADDLESCAPE_HOST_DEVICE static T value(const T* f, const T* y, std::int64_t C) {
    T sum = 0;
    for (std::int64_t c = 0; c < C; ++c)
      // softplus(f) - y f, written as two terms that are never negative
      sum += y[c] * Softplus::derivatives(-f[c]).value +
             (1 - y[c]) * Softplus::derivatives(f[c]).value;
    return sum;
  }
  template <class T>
  SADDLESCAPE_HOST_DEVICE static void gradient(const T* f, const T* y, std::int64_t C, T* g) {
    for (std::int64_t c = 0; c < C; ++c)
      g[c] = (1 - y[c]) * logistic(f[c]) - y[c] * logistic(-f[c]);
  }
  SADDLESCAPE_HOST_DEVICE static std::int64_t kept(std::int64_t C) { return C; }
  template <class T>
  SADDLESCAPE_HOST_DEVICE static void keep(const T* f, const T*, std::int64_t C, T* w) {
    for (std::int64_t c = 0; c < C; ++c) w[c] = logistic(f[c]) * logistic(-f[c]);
  }
  template <class T>
  SADDLESCAPE_HOST_DEVICE static void product(const T* w, std::int64_t C, const T* v, T* Hv) {
    for (std::int64_t c = 0; c < C; ++c) Hv[c] = w[c] * v[c];
  }
  template <class T>
  static void root(const T* f, const T*, std::int64_t C, T* R) {
    diagonal_root(C, R, [&](std::int64_t c) { return logistic(f[c]) * logistic(-f[c]); });
  }
};

// sum_c (f_c - y_c)^2
struct SquaredError {
  static constexpr bool per_element = true;

  template <class T>
  SADDLESCAPE_HOST_DEVICE static T value(const T* f, const T* y, std::int64_t C) {
    T sum = 0;
    for (std::int64_t c = 0; c < C; ++c) sum += (f[c] - y[c]) * (f[c] - y[c]);
    return sum;
  }
  template <class T>
  SADDLESCAPE_HOST_DEVICE static void gradient(const T* f, const T* y, std::int64_t C, T* g) {
    for (std::int64_t c = 0; c < C; ++c) g[c] = 2 * (f[c] - y[c]);
  }
  SADDLESCAPE_HOST_DEVICE static std::int64_t kept(std::int64_t) { return 0; }
  template <class T>
  SADDLESCAPE_HOST_DEVICE static void keep(const T*, const T*, std::int64_t, T*) {}
  template <class T>
  SADDLESCAPE_HOST_DEVICE static void product(const T*, std::int64_t C, const T* v, T* Hv) {
    for (std::int64_t c = 0; c < C; ++c) Hv[c] = 2 * v[c];
  }
  template <class T>
  static void root(const T*, const T*, std::int64_t C, T* R) {
    diagonal_root(C, R, [](std::int64_t) { return T(2); });
  }
};

// sum_c |f_c - y_c|; its slope at 0 is 0, its second derivative 0 wherever it exists.
struct AbsoluteError {
  static constexpr bool per_element = true;

  template <class T>
  SADDLESCAPE_HOST_DEVICE static T value(const T* f, const T* y, std::int64_t C) {
    T sum = 0;
    for (std::int64_t c = 0; c < C; ++c) sum += std::abs(f[c] - y[c]);
    return sum;
  }
  template <class T>
  SADDLESCAPE_HOST_DEVICE static void gradient(const T* f, const T* y, std::int64_t C, T* g) {
    for (std::int64_t c = 0; c < C; ++c) g[c] = T((f[c] > y[c]) - (f[c] < y[c]));
  }
  SADDLESCAPE_HOST_DEVICE static std::int64_t kept(std::int64_t) { return 0; }
  template <class T>
  SADDLESCAPE_HOST_DEVICE static void keep(const T*, const T*, std::int64_t, T*) {}
  template <class T>
  SADDLESCAPE_HOST_DEVICE static void product(const T*, std::int64_t C, const T*, T* Hv) {
    for (std::int64_t c = 0; c < C; ++c) Hv[c] = 0;
  }
  template <class T>
  static void root(const T*, const T*, std::int64_t C, T* R) {
    std::fill(R, R + C * C, T(0));
  }
};

// sum_c e^2 / 2 where |e| < delta, else delta (|e| - delta / 2), with e = f_c - y_c (Huber 1964).
// Written so, nothing overflows that is in range itself; PyTorch's is the same, at |e| = delta too.
struct Huber {
  static constexpr bool per_element = true;

  double delta;

  template <class T>
  SADDLESCAPE_HOST_DEVICE T value(const T* f, const T* y, std::int64_t C) const {
    const T d = static_cast<T>(delta);
    T sum = 0;
    for (std::int64_t c = 0; c < C; ++c) {
      const T e = std::abs(f[c] - y[c]);
      sum += e < d ? e / 2 * e : d * (e - d / 2);
    }
    return sum;
  }
  template <class T>
  SADDLESCAPE_HOST_DEVICE void gradient(const T* f, const T* y, std::int64_t C, T* g) const {
    const T d = static_cast<T>(delta);
    for (std::int64_t c = 0; c < C; ++c) {
      const T e = f[c] - y[c];
      g[c] = e <= -d ? -d : e >= d ? d : e;  // a NaN stays one
    }
  }
  SADDLESCAPE_HOST_DEVICE static std::int64_t kept(std::int64_t C) { return C; }
  template <class T>
  SADDLESCAPE_HOST_DEVICE void keep(const T* f, const T* y, std::int64_t C, T* w) const {
    for (std::int64_t c = 0; c < C; ++c) w[c] = curvature(f[c], y[c]);
  }
  template <class T>
  SADDLESCAPE_HOST_DEVICE static void product(const T* w, std::int64_t C, const T* v, T* Hv) {
    for (std::int64_t c = 0; c < C; ++c) Hv[c] = w[c] * v[c];
  }
  template <class T>
  void root(const T* f, const T* y, std::int64_t C, T* R) const {
    diagonal_root(C, R, [&](std::int64_t c) { return curvature(f[c], y[c]); });
  }

 private:
  template <class T>
  SADDLESCAPE_HOST_DEVICE T curvature(T f, T y) const {
    return std::abs(f - y) < static_cast<T>(delta) ? T(1) : T(0);
  }
};

enum class Loss { cross_entropy, mse, mae, bce, huber };

inline constexpr struct {
  const char* name;
  Loss loss;
} losses[] = {
    {"bce", Loss::bce},     {"cross_entropy", Loss::cross_entropy},
    {"huber", Loss::huber}, {"mae", Loss::mae},
    {"mse", Loss::mse},
};

// Calls visit(loss) with the struct of `loss`; `huber_delta` is that loss's.
template <class Visit>
void with_loss(Loss loss, double huber_delta, Visit&& visit) {
  switch (loss) {
    case Loss::cross_entropy:
      return visit(CrossEntropy{});
    case Loss::mse:
      return visit(SquaredError{});
    case Loss::mae:
      return visit(AbsoluteError{});
    case Loss::bce:
      return visit(BinaryCrossEntropy{});
    case Loss::huber:
      return visit(Huber{huber_delta});
  }
}

}  // namespace saddlescape::net
