"""Saddle-free Newton."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from saddlescape import _backend, _check
from saddlescape._core import optim as _core
from saddlescape._krylov import krylov
from saddlescape._sums import Sums
from saddlescape.optim.newton_model import Differentiable, Model

__all__ = ["NewtonStep", "SaddleFreeNewton"]

Vector = npt.NDArray[np.float64]
_DAMPINGS = (1e-8, 1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)  # of the largest |Ritz value|
_DOUBLINGS = 40


@dataclass(frozen=True)
class NewtonStep:
    """What a step did.

    Attributes
    ----------
    damping : float or None
        What was added to the curvatures; None if nothing moved: the gradient was zero, or no
        damping brought the loss down.
    length : float
        Of the step, in the Euclidean norm.
    negative : int
        Negative Ritz values of the Krylov space.
    products : int
        Hessian products.
    loss_before, loss_after : float
        NaN where the operator has no loss.
    """

    damping: float | None
    length: float
    negative: int
    products: int
    loss_before: float
    loss_after: float


class SaddleFreeNewton:
    r"""Newton's step with curvatures taken as positive: saddles repel instead of attracting.

    In the Krylov space :math:`V` of the gradient, with :math:`V^T H V = S T S^T`,

    .. math::

        \theta_t = \theta_{t-1} - \eta V S (|T| + \lambda)^{-1} S^T V^T g

    Newton's own step goes to the nearest critical point, saddles above all. The damping
    :math:`\lambda` is the one of eight, from 1e-8 to 10 times the largest :math:`|T|`, whose step
    brings the measured loss down most. Beyond the paper: where the loss curves down along that step
    the model names no length, and it is doubled for as long as the loss falls.

    At a saddle itself, where the gradient is zero, nothing moves: ``critical.escape`` does.

    Parameters
    ----------
    params : array or list of arrays
        C-contiguous writable NumPy arrays of float32 or float64, updated in place: what the
        operator's theta is made of, one after the other, such as ``net.theta``.
    lr : float
        :math:`\eta \ge 0`, a factor of the step, before it is doubled.
    vectors : int
        Hessian products of a step at most, and vectors that are held.
    damping : float, optional
        :math:`\lambda > 0`. No loss is evaluated then, and no step doubled.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as said above; it is named.

    Examples
    --------
    Beside the lectures' saddle, ``(1 - w1 w2)^2`` at zero:

    >>> import numpy as np, saddlescape as ss
    >>> from saddlescape import curvature, optim
    >>> net = ss.MLP((1, 1, 1), "linear", "mse", bias=False, dtype="float64")
    >>> net.theta[:] = 1e-3, 2e-3
    >>> X = y = np.ones((1, 1))
    >>> opt = optim.SaddleFreeNewton(net.theta)
    >>> for _ in range(3):
    ...     done = opt.step(curvature.of(net, X, y))
    >>> net.loss(X, y) < 1e-3
    True

    References
    ----------
    Y. Dauphin et al., "Identifying and attacking the saddle point problem in high-dimensional
    non-convex optimization", NeurIPS 2014, algorithm 1.
    """

    def __init__(
        self,
        params: npt.NDArray[Any] | list[npt.NDArray[Any]],
        lr: float = 1.0,
        *,
        vectors: int = 20,
        damping: float | None = None,
    ) -> None:
        self.params = params
        self._arrays = list(params) if isinstance(params, list | tuple) else [params]
        if not self._arrays:
            raise ValueError("params: empty, expected at least one array")
        for i, array in enumerate(self._arrays):
            name = f"params[{i}]" if isinstance(params, list | tuple) else "params"
            if not isinstance(array, np.ndarray) or array.dtype not in (np.float32, np.float64):
                came = array.dtype if isinstance(array, np.ndarray) else _backend.came(array)
                raise TypeError(f"{name}: {came}, expected a NumPy array of float32 or float64")
            _core.check_parameter(array, name)
        self.lr = _check.non_negative("lr", lr)
        self.vectors = _check.integer("vectors", vectors, low=1)
        if damping is not None:
            damping = _check.positive("damping", damping, "a finite number > 0, or None")
        self.damping = damping
        self.steps = 0

    def step(self, curvature: Differentiable) -> NewtonStep:
        """Move the parameters by a step from the operator's gradient and products.

        Parameters
        ----------
        curvature : operator
            Of the loss at the present parameters: ``curvature.of(net, X, y)``, made anew for each
            step, over the whole data or a batch.

        Returns
        -------
        NewtonStep
            What was done.

        Raises
        ------
        TypeError, ValueError
            If the operator was taken at another point, has no loss while `damping` is None, or if
            the gradient or a product is not finite. Parameters are then untouched.
        """
        theta, before = self._point(curvature)
        g = np.asarray(curvature.gradient(), dtype=np.float64)
        if not np.any(g):
            self.steps += 1
            return NewtonStep(None, 0.0, 0, 0, before, before)
        whole = Sums(None)
        V, T = krylov(curvature, g, self.vectors)
        k = V.shape[1]
        values, S = np.linalg.eigh(T[:k])
        found = Model(values, whole.unit(g)[1] * S[0], V @ S)
        if self.damping is not None:
            d = -self.lr * found.step(self.damping)
            damping, after = self.damping, curvature.loss(self._rounded(theta + d))
        else:
            damping, d, after = self._searched(curvature, theta, found, before)
        moved = self._rounded(theta + d)
        if not np.isfinite(moved).all():
            raise ValueError("curvature: its step overflows the parameters' type")
        self._write(moved)
        self.steps += 1
        negative = int((values < 0).sum())
        length = whole.unit(moved - theta)[1] if (moved != theta).any() else 0.0
        chosen = damping if length > 0 else None
        return NewtonStep(chosen, length, negative, k, before, after)

    def _searched(
        self, curvature: Differentiable, theta: Vector, found: Model, before: float
    ) -> tuple[float, Vector, float]:
        size = float(np.abs(found.values).max()) or 1.0
        best = (0.0, np.zeros_like(theta), before)
        for part in _DAMPINGS:
            d = -self.lr * found.step(part * size)
            loss = self._loss(curvature, theta + d)
            if loss < best[2]:
                best = (part * size, d, loss)
        damping, d, loss = best
        if damping and found.curves_down(damping):
            for _ in range(_DOUBLINGS):
                further = self._loss(curvature, theta + 2 * d)
                if not further < loss:
                    break
                d, loss = 2 * d, further
        return damping, d, loss

    def _loss(self, curvature: Differentiable, theta: Vector) -> float:
        moved = self._rounded(theta)
        value = curvature.loss(moved) if np.isfinite(moved).all() else np.nan
        return float(value) if np.isfinite(value) else np.inf

    def _point(self, curvature: Differentiable) -> tuple[Vector, float]:
        theta = np.concatenate([a.reshape(-1).astype(np.float64) for a in self._arrays])
        at = getattr(curvature, "theta", None)
        if at is None or not hasattr(curvature, "__matmul__"):
            raise TypeError(
                f"curvature: {type(curvature).__name__}, expected an operator of "
                "saddlescape.curvature"
            )
        if not getattr(curvature, "has_gradient", True):
            raise ValueError(
                f"curvature: {type(curvature).__name__} without a gradient, expected one to follow:"
                " pass curvature.of(net, X, y), or "
                "curvature.from_operator(op, gradient, theta, loss=...)"
            )
        if at.shape != theta.shape or not np.array_equal(at, theta):
            raise ValueError(
                f"curvature: taken at another point, of shape {at.shape}, expected the present "
                f"params, {theta.shape}: make the operator anew for each step"
            )
        loss = float(curvature.loss())
        if self.damping is None and not np.isfinite(loss):
            raise ValueError(
                f"curvature: loss {loss}, expected a finite one to choose the damping by, or "
                "damping=..."
            )
        return theta, loss

    def _rounded(self, theta: Vector) -> Vector:
        parts, start = [], 0
        with np.errstate(over="ignore"):
            for array in self._arrays:
                parts.append(theta[start : start + array.size].astype(array.dtype))
                start += array.size
        return np.concatenate([part.astype(np.float64) for part in parts])

    def _write(self, theta: Vector) -> None:
        start = 0
        for array in self._arrays:
            array[...] = theta[start : start + array.size].reshape(array.shape)
            start += array.size

    def state_dict(self) -> dict[str, Any]:
        """Return the arguments and the number of steps: nothing else is kept between steps."""
        arguments = {"lr": self.lr, "vectors": self.vectors, "damping": self.damping}
        return {"rule": "saddle_free_newton", "arguments": arguments, "step": self.steps}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned: take all of it, or raise and take nothing."""
        if not isinstance(state_dict, Mapping) or set(state_dict) != {"rule", "arguments", "step"}:
            raise ValueError("state_dict: expected the names rule, arguments and step")
        if state_dict["rule"] != "saddle_free_newton":
            raise ValueError(f"rule: {state_dict['rule']!r}, expected 'saddle_free_newton'")
        twin = SaddleFreeNewton(self.params, **state_dict["arguments"])
        self.steps = _check.integer("step", state_dict["step"], low=0)
        self.lr, self.vectors, self.damping = twin.lr, twin.vectors, twin.damping

    def __repr__(self) -> str:
        return f"SaddleFreeNewton(lr={self.lr!r}, vectors={self.vectors}, damping={self.damping!r})"
