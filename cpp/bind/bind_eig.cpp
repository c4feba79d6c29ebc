#include <pybind11/stl.h>

#include <algorithm>

#include "bind/array.hpp"
#include "bind/gil.hpp"
#include "bind/parts.hpp"
#include "bind/solvers.hpp"
#include "eig/certified_values.hpp"
#include "eig/certify.hpp"
#include "eig/dense.hpp"
#include "eig/ends.hpp"
#include "eig/signs.hpp"
#include "eig/sturm.hpp"

namespace saddlescape::bind {
namespace {

template <class Function>
auto with_type(const Array& a, Function&& function) {
  return a.dtype == Dtype::float32 ? function(a.as<const float>()) : function(a.as<const double>());
}

void check_square(const Array& a, const std::string& name) {
  if (a.shape.size() != 2 || a.shape[0] != a.shape[1])
    throw py::value_error(name + ": shape " + shape_text(a.shape) + ", expected (n, n)");
}

// A finite, symmetric (n, n) matrix.
Array checked_symmetric(py::handle source, const std::string& name) {
  const Array a = checked_array(source, name, {Dtype::float32, Dtype::float64});
  check_square(a, name);
  check_finite(a, name);
  with_type(a, [&](const auto* data) {
    const ReleaseGil release;
    eig::check_symmetric(a.shape[0], data, name);
  });
  return a;
}

Vector eigvalsh(py::handle source, bool overwrite) {
  if (overwrite) checked_writable(source, "A", {Dtype::float64});
  const Array a = checked_symmetric(source, "A");
  Vector values(a.shape[0]);
  double* w = values.mutable_data();
  with_type(a, [&](const auto* data) {
    const ReleaseGil release;
    if (overwrite)
      eig::eigenvalues_over(a.shape[0], a.as<double>(), w);
    else
      eig::eigenvalues(a.shape[0], data, w);
  });
  return values;
}

// How many eigenvalues of the tridiagonal matrix are below each shift, and what the counts may move
// the matrix by.
py::tuple count_below(py::handle diagonal, py::handle off_diagonal, py::handle shifts) {
  const Array d = checked_array(diagonal, "diagonal", {Dtype::float64}, {any});
  const std::int64_t n = d.shape[0];
  const Array e = checked_array(off_diagonal, "off_diagonal", {Dtype::float64},
                                {std::max<std::int64_t>(0, n - 1)});
  const Array x = checked_array(shifts, "shifts", {Dtype::float64}, {any});
  check_finite(d, "diagonal");
  check_finite(e, "off_diagonal");
  check_finite(x, "shifts");
  py::array_t<std::int64_t> counts(x.shape[0]);
  std::int64_t* const below = counts.mutable_data();
  double error = 0;
  {
    const ReleaseGil release;
    eig::count_below(n, d.as<double>(), e.as<double>(), x.shape[0], x.as<double>(), below);
    error = eig::count_error(n, d.as<double>(), e.as<double>());
  }
  return py::make_tuple(counts, error);
}

// Eigenvalues, error bound.
py::tuple certified_eigvalsh(py::handle source) {
  const Array a = checked_symmetric(source, "A");
  Vector values(a.shape[0]);
  double* w = values.mutable_data();
  const double bound = with_type(a, [&](const auto* data) {
    const ReleaseGil release;
    return eig::certified_eigenvalues(a.shape[0], data, w);
  });
  return py::make_tuple(values, bound);
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

// The same for the smallest `low` and the largest `high`.
py::tuple end_pairs(py::handle source, std::int64_t low, std::int64_t high) {
  const Array a = checked_symmetric(source, "A");
  const std::int64_t n = a.shape[0];
  if (low < 0 || high < 0 || low > n || high > n - low)
    throw py::value_error("low, high: " + std::to_string(low) + " and " + std::to_string(high) +
                          ", expected at least 0 and together at most " + std::to_string(n) +
                          ", the order of A");
  Vector values(low + high), rows({low + high, n});
  double *w = values.mutable_data(), *v = rows.mutable_data();
  with_type(a, [&](const auto* data) {
    const ReleaseGil release;
    eig::end_pairs(n, data, low, high, w, v);
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

// Surely positive, surely negative, band, error bound; None if no bound was found. The elimination
// looks for itself whether A is finite and symmetric: a pass over it less.
py::object certified_signs(py::handle source, double tolerance, bool overwrite) {
  const Array a = overwrite ? checked_writable(source, "A", {Dtype::float64})
                            : checked_array(source, "A", {Dtype::float32, Dtype::float64});
  check_square(a, "A");
  const eig::CertifiedSigns signs = [&] {
    const ReleaseGil release;
    if (overwrite) return eig::certified_signs_in_place(a.shape[0], a.as<double>(), tolerance);
    return with_type(
        a, [&](const auto* data) { return eig::certified_signs(a.shape[0], data, tolerance); });
  }();
  if (!signs.finite) check_finite(a, "A");
  if (!signs.found) return py::none();
  return py::make_tuple(signs.positive, signs.negative, signs.band, signs.error_bound);
}

// Order, L, the diagonal of D, what stands below it, of 2^-exponent A + shift I.
py::tuple shifted_factors(py::handle source, int exponent, double shift) {
  const Array a = checked_symmetric(source, "A");
  const std::int64_t n = a.shape[0];
  py::array_t<std::int64_t> order(n);
  Vector L({n, n}), d(n), e(n);
  const eig::Factors factors = {L.mutable_data(), order.mutable_data(), d.mutable_data(),
                                e.mutable_data()};
  std::fill(factors.L, factors.L + n * n, 0.0);
  for (std::int64_t i = 0; i < n; ++i) factors.L[i * n + i] = 1;
  std::fill(factors.e, factors.e + n, 0.0);
  with_type(a, [&](const auto* data) {
    const ReleaseGil release;
    eig::shifted_factors(n, data, exponent, shift, factors);
  });
  return py::make_tuple(order, L, d, e);
}

}  // namespace

void eig(py::module_ module) {
  module.def(
      "check_symmetric", [](py::handle A, const std::string& name) { checked_symmetric(A, name); },
      py::arg("A"), py::arg("name"));
  module.def("eigvalsh", &eigvalsh, py::arg("A"), py::arg("overwrite"));
  module.def("count_below", &count_below, py::arg("diagonal"), py::arg("off_diagonal"),
             py::arg("shifts"));
  module.def("eigh", &eigh, py::arg("A"));
  module.def("end_pairs", &end_pairs, py::arg("A"), py::arg("low"), py::arg("high"));
  module.def("certified_eigh", &certified_eigh, py::arg("A"));
  module.def("certified_eigvalsh", &certified_eigvalsh, py::arg("A"));
  module.def("certified_signs", &certified_signs, py::arg("A"), py::arg("tolerance"),
             py::arg("overwrite") = false);
  module.def("shifted_factors", &shifted_factors, py::arg("A"), py::arg("exponent"),
             py::arg("shift"));
  define_lanczos<HostPlace>(module);
  module.def("basis_size", &eig::basis_size, py::arg("n"), py::arg("pairs"), py::arg("block"));
}

}  // namespace saddlescape::bind
