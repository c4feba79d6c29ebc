"""Steps within a radius that is trusted, by either model, until the gradient has vanished."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saddlescape.critical.found import FindOutcome
from saddlescape.critical.probe import loss_noise
from saddlescape.critical.trust import Model, curved_model, gradient_model, saddle_free_model
from saddlescape.curvature import MovableCurvature, NotFiniteError

__all__ = ["Descent", "Limits"]

Vector = NDArray[np.float64]
_FIRST = 0.1  # of max(1, |theta|): the first radius
_ACCEPT, _GOOD = 1e-4, 0.75  # of the fall that the model promised
_SHRINK, _GROW = 0.25, 2.0
_SHORTEST = 1e-15  # of max(1, |theta|): a step that moves nothing
_AIM = 1e-12  # of |H| max(1, |theta|): the gradient is its own rounding
_NEAR = 1e-6  # of max(1, |theta|): Newton's step at a critical point
_CREEP = 0.1  # a fall of 1/2 |g|^2, relative to it, that asks for a better model
_NO_GAIN, _PATIENCE = 1e-10, 4  # a fall of 1/2 |g|^2, relative to it; how many such steps


@dataclass(frozen=True)
class Limits:
    """When to end."""

    gradient_tolerance: float | None
    max_steps: int
    max_products: int | None


class Descent:
    """A search under way: where it stands, what it took, how far it trusts a step."""

    def __init__(
        self,
        operator: MovableCurvature,
        method: str,
        dense: bool,
        radius: float | None,
        limits: Limits,
        callback: Callable[[int, float, float], bool | None] | None,
    ) -> None:
        self.operator, self.limits = operator, limits
        self.saddle_free = method == "saddle_free_newton"
        self.products = 0
        self.norms = [float(np.linalg.norm(operator.gradient()))]
        self.losses = [operator.loss()]
        self.radius = _FIRST * self._scale() if radius is None else radius
        self._dense, self._callback = dense, callback
        self._idle, self._creeps = 0, False

    def run(self) -> FindOutcome | None:
        """Step until the gradient has vanished or nothing helps (None), or another reason."""
        if self.saddle_free and not np.isfinite(self.losses[-1]):
            return FindOutcome.NO_LOSS
        self._idle = 0
        while self.norms[-1] > (self.limits.gradient_tolerance or 0.0):
            if self._used_up():
                return FindOutcome.BUDGET
            model = self._model()
            self.products += model.products
            if self.limits.gradient_tolerance is None and self._there(model):
                return None
            if not self._step(model) or self._idle >= _PATIENCE:
                return None
            if self._told():
                return FindOutcome.STOPPED
        return None

    def jump(self, theta: Vector, length: float) -> bool:
        """Go elsewhere, as after an escape; False if the gradient is not finite there."""
        try:
            self._arrive(self.operator.at(theta))
        except NotFiniteError:
            return False
        self.radius = max(self.radius, length)
        return True

    def _model(self) -> Model:
        """The model of the method; with all of its curvature where the plain one creeps."""
        if self.saddle_free:
            return saddle_free_model(self.operator, self._dense)
        if self._dense and self._creeps and not self._beyond(3 * self.operator.shape[0]):
            curved = curved_model(self.operator)
            if curved is not None:
                return curved
        return gradient_model(self.operator, self._dense)

    def _there(self, model: Model) -> bool:
        """Whether the gradient is its own rounding, and Newton's step does not lead far from here.

        The tail of ``log(1 + e^x)`` has gradients as small as one likes, and a step of 1 to go.
        """
        if self.norms[-1] > _AIM * model.norm * self._scale():
            return False
        return float(np.linalg.norm(model.step(np.inf)[0])) <= _NEAR * self._scale()

    def _step(self, model: Model) -> bool:
        """Take the longest step that keeps what the model promises; False if there is none."""
        while self.radius > _SHORTEST * self._scale():
            p, promised = model.step(self.radius)
            length = float(np.linalg.norm(p))
            if not promised > 0:
                return False
            trial = self._at(p)
            kept = -1.0 if trial is None else self._fall(trial, promised) / promised
            if kept < _SHRINK:
                self.radius = _SHRINK * min(self.radius, length)
            elif kept > _GOOD and length > 0.9 * self.radius:
                self.radius *= _GROW
            if trial is not None and kept > _ACCEPT:
                before = self.norms[-1]
                self._arrive(trial)
                gained = 1 - (self.norms[-1] / before) ** 2
                self._creeps = gained < _CREEP
                self._idle = 0 if self.saddle_free or gained > _NO_GAIN else self._idle + 1
                return True
        self.radius = _FIRST * self._scale()
        return False

    def _at(self, p: Vector) -> MovableCurvature | None:
        """The operator after a step, None where the loss or its gradient is not finite."""
        theta = self.operator.theta + p
        if np.isfinite(self.losses[-1]) and not np.isfinite(self.operator.loss(theta)):
            return None
        try:
            trial = self.operator.at(theta)
        except NotFiniteError:
            return None
        return trial if np.isfinite(trial.gradient()).all() else None

    def _fall(self, trial: MovableCurvature, promised: float) -> float:
        """How far the loss, or ``1/2 |g|^2``, fell."""
        before, after = self.norms[-1], float(np.linalg.norm(trial.gradient()))
        if not self.saddle_free:
            return 0.5 * (before - after) * (before + after)
        if promised > loss_noise(self.operator, self.losses[-1]):
            return self.losses[-1] - trial.loss()
        # A fall below the loss's rounding can't be seen: then the gradient has to shrink.
        return promised * (1 - after / before)

    def _arrive(self, operator: MovableCurvature) -> None:
        self.operator = operator
        self.norms.append(float(np.linalg.norm(operator.gradient())))
        self.losses.append(operator.loss())

    def _used_up(self) -> bool:
        cost = self.operator.shape[0] if self._dense else 1
        return len(self.norms) > self.limits.max_steps or self._beyond(cost)

    def _beyond(self, cost: int) -> bool:
        """Whether so many products are more than are left."""
        most = self.limits.max_products
        return most is not None and self.products + cost > most

    def _told(self) -> bool:
        if self._callback is None:
            return False
        return bool(self._callback(len(self.norms) - 1, self.losses[-1], self.norms[-1]))

    def _scale(self) -> float:
        return max(1.0, float(np.linalg.norm(self.operator.theta)))
