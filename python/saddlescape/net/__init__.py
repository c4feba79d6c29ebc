"""The multilayer perceptron."""

from saddlescape.net.draw import Draw, checked_draw
from saddlescape.net.mlp import MLP

__all__ = ["MLP", "Draw", "checked_draw"]
