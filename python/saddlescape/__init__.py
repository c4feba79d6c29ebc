"""Why has training stalled? Certified curvature at the point where it did, and the way out."""

from saddlescape._core import __version__
from saddlescape._info import info, set_threads

__all__ = ["__version__", "info", "set_threads"]
