// The CPU in the place of a CUDA device, for tests of the kernels: memory is the host's, copies are
// done when they are asked for. `test_device` looks on, and limits what can be had.
#include "tests/cuda_device.hpp"

#include <cstdlib>
#include <cstring>

#include "cuda/device.hpp"

namespace saddlescape::cuda {

TestDevice& test_device() {
  static TestDevice device;
  return device;
}

Device device() {
  Device found;
  found.why = "this is the CPU in its place";
  return found;
}

int current_device() { return 0; }

std::string built_with() { return "the host's compiler"; }

int toolkit_major() { return 13; }

void need_device(const std::string&) {}

void Stream::wait() const { ++test_device().waits; }

Memory::~Memory() {
  std::free(data_);
  test_device().used -= bytes_;
}

void Memory::grow(std::int64_t bytes) {
  if (bytes <= bytes_) return;
  TestDevice& device = test_device();
  if (device.used + bytes > device.limit)
    throw OutOfMemory("out of memory: " + std::to_string(bytes) + " bytes wanted for " + what_);
  void* const data = std::malloc(static_cast<std::size_t>(bytes));
  std::memset(data, 0xff, static_cast<std::size_t>(bytes));  // NaN, and no index
  std::free(data_);
  device.used += bytes - bytes_;
  data_ = data;
  bytes_ = bytes;
}

Event::~Event() = default;
void Event::record(const Stream&) {}
void Event::wait() const {}

void upload(const Stream&, void* to, const void* from, std::int64_t bytes) {
  if (bytes) std::memcpy(to, from, static_cast<std::size_t>(bytes));
  ++test_device().uploads;
}

void download(const Stream&, void* to, const void* from, std::int64_t bytes) {
  if (bytes) std::memcpy(to, from, static_cast<std::size_t>(bytes));
}

void check_launch(const char*, std::int64_t) { ++test_device().launches; }

}  // namespace saddlescape::cuda
