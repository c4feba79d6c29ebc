// The elementwise steps between the products of a layer, in any precision.
//
// Internal linkage, nothing of std::: dense_cpu.cpp compiles them once for each instruction set.
#pragma once

#include <cstdint>

namespace saddlescape::net {
namespace {

// delta_l = back_l * phi'(s_l), and phi''(s_l) becomes back_l * phi''(s_l) where it is asked for.
template <class T>
inline void chain(const T* __restrict back, const T* __restrict slope, T* __restrict curvature,
                  T* __restrict delta, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) delta[i] = back[i] * slope[i];
  if (!curvature) return;
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) curvature[i] *= back[i];
}

// R{a_l} = phi'(s_l) * R{s_l}
template <class T>
inline void tangent_forward(const T* __restrict slope, const T* __restrict Rs, T* __restrict Ra,
                            std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) Ra[i] = slope[i] * Rs[i];
}

// R{delta_l} = R{back_l} * phi'(s_l) + (back_l * phi''(s_l)) * R{s_l}
template <class T>
inline void tangent_backward(const T* __restrict slope, const T* __restrict bend,
                             const T* __restrict Rs, T* __restrict Rdelta, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) Rdelta[i] = Rdelta[i] * slope[i] + bend[i] * Rs[i];
}

template <class T>
inline void add(const T* __restrict from, T* __restrict to, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) to[i] += from[i];
}

}  // namespace
}  // namespace saddlescape::net
