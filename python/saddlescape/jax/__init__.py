"""What Saddlescape does with JAX: second derivatives of its losses. Importing this needs JAX.

The way in is `saddlescape.curvature.from_jax`.
"""

from saddlescape._extras import require

require("jax", "jax")

from saddlescape.jax.curvature import JaxEngine  # noqa: E402 - after the word on how to get JAX

__all__ = ["JaxEngine"]
