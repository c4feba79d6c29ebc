// The loops of dense.hpp. One object for each instruction set, no contraction, nothing of std::.
//
// An element of a product is c = c + a b, k times in order, with a rounding after each: a tile of
// any shape and vectors of any length give the same bits. On CPUs that add beside a multiplication
// it costs no time against fused steps (Zen 5: 225 Gflop/s on one core in float32, either way).
#include "net/chain.hpp"
#include "net/dense.hpp"

namespace saddlescape::net {
namespace {

#if defined(__AVX512F__)
constexpr int vector_bytes = 64, tall = 8;
#elif defined(__AVX2__)
constexpr int vector_bytes = 32, tall = 4;
#else
constexpr int vector_bytes = 16, tall = 4;
#endif

template <class T>
struct VectorOf;
template <>
struct VectorOf<float> {
  using type __attribute__((vector_size(vector_bytes), aligned(4), may_alias)) = float;
};
template <>
struct VectorOf<double> {
  using type __attribute__((vector_size(vector_bytes), aligned(8), may_alias)) = double;
};

// `rows` rows of C and `vectors` vectors across, kept in registers.
template <class T, int rows, int vectors>
void tile(Strided<T> A, const T* B, std::int64_t ldb, T* C, std::int64_t ldc, std::int64_t k,
          bool add) {
  using Vector = typename VectorOf<T>::type;
  constexpr int across = vector_bytes / sizeof(T);
  Vector sum[rows][vectors];
  for (int r = 0; r < rows; ++r)
    for (int v = 0; v < vectors; ++v)
      sum[r][v] = add ? *reinterpret_cast<const Vector*>(C + r * ldc + v * across) : Vector{};
  for (std::int64_t l = 0; l < k; ++l) {
    Vector b[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v)
      b[v] = *reinterpret_cast<const Vector*>(B + l * ldb + v * across);
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
      const Vector a = A.data[r * A.row + l * A.column] - Vector{};
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) sum[r][v] += a * b[v];
    }
  }
  for (int r = 0; r < rows; ++r)
    for (int v = 0; v < vectors; ++v)
      *reinterpret_cast<Vector*>(C + r * ldc + v * across) = sum[r][v];
}

template <class T, int vectors>
void column(Strided<T> A, const T* B, std::int64_t ldb, T* C, std::int64_t ldc, std::int64_t m,
            std::int64_t k, bool add) {
  std::int64_t i = 0;
  const auto from = [&](std::int64_t row) {
    return Strided<T>{A.data + row * A.row, A.row, A.column};
  };
  for (; i + tall <= m; i += tall)
    tile<T, tall, vectors>(from(i), B, ldb, C + i * ldc, ldc, k, add);
  if constexpr (tall == 8)
    for (; i + 4 <= m; i += 4) tile<T, 4, vectors>(from(i), B, ldb, C + i * ldc, ldc, k, add);
  for (; i + 2 <= m; i += 2) tile<T, 2, vectors>(from(i), B, ldb, C + i * ldc, ldc, k, add);
  for (; i < m; ++i) tile<T, 1, vectors>(from(i), B, ldb, C + i * ldc, ldc, k, add);
}

template <class T>
void multiply(Strided<T> A, const T* B, std::int64_t ldb, T* C, std::int64_t ldc, std::int64_t m,
              std::int64_t width, std::int64_t k, bool add) {
  constexpr std::int64_t across = vector_bytes / sizeof(T);
  std::int64_t j = 0;
  for (; j + 2 * across <= width; j += 2 * across)
    column<T, 2>(A, B + j, ldb, C + j, ldc, m, k, add);
  for (; j < width; j += across) column<T, 1>(A, B + j, ldb, C + j, ldc, m, k, add);
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
constexpr DenseTable<T> table() {
  return {multiply<T>,        column_sums<T>,      chain<T>,
          tangent_forward<T>, tangent_backward<T>, add<T>};
}

}  // namespace
}  // namespace saddlescape::net

#define SADDLESCAPE_TABLE_OF(name) name##_dense
#define SADDLESCAPE_TABLE(name) SADDLESCAPE_TABLE_OF(name)

extern "C" const saddlescape::net::DenseKernels SADDLESCAPE_TABLE(SADDLESCAPE_KERNELS) = {
    saddlescape::net::table<float>(), saddlescape::net::table<double>()};
