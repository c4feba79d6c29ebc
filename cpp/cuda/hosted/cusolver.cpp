// cuSOLVER's functions as the seam calls them, column-major, on core/blas and ldlt.hpp.
#include <cstdint>
#include <stdexcept>

#include "core/blas.hpp"
#include "cuda/hosted/ldlt.hpp"
#include "cuda/hosted/libraries.hpp"
#include "cuda/hosted/order.hpp"

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

void* stream_of(const void* handle) { return static_cast<const Handle*>(handle)->stream; }

int set_stream(void* handle, void* stream) {
  static_cast<Handle*>(handle)->stream = stream;
  return 0;
}

int create_params(void** params) {
  *params = new int(0);
  return 0;
}
int destroy_params(void* params) {
  delete static_cast<int*>(params);
  return 0;
}

int syevd_size(void*, void* params, int, int, std::int64_t, int, const void*, std::int64_t, int,
               const void*, int, std::size_t* on_device, std::size_t* on_host) {
  *on_device = bytes_on_device;
  *on_host = bytes_on_host;
  return params ? 0 : invalid_value;
}

int syevd(void* handle, void* params, int vectors, int, std::int64_t n, int type_a, void* a,
          std::int64_t lda, int type_w, void* w, int type, void* work, std::size_t on_device,
          void* host_work, std::size_t on_host, int* info) {
  if (const int status = cusolver_fault().status) return status;
  const bool real_64 = type_a == 1 && type_w == 1 && type == 1;
  if (!params || !real_64 || lda != n || !work || !host_work || on_device != bytes_on_device ||
      on_host != bytes_on_host)
    return invalid_value;
  const int fault = cusolver_fault().info;
  ask(stream_of(handle), [=] {
    std::memset(work, 0, on_device);
    std::memset(host_work, 0, on_host);
    *info = fault;
    if (fault == 0) blas::eigh(n, static_cast<double*>(a), static_cast<double*>(w), vectors == 1);
  });
  return 0;
}

int sytrf_size(void*, int n, double*, int, int* count) {
  *count = n;
  return 0;
}

int sytrf(void* handle, int triangle, int n, double* a, int lda, int* pivots, double* work,
          int count, int* info) {
  if (const int status = cusolver_fault().status) return status;
  if (triangle != 0 || lda != n || count != n || !work) return invalid_value;
  const int fault = cusolver_fault().info;
  ask(stream_of(handle), [=] {
    std::memset(work, 0, static_cast<std::size_t>(count) * sizeof *work);
    *info = fault;
    if (fault == 0) ldlt(n, a, pivots);
  });
  return 0;
}

const Named table[] = {
    {"cusolverDnCreate", address(create<Handle>)},
    {"cusolverDnDestroy", address(destroy<Handle>)},
    {"cusolverDnSetStream", address(set_stream)},
    {"cusolverDnCreateParams", address(create_params)},
    {"cusolverDnDestroyParams", address(destroy_params)},
    {"cusolverDnXsyevd_bufferSize", address(syevd_size)},
    {"cusolverDnXsyevd", address(syevd)},
    {"cusolverDnDsytrf_bufferSize", address(sytrf_size)},
    {"cusolverDnDsytrf", address(sytrf)},
};

}  // namespace

void* cusolver_function(const char* name) { return find(table, name); }

}  // namespace saddlescape::cuda::hosted
