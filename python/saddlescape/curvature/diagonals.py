"""Cheap estimates of a Hessian's diagonal, for optimizers: one product, or one gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check
from saddlescape.net import MLP

__all__ = ["bartlett_diagonal", "hutchinson_diagonal"]

Vector = NDArray[np.float64]


def hutchinson_diagonal(H: Any, generator: np.random.Generator, probes: int = 1) -> Vector:
    """Estimate ``diag H`` by ``z * (H z)``, z of signs drawn at random; unbiased.

    Of entry i the variance is ``sum_j H_ij^2`` over j != i, divided by `probes`.
    `saddlescape.eig.diagonal` is more exact for many products and knows its error.

    Parameters
    ----------
    H : operator of shape (P, P)
        An operator of `saddlescape.curvature`, or anything with ``.shape`` and ``@``.
    generator : numpy.random.Generator
        Draws the signs.
    probes : int
        Products; the mean of their estimates is taken.

    Returns
    -------
    (P,) array
        The estimate.

    Raises
    ------
    TypeError, ValueError
        If `generator` is no generator or `probes` no positive integer.

    Examples
    --------
    Of a diagonal matrix it is exact:

    >>> import numpy as np
    >>> from saddlescape import curvature
    >>> H = curvature.from_matrix(np.diag([3.0, -1.0]))
    >>> curvature.hutchinson_diagonal(H, np.random.default_rng(0))
    array([ 3., -1.])

    References
    ----------
    C. Bekas, E. Kokiopoulou, Y. Saad, "An estimator for the diagonal of a matrix", Applied
    Numerical Mathematics 57, 2007.
    """
    _drawn(generator)
    Z = generator.choice((-1.0, 1.0), (int(H.shape[0]), _check.integer("probes", probes, low=1)))
    return np.asarray((Z * np.asarray(H @ Z)).mean(axis=1), dtype=np.float64)


def bartlett_diagonal(net: MLP, X: NDArray[Any], generator: np.random.Generator) -> NDArray[Any]:
    """Estimate the diagonal of the Gauss-Newton matrix from one gradient, of sampled labels.

    With classes drawn from the network's own softmax and g the gradient of the mean loss over B
    samples, ``B g * g`` has the diagonal's mean (Bartlett's identity), and no negative entry.

    Parameters
    ----------
    net : MLP
        With loss ``"cross_entropy"``.
    X : (B, d) array
        The samples of a batch; labels are not needed.
    generator : numpy.random.Generator
        Draws the classes.

    Returns
    -------
    (P,) array
        The estimate, in the network's dtype.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type, or the network has another loss.

    Examples
    --------
    >>> import numpy as np, saddlescape as ss
    >>> from saddlescape import curvature
    >>> net = ss.MLP((2, 2), init="zeros", bias=False, dtype="float64")
    >>> curvature.bartlett_diagonal(net, np.eye(2)[:1], np.random.default_rng(0))
    array([0.25, 0.  , 0.25, 0.  ])

    References
    ----------
    H. Liu et al., "Sophia", arXiv 2305.14342, algorithm 2.
    """
    if not isinstance(net, MLP):
        raise TypeError(f"net: {type(net).__name__}, expected an MLP")
    if net.loss_name != "cross_entropy":
        raise ValueError(f"net: loss {net.loss_name!r}, expected 'cross_entropy'")
    _drawn(generator)
    logits = net.predict(X).astype(np.float64)
    # Gumbel's trick: the largest of logits with noise is a draw from their softmax.
    drawn = np.argmax(logits + generator.gumbel(size=logits.shape), axis=1)
    # The labels as drawn: smoothed ones have another gradient, though the same Gauss-Newton matrix.
    g = net.network.gradient(net.theta, *net.encode(X, drawn), net.mode())[1]
    estimate: NDArray[Any] = len(X) * g * g
    return estimate


def _drawn(generator: object) -> None:
    if not isinstance(generator, np.random.Generator):
        raise TypeError(f"generator: {type(generator).__name__}, expected a numpy.random.Generator")
