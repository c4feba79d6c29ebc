// What Python does to a network's arguments on the device.
#include <type_traits>

#include "bind/cuda/net_arguments.hpp"

namespace saddlescape::bind {
namespace {

cuda::Stream stream_of_array(const TakenOnDevice& given) {
  return given.has_stream ? given.stream : cuda::Stream();
}

Dtype real_named(const std::string& name) {
  if (name == "float32") return Dtype::float32;
  if (name == "float64") return Dtype::float64;
  throw py::value_error("dtype: '" + name + "', expected float32 or float64");
}

bool is_whole(Dtype dtype) { return dtype == Dtype::int64 || dtype == Dtype::int32; }

// Calls visit with a value of the C++ type; JAX has no wider integers than int32.
template <class Visit>
void with_target(Dtype dtype, const Visit& visit) {
  if (dtype == Dtype::int64) return visit(std::int64_t{});
  if (dtype == Dtype::int32) return visit(std::int32_t{});
  with_dtype(dtype, visit);
}

// Refuses the first of y that is not in [low, high].
void check_targets(const TakenOnDevice& y, const cuda::Stream& stream, double low, double high,
                   const std::string& expected) {
  if (!is_whole(y.array.dtype)) return check_numbers(y, stream, "y", low, high, expected);
  if (high == infinity) return;
  with_target(y.array.dtype, [&](auto zero) {
    using T = decltype(zero);
    check_range<T>(y, stream, "y", static_cast<T>(low), static_cast<T>(high), expected);
  });
}

// Targets (N, C) of classes (N,), or of targets (N,), (N, C) in [low, high].
DeviceArray targets(py::handle y_in, std::int64_t samples, std::int64_t outputs,
                    const std::string& precision, double low, double high) {
  const Dtype dtype = real_named(precision);
  const TakenOnDevice y =
      taken_on_device(y_in, "y", {Dtype::int64, Dtype::int32, Dtype::float32, Dtype::float64});
  const Shape& shape = y.array.shape;
  if ((shape.size() != 1 && shape.size() != 2) || shape[0] != samples ||
      (shape.size() == 2 && shape[1] != outputs))
    throw py::value_error("y: shape " + shape_text(shape) + ", expected (" +
                          std::to_string(samples) + ",) or (" + std::to_string(samples) + ", " +
                          std::to_string(outputs) + ")");
  const bool classes = shape.size() == 1 && outputs > 1;
  if (classes && !is_whole(y.array.dtype))
    throw py::type_error("y: " + std::string(dtype_name(y.array.dtype)) + " of shape " +
                         shape_text(shape) + ", expected classes (N,), int64 or int32, or " +
                         "targets of shape (N, " + std::to_string(outputs) + ")");
  const cuda::OnDevice there(y.array.device);
  const cuda::Stream stream = stream_of_array(y);
  if (classes)
    check_targets(y, stream, 0, static_cast<double>(outputs - 1),
                  "classes 0 to " + std::to_string(outputs - 1));
  else
    check_targets(y, stream, low, high, high == 1 ? "probabilities from 0 to 1" : "finite targets");
  DeviceArray made({samples, outputs}, dtype, "the targets");
  made.written_in(stream);
  with_dtype(dtype, [&](auto to) {
    using T = decltype(to);
    with_target(y.array.dtype, [&](auto from) {
      using From = decltype(from);
      const From* const given = y.array.as<From>();
      if constexpr (std::is_integral_v<From>)
        if (classes) return cuda::one_hot(stream, given, made.as<T>(), samples, outputs);
      cuda::convert(stream, given, made.as<T>(), y.array.size);
    });
  });
  settle(y, stream);
  return made;
}

DeviceArray smoothed(py::handle Y_in, double smoothing) {
  const TakenOnDevice Y = taken_on_device(Y_in, "Y", {Dtype::float32, Dtype::float64}, {any, any});
  const cuda::OnDevice there(Y.array.device);
  const cuda::Stream stream = stream_of_array(Y);
  DeviceArray made(Y.array.shape, Y.array.dtype, "the smoothed targets");
  made.written_in(stream);
  with_dtype(Y.array.dtype, [&](auto zero) {
    using T = decltype(zero);
    cuda::smooth(stream, Y.array.as<T>(), made.as<T>(), Y.array.size, smoothing, Y.array.shape[1]);
  });
  settle(Y, stream);
  return made;
}

// In another precision, as an array of our own.
DeviceArray converted(py::handle source, const std::string& name, const std::string& dtype_name) {
  const Dtype dtype = real_named(dtype_name);
  const TakenOnDevice given = taken_on_device(source, name, {Dtype::float32, Dtype::float64});
  const cuda::OnDevice there(given.array.device);
  const cuda::Stream stream = stream_of_array(given);
  DeviceArray made(given.array.shape, dtype, "an array in another precision");
  made.written_in(stream);
  with_dtype(given.array.dtype, [&](auto from) {
    with_dtype(dtype, [&](auto to) {
      cuda::convert(stream, given.array.as<decltype(from)>(), made.as<decltype(to)>(),
                    given.array.size);
    });
  });
  settle(given, stream);
  return made;
}

// Puts the numbers of an array, on the host or on the device, into `to`; all or nothing.
void assign(DeviceArray& to, py::handle source, const std::string& name) {
  const cuda::OnDevice there(to.device());
  if (is_on_device(source)) {
    const TakenOnDevice given = taken_on_device(source, name, {to.dtype()}, to.shape());
    check_numbers(given, stream_of_array(given), name, -infinity, infinity, "finite numbers");
    if (given.has_stream) to.stream().follow(given.stream);
    cuda::copy(to.stream(), to.data(), given.array.data, to.bytes());
    settle(given, to.stream());
    return;
  }
  const Array given = checked_array(source, name, {to.dtype()}, to.shape());
  cuda::upload(to.stream(), to.data(), given.data, to.bytes());
  to.stream().wait();
}

}  // namespace

void cuda_net_arguments(py::module_ module) {
  module.def("targets", &targets, py::arg("y"), py::arg("samples"), py::arg("outputs"),
             py::arg("dtype"), py::arg("low"), py::arg("high"));
  module.def("smoothed", &smoothed, py::arg("Y"), py::arg("smoothing"));
  module.def("converted", &converted, py::arg("source"), py::arg("name"), py::arg("dtype"));
  module.def("assign", &assign, py::arg("to"), py::arg("source"), py::arg("name"));
}

}  // namespace saddlescape::bind
