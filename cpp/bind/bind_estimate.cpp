// Density, trace and diagonal of an operator, from random vectors.
#include "bind/array.hpp"
#include "bind/gil.hpp"
#include "bind/operator.hpp"
#include "bind/parts.hpp"
#include "eig/hutchinson.hpp"
#include "eig/quadrature.hpp"
#include "eig/sketch.hpp"

namespace saddlescape::bind {
namespace {

// Known eigenvalues and their errors; sizes, nodes, weights and residuals of the probes; products,
// norm, noise.
py::tuple quadrature(std::int64_t n, const py::function& apply, std::int64_t steps,
                     std::int64_t probes, std::uint64_t seed, const py::object& pieces) {
  const eig::Operator op = operator_of(n, apply, pieces);
  eig::Quadrature q;
  {
    const ReleaseGil release;
    q = eig::quadrature(op, steps, probes, seed);
  }
  py::array_t<std::int64_t> sizes(static_cast<py::ssize_t>(q.sizes.size()), q.sizes.data());
  return py::make_tuple(copied(q.known), copied(q.known_errors), sizes, copied(q.nodes),
                        copied(q.weights), copied(q.residuals), q.products, q.norm, q.noise);
}

// The operator and what is asked of it, for as long as Python holds it.
template <class Estimator>
class Held {
 public:
  template <class... Arguments>
  Held(std::int64_t n, py::function apply, Arguments... arguments)
      : n_(n),
        apply_(std::move(apply)),
        op_(operator_of(n, apply_)),
        estimator_(op_, arguments...) {}
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

  std::int64_t n() const { return n_; }
  Estimator& operator*() { return estimator_; }
  Estimator* operator->() { return &estimator_; }

 private:
  std::int64_t n_;
  py::function apply_;
  eig::Operator op_;
  Estimator estimator_;
};

using HeldSketch = Held<eig::Sketch>;
using HeldHutchinson = Held<eig::Hutchinson>;

// R (q, k), W (q, k), H (q, q), omega' A omega (k,), |omega|^2 (k,).
py::tuple small_matrices(HeldSketch& sketch) {
  const std::int64_t k = sketch->vectors(), q = sketch->rank();
  return py::make_tuple(copied(sketch->r(), q, k), copied(sketch->w(), q, k),
                        copied(sketch->h(), q, q), copied(sketch->quadratic()),
                        copied(sketch->squares()));
}

// Mean and squared deviations (n,) of the k estimates; the arguments (k, q).
py::tuple sketch_diagonal(HeldSketch& sketch, py::handle S, py::handle HS, py::handle A,
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

py::tuple exact_diagonal(std::int64_t n, const py::function& apply, std::int64_t block) {
  const eig::Operator op = operator_of(n, apply);
  eig::ExactDiagonal diagonal;
  {
    const ReleaseGil release;
    diagonal = eig::exact_diagonal(op, block);
  }
  return py::make_tuple(copied(diagonal.values), diagonal.products);
}

void sketch(py::module_& module) {
  py::class_<HeldSketch>(module, "Sketch")
      .def(py::init<std::int64_t, py::function, std::int64_t, bool, std::uint64_t>(), py::arg("n"),
           py::arg("apply"), py::arg("block"), py::arg("signs"), py::arg("seed"))
      .def(
          "grow",
          [](HeldSketch& self, std::int64_t count) {
            const ReleaseGil release;
            self->grow(count);
          },
          py::arg("count"))
      .def_property_readonly("products", [](HeldSketch& self) { return self->products(); })
      .def_property_readonly("vectors", [](HeldSketch& self) { return self->vectors(); })
      .def_property_readonly("unit", [](HeldSketch& self) { return self->unit(); })
      .def("small_matrices", &small_matrices)
      .def("diagonal", &sketch_diagonal, py::arg("S"), py::arg("HS"), py::arg("A"), py::arg("B"));
}

void hutchinson(py::module_& module) {
  py::class_<HeldHutchinson>(module, "Hutchinson")
      .def(py::init<std::int64_t, py::function, std::int64_t, bool, std::uint64_t>(), py::arg("n"),
           py::arg("apply"), py::arg("block"), py::arg("elements"), py::arg("seed"))
      .def(
          "sample",
          [](HeldHutchinson& self, std::int64_t count) {
            const ReleaseGil release;
            self->sample(count);
          },
          py::arg("count"))
      .def_property_readonly("products", [](HeldHutchinson& self) { return self->products(); })
      .def_property_readonly("unit", [](HeldHutchinson& self) { return self->unit(); })
      .def("diagonal",
           [](HeldHutchinson& self) {
             return py::make_tuple(copied(self->mean()), copied(self->deviations()));
           })
      .def("trace", [](HeldHutchinson& self) {
        return py::make_tuple(self->trace_mean(), self->trace_deviations());
      });
}

}  // namespace

void estimate(py::module_ module) {
  module.def("quadrature", &quadrature, py::arg("n"), py::arg("apply"), py::arg("steps"),
             py::arg("probes"), py::arg("seed"), py::arg("pieces"));
  module.def("exact_diagonal", &exact_diagonal, py::arg("n"), py::arg("apply"), py::arg("block"));
  sketch(module);
  hutchinson(module);
}

}  // namespace saddlescape::bind
