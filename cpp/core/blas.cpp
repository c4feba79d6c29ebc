#include "core/blas.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <vector>

#include "core/parallel.hpp"

// LP64: the library's integers are 32-bit.
using blas_int = std::int32_t;

namespace {
enum CblasOrder { CblasRowMajor = 101 };
enum CblasTranspose { CblasNoTrans = 111, CblasTrans = 112 };

template <class T>
using Gemm = void(CblasOrder, CblasTranspose, CblasTranspose, blas_int m, blas_int n, blas_int k,
                  T alpha, const T* a, blas_int lda, const T* b, blas_int ldb, T beta, T* c,
                  blas_int ldc);
using Gemv = void(CblasOrder, CblasTranspose, blas_int m, blas_int n, double alpha, const double* a,
                  blas_int lda, const double* x, blas_int incx, double beta, double* y,
                  blas_int incy);
// The last two are the hidden lengths of Fortran's character arguments.
using Syevd = void(const char* jobz, const char* uplo, const blas_int* n, double* a,
                   const blas_int* lda, double* w, double* work, const blas_int* lwork,
                   blas_int* iwork, const blas_int* liwork, blas_int* info, std::size_t,
                   std::size_t);
}  // namespace

#ifdef SADDLESCAPE_BLAS_SYSTEM
extern "C" {
Gemm<float> cblas_sgemm;
Gemm<double> cblas_dgemm;
Gemv cblas_dgemv;
Syevd dsyevd_;
}
#endif

namespace saddlescape::blas {
namespace {

struct Library {
  Gemm<float>* sgemm = nullptr;
  Gemm<double>* dgemm = nullptr;
  Gemv* dgemv = nullptr;
  Syevd* dsyevd = nullptr;
  void (*set_num_threads)(int) = nullptr;
  char* (*get_config)() = nullptr;
  char* (*get_corename)() = nullptr;
};

Library library;
bool loaded = false;

const Library& lib() {
  if (!loaded) throw std::runtime_error("BLAS was used before blas::load");
  return library;
}

// Lets the library use all our threads while it lives, if the work is worth it.
class Threads {
 public:
  explicit Threads(double flops)
      : raised_(library.set_num_threads && flops > 5e7 && !in_parallel()) {
    if (raised_) library.set_num_threads(saddlescape::threads());
  }
  ~Threads() {
    if (raised_) library.set_num_threads(1);
  }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  bool raised_;
};

blas_int checked(std::int64_t size) {
  if (size > std::numeric_limits<blas_int>::max())
    throw std::length_error("a matrix dimension of " + std::to_string(size) +
                            " is beyond the 32-bit integers of this BLAS (2^31 - 1)");
  return static_cast<blas_int>(size);
}

CblasTranspose trans(Op op) { return op == Op::none ? CblasNoTrans : CblasTrans; }

#ifndef SADDLESCAPE_BLAS_SYSTEM

// OpenBLAS takes its AVX2 kernels on CPUs whose model number it does not know, AVX-512 or not:
// 239 Gflop/s against 441 on a Zen 5 (sgemm, n = 2048, two cores). So choose by flags.
const char* best_kernel() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return "SkylakeX";
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "Haswell";
#endif
  return nullptr;  // let the library detect
}

// Sets an environment variable for the time that a library is loaded, unless the user set it.
class ScopedVariable {
 public:
  ScopedVariable(const char* variable, const char* value)
      : variable_(variable), ours_(value && !std::getenv(variable)) {
    if (ours_) setenv(variable, value, 0);
  }
  ~ScopedVariable() {
    if (ours_) unsetenv(variable_);
  }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  const char* variable_;
  bool ours_;
};

template <class Function>
void find(void* handle, const char* symbol, Function*& function) {
  function = reinterpret_cast<Function*>(dlsym(handle, symbol));
  if (!function) throw std::runtime_error(std::string("BLAS library lacks ") + symbol);
}

void load_bundled(const std::string& path) {
  void* handle;
  {
    const ScopedVariable kernel("OPENBLAS_CORETYPE", best_kernel());
    handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  }
  if (!handle) throw std::runtime_error(std::string("BLAS library: ") + dlerror());
  find(handle, "scipy_cblas_sgemm", library.sgemm);
  find(handle, "scipy_cblas_dgemm", library.dgemm);
  find(handle, "scipy_cblas_dgemv", library.dgemv);
  find(handle, "scipy_dsyevd_", library.dsyevd);
  find(handle, "scipy_openblas_set_num_threads", library.set_num_threads);
  find(handle, "scipy_openblas_get_config", library.get_config);
  find(handle, "scipy_openblas_get_corename", library.get_corename);
}

#else

void load_system() {
  library.sgemm = cblas_sgemm;
  library.dgemm = cblas_dgemm;
  library.dgemv = cblas_dgemv;
  library.dsyevd = dsyevd_;
  // Whatever the system has: these exist if it is OpenBLAS.
  library.set_num_threads =
      reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"));
  library.get_config = reinterpret_cast<char* (*)()>(dlsym(RTLD_DEFAULT, "openblas_get_config"));
  library.get_corename =
      reinterpret_cast<char* (*)()>(dlsym(RTLD_DEFAULT, "openblas_get_corename"));
}

#endif

// A product that is worth more than one thread is cut into panels along the longer side of C, the
// same ones for any number of threads. OpenBLAS's own threads cut by how many they are, and other
// edges round otherwise: the bits of a 300 x 301 layer changed with the number of threads.
constexpr double thread_flops = 2.5e7;
constexpr std::int64_t most_panels = 64;
constexpr std::int64_t least_width = 64;

std::int64_t panel_width(std::int64_t m, std::int64_t n, std::int64_t k) {
  const std::int64_t length = std::max(m, n);
  const double flops =
      2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  if (flops < 2 * thread_flops) return length;
  return std::max(least_width, (length + most_panels - 1) / most_panels);
}

template <class T>
void gemm_through(Gemm<T>* function, Op a_op, Op b_op, std::int64_t m, std::int64_t n,
                  std::int64_t k, T alpha, const T* a, std::int64_t lda, const T* b,
                  std::int64_t ldb, T beta, T* c, std::int64_t ldc) {
  if (m == 0 || n == 0) return;
  // CBLAS wants leading dimensions of at least 1 even where a side is empty.
  const blas_int a_row = checked(std::max<std::int64_t>(1, lda));
  const blas_int b_row = checked(std::max<std::int64_t>(1, ldb)), c_row = checked(ldc);
  checked(m), checked(n), checked(k);
  const bool rows = m > n;  // of C are what is shared out
  const std::int64_t width = panel_width(m, n, k), length = std::max(m, n);
  const std::int64_t a_step = a_op == Op::none ? lda : 1, b_step = b_op == Op::none ? 1 : ldb;
  const double flops = 2.0 * static_cast<double>(std::min(m, n)) * static_cast<double>(width) *
                       static_cast<double>(k);
  const std::int64_t grain = 1 + static_cast<std::int64_t>(thread_flops / std::max(1.0, flops));
  parallel_for((length + width - 1) / width, grain, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t start = first * width; start < std::min(length, last * width);
         start += width) {
      const blas_int size = static_cast<blas_int>(std::min(width, length - start));
      const blas_int height = rows ? size : static_cast<blas_int>(m);
      function(CblasRowMajor, trans(a_op), trans(b_op), height,
               rows ? static_cast<blas_int>(n) : size, static_cast<blas_int>(k), alpha,
               rows ? a + start * a_step : a, a_row, rows ? b : b + start * b_step, b_row, beta,
               rows ? c + start * ldc : c + start, c_row);
    }
  });
}

}  // namespace

void load([[maybe_unused]] const std::string& path) {
  if (loaded) return;
#ifdef SADDLESCAPE_BLAS_SYSTEM
  load_system();
#else
  load_bundled(path);
#endif
  loaded = true;
  if (library.set_num_threads) library.set_num_threads(1);
}

Info info() {
  const Library& l = lib();
  return {l.get_config ? l.get_config() : "system", l.get_corename ? l.get_corename() : ""};
}

void gemm(Op a_op, Op b_op, std::int64_t m, std::int64_t n, std::int64_t k, float alpha,
          const float* a, std::int64_t lda, const float* b, std::int64_t ldb, float beta, float* c,
          std::int64_t ldc) {
  gemm_through(lib().sgemm, a_op, b_op, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

void gemm(Op a_op, Op b_op, std::int64_t m, std::int64_t n, std::int64_t k, double alpha,
          const double* a, std::int64_t lda, const double* b, std::int64_t ldb, double beta,
          double* c, std::int64_t ldc) {
  gemm_through(lib().dgemm, a_op, b_op, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

void gemm_tile(Op a_op, Op b_op, std::int64_t m, std::int64_t n, std::int64_t k, double alpha,
               const double* a, std::int64_t lda, const double* b, std::int64_t ldb, double beta,
               double* c, std::int64_t ldc) {
  if (m == 0 || n == 0) return;
  lib().dgemm(CblasRowMajor, trans(a_op), trans(b_op), checked(m), checked(n), checked(k), alpha, a,
              checked(std::max<std::int64_t>(1, lda)), b, checked(std::max<std::int64_t>(1, ldb)),
              beta, c, checked(ldc));
}

void gemv(Op op, std::int64_t m, std::int64_t n, double alpha, const double* a, std::int64_t lda,
          const double* x, double beta, double* y) {
  if (m == 0 || n == 0) return;
  lib().dgemv(CblasRowMajor, trans(op), checked(m), checked(n), alpha, a, checked(lda), x, 1, beta,
              y, 1);
}

void gemm(Op a_op, Op b_op, std::int64_t m, std::int64_t n, std::int64_t k, long double alpha,
          const long double* a, std::int64_t lda, const long double* b, std::int64_t ldb,
          long double beta, long double* c, std::int64_t ldc) {
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t j = 0; j < n; ++j) {
      long double sum = 0;
      for (std::int64_t l = 0; l < k; ++l)
        sum += (a_op == Op::none ? a[i * lda + l] : a[l * lda + i]) *
               (b_op == Op::none ? b[l * ldb + j] : b[j * ldb + l]);
      c[i * ldc + j] = alpha * sum + (beta == 0 ? 0 : beta * c[i * ldc + j]);
    }
}

void eigh(std::int64_t n, double* a, double* w, bool vectors) {
  if (n == 0) return;
  // For values alone 2 n + 1 would be allowed, but leaves the reduction no room for its blocks: 1.7
  // times as slow at n = 1,500.
  const std::int64_t lwork = vectors ? 1 + 6 * n + 2 * n * n : 2 * n + 64 * n + 1;
  const std::int64_t liwork = vectors ? 3 + 5 * n : 1;
  if (lwork > std::numeric_limits<blas_int>::max())
    throw std::length_error("eigenvectors of a matrix of order " + std::to_string(n) +
                            ": LAPACK's 32-bit workspace ends at 32,766; ask for eigenvalues only, "
                            "or for a few pairs with eig.lanczos");
  std::vector<double> work(static_cast<std::size_t>(lwork));
  std::vector<blas_int> iwork(static_cast<std::size_t>(liwork));
  const blas_int order = checked(n), lwork32 = checked(lwork), liwork32 = checked(liwork);
  blas_int status = 0;
  const Threads threads(static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n));
  // The columns that come back are our rows. Both triangles are there; OpenBLAS is a little faster
  // on the lower one.
  lib().dsyevd(vectors ? "V" : "N", "L", &order, a, &order, w, work.data(), &lwork32, iwork.data(),
               &liwork32, &status, 1, 1);
  if (status != 0)
    throw std::runtime_error("LAPACK dsyevd: info = " + std::to_string(status) +
                             (status > 0 ? ", it did not converge" : ", an argument is wrong"));
}

}  // namespace saddlescape::blas
