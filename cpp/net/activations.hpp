// The activation functions by name, and what is known of one at a point.
#pragma once

namespace saddlescape::net {

enum class Activation {
  linear,
  tanh,
  sigmoid,
  relu,
  leaky_relu,
  elu,
  softplus,
  silu,
  gelu,
  hard_sigmoid,
  hard_tanh,
  hard_swish
};

// phi(z), phi'(z), phi''(z).
template <class T>
struct Jet {
  T value, slope, curvature;
};

}  // namespace saddlescape::net
