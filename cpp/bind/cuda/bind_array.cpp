// DeviceArray as Python sees it, and as it lends its memory to other libraries.
#include <pybind11/stl.h>

#include "bind/cuda/device_array.hpp"
#include "bind/cuda/parts.hpp"
#include "bind/described.hpp"
#include "bind/gil.hpp"

namespace saddlescape::bind {
namespace {

const char* type_string(Dtype dtype) {
  switch (dtype) {
    case Dtype::float64:
      return "<f8";
    case Dtype::int64:
      return "<i8";
    case Dtype::int32:
      return "<i4";
    case Dtype::float16:
      return "<f2";
    case Dtype::bfloat16:
      return "<V2";  // as PyTorch has it
    case Dtype::uint16:
      return "<u2";
    case Dtype::uint8:
      return "|u1";
    default:
      return "<f4";
  }
}

// 1: the default stream, which has no address.
std::uintptr_t number_of(const cuda::Stream& stream) {
  return stream.handle() ? reinterpret_cast<std::uintptr_t>(stream.handle()) : 1;
}

py::dict interface(const DeviceArray& array) {
  py::dict given;
  given["shape"] = py::tuple(py::cast(array.shape()));
  given["typestr"] = type_string(array.dtype());
  given["data"] = py::make_tuple(reinterpret_cast<std::uintptr_t>(array.data()), false);
  given["strides"] = py::none();
  given["version"] = 3;
  given["stream"] = number_of(array.stream());
  return given;
}

// What a capsule's taker holds on to.
template <class Managed>
struct Lent {
  Managed managed{};
  std::shared_ptr<const cuda::Memory> memory;
  Shape shape, strides;
};

template <class Managed>
Managed* lent(const DeviceArray& array) {
  auto* const own = new Lent<Managed>;
  own->memory = array.memory();
  own->shape = own->strides = array.shape();
  std::int64_t step = 1;
  for (std::size_t d = own->shape.size(); d-- > 0; step *= own->shape[d]) own->strides[d] = step;
  dlpack::Tensor& tensor = own->managed.tensor;
  tensor.data = array.data();
  tensor.device = {dlpack::cuda, array.device()};
  tensor.ndim = static_cast<std::int32_t>(own->shape.size());
  tensor.dtype = data_type(array.dtype());
  tensor.shape = own->shape.data();
  tensor.strides = own->strides.data();
  own->managed.context = own;
  own->managed.deleter = [](Managed* managed) {
    delete static_cast<Lent<Managed>*>(managed->context);
  };
  return &own->managed;
}

// Who took the memory renames the capsule, and calls the deleter itself.
template <class Managed>
py::object capsule(Managed* managed, const char* name) {
  PyObject* const made = PyCapsule_New(managed, name, [](PyObject* self) {
    constexpr bool versioned = std::is_same_v<Managed, dlpack::ManagedVersioned>;
    const char* const unused = versioned ? "dltensor_versioned" : "dltensor";
    if (!PyCapsule_IsValid(self, unused)) return;
    auto* const left = static_cast<Managed*>(PyCapsule_GetPointer(self, unused));
    left->deleter(left);
  });
  if (!made) {
    managed->deleter(managed);
    throw py::error_already_set();
  }
  return py::reinterpret_steal<py::object>(made);
}

DeviceArray copied(const DeviceArray& array) {
  const cuda::OnDevice there(array.device());
  DeviceArray made(array.shape(), array.dtype(), "a copy of an array");
  cuda::copy(array.stream(), made.data(), array.data(), array.bytes());
  made.written_in(array.stream());
  return made;
}

// The reader's stream comes after ours. None: the default one, as the standard has it; -1: it
// takes care of that itself.
void let_follow(const DeviceArray& array, const py::object& stream) {
  if (py::isinstance<py::int_>(stream)) {
    const auto number = py::cast<std::int64_t>(stream);
    if (number == -1) return;
    if (number == 0)
      throw py::value_error("stream: 0, expected None, -1, 1 (the default one), 2 or an address");
  }
  const cuda::OnDevice there(array.device());
  stream_of(stream).follow(array.stream());
}

py::object dlpack_of(const DeviceArray& array, const py::object& stream,
                     const py::object& max_version, const py::object& dl_device,
                     const py::object& copy) {
  const py::tuple own = py::make_tuple(dlpack::cuda, array.device());
  if (!dl_device.is_none() && !py::tuple(dl_device).equal(own)) {
    py::set_error(
        PyExc_BufferError,
        "dl_device: only the device that holds the array; .numpy() copies it to the host");
    throw py::error_already_set();
  }
  let_follow(array, stream);
  const bool copies = copy.ptr() == Py_True;
  const DeviceArray given = copies ? copied(array) : array;
  if (copies) let_follow(given, stream);
  if (max_version.is_none() || py::cast<std::int64_t>(py::tuple(max_version)[0]) < 1)
    return capsule(lent<dlpack::Managed>(given), "dltensor");
  auto* const managed = lent<dlpack::ManagedVersioned>(given);
  managed->version = {dlpack::major_version, 0};
  managed->flags = copies ? dlpack::is_copied : 0;
  return capsule(managed, "dltensor_versioned");
}

constexpr std::initializer_list<Dtype> kept = {Dtype::float32, Dtype::float64,  Dtype::int64,
                                               Dtype::int32,   Dtype::bfloat16, Dtype::float16,
                                               Dtype::uint16,  Dtype::uint8};

py::object numpy_dtype(Dtype dtype) {
  if (dtype == Dtype::bfloat16) return py::module_::import("ml_dtypes").attr("bfloat16");
  return py::dtype(dtype_name(dtype));
}

py::object on_host(const Array& array, const cuda::Stream& stream) {
  const cuda::OnDevice there(array.device);
  const py::array here = to_host(array, stream);
  if (array.dtype != Dtype::bfloat16) return here;
  return here.attr("view")(numpy_dtype(array.dtype));
}

py::object copied_to_host(py::handle source, const std::string& name) {
  const TakenOnDevice given = taken_on_device(source, name, kept);
  return on_host(given.array, given.stream);
}

Dtype dtype_named(const std::string& name) {
  for (const Dtype dtype : kept)
    if (name == dtype_name(dtype)) return dtype;
  throw py::type_error("dtype: '" + name + "', expected " + allowed_text(kept));
}

Shape shape_from(const std::vector<std::int64_t>& given) {
  double numbers = 1;  // a product that 64 bits can't hold is a large one here
  for (const std::int64_t length : given) {
    if (length < 0)
      throw py::value_error("shape: " + std::to_string(length) +
                            " among its lengths, expected lengths >= 0");
    numbers *= static_cast<double>(length);
  }
  if (!(numbers < 0x1p59))
    throw py::value_error("shape: " + shape_text(given) + ", expected fewer than 2^59 numbers");
  return given;
}

std::string text(const DeviceArray& array) {
  return "DeviceArray(shape=" + shape_text(array.shape()) + ", dtype=" + dtype_name(array.dtype()) +
         ", device='cuda:" + std::to_string(array.device()) + "')";
}

}  // namespace

void cuda_array(py::module_ module) {
  py::class_<DeviceArray>(module, "DeviceArray")
      .def_static(
          "from_numpy",
          [](const py::object& array, const py::object& stream) {
            cuda::need_device("DeviceArray.from_numpy");
            return to_device(array, "array", stream_of(stream), kept);
          },
          py::arg("array"), py::kw_only(), py::arg("stream") = py::none())
      .def_static(
          "zeros",
          [](const std::vector<std::int64_t>& shape, const std::string& dtype,
             const py::object& stream) {
            cuda::need_device("DeviceArray.zeros");
            return device_zeros(shape_from(shape), dtype_named(dtype), stream_of(stream));
          },
          py::arg("shape"), py::arg("dtype") = "float32", py::kw_only(),
          py::arg("stream") = py::none())
      .def("numpy", [](const DeviceArray& array) { return on_host(array.array(), array.stream()); })
      .def("copy", &copied)
      .def("__array__",
           [](const DeviceArray&, const py::args&, const py::kwargs&) -> py::object {
             throw py::type_error(
                 "a DeviceArray is not copied to the host unasked: .numpy() does that");
           })
      .def("__dlpack__", &dlpack_of, py::kw_only(), py::arg("stream") = py::none(),
           py::arg("max_version") = py::none(), py::arg("dl_device") = py::none(),
           py::arg("copy") = py::none())
      .def("__dlpack_device__",
           [](const DeviceArray& array) { return py::make_tuple(dlpack::cuda, array.device()); })
      .def_property_readonly("__cuda_array_interface__", &interface)
      .def_property_readonly(
          "shape", [](const DeviceArray& array) { return py::tuple(py::cast(array.shape())); })
      .def_property_readonly("ndim", [](const DeviceArray& array) { return array.shape().size(); })
      .def_property_readonly("size", &DeviceArray::size)
      .def_property_readonly("nbytes", &DeviceArray::bytes)
      .def_property_readonly(
          "dtype",
          [](const DeviceArray& array) {
            return py::module_::import("numpy").attr("dtype")(numpy_dtype(array.dtype()));
          })
      .def_property_readonly(
          "device",
          [](const DeviceArray& array) { return "cuda:" + std::to_string(array.device()); })
      .def("__repr__", &text);
  module.def("is_on_device", &is_on_device, py::arg("source"));
  module.def("copied_to_host", &copied_to_host, py::arg("source"), py::arg("name"));
}

}  // namespace saddlescape::bind
