"""Adam."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from saddlescape import _check
from saddlescape.optim.optimizer import Array, LearningRate, Optimizer

__all__ = ["Adam"]


class Adam(Optimizer):
    r"""Momentum over the running mean of squared gradients, both corrected for their start at 0.

    .. math::

        g_t &= \pm\nabla L(\theta_{t-1}) + \lambda\theta_{t-1} \\
        m_t &= \beta_1 m_{t-1} + (1-\beta_1) g_t, \qquad
            \hat m_t = m_t / (1-\beta_1^t) \\
        v_t &= \beta_2 v_{t-1} + (1-\beta_2) g_t^2, \qquad
            \hat v_t = v_t / (1-\beta_2^t) \\
        \theta_t &= \theta_{t-1} - \eta\,\frac{\hat m_t}{\sqrt{\hat v_t} + \epsilon}


    Parameters
    ----------
    params : ndarray or list or tuple of ndarray
        C-contiguous writable float32 or float64 arrays of any shape, all of one dtype, finite, no
        two sharing memory. They are updated in place.
    lr : float or callable, default 1e-3
        Learning rate >= 0, or a function that gives it for a step; the first step is number 0.
    betas : (float, float), default (0.9, 0.999)
        :math:`0 \le \beta_1, \beta_2 < 1`, the weights of the old moments.
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
    >>> opt = optim.Adam(theta, lr=0.01)
    >>> opt.step(np.array([4.0, -0.1]))
    >>> theta.round(6)
    array([-0.01,  0.01])

    References
    ----------
    D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", arXiv 1412.6980, algorithm 1.
    """

    def __init__(
        self,
        params: Array | Sequence[Array],
        lr: LearningRate = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
    ) -> None:
        arguments = {
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, lr, arguments)

    @staticmethod
    def _resolve(arguments: Mapping[str, Any]) -> tuple[str, dict[str, float]]:
        betas = arguments["betas"]
        if not isinstance(betas, tuple | list):
            raise TypeError(f"betas: {type(betas).__name__}, expected two numbers >= 0 and < 1")
        if len(betas) != 2:
            raise ValueError(f"betas: {len(betas)} numbers, expected two")
        return "adam", {
            "beta1": _check.fraction("betas[0]", betas[0]),
            "beta2": _check.fraction("betas[1]", betas[1]),
            "eps": _check.non_negative("eps", arguments["eps"]),
            "weight_decay": _check.non_negative("weight_decay", arguments["weight_decay"]),
            "maximize": _check.flag("maximize", arguments["maximize"]),
        }
