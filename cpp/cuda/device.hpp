// What the backend asks of a device: memory, streams, events, copies. The status of every call is
// looked at; what went wrong comes as an Error that names the call.
//
// device.cu answers with the CUDA runtime; hosted/device.cpp, for tests, with the CPU's own memory.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace saddlescape::cuda {

struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Says how much was wanted, for what, and what is free.
struct OutOfMemory : Error {
  using Error::Error;
};

// What this machine has. `why`: empty, or in a line why nothing can run here.
struct Device {
  std::string why;
  std::string name;
  std::int64_t memory = 0, free = 0;  // bytes
  int major = 0, minor = 0;           // compute capability
};
Device device();

// "nvcc 13.0.88, runtime 13.0": what the backend was built with.
std::string built_with();

// Of that CUDA: 12 or 13.
int toolkit_major();

// Throws Error with device().why if nothing can run here. `what`: who asks.
void need_device(const std::string& what);

// The number of the device that is used where nothing else is said.
int current_device();

// The number of the device whose memory lies at `data`; -1 where none knows of it.
int device_of(const void* data);

// Makes a device the current one while it lives.
class OnDevice {
 public:
  explicit OnDevice(int number);
  ~OnDevice();
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

 private:
  int before_;
  bool changed_;
};

// A stream that somebody else owns; null is the default one.
class Stream {
 public:
  explicit Stream(void* handle = nullptr) noexcept : handle_(handle) {}
  void* handle() const { return handle_; }
  // The default one of the thread that asks: in another thread the same handle is another stream,
  // which nothing brings in order with this one.
  bool is_of_thread() const { return handle_ == reinterpret_cast<void*>(2); }
  void wait() const;  // for all that was asked of it
  // What it is asked from now on comes after what `other` has been asked by now.
  void follow(const Stream& other) const;

 private:
  void* handle_;
};

// Memory of the device, or of the host where the device can copy from and to it on its own.
class Memory {
 public:
  enum class Where { device, host };

  Memory(Where where, const char* what) : where_(where), what_(what) {}
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  // At least so many bytes; what was there is lost, unless this throws OutOfMemory.
  void grow(std::int64_t bytes);
  std::int64_t bytes() const { return bytes_; }
  void* data() const { return data_; }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  Where where_;
  const char* what_;
  void* data_ = nullptr;
  std::int64_t bytes_ = 0;
};

// A place in a stream.
class Event {
 public:
  Event() = default;
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void record(const Stream& stream);
  void wait() const;  // until the stream has come there; at once where nothing was recorded

 private:
  friend class Stream;
  void* handle_ = nullptr;
};

// In the stream's order; `from` or `to` on the host is a Memory's.
void upload(const Stream& stream, void* to, const void* from, std::int64_t bytes);
void download(const Stream& stream, void* to, const void* from, std::int64_t bytes);

// Within the device, in the stream's order.
void copy(const Stream& stream, void* to, const void* from, std::int64_t bytes);
void set_zero(const Stream& stream, void* to, std::int64_t bytes);

// After a launch: whether it was taken.
void check_launch(const char* kernel, std::int64_t blocks);

}  // namespace saddlescape::cuda
