#include "train/measure.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "core/in_groups.hpp"
#include "core/isa.hpp"
#include "core/parallel.hpp"
#include "train/measure_kernels.hpp"

namespace saddlescape::train {

const MeasureKernels& measure_kernels() { SADDLESCAPE_ACTIVE(_measure) }

void add_in_groups(const Partial& partial, std::int64_t tiles, int count, double* totals) {
  for (int k = 0; k < count; ++k) {
    sums::InGroups<sums::Plain> adding;
    for (std::int64_t t = 0; t < tiles; ++t)
      adding.add(partial[static_cast<std::size_t>(count * t + k)]);
    totals[k] = adding.total().value;
  }
}

namespace {

constexpr std::int64_t grain = 8;  // tiles that a thread needs to be worth its start

// Squares of these neither overflow nor lose digits to the range.
bool in_range(double norm) { return norm > 1e-140 && norm < 1e140; }

// True if sums of float32 terms hold this norm's square: their terms, if they matter, are far from
// both ends of the range.
template <class T>
bool in_reach(double norm) {
  return sizeof(T) == sizeof(double) || (norm > 1e-10 && norm < 1e16);
}

// of_tile(from, count, sums) for each tile; the totals of `sums` numbers each.
template <int sums, class OfTile>
std::array<double, sums> add_tiles(std::int64_t n, Partial& partial, const OfTile& of_tile) {
  const std::int64_t tiles = measure_tiles(n);
  const auto room = static_cast<std::size_t>(sums * tiles);
  if (partial.size() < room) partial.resize(room);
  parallel_for(tiles, grain, [&](std::int64_t first, std::int64_t end) {
    for (std::int64_t t = first; t < end; ++t) {
      const std::int64_t from = t * measure_tile;
      of_tile(from, std::min(measure_tile, n - from), partial.data() + sums * t);
    }
  });
  std::array<double, sums> total{};
  add_in_groups(partial, tiles, sums, total.data());
  return total;
}

}  // namespace

template <class T>
Measured measure(const T* g, const T* last, double last_norm, std::int64_t n, Partial& partial) {
  const auto& table = measure_kernels().template table<T>();
  const T* const other = last ? last : g;
  const auto [square, product] =
      add_tiles<2>(n, partial, [&](std::int64_t from, std::int64_t count, double* sums) {
        table.sums(g + from, other + from, count, sums);
      });
  return measured(square, product, g, last, last_norm, n, partial);
}

template <class T>
Measured measured(double square, double product, const T* g, const T* last, double last_norm,
                  std::int64_t n, Partial& partial) {
  if (!in_reach<T>(std::sqrt(square)) || (last && !in_reach<T>(last_norm))) {
    const auto& table = measure_kernels().template table<T>();
    const T* const other = last ? last : g;
    const auto sums =
        add_tiles<2>(n, partial, [&](std::int64_t from, std::int64_t count, double* out) {
          out[0] = table.squares_and_product(g + from, other + from, count, out[1]);
        });
    square = sums[0];
    product = sums[1];
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
  result.cosine = std::clamp(result.cosine, -1.0, 1.0);  // rounding may leave the range
  return result;
}

template <class T>
double distance(const T* theta, const T* before, std::int64_t n, Partial& partial) {
  const auto& table = measure_kernels().template table<T>();
  const auto [square] =
      add_tiles<1>(n, partial, [&](std::int64_t from, std::int64_t count, double* sums) {
        table.moved(theta + from, before + from, count, sums);
      });
  return distance_of(square, theta, before, n, partial);
}

template <class T>
double distance_of(double square, const T* theta, const T* before, std::int64_t n,
                   Partial& partial) {
  if (in_reach<T>(std::sqrt(square))) return std::sqrt(square);
  const auto& table = measure_kernels().template table<T>();
  const auto [exact] =
      add_tiles<1>(n, partial, [&](std::int64_t from, std::int64_t count, double* sums) {
        *sums = table.squared_differences(theta + from, before + from, count);
      });
  return std::sqrt(exact);
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

#define SADDLESCAPE_INSTANTIATE(T)                                                                \
  template Measured measure(const T*, const T*, double, std::int64_t, Partial&);                  \
  template Measured measured(double, double, const T*, const T*, double, std::int64_t, Partial&); \
  template double distance(const T*, const T*, std::int64_t, Partial&);                           \
  template double distance_of(double, const T*, const T*, std::int64_t, Partial&);                \
  template double penalise(const net::Architecture&, const T*, const Penalty&, T*);
SADDLESCAPE_INSTANTIATE(float)
SADDLESCAPE_INSTANTIATE(double)
#undef SADDLESCAPE_INSTANTIATE

}  // namespace saddlescape::train
