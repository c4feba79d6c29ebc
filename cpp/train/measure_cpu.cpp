// The loops of measure_kernels.hpp. One object for each instruction set, no contraction, nothing of
// std::.
#include "core/lanes.hpp"
#include "core/tile_sums.hpp"
#include "train/measure_kernels.hpp"

namespace saddlescape::train {
namespace {

using lanes::Lanes;

template <class T>
void sums(const T* __restrict x, const T* __restrict y, std::int64_t n, double* out) {
  lanes::tile_sums<T, 2>(n, out,
                         [=](std::int64_t i, std::int64_t length, lanes::RowSums<T, 2>& row) {
#pragma omp simd
                           for (std::int64_t j = 0; j < length; ++j) {
                             row.lane[0][j] += x[i + j] * x[i + j];
                             row.lane[1][j] += x[i + j] * y[i + j];
                           }
                         });
}

template <class T>
void moved(const T* __restrict x, const T* __restrict y, std::int64_t n, double* out) {
  lanes::tile_sums<T, 1>(n, out,
                         [=](std::int64_t i, std::int64_t length, lanes::RowSums<T, 1>& row) {
#pragma omp simd
                           for (std::int64_t j = 0; j < length; ++j) {
                             const T move = x[i + j] - y[i + j];
                             row.lane[0][j] += move * move;
                           }
                         });
}

template <class T>
double squares_and_product(const T* __restrict x, const T* __restrict y, std::int64_t n,
                           double& product) {
  Lanes sum, both;
  constexpr std::int64_t count = Lanes::count;
  const std::int64_t body = n / count * count;
  for (std::int64_t i = 0; i < body; i += count)
#pragma omp simd
    for (std::int64_t j = 0; j < count; ++j) {
      const double a = static_cast<double>(x[i + j]);
      sum.lane[j] += a * a;
      both.lane[j] += a * static_cast<double>(y[i + j]);
    }
  for (std::int64_t i = body; i < n; ++i) {
    const double a = static_cast<double>(x[i]);
    sum.lane[i - body] += a * a;
    both.lane[i - body] += a * static_cast<double>(y[i]);
  }
  product = both.total();
  return sum.total();
}

template <class T>
double squared_differences(const T* __restrict x, const T* __restrict y, std::int64_t n) {
  Lanes sum;
  sum.add(n, [=](std::int64_t i) {
    const double move = static_cast<double>(x[i] - y[i]);
    return move * move;
  });
  return sum.total();
}

template <class T>
void penalise(const T* __restrict w, std::int64_t n, double l1, double l2, T* __restrict g,
              double* sums) {
  const T a = static_cast<T>(l1), b = static_cast<T>(l2);
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    const T sign = w[i] > 0 ? T(1) : w[i] < 0 ? T(-1) : T(0);
    g[i] += a * sign + b * w[i];
  }
  Lanes absolute, square;
  absolute.add(n, [=](std::int64_t i) {
    const double x = static_cast<double>(w[i]);
    return x < 0 ? -x : x;
  });
  square.add_squares(w, n);
  sums[0] = absolute.total();
  sums[1] = square.total();
}

template <class T>
constexpr MeasureTable<T> table() noexcept {
  return {sums<T>, moved<T>, squares_and_product<T>, squared_differences<T>, penalise<T>};
}

}  // namespace
}  // namespace saddlescape::train

extern "C" const saddlescape::train::MeasureKernels SADDLESCAPE_TABLE(_measure) = {
    saddlescape::train::table<float>(), saddlescape::train::table<double>()};
