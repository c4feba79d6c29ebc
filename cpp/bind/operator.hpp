// A Python function V (k, n) -> A V (k, n), by rows, as an operator of the eigen-solvers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "bind/array.hpp"
#include "bind/gil.hpp"
#include "eig/operator.hpp"

namespace saddlescape::bind {

using Vector = py::array_t<double>;

inline Vector copied(const std::vector<double>& x) {
  return Vector(static_cast<py::ssize_t>(x.size()), x.data());
}

inline Vector copied(const std::vector<double>& x, std::int64_t rows, std::int64_t columns) {
  return Vector({rows, columns}, x.data());
}

// The Python function is handed its own copy of the vectors, so that it may keep or change them.
inline void call(const py::function& apply, std::int64_t n, std::int64_t k, const double* in,
                 double* out) {
  or_stay([&] {
    const py::gil_scoped_acquire acquire;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    const py::object returned = called(apply, py::make_tuple(Vector({k, n}, in)));
    const Array product = checked_array(returned, "op @ V", {Dtype::float64}, {k, n});
    std::copy_n(product.as<const double>(), k * n, out);
  });
}

// The Python function gets a copy of the numbers here too, and returns the sums.
inline void add_up(py::handle reduce, std::int64_t count, double* numbers) {
  or_stay([&] {
    const py::gil_scoped_acquire acquire;
    const py::object returned = called(py::reinterpret_borrow<py::function>(reduce),
                                       py::make_tuple(Vector(count, numbers)));
    const Array sums = checked_array(returned, "op.reduce(numbers)", {Dtype::float64}, {count});
    std::copy_n(sums.as<const double>(), count, numbers);
  });
}

// `apply` must live as long as the operator.
inline eig::Operator operator_of(std::int64_t n, const py::function& apply) {
  return {n, [n, &apply](std::int64_t k, const double* in, double* out) {
            call(apply, n, k, in, out);
          }};
}

// The same of vectors in pieces: `pieces` is (reduce, first, count), which must live as long, or
// None where the vectors are whole.
inline eig::Operator operator_of(std::int64_t n, const py::function& apply,
                                 const py::object& pieces) {
  if (pieces.is_none()) return operator_of(n, apply);
  const auto parts = pieces.cast<py::tuple>();
  const auto first = parts[1].cast<std::int64_t>(), count = parts[2].cast<std::int64_t>();
  // Borrowed: the operator is copied and destroyed without the GIL.
  const py::handle reduce = parts[0];
  eig::Operator op = operator_of(count, apply);
  op.n = n;
  op.sum = [reduce](std::int64_t size, double* numbers) { add_up(reduce, size, numbers); };
  op.first = first;
  op.piece = count;
  return op;
}

}  // namespace saddlescape::bind
