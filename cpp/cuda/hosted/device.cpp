// The CPU in the place of a CUDA device, for tests of the kernels: memory is the host's, copies are
// done when they are asked for, unless order.hpp is told to be late. `test_device` looks on, and
// limits what can be had.
#include "cuda/hosted/device.hpp"

#include <cstdlib>
#include <cstring>
#include <vector>

#include "cuda/device.hpp"
#include "cuda/hosted/order.hpp"

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

OnDevice::OnDevice(int number) : before_(current_device()), changed_(number != before_) {
  if (changed_) test_device().current = number;
}
OnDevice::~OnDevice() {
  if (changed_) test_device().current = before_;
}

void Stream::follow(const Stream& other) const {
  if (handle_ == other.handle()) return;
  ++test_device().follows;
  test_device().ordered = test_device().current;
  if (!hosted::is_late()) return;
  void* const before = other.handle();
  const std::int64_t place = hosted::place(before);
  hosted::ask(handle_, [=] { hosted::finish_to(before, place); });
}

void Stream::wait() const {
  ++test_device().waits;
  test_device().ordered = test_device().current;
  hosted::finish(handle_);
}

// What frees memory waits for all streams, as cudaFree and cudaFreeHost do; what was there is gone.
Memory::~Memory() {
  hosted::finish_all();
  if (hosted::is_late() && data_) std::memset(data_, 0xdd, static_cast<std::size_t>(bytes_));
  if (where_ == Where::host) hosted::unpin(data_);
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
  hosted::finish_all();
  if (where_ == Where::host) {
    hosted::unpin(data_);
    hosted::pin(data, bytes);
  }
  std::free(data_);
  device.used += bytes - bytes_;
  data_ = data;
  bytes_ = bytes;
}

namespace {

struct Recorded {
  void* stream;
  std::int64_t place;
};

void move(const Stream& stream, void* to, const void* from, std::int64_t bytes) {
  if (bytes == 0) return;
  hosted::ask(stream.handle(), [=] { std::memcpy(to, from, static_cast<std::size_t>(bytes)); });
}

}  // namespace

Event::~Event() { delete static_cast<Recorded*>(handle_); }

void Event::record(const Stream& stream) {
  if (!handle_) handle_ = new Recorded;
  *static_cast<Recorded*>(handle_) = {stream.handle(), hosted::place(stream.handle())};
}

void Event::wait() const {
  if (!handle_) return;
  const auto& there = *static_cast<const Recorded*>(handle_);
  hosted::finish_to(there.stream, there.place);
}

void upload(const Stream& stream, void* to, const void* from, std::int64_t bytes) {
  ++test_device().uploads;
  if (!hosted::is_late() || hosted::is_pinned(from)) return move(stream, to, from, bytes);
  const auto* const bytes_of = static_cast<const char*>(from);
  const std::vector<char> kept(bytes_of, bytes_of + bytes);
  hosted::ask(stream.handle(), [=] {
    if (bytes) std::memcpy(to, kept.data(), kept.size());
  });
}

void download(const Stream& stream, void* to, const void* from, std::int64_t bytes) {
  ++test_device().downloads;
  move(stream, to, from, bytes);
  if (!hosted::is_pinned(to)) hosted::finish(stream.handle());
}

void copy(const Stream& stream, void* to, const void* from, std::int64_t bytes) {
  move(stream, to, from, bytes);
}

void set_zero(const Stream& stream, void* to, std::int64_t bytes) {
  if (bytes == 0) return;
  hosted::ask(stream.handle(), [=] { std::memset(to, 0, static_cast<std::size_t>(bytes)); });
}

void check_launch(const char*, std::int64_t) { ++test_device().launches; }

}  // namespace saddlescape::cuda
