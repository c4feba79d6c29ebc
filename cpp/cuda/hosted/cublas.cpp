// cuBLAS's functions as the seam calls them, column-major, on core/blas.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include "core/blas.hpp"
#include "cuda/hosted/libraries.hpp"
#include "cuda/hosted/order.hpp"

namespace saddlescape::cuda::hosted {

int& cublas_fault() {
  static int fault = 0;
  return fault;
}

namespace {

using blas::Op;
using Size = std::int64_t;
constexpr int invalid_value = 7, tf32_math = 3;

struct Handle {
  void* stream = nullptr;
  void* workspace = nullptr;
  int math = 0;
};

Op op_of(int native) { return native == 0 ? Op::none : Op::transpose; }

int set_stream(void* handle, void* stream) {
  auto& own = *static_cast<Handle*>(handle);
  own.stream = stream;
  own.workspace = nullptr;  // as cuBLAS does
  return 0;
}
int set_workspace(void* handle, void* workspace, std::size_t) {
  static_cast<Handle*>(handle)->workspace = workspace;
  return 0;
}
int set_math(void* handle, int math) {
  static_cast<Handle*>(handle)->math = math;
  return 0;
}
const char* status_text(int status) { return status == invalid_value ? "invalid value" : "fault"; }

// As cuBLAS refuses a call: without its memory the bits would not be the same on each run.
int refusal(const void* handle, Size least_a, Size lda, Size least_b, Size ldb, Size least_c,
            Size ldc) {
  if (const int fault = cublas_fault()) return fault;
  const bool right = static_cast<const Handle*>(handle)->workspace && lda >= least_a &&
                     ldb >= least_b && ldc >= least_c && lda > 0 && ldb > 0 && ldc > 0;
  return right ? 0 : invalid_value;
}

// TF32's ten bits of mantissa: the nearest, of two the one further from zero, as cvt.rna.tf32 has
// it.
float in_tf32(float x) {
  if (!std::isfinite(x)) return x;
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  bits = (bits + 0x1000U) & ~0x1fffU;
  std::memcpy(&x, &bits, sizeof bits);
  return x;
}

// A column-major matrix as a product reads it, in TF32 if it `rounds`.
template <class T>
struct Operand {
  const T* data;
  Size ld;
  std::vector<T> rounded;

  Operand(bool rounds, const T* given, Size rows, Size columns, Size given_ld)
      : data(given), ld(given_ld) {
    if constexpr (std::is_same_v<T, float>) {
      if (!rounds) return;
      rounded.reserve(static_cast<std::size_t>(rows * columns));
      for (Size j = 0; j < columns; ++j)
        for (Size i = 0; i < rows; ++i) rounded.push_back(in_tf32(given[j * given_ld + i]));
      data = rounded.data();
      ld = rows > 0 ? rows : 1;
    }
  }
};

// Column-major C = op(A) op(B) is row-major C^T = op(B)^T op(A)^T.
template <class T>
int gemm_batch(void* handle, int a_op, int b_op, Size m, Size n, Size k, const T* alpha, const T* a,
               Size lda, long long a_step, const T* b, Size ldb, long long b_step, const T* beta,
               T* c, Size ldc, long long c_step, Size count) {
  if (const int status = refusal(handle, a_op == 0 ? m : k, lda, b_op == 0 ? k : n, ldb, m, ldc))
    return status;
  const auto& own = *static_cast<Handle*>(handle);
  const bool rounds = own.math == tf32_math;
  const T by = *alpha, kept = *beta;  // the host's: read before the call returns
  ask(own.stream, [=] {
    for (Size i = 0; i < count; ++i) {
      const Operand<T> left(rounds, a + i * a_step, a_op == 0 ? m : k, a_op == 0 ? k : m, lda);
      const Operand<T> right(rounds, b + i * b_step, b_op == 0 ? k : n, b_op == 0 ? n : k, ldb);
      blas::gemm(op_of(b_op), op_of(a_op), n, m, k, by, right.data, right.ld, left.data, left.ld,
                 kept, c + i * c_step, ldc);
    }
  });
  return 0;
}

template <class T>
int gemm(void* handle, int a_op, int b_op, Size m, Size n, Size k, const T* alpha, const T* a,
         Size lda, const T* b, Size ldb, const T* beta, T* c, Size ldc) {
  return gemm_batch(handle, a_op, b_op, m, n, k, alpha, a, lda, 0, b, ldb, 0, beta, c, ldc, 0, 1);
}

// y (rows, 1) = op(A) x, as a product of matrices: A is (n, m) row-major.
template <class T>
int gemv(void* handle, int op, Size m, Size n, const T* alpha, const T* a, Size lda, const T* x,
         Size incx, const T* beta, T* y, Size incy) {
  if (const int status = refusal(handle, m, lda, 1, incx, 1, incy)) return status;
  if (incx != 1 || incy != 1) return invalid_value;
  const T by = *alpha, kept = *beta;
  ask(static_cast<Handle*>(handle)->stream, [=] {
    blas::gemm(op == 0 ? Op::transpose : Op::none, Op::none, op == 0 ? m : n, 1, op == 0 ? n : m,
               by, a, lda, x, 1, kept, y, 1);
  });
  return 0;
}

}  // namespace

void* cublas_function(const char* name) {
  static const Named table[] = {
      {"cublasCreate_v2", address(create<Handle>)},
      {"cublasDestroy_v2", address(destroy<Handle>)},
      {"cublasSetStream_v2", address(set_stream)},
      {"cublasSetWorkspace_v2", address(set_workspace)},
      {"cublasSetMathMode", address(set_math)},
      {"cublasGetStatusString", address(status_text)},
      {"cublasSgemm_v2_64", address(gemm<float>)},
      {"cublasDgemm_v2_64", address(gemm<double>)},
      {"cublasSgemmStridedBatched_64", address(gemm_batch<float>)},
      {"cublasDgemmStridedBatched_64", address(gemm_batch<double>)},
      {"cublasSgemv_v2_64", address(gemv<float>)},
      {"cublasDgemv_v2_64", address(gemv<double>)},
  };
  return find(table, name);
}

}  // namespace saddlescape::cuda::hosted
