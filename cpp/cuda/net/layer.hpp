// What a pass over a network on the device keeps of a layer, and how a product takes it.
#pragma once

#include <cstdint>

#include "cuda/blas.hpp"
#include "net/mode.hpp"

namespace saddlescape::cuda {

// What a pass is for, each with what those before it keep.
enum class Keep { outputs, loss, slopes, curvatures };

// A matrix as a product takes it.
template <class T>
struct Operand {
  const T* data;
  Op op;
  std::int64_t ld;

  Operand turned() const { return {data, op == Op::none ? Op::transpose : Op::none, ld}; }
};

// Matrices (d, n), samples last.
template <class T>
struct HiddenLayer {
  T *a, *slope, *bend, *delta;
};

// Of k vectors, (d, k, n); the outputs' are (k, n, C).
template <class T>
struct TangentRows {
  T *Rs, *Ra, *Rdelta;
};

// What a network is asked for; the averages are the device's in the place of the mode's.
struct LayerMode {
  net::Mode mode;
  // (2, hidden units): the means and variances that batch normalisation takes at test time, or
  // where the batch's own go in training. Null without it.
  double* moments = nullptr;
};

}  // namespace saddlescape::cuda
