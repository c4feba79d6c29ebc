// Normalisation of a hidden layer's rows s (n, d), its backward pass and both their tangents.
//
//   xhat = (s - mu) r,  r = 1 / sqrt(var + eps),  u = gamma xhat + beta
//
// with mu and var of a unit over the batch (Ioffe and Szegedy 2015) or of a sample over its units
// (Ba, Kiros, Hinton 2016); var is the biased one. With means <.> over the same group, du = dL/du
// and dxhat = gamma du,
//
//   ds     = r (dxhat - <dxhat> - xhat <dxhat xhat>)
//   Rxhat  = r (Rs - <Rs> - xhat <xhat Rs>)                 R{r} = -r^2 <xhat Rs>
//   Ru     = Rgamma xhat + gamma Rxhat + Rbeta
//   Rds    = r (Rdxhat - <Rdxhat> - Rxhat <dxhat xhat> - xhat <Rdxhat xhat + dxhat Rxhat>)
//            - r <xhat Rs> ds,                              Rdxhat = Rgamma du + gamma Rdu
//
// With given mu and var, the running averages at test time, the means on the right are zeros.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/host_device.hpp"
#include "net/mode.hpp"

namespace saddlescape::net {

// Rows of ld numbers, of which d count.
struct Rows {
  std::int64_t n, d, ld;
};

// Where the statistics of an element (i, j) stand: one for each unit j, or for each sample i.
enum class Over { batch, units };

template <Over over>
constexpr std::int64_t group(std::int64_t i, std::int64_t j) {
  return over == Over::batch ? j : i;
}

// Calls visit(i, j, element) for all elements.
template <class Visit>
void each_element(const Rows& rows, const Visit& visit) {
  for (std::int64_t i = 0; i < rows.n; ++i)
#pragma omp simd
    for (std::int64_t j = 0; j < rows.d; ++j) visit(i, j, i * rows.ld + j);
}

// s becomes xhat; u may not be s.
template <Over over, class T>
void normalise(const Rows& rows, const T* mean, const T* inverse, const T* gamma, const T* beta,
               T* __restrict s, T* __restrict u) {
  each_element(rows, [=](std::int64_t i, std::int64_t j, std::int64_t e) {
    s[e] = (s[e] - mean[group<over>(i, j)]) * inverse[group<over>(i, j)];
    u[e] = s[e] * gamma[j] + beta[j];
  });
}

// A layer's state after a forward and a backward pass; m1 = <dxhat>, m2 = <dxhat xhat>.
template <class T>
struct Normalised {
  const T *gamma, *inverse, *xhat, *du, *ds, *m1, *m2;
};

// ds from du.
template <Over over, class T>
void normalise_backward(const Rows& rows, const Normalised<T>& at, const T* __restrict du,
                        const T* m1, const T* m2, T* __restrict ds) {
  each_element(rows, [=](std::int64_t i, std::int64_t j, std::int64_t e) {
    const std::int64_t g = group<over>(i, j);
    ds[e] = at.inverse[g] * (at.gamma[j] * du[e] - m1[g] - at.xhat[e] * m2[g]);
  });
}

// Rs becomes Ru; q1 = <Rs>, q2 = <xhat Rs>; V holds Rgamma and Rbeta.
template <Over over, class T>
void tangent_normalise(const Rows& rows, const Normalised<T>& at, const T* V, const T* q1,
                       const T* q2, T* __restrict Rs, T* __restrict Rxhat) {
  each_element(rows, [=](std::int64_t i, std::int64_t j, std::int64_t e) {
    const std::int64_t g = group<over>(i, j);
    Rxhat[e] = at.inverse[g] * (Rs[e] - q1[g] - at.xhat[e] * q2[g]);
    Rs[e] = V[j] * at.xhat[e] + at.gamma[j] * Rxhat[e] + V[rows.d + j];
  });
}

// Rds from Rdu; Rm1 = <Rdxhat>, Rm2 = <Rdxhat xhat + dxhat Rxhat>.
template <Over over, class T>
void tangent_normalise_backward(const Rows& rows, const Normalised<T>& at, const T* V, const T* q2,
                                const T* Rm1, const T* Rm2, const T* __restrict Rxhat,
                                const T* __restrict Rdu, T* __restrict Rds) {
  each_element(rows, [=](std::int64_t i, std::int64_t j, std::int64_t e) {
    const std::int64_t g = group<over>(i, j);
    const T Rdxhat = V[j] * at.du[e] + at.gamma[j] * Rdu[e];
    const T inside = Rdxhat - Rm1[g] - Rxhat[e] * at.m2[g] - at.xhat[e] * Rm2[g];
    Rds[e] = at.inverse[g] * (inside - q2[g] * at.ds[e]);
  });
}

// first[j] = sum_i x[i, j], second[j] = sum_i x y + (z w), in order of the rows; z and w may be
// null.
template <class S, class T>
void column_pairs(const Rows& rows, const T* x, const T* y, const T* z, const T* w, S* first,
                  S* second) {
  for (std::int64_t j = 0; j < rows.d; ++j) first[j] = second[j] = S(0);
  each_element(rows, [=](std::int64_t, std::int64_t j, std::int64_t e) {
    first[j] += static_cast<S>(x[e]);
    second[j] += static_cast<S>(x[e]) * static_cast<S>(y[e]);
    if (z) second[j] += static_cast<S>(z[e]) * static_cast<S>(w[e]);
  });
}

// mean and squares = sum (s - mean)^2 of each unit over the rows.
template <class S, class T>
void column_moments(const Rows& rows, const T* s, S* mean, S* squares) {
  for (std::int64_t j = 0; j < rows.d; ++j) mean[j] = squares[j] = S(0);
  each_element(
      rows, [=](std::int64_t, std::int64_t j, std::int64_t e) { mean[j] += static_cast<S>(s[e]); });
  for (std::int64_t j = 0; j < rows.d; ++j) mean[j] /= static_cast<S>(rows.n);
  each_element(rows, [=](std::int64_t, std::int64_t j, std::int64_t e) {
    const S off = static_cast<S>(s[e]) - mean[j];
    squares[j] += off * off;
  });
}

// first[i] and second[i]: means over the units of sample i of what term(i, j, e, a, b) adds to.
template <class S, class T, class Term>
void row_means(const Rows& rows, T* first, T* second, const Term& term) {
  for (std::int64_t i = 0; i < rows.n; ++i) {
    S a = 0, b = 0;
    for (std::int64_t j = 0; j < rows.d; ++j) term(i, j, i * rows.ld + j, a, b);
    first[i] = static_cast<T>(a / static_cast<S>(rows.d));
    second[i] = static_cast<T>(b / static_cast<S>(rows.d));
  }
}

template <class T, class S>
SADDLESCAPE_HOST_DEVICE T inverse_deviation(S variance) {
  return static_cast<T>(S(1) / std::sqrt(variance + static_cast<S>(normalisation_epsilon)));
}

}  // namespace saddlescape::net
