// The only place that looks at an array's type, shape, strides, byte order and writability.
//
// Every function names the argument in its error, says what came and what is allowed, and changes
// nothing. TypeError: not an array, or one of another dtype. ValueError: the rest.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace saddlescape::bind {

namespace py = pybind11;

enum class Dtype { float32, float64, int64, int32, bfloat16, float16, uint16, uint8 };

constexpr std::int64_t width(Dtype dtype) {
  switch (dtype) {
    case Dtype::float64:
    case Dtype::int64:
      return 8;
    case Dtype::float32:
    case Dtype::int32:
      return 4;
    case Dtype::bfloat16:
    case Dtype::float16:
    case Dtype::uint16:
      return 2;
    default:
      return 1;
  }
}

using Shape = std::vector<std::int64_t>;

// Stands for "any length" in an expected shape.
constexpr std::int64_t any = -1;

std::string shape_text(const Shape& shape);

// A C-contiguous, native-endian, aligned NumPy array. It keeps no reference: the caller holds
// `source`.
struct Array {
  void* data = nullptr;
  Dtype dtype = Dtype::float64;
  Shape shape;
  std::int64_t size = 0;
  int device = -1;  // the number of the CUDA device that holds it; -1: the CPU

  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
};

// Checks `source` and describes it. `shape` empty: any shape.
Array checked_array(py::handle source, const std::string& name,
                    std::initializer_list<Dtype> allowed, const Shape& shape = {});

// The same, for an array that will be written to.
Array checked_writable(py::handle source, const std::string& name,
                       std::initializer_list<Dtype> allowed, const Shape& shape = {});

// The same as checked_array, for an array with the dtype and exactly the shape of `like`: the empty
// shape of a single number is one here, not "any".
Array checked_like(py::handle source, const std::string& name, const Array& like);

// Throws ValueError with the position of the first NaN or infinite element.
void check_finite(const Array& array, const std::string& name);

// Throws ValueError with the position of the first element below 0.
void check_non_negative(const Array& array, const std::string& name);

// An array of any library: NumPy, `__dlpack_c_exchange_api__` (PyTorch), `__array_interface__`,
// DLPack. It is the caller's own memory, never a copy.
struct Taken {
  Array array;
  py::object owner;  // keeps the memory; mostly the source itself
};

// True if `source` speaks one of these protocols.
bool is_array(py::handle source);

// Checks `source` as checked_array and checked_writable do, and on a CPU. An object that can't say
// whether it may be written to (DLPack before 1.0) is refused where it would be.
Taken taken(py::handle source, const std::string& name, std::initializer_list<Dtype> allowed,
            const Shape& shape = {});
Taken taken_writable(py::handle source, const std::string& name,
                     std::initializer_list<Dtype> allowed);
Taken taken_like(py::handle source, const std::string& name, const Array& like);
// The same shape, and one of these dtypes.
Taken taken_like(py::handle source, const std::string& name, const Array& like,
                 std::initializer_list<Dtype> allowed);

// "numpy.ndarray", "torch.Tensor on device cuda:0"
std::string type_text(py::handle object);
// "float32 or float64"
std::string allowed_text(std::initializer_list<Dtype> allowed);
const char* dtype_name(Dtype dtype);
// True if `shape` is as expected; -1 there stands for any length.
bool matches(const Shape& shape, const Shape& expected);

// True if the two arrays share a byte.
bool overlap(const Array& a, const Array& b);

}  // namespace saddlescape::bind
