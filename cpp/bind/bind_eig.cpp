#include <pybind11/stl.h>

#include <algorithm>

#include "bind/array.hpp"
#include "bind/gil.hpp"
#include "bind/operator.hpp"
#include "bind/parts.hpp"
#include "eig/certify.hpp"
#include "eig/dense.hpp"
#include "eig/lanczos.hpp"
#include "eig/signs.hpp"

namespace saddlescape::bind {
namespace {

template <class Function>
auto with_type(const Array& a, Function&& function) {
  return a.dtype == Dtype::float32 ? function(a.as<const float>()) : function(a.as<const double>());
}

// A finite, symmetric (n, n) matrix.
Array checked_symmetric(py::handle source, const std::string& name) {
  const Array a = checked_array(source, name, {Dtype::float32, Dtype::float64});
  if (a.shape.size() != 2 || a.shape[0] != a.shape[1])
    throw py::value_error(name + ": shape " + shape_text(a.shape) + ", expected (n, n)");
  check_finite(a, name);
  with_type(a, [&](const auto* data) {
    const ReleaseGil release;
    eig::check_symmetric(a.shape[0], data, name);
  });
  return a;
}

Vector eigvalsh(py::handle source) {
  const Array a = checked_symmetric(source, "A");
  Vector values(a.shape[0]);
  double* w = values.mutable_data();
  with_type(a, [&](const auto* data) {
    const ReleaseGil release;
    eig::eigenvalues(a.shape[0], data, w);
  });
  return values;
}

// Eigenvalues, eigenvectors by rows.
py::tuple eigh(py::handle source) {
  const Array a = checked_symmetric(source, "A");
  const std::int64_t n = a.shape[0];
  Vector values(n), rows({n, n});
  double *w = values.mutable_data(), *v = rows.mutable_data();
  with_type(a, [&](const auto* data) {
    const ReleaseGil release;
    eig::eigenpairs(n, data, w, v);
  });
  return py::make_tuple(values, rows);
}

// Eigenvalues, eigenvectors by rows, error bound.
py::tuple certified_eigh(py::handle source) {
  const Array a = checked_symmetric(source, "A");
  const std::int64_t n = a.shape[0];
  Vector values(n), rows({n, n});
  double *w = values.mutable_data(), *v = rows.mutable_data();
  const double bound = with_type(a, [&](const auto* data) {
    const ReleaseGil release;
    return eig::certified_eigenpairs(n, data, w, v);
  });
  return py::make_tuple(values, rows, bound);
}

// Surely positive, surely negative, band, error bound; None if no bound was found.
py::object certified_signs(py::handle source, double tolerance) {
  const Array a = checked_symmetric(source, "A");
  const eig::CertifiedSigns signs = with_type(a, [&](const auto* data) {
    const ReleaseGil release;
    return eig::certified_signs(a.shape[0], data, tolerance);
  });
  if (!signs.found) return py::none();
  return py::make_tuple(signs.positive, signs.negative, signs.band, signs.error_bound);
}

const char* outcome_name(eig::Outcome outcome) {
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
// probability that one is missing, products, outcome. `start` holds vectors by rows, or is None.
py::tuple lanczos(std::int64_t n, const py::function& apply, std::int64_t low, std::int64_t high,
                  double tol, std::int64_t max_products, std::int64_t block, std::uint64_t seed,
                  std::int64_t basis, double missing, const py::object& start,
                  const py::object& callback) {
  const eig::Operator op = operator_of(n, apply);
  eig::LanczosOptions options;
  options.low = low;
  options.high = high;
  options.tol = tol;
  options.max_products = max_products;
  options.block = block;
  options.seed = seed;
  options.basis = basis;
  options.missing = missing;
  Array vectors;
  if (!start.is_none()) {
    vectors = checked_array(start, "start", {Dtype::float64});
    check_finite(vectors, "start");
    options.start = vectors.as<const double>();
    options.starts = vectors.shape[0];
  }
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
  return py::make_tuple(copied(r.eigenvalues), Vector({k, n}, r.eigenvectors.data()),
                        copied(r.residuals), copied(r.gaps), copied(r.bounds), multiplicities,
                        converged, r.missing, r.products, outcome_name(r.outcome));
}

}  // namespace

void eig(py::module_ module) {
  module.def(
      "check_symmetric", [](py::handle A, const std::string& name) { checked_symmetric(A, name); },
      py::arg("A"), py::arg("name"));
  module.def("eigvalsh", &eigvalsh, py::arg("A"));
  module.def("eigh", &eigh, py::arg("A"));
  module.def("certified_eigh", &certified_eigh, py::arg("A"));
  module.def("certified_signs", &certified_signs, py::arg("A"), py::arg("tolerance"));
  module.def("lanczos", &lanczos, py::arg("n"), py::arg("apply"), py::arg("low"), py::arg("high"),
             py::arg("tol"), py::arg("max_products"), py::arg("block"), py::arg("seed"),
             py::arg("basis"), py::arg("missing"), py::arg("start"), py::arg("callback"));
  module.def("basis_size", &eig::basis_size, py::arg("n"), py::arg("pairs"), py::arg("block"));
}

}  // namespace saddlescape::bind
