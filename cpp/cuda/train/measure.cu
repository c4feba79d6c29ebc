#include "cuda/launch.hpp"
#include "cuda/net/rows.hpp"
#include "cuda/numbers.hpp"
#include "cuda/train/measure.hpp"

namespace saddlescape::cuda {
namespace {

constexpr std::int64_t tile = 16 * block_threads;

inline std::int64_t tiles_of(std::int64_t n) { return (n + tile - 1) / tile; }

// partial[2 t], partial[2 t + 1] of tile t: the sums of what visit(i) gives.
struct Two {
  double first, second;
};

template <class Visit>
SADDLESCAPE_KERNEL inline void sum_tile(const Block& block, std::int64_t n,
                                        double (&waiting)[block_threads],
                                        double (&beside)[block_threads], double* partial,
                                        const Visit& visit) {
  const std::int64_t from = block.index() * tile;
  const std::int64_t count = n - from < tile ? n - from : tile;
  block.phase([&](int thread) {
    Two sum{0, 0};
    for (std::int64_t i = thread; i < count; i += block_threads) {
      const Two each = visit(from + i);
      sum.first += each.first;
      sum.second += each.second;
    }
    waiting[thread] = sum.first;
    beside[thread] = sum.second;
  });
  for (int half = block_threads / 2; half > 0; half /= 2)
    block.phase([&](int thread) {
      if (thread >= half) return;
      waiting[thread] += waiting[thread + half];
      beside[thread] += beside[thread + half];
    });
  block.all([&](int thread) {
    if (thread != 0) return;
    partial[2 * block.index()] = waiting[0];
    partial[2 * block.index() + 1] = beside[0];
  });
}

template <class T>
struct SquaresAndProduct {
  const T *g, *last;
  const double* last_norm;
  std::int64_t n;
  double* partial;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    SADDLESCAPE_SHARED double waiting[block_threads], beside[block_threads];
    const double share = last ? 1 / *last_norm : 0;
    sum_tile(block, n, waiting, beside, partial, [&](std::int64_t i) {
      const double x = static_cast<double>(g[i]);
      // Divided first: the product of the two may be out of range.
      return Two{x * x, last ? x * (static_cast<double>(last[i]) * share) : 0};
    });
  }
};

template <class T>
struct SquaredDifferences {
  const T *theta, *before;
  std::int64_t n;
  double* partial;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    SADDLESCAPE_SHARED double waiting[block_threads], beside[block_threads];
    sum_tile(block, n, waiting, beside, partial, [&](std::int64_t i) {
      const T now = theta[i];
      const double move = static_cast<double>(now - before[i]);
      return Two{move * move, is_finite(now) ? 0.0 : 1.0};
    });
  }
};

template <class T>
struct Penalise {
  const T* w;
  std::int64_t n;
  T l1, l2;
  T* g;
  double* partial;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    SADDLESCAPE_SHARED double waiting[block_threads], beside[block_threads];
    sum_tile(block, n, waiting, beside, partial, [&](std::int64_t i) {
      const T sign = w[i] > 0 ? T(1) : w[i] < 0 ? T(-1) : T(0);
      g[i] += l1 * sign + l2 * w[i];
      const double x = static_cast<double>(w[i]);
      return Two{x < 0 ? -x : x, x * x};
    });
  }
};

// The sums of all tiles; block k those of the k-th kind.
struct AddSums {
  const double* partial;
  std::int64_t tiles;
  double* out;
  bool add;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    SADDLESCAPE_SHARED double waiting[block_threads];
    const std::int64_t k = block.index();
    sum_in_order(
        block, tiles, waiting, [&](std::int64_t t) { return partial[2 * t + k]; },
        [&](double sum) { out[k] = (add ? out[k] : 0) + sum; });
  }
};

void add_sums(const Stream& stream, const double* partial, std::int64_t n, double* out, bool add) {
  launch("the sums of a step", stream, 2, AddSums{partial, tiles_of(n), out, add});
}

}  // namespace

std::int64_t partial_sums(std::int64_t n) { return 2 * tiles_of(n); }

template <class T>
void squares_and_product(const Stream& stream, const T* g, const T* last, const double* last_norm,
                         std::int64_t n, double* partial, double* out) {
  launch("the gradient's norm", stream, tiles_of(n),
         SquaresAndProduct<T>{g, last, last_norm, n, partial});
  add_sums(stream, partial, n, out, false);
}

template <class T>
void squared_differences(const Stream& stream, const T* theta, const T* before, std::int64_t n,
                         double* partial, double* out) {
  launch("the step's length", stream, tiles_of(n),
         SquaredDifferences<T>{theta, before, n, partial});
  add_sums(stream, partial, n, out, false);
}

template <class T>
void penalise(const Stream& stream, const T* w, std::int64_t n, const train::Penalty& penalty, T* g,
              double* partial, double* out, bool add) {
  launch("the penalty", stream, tiles_of(n),
         Penalise<T>{w, n, static_cast<T>(penalty.l1), static_cast<T>(penalty.l2), g, partial});
  add_sums(stream, partial, n, out, add);
}

#define SADDLESCAPE_INSTANTIATE(T)                                                            \
  template void squares_and_product(const Stream&, const T*, const T*, const double*,         \
                                    std::int64_t, double*, double*);                          \
  template void squared_differences(const Stream&, const T*, const T*, std::int64_t, double*, \
                                    double*);                                                 \
  template void penalise(const Stream&, const T*, std::int64_t, const train::Penalty&, T*,    \
                         double*, double*, bool);
SADDLESCAPE_INSTANTIATE(float)
SADDLESCAPE_INSTANTIATE(double)
#undef SADDLESCAPE_INSTANTIATE

}  // namespace saddlescape::cuda
