// Arrays in a CUDA device's memory: our own, and those of other libraries, which are never copied
// to the host unasked.
#pragma once

#include <memory>

#include "bind/array.hpp"
#include "cuda/device.hpp"

namespace saddlescape::bind {

// A C-contiguous array in memory of the device that was the current one when it was made.
class DeviceArray {
 public:
  // Uninitialised. `what`: a literal that says what it is for; throws cuda::OutOfMemory that says
  // so.
  DeviceArray(const Shape& shape, Dtype dtype, const char* what = "an array");

  void* data() const { return memory_->data(); }
  template <class T>
  T* as() const {
    return memory_->as<T>();
  }
  const Shape& shape() const { return shape_; }
  Dtype dtype() const { return dtype_; }
  std::int64_t size() const { return size_; }
  std::int64_t bytes() const { return size_ * width(dtype_); }
  int device() const { return device_; }
  Array array() const;  // as checked_array describes them

  // Its memory, for who goes on when it has gone.
  std::shared_ptr<const cuda::Memory> memory() const { return memory_; }

  // In whose order it was written last: what others read comes after that.
  const cuda::Stream& stream() const { return *stream_; }
  void written_in(const cuda::Stream& stream) { stream_ = std::make_shared<cuda::Stream>(stream); }
  // In whatever stream is there: an optimizer's.
  void written_in(const std::shared_ptr<cuda::Stream>& stream) { stream_ = stream; }

 private:
  Shape shape_;
  Dtype dtype_;
  std::int64_t size_;
  int device_;
  std::shared_ptr<cuda::Memory> memory_;
  std::shared_ptr<cuda::Stream> stream_ = std::make_shared<cuda::Stream>();
};

// Zeros, once the stream has come there.
DeviceArray device_zeros(const Shape& shape, Dtype dtype, const cuda::Stream& stream,
                         const char* what = "an array");
// A copy of a NumPy array; waits until it is there.
DeviceArray to_device(py::handle source, const std::string& name, const cuda::Stream& stream,
                      std::initializer_list<Dtype> allowed);
// A copy as a NumPy array; waits until it is here.
py::array to_host(const Array& array, const cuda::Stream& stream);

// An array of the device's that was checked, whose it is, and where it lies.
struct TakenOnDevice : Taken {
  cuda::Stream stream;      // in whose order its library writes it
  bool has_stream = false;  // whether it says so
};

// True if `source` says that a CUDA device holds its numbers: DeviceArray,
// `__dlpack_c_exchange_api__` (PyTorch), `__cuda_array_interface__` (CuPy, Numba, JAX), DLPack.
bool is_on_device(py::handle source);

// The array that `source` speaks of, checked as checked_array and checked_writable do.
// `reader`: the stream that will use it, where it is known: a library that speaks DLPack has it
// wait for its own. Others say theirs, and the caller lets `reader` follow that.
TakenOnDevice taken_on_device(py::handle source, const std::string& name,
                              std::initializer_list<Dtype> allowed, const Shape& shape = {},
                              bool writable = false, const cuda::Stream& reader = cuda::Stream());

// A stream as Python gives it: its address as a number, 0, 1: the default one, 2: the thread's
// default one; None: `otherwise`; or what has one as `cuda_stream` (PyTorch) or `ptr` (CuPy).
cuda::Stream stream_of(const py::object& source, const cuda::Stream& otherwise = cuda::Stream());

}  // namespace saddlescape::bind
