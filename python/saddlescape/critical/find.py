"""Finding a critical point: a minimum by saddle-free Newton, one of any index by way of |g|."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check
from saddlescape.critical.classify import classify
from saddlescape.critical.descent import Descent, Limits
from saddlescape.critical.escape import EscapeOutcome, escape, operator_of
from saddlescape.critical.found import FindOutcome, Found
from saddlescape.critical.point import CriticalPoint
from saddlescape.curvature import Curvature, MovableCurvature
from saddlescape.net import MLP

__all__ = ["find"]

Vector = NDArray[np.float64]
Callback = Callable[[int, float, float], "bool | None"]
_DENSE_LIMIT = 1500  # parameters up to which every step may take all eigenpairs: about a second
_METHODS = ("gradient_norm", "saddle_free_newton")


def find(
    H: Curvature | MLP,
    X: NDArray[Any] | None = None,
    y: NDArray[Any] | None = None,
    *,
    method: str = "gradient_norm",
    start: Vector | Found | None = None,
    gradient_tolerance: float | None = None,
    max_steps: int = 200,
    max_products: int | None = None,
    seed: int = 0,
    callback: Callback | None = None,
) -> Found:
    """Search for a critical point from where H stands, or from `start`.

    Both methods minimise a model within a radius that grows while the model is right:

    * ``"gradient_norm"`` lowers ``1/2 |g|^2``, whose gradient is ``H g``, by
      ``p = -(H^2 + mu I)^-1 H g``. It goes to a critical point of any index, often the nearest. It
      may also end where ``H g = 0`` and g is not: gradient-flat, and said so [2]_. There the step
      creeps, and H is assembled twice more, ahead and behind, for all of that merit's curvature.
    * ``"saddle_free_newton"`` lowers the loss by ``p = -(|H| + mu I)^-1 g``: Newton's step with the
      sign of negative curvature turned [1]_. A saddle that it comes upon all the same, it leaves
      by `escape`; it ends at a minimum, or where no way down is known.

    Up to 1,500 parameters H is assembled at each step and all its eigenpairs are used, beyond that
    a Krylov space of the gradient with at most 60 products. Nothing is moved: the caller sets
    ``net.theta = found.theta``.

    Parameters
    ----------
    H : operator or MLP
        ``curvature.of(net, X, y)`` or another operator that has ``at(theta)``; or a network, with
        its data.
    X, y : arrays
        With a network: its samples and targets.
    method : str
        One of the two above.
    start : (P,) array or Found, optional
        Where to begin; of a `Found` also the length of a step that was trusted last. By default
        the point of H.
    gradient_tolerance : float, optional
        The norm at which the search ends, and which `classify` then takes as zero. By default it
        goes on to ``|g| <= 1e-12 |H| max(1, |theta|)`` or to rounding, and `classify` judges.
    max_steps : int
        The most steps.
    max_products : int, optional
        The most Hessian products of the search; an assembly counts as P. `classify` at the end,
        and at each saddle left, takes some more.
    seed : int
        For `classify`.
    callback : callable, optional
        ``callback(step, loss, gradient_norm)`` after each step; True stops the search.

    Returns
    -------
    Found
        Where it ended, how, and the `CriticalPoint` there.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what is allowed.
    PiecewiseLinearWarning
        Is issued for a network with kinks (relu), as by `saddlescape.curvature.of`.

    Examples
    --------
    Near the lectures' saddle at the origin, ``L = (1 - w1 w2)^2``: to it, or away from it.

    >>> import numpy as np, saddlescape as ss
    >>> from saddlescape import critical
    >>> net = ss.MLP((1, 1, 1), activation="linear", loss="mse", bias=False, dtype="float64")
    >>> net.theta = np.array([0.2, 0.1])
    >>> data = np.ones((1, 1)), np.ones((1, 1))
    >>> found = critical.find(net, *data)
    >>> print(found.outcome.name, found.point.kind, bool(np.abs(found.theta).max() < 1e-9))
    CRITICAL saddle True
    >>> found = critical.find(net, *data, method="saddle_free_newton")
    >>> print(found.point.kind, found.loss < 1e-12)
    degenerate_minimum True

    References
    ----------
    .. [1] Y. Dauphin et al. (2014), Identifying and attacking the saddle point problem in
       high-dimensional non-convex optimization, NeurIPS 27, algorithm 1. There the step has a line
       search along it; here a radius, so that the direction turns to the gradient's too.
    .. [2] C. Frye et al. (2021), Critical point-finding methods reveal gradient-flat regions of
       deep network losses, Neural Computation 33(6).
    """
    operator = operator_of(H, X, y)
    if not isinstance(operator, MovableCurvature):
        raise TypeError(
            f"H: {type(operator).__name__} without at(theta), expected an operator that can be "
            "taken at other points, such as curvature.of(net, X, y)"
        )
    method = _check.choice("method", method, _METHODS)
    tolerance = gradient_tolerance
    if tolerance is not None:
        tolerance = _check.non_negative("gradient_tolerance", tolerance)
    limits = Limits(
        tolerance,
        _check.integer("max_steps", max_steps, low=1),
        None if max_products is None else _check.integer("max_products", max_products, low=1),
    )
    seed = _check.integer("seed", seed, low=0)
    _check.optional_function("callback", callback)
    operator, radius = _started(operator, start)
    descent = Descent(operator, method, operator.shape[0] <= _DENSE_LIMIT, radius, limits, callback)
    return _search(descent, seed)


def _started(
    operator: MovableCurvature, start: Vector | Found | None
) -> tuple[MovableCurvature, float | None]:
    if start is None:
        return operator, None
    theta = start.theta if isinstance(start, Found) else start
    if not isinstance(theta, np.ndarray):
        raise TypeError(f"start: {type(start).__name__}, expected a (P,) array, a Found, or None")
    if theta.shape != operator.theta.shape:
        raise ValueError(f"start: shape {theta.shape}, expected {operator.theta.shape}")
    return operator.at(theta), start.radius if isinstance(start, Found) else None


def _search(descent: Descent, seed: int) -> Found:
    """Descend; as saddle-free Newton also leave saddles, as long as there is a way down."""
    left, products = 0, 0
    while True:
        ended = descent.run()
        point = classify(
            descent.operator, gradient_tolerance=descent.limits.gradient_tolerance, seed=seed
        )
        products += point.products
        if ended is not None or not descent.saddle_free or not point.has_way_down:
            break
        out = escape(descent.operator, point=point, seed=seed)
        if out.outcome is not EscapeOutcome.ESCAPED or not descent.jump(out.theta, out.step):
            break
        left += 1
    loss = descent.losses[-1]
    return Found(
        outcome=_outcome(ended, point, descent.saddle_free),
        theta=descent.operator.theta.copy(),
        gradient_norm=point.gradient.norm,
        flatness=point.gradient.flatness,
        loss=loss if np.isfinite(loss) else None,
        gradient_norms=np.array(descent.norms),
        losses=np.array(descent.losses),
        steps=len(descent.norms) - 1,
        saddles_left=left,
        products=descent.products + products,
        radius=descent.radius,
        point=point,
    )


def _outcome(ended: FindOutcome | None, point: CriticalPoint, saddle_free: bool) -> FindOutcome:
    """By what `classify` says of the end, where the search did not end for another reason."""
    gradient = point.gradient
    if ended is FindOutcome.NO_LOSS:
        return ended
    # Small for the little that is left to gain is enough to be judged, not to have arrived.
    if gradient.norm <= gradient.threshold or (gradient.small and ended is None):
        return FindOutcome.CRITICAL
    if gradient.flat and not saddle_free and ended is not FindOutcome.STOPPED:
        return FindOutcome.GRADIENT_FLAT
    return FindOutcome.STALLED if ended is None else ended
