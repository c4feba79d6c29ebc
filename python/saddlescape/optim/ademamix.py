"""AdEMAMix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from saddlescape import _check
from saddlescape.optim._arguments import betas, epsilon
from saddlescape.optim.common import Common
from saddlescape.optim.optimizer import LearningRate, Optimizer, Params

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["AdEMAMix"]


class AdEMAMix(Optimizer):
    r"""Adam with two averages of the gradient: one that follows, and one that remembers.

    .. math::

        g_t &= \pm\nabla L(\theta_{t-1}) \\
        m_t &= \beta_1 m_{t-1} + (1-\beta_1) g_t, \qquad \hat m_t = m_t / (1-\beta_1^t) \\
        s_t &= \beta_3(t) s_{t-1} + (1-\beta_3(t)) g_t \\
        v_t &= \beta_2 v_{t-1} + (1-\beta_2) g_t^2, \qquad \hat v_t = v_t / (1-\beta_2^t) \\
        \theta_t &= (1 - \eta\lambda)\,\theta_{t-1} -
            \eta\,\frac{\hat m_t + \alpha(t)\, s_t}{\sqrt{\hat v_t} + \epsilon}

    With a warm-up of T steps :math:`\alpha(t) = \alpha \min(t/T, 1)`, and the half-life of
    :math:`\beta_3(t)` goes linearly from that of :math:`\beta_1` to that of :math:`\beta_3`.

    Parameters
    ----------
    params : array or list or tuple of arrays or list of dict
        C-contiguous writable arrays of any shape, or groups of them: see `Optimizer`. They are
        updated in place.
    lr : float or callable, default 1e-3
        Learning rate >= 0, or a function that gives it for a step; the first step is number 0.
    betas : (float, float, float), default (0.9, 0.999, 0.9999)
        :math:`0 \le \beta_1, \beta_2, \beta_3 < 1`, the weights of the old averages.
    alpha : float, default 5.0
        :math:`\alpha \ge 0`, the weight of the slow average.
    warmup : float, default 0
        :math:`T \ge 0` in steps. The paper takes the whole run.
    eps : float, default 1e-8
        :math:`\epsilon \ge 0`. Where it is 0 a parameter that has seen no gradient stays where it
        is (PyTorch: NaN).
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
    >>> opt = optim.AdEMAMix(theta, lr=0.01)
    >>> opt.step(np.array([4.0, -0.1]))
    >>> theta.round(6)
    array([-0.010005,  0.010005])

    References
    ----------
    M. Pagliardini, P. Ablin, D. Grangier, "The AdEMAMix optimizer: better, faster, older",
    arXiv 2409.03137, algorithm 1.
    """

    def __init__(
        self,
        params: Params,
        lr: LearningRate = 1e-3,
        betas: tuple[float, float, float] = (0.9, 0.999, 0.9999),
        alpha: float = 5.0,
        warmup: float = 0,
        eps: float = 1e-8,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
        **common: Unpack[Common],
    ) -> None:
        arguments = {
            "betas": betas,
            "alpha": alpha,
            "warmup": warmup,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, lr, arguments, **common)

    @staticmethod
    def _resolve(arguments: Mapping[str, Any]) -> tuple[str, dict[str, float]]:
        return "ademamix", {
            **betas(arguments["betas"], 3),
            **epsilon(arguments["eps"]),
            "alpha": _check.non_negative("alpha", arguments["alpha"]),
            "warmup": _check.non_negative("warmup", arguments["warmup"]),
            "weight_decay": _check.non_negative("weight_decay", arguments["weight_decay"]),
            "maximize": _check.flag("maximize", arguments["maximize"]),
        }
