#include "bind/cuda/device_array.hpp"

#include <pybind11/stl.h>

#include "bind/gil.hpp"

namespace saddlescape::bind {

DeviceArray::DeviceArray(const Shape& shape, Dtype dtype, const char* what)
    : shape_(shape),
      dtype_(dtype),
      size_(1),
      device_(cuda::current_device()),
      memory_(std::make_shared<cuda::Memory>(cuda::Memory::Where::device, what)) {
  for (const std::int64_t length : shape) size_ *= length;
  memory_->grow(bytes());
}

Array DeviceArray::array() const {
  Array described;
  described.data = data();
  described.dtype = dtype_;
  described.shape = shape_;
  described.size = size_;
  described.device = device_;
  return described;
}

DeviceArray device_zeros(const Shape& shape, Dtype dtype, const cuda::Stream& stream,
                         const char* what) {
  DeviceArray made(shape, dtype, what);
  cuda::set_zero(stream, made.data(), made.bytes());
  made.written_in(stream);
  return made;
}

DeviceArray to_device(py::handle source, const std::string& name, const cuda::Stream& stream,
                      std::initializer_list<Dtype> allowed) {
  const Array array = checked_array(source, name, allowed);
  DeviceArray made(array.shape, array.dtype);
  {
    const ReleaseGil release;
    cuda::upload(stream, made.data(), array.data, made.bytes());
    stream.wait();
  }
  made.written_in(stream);
  return made;
}

py::array to_host(const Array& array, const cuda::Stream& stream) {
  // NumPy has no bfloat16: its bits.
  const Dtype dtype = array.dtype == Dtype::bfloat16 ? Dtype::uint16 : array.dtype;
  py::array made(py::dtype(dtype_name(dtype)), array.shape);
  void* const data = made.mutable_data();
  {
    const ReleaseGil release;
    cuda::download(stream, data, array.data, array.size * width(array.dtype));
    stream.wait();
  }
  return made;
}

cuda::Stream stream_of(const py::object& source, const cuda::Stream& otherwise) {
  if (source.is_none()) return otherwise;
  py::object number = source;
  for (const char* const attribute : {"cuda_stream", "ptr"})
    if (py::hasattr(source, attribute)) number = source.attr(attribute);
  if (!py::isinstance<py::int_>(number) || py::isinstance<py::bool_>(number))
    throw py::type_error("stream: " + type_text(source) +
                         ", expected None, a stream of PyTorch or CuPy, or its address as an int");
  const auto address = py::cast<std::int64_t>(number);
  if (address < 0)
    throw py::value_error("stream: " + std::to_string(address) + ", expected an address >= 0");
  // 1 is another name of the default stream.
  return cuda::Stream(reinterpret_cast<void*>(address == 1 ? 0 : address));
}

}  // namespace saddlescape::bind
