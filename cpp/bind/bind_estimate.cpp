// Density, trace and diagonal of an operator, from random vectors.
#include "bind/parts.hpp"
#include "bind/solvers.hpp"

namespace saddlescape::bind {
namespace {

// Mean and squared deviations (n,) of the k estimates; the arguments (k, q).
py::tuple sketch_diagonal(HeldSketch<HostPlace>& sketch, py::handle S, py::handle HS, py::handle A,
                          py::handle B) {
  const Shape shape{sketch->vectors(), sketch->rank()};
  const Array s = checked_array(S, "S", {Dtype::float64}, shape);
  const Array hs = checked_array(HS, "HS", {Dtype::float64}, shape);
  const Array a = checked_array(A, "A", {Dtype::float64}, shape);
  const Array b = checked_array(B, "B", {Dtype::float64}, shape);
  Vector mean(sketch.n()), deviations(sketch.n());
  double *m = mean.mutable_data(), *d = deviations.mutable_data();
  {
    const ReleaseGil release;
    sketch->diagonal(s.as<const double>(), hs.as<const double>(), a.as<const double>(),
                     b.as<const double>(), m, d);
  }
  return py::make_tuple(mean, deviations);
}

}  // namespace

void estimate(py::module_ module) {
  define_quadrature<HostPlace>(module);
  define_sketch<HostPlace>(module).def("diagonal", &sketch_diagonal, py::arg("S"), py::arg("HS"),
                                       py::arg("A"), py::arg("B"));
  define_hutchinson<HostPlace>(module).def("diagonal", [](HeldHutchinson<HostPlace>& self) {
    return py::make_tuple(copied(self->mean()), copied(self->deviations()));
  });
}

}  // namespace saddlescape::bind
