"""The penalties on a network's weights that training takes, with their derivatives."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check
from saddlescape.curvature import checks
from saddlescape.curvature.block import Blocks, named_slices
from saddlescape.curvature.layout import block_sizes
from saddlescape.curvature.network import NetworkCurvature
from saddlescape.curvature.weighted import WeightedCurvature, sum_of
from saddlescape.net import MLP

__all__ = ["LARGEST", "PenaltyCurvature", "penalty", "trained_loss"]

LARGEST = 1e75  # fourth powers are still finite

Vector = NDArray[np.float64]


def penalty(net: MLP, *, l1: float = 0.0, l2: float = 0.0) -> PenaltyCurvature:
    """Return the operator of ``R = l1 sum |w| + l2 / 2 sum w^2``, as ``train(l1=, l2=)`` adds it.

    The sums are over the weights w, without biases and without the numbers of normalisation. Of w
    the gradient is ``l1 sign(w) + l2 w``, and the Hessian l2 on the diagonal: l1 adds nothing to it
    where ``w != 0``; where ``w = 0`` its slope jumps, and the sign counts as 0.

    Parameters
    ----------
    net : MLP
        The network; a later change of its parameters does not change the operator.
    l1, l2 : float
        Numbers >= 0.

    Returns
    -------
    PenaltyCurvature
        To be added to that of the loss by `sum_of`.

    Raises
    ------
    TypeError, ValueError
        If `net` is no MLP or holds a number that is not finite, or l1 or l2 is not as said above.

    Examples
    --------
    >>> import numpy as np, saddlescape as ss
    >>> from saddlescape import curvature
    >>> net = ss.MLP((1, 1), "linear", "mse", dtype="float64", init="constant", init_scale=3.0)
    >>> loss = curvature.of(net, np.ones((1, 1)), np.ones((1, 1)))
    >>> H = curvature.sum_of([loss, curvature.penalty(net, l1=0.1, l2=0.5)])
    >>> H.dense(), H.gradient(), H.loss()
    (array([[2.5, 2. ],
           [2. , 2. ]]), array([5.6, 4. ]), 6.55)
    """
    if not isinstance(net, MLP):
        raise TypeError(f"net: {type(net).__name__}, expected an MLP")
    checks.finite("net.theta", net.theta)
    twin = net.copy()
    twin.theta[:] = 0
    for weights, _ in twin.layers():
        weights[...] = 1
    factors = _check.non_negative("l1", l1), _check.non_negative("l2", l2)
    made = PenaltyCurvature(net.theta.astype(np.float64), twin.theta != 0, *factors)
    made.slices = named_slices(block_sizes(net))
    return made


class PenaltyCurvature(Blocks):
    """What `penalty` returns; see `saddlescape.curvature.Curvature` for its members."""

    def __init__(self, theta: Vector, weights: NDArray[np.bool_], l1: float, l2: float) -> None:
        self._theta, self._weights, self.l1, self.l2 = theta, weights, l1, l2
        self._theta.setflags(write=False)

    @property
    def theta(self) -> Vector:
        """The parameters at which it is taken, (P,)."""
        return self._theta

    @property
    def lower_bound(self) -> float:
        """0."""
        return 0.0

    @property
    def silent(self) -> str | None:
        """What l1 hides from second derivatives."""
        if not self.l1:
            return None
        zeros = int((self._theta[self._weights] == 0).sum())
        return (
            "the l1 penalty is piecewise linear: it adds nothing to H where a weight is not 0; "
            f"{zeros:,} of {int(self._weights.sum()):,} weights are 0, where its slope jumps"
        )

    def __matmul__(self, V: Vector) -> Vector:
        V = checks.operand(V, self.shape[0])
        return (self._diagonal() * V.T).T

    def dense(self) -> Vector:
        """``H`` (P, P): l2 on the diagonal, for the weights."""
        return np.diag(self._diagonal())

    def dense_block(self, indices: NDArray[np.intp]) -> Vector:
        """A block (k, k)."""
        return np.diag(self._diagonal()[indices])

    def _diagonal(self) -> Vector:
        return np.where(self._weights, self.l2, 0.0)

    def gradient(self) -> Vector:
        """``l1 sign(w) + l2 w`` for the weights, 0 for other parameters, (P,)."""
        w = np.where(self._weights, self._theta, 0.0)
        return self.l1 * np.sign(w) + self.l2 * w

    def loss(self, theta: Vector | None = None) -> float:
        """The penalty, at the point or at another one."""
        at = self._theta if theta is None else checks.place(theta, self._theta.size)
        w = at[self._weights]
        with np.errstate(over="ignore"):  # far away it may be infinite, as a loss may
            return float(self.l1 * np.abs(w).sum() + self.l2 / 2 * (w @ w))

    def error(self) -> float:
        """What rounding does to l2 where it is added to another diagonal."""
        return float(np.finfo(np.float64).eps * np.linalg.norm(self._diagonal()))

    def at(self, theta: Vector) -> PenaltyCurvature:
        """Return the operator of the same penalty at other parameters (P,)."""
        moved = PenaltyCurvature(
            checks.another(theta, self._theta.size), self._weights, self.l1, self.l2
        )
        moved.slices = self.slices
        return moved

    def __repr__(self) -> str:
        return f"PenaltyCurvature(P = {self.shape[0]:,}, l1 = {self.l1:g}, l2 = {self.l2:g})"


def trained_loss(
    net: MLP,
    X: NDArray[np.floating],
    y: NDArray[np.generic],
    *,
    sample_weight: NDArray[np.generic] | None = None,
    l1: float = 0.0,
    l2: float = 0.0,
) -> NetworkCurvature | WeightedCurvature | None:
    """Return the operator of the loss that `train` descends, which `diagnose` judges.

    ``L(theta) + l1 sum |w| + l2 / 2 sum w^2``: that of `of` where l1 and l2 are 0, else its sum
    with that of `penalty`. It is taken as in prediction: without dropout, batch normalisation with
    its running averages.

    Parameters
    ----------
    net : MLP
        The network; a later change of its parameters does not change the operator.
    X : (N, d) array
        All samples that the loss is a mean over.
    y : (N,) or (N, C) array
        Their targets.
    sample_weight : (N,) array, optional
        How much each sample counts; of a run that had weights of samples or classes,
        ``run.sample_weight``.
    l1, l2 : float
        Numbers >= 0, as in ``train(l1=, l2=)``.

    Returns
    -------
    NetworkCurvature, WeightedCurvature or None
        None where it is beyond computing. A run that diverged may be put back to parameters at
        which the loss is just finite; there the squares that norms and error bounds are made of
        overflow.

    Raises
    ------
    TypeError, ValueError
        If `net` is no MLP, X, y or `sample_weight` don't fit it, or l1 or l2 is not as said above.

    Examples
    --------
    >>> import numpy as np, saddlescape as ss
    >>> from saddlescape import curvature
    >>> net = ss.MLP((1, 2, 1), "linear", "mse", dtype="float64", seed=0)
    >>> X, y = np.array([[1.0], [2.0]]), np.array([[2.0], [4.0]])
    >>> run = ss.train(net, X, y, epochs=50, l2=0.1)
    >>> H = curvature.trained_loss(
    ...     net, run.X, run.y, sample_weight=run.sample_weight, l1=run.l1, l2=run.l2
    ... )
    >>> ss.critical.classify(H).loss == ss.diagnose(run).point.loss
    True
    """
    if not isinstance(net, MLP):
        raise TypeError(f"net: {type(net).__name__}, expected an MLP")
    l1, l2 = _check.non_negative("l1", l1), _check.non_negative("l2", l2)
    if not np.isfinite(net.theta).all():
        return None
    loss = NetworkCurvature(net, X, y, sample_weight=sample_weight)
    H = sum_of([loss, penalty(net, l1=l1, l2=l2)]) if l1 or l2 else loss
    sizes = (H.theta, H.loss(), H.gradient(), H @ np.ones(net.parameters))
    return H if all(np.all(np.abs(size) < LARGEST) for size in sizes) else None  # False of NaN
