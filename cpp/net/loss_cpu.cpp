// The loops of loss_kernels.hpp. One object for each instruction set, no contraction: the same bits
// from each. The equations and why they look like this stand in loss.hpp.
#include "core/vector_math.hpp"
#include "net/loss_block.hpp"

namespace saddlescape::net {
namespace {

using vector_math::exponential;
using vector_math::log_one_more;

template <class T, class Visit>
void over_blocks(const Outputs<T>& outputs, T* room, const Visit& visit) {
  Block<T> block(room, outputs.C);
  for (std::int64_t first = 0; first < outputs.n; first += loss_block) {
    const std::int64_t left = outputs.n - first, m = left < loss_block ? left : loss_block;
    block.width = (m + 15) / 16 * 16;
    turn(outputs.f + first * outputs.ldf, outputs.ldf, m, outputs.C, block.x, block.width);
    turn(outputs.y + first * outputs.C, outputs.C, m, outputs.C, block.y, block.width);
    if (outputs.weight) block.weigh(outputs.weight + first, m, outputs.C);
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
#pragma omp simd
    for (std::int64_t i = 0; i < width; ++i) others[i] = log_one_more(others[i]);
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
double value_and_gradient(const Outputs<T>& outputs, T scale, T* delta, T* room) {
  const std::int64_t n = outputs.n, C = outputs.C, ld = outputs.ldf;
  Block<T> block(room, C);
  T* const exponentials = block.s + loss_block;  // (C, loss_block)
  double total = 0;
  for (std::int64_t first = 0; first < n; first += loss_block) {
    const std::int64_t left = n - first, m = left < loss_block ? left : loss_block;
    const std::int64_t width = block.width = (m + 15) / 16 * 16;
    for (std::int64_t c = 0; c < C; ++c)
      for (std::int64_t i = 0; i < width; ++i)
        block.x[c * loss_block + i] = outputs.f[c * ld + first + (i < m ? i : m - 1)];
    turn(outputs.y + first * C, C, m, C, block.y, width);
    if (outputs.weight) block.weigh(outputs.weight + first, m, C);
    block.find_top(C);
    block.from_top(C);
    block.clear(block.sum);
    block.clear(block.others);
    block.total_target(C);
    T* __restrict sum = block.sum, * __restrict others = block.others;
    const T* __restrict at = block.at, * __restrict s = block.s;
    for (std::int64_t c = 0; c < C; ++c) {
      const T* __restrict x = block.x + c * loss_block;
      T* __restrict e = exponentials + c * loss_block;
#pragma omp simd
      for (std::int64_t i = 0; i < width; ++i) {
        e[i] = exponential(x[i]).value;
        sum[i] += e[i];
        others[i] += at[i] == static_cast<T>(c) ? T(0) : e[i];
      }
    }
    T* __restrict level = block.top;  // no longer needed
#pragma omp simd
    for (std::int64_t i = 0; i < width; ++i) level[i] = log_one_more(others[i]);
    // The sum over the outputs of y (level - x), and of all g_c but g_t.
    T loss[loss_block] = {};
    block.clear(block.others);
    for (std::int64_t c = 0; c < C; ++c) {
      const T* __restrict x = block.x + c * loss_block, * __restrict target =
                                                            block.y + c * loss_block;
      T* __restrict g = exponentials + c * loss_block;
#pragma omp simd
      for (std::int64_t i = 0; i < width; ++i) {
        loss[i] += target[i] * (level[i] - x[i]);
        g[i] /= sum[i];
        g[i] = at[i] == static_cast<T>(c) ? T(0) : s[i] * g[i] - target[i];
        others[i] += g[i];
      }
    }
    for (std::int64_t i = 0; i < m; ++i) total += static_cast<double>(loss[i]);
    for (std::int64_t c = 0; c < C; ++c) {
      const T* __restrict g = exponentials + c * loss_block;
      T* const out = delta + c * ld + first;
      for (std::int64_t i = 0; i < m; ++i)
        out[i] = (at[i] == static_cast<T>(c) ? -others[i] : g[i]) * scale;
    }
  }
  return total;
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
    {n::value<float>, n::gradient<float>, n::value_and_gradient<float>, n::product<float>},
    {n::value<double>, n::gradient<double>, n::value_and_gradient<double>, n::product<double>}};
