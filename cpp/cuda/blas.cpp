#include "cuda/blas.hpp"

#include <algorithm>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "cuda/library.hpp"

namespace saddlescape::cuda {
namespace {

// cublas_api.h's types and numbers.
using Status = int;
constexpr Status success = 0, allocation_failed = 3;
constexpr int default_math = 0, tf32_math = 3;

int native(Op op) { return op == Op::none ? 0 : 1; }

template <class T>
using Gemm = Status(void* handle, int a_op, int b_op, std::int64_t m, std::int64_t n,
                    std::int64_t k, const T* alpha, const T* a, std::int64_t lda, const T* b,
                    std::int64_t ldb, const T* beta, T* c, std::int64_t ldc);
template <class T>
using GemmBatch = Status(void* handle, int a_op, int b_op, std::int64_t m, std::int64_t n,
                         std::int64_t k, const T* alpha, const T* a, std::int64_t lda,
                         long long a_step, const T* b, std::int64_t ldb, long long b_step,
                         const T* beta, T* c, std::int64_t ldc, long long c_step,
                         std::int64_t count);
template <class T>
using Gemv = Status(void* handle, int op, std::int64_t m, std::int64_t n, const T* alpha,
                    const T* a, std::int64_t lda, const T* x, std::int64_t incx, const T* beta,
                    T* y, std::int64_t incy);

// A function with its name, which its errors begin with.
template <class Type>
struct Function {
  const char* name;
  Type* call;

  explicit Function(const char* of)
      : name(of), call(Library::cublas().template function<Type>(of)) {}

  template <class... Arguments>
  void operator()(Arguments... arguments) const {
    check(call(arguments...), name);
  }

 private:
  static void check(Status status, const char* name) {
    if (status == success) return;
    auto* const text = Library::cublas().function<const char*(Status)>("cublasGetStatusString");
    const std::string said =
        std::string(name) + ": " + text(status) + " (" + std::to_string(status) + ")";
    if (status == allocation_failed) throw OutOfMemory(said + ": out of memory in cuBLAS");
    throw Error(said);
  }
};

template <class T>
struct Products {
  Function<Gemm<T>> gemm;
  Function<GemmBatch<T>> gemm_batch;
  Function<Gemv<T>> gemv;
};

// Loaded by the first who needs them.
struct Functions {
  Function<Status(void**)> create{"cublasCreate_v2"};
  Function<Status(void*)> destroy{"cublasDestroy_v2"};
  Function<Status(void*, void*)> set_stream{"cublasSetStream_v2"};
  Function<Status(void*, void*, std::size_t)> set_workspace{"cublasSetWorkspace_v2"};
  Function<Status(void*, int)> set_math{"cublasSetMathMode"};
  // The entry points whose integers are 64-bit, of cuBLAS 12 and later.
  Products<float> float32{Function<Gemm<float>>("cublasSgemm_v2_64"),
                          Function<GemmBatch<float>>("cublasSgemmStridedBatched_64"),
                          Function<Gemv<float>>("cublasSgemv_v2_64")};
  Products<double> float64{Function<Gemm<double>>("cublasDgemm_v2_64"),
                           Function<GemmBatch<double>>("cublasDgemmStridedBatched_64"),
                           Function<Gemv<double>>("cublasDgemv_v2_64")};

  const Products<float>& of(float) const { return float32; }
  const Products<double>& of(double) const { return float64; }
};

const Functions& functions() {
  static const Functions loaded;
  return loaded;
}

// What NVIDIA advises from Hopper on, and more than it does before.
constexpr std::int64_t workspace_of(int major) {
  return major >= 9 ? std::int64_t{32} << 20 : std::int64_t{8} << 20;
}

// A leading dimension must be at least 1 even where a side is empty.
std::int64_t leading(std::int64_t ld) { return std::max<std::int64_t>(1, ld); }

}  // namespace

struct Blas::Handle {
  int device;
  void* stream;
  void* cublas = nullptr;
  Memory workspace{Memory::Where::device, "cuBLAS's workspace"};

  Handle(int number, void* on) : device(number), stream(on) {
    workspace.grow(workspace_of(cuda::device().major));
    functions().create(&cublas);
    try {
      // In this order: a new stream would take the workspace away.
      functions().set_stream(cublas, stream);
      functions().set_workspace(cublas, workspace.data(),
                                static_cast<std::size_t>(workspace.bytes()));
    } catch (...) {
      functions().destroy.call(cublas);
      throw;
    }
  }
  // A failure has no one to go to: the handle's owner is on its way out. It is one of its device,
  // and another may be the current one where the oldest is let go.
  ~Handle() {
    try {
      const OnDevice there(device);
      if (cublas) functions().destroy.call(cublas);
    } catch (const Error&) {  // NOLINT(bugprone-empty-catch)
    }
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
};

// Handles that nobody uses now: making one takes longer than most products.
struct Blas::Pool {
  static constexpr std::size_t most = 8;

  std::mutex mutex;
  std::vector<std::unique_ptr<Handle>> idle;

  std::unique_ptr<Handle> take(int device, void* stream) {
    const std::lock_guard<std::mutex> lock(mutex);
    const auto found = std::find_if(idle.begin(), idle.end(), [&](const auto& each) {
      return each->device == device && each->stream == stream;
    });
    if (found == idle.end()) return nullptr;
    std::unique_ptr<Handle> handle = std::move(*found);
    idle.erase(found);
    return handle;
  }

  void give(std::unique_ptr<Handle> handle) {
    std::unique_ptr<Handle> oldest;  // destroyed after the lock is gone: that waits for the device
    const std::lock_guard<std::mutex> lock(mutex);
    idle.push_back(std::move(handle));
    if (idle.size() <= most) return;
    oldest = std::move(idle.front());
    idle.erase(idle.begin());
  }
};

// Never destroyed: at the end of the process the driver may be gone before it.
Blas::Pool& Blas::pool() {
  static Pool& pool = *new Pool;
  return pool;
}

void Blas::load() { functions(); }

Blas::Blas(const Stream& stream, Precision precision) {
  const int number = current_device();
  handle_ = pool().take(number, stream.handle());
  if (!handle_) handle_ = std::make_unique<Handle>(number, stream.handle());
  functions().set_math(handle_->cublas, precision == Precision::tf32 ? tf32_math : default_math);
}

Blas::~Blas() {
  if (handle_) pool().give(std::move(handle_));
}

// cuBLAS is column-major: it sees each of our matrices turned, so it is asked for C^T = op(B)^T
// op(A)^T.
template <class T>
void Blas::gemm(Op a_op, Op b_op, std::int64_t m, std::int64_t n, std::int64_t k, T alpha,
                const T* a, std::int64_t lda, const T* b, std::int64_t ldb, T beta, T* c,
                std::int64_t ldc) const {
  if (m == 0 || n == 0) return;
  functions().of(T()).gemm(handle_->cublas, native(b_op), native(a_op), n, m, k, &alpha, b,
                           leading(ldb), a, leading(lda), &beta, c, ldc);
}

template <class T>
void Blas::gemm_batch(std::int64_t count, Op a_op, Op b_op, std::int64_t m, std::int64_t n,
                      std::int64_t k, T alpha, const T* a, std::int64_t lda, std::int64_t a_step,
                      const T* b, std::int64_t ldb, std::int64_t b_step, T beta, T* c,
                      std::int64_t ldc, std::int64_t c_step) const {
  if (m == 0 || n == 0 || count == 0) return;
  functions().of(T()).gemm_batch(handle_->cublas, native(b_op), native(a_op), n, m, k, &alpha, b,
                                 leading(ldb), b_step, a, leading(lda), a_step, &beta, c, ldc,
                                 c_step, count);
}

template <class T>
void Blas::gemv(Op op, std::int64_t m, std::int64_t n, T alpha, const T* a, std::int64_t lda,
                const T* x, T beta, T* y) const {
  if ((op == Op::none ? m : n) == 0) return;
  functions().of(T()).gemv(handle_->cublas, native(op == Op::none ? Op::transpose : Op::none), n, m,
                           &alpha, a, leading(lda), x, std::int64_t{1}, &beta, y, std::int64_t{1});
}

#define SADDLESCAPE_INSTANTIATE(T)                                                                 \
  template void Blas::gemm(Op, Op, std::int64_t, std::int64_t, std::int64_t, T, const T*,          \
                           std::int64_t, const T*, std::int64_t, T, T*, std::int64_t) const;       \
  template void Blas::gemm_batch(std::int64_t, Op, Op, std::int64_t, std::int64_t, std::int64_t,   \
                                 T, const T*, std::int64_t, std::int64_t, const T*, std::int64_t,  \
                                 std::int64_t, T, T*, std::int64_t, std::int64_t) const;           \
  template void Blas::gemv(Op, std::int64_t, std::int64_t, T, const T*, std::int64_t, const T*, T, \
                           T*) const;
SADDLESCAPE_INSTANTIATE(float)
SADDLESCAPE_INSTANTIATE(double)
#undef SADDLESCAPE_INSTANTIATE

}  // namespace saddlescape::cuda
