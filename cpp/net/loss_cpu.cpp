// The loops of loss_kernels.hpp. One object for each instruction set, no contraction: the same bits
// from each. The equations and why they look like this stand in loss.hpp.
#include "core/vector_math.hpp"
#include "net/loss_kernels.hpp"

namespace saddlescape::net {
namespace {

using vector_math::exponential;

inline float log_one_more(float x) { return __builtin_log1pf(x); }
inline double log_one_more(double x) { return __builtin_log1p(x); }

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

template <class T, class Visit>
void over_blocks(const Outputs<T>& outputs, T* room, const Visit& visit) {
  Block<T> block(room, outputs.C);
  for (std::int64_t first = 0; first < outputs.n; first += loss_block) {
    const std::int64_t left = outputs.n - first, m = left < loss_block ? left : loss_block;
    block.width = (m + 15) / 16 * 16;
    turn(outputs.f + first * outputs.ldf, outputs.ldf, m, outputs.C, block.x, block.width);
    turn(outputs.y + first * outputs.C, outputs.C, m, outputs.C, block.y, block.width);
    block.find_top(outputs.C);
    block.from_top(outputs.C);
    visit(block, first, m);
  }
}

template <class T>
double value(const Outputs<T>& outputs, T* room) {
  double total = 0;
  over_blocks(outputs, room, [&](Block<T>& block, std::int64_t, std::int64_t m) {
    const std::int64_t width = block.width;
    block.clear(block.others);
    T* __restrict others = block.others, * __restrict sum = block.sum;
    const T* __restrict at = block.at;
    for (std::int64_t c = 0; c < outputs.C; ++c) {
      const T* __restrict x = block.x + c * loss_block;
#pragma omp simd
      for (std::int64_t i = 0; i < width; ++i) {
        const T e = exponential(x[i]).value;
        others[i] += at[i] == static_cast<T>(c) ? T(0) : e;
      }
    }
    for (std::int64_t i = 0; i < m; ++i) others[i] = log_one_more(others[i]);
    block.clear(sum);
    for (std::int64_t c = 0; c < outputs.C; ++c) {
      const T* __restrict x = block.x + c * loss_block, * __restrict y = block.y + c * loss_block;
#pragma omp simd
      for (std::int64_t i = 0; i < width; ++i) sum[i] += y[i] * (others[i] - x[i]);
    }
    for (std::int64_t i = 0; i < m; ++i) total += static_cast<double>(sum[i]);
  });
  return total;
}

template <class T>
void gradient(const Outputs<T>& outputs, T scale, T* delta, std::int64_t ldd, T* kept,
              std::int64_t ldk, T* room) {
  const std::int64_t C = outputs.C;
  over_blocks(outputs, room, [&](Block<T>& block, std::int64_t first, std::int64_t m) {
    const std::int64_t width = block.width;
    block.clear(block.sum);
    block.clear(block.others);
    block.total_target(C);
    T* __restrict sum = block.sum, * __restrict others = block.others;
    const T* __restrict at = block.at, * __restrict s = block.s;
    for (std::int64_t c = 0; c < C; ++c) {
      T* __restrict x = block.x + c * loss_block;
#pragma omp simd
      for (std::int64_t i = 0; i < width; ++i) {
        x[i] = exponential(x[i]).value;
        sum[i] += x[i];
      }
    }
    for (std::int64_t c = 0; c < C; ++c) {
      T* __restrict x = block.x + c * loss_block;
      const T* __restrict y = block.y + c * loss_block;
#pragma omp simd
      for (std::int64_t i = 0; i < width; ++i) x[i] /= sum[i];
      if (kept)
        for (std::int64_t i = 0; i < m; ++i) kept[c * ldk + first + i] = x[i];
      // g_c = s p_c - y_c but for g_t, which is minus the sum of the others
#pragma omp simd
      for (std::int64_t i = 0; i < width; ++i) {
        x[i] = at[i] == static_cast<T>(c) ? T(0) : s[i] * x[i] - y[i];
        others[i] += x[i];
      }
    }
    if (kept)
      for (std::int64_t i = 0; i < m; ++i) kept[C * ldk + first + i] = s[i];
    for (std::int64_t c = 0; c < C; ++c) {
      T* __restrict x = block.x + c * loss_block;
#pragma omp simd
      for (std::int64_t i = 0; i < width; ++i)
        x[i] = (at[i] == static_cast<T>(c) ? -others[i] : x[i]) * scale;
    }
    turn_back(block.x, m, C, delta + first * ldd, ldd);
  });
}

template <class T>
void product(const T* kept, std::int64_t ldk, std::int64_t n, std::int64_t C, T scale, const T* Rf,
             T* Rdelta, std::int64_t ld, T* room) {
  Block<T> block(room, C);
  T* __restrict best = block.top, * __restrict level = block.at, * __restrict mean = block.sum;
  for (std::int64_t first = 0; first < n; first += loss_block) {
    const std::int64_t m = n - first < loss_block ? n - first : loss_block;
    turn(Rf + first * ld, ld, m, C, block.x, loss_block);
    const T* __restrict p = kept + first;
    // v_t of the first of the largest p
    for (std::int64_t i = 0; i < m; ++i) {
      best[i] = p[i];
      level[i] = block.x[i];
    }
    for (std::int64_t c = 1; c < C; ++c) {
      const T* __restrict x = block.x + c * loss_block, * __restrict q = p + c * ldk;
#pragma omp simd
      for (std::int64_t i = 0; i < m; ++i) {
        level[i] = q[i] > best[i] ? x[i] : level[i];
        best[i] = q[i] > best[i] ? q[i] : best[i];
      }
    }
    // p^T (v - v_t): a shift of v changes nothing
    block.clear(mean);
    for (std::int64_t c = 0; c < C; ++c) {
      T* __restrict x = block.x + c * loss_block;
      const T* __restrict q = p + c * ldk;
#pragma omp simd
      for (std::int64_t i = 0; i < m; ++i) {
        x[i] -= level[i];
        mean[i] += q[i] * x[i];
      }
    }
    const T* __restrict s = p + C * ldk;
    for (std::int64_t c = 0; c < C; ++c) {
      T* __restrict x = block.x + c * loss_block;
      const T* __restrict q = p + c * ldk;
#pragma omp simd
      for (std::int64_t i = 0; i < m; ++i) x[i] = s[i] * q[i] * (x[i] - mean[i]) * scale;
    }
    turn_back(block.x, m, C, Rdelta + first * ld, ld);
  }
}

}  // namespace
}  // namespace saddlescape::net

namespace n = saddlescape::net;

extern "C" const n::LossKernels SADDLESCAPE_TABLE(_loss) = {
    {n::value<float>, n::gradient<float>, n::product<float>},
    {n::value<double>, n::gradient<double>, n::product<double>}};
