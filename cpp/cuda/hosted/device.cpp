// The CPU in the place of a CUDA device, for tests of the kernels: memory is the host's, copies are
// done when they are asked for. `test_device` looks on, and limits what can be had.
#include "cuda/hosted/device.hpp"

#include <cstdlib>
#include <cstring>

#include "cuda/device.hpp"

namespace saddlescape::cuda {
namespace {

const char* const in_its_place = "the CPU in a device's place, for tests";

}  // namespace

TestDevice& test_device() {
  static TestDevice device;
  return device;
}

Device device() {
  Device found;
  found.name = in_its_place;
  found.major = 9;
  found.free = test_device().limit - test_device().used;
  return found;
}

std::string built_with() { return std::string("the host's compiler: ") + in_its_place; }

int toolkit_major() { return 13; }

void need_device(const std::string&) {}

int current_device() { return test_device().current; }

int device_of(const void*) { return 0; }

OnDevice::OnDevice(int number) : before_(current_device()) { test_device().current = number; }
OnDevice::~OnDevice() { test_device().current = before_; }

void Stream::follow(const Stream& other) const {
  if (handle_ != other.handle()) ++test_device().follows;
}

void Stream::wait() const { ++test_device().waits; }

Memory::~Memory() {
  std::free(data_);
  test_device().used -= bytes_;
}

void Memory::grow(std::int64_t bytes) {
  if (bytes <= bytes_) return;
  TestDevice& device = test_device();
  if (device.used + bytes > device.limit)
    throw OutOfMemory("out of memory: " + std::to_string(bytes) + " bytes wanted for " + what_ +
                      ", " + std::to_string(device.limit - device.used) + " of " +
                      std::to_string(device.limit) + " are free on the device");
  void* const data = std::malloc(static_cast<std::size_t>(bytes));
  std::memset(data, 0xff, static_cast<std::size_t>(bytes));  // NaN, and no index
  std::free(data_);
  device.used += bytes - bytes_;
  data_ = data;
  bytes_ = bytes;
}

Event::~Event() { handle_ = nullptr; }
void Event::record(const Stream&) {}
void Event::wait() const {}

void upload(const Stream&, void* to, const void* from, std::int64_t bytes) {
  if (bytes) std::memcpy(to, from, static_cast<std::size_t>(bytes));
  ++test_device().uploads;
}

void download(const Stream&, void* to, const void* from, std::int64_t bytes) {
  if (bytes) std::memcpy(to, from, static_cast<std::size_t>(bytes));
  ++test_device().downloads;
}

void copy(const Stream&, void* to, const void* from, std::int64_t bytes) {
  if (bytes) std::memcpy(to, from, static_cast<std::size_t>(bytes));
}

void set_zero(const Stream&, void* to, std::int64_t bytes) {
  if (bytes) std::memset(to, 0, static_cast<std::size_t>(bytes));
}

void check_launch(const char*, std::int64_t) { ++test_device().launches; }

}  // namespace saddlescape::cuda
