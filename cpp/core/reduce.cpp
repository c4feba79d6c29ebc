#include "core/reduce.hpp"

#include <algorithm>

#include "core/in_groups.hpp"
#include "core/parallel.hpp"

namespace saddlescape::reduce {
namespace {

constexpr std::int64_t chunks = 64;
constexpr std::int64_t lanes = 8;
constexpr std::int64_t serial_chunk = 4096;  // shorter than this a thread costs more than it saves

template <class T>
double dot_chunk(const T* x, const T* y, std::int64_t n) {
  double lane[lanes] = {};
  const std::int64_t body = n / lanes * lanes;
  for (std::int64_t i = 0; i < body; i += lanes)
    for (std::int64_t j = 0; j < lanes; ++j)
      lane[j] += static_cast<double>(x[i + j]) * static_cast<double>(y[i + j]);
  for (std::int64_t i = body; i < n; ++i)
    lane[i - body] += static_cast<double>(x[i]) * static_cast<double>(y[i]);
  double sum = 0;
  for (double partial : lane) sum += partial;
  return sum;
}

template <class T>
double dot_fixed(const T* x, const T* y, std::int64_t n) {
  const std::int64_t length = std::max(serial_chunk, (n + chunks - 1) / chunks);
  const std::int64_t pieces = (n + length - 1) / length;
  double partial[chunks] = {};
  parallel_for(pieces, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = begin; c < end; ++c)
      partial[c] = dot_chunk(x + c * length, y + c * length, std::min(length, n - c * length));
  });
  sums::InGroups<sums::Plain> sum;
  for (double value : partial) sum.add(value);
  return sum.total().value;
}

template <class T>
bool finite(const T* x, std::int64_t n) {
  // x - x is 0, but NaN for NaN and both infinities; sums of it run as vectors.
  constexpr std::int64_t width = 32;
  T lane[width] = {};
  const std::int64_t body = n / width * width;
  for (std::int64_t i = 0; i < body; i += width)
    for (std::int64_t j = 0; j < width; ++j) lane[j] += x[i + j] - x[i + j];
  for (std::int64_t i = body; i < n; ++i) lane[i - body] += x[i] - x[i];
  T sum = 0;
  for (T each : lane) sum += each;
  return sum == 0;
}

}  // namespace

double sum_squares(const float* x, std::int64_t n) { return dot_fixed(x, x, n); }
double sum_squares(const double* x, std::int64_t n) { return dot_fixed(x, x, n); }
double dot(const double* x, const double* y, std::int64_t n) { return dot_fixed(x, y, n); }
bool all_finite(const float* x, std::int64_t n) { return finite(x, n); }
bool all_finite(const double* x, std::int64_t n) { return finite(x, n); }

}  // namespace saddlescape::reduce
