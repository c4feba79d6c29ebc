// The activation functions by name.
#pragma once

namespace saddlescape::net {

enum class Activation { linear, tanh, sigmoid, relu, leaky_relu, elu, softplus, silu, gelu };

}  // namespace saddlescape::net
