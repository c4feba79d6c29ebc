"""RMSprop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from saddlescape import _check
from saddlescape.optim.optimizer import Array, LearningRate, Optimizer

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    r"""Divide by the root of the running mean of squared gradients.

    .. math::

        g_t &= \pm\nabla L(\theta_{t-1}) + \lambda\theta_{t-1} \\
        v_t &= \alpha v_{t-1} + (1-\alpha) g_t^2 \\
        \theta_t &= \theta_{t-1} - \eta\,\frac{g_t}{\sqrt{v_t} + \epsilon}


    As in PyTorch epsilon stands outside the root and the mean starts at 0.

    Parameters
    ----------
    params : ndarray or list or tuple of ndarray
        C-contiguous writable float32 or float64 arrays of any shape, all of one dtype, finite, no
        two sharing memory. They are updated in place.
    lr : float or callable, default 1e-2
        Learning rate >= 0, or a function that gives it for a step; the first step is number 0.
    alpha : float, default 0.99
        :math:`0 \le \alpha < 1`, the weight of the old mean.
    eps : float, default 1e-8
        :math:`\epsilon \ge 0`. Where it is 0 a parameter that has seen no gradient stays where it
        is (PyTorch: NaN).
    weight_decay : float, default 0
        :math:`\lambda \ge 0`, an L2 penalty added to the gradient.
    maximize : bool, default False
        Climb instead of descend.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as said above; it is named.

    Examples
    --------
    >>> import numpy as np
    >>> from saddlescape import optim
    >>> theta = np.zeros(2)
    >>> opt = optim.RMSprop(theta, lr=0.01)
    >>> opt.step(np.array([4.0, -0.1]))
    >>> theta.round(6)
    array([-0.1,  0.1])

    References
    ----------
    T. Tieleman, G. Hinton, "Lecture 6.5: RMSprop", Coursera, 2012.
    """

    def __init__(
        self,
        params: Array | Sequence[Array],
        lr: LearningRate = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
    ) -> None:
        arguments = {
            "alpha": alpha,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, lr, arguments)

    @staticmethod
    def _resolve(arguments: Mapping[str, Any]) -> tuple[str, dict[str, float]]:
        return "rmsprop", {
            "alpha": _check.fraction("alpha", arguments["alpha"]),
            "eps": _check.non_negative("eps", arguments["eps"]),
            "weight_decay": _check.non_negative("weight_decay", arguments["weight_decay"]),
            "maximize": _check.flag("maximize", arguments["maximize"]),
        }
