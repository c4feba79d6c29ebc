// A block of samples with the samples last, as the loops of loss_cpu.cpp take it.
//
// Internal linkage, nothing of std::.
#pragma once

#include <cstdint>

#include "net/loss_kernels.hpp"

namespace saddlescape::net {
namespace {

// x (C, loss_block) from m rows of ld numbers, samples last; up to `width` the last is repeated.
template <class T>
void turn(const T* __restrict rows, std::int64_t ld, std::int64_t m, std::int64_t C,
          T* __restrict x, std::int64_t width) {
  for (std::int64_t c = 0; c < C; ++c) {
    const T* __restrict from = rows + c;
    T* __restrict to = x + c * loss_block;
    std::int64_t i = 0;
    for (; i + 8 <= m; i += 8) {
      to[i] = from[0];
      to[i + 1] = from[ld];
      to[i + 2] = from[2 * ld];
      to[i + 3] = from[3 * ld];
      from += 4 * ld;
      to[i + 4] = from[0];
      to[i + 5] = from[ld];
      to[i + 6] = from[2 * ld];
      to[i + 7] = from[3 * ld];
      from += 4 * ld;
    }
    for (; i < m; ++i) to[i] = rows[i * ld + c];
    for (; i < width; ++i) to[i] = to[m - 1];
  }
}

template <class T>
void turn_back(const T* __restrict x, std::int64_t m, std::int64_t C, T* __restrict rows,
               std::int64_t ld) {
  for (std::int64_t c = 0; c < C; ++c) {
    const T* __restrict from = x + c * loss_block;
    T* __restrict to = rows + c;
    std::int64_t i = 0;
    for (; i + 4 <= m; i += 4) {
      to[0] = from[i];
      to[ld] = from[i + 1];
      to[2 * ld] = from[i + 2];
      to[3 * ld] = from[i + 3];
      to += 4 * ld;
    }
    for (; i < m; ++i) rows[i * ld + c] = from[i];
  }
}

// A block of samples: f counted from each sample's largest output f_t.
template <class T>
struct Block {
  T *x, *y;                         // (C, loss_block)
  T *top, *at;                      // f_t, and t
  T *sum, *others;                  // over all outputs, over all but t
  T* s;                             // sum_c y_c
  std::int64_t width = loss_block;  // of the samples that are there, in whole vectors

  Block(T* room, std::int64_t C)
      : x(room),
        y(x + C * loss_block),
        top(y + C * loss_block),
        at(top + loss_block),
        sum(at + loss_block),
        others(sum + loss_block),
        s(others + loss_block) {}

  // y <- w y. In its targets cross-entropy is linear: it weighs value, gradient and Hessian.
  void weigh(const T* __restrict w, std::int64_t m, std::int64_t C) {
    for (std::int64_t c = 0; c < C; ++c) {
      T* __restrict target = y + c * loss_block;
      for (std::int64_t i = 0; i < m; ++i) target[i] *= w[i];
    }
  }

  // The first of the largest, as std::max_element.
  void find_top(std::int64_t C) {
    T* __restrict best = top, * __restrict t = at;
    for (std::int64_t i = 0; i < width; ++i) {
      best[i] = x[i];
      t[i] = 0;
    }
    for (std::int64_t c = 1; c < C; ++c) {
      const T* __restrict f = x + c * loss_block;
#pragma omp simd
      for (std::int64_t i = 0; i < width; ++i) {
        t[i] = f[i] > best[i] ? static_cast<T>(c) : t[i];
        best[i] = f[i] > best[i] ? f[i] : best[i];
      }
    }
  }

  // x <- f - f_t.
  void from_top(std::int64_t C) {
    for (std::int64_t c = 0; c < C; ++c) {
      T* __restrict f = x + c * loss_block;
#pragma omp simd
      for (std::int64_t i = 0; i < width; ++i) f[i] -= top[i];
    }
  }

  void clear(T* __restrict a) {
    for (std::int64_t i = 0; i < width; ++i) a[i] = 0;
  }

  void total_target(std::int64_t C) {
    clear(s);
    T* __restrict total = s;
    for (std::int64_t c = 0; c < C; ++c) {
      const T* __restrict target = y + c * loss_block;
#pragma omp simd
      for (std::int64_t i = 0; i < width; ++i) total[i] += target[i];
    }
  }
};

}  // namespace
}  // namespace saddlescape::net
