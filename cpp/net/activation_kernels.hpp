// Activations as loops over vectors, but for those that need a function of the system's, compiled
// once for each instruction set (activation_cpu.cpp). activation.hpp has all of them one by one, in
// any precision.
#pragma once

#include <cstdint>

#include "core/tables.hpp"
#include "net/activations.hpp"

namespace saddlescape::net {

// values <- phi(values); slopes and curvatures phi' and phi'' where they are not null.
template <class T>
using Activate = void (*)(T* values, T* slopes, T* curvatures, std::int64_t n);

template <class T>
struct ActivationTable {
  Activate<T> tanh, sigmoid, silu, elu, relu, leaky_relu, linear, hard_sigmoid, hard_tanh,
      hard_swish;

  // Null for one that has no loop of its own.
  Activate<T> of(Activation activation) const {
    switch (activation) {
      case Activation::tanh:
        return tanh;
      case Activation::sigmoid:
        return sigmoid;
      case Activation::silu:
        return silu;
      case Activation::elu:
        return elu;
      case Activation::relu:
        return relu;
      case Activation::leaky_relu:
        return leaky_relu;
      case Activation::linear:
        return linear;
      case Activation::hard_sigmoid:
        return hard_sigmoid;
      case Activation::hard_tanh:
        return hard_tanh;
      case Activation::hard_swish:
        return hard_swish;
      default:
        return nullptr;
    }
  }
};

using ActivationKernels = BothPrecisions<ActivationTable>;

const ActivationKernels& activation_kernels();

}  // namespace saddlescape::net

SADDLESCAPE_TABLES(saddlescape::net::ActivationKernels, _activation)
