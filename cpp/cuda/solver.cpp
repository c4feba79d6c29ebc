#include "cuda/solver.hpp"

#include <stdexcept>
#include <string>
#include <vector>

#include "cuda/library.hpp"

namespace saddlescape::cuda::solver {
namespace {

// cusolver_common.h's and library_types.h's numbers.
using Status = int;
constexpr Status success = 0, allocation_failed = 2;
constexpr int values_only = 0, with_vectors = 1, lower = 0, real_64 = 1;

const char* text_of(Status status) {
  switch (status) {
    case 1:
      return "not initialized";
    case allocation_failed:
      return "allocation failed";
    case 3:
      return "invalid value";
    case 4:
      return "architecture mismatch";
    case 6:
      return "execution failed";
    case 7:
      return "internal error";
    case 9:
      return "not supported";
    default:
      return "see cusolverStatus_t";
  }
}

void check(Status status, const char* call) {
  if (status == success) return;
  const std::string said =
      std::string(call) + ": status " + std::to_string(status) + " (" + text_of(status) + ")";
  if (status == allocation_failed)
    throw OutOfMemory(said + ": out of memory in cuSOLVER; " + std::to_string(device().free) +
                      " bytes are free");
  throw Error(said);
}

// Calls a function of cuSOLVER by its name and looks at its status.
template <class... Parameters, class... Arguments>
void call(Status (*)(Parameters...), const char* name, Arguments... arguments) {
  check(Library::cusolver().function<Status(Parameters...)>(name)(arguments...), name);
}

using Create = Status (*)(void** handle);
using Destroy = Status (*)(void* handle);
using SetStream = Status (*)(void* handle, void* stream);
using SyevdSize = Status (*)(void* handle, void* params, int vectors, int triangle, std::int64_t n,
                             int type_a, const void* a, std::int64_t lda, int type_w, const void* w,
                             int type, std::size_t* on_device, std::size_t* on_host);
using Syevd = Status (*)(void* handle, void* params, int vectors, int triangle, std::int64_t n,
                         int type_a, void* a, std::int64_t lda, int type_w, void* w, int type,
                         void* work, std::size_t on_device, void* host_work, std::size_t on_host,
                         int* info);
using SytrfSize = Status (*)(void* handle, int n, double* a, int lda, int* count);
using Sytrf = Status (*)(void* handle, int triangle, int n, double* a, int lda, int* pivots,
                         double* work, int count, int* info);

// What a function of cuSOLVER makes and another one takes away.
class Object {
 public:
  Object(const char* create, const char* destroy) : destroy_(destroy) {
    call(Create{}, create, &made_);
  }
  // A failure has no one to go to.
  ~Object() { Library::cusolver().function<Status(void*)>(destroy_)(made_); }
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  void* get() const { return made_; }

 private:
  const char* destroy_;
  void* made_ = nullptr;
};

class Handle {
 public:
  explicit Handle(const Stream& stream) : handle_("cusolverDnCreate", "cusolverDnDestroy") {
    call(SetStream{}, "cusolverDnSetStream", handle_.get(), stream.handle());
  }
  void* get() const { return handle_.get(); }

 private:
  Object handle_;
};

// What a call found out, once it is done.
class Info {
 public:
  Info() {
    device_.grow(sizeof(int));
    host_.grow(sizeof(int));
  }
  int* data() const { return device_.as<int>(); }
  int read(const Stream& stream) const {
    download(stream, host_.data(), device_.data(), sizeof(int));
    stream.wait();
    return *host_.as<int>();
  }

 private:
  Memory device_{Memory::Where::device, "cuSOLVER's info"};
  Memory host_{Memory::Where::host, "cuSOLVER's info"};
};

[[noreturn]] void wrong_argument(const char* name, int info) {
  throw Error(std::string(name) + ": info " + std::to_string(info) + ", its argument " +
              std::to_string(-info) + " is wrong");
}

}  // namespace

void eigh(const Stream& stream, std::int64_t n, double* a, double* w, bool vectors) {
  if (n == 0) return;
  const char* const name = "cusolverDnXsyevd";
  const Handle handle(stream);
  const Object params("cusolverDnCreateParams", "cusolverDnDestroyParams");  // what is usual
  const Info info;
  const int mode = vectors ? with_vectors : values_only;
  std::size_t on_device = 0, on_host = 0;
  call(SyevdSize{}, "cusolverDnXsyevd_bufferSize", handle.get(), params.get(), mode, lower, n,
       real_64, a, n, real_64, w, real_64, &on_device, &on_host);
  Memory work(Memory::Where::device, "cuSOLVER's eigenvalues");
  work.grow(static_cast<std::int64_t>(on_device));
  std::vector<unsigned char> host_work(on_host);
  call(Syevd{}, name, handle.get(), params.get(), mode, lower, n, real_64, a, n, real_64, w,
       real_64, work.data(), on_device, host_work.data(), on_host, info.data());
  const int found = info.read(stream);
  if (found < 0) wrong_argument(name, found);
  if (found > 0)
    throw Error(std::string(name) + ": did not converge, info " + std::to_string(found));
}

void ldlt(const Stream& stream, std::int64_t n, double* a, std::int32_t* pivots) {
  static_assert(sizeof(int) == sizeof(std::int32_t));
  if (n == 0) return;
  if (n > most_ldlt)
    throw std::length_error("cusolverDnDsytrf: n " + std::to_string(n) + ", expected at most " +
                            std::to_string(most_ldlt));
  const Handle handle(stream);
  const Info info;
  const int size = static_cast<int>(n);
  int count = 0;
  call(SytrfSize{}, "cusolverDnDsytrf_bufferSize", handle.get(), size, a, size, &count);
  Memory work(Memory::Where::device, "cuSOLVER's factorization");
  work.grow(std::int64_t{count} * static_cast<std::int64_t>(sizeof(double)));
  call(Sytrf{}, "cusolverDnDsytrf", handle.get(), lower, size, a, size, pivots, work.as<double>(),
       count, info.data());
  // Above zero it is the place of a pivot that is zero.
  if (const int found = info.read(stream); found < 0) wrong_argument("cusolverDnDsytrf", found);
}

}  // namespace saddlescape::cuda::solver
