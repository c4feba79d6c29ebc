#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "cuda/eig/factors.hpp"
#include "cuda/eig/factors_kernels.hpp"
#include "cuda/eig/fetch.hpp"
#include "cuda/eig/matrix.hpp"
#include "cuda/launch.hpp"

namespace saddlescape::cuda::eig {
namespace {

constexpr double u = 0x1p-53;  // unit roundoff
constexpr double infinity = std::numeric_limits<double>::infinity();

// What each row of D is, and P. Empty if the pivots are no exchanges.
std::vector<std::int32_t> kinds_of(const std::vector<std::int32_t>& pivots,
                                   std::vector<std::int64_t>& order) {
  const auto n = static_cast<std::int64_t>(pivots.size());
  std::vector<std::int32_t> kinds(pivots.size(), alone);
  order.resize(pivots.size());
  for (std::int64_t k = 0; k < n; ++k) order[k] = k;
  for (std::int64_t k = 0; k < n; ++k) {
    const bool two = pivots[k] < 0;
    const std::int64_t to = two ? k + 1 : k, from = std::abs(std::int64_t{pivots[k]}) - 1;
    if (from < to || from >= n || (two && pivots[k + 1] != pivots[k])) return {};
    std::swap(order[to], order[from]);
    if (!two) continue;
    kinds[k] = first_of_two;
    kinds[++k] = second_of_two;
  }
  return kinds;
}

// Counts the signs of D. Of a block of two, one of each if d_k d_(k+1) < e_k^2, which rounding
// can't pretend below 0.99; else it says nothing.
void count_signs(const Blocks& blocks, Signs& signs) {
  const auto n = static_cast<std::int64_t>(blocks.d.size());
  for (std::int64_t k = 0; k < n; ++k) {
    const double d = blocks.d[k], e = blocks.e[k];
    if (e == 0) {
      signs.positive += d > 0;
      signs.negative += d < 0;
      continue;
    }
    const bool indefinite = std::abs(d / e) * std::abs(blocks.d[++k] / e) < 0.99;
    signs.positive += indefinite;
    signs.negative += indefinite;
  }
}

// |D| x
std::vector<double> times_blocks(const Blocks& blocks, const std::vector<double>& x) {
  std::vector<double> y(x.size());
  for (std::size_t k = 0; k < x.size(); ++k) {
    y[k] += std::abs(blocks.d[k]) * x[k];
    if (blocks.e[k] == 0) continue;
    y[k] += std::abs(blocks.e[k]) * x[k + 1];
    y[k + 1] += std::abs(blocks.e[k]) * x[k];
  }
  return y;
}

template <class T>
struct Sent {
  Memory memory;
  Sent(const char* what, const Stream& stream, const std::vector<T>& numbers)
      : memory(Memory::Where::device, what) {
    const auto count = static_cast<std::int64_t>(numbers.size());
    memory.grow(count * bytes_of<T>);
    sent(stream, numbers.data(), count, memory.as<T>());
  }
  T* data() const { return memory.as<T>(); }
};

// Row sums of |L| |D| |L^T|. Infinite if an element of L is beyond 2^400: then what underflows in
// C need not be small in R.
std::vector<double> product_of_magnitudes(const Stream& stream, std::int64_t n, const double* l,
                                          const Blocks& blocks) {
  const std::vector<double> columns = row_sums(stream, n, l);
  if (!(*std::max_element(columns.begin(), columns.end()) <= 0x1p400))
    return std::vector<double>(columns.size(), infinity);
  const Sent<double> y("|D| |L^T| 1", stream, times_blocks(blocks, columns));
  Memory out(Memory::Where::device, "|L| |D| |L^T| 1");
  out.grow(n * bytes_of<double>);
  launch("|L| |D| |L^T| 1", stream, blocks_of(n),
         Elements<TimesMagnitudes>{n, {l, y.data(), n, out.as<double>()}});
  return fetched(stream, out.as<double>(), n);
}

// Row sums of |R|, without what computing R got wrong.
template <class T>
std::vector<double> residual_sums(const Stream& stream, std::int64_t n, const T* a, int exponent,
                                  double shift, const double* l, const Blocks& blocks) {
  const std::int64_t tiles = (n + wide - 1) / wide;
  const saddlescape::eig::Power power(-exponent);
  const Sent<double> d("D", stream, blocks.d), e("D's blocks of two", stream, blocks.e);
  const Sent<std::int64_t> order("the order of pivots", stream, blocks.order);
  Memory parts(Memory::Where::device, "the residual's sums by tiles");
  parts.grow(n * tiles * bytes_of<double>);
  launch("the residual of L D L^T", stream, tiles * tiles,
         ResidualSums<T>{n, tiles, a, power.first, power.second, shift, order.data(), l, d.data(),
                         e.data(), parts.as<double>()});
  const std::vector<double> each_tile = fetched(stream, parts.as<double>(), n * tiles);
  std::vector<double> sums(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t t = 0; t < tiles; ++t) sums[i] += each_tile[i * tiles + t];
  return sums;
}

}  // namespace

Blocks put_in_order(const Stream& stream, std::int64_t n, double* a, const std::int32_t* pivots) {
  Blocks blocks;
  const std::vector<std::int32_t> kinds = kinds_of(fetched(stream, pivots, n), blocks.order);
  if (kinds.empty()) return blocks;
  const Sent<std::int32_t> kind("the blocks of D", stream, kinds);
  Memory diagonal(Memory::Where::device, "D");
  diagonal.grow(2 * n * bytes_of<double>);
  double *const d = diagonal.as<double>(), *const e = d + n;
  launch("D", stream, blocks_of(n), Elements<TakeD>{n, {a, n, kind.data(), d, e}});
  launch("the columns of L", stream, blocks_of(n * n),
         Elements<Complete>{n * n, {a, n, kind.data()}});
  launch("the exchanges of L", stream, blocks_of(n),
         Elements<Exchange>{n, {a, n, kind.data(), pivots}});
  blocks.d = fetched(stream, d, n);
  blocks.e = fetched(stream, e, n);
  blocks.found = true;
  return blocks;
}

template <class T>
Signs signs_of(const Stream& stream, std::int64_t n, const T* a, int exponent, double shift,
               const double* l, const Blocks& blocks, const std::vector<double>& sums_of_s) {
  Signs signs;
  count_signs(blocks, signs);
  const std::vector<double> residuals = residual_sums(stream, n, a, exponent, shift, l, blocks);
  const std::vector<double> products = product_of_magnitudes(stream, n, l, blocks);
  const double size = static_cast<double>(n);
  const double terms = static_cast<double>(chain + n / chain + 6),
               gamma = terms * u / (1 - terms * u);
  double most = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const double given = sums_of_s[blocks.order[i]] + std::abs(shift);
    const double row = residuals[i] + gamma * (given + products[i]);
    if (!(row <= std::numeric_limits<double>::max())) {
      signs.bound = infinity;
      return signs;
    }
    most = std::max(most, row);
  }
  // These sums are of positive numbers, a few n of them; and what underflowed.
  signs.bound = most * (1 + 8 * (size + 64) * u) + size * 0x1p-600;
  return signs;
}

template Signs signs_of(const Stream&, std::int64_t, const float*, int, double, const double*,
                        const Blocks&, const std::vector<double>&);
template Signs signs_of(const Stream&, std::int64_t, const double*, int, double, const double*,
                        const Blocks&, const std::vector<double>&);

}  // namespace saddlescape::cuda::eig
