#include <memory>
#include <type_traits>

#include "bind/gil.hpp"
#include "bind/net_arguments.hpp"
#include "net/layered.hpp"
#include "net/products.hpp"

namespace py = pybind11;

namespace saddlescape::bind {
namespace {

using net::Architecture;

// Products at one point: theta is copied, X, Y and weights are held.
class Products {
 public:
  Products(const Architecture& net, py::handle theta, py::handle X, py::handle Y,
           std::int64_t most_bytes, const Setting& setting, py::handle weight)
      : held_(py::make_tuple(X, Y, weight)) {
    const Arguments in(net, theta, X, Y, weight);
    dtype_ = in.theta.dtype;
    parameters_ = net.parameters();
    const net::Mode mode = setting.of(net, in.samples());
    with_dtype(dtype_, [&](auto zero) {
      using T = decltype(zero);
      const ReleaseGil release;
      if (net.plain(mode))
        of<T>().plain =
            std::make_unique<net::Products<T>>(net, in.theta.as<T>(), in.batch<T>(), most_bytes);
      else
        of<T>().layered = std::make_unique<net::LayeredProducts<T>>(
            net, in.theta.as<T>(), in.batch<T>(), mode, net::Part::all, most_bytes);
    });
  }

  bool kept() const { return dtype_ == Dtype::float32 ? narrow_.kept() : wide_.kept(); }

  py::array product(py::handle V_in) {
    const Array V = checked_array(V_in, "V", {dtype_}, {any, parameters_});
    check_finite(V, "V");
    return with_dtype(dtype_, [&](auto zero) -> py::array {
      using T = decltype(zero);
      py::array_t<T> HV({V.shape[0], parameters_});
      T* data = HV.mutable_data();
      const ReleaseGil release;
      of<T>().product(V.as<T>(), V.shape[0], data);
      return HV;
    });
  }

 private:
  // One of the two.
  template <class T>
  struct Either {
    std::unique_ptr<net::Products<T>> plain;
    std::unique_ptr<net::LayeredProducts<T>> layered;

    bool kept() const { return plain ? plain->kept() : layered->kept(); }
    void product(const T* V, std::int64_t k, T* HV) const {
      if (plain)
        plain->product(V, k, HV);
      else
        layered->product(V, k, HV);
    }
  };

  template <class T>
  Either<T>& of() {
    if constexpr (std::is_same_v<T, float>)
      return narrow_;
    else
      return wide_;
  }

  py::tuple held_;
  Dtype dtype_ = Dtype::float64;
  std::int64_t parameters_ = 0;
  Either<float> narrow_;
  Either<double> wide_;
};

}  // namespace

void net_products(py::module_ module) {
  py::class_<Products>(module, "Products")
      .def(py::init<const Architecture&, py::handle, py::handle, py::handle, std::int64_t,
                    const Setting&, py::handle>(),
           py::arg("network"), py::arg("theta"), py::arg("X"), py::arg("Y"), py::arg("most_bytes"),
           py::arg("mode") = Setting(), py::arg("weight") = py::none())
      .def_property_readonly("kept", &Products::kept)
      .def("product", &Products::product, py::arg("V"));
}

}  // namespace saddlescape::bind
