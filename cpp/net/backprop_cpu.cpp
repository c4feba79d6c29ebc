// The loops of backprop_kernels.hpp. One object for each instruction set, no contraction, nothing
// of std::.
#include "net/backprop_kernels.hpp"

namespace saddlescape::net {
namespace {

// A square of numbers, from rows of ld to rows of ldo.
inline void turn_square(const float* rows, std::int64_t ld, float* out, std::int64_t ldo) {
  using Four __attribute__((vector_size(16))) = float;
  Four r[4], low[2], high[2];
  for (int i = 0; i < 4; ++i) __builtin_memcpy(&r[i], rows + i * ld, sizeof r[i]);
  for (int i = 0; i < 2; ++i) {
    low[i] = __builtin_shufflevector(r[2 * i], r[2 * i + 1], 0, 4, 1, 5);
    high[i] = __builtin_shufflevector(r[2 * i], r[2 * i + 1], 2, 6, 3, 7);
  }
  r[0] = __builtin_shufflevector(low[0], low[1], 0, 1, 4, 5);
  r[1] = __builtin_shufflevector(low[0], low[1], 2, 3, 6, 7);
  r[2] = __builtin_shufflevector(high[0], high[1], 0, 1, 4, 5);
  r[3] = __builtin_shufflevector(high[0], high[1], 2, 3, 6, 7);
  for (int j = 0; j < 4; ++j) __builtin_memcpy(out + j * ldo, &r[j], sizeof r[j]);
}

inline void turn_square(const double* rows, std::int64_t ld, double* out, std::int64_t ldo) {
  for (int j = 0; j < 4; ++j)
    for (int i = 0; i < 4; ++i) out[j * ldo + i] = rows[i * ld + j];
}

// In strips of 16 rows: each line of `out` is written whole.
template <class T>
void turn(const T* __restrict rows, std::int64_t ld, std::int64_t n, std::int64_t columns,
          T* __restrict out, std::int64_t ldo) {
  constexpr std::int64_t side = 4, strip = 16;
  const std::int64_t whole = columns / side * side;
  for (std::int64_t first = 0; first < n; first += strip) {
    const std::int64_t last = first + strip < n ? first + strip : n;
    const std::int64_t squares = first + (last - first) / side * side;
    for (std::int64_t j = 0; j < whole; j += side)
      for (std::int64_t i = first; i < squares; i += side)
        turn_square(rows + i * ld + j, ld, out + j * ldo + i, ldo);
    for (std::int64_t j = whole; j < columns; ++j)
      for (std::int64_t i = first; i < squares; ++i) out[j * ldo + i] = rows[i * ld + j];
    for (std::int64_t j = 0; j < columns; ++j)
      for (std::int64_t i = squares; i < last; ++i) out[j * ldo + i] = rows[i * ld + j];
  }
}

template <class T>
void copy(const T* __restrict from, std::int64_t ld, std::int64_t d, std::int64_t width,
          T* __restrict to, std::int64_t ldo) {
  for (std::int64_t p = 0; p < d; ++p)
    for (std::int64_t i = 0; i < width; ++i) to[p * ldo + i] = from[p * ld + i];
}

template <class T>
void add_bias(const T* __restrict b, std::int64_t d, std::int64_t width, T* __restrict s) {
  for (std::int64_t p = 0; p < d; ++p)
    for (std::int64_t i = 0; i < width; ++i) s[p * width + i] += b[p];
}

template <class T>
void row_sums(const T* rows, std::int64_t ld, std::int64_t d, T* __restrict out, bool add) {
  using Eight __attribute__((vector_size(8 * sizeof(T)))) = T;
  using Wide __attribute__((vector_size(64))) = double;
  for (std::int64_t p = 0; p < d; ++p) {
    Wide sum = {};
    for (std::int64_t i = 0; i < ld; i += 8) {
      Eight x;
      __builtin_memcpy(&x, rows + p * ld + i, sizeof x);
      sum += __builtin_convertvector(x, Wide);
    }
    sum += __builtin_shufflevector(sum, sum, 4, 5, 6, 7, 0, 1, 2, 3);
    sum += __builtin_shufflevector(sum, sum, 2, 3, 0, 1, 6, 7, 4, 5);
    const T total = static_cast<T>(sum[0] + sum[1]);
    out[p] = add ? out[p] + total : total;
  }
}

// Rows that share the numbers of x.
template <class T, int rows>
inline void dots_of(const T* __restrict W, std::int64_t k, const T* __restrict x,
                    T* __restrict out) {
  constexpr std::int64_t across = 128 / sizeof(T);
  const std::int64_t body = k / across * across;
  T lane[rows][across] = {};
  for (std::int64_t l = 0; l < body; l += across)
    for (int r = 0; r < rows; ++r)
#pragma omp simd
      for (std::int64_t c = 0; c < across; ++c) lane[r][c] += W[r * k + l + c] * x[l + c];
  for (int r = 0; r < rows; ++r) {
    for (std::int64_t l = body; l < k; ++l) lane[r][l - body] += W[r * k + l] * x[l];
    for (std::int64_t half = across / 2; half > 0; half /= 2)
      for (std::int64_t c = 0; c < half; ++c) lane[r][c] += lane[r][c + half];
    out[r] = lane[r][0];
  }
}

template <class T>
void dots(const T* W, std::int64_t d, std::int64_t k, const T* x, T* out) {
  std::int64_t p = 0;
  for (; p + 4 <= d; p += 4) dots_of<T, 4>(W + p * k, k, x, out + p);
  for (; p < d; ++p) dots_of<T, 1>(W + p * k, k, x, out + p);
}

template <class T, std::int64_t across>
inline void combine_columns(const T* __restrict W, std::int64_t ld, std::int64_t d,
                            const T* __restrict delta, std::int64_t width, T* __restrict out) {
  T sum[across] = {};
  for (std::int64_t p = 0; p < d; ++p)
#pragma omp simd
    for (std::int64_t c = 0; c < width; ++c) sum[c] += delta[p] * W[p * ld + c];
  for (std::int64_t c = 0; c < width; ++c) out[c] = sum[c];
}

template <class T>
void combine(const T* W, std::int64_t ld, std::int64_t d, std::int64_t width, const T* delta,
             T* out) {
  constexpr std::int64_t across = 256 / sizeof(T);
  std::int64_t j = 0;
  for (; j + across <= width; j += across)
    combine_columns<T, across>(W + j, ld, d, delta, across, out + j);
  if (j < width) combine_columns<T, across>(W + j, ld, d, delta, width - j, out + j);
}

// A sum of one term: like all sums it starts at 0, so that there is no -0.
template <class T>
void outer(const T* __restrict delta, std::int64_t d, const T* __restrict a, std::int64_t width,
           T* __restrict g, bool add) {
  for (std::int64_t p = 0; p < d; ++p) {
    T* __restrict row = g + p * width;
    const T factor = delta[p];
    if (add)
      for (std::int64_t j = 0; j < width; ++j) row[j] += factor * a[j];
    else
      for (std::int64_t j = 0; j < width; ++j) row[j] = 0 + factor * a[j];
  }
}

template <class T>
void times(const T* __restrict slope, T* __restrict delta, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) delta[i] *= slope[i];
}

template <class T>
T size(const T* x, std::int64_t n) {
  constexpr std::int64_t across = 256 / sizeof(T);
  T lane[across] = {}, sum = 0;
  const std::int64_t body = n / across * across;
  for (std::int64_t i = 0; i < body; i += across)
#pragma omp simd
    for (std::int64_t c = 0; c < across; ++c) lane[c] += x[i + c] < 0 ? -x[i + c] : x[i + c];
  for (std::int64_t i = body; i < n; ++i) lane[i - body] += x[i] < 0 ? -x[i] : x[i];
  for (T each : lane) sum += each;
  return sum;
}

template <class T>
constexpr BackpropTable<T> table() noexcept {
  return {turn<T>,    copy<T>,  add_bias<T>, row_sums<T>, dots<T>,
          combine<T>, outer<T>, times<T>,    size<T>};
}

}  // namespace
}  // namespace saddlescape::net

extern "C" const saddlescape::net::BackpropKernels SADDLESCAPE_TABLE(_backprop) = {
    saddlescape::net::table<float>(), saddlescape::net::table<double>()};
