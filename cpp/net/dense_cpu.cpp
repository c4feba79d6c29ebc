// The loops of dense.hpp. One object for each instruction set, no contraction, nothing of std::.
//
// An element of a product is c = c + a b, k times in order, by fused multiply-add where the set has
// it: a tile of any shape and vectors of any length give the same bits, from all sets that do
// (x86-64-v3, v4), others from those that don't. A CPU that adds beside a multiplication is as fast
// without (Zen 5: 225 Gflop/s on one core in float32, either way), one that adds with the same
// units half as fast (Intel's).
#include "core/multiply_add.hpp"
#include "net/chain.hpp"
#include "net/dense.hpp"

namespace saddlescape::net {
namespace {

#if defined(__AVX512F__)
constexpr int tall = 8;
#else
constexpr int tall = 4;
#endif

using lanes::vector_bytes;

template <class T>
struct VectorOf;
template <>
struct VectorOf<float> {
  using type = lanes::Floats;
};
template <>
struct VectorOf<double> {
  using type = lanes::Doubles;
};

template <class T>
using Vector = typename VectorOf<T>::type;

// From and to any address.
template <class T>
inline Vector<T> load(const T* from) {
  Vector<T> x;
  __builtin_memcpy(&x, from, sizeof x);
  return x;
}
template <class T>
inline void store(const Vector<T>& x, T* to) {
  __builtin_memcpy(to, &x, sizeof x);
}

template <class T>
struct Product {
  Strided<T> A;
  const T* B;
  std::int64_t ldb;
  const T* start;
  std::int64_t start_row;
  T* C;
  std::int64_t ldc, k;
};

// Rows [i, i + rows) and columns [j, j + vectors whole vectors) of C, kept in registers.
template <class T, int rows, int vectors>
void tile(const Product<T>& p, std::int64_t i, std::int64_t j) {
  constexpr int across = vector_bytes / sizeof(T);
  const T *A = p.A.data + i * p.A.row, *B = p.B + j;
  const std::int64_t row = p.A.row, column = p.A.column, ldb = p.ldb, k = p.k;
  // Unrolled, here and where they are stored, so that the sums never stand in memory: they did, for
  // as long as 20 of the products.
  Vector<T> sum[rows][vectors];
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v)
      sum[r][v] = p.start ? load(p.start + (i + r) * p.start_row + j + v * across) : Vector<T>{};
  for (std::int64_t l = 0; l < k; ++l) {
    Vector<T> b[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) b[v] = load(B + l * ldb + v * across);
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
      const Vector<T> a = A[r * row + l * column] - Vector<T>{};
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) sum[r][v] = lanes::multiply_add(a, b[v], sum[r][v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) store(sum[r][v], p.C + (i + r) * p.ldc + j + v * across);
}

template <class T, int vectors>
void tile_of(int rows, const Product<T>& p, std::int64_t i, std::int64_t j) {
  switch (rows) {
    case 1:
      return tile<T, 1, vectors>(p, i, j);
    case 2:
      return tile<T, 2, vectors>(p, i, j);
    case 3:
      return tile<T, 3, vectors>(p, i, j);
#if defined(__AVX512F__)
    case 4:
      return tile<T, 4, vectors>(p, i, j);
    case 5:
      return tile<T, 5, vectors>(p, i, j);
    case 6:
      return tile<T, 6, vectors>(p, i, j);
    case 7:
      return tile<T, 7, vectors>(p, i, j);
#endif
    default:
      return tile<T, tall, vectors>(p, i, j);
  }
}

// All m rows, in tiles that are nearly equally tall: two rows alone wait for their own sums.
template <class T, int vectors>
void column(const Product<T>& p, std::int64_t m, std::int64_t j) {
  const std::int64_t tiles = (m + tall - 1) / tall;
  for (std::int64_t t = 0, i = 0; t < tiles; ++t) {
    const std::int64_t rows = m / tiles + (t < m % tiles);
    tile_of<T, vectors>(static_cast<int>(rows), p, i, j);
    i += rows;
  }
}

template <class T>
void multiply(Strided<T> A, const T* B, std::int64_t ldb, const T* start, T* C, std::int64_t ldc,
              std::int64_t m, std::int64_t width, std::int64_t k) {
  constexpr std::int64_t across = vector_bytes / sizeof(T);
  const Product<T> p{A, B, ldb, start, start == C ? ldc : 0, C, ldc, k};
  std::int64_t j = 0;
  for (; j + 2 * across <= width; j += 2 * across) column<T, 2>(p, m, j);
  for (; j < width; j += across) column<T, 1>(p, m, j);
}

template <class T>
void column_sums(const T* rows, std::int64_t ld, std::int64_t n, std::int64_t d, T* out) {
  constexpr std::int64_t across = 16;
  std::int64_t j = 0;
  for (; j + across <= d; j += across) {
    double sum[across] = {};
    for (std::int64_t i = 0; i < n; ++i)
#pragma omp simd
      for (std::int64_t c = 0; c < across; ++c) sum[c] += static_cast<double>(rows[i * ld + j + c]);
    for (std::int64_t c = 0; c < across; ++c) out[j + c] = static_cast<T>(sum[c]);
  }
  double sum[across] = {};
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t c = j; c < d; ++c) sum[c - j] += static_cast<double>(rows[i * ld + c]);
  for (std::int64_t c = j; c < d; ++c) out[c] = static_cast<T>(sum[c - j]);
}

template <class T>
constexpr DenseTable<T> table() noexcept {
  return {multiply<T>, column_sums<T>, chain<T>, tangent_forward<T>, tangent_backward<T>, add<T>};
}

}  // namespace
}  // namespace saddlescape::net

extern "C" const saddlescape::net::DenseKernels SADDLESCAPE_TABLE(_dense) = {
    saddlescape::net::table<float>(), saddlescape::net::table<double>()};
