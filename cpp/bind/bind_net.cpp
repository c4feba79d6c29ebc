#include <pybind11/stl.h>

#include <cstdint>

#include "bind/architecture.hpp"
#include "bind/array.hpp"
#include "bind/gil.hpp"
#include "bind/net_arguments.hpp"
#include "net/assembly.hpp"
#include "net/gram.hpp"
#include "net/layered.hpp"

namespace py = pybind11;

namespace saddlescape::bind {
namespace {

using net::Architecture;
using net::Batch;

template <class Table>
std::vector<std::string> names(const Table& table) {
  std::vector<std::string> all;
  for (const auto& row : table) all.emplace_back(row.name);
  return all;
}

std::int64_t checked_layer(const Architecture& net, std::int64_t layer) {
  if (layer < 1 || layer > net.layers())
    throw py::value_error("layer: " + std::to_string(layer) + ", expected 1 to " +
                          std::to_string(net.layers()));
  return layer;
}

py::array predict(const Architecture& net, py::handle theta, py::handle X, const Setting& setting) {
  const Arguments in(net, theta, X, {});
  const net::Mode mode = setting.of(net, in.samples());
  return with_dtype(in.theta.dtype, [&](auto zero) -> py::array {
    using T = decltype(zero);
    py::array_t<T> out({in.samples(), net.outputs()});
    T* data = out.mutable_data();
    const ReleaseGil release;
    net::predict(net, in.theta.as<T>(), in.X.as<T>(), in.samples(), data, mode);
    return out;
  });
}

double loss(const Architecture& net, py::handle theta, py::handle X, py::handle Y,
            const Setting& setting, py::handle weight) {
  const Arguments in(net, theta, X, Y, weight);
  const net::Mode mode = setting.of(net, in.samples());
  return with_dtype(in.theta.dtype, [&](auto zero) {
    using T = decltype(zero);
    const ReleaseGil release;
    return net::loss(net, in.theta.as<T>(), in.batch<T>(), mode);
  });
}

std::pair<double, py::array> loss_and_gradient(const Architecture& net, const Arguments& in,
                                               const net::Mode& mode) {
  return with_dtype(in.theta.dtype, [&](auto zero) -> std::pair<double, py::array> {
    using T = decltype(zero);
    py::array_t<T> g(net.parameters());
    T* data = g.mutable_data();
    double value;
    {
      const ReleaseGil release;
      value = net::gradient(net, in.theta.as<T>(), in.batch<T>(), data, mode);
    }
    return {value, g};
  });
}

py::tuple gradient(const Architecture& net, py::handle theta, py::handle X, py::handle Y,
                   const Setting& setting, py::handle weight) {
  const Arguments in(net, theta, X, Y, weight);
  const net::Mode mode = setting.of(net, in.samples());
  const auto [value, g] = loss_and_gradient(net, in, mode);
  return py::make_tuple(value, g);
}

py::array hvp(const Architecture& net, py::handle theta, py::handle X, py::handle Y,
              py::handle V_in, const Setting& setting, py::handle weight) {
  const Arguments in(net, theta, X, Y, weight);
  const net::Mode mode = setting.of(net, in.samples());
  const Array V = checked_array(V_in, "V", {in.theta.dtype}, {any, net.parameters()});
  check_finite(V, "V");
  return with_dtype(in.theta.dtype, [&](auto zero) -> py::array {
    using T = decltype(zero);
    py::array_t<T> HV({V.shape[0], net.parameters()});
    T* data = HV.mutable_data();
    const ReleaseGil release;
    net::hessian_product(net, in.theta.as<T>(), in.batch<T>(), V.as<T>(), V.shape[0], data, mode);
    return HV;
  });
}

py::array hvp_extended(const Architecture& net, py::handle theta, py::handle X, py::handle Y,
                       py::handle v_in, const Setting& setting, py::handle weight) {
  const Arguments in(net, theta, X, Y, weight);
  const net::Mode mode = setting.of(net, in.samples());
  checked_array(theta, "theta", {Dtype::float64});
  const Array v = checked_array(v_in, "v", {Dtype::float64}, {net.parameters()});
  py::array_t<double> Hv(net.parameters());
  double* data = Hv.mutable_data();
  const ReleaseGil release;
  net::hessian_product_extended(net, in.theta.as<double>(), in.batch<double>(), v.as<double>(),
                                data, mode);
  return Hv;
}

py::array hessian(const Architecture& net, py::handle theta, py::handle X, py::handle Y,
                  const std::string& part, std::int64_t first, std::int64_t last,
                  const Setting& setting, py::handle weight) {
  const Arguments in(net, theta, X, Y, weight);
  const net::Mode mode = setting.of(net, in.samples());
  checked_array(theta, "theta", {Dtype::float64});
  const net::Part which = part_named(part);
  checked_layer(net, first);
  checked_layer(net, last);
  if (first > last)
    throw py::value_error("layers: " + std::to_string(first) + " to " + std::to_string(last) +
                          ", expected the first before the last");
  const std::int64_t size = net.weight_offset(last + 1) - net.weight_offset(first);
  py::array_t<double> H({size, size});
  double* data = H.mutable_data();
  const ReleaseGil release;
  if (net.plain(mode))
    net::hessian(net, in.theta.as<double>(), in.batch<double>(), which, first, last, data);
  else
    net::layered_hessian(net, in.theta.as<double>(), in.batch<double>(), mode, which, first, last,
                         data);
  return H;
}

py::array hessian_diagonal(const Architecture& net, py::handle theta, py::handle X, py::handle Y,
                           const std::string& part, const Setting& setting, py::handle weight) {
  const Arguments in(net, theta, X, Y, weight);
  const net::Mode mode = setting.of(net, in.samples());
  checked_array(theta, "theta", {Dtype::float64});
  const net::Part which = part_named(part);
  py::array_t<double> diagonal(net.parameters());
  double* data = diagonal.mutable_data();
  const ReleaseGil release;
  if (net.plain(mode))
    net::hessian_diagonal(net, in.theta.as<double>(), in.batch<double>(), which, data);
  else
    net::layered_diagonal(net, in.theta.as<double>(), in.batch<double>(), mode, which, data);
  return diagonal;
}

py::array gauss_newton_gram(const Architecture& net, py::handle theta, py::handle X, py::handle Y,
                            const Setting& setting, py::handle weight) {
  const Arguments in(net, theta, X, Y, weight);
  if (!net.plain(setting.of(net, in.samples())))
    throw py::value_error(
        "net: normalisation, residual or dropout, expected a plain network for this matrix; "
        "gauss_newton() gives the one (P, P) that has the same eigenvalues");
  checked_array(theta, "theta", {Dtype::float64});
  const std::int64_t size = in.samples() * net.outputs();
  py::array_t<double> K({size, size});
  double* data = K.mutable_data();
  const ReleaseGil release;
  net::gauss_newton_gram(net, in.theta.as<double>(), in.batch<double>(), data);
  return K;
}

// (loss, g, moments): also each hidden unit's mean and biased variance over the batch, (2, units).
py::tuple gradient_and_moments(const Architecture& net, py::handle theta, py::handle X,
                               py::handle Y, const Setting& setting, py::handle weight) {
  const Arguments in(net, theta, X, Y, weight);
  net::Mode mode = setting.of(net, in.samples());
  if (!net.coupled(mode))
    throw py::value_error("mode: no batch normalisation in training, expected one");
  py::array_t<double> moments({std::int64_t(2), net.hidden_units()});
  mode.seen_mean = moments.mutable_data();
  mode.seen_variance = mode.seen_mean + net.hidden_units();
  const auto [value, g] = loss_and_gradient(net, in, mode);
  return py::make_tuple(value, g, moments);
}

std::int64_t offset_of(const Architecture& net, std::int64_t layer) {
  if (!net.normalised(checked_layer(net, layer)))
    throw py::value_error("layer: " + std::to_string(layer) + ", expected a normalised one");
  return net.scale_offset(layer);
}

}  // namespace

void net(py::module_ module) {
  module.def("activations", [] { return names(net::activations); });
  module.def("losses", [] { return names(net::losses); });
  module.def("normalisations", [] { return names(net::normalisations); });

  net_setting(module);
  py::class_<Architecture>(module, "Network")
      .def(py::init(&architecture), py::arg("sizes"), py::arg("activation"), py::arg("loss"),
           py::arg("bias"), py::arg("normalisation") = "none", py::arg("residual") = false,
           py::arg("dropout") = 0.0, py::arg("huber_delta") = 1.0,
           py::arg("normalise_after") = false)
      .def_property_readonly("parameters", &Architecture::parameters)
      .def_property_readonly(
          "plain",
          [](const Architecture& net) {
            return net.plain(net::Mode{true, 0, 0, nullptr, nullptr, nullptr, nullptr});
          })
      .def(
          "weight_offset",
          [](const Architecture& net, std::int64_t layer) {
            return net.weight_offset(checked_layer(net, layer));
          },
          py::arg("layer"))
      .def(
          "bias_offset",
          [](const Architecture& net, std::int64_t layer) {
            return net.bias_offset(checked_layer(net, layer));
          },
          py::arg("layer"))
      .def("scale_offset", &offset_of, py::arg("layer"))
      .def("predict", &predict, py::arg("theta"), py::arg("X"), py::arg("mode") = Setting())
      .def("loss", &loss, py::arg("theta"), py::arg("X"), py::arg("Y"), py::arg("mode") = Setting(),
           py::arg("weight") = py::none())
      .def("gradient", &gradient, py::arg("theta"), py::arg("X"), py::arg("Y"),
           py::arg("mode") = Setting(), py::arg("weight") = py::none())
      .def("gradient_and_moments", &gradient_and_moments, py::arg("theta"), py::arg("X"),
           py::arg("Y"), py::arg("mode"), py::arg("weight") = py::none())
      .def("hvp", &hvp, py::arg("theta"), py::arg("X"), py::arg("Y"), py::arg("V"),
           py::arg("mode") = Setting(), py::arg("weight") = py::none())
      .def("hvp_extended", &hvp_extended, py::arg("theta"), py::arg("X"), py::arg("Y"),
           py::arg("v"), py::arg("mode") = Setting(), py::arg("weight") = py::none())
      .def("hessian", &hessian, py::arg("theta"), py::arg("X"), py::arg("Y"), py::arg("part"),
           py::arg("first"), py::arg("last"), py::arg("mode") = Setting(),
           py::arg("weight") = py::none())
      .def("hessian_diagonal", &hessian_diagonal, py::arg("theta"), py::arg("X"), py::arg("Y"),
           py::arg("part"), py::arg("mode") = Setting(), py::arg("weight") = py::none())
      .def("gauss_newton_gram", &gauss_newton_gram, py::arg("theta"), py::arg("X"), py::arg("Y"),
           py::arg("mode") = Setting(), py::arg("weight") = py::none());
  net_activate(module);
  net_products(module);
}

}  // namespace saddlescape::bind
