"""LARS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from saddlescape import _check
from saddlescape.optim.common import Common
from saddlescape.optim.optimizer import LearningRate, Optimizer, Params

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Lars"]


class Lars(Optimizer):
    r"""Momentum with a learning rate of its own for each tensor: for large batches.

    .. math::

        r_t &= \frac{\eta_0\,\|\theta_{t-1}\|}
            {\|g_t\| + \lambda\|\theta_{t-1}\| + \epsilon} \\
        b_t &= \mu b_{t-1} + \eta\,r_t\,(g_t + \lambda\theta_{t-1}) \\
        \theta_t &= \theta_{t-1} - b_t

    with Euclidean norms over each array of parameters. Where one of them is 0 the factor
    :math:`r_t` is 1, so that an array of zeros can begin to move.

    Parameters
    ----------
    params : array or list or tuple of arrays or list of dict
        C-contiguous writable arrays of any shape, or groups of them: see `Optimizer`. They are
        updated in place.
    lr : float or callable, default 1.0
        Learning rate >= 0, or a function that gives it for a step; the first step is number 0.
    momentum : float, default 0.9
        :math:`\mu \ge 0`.
    weight_decay : float, default 0
        :math:`\lambda \ge 0`.
    trust_coefficient : float, default 1e-3
        :math:`\eta_0 \ge 0`, the length of a step as a part of the array's.
    eps : float, default 0
        :math:`\epsilon \ge 0`; the paper has none.
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
    >>> theta = np.array([3.0, 4.0])
    >>> opt = optim.Lars(theta, lr=1.0, trust_coefficient=0.1)
    >>> opt.step(np.array([2.0, 0.0]))
    >>> theta
    array([2.5, 4. ])

    References
    ----------
    Y. You, I. Gitman, B. Ginsburg, "Large batch training of convolutional networks", arXiv
    1708.03888, algorithm 1.
    """

    def __init__(
        self,
        params: Params,
        lr: LearningRate = 1.0,
        momentum: float = 0.9,
        weight_decay: float = 0,
        trust_coefficient: float = 1e-3,
        eps: float = 0,
        *,
        maximize: bool = False,
        **common: Unpack[Common],
    ) -> None:
        arguments = {
            "momentum": momentum,
            "weight_decay": weight_decay,
            "trust_coefficient": trust_coefficient,
            "eps": eps,
            "maximize": maximize,
        }
        super().__init__(params, lr, arguments, **common)

    @staticmethod
    def _resolve(arguments: Mapping[str, Any]) -> tuple[str, dict[str, float]]:
        names = ("momentum", "weight_decay", "trust_coefficient", "eps")
        return "lars", {
            **{name: _check.non_negative(name, arguments[name]) for name in names},
            "maximize": _check.flag("maximize", arguments["maximize"]),
        }
