"""Leaving a saddle: a line search along a direction that certified curvature points out."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check
from saddlescape.critical.classify import classify
from saddlescape.critical.kind import Kind
from saddlescape.critical.line import minimise_along
from saddlescape.critical.point import CriticalPoint
from saddlescape.critical.probe import loss_noise
from saddlescape.critical.statement import wrapped
from saddlescape.curvature import Curvature, NetworkCurvature
from saddlescape.curvature.piecewise import warn_of_kinks
from saddlescape.net import MLP

__all__ = ["Escape", "EscapeOutcome", "escape", "operator_of"]

Vector = NDArray[np.float64]


class EscapeOutcome(Enum):
    """How a search for a way down ended; the text says what to do next."""

    ESCAPED = "The loss fell: move there (theta + step * direction) and train on."
    NOT_NEEDED = "The gradient is not small: it shows the way down itself; keep training."
    NO_WAY_DOWN = (
        "No direction is known along which the loss falls. Stop if it is good enough; if not, "
        "start elsewhere, add features, or enlarge the network."
    )
    NO_LOSS = "The operator can't evaluate the loss, so nothing was searched: give it a loss."


@dataclass(frozen=True)
class Escape:
    """A way down, searched and measured.

    Attributes
    ----------
    outcome : EscapeOutcome
        Whether a way down was found; the text of a member is the remedy.
    direction : (P,) array
        Unit vector, its sign chosen so that the loss falls; zero if there is none.
    step : float
        How far along it the line search went.
    curvature : float
        ``u^T H u`` along the direction.
    predicted_drop : float
        What the quadratic model says of that step: ``-(step g^T u + 1/2 step^2 u^T H u)``.
    measured_drop : float
        ``loss_before - loss_after``.
    loss_before, loss_after : float
        Losses, evaluated.
    trace : (k, 3) array
        Every step tried, with the drop predicted and the drop measured there, by step.
    theta : (P,) array
        Where it ends: ``theta_before + step * direction``.
    point : CriticalPoint
        The point that was left.
    opposite_drop : float
        The largest drop measured along ``-direction``; 0 if the loss fell nowhere there.
    """

    outcome: EscapeOutcome
    direction: Vector = field(repr=False)
    step: float
    curvature: float
    predicted_drop: float
    measured_drop: float
    loss_before: float
    loss_after: float
    trace: Vector = field(repr=False)
    theta: Vector = field(repr=False)
    point: CriticalPoint = field(repr=False)
    opposite_drop: float = 0.0

    @property
    def model_reach(self) -> tuple[float, float, float] | None:
        """The longest step at which the quadratic model is right to 10 %, with both drops there."""
        reach = None
        for step, predicted, measured in self.trace.tolist():
            if abs(measured - predicted) <= 0.1 * abs(predicted):
                reach = (step, predicted, measured)
            elif reach is not None:  # a later agreement would be chance
                break
        return reach

    def __repr__(self) -> str:
        """Lay out how the search ended and what it measured."""
        rows = [("ESCAPE", self.outcome.name.lower().replace("_", " ")), ("", self.outcome.value)]
        if self.outcome is EscapeOutcome.ESCAPED:
            rows += [
                ("loss", f"{self.loss_before:.6g} to {self.loss_after:.6g}"),
                ("step", f"{self.step:.4g}, along a curvature of {self.curvature:.4g}"),
                ("drop", self._drops()),
            ]
        return "\n".join(line for row in rows for line in wrapped(*row))

    def _drops(self) -> str:
        text = (
            f"{self.measured_drop:.4g} measured, {self.predicted_drop:.4g} predicted; "
            f"{self.opposite_drop:.4g} the other way"
        )
        if self.model_reach is None:
            return f"{text}; the quadratic model was right at no step"
        return f"{text}; the quadratic model is right up to a step of {self.model_reach[0]:.3g}"


def escape(
    H: Curvature | MLP,
    X: NDArray[Any] | None = None,
    y: NDArray[Any] | None = None,
    *,
    point: CriticalPoint | None = None,
    seed: int = 0,
) -> Escape:
    """Search for a way down from a critical point, along the most negative certified curvature.

    Of a multiple eigenvalue's space `classify` has taken a random direction, so that equal units
    part. Where no eigenvalue is certainly negative, a direction that it has measured to go down is
    taken. Both signs are tried (a saddle may be even), the step is doubled until the loss rises
    (60 times at most: a loss without a bound has no lowest value), and the lowest loss between is
    found by Brent's method. Nothing is moved: the caller sets ``net.theta = out.theta``.

    Parameters
    ----------
    H : operator or MLP
        ``curvature.of(net, X, y)`` or another operator with a loss; or a network, with its data.
    X, y : arrays
        With a network: its samples and targets.
    point : CriticalPoint, optional
        What `classify` said of this very point; computed if left out.
    seed : int
        For `classify`.

    Returns
    -------
    Escape
        With the predicted and the measured drop.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what is allowed.
    PiecewiseLinearWarning
        Is issued for a network with kinks (relu), as by `saddlescape.curvature.of`.

    Examples
    --------
    From the lectures' saddle at the origin, ``L = (1 - w1 w2)^2``, along (1, 1) / sqrt 2:

    >>> import numpy as np, saddlescape as ss
    >>> from saddlescape import critical
    >>> net = ss.MLP((1, 1, 1), activation="linear", loss="mse", bias=False, init="zeros")
    >>> out = critical.escape(net, np.ones((1, 1)), np.ones((1, 1)))
    >>> out.loss_before, out.loss_after < 1e-12
    (1.0, True)

    References
    ----------
    .. [1] R. Brent (1973), Algorithms for Minimization without Derivatives, chapter 5.
    """
    operator = operator_of(H, X, y)
    seed = _check.integer("seed", seed, low=0)
    before = operator.loss()
    if point is None:
        point = classify(operator, seed=seed)
    _check_point(point, operator, before)
    if not np.isfinite(before):
        return _nowhere(operator, point, EscapeOutcome.NO_LOSS)
    if point.kind == Kind.NOT_CRITICAL:
        return _nowhere(operator, point, EscapeOutcome.NOT_NEEDED)
    direction = _direction(point)
    if direction is None:
        return _nowhere(operator, point, EscapeOutcome.NO_WAY_DOWN)
    return _search(operator, point, direction)


def operator_of(H: Curvature | MLP, X: NDArray[Any] | None, y: NDArray[Any] | None) -> Curvature:
    """Return H itself, or the operator of a network on its data; raise naming what is wrong."""
    if not isinstance(H, (MLP, Curvature)):
        raise TypeError(
            f"H: {type(H).__name__}, expected an MLP or an operator of saddlescape.curvature"
        )
    if isinstance(H, MLP):
        if X is None or y is None:
            missing = ", ".join(name for name, value in (("X", X), ("y", y)) if value is None)
            raise TypeError(
                f"{missing}: not given, expected the samples X and targets y of the network"
            )
        operator = NetworkCurvature(H, X, y)
        # 4: the line that calls find or escape, which call this
        warn_of_kinks(operator.kinks, operator.architecture(), stacklevel=4)
        return operator
    if X is not None or y is not None:
        given = ", ".join(name for name, value in (("X", X), ("y", y)) if value is not None)
        raise TypeError(f"{given}: given with an operator, expected only with a network")
    return H


def _check_point(point: CriticalPoint, operator: Curvature, loss: float) -> None:
    n = operator.shape[0]
    if not isinstance(point, CriticalPoint):
        raise TypeError(
            f"point: {type(point).__name__}, expected what critical.classify returned, or None"
        )
    if len(point.eigenvectors) != n:
        raise ValueError(f"point: {len(point.eigenvectors)} parameters, expected {n}, as H has")
    if point.loss is not None and abs(point.loss - loss) > loss_noise(operator, loss):
        raise ValueError(
            f"point: of a loss of {point.loss:g}, expected what critical.classify said of H, whose "
            f"loss is {loss:g}"
        )


def _direction(point: CriticalPoint) -> Vector | None:
    if point.inertia.negative > 0:
        return point.eigenvectors[:, 0]
    if point.probe is not None and point.probe.goes_down:
        return point.probe.direction
    return None


def _search(operator: Curvature, point: CriticalPoint, u: Vector) -> Escape:
    theta, before = operator.theta, operator.loss()
    slope, curved = float(operator.gradient() @ u), float(u @ (operator @ u))
    noise = loss_noise(operator, before)
    first = _first_step(point, float(np.linalg.norm(theta)), noise, curved)
    tried: dict[float, float] = {0.0: before}

    def along(step: float) -> float:
        loss = operator.loss(theta + step * u)
        tried[step] = loss if np.isfinite(loss) else float("inf")
        return tried[step]

    for sign in (1.0, -1.0):
        minimise_along(along, before, sign * first)
    best = min(tried, key=lambda step: tried[step])
    if best == 0.0:
        return _nowhere(operator, point, EscapeOutcome.NO_WAY_DOWN)
    sign = 1.0 if best > 0 else -1.0

    def predicted(step: float) -> float:
        return -(step * slope + 0.5 * step * step * curved)

    trace = [
        (sign * s, predicted(s), before - loss)
        for s, loss in sorted(tried.items(), key=lambda item: abs(item[0]))
        if s * sign > 0 and np.isfinite(loss)
    ]
    opposite = max((before - loss for s, loss in tried.items() if s * sign < 0), default=0.0)
    end = theta + best * u
    after = operator.loss(end)
    return Escape(
        EscapeOutcome.ESCAPED, sign * u, abs(best), curved, predicted(best), before - after,
        before, after, np.array(trace), end, point, max(0.0, opposite),
    )  # fmt: skip


def _first_step(point: CriticalPoint, length: float, noise: float, curved: float) -> float:
    """A step short beside theta, but not so short that the fall drowns in the loss's rounding."""
    if point.inertia.negative == 0 and point.probe is not None:
        return point.probe.step
    # 1/2 |c| t^2 = noise
    visible = float(np.sqrt(2 * noise / -curved)) if curved < 0 else 0.0
    return max(1e-3 * max(1.0, length), visible)


def _nowhere(operator: Curvature, point: CriticalPoint, outcome: EscapeOutcome) -> Escape:
    loss = operator.loss()
    zero = np.zeros_like(operator.theta)
    return Escape(
        outcome,
        zero,
        0.0,
        0.0,
        0.0,
        0.0,
        loss,
        loss,
        np.empty((0, 3)),
        operator.theta.copy(),
        point,
    )
