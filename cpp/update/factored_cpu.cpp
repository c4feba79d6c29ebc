// Adafactor's own loops. Compiled once for each instruction set, with SADDLESCAPE_KERNELS naming
// the table, like step_cpu.cpp.
#include "update/adafactor.hpp"
#include "update/factored.hpp"

namespace saddlescape::update {
namespace {

// Sixteen partial sums, whatever the width of a vector: the same bits everywhere.
constexpr std::int64_t lanes = 16;

template <class T>
double add_row(const T* __restrict x, std::int64_t n, double* __restrict column_sums) {
  double lane[lanes] = {};
  const std::int64_t body = n / lanes * lanes;
  for (std::int64_t j = 0; j < body; j += lanes)
#pragma omp simd
    for (std::int64_t l = 0; l < lanes; ++l) {
      const double square = static_cast<double>(x[j + l]) * static_cast<double>(x[j + l]);
      lane[l] += square;
      column_sums[j + l] += square;
    }
  for (std::int64_t j = body; j < n; ++j) {
    const double square = static_cast<double>(x[j]) * static_cast<double>(x[j]);
    lane[j - body] += square;
    column_sums[j] += square;
  }
  double sum = 0;
  for (double each : lane) sum += each;
  return sum;
}

template <class T>
void add_squares(const void* source, std::int64_t rows, std::int64_t columns, double* row_sums,
                 double* column_sums) {
  const T* x = static_cast<const T*>(source);
  for (std::int64_t i = 0; i < rows; ++i, x += columns)
    row_sums[i] += add_row(x, columns, column_sums);
}

template <class T>
void average_squares(void* target, const void* source, std::int64_t n, double weight) {
  T* __restrict v = static_cast<T*>(target);
  const T* __restrict g = static_cast<const T*>(source);
  const auto average = Average<T>::fold(1.0 - weight);
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) v[i] = average(v[i], g[i] * g[i]);
}

template <class T>
void divide_row(const T* __restrict g, const T* __restrict column, std::int64_t n, T row, T floor,
                T* __restrict out) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) out[i] = preconditioned(g[i], row * column[i], floor);
}

template <class T>
void by_factors(const void* source, std::int64_t from, std::int64_t n, const Factors& factors,
                void* target) {
  const T* g = static_cast<const T*>(source);
  T* out = static_cast<T*>(target);
  const T floor = static_cast<T>(factors.eps * factors.eps);
  std::int64_t line = from / factors.columns, column = from % factors.columns;
  while (n > 0) {
    const std::int64_t left = factors.columns - column;
    const std::int64_t length = n < left ? n : left;
    const std::int64_t matrix = line / factors.rows;
    const T row =
        row_factor(static_cast<const T*>(factors.row)[line], factors.means[matrix], factors.eps);
    divide_row(g, static_cast<const T*>(factors.column) + matrix * factors.columns + column, length,
               row, floor, out);
    g += length;
    out += length;
    n -= length;
    column = 0;
    ++line;
  }
}

template <class T>
void by_variance(const void* source, const void* variance, std::int64_t n, double eps,
                 void* target) {
  const T* __restrict g = static_cast<const T*>(source);
  const T* __restrict v = static_cast<const T*>(variance);
  T* __restrict out = static_cast<T*>(target);
  const T floor = static_cast<T>(eps * eps);
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) out[i] = preconditioned(g[i], v[i], floor);
}

}  // namespace
}  // namespace saddlescape::update

namespace u = saddlescape::update;

extern "C" const u::FactoredKernels SADDLESCAPE_TABLE(_factored) = {
    {u::add_squares<float>, u::add_squares<double>},
    {u::average_squares<float>, u::average_squares<double>},
    {u::by_factors<float>, u::by_factors<double>},
    {u::by_variance<float>, u::by_variance<double>}};
