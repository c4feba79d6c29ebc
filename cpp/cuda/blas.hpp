// The seam to cuBLAS: nothing else names it. Everything is row-major here, as core/blas has it.
//
//   const Blas blas(stream);
//   blas.gemm(Op::none, Op::transpose, m, n, k, 1.0, a, lda, b, ldb, 0.0, c, ldc);
//
// Pointers are the device's, sizes are 64-bit, and all happens in the stream's order. float32 is
// float32 throughout, unless TF32's ten bits are asked for. The same bits come out on each run on
// the same device: each handle has memory of its own to work in, without which cuBLAS chooses by
// what else happens to run.
#pragma once

#include <cstdint>
#include <memory>

#include "core/blas.hpp"
#include "cuda/device.hpp"

namespace saddlescape::cuda {

using saddlescape::blas::Op;

enum class Precision { full, tf32 };  // of float32 products

class Blas {
 public:
  // Takes a handle of this stream and of the current device, or makes one, for as long as it lives.
  // Throws Error where there is no cuBLAS, OutOfMemory where there is no room for it. Not while the
  // stream is captured: a handle that is made then would allocate.
  explicit Blas(const Stream& stream, Precision precision = Precision::full);
  ~Blas();
  Blas(const Blas&) = delete;
  Blas& operator=(const Blas&) = delete;

  // Finds all that is called of the library; throws Error that names what is not there.
  static void load();

  // C = alpha op(A) op(B) + beta C; op(A) is m x k, op(B) is k x n, leading dimensions are row
  // lengths in memory. What C holds is not looked at where beta is 0. T: float or double.
  template <class T>
  void gemm(Op a_op, Op b_op, std::int64_t m, std::int64_t n, std::int64_t k, T alpha, const T* a,
            std::int64_t lda, const T* b, std::int64_t ldb, T beta, T* c, std::int64_t ldc) const;

  // The same `count` times, each matrix so many numbers behind the one before it; a step of 0 for
  // an operand that all of them share.
  template <class T>
  void gemm_batch(std::int64_t count, Op a_op, Op b_op, std::int64_t m, std::int64_t n,
                  std::int64_t k, T alpha, const T* a, std::int64_t lda, std::int64_t a_step,
                  const T* b, std::int64_t ldb, std::int64_t b_step, T beta, T* c, std::int64_t ldc,
                  std::int64_t c_step) const;

  // y = alpha op(A) x + beta y, A (m, n), x and y contiguous.
  template <class T>
  void gemv(Op op, std::int64_t m, std::int64_t n, T alpha, const T* a, std::int64_t lda,
            const T* x, T beta, T* y) const;

 private:
  struct Handle;
  struct Pool;
  static Pool& pool();

  std::unique_ptr<Handle> handle_;
};

}  // namespace saddlescape::cuda
