// The seam to BLAS and LAPACK: the only file pair that names them. Everything is row-major here.
//
// "bundled" loads our own copy of OpenBLAS when `load` is first called, after its kernels have
// been chosen from the CPU's flags; it stays private to us, whatever else the process has loaded.
// "system" (-DSADDLESCAPE_BLAS=system) is linked in the ordinary way.
#pragma once

#include <cstdint>
#include <string>

namespace saddlescape::blas {

// Loads the library. `path` is the bundled copy; the system's needs none.
// Throws std::runtime_error with the reason. Called again it does nothing.
void load(const std::string& path);

struct Info {
  std::string library;  // as the library says it: "OpenBLAS 0.3.34 ..."
  std::string kernel;   // "SkylakeX"; empty if the library does not tell
};
Info info();

// The library itself runs on the calling thread; large products are cut into panels for our own
// parallel_for, the same panels for any number of threads, so that the bits are the same too. Two
// pools of threads that take turns on the same cores wait for one another more than they compute
// (fifteen-fold slower, gradient of a 64-16-10 network on two cores). Only eigh, which is never
// called from within parallel_for, lets the library use threads of its own.

enum class Op { none, transpose };

// C = alpha op(A) op(B) + beta C; op(A) is m x k, op(B) is k x n, leading dimensions are row
// lengths in memory. Sizes are 64-bit here; one above 2^31 - 1 throws std::length_error where the
// library's own integers are 32-bit.
void gemm(Op a_op, Op b_op, std::int64_t m, std::int64_t n, std::int64_t k, float alpha,
          const float* a, std::int64_t lda, const float* b, std::int64_t ldb, float beta, float* c,
          std::int64_t ldc);
void gemm(Op a_op, Op b_op, std::int64_t m, std::int64_t n, std::int64_t k, double alpha,
          const double* a, std::int64_t lda, const double* b, std::int64_t ldb, double beta,
          double* c, std::int64_t ldc);
// The same on the calling thread: a tile of a larger product that the caller shares out.
void gemm_tile(Op a_op, Op b_op, std::int64_t m, std::int64_t n, std::int64_t k, double alpha,
               const double* a, std::int64_t lda, const double* b, std::int64_t ldb, double beta,
               double* c, std::int64_t ldc);
// y = alpha op(A) x + beta y on the calling thread, A (m, n).
void gemv(Op op, std::int64_t m, std::int64_t n, double alpha, const double* a, std::int64_t lda,
          const double* x, double beta, double* y);
// Plain loops: the measure that the float64 results are compared with, on few vectors.
void gemm(Op a_op, Op b_op, std::int64_t m, std::int64_t n, std::int64_t k, long double alpha,
          const long double* a, std::int64_t lda, const long double* b, std::int64_t ldb,
          long double beta, long double* c, std::int64_t ldc);

// Eigenvalues of the symmetric n x n matrix `a`, ascending into w. `a` is destroyed; with
// vectors, row i of it becomes the eigenvector of w[i].
// Divide and conquer (LAPACK dsyevd). Throws std::runtime_error if it did not converge and
// std::length_error beyond n = 2^31 / sqrt(8) ~ 32,766 with vectors, where LAPACK's own 32-bit
// workspace size overflows (numpy#27918 and jax#4358 return wrong numbers there).
void eigh(std::int64_t n, double* a, double* w, bool vectors);

}  // namespace saddlescape::blas
