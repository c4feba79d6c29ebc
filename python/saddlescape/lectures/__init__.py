"""Small problems of the lectures, ready to run."""

from saddlescape.lectures.two_weights import two_weights

__all__ = ["two_weights"]
