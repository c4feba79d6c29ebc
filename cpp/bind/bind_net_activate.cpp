#include <algorithm>

#include "bind/gil.hpp"
#include "bind/net_arguments.hpp"
#include "net/activate_rows.hpp"

namespace py = pybind11;

namespace saddlescape::bind {
namespace {

// (phi(z), phi'(z)) of the hidden layers' activation.
py::tuple activate(const net::Architecture& net, py::handle z_in) {
  const Array z = checked_array(z_in, "z", {Dtype::float32, Dtype::float64}, {any, any});
  check_finite(z, "z");
  return with_dtype(z.dtype, [&](auto zero) -> py::tuple {
    using T = decltype(zero);
    py::array_t<T> values(z.shape), slopes(z.shape);
    T *value = values.mutable_data(), *slope = slopes.mutable_data();
    {
      const ReleaseGil release;
      std::copy_n(z.as<T>(), z.size, value);
      net::activate_rows<T>(net, value, slope, nullptr, z.shape[0], z.shape[1], z.shape[1]);
    }
    return py::make_tuple(values, slopes);
  });
}

}  // namespace

void net_activate(py::module_ module) {
  module.def("activate", &activate, py::arg("network"), py::arg("z"));
}

}  // namespace saddlescape::bind
