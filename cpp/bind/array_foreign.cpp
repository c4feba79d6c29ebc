// Arrays of other libraries, through the protocols that they share with NumPy.
#include "bind/array.hpp"
#include "bind/dlpack.hpp"

namespace saddlescape::bind {
namespace {

enum class Access { read, write };

std::string source_text(py::handle source, const std::string& name) {
  return name + ": " + type_text(source);
}

std::string dtype_text(const dlpack::DataType& type) {
  const std::string bits = std::to_string(type.bits);
  const std::string lanes = type.lanes == 1 ? "" : "x" + std::to_string(type.lanes);
  switch (type.code) {
    case dlpack::signed_int:
      return "int" + bits + lanes;
    case dlpack::unsigned_int:
      return "uint" + bits + lanes;
    case dlpack::real:
      return "float" + bits + lanes;
    case dlpack::bfloat:
      return "bfloat" + bits + lanes;
    case dlpack::complex:
      return "complex" + bits + lanes;
    case dlpack::boolean:
      return "bool";
    default:
      return "of DLPack's code " + std::to_string(type.code) + " with " + bits + " bits" + lanes;
  }
}

bool is_dtype(const dlpack::DataType& type, Dtype wanted) {
  if (type.lanes != 1 || type.bits != 8 * width(wanted)) return false;
  switch (wanted) {
    case Dtype::int64:
      return type.code == dlpack::signed_int;
    case Dtype::uint16:
    case Dtype::uint8:
      return type.code == dlpack::unsigned_int;
    case Dtype::bfloat16:
      return type.code == dlpack::bfloat;
    default:
      return type.code == dlpack::real;
  }
}

bool is_contiguous(const dlpack::Tensor& tensor, std::int64_t size) {
  if (!tensor.strides || size == 0) return true;
  std::int64_t expected = 1;
  for (std::int32_t d = tensor.ndim; d-- > 0;) {
    if (tensor.shape[d] != 1 && tensor.strides[d] != expected) return false;
    expected *= tensor.shape[d];
  }
  return true;
}

// Checks what DLPack says of `source`.
Array described(const dlpack::Tensor& tensor, py::handle source, const std::string& name,
                std::initializer_list<Dtype> allowed, const Shape& shape) {
  if (tensor.device.type != dlpack::cpu)
    throw py::value_error(source_text(source, name) + " (DLPack's device type " +
                          std::to_string(tensor.device.type) +
                          "), expected memory of the CPU; move it there and keep it there");
  Array result;
  bool found = false;
  for (Dtype wanted : allowed)
    if (is_dtype(tensor.dtype, wanted)) {
      result.dtype = wanted;
      found = true;
    }
  if (!found)
    throw py::type_error(name + ": dtype " + dtype_text(tensor.dtype) + ", expected " +
                         allowed_text(allowed));
  result.shape.assign(tensor.shape, tensor.shape + tensor.ndim);
  result.size = 1;
  for (std::int64_t length : result.shape) result.size *= length;
  if (!shape.empty() && !matches(result.shape, shape))
    throw py::value_error(name + ": shape " + shape_text(result.shape) + ", expected " +
                          shape_text(shape));
  const std::int64_t bytes = width(result.dtype);
  if (!is_contiguous(tensor, result.size)) {
    Shape strides(tensor.strides, tensor.strides + tensor.ndim);
    for (std::int64_t& stride : strides) stride *= bytes;
    throw py::value_error(name + ": strides " + shape_text(strides) +
                          ", expected a C-contiguous array; make it one, as .contiguous() does");
  }
  result.data = static_cast<char*>(tensor.data) + tensor.byte_offset;
  if (result.size > 0 && !tensor.data)
    throw py::value_error(source_text(source, name) + ", expected one with memory of its own");
  if (reinterpret_cast<std::uintptr_t>(result.data) % static_cast<std::uintptr_t>(bytes) != 0)
    throw py::value_error(name +
                          ": its elements are not aligned in memory, expected an aligned array; "
                          "copy it");
  return result;
}

// Turns an error of the other library into one that names the argument.
[[noreturn]] void refuse(const py::error_already_set& error, py::handle source,
                         const std::string& name, std::initializer_list<Dtype> allowed) {
  if (!error.matches(PyExc_Exception)) throw error;  // KeyboardInterrupt
  const std::string text = py::cast<std::string>(py::str(error.value()));
  throw py::type_error(source_text(source, name) + " can't be read in place (" +
                       text.substr(0, text.find('\n')) +
                       "), expected a dense C-contiguous CPU array of " + allowed_text(allowed));
}

// The functions of the source's type, or null. PyTorch has them since 2.10; they cost no Python
// call and no allocation.
const dlpack::Exchange* exchange(py::handle source) {
  static PyObject* const attribute = PyUnicode_InternFromString("__dlpack_c_exchange_api__");
  PyObject* found = PyObject_GetAttr(reinterpret_cast<PyObject*>(Py_TYPE(source.ptr())), attribute);
  if (!found) {
    PyErr_Clear();
    return nullptr;
  }
  const auto capsule = py::reinterpret_steal<py::object>(found);
  const char* const name = "dlpack_exchange_api";
  if (!PyCapsule_IsValid(capsule.ptr(), name)) return nullptr;
  auto* api = static_cast<const dlpack::Exchange*>(PyCapsule_GetPointer(capsule.ptr(), name));
  while (api && api->version.major > dlpack::major_version) api = api->previous;
  return api && api->version.major == dlpack::major_version && api->describe ? api : nullptr;
}

// PyTorch negates lazily: such a tensor's memory holds the numbers with the other sign.
void refuse_negated(py::handle source, const std::string& name) {
  static PyObject* const is_neg = PyUnicode_InternFromString("is_neg");
  const auto negated =
      py::reinterpret_steal<py::object>(PyObject_CallMethodNoArgs(source.ptr(), is_neg));
  if (!negated) PyErr_Clear();  // not PyTorch
  if (negated.ptr() == Py_True)
    throw py::value_error(source_text(source, name) +
                          " is a negated view, expected plain memory; give .resolve_neg()");
}

Taken from_exchange(const dlpack::Exchange& api, py::handle source, const std::string& name,
                    std::initializer_list<Dtype> allowed, const Shape& shape) {
  dlpack::Tensor tensor;
  if (api.describe(source.ptr(), &tensor) != 0)
    refuse(py::error_already_set(), source, name, allowed);
  refuse_negated(source, name);
  return {described(tensor, source, name, allowed, shape),
          py::reinterpret_borrow<py::object>(source)};
}

Taken from_interface(py::handle source, const std::string& name,
                     std::initializer_list<Dtype> allowed, const Shape& shape, Access access) {
  py::object view;
  try {
    // copy=False: a view of the source's memory, or an error.
    view = py::module_::import("numpy").attr("array")(source, py::arg("copy") = false);
  } catch (py::error_already_set& error) {
    refuse(error, source, name, allowed);
  }
  return {access == Access::write ? checked_writable(view, name, allowed, shape)
                                  : checked_array(view, name, allowed, shape),
          view};
}

// PyTorch before 2.10. Others have these methods too, and copy: the address tells.
bool has_numpy_view(py::handle source) {
  return py::hasattr(source, "detach") && py::hasattr(source, "numpy") &&
         py::hasattr(source, "data_ptr");
}

Taken from_numpy_view(py::handle source, const std::string& name,
                      std::initializer_list<Dtype> allowed, const Shape& shape, Access access) {
  py::object view;
  std::uintptr_t address = 0;
  try {
    view = source.attr("detach")().attr("numpy")();
    address = py::cast<std::uintptr_t>(source.attr("data_ptr")());
  } catch (py::error_already_set& error) {
    refuse(error, source, name, allowed);
  }
  const Array array = access == Access::write ? checked_writable(view, name, allowed, shape)
                                              : checked_array(view, name, allowed, shape);
  if (array.size > 0 && reinterpret_cast<std::uintptr_t>(array.data) != address)
    throw py::value_error(source_text(source, name) +
                          " gave a copy, expected its own memory (it is updated in place)");
  return {array, view};
}

py::object capsule_of(py::handle source) {
  const py::object dunder = source.attr("__dlpack__");
  try {
    return dunder(py::arg("max_version") = py::make_tuple(dlpack::major_version, 0),
                  py::arg("copy") = false);
  } catch (py::error_already_set& error) {
    // Older than DLPack 1.0: it has no such arguments, and never copies.
    if (!error.matches(PyExc_TypeError)) throw;
  }
  return dunder();
}

Taken from_dlpack(py::handle source, const std::string& name, std::initializer_list<Dtype> allowed,
                  const Shape& shape, Access access) {
  py::object capsule;
  try {
    const auto device = py::cast<py::tuple>(source.attr("__dlpack_device__")());
    dlpack::Tensor elsewhere{};
    elsewhere.device.type = py::cast<std::int32_t>(py::int_(py::object(device[0])));
    // Before it is asked to export: a library may refuse in words that do not name the device.
    if (elsewhere.device.type != dlpack::cpu) described(elsewhere, source, name, allowed, shape);
    capsule = capsule_of(source);
  } catch (py::error_already_set& error) {
    refuse(error, source, name, allowed);
  }
  // The capsule stays unconsumed and keeps the memory: its own destructor frees it.
  if (PyCapsule_IsValid(capsule.ptr(), "dltensor_versioned")) {
    const auto* managed = static_cast<const dlpack::ManagedVersioned*>(
        PyCapsule_GetPointer(capsule.ptr(), "dltensor_versioned"));
    if (managed->version.major == dlpack::major_version) {
      if (access == Access::write && (managed->flags & dlpack::read_only))
        throw py::value_error(name +
                              ": read-only, expected a writable array (it is updated in place)");
      if (access == Access::write && (managed->flags & dlpack::is_copied))
        throw py::value_error(source_text(source, name) +
                              " gave a copy, expected its own memory (it is updated in place)");
      return {described(managed->tensor, source, name, allowed, shape), capsule};
    }
  } else if (PyCapsule_IsValid(capsule.ptr(), "dltensor")) {
    if (access == Access::write)
      throw py::type_error(source_text(source, name) +
                           " does not say whether it may be written to (DLPack before 1.0), "
                           "expected one that does; give a NumPy view of it");
    const auto* managed =
        static_cast<const dlpack::Managed*>(PyCapsule_GetPointer(capsule.ptr(), "dltensor"));
    return {described(managed->tensor, source, name, allowed, shape), capsule};
  }
  throw py::type_error(source_text(source, name) + " gave no capsule of DLPack 1, expected one");
}

Taken take(py::handle source, const std::string& name, std::initializer_list<Dtype> allowed,
           const Shape& shape, Access access) {
  if (py::isinstance<py::array>(source))
    return {access == Access::write ? checked_writable(source, name, allowed, shape)
                                    : checked_array(source, name, allowed, shape),
            py::reinterpret_borrow<py::object>(source)};
  if (const dlpack::Exchange* api = exchange(source))
    return from_exchange(*api, source, name, allowed, shape);
  if (has_numpy_view(source)) return from_numpy_view(source, name, allowed, shape, access);
  if (py::hasattr(source, "__array_interface__"))
    return from_interface(source, name, allowed, shape, access);
  if (py::hasattr(source, "__dlpack__") && py::hasattr(source, "__dlpack_device__"))
    return from_dlpack(source, name, allowed, shape, access);
  checked_array(source, name, allowed, shape);  // says what it is, and throws
  return {};
}

}  // namespace

bool is_array(py::handle source) {
  if (py::isinstance<py::array>(source)) return true;
  if (py::isinstance<py::type>(source)) return false;
  return exchange(source) || has_numpy_view(source) || py::hasattr(source, "__array_interface__") ||
         (py::hasattr(source, "__dlpack__") && py::hasattr(source, "__dlpack_device__"));
}

Taken taken(py::handle source, const std::string& name, std::initializer_list<Dtype> allowed,
            const Shape& shape) {
  return take(source, name, allowed, shape, Access::read);
}

Taken taken_writable(py::handle source, const std::string& name,
                     std::initializer_list<Dtype> allowed) {
  return take(source, name, allowed, {}, Access::write);
}

Taken taken_like(py::handle source, const std::string& name, const Array& like) {
  return taken_like(source, name, like, {like.dtype});
}

Taken taken_like(py::handle source, const std::string& name, const Array& like,
                 std::initializer_list<Dtype> allowed) {
  Taken result = take(source, name, allowed, like.shape, Access::read);
  if (result.array.shape != like.shape)
    throw py::value_error(name + ": shape " + shape_text(result.array.shape) + ", expected " +
                          shape_text(like.shape));
  return result;
}

}  // namespace saddlescape::bind
