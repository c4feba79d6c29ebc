// The device, through the CUDA runtime.
#include <cuda_runtime.h>

#include <cstdio>

#include "cuda/device.hpp"

namespace saddlescape::cuda {
namespace {

std::string gib(std::int64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g GiB", static_cast<double>(bytes) / 0x1p30);
  return text;
}

std::string text_of(cudaError_t status) {
  return std::string(cudaGetErrorString(status)) + " (" + cudaGetErrorName(status) + ", " +
         std::to_string(static_cast<int>(status)) + ")";
}

void check(cudaError_t status, const char* call) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // else the next call reports it again
  throw Error(std::string(call) + ": " + text_of(status));
}

// Where there is nobody to tell: else the next launch would report it as its own.
void forget(cudaError_t status) {
  if (status != cudaSuccess) cudaGetLastError();
}

// While it lives, calls of this thread don't break off a graph that somebody is capturing: when
// memory is freed is up to who lets go of it last, which may be a garbage collector.
class BesideCapture {
 public:
  BesideCapture() { exchange(); }
  ~BesideCapture() { exchange(); }
  BesideCapture(const BesideCapture&) = delete;
  BesideCapture& operator=(const BesideCapture&) = delete;

 private:
  void exchange() { forget(cudaThreadExchangeStreamCaptureMode(&mode_)); }

  cudaStreamCaptureMode mode_ = cudaStreamCaptureModeRelaxed;
};

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

// Empty where there is a device and a driver for it.
std::string why_not() {
  int driver = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) {
    cudaGetLastError();
    return "no NVIDIA driver is installed on this machine";
  }
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess) {
    cudaGetLastError();
    return text_of(status) + "; the driver supports CUDA " + version_text(driver);
  }
  return count == 0 ? "the driver sees no NVIDIA device" : "";
}

[[noreturn]] void refuse_memory(const char* call, std::int64_t bytes, const char* what,
                                bool on_device) {
  std::size_t free = 0, total = 0;
  const bool known = on_device && cudaMemGetInfo(&free, &total) == cudaSuccess;
  cudaGetLastError();
  throw OutOfMemory(std::string(call) + ": out of memory: " + gib(bytes) + " wanted for " + what +
                    (known ? ", " + gib(static_cast<std::int64_t>(free)) + " of " +
                                 gib(static_cast<std::int64_t>(total)) + " are free on the device"
                           : ""));
}

cudaStream_t native(const Stream& stream) { return static_cast<cudaStream_t>(stream.handle()); }

}  // namespace

Device device() {
  Device found;
  found.why = why_not();
  if (!found.why.empty()) return found;
  const int number = current_device();
  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, number), "cudaGetDeviceProperties");
  found.name = properties.name;
  found.major = properties.major;
  found.minor = properties.minor;
  found.memory = static_cast<std::int64_t>(properties.totalGlobalMem);
  std::size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  found.free = static_cast<std::int64_t>(free);
  if (found.major < 8)
    found.why = "the device has compute capability " + std::to_string(found.major) + "." +
                std::to_string(found.minor) + ", expected 8.0 or later";
  return found;
}

std::string built_with() {
  return "nvcc " + std::to_string(__CUDACC_VER_MAJOR__) + "." +
         std::to_string(__CUDACC_VER_MINOR__) + "." + std::to_string(__CUDACC_VER_BUILD__) +
         ", CUDA runtime " + version_text(CUDART_VERSION);
}

int toolkit_major() { return CUDART_VERSION / 1000; }

void need_device(const std::string& what) {
  const std::string why = device().why;
  if (!why.empty()) throw Error(what + ": needs a CUDA device: " + why);
}

int current_device() {
  int number = 0;
  check(cudaGetDevice(&number), "cudaGetDevice");
  return number;
}

int device_of(const void* data) {
  cudaPointerAttributes attributes;
  check(cudaPointerGetAttributes(&attributes, data), "cudaPointerGetAttributes");
  const bool there =
      attributes.type == cudaMemoryTypeDevice || attributes.type == cudaMemoryTypeManaged;
  return there ? attributes.device : -1;
}

// What stays the current one is not set again: that alone would make a context on it.
OnDevice::OnDevice(int number) : before_(current_device()), changed_(number != before_) {
  if (changed_) check(cudaSetDevice(number), "cudaSetDevice");
}

// It was the current one: there is nobody to tell of a failure, and the next call meets it too.
OnDevice::~OnDevice() {
  if (changed_) forget(cudaSetDevice(before_));
}

void Stream::follow(const Stream& other) const {
  if (handle_ == other.handle_) return;
  Event there;
  there.record(other);
  check(cudaStreamWaitEvent(native(*this), static_cast<cudaEvent_t>(there.handle_), 0),
        "cudaStreamWaitEvent");
}

void Stream::wait() const { check(cudaStreamSynchronize(native(*this)), "cudaStreamSynchronize"); }

// A failure to free has no one to go to: the memory's owner is on its way out.
Memory::~Memory() {
  if (!data_) return;
  const BesideCapture beside;
  forget(where_ == Where::device ? cudaFree(data_) : cudaFreeHost(data_));
}

void Memory::grow(std::int64_t bytes) {
  if (bytes <= bytes_) return;
  const bool on_device = where_ == Where::device;
  const char* const call = on_device ? "cudaMalloc" : "cudaMallocHost";
  const auto size = static_cast<std::size_t>(bytes);
  void* data = nullptr;
  const cudaError_t status = on_device ? cudaMalloc(&data, size) : cudaMallocHost(&data, size);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    refuse_memory(call, bytes, what_, on_device);
  }
  check(status, call);
  void* const old = data_;
  data_ = data;
  bytes_ = bytes;
  if (old)
    check(on_device ? cudaFree(old) : cudaFreeHost(old), on_device ? "cudaFree" : "cudaFreeHost");
}

Event::~Event() {
  if (handle_) forget(cudaEventDestroy(static_cast<cudaEvent_t>(handle_)));
}

void Event::record(const Stream& stream) {
  if (!handle_) {
    cudaEvent_t made = nullptr;
    check(cudaEventCreateWithFlags(&made, cudaEventDisableTiming), "cudaEventCreateWithFlags");
    handle_ = made;
  }
  check(cudaEventRecord(static_cast<cudaEvent_t>(handle_), native(stream)), "cudaEventRecord");
}

void Event::wait() const {
  if (handle_)
    check(cudaEventSynchronize(static_cast<cudaEvent_t>(handle_)), "cudaEventSynchronize");
}

// Of no bytes either side may be null, which no call has to take.
void upload(const Stream& stream, void* to, const void* from, std::int64_t bytes) {
  if (bytes == 0) return;
  check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), cudaMemcpyHostToDevice,
                        native(stream)),
        "cudaMemcpyAsync to the device");
}

void download(const Stream& stream, void* to, const void* from, std::int64_t bytes) {
  if (bytes == 0) return;
  check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), cudaMemcpyDeviceToHost,
                        native(stream)),
        "cudaMemcpyAsync to the host");
}

void copy(const Stream& stream, void* to, const void* from, std::int64_t bytes) {
  if (bytes == 0) return;
  check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), cudaMemcpyDeviceToDevice,
                        native(stream)),
        "cudaMemcpyAsync within the device");
}

void set_zero(const Stream& stream, void* to, std::int64_t bytes) {
  if (bytes == 0) return;
  check(cudaMemsetAsync(to, 0, static_cast<std::size_t>(bytes), native(stream)), "cudaMemsetAsync");
}

void check_launch(const char* kernel, std::int64_t blocks) {
  constexpr std::int64_t most = 2147483647;
  if (blocks > most)
    throw Error(std::string(kernel) + ": " + std::to_string(blocks) + " blocks, a launch takes " +
                std::to_string(most));
  check(cudaGetLastError(), kernel);
}

}  // namespace saddlescape::cuda
