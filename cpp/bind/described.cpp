#include "bind/described.hpp"

namespace saddlescape::bind {
namespace {

Memory lies_in(std::int32_t device_type) {
  if (device_type == dlpack::cpu) return Memory::cpu;
  const bool cuda = device_type == dlpack::cuda || device_type == dlpack::cuda_managed;
  return cuda ? Memory::cuda : Memory::elsewhere;
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
  const dlpack::DataType expected = data_type(wanted);
  return type.code == expected.code && type.bits == expected.bits && type.lanes == expected.lanes;
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

// How many numbers a shape has. A library may tell any: their bytes are counted in double, where
// a product that 64 bits can't hold is still a large one.
std::int64_t size_of(const std::string& name, const Shape& shape, std::int64_t width) {
  double bytes = static_cast<double>(width);
  for (const std::int64_t length : shape) {
    if (length < 0)
      throw py::value_error(name + ": length " + std::to_string(length) +
                            " in its shape, expected lengths >= 0");
    bytes *= static_cast<double>(length);
  }
  if (!(bytes < 0x1p62))
    throw py::value_error(name + ": shape " + shape_text(shape) +
                          ", expected one of fewer than 2^62 bytes");
  std::int64_t size = bytes > 0;
  for (const std::int64_t length : shape) size *= size == 0 ? 1 : length;
  return size;
}

}  // namespace

std::string source_text(py::handle source, const std::string& name) {
  return name + ": " + type_text(source);
}

dlpack::DataType data_type(Dtype dtype) {
  const auto bits = static_cast<std::uint8_t>(8 * width(dtype));
  switch (dtype) {
    case Dtype::int64:
    case Dtype::int32:
      return {dlpack::signed_int, bits, 1};
    case Dtype::uint16:
    case Dtype::uint8:
      return {dlpack::unsigned_int, bits, 1};
    case Dtype::bfloat16:
      return {dlpack::bfloat, bits, 1};
    default:
      return {dlpack::real, bits, 1};
  }
}

Array described(const dlpack::Tensor& tensor, Memory memory, py::handle source,
                const std::string& name, std::initializer_list<Dtype> allowed, const Shape& shape) {
  if (lies_in(tensor.device.type) != memory)
    throw py::value_error(source_text(source, name) + " (DLPack's device type " +
                          std::to_string(tensor.device.type) + "), expected memory of " +
                          (memory == Memory::cpu ? "the CPU" : "a CUDA device") +
                          "; move it there and keep it there");
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
  const std::int64_t bytes = width(result.dtype);
  result.size = size_of(name, result.shape, bytes);
  if (!shape.empty() && !matches(result.shape, shape))
    throw py::value_error(name + ": shape " + shape_text(result.shape) + ", expected " +
                          shape_text(shape));
  if (!is_contiguous(tensor, result.size)) {
    Shape strides(tensor.strides, tensor.strides + tensor.ndim);
    for (std::int64_t& stride : strides) stride *= bytes;
    throw py::value_error(name + ": strides " + shape_text(strides) +
                          ", expected a C-contiguous array; make it one, as .contiguous() does");
  }
  result.data = static_cast<char*>(tensor.data) + tensor.byte_offset;
  if (memory == Memory::cuda) result.device = tensor.device.id;
  // An empty one has a gradient too: null would stand for none.
  alignas(8) static char nowhere[8];
  if (result.size == 0 && !tensor.data) result.data = nowhere;
  if (result.size > 0 && !tensor.data)
    throw py::value_error(source_text(source, name) + ", expected one with memory of its own");
  if (reinterpret_cast<std::uintptr_t>(result.data) % static_cast<std::uintptr_t>(bytes) != 0)
    throw py::value_error(name +
                          ": its elements are not aligned in memory, expected an aligned array; "
                          "copy it");
  return result;
}

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

void refuse_negated(py::handle source, const std::string& name) {
  static PyObject* const is_neg = PyUnicode_InternFromString("is_neg");
  const auto negated =
      py::reinterpret_steal<py::object>(PyObject_CallMethodNoArgs(source.ptr(), is_neg));
  if (!negated) PyErr_Clear();  // not PyTorch
  if (negated.ptr() == Py_True)
    throw py::value_error(source_text(source, name) +
                          " is a negated view, expected plain memory; give .resolve_neg()");
}

}  // namespace saddlescape::bind
