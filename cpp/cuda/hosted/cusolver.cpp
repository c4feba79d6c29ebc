// cuSOLVER's functions as the seam calls them, column-major, on core/blas and ldlt.hpp.
#include <cstdint>
#include <stdexcept>

#include "core/blas.hpp"
#include "cuda/hosted/ldlt.hpp"
#include "cuda/hosted/libraries.hpp"

namespace saddlescape::cuda::hosted {

CusolverFault& cusolver_fault() {
  static CusolverFault fault;
  return fault;
}

namespace {

constexpr int invalid_value = 3;
// What is asked for and not looked at here: that it is handed on is.
constexpr std::size_t bytes_on_device = 64, bytes_on_host = 32;

struct Handle {
  void* stream = nullptr;
};

int set_stream(void* handle, void* stream) {
  static_cast<Handle*>(handle)->stream = stream;
  return 0;
}

int syevd_size(void*, void*, int, int, std::int64_t, int, const void*, std::int64_t, int,
               const void*, int, std::size_t* on_device, std::size_t* on_host) {
  *on_device = bytes_on_device;
  *on_host = bytes_on_host;
  return 0;
}

int syevd(void*, void*, int vectors, int, std::int64_t n, int type_a, void* a, std::int64_t lda,
          int type_w, void* w, int type, void* work, std::size_t on_device, void* host_work,
          std::size_t on_host, int* info) {
  if (const int status = cusolver_fault().status) return status;
  const bool real_64 = type_a == 1 && type_w == 1 && type == 1;
  if (!real_64 || lda != n || !work || !host_work || on_device != bytes_on_device ||
      on_host != bytes_on_host)
    return invalid_value;
  *info = cusolver_fault().info;
  if (*info == 0) blas::eigh(n, static_cast<double*>(a), static_cast<double*>(w), vectors == 1);
  return 0;
}

int sytrf_size(void*, int n, double*, int, int* count) {
  *count = n;
  return 0;
}

int sytrf(void*, int triangle, int n, double* a, int lda, int* pivots, double* work, int count,
          int* info) {
  if (const int status = cusolver_fault().status) return status;
  if (triangle != 0 || lda != n || count != n || !work) return invalid_value;
  *info = cusolver_fault().info;
  if (*info == 0) ldlt(n, a, pivots);
  return 0;
}

const Named table[] = {
    {"cusolverDnCreate", address(create<Handle>)},
    {"cusolverDnDestroy", address(destroy<Handle>)},
    {"cusolverDnSetStream", address(set_stream)},
    {"cusolverDnXsyevd_bufferSize", address(syevd_size)},
    {"cusolverDnXsyevd", address(syevd)},
    {"cusolverDnDsytrf_bufferSize", address(sytrf_size)},
    {"cusolverDnDsytrf", address(sytrf)},
};

}  // namespace

void* cusolver_function(const char* name) { return find(table, name); }

}  // namespace saddlescape::cuda::hosted
