// The iterative solvers as Python calls them, wherever their vectors lie.
//
// A Place says how a Python function becomes an operator, where eigenvectors go and where start
// vectors come from; HostPlace is NumPy, that of a device is cuda/bind_eig.cpp's. `where` is what
// Python says about it: None on the host, or what operator_of (bind/operator.hpp) takes as pieces.
#pragma once

#include <pybind11/stl.h>

#include <algorithm>
#include <utility>

#include "bind/array.hpp"
#include "bind/gil.hpp"
#include "bind/operator.hpp"
#include "eig/hutchinson.hpp"
#include "eig/lanczos.hpp"
#include "eig/quadrature.hpp"
#include "eig/sketch.hpp"

namespace saddlescape::bind {

struct HostPlace {
  static eig::Operator operator_of(std::int64_t n, const py::function& apply,
                                   const py::object& where) {
    return bind::operator_of(n, apply, where);
  }

  // Start vectors by rows; nothing for None.
  struct Start {
    Array vectors;
    Start(const py::object& source, const eig::Operator&) {
      if (source.is_none()) return;
      vectors = checked_array(source, "start", {Dtype::float64});
      check_finite(vectors, "start");
    }
    const double* data() const { return vectors.as<const double>(); }
    std::int64_t count() const { return vectors.shape.empty() ? 0 : vectors.shape[0]; }
  };

  // k vectors by rows.
  struct Vectors {
    Vector rows;
    Vectors(std::int64_t k, const eig::Operator& op) : rows({k, op.here()}) {}
    double* data() { return rows.mutable_data(); }
    py::object object() { return std::move(rows); }
  };
};

inline const char* outcome_name(eig::Outcome outcome) {
  switch (outcome) {
    case eig::Outcome::converged:
      return "CONVERGED";
    case eig::Outcome::unchecked:
      return "UNCHECKED";
    case eig::Outcome::stagnated:
      return "STAGNATED";
    case eig::Outcome::budget:
      return "BUDGET";
    case eig::Outcome::stopped:
      break;
  }
  return "STOPPED";
}

// Eigenvalues, eigenvectors by rows, residuals, gaps, bounds, multiplicities, converged,
// probability that one is missing, products, outcome. Eigenvectors and start are this process'
// columns where there are pieces.
template <class Place>
py::tuple lanczos(std::int64_t n, const py::function& apply, std::int64_t low, std::int64_t high,
                  double tol, std::int64_t max_products, std::int64_t block, std::uint64_t seed,
                  std::int64_t basis, double missing, const py::object& start,
                  const py::object& callback, const py::object& where) {
  const eig::Operator op = Place::operator_of(n, apply, where);
  eig::LanczosOptions options;
  options.low = low;
  options.high = high;
  options.tol = tol;
  options.max_products = max_products;
  options.block = block;
  options.seed = seed;
  options.basis = basis;
  options.missing = missing;
  const typename Place::Start near(start, op);
  options.start = near.data();
  options.starts = near.count();
  typename Place::Vectors vectors(std::min(low < n - high ? low + high : n, n), op);
  options.eigenvectors = vectors.data();
  if (!callback.is_none())
    options.callback = [&](std::int64_t products, const std::vector<double>& values,
                           const std::vector<double>& residuals) {
      return or_stay([&] {
        const py::gil_scoped_acquire acquire;
        const auto arguments = py::make_tuple(products, copied(values), copied(residuals));
        return static_cast<bool>(py::bool_(called(callback, arguments)));
      });
    };
  eig::LanczosResult r;
  {
    const ReleaseGil release;
    r = eig::lanczos(op, options);
  }
  const auto k = static_cast<py::ssize_t>(r.eigenvalues.size());
  py::array_t<bool> converged(k);
  std::copy(r.converged.begin(), r.converged.end(), converged.mutable_data());
  const py::array_t<std::int64_t> multiplicities(k, r.multiplicities.data());
  return py::make_tuple(copied(r.eigenvalues), vectors.object(), copied(r.residuals),
                        copied(r.gaps), copied(r.bounds), multiplicities, converged, r.missing,
                        r.products, outcome_name(r.outcome));
}

template <class Place>
void define_lanczos(py::module_& module) {
  module.def("lanczos", &lanczos<Place>, py::arg("n"), py::arg("apply"), py::arg("low"),
             py::arg("high"), py::arg("tol"), py::arg("max_products"), py::arg("block"),
             py::arg("seed"), py::arg("basis"), py::arg("missing"), py::arg("start"),
             py::arg("callback"), py::arg("where"));
}

// Known eigenvalues and their errors; sizes, nodes, weights and residuals of the probes; products,
// norm, noise.
template <class Place>
py::tuple quadrature(std::int64_t n, const py::function& apply, std::int64_t steps,
                     std::int64_t probes, std::uint64_t seed, const py::object& where) {
  const eig::Operator op = Place::operator_of(n, apply, where);
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
template <class Place, class Estimator>
class Held {
 public:
  template <class... Arguments>
  Held(std::int64_t n, py::function apply, const py::object& where, Arguments... arguments)
      : n_(n),
        apply_(std::move(apply)),
        where_(where),
        op_(Place::operator_of(n, apply_, where_)),
        estimator_(op_, arguments...) {}
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

  std::int64_t n() const { return n_; }
  Estimator& operator*() { return estimator_; }
  Estimator* operator->() { return &estimator_; }

 private:
  std::int64_t n_;
  py::function apply_;
  py::object where_;
  eig::Operator op_;
  Estimator estimator_;
};

template <class Place>
using HeldSketch = Held<Place, eig::Sketch>;
template <class Place>
using HeldHutchinson = Held<Place, eig::Hutchinson>;

// R (q, k), W (q, k), H (q, q), omega' A omega (k,), |omega|^2 (k,).
template <class Place>
py::tuple small_matrices(HeldSketch<Place>& sketch) {
  const std::int64_t k = sketch->vectors(), q = sketch->rank();
  return py::make_tuple(copied(sketch->r(), q, k), copied(sketch->w(), q, k),
                        copied(sketch->h(), q, q), copied(sketch->quadratic()),
                        copied(sketch->squares()));
}

template <class Place>
py::tuple exact_diagonal(std::int64_t n, const py::function& apply, std::int64_t block,
                         const py::object& where) {
  const eig::Operator op = Place::operator_of(n, apply, where);
  eig::ExactDiagonal diagonal;
  {
    const ReleaseGil release;
    diagonal = eig::exact_diagonal(op, block);
  }
  return py::make_tuple(copied(diagonal.values), diagonal.products);
}

template <class Place>
void define_quadrature(py::module_& module) {
  module.def("quadrature", &quadrature<Place>, py::arg("n"), py::arg("apply"), py::arg("steps"),
             py::arg("probes"), py::arg("seed"), py::arg("where"));
  module.def("exact_diagonal", &exact_diagonal<Place>, py::arg("n"), py::arg("apply"),
             py::arg("block"), py::arg("where") = py::none());
}

template <class Place>
py::class_<HeldSketch<Place>> define_sketch(py::module_& module) {
  using Self = HeldSketch<Place>;
  py::class_<Self> sketch(module, "Sketch", py::module_local());
  sketch
      .def(py::init<std::int64_t, py::function, const py::object&, std::int64_t, bool,
                    std::uint64_t>(),
           py::arg("n"), py::arg("apply"), py::arg("where"), py::arg("block"), py::arg("signs"),
           py::arg("seed"))
      .def(
          "grow",
          [](Self& self, std::int64_t count) {
            const ReleaseGil release;
            self->grow(count);
          },
          py::arg("count"))
      .def_property_readonly("products", [](Self& self) { return self->products(); })
      .def_property_readonly("vectors", [](Self& self) { return self->vectors(); })
      .def_property_readonly("unit", [](Self& self) { return self->unit(); })
      .def("small_matrices", &small_matrices<Place>);
  return sketch;
}

template <class Place>
py::class_<HeldHutchinson<Place>> define_hutchinson(py::module_& module) {
  using Self = HeldHutchinson<Place>;
  py::class_<Self> samples(module, "Hutchinson", py::module_local());
  samples
      .def(py::init<std::int64_t, py::function, const py::object&, std::int64_t, bool,
                    std::uint64_t>(),
           py::arg("n"), py::arg("apply"), py::arg("where"), py::arg("block"), py::arg("elements"),
           py::arg("seed"))
      .def(
          "sample",
          [](Self& self, std::int64_t count) {
            const ReleaseGil release;
            self->sample(count);
          },
          py::arg("count"))
      .def_property_readonly("products", [](Self& self) { return self->products(); })
      .def_property_readonly("unit", [](Self& self) { return self->unit(); })
      .def("trace",
           [](Self& self) { return py::make_tuple(self->trace_mean(), self->trace_deviations()); });
  return samples;
}

}  // namespace saddlescape::bind
