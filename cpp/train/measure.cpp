#include "train/measure.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/isa.hpp"
#include "core/parallel.hpp"
#include "train/measure_kernels.hpp"

namespace saddlescape::train {

const MeasureKernels& measure_kernels() { SADDLESCAPE_ACTIVE(_measure) }

namespace {

constexpr std::int64_t grain = 8;  // tiles that a thread needs to be worth its start

// Squares of these neither overflow nor lose digits to the range.
bool in_range(double norm) { return norm > 1e-140 && norm < 1e140; }

}  // namespace

template <class T>
Measured measure(const T* g, const T* last, double last_norm, std::int64_t n, Partial& partial) {
  const std::int64_t tiles = measure_tiles(n);
  if (partial.size() < static_cast<std::size_t>(2 * tiles))
    partial.resize(static_cast<std::size_t>(2 * tiles));
  const auto& table = measure_kernels().template table<T>();
  parallel_for(tiles, grain, [&](std::int64_t first, std::int64_t end) {
    for (std::int64_t t = first; t < end; ++t) {
      const std::int64_t from = t * measure_tile, count = std::min(measure_tile, n - from);
      double* const sums = partial.data() + 2 * t;
      sums[1] = 0;
      sums[0] = last ? table.squares_and_product(g + from, last + from, count, sums[1])
                     : table.squares(g + from, count);
    }
  });
  double square = 0, product = 0;
  for (std::int64_t t = 0; t < tiles; ++t) {
    square += partial[static_cast<std::size_t>(2 * t)];
    product += partial[static_cast<std::size_t>(2 * t + 1)];
  }
  Measured result{std::sqrt(square), std::numeric_limits<double>::quiet_NaN()};
  if (!last || last_norm == 0 || result.norm == 0) return result;
  result.cosine = product / last_norm / result.norm;
  if (!in_range(result.norm) || !in_range(last_norm)) {
    result.cosine = 0;
    for (std::int64_t i = 0; i < n; ++i)
      result.cosine +=
          (static_cast<double>(last[i]) / last_norm) * (static_cast<double>(g[i]) / result.norm);
  }
  return result;
}

template <class T>
double distance(const T* theta, const T* before, std::int64_t n, Partial& partial) {
  const std::int64_t tiles = measure_tiles(n);
  if (partial.size() < static_cast<std::size_t>(tiles))
    partial.resize(static_cast<std::size_t>(tiles));
  const auto& table = measure_kernels().template table<T>();
  parallel_for(tiles, grain, [&](std::int64_t first, std::int64_t end) {
    for (std::int64_t t = first; t < end; ++t) {
      const std::int64_t from = t * measure_tile;
      partial[static_cast<std::size_t>(t)] =
          table.squared_differences(theta + from, before + from, std::min(measure_tile, n - from));
    }
  });
  double square = 0;
  for (std::int64_t t = 0; t < tiles; ++t) square += partial[static_cast<std::size_t>(t)];
  return std::sqrt(square);
}

template <class T>
double penalise(const net::Architecture& net, const T* theta, const Penalty& penalty, T* g) {
  double absolute = 0, square = 0;
  for (std::int64_t l = 1; l <= net.layers(); ++l) {
    const std::int64_t from = net.weight_offset(l);
    double sums[2];
    measure_kernels().template table<T>().penalise(theta + from, net.bias_offset(l) - from,
                                                   penalty.l1, penalty.l2, g + from, sums);
    absolute += sums[0];
    square += sums[1];
  }
  return penalty.l1 * absolute + penalty.l2 / 2 * square;
}

#define SADDLESCAPE_INSTANTIATE(T)                                               \
  template Measured measure(const T*, const T*, double, std::int64_t, Partial&); \
  template double distance(const T*, const T*, std::int64_t, Partial&);          \
  template double penalise(const net::Architecture&, const T*, const Penalty&, T*);
SADDLESCAPE_INSTANTIATE(float)
SADDLESCAPE_INSTANTIATE(double)
#undef SADDLESCAPE_INSTANTIATE

}  // namespace saddlescape::train
