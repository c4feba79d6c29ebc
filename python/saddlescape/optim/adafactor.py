"""Adafactor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from saddlescape import _check
from saddlescape.optim.common import Common
from saddlescape.optim.optimizer import LearningRate, Optimizer, Params

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Adafactor"]


class Adafactor(Optimizer):
    r"""Adam's second moment of a matrix from one number for each row and one for each column.

    .. math::

        R_t &= (1-w_t) R_{t-1} + w_t\,\mathrm{mean}_j\,G_t^2, \qquad w_t = t^{\gamma} \\
        C_t &= (1-w_t) C_{t-1} + w_t\,\mathrm{mean}_i\,G_t^2 \\
        V_t &= \frac{R_t C_t}{\max(\mathrm{mean}\,R_t, \epsilon_1)}, \qquad
            U_t = \frac{G_t}{\max(\sqrt{V_t}, \epsilon_1)} \\
        \alpha_t &= \max(\epsilon_2, \mathrm{rms}(\theta_{t-1}))\,\min(\eta, 1/\sqrt t) \\
        \theta_t &= (1-\eta\lambda)\,\theta_{t-1}
            - \frac{\alpha_t\,U_t}{\max(1, \mathrm{rms}(U_t) / d)}

    A vector keeps :math:`V_t` itself: the average of :math:`G_t^2`. Of an array with more than two
    dimensions the last two are the matrix; its norms are those of the whole array.

    Parameters
    ----------
    params : array or list or tuple of arrays or list of dict
        C-contiguous writable arrays of any shape, or groups of them: see `Optimizer`. They are
        updated in place.
    lr : float or callable, default 1e-2
        Learning rate :math:`\eta \ge 0`, or a function that gives it for a step; the first step is
        number 0. The paper has 1e-2 there and no other use of it.
    beta2_decay : float, default -0.8
        :math:`\gamma \le 0`.
    eps : (float or None, float), default (None, 1e-3)
        :math:`\epsilon_1, \epsilon_2 \ge 0`. None is the machine epsilon of the parameters' type
        (of their master weights'). The paper adds :math:`\epsilon_1` to :math:`G_t^2`.
    d : float, default 1.0
        At least 1: the longest an update's root mean square may be.
    weight_decay : float, default 0
        :math:`\lambda \ge 0`, decoupled.
    maximize : bool, default False
        Climb instead of descend.
    **common
        Storage, clipping, averages, statistics: see `Optimizer`. No `state_dtype`: the states are
        small beside the parameters. Those that an array does not have are empty.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as said above; it is named.

    Examples
    --------
    >>> import numpy as np
    >>> from saddlescape import optim
    >>> theta = np.ones((2, 2))
    >>> opt = optim.Adafactor(theta, lr=0.1)
    >>> opt.step(np.array([[1.0, 2.0], [2.0, 4.0]]))
    >>> theta.round(6)
    array([[0.9, 0.9],
           [0.9, 0.9]])
    >>> [state[0].shape for state in opt.state_dict()["state"].values()]
    [(2, 1), (1, 2), (0,)]

    References
    ----------
    N. Shazeer, M. Stern, "Adafactor: adaptive learning rates with sublinear memory cost", 2018,
    arXiv 1804.04235, algorithms 4 to 6.
    """

    def __init__(
        self,
        params: Params,
        lr: LearningRate = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
        **common: Unpack[Common],
    ) -> None:
        arguments = {
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, lr, arguments, **common)

    @staticmethod
    def _resolve(arguments: Mapping[str, Any]) -> tuple[str, dict[str, float]]:
        decay = _check.finite("beta2_decay", arguments["beta2_decay"])
        if decay > 0:
            raise ValueError(f"beta2_decay: {decay}, expected a finite number <= 0")
        threshold = _check.finite("d", arguments["d"])
        if threshold < 1:
            raise ValueError(f"d: {threshold}, expected a finite number >= 1")
        return "adafactor", {
            **_epsilons(arguments["eps"]),
            "beta2_decay": decay,
            "clip_threshold": threshold,
            "weight_decay": _check.non_negative("weight_decay", arguments["weight_decay"]),
            "maximize": _check.flag("maximize", arguments["maximize"]),
        }


def _epsilons(value: object) -> dict[str, float]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise TypeError(
            f"eps: {type(value).__name__}, expected two numbers >= 0, the first or None"
        )
    if len(value) != 2:
        raise ValueError(f"eps: {len(value)} numbers, expected two")
    first, second = value
    # In the core a negative number stands for the machine epsilon.
    eps = (
        -1.0
        if first is None
        else _check.non_negative("eps[0]", first, "a finite number >= 0 or None")
    )
    return {"eps": eps, "parameter_floor": _check.non_negative("eps[1]", second)}
