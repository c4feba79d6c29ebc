#include "cuda/newton_schulz.hpp"

#include <utility>

namespace saddlescape::cuda {
namespace {

// One round: out = a x + (b A + c A^2) x. The products are those of update/newton_schulz.cpp.
template <class T>
void round(const Blas& blas, const Stream& stream, const MatrixBatch& batch,
           const update::Options& o, const T* x, T* out, T* gram, T* polynomial) {
  const std::int64_t rows = batch.rows, columns = batch.columns, size = rows * columns;
  const bool tall = rows > columns;
  const std::int64_t shorter = batch.shorter(), longer = tall ? rows : columns;
  const std::int64_t square = shorter * shorter;
  const T a = static_cast<T>(o.ns_a), b = static_cast<T>(o.ns_b), c = static_cast<T>(o.ns_c);
  // A = X X^T, or X^T X where that is smaller
  blas.gemm_batch(batch.count, tall ? Op::transpose : Op::none, tall ? Op::none : Op::transpose,
                  shorter, shorter, longer, T(1), x, columns, size, x, columns, size, T(0), gram,
                  shorter, square);
  // P = b A + c A^2
  copy_numbers(stream, gram, batch.count * square, polynomial);
  blas.gemm_batch(batch.count, Op::none, Op::none, shorter, shorter, shorter, c, gram, shorter,
                  square, gram, shorter, square, b, polynomial, shorter, square);
  // X = a X + P X
  copy_numbers(stream, x, batch.count * size, out);
  blas.gemm_batch(batch.count, Op::none, Op::none, rows, columns, shorter, T(1),
                  tall ? x : polynomial, tall ? columns : shorter, tall ? size : square,
                  tall ? polynomial : x, columns, tall ? square : size, a, out, columns, size);
}

template <class T>
void* run(const Blas& blas, const Stream& stream, const MatrixBatch& batch,
          const update::Options& options, void* memory) {
  T* x = static_cast<T*>(memory);
  T* other = x + batch.count * batch.rows * batch.columns;
  T* const gram = other + batch.count * batch.rows * batch.columns;
  T* const polynomial = gram + batch.count * batch.shorter() * batch.shorter();
  for (int k = 0; k < static_cast<int>(options.ns_steps); ++k) {
    round(blas, stream, batch, options, x, other, gram, polynomial);
    std::swap(x, other);
  }
  return x;
}

}  // namespace

void* newton_schulz(const Blas& blas, const Stream& stream, const MatrixBatch& batch,
                    const update::Options& options, void* memory) {
  return batch.real == update::Real::float64 ? run<double>(blas, stream, batch, options, memory)
                                             : run<float>(blas, stream, batch, options, memory);
}

}  // namespace saddlescape::cuda
