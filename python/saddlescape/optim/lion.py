"""Lion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from saddlescape import _check
from saddlescape.optim._arguments import betas
from saddlescape.optim.common import Common
from saddlescape.optim.optimizer import LearningRate, Optimizer, Params

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Lion"]


class Lion(Optimizer):
    r"""Step by the sign of the momentum: every parameter moves by the learning rate, or not at all.

    .. math::

        g_t &= \pm\nabla L(\theta_{t-1}) \\
        \theta_t &= (1 - \eta\lambda)\,\theta_{t-1} -
            \eta\,\operatorname{sign}(\beta_1 m_{t-1} + (1-\beta_1) g_t) \\
        m_t &= \beta_2 m_{t-1} + (1-\beta_2) g_t

    with :math:`\operatorname{sign}(0) = 0`.

    Parameters
    ----------
    params : array or list or tuple of arrays or list of dict
        C-contiguous writable arrays of any shape, or groups of them: see `Optimizer`. They are
        updated in place.
    lr : float or callable, default 1e-4
        Learning rate >= 0, or a function that gives it for a step; the first step is number 0.
    betas : (float, float), default (0.9, 0.99)
        :math:`0 \le \beta_1, \beta_2 < 1`, the weights of the old momentum in the step and in the
        momentum.
    weight_decay : float, default 0
        :math:`\lambda \ge 0`, decoupled: it is not part of the gradient.
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
    >>> opt = optim.Lion(theta, lr=0.01)
    >>> opt.step(np.array([4.0, -0.1]))
    >>> theta.round(6)
    array([-0.01,  0.01])

    References
    ----------
    X. Chen et al., "Symbolic discovery of optimization algorithms", arXiv 2302.06675, algorithm 2.
    """

    def __init__(
        self,
        params: Params,
        lr: LearningRate = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0,
        *,
        maximize: bool = False,
        **common: Unpack[Common],
    ) -> None:
        arguments = {
            "betas": betas,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, lr, arguments, **common)

    @staticmethod
    def _resolve(arguments: Mapping[str, Any]) -> tuple[str, dict[str, float]]:
        return "lion", {
            **betas(arguments["betas"]),
            "weight_decay": _check.non_negative("weight_decay", arguments["weight_decay"]),
            "maximize": _check.flag("maximize", arguments["maximize"]),
        }
