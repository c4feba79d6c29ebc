// `__cuda_array_interface__`: what an array says of itself, as numbers.
#pragma once

#include <string>

#include "bind/array.hpp"
#include "bind/dlpack.hpp"

namespace saddlescape::bind {

struct Told {
  std::string dtype;  // "<f4"
  Shape shape;
  Shape strides;  // in bytes; none for those of a C-contiguous array
  void* data = nullptr;
  bool read_only = false, masked = false;
  py::object stream = py::none();
};

// Throws py::cast_error or py::error_already_set where it is no such thing.
Told told_by(const py::object& interface);

// Whether there is an interface, and one with a word for the dtype: bfloat16 is "<V2" there.
bool has_word(const py::object& interface);

// A dtype in DLPack's words; no bits where there is none.
dlpack::DataType typed(const std::string& dtype);

}  // namespace saddlescape::bind
