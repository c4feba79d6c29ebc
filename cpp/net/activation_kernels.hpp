// Activations with an exponential in them as loops over vectors, compiled once for each instruction
// set (activation_cpu.cpp). activation.hpp has all of them one by one, in any precision.
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
  Activate<T> tanh, sigmoid, silu, elu;

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
      default:
        return nullptr;
    }
  }
};

using ActivationKernels = BothPrecisions<ActivationTable>;

const ActivationKernels& activation_kernels();

}  // namespace saddlescape::net

SADDLESCAPE_TABLES(saddlescape::net::ActivationKernels, _activation)
