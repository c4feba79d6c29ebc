"""Averaged stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from saddlescape import _check
from saddlescape.optim.common import Common
from saddlescape.optim.optimizer import LearningRate, Optimizer, Params

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["ASGD"]


class ASGD(Optimizer):
    r"""Gradient descent with a decaying step that keeps the average of its path.

    .. math::

        g_t &= \pm\nabla L(\theta_{t-1}) + \lambda'\theta_{t-1} \\
        \eta_t &= \eta / (1 + \lambda\eta\,(t-1))^\alpha, \qquad
            \mu_t = 1 / \max(1,\, t - 1 - t_0) \\
        \theta_t &= (1 - \lambda\eta_t)\,\theta_{t-1} - \eta_t g_t \\
        a_t &= a_{t-1} + \mu_t (\theta_t - a_{t-1})

    The average :math:`a` is the state ``ax``: read it with `state_dict`. PyTorch computes
    :math:`\eta_t` at the end of a step for the next one, so that a changed learning rate acts a
    step later there.

    Parameters
    ----------
    params : array or list or tuple of arrays or list of dict
        C-contiguous writable arrays of any shape, or groups of them: see `Optimizer`. They are
        updated in place.
    lr : float or callable, default 1e-2
        Learning rate >= 0, or a function that gives it for a step; the first step is number 0.
    lambd : float, default 1e-4
        :math:`\lambda \ge 0`, the decay of step and parameters.
    alpha : float, default 0.75
        :math:`\alpha`, any finite number.
    t0 : float, default 1e6
        The number of steps after which the average starts; until then it is :math:`\theta`.
    weight_decay : float, default 0
        :math:`\lambda' \ge 0`, an L2 penalty added to the gradient.
    maximize : bool, default False
        Climb instead of descend.
    **common
        Storage, clipping, averages, statistics: see `Optimizer`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as said above; it is named.

    Examples
    --------
    >>> import numpy as np
    >>> from saddlescape import optim
    >>> theta = np.zeros(2)
    >>> opt = optim.ASGD(theta, lr=0.01)
    >>> opt.step(np.array([4.0, -0.1]))
    >>> theta.round(6)
    array([-0.04 ,  0.001])

    References
    ----------
    B. T. Polyak, A. B. Juditsky, "Acceleration of stochastic approximation by averaging", 1992.
    """

    def __init__(
        self,
        params: Params,
        lr: LearningRate = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
        **common: Unpack[Common],
    ) -> None:
        arguments = {
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, lr, arguments, **common)

    @staticmethod
    def _resolve(arguments: Mapping[str, Any]) -> tuple[str, dict[str, float]]:
        return "asgd", {
            "lambd": _check.non_negative("lambd", arguments["lambd"]),
            "alpha": _check.finite("alpha", arguments["alpha"]),
            "t0": _check.finite("t0", arguments["t0"]),
            "weight_decay": _check.non_negative("weight_decay", arguments["weight_decay"]),
            "maximize": _check.flag("maximize", arguments["maximize"]),
        }
