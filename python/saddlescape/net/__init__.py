"""The multilayer perceptron."""

from saddlescape.net.mlp import MLP

__all__ = ["MLP"]
