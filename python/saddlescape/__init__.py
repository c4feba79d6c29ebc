"""Why has training stalled? Certified curvature at the point where it did, and the way out."""

from saddlescape._core import __version__
from saddlescape._info import info, set_threads
from saddlescape.net import MLP

__all__ = ["MLP", "__version__", "info", "set_threads"]
