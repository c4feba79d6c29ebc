"""The smallest network with a saddle: two weights, no activation, one sample."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saddlescape.net import MLP

__all__ = ["two_weights"]


def two_weights() -> tuple[MLP, NDArray[np.float64], NDArray[np.float64]]:
    """Return the network ``f = w2 w1 x`` at the origin, with its one sample x = 1, y = 1.

    The loss is ``L = (1 - w1 w2)^2``. At the origin the gradient is zero and the Hessian
    [[0, -2], [-2, 0]] has the eigenvalues 2 and -2: gradient descent stays for ever, and the way
    out is (1, 1) / sqrt 2. The minima are the curve w1 w2 = 1, flat along itself: at (1, 1) the
    eigenvalues are 4 and 0.

    Returns
    -------
    (MLP, (1, 1) array, (1, 1) array)
        The network in float64, X and y.

    Examples
    --------
    >>> net, X, y = two_weights()
    >>> net.loss(X, y)
    1.0
    """
    net = MLP((1, 1, 1), activation="linear", loss="mse", init="zeros", bias=False, dtype="float64")
    return net, np.ones((1, 1)), np.ones((1, 1))
