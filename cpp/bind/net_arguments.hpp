// What the bindings of the network share: the arrays of one call, checked.
#pragma once

#include <cstdint>

#include "bind/array.hpp"
#include "bind/net_setting.hpp"
#include "bind/parts.hpp"
#include "net/mlp.hpp"

namespace saddlescape::bind {

// theta, X and targets of one call, checked.
struct Arguments {
  Array theta, X, Y, weight;

  Arguments(const net::Architecture& net, pybind11::handle theta_in, pybind11::handle X_in,
            pybind11::handle Y_in, pybind11::handle weight_in = {})
      : theta(
            checked_array(theta_in, "theta", {Dtype::float32, Dtype::float64}, {net.parameters()})),
        X(checked_array(X_in, "X", {theta.dtype}, {any, net.inputs()})) {
    if (X.shape[0] == 0)
      throw pybind11::value_error("X: shape (0, " + std::to_string(X.shape[1]) +
                                  "), expected at least one sample");
    check_finite(X, "X");
    if (Y_in) Y = checked_array(Y_in, "y", {theta.dtype}, {X.shape[0], net.outputs()});
    if (!weight_in || weight_in.is_none()) return;
    weight = checked_array(weight_in, "weight", {theta.dtype}, {X.shape[0]});
    check_finite(weight, "weight");
    check_non_negative(weight, "weight");
  }

  std::int64_t samples() const { return X.shape[0]; }

  template <class T>
  net::Batch<T> batch() const {
    return {X.as<T>(), Y.as<T>(), samples(), weight.as<T>()};
  }
};

// Calls visit with a value of the C++ type that `dtype` stands for.
template <class Visit>
auto with_dtype(Dtype dtype, Visit&& visit) {
  return dtype == Dtype::float32 ? visit(float{}) : visit(double{});
}

void net_setting(pybind11::module_ module);

// An activation and its slope at given points.
void net_activate(pybind11::module_ module);

// What stays at one point while products are taken.
void net_products(pybind11::module_ module);

}  // namespace saddlescape::bind
