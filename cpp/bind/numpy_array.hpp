// A glance at a NumPy array: no Python call, no allocation.
#pragma once

#include "bind/array.hpp"

namespace saddlescape::bind {

// The memory of `source` if it is a NumPy array just like `like` (shape, C order, alignment, native
// byte order) and of `dtype`, else null: then the slow way says what is wrong with it.
inline void* same_kind(py::handle source, const Array& like, py::handle dtype) {
  static const py::handle array_type =
      py::module_::import("numpy").attr("ndarray").cast<py::object>().release();
  if (Py_TYPE(source.ptr()) != reinterpret_cast<PyTypeObject*>(array_type.ptr())) return nullptr;
  const py::detail::PyArray_Proxy* array = py::detail::array_proxy(source.ptr());
  constexpr int wanted =
      py::detail::npy_api::NPY_ARRAY_C_CONTIGUOUS_ | py::detail::npy_api::NPY_ARRAY_ALIGNED_;
  if (array->descr != dtype.ptr() || (array->flags & wanted) != wanted) return nullptr;
  if (static_cast<std::size_t>(array->nd) != like.shape.size()) return nullptr;
  for (std::size_t d = 0; d < like.shape.size(); ++d)
    if (array->dimensions[d] != like.shape[d]) return nullptr;
  return array->data;
}

// NumPy's own object for a dtype: arrays of it mostly hold this very one.
inline py::handle dtype_object(Dtype dtype) {
  static const py::handle float32 = py::dtype::of<float>().release();
  static const py::handle float64 = py::dtype::of<double>().release();
  return dtype == Dtype::float64 ? float64 : float32;
}

}  // namespace saddlescape::bind
