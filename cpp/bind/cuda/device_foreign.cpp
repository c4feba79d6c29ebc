// Arrays of other libraries in device memory, through the protocols that they speak.
#include "bind/cuda/device_array.hpp"
#include "bind/cuda/told.hpp"
#include "bind/described.hpp"

namespace saddlescape::bind {
namespace {

struct Asked {
  py::object source;
  const std::string& name;
  std::initializer_list<Dtype> allowed;
  const Shape& shape;
  bool writable;
  const cuda::Stream& reader;
};

bool is_cuda(std::int32_t type) { return type == dlpack::cuda || type == dlpack::cuda_managed; }

// PyTorch: no `__cuda_array_interface__` where a gradient is wanted, and no word for bfloat16.
bool says_is_cuda(py::handle source) {
  const py::object found = py::getattr(source, "is_cuda", py::none());
  return found.ptr() == Py_True;
}

[[noreturn]] void refuse_read_only(const Asked& asked) {
  throw py::value_error(asked.name +
                        ": read-only, expected a writable array (it is updated in place)");
}

// Turns an error of the other library into one that names the argument.
[[noreturn]] void refuse(const py::error_already_set& error, const Asked& asked) {
  if (!error.matches(PyExc_Exception)) throw error;  // KeyboardInterrupt
  const std::string text = py::cast<std::string>(py::str(error.value()));
  throw py::type_error(source_text(asked.source, asked.name) + " can't be read in place (" +
                       text.substr(0, text.find('\n')) +
                       "), expected a dense C-contiguous array on a CUDA device, of " +
                       allowed_text(asked.allowed));
}

TakenOnDevice from_own(const Asked& asked, const DeviceArray& own) {
  dlpack::Tensor tensor{};
  tensor.device = {dlpack::cuda, own.device()};
  tensor.data = own.data();
  tensor.ndim = static_cast<std::int32_t>(own.shape().size());
  Shape shape = own.shape();
  tensor.shape = shape.data();
  tensor.dtype = data_type(own.dtype());
  TakenOnDevice found;
  found.array =
      described(tensor, Memory::cuda, asked.source, asked.name, asked.allowed, asked.shape);
  found.owner = asked.source;
  found.stream = own.stream();
  found.has_stream = true;
  return found;
}

TakenOnDevice from_exchange(const Asked& asked, const dlpack::Exchange& api) {
  dlpack::Tensor tensor;
  if (api.describe(asked.source.ptr(), &tensor) != 0) refuse(py::error_already_set(), asked);
  refuse_negated(asked.source, asked.name);
  TakenOnDevice found;
  found.array =
      described(tensor, Memory::cuda, asked.source, asked.name, asked.allowed, asked.shape);
  found.owner = asked.source;
  void* stream = nullptr;
  if (api.stream && api.stream(tensor.device.type, tensor.device.id, &stream) != 0)
    refuse(py::error_already_set(), asked);
  found.stream = cuda::Stream(stream);
  found.has_stream = api.stream != nullptr;
  return found;
}

// What is no interface is refused with what came in its place.
Told told_by(const Asked& asked, const py::object& interface) {
  try {
    return bind::told_by(interface);
  } catch (const py::cast_error&) {
    throw py::type_error(
        source_text(asked.source, asked.name) +
        " says __cuda_array_interface__ = " + py::cast<std::string>(py::repr(interface)) +
        ", expected a dict with the types of its version 3");
  } catch (py::error_already_set& error) {
    refuse(error, asked);
  }
}

// In elements. In bytes they are a whole number of them, one for each length.
Shape in_elements(const Asked& asked, const Told& told, std::int64_t bytes) {
  Shape strides = told.strides;
  bool fits = strides.empty() || strides.size() == told.shape.size();
  for (std::int64_t& step : strides) {
    fits = fits && step % bytes == 0;
    step /= bytes;
  }
  if (!fits)
    throw py::value_error(asked.name + ": strides " + shape_text(told.strides) + " with shape " +
                          shape_text(told.shape) + ", expected a C-contiguous array; copy it");
  return strides;
}

TakenOnDevice from_interface(const Asked& asked, const py::object& interface) {
  Told told = told_by(asked, interface);
  if (told.masked)
    throw py::value_error(source_text(asked.source, asked.name) +
                          " has a mask, expected an array without one");
  dlpack::Tensor tensor{};
  tensor.data = told.data;
  tensor.device.type = dlpack::cuda;
  tensor.dtype = typed(told.dtype);
  if (tensor.dtype.bits == 0)
    throw py::type_error(asked.name + ": dtype " + told.dtype + ", expected " +
                         allowed_text(asked.allowed));
  Shape strides = in_elements(asked, told, tensor.dtype.bits / 8);
  tensor.ndim = static_cast<std::int32_t>(told.shape.size());
  tensor.shape = told.shape.data();
  tensor.strides = strides.empty() ? nullptr : strides.data();
  TakenOnDevice found;
  found.array =
      described(tensor, Memory::cuda, asked.source, asked.name, asked.allowed, asked.shape);
  if (asked.writable && told.read_only) refuse_read_only(asked);
  found.owner = asked.source;
  // It does not say which device.
  found.array.device =
      found.array.size > 0 ? cuda::device_of(found.array.data) : cuda::current_device();
  if (found.array.device < 0)
    throw py::value_error(source_text(asked.source, asked.name) +
                          ": no CUDA device knows of its memory, expected memory of one");
  found.has_stream = !told.stream.is_none();
  found.stream = stream_of(told.stream);
  return found;
}

py::object capsule_of(const Asked& asked) {
  const py::object dunder = asked.source.attr("__dlpack__");
  // 1: the default stream, which has no address.
  const auto address = reinterpret_cast<std::uintptr_t>(asked.reader.handle());
  const py::int_ stream(address == 0 ? 1 : address);
  try {
    return dunder(py::arg("stream") = stream,
                  py::arg("max_version") = py::make_tuple(dlpack::major_version, 0),
                  py::arg("copy") = false);
  } catch (py::error_already_set& error) {
    // Older than DLPack 1.0: it has no such arguments, and never copies.
    if (!error.matches(PyExc_TypeError)) throw;
  }
  return dunder(py::arg("stream") = stream);
}

const dlpack::Tensor& tensor_in(const Asked& asked, const py::object& capsule) {
  if (PyCapsule_IsValid(capsule.ptr(), "dltensor_versioned")) {
    const auto* managed = static_cast<const dlpack::ManagedVersioned*>(
        PyCapsule_GetPointer(capsule.ptr(), "dltensor_versioned"));
    if (managed->version.major == dlpack::major_version) {
      if (asked.writable && (managed->flags & dlpack::read_only)) refuse_read_only(asked);
      if (asked.writable && (managed->flags & dlpack::is_copied))
        throw py::value_error(source_text(asked.source, asked.name) +
                              " gave a copy, expected its own memory (it is updated in place)");
      return managed->tensor;
    }
  } else if (PyCapsule_IsValid(capsule.ptr(), "dltensor")) {
    // PyTorch 2.9 gives no other, and its tensors may be written to.
    if (asked.writable && !says_is_cuda(asked.source))
      throw py::type_error(source_text(asked.source, asked.name) +
                           " does not say whether it may be written to (DLPack before 1.0), "
                           "expected one that does");
    return static_cast<const dlpack::Managed*>(PyCapsule_GetPointer(capsule.ptr(), "dltensor"))
        ->tensor;
  }
  throw py::type_error(source_text(asked.source, asked.name) +
                       " gave no capsule of DLPack 1, expected one");
}

TakenOnDevice from_dlpack(const Asked& asked) {
  TakenOnDevice found;
  try {
    found.owner = capsule_of(asked);
  } catch (py::error_already_set& error) {
    refuse(error, asked);
  }
  // The capsule stays unconsumed and keeps the memory: its own destructor frees it.
  const dlpack::Tensor& tensor = tensor_in(asked, found.owner);
  found.array =
      described(tensor, Memory::cuda, asked.source, asked.name, asked.allowed, asked.shape);
  return found;
}

py::object interface_of(py::handle source) {
  return py::getattr(source, "__cuda_array_interface__", py::none());
}

// PyTorch before 2.10, and what is derived from its tensors: the stream is its current one, in
// whose order it gives memory away too.
TakenOnDevice from_torch(const Asked& asked) {
  const py::object interface = interface_of(asked.source);
  TakenOnDevice found = has_word(interface) ? from_interface(asked, interface) : from_dlpack(asked);
  const py::object of = py::module_::import("torch").attr("cuda").attr("current_stream");
  found.stream = stream_of(of(found.array.device));
  found.has_stream = true;
  return found;
}

bool says_dlpack_cuda(py::handle source) {
  if (!py::hasattr(source, "__dlpack__") || !py::hasattr(source, "__dlpack_device__")) return false;
  const auto device = py::cast<py::tuple>(source.attr("__dlpack_device__")());
  return is_cuda(py::cast<std::int32_t>(py::int_(py::object(device[0]))));
}

}  // namespace

bool is_on_device(py::handle source) {
  if (py::isinstance<DeviceArray>(source)) return true;
  if (py::isinstance<py::array>(source) || py::isinstance<py::type>(source)) return false;
  if (const dlpack::Exchange* api = exchange(source)) {
    dlpack::Tensor tensor;
    if (api->describe(source.ptr(), &tensor) == 0) return is_cuda(tensor.device.type);
    PyErr_Clear();
  }
  return says_is_cuda(source) || !interface_of(source).is_none() || says_dlpack_cuda(source);
}

TakenOnDevice taken_on_device(py::handle source, const std::string& name,
                              std::initializer_list<Dtype> allowed, const Shape& shape,
                              bool writable, const cuda::Stream& reader) {
  const Asked asked{
      py::reinterpret_borrow<py::object>(source), name, allowed, shape, writable, reader};
  if (py::isinstance<DeviceArray>(source))
    return from_own(asked, py::cast<const DeviceArray&>(source));
  if (!is_on_device(source))
    throw py::type_error(source_text(source, name) + ", expected an array of " +
                         allowed_text(allowed) + " on a CUDA device");
  if (const dlpack::Exchange* api = exchange(source)) return from_exchange(asked, *api);
  if (says_is_cuda(source) && py::hasattr(source, "detach"))
    return from_torch({source.attr("detach")(), name, allowed, shape, writable, reader});
  const py::object interface = interface_of(source);
  // Before its version 3 the interface has no word for streams, JAX's for one: DLPack has.
  const bool is_ordered = py::isinstance<py::dict>(interface) && interface.contains("stream");
  const bool is_enough = has_word(interface) && (is_ordered || writable);
  if (!interface.is_none() && (is_enough || !says_dlpack_cuda(source)))
    return from_interface(asked, interface);
  return from_dlpack(asked);
}

}  // namespace saddlescape::bind
