"""Adan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from saddlescape import _check
from saddlescape.optim._arguments import betas, epsilon
from saddlescape.optim.common import Common
from saddlescape.optim.optimizer import LearningRate, Optimizer, Params

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Adan"]


class Adan(Optimizer):
    r"""Adam with Nesterov's look-ahead, taken from how the gradient changes.

    .. math::

        g_t &= \pm\nabla L(\theta_{t-1}), \qquad d_t = g_t - g_{t-1}, \qquad d_1 = 0 \\
        m_t &= \beta_1 m_{t-1} + (1-\beta_1) g_t \\
        v_t &= \beta_2 v_{t-1} + (1-\beta_2) d_t \\
        n_t &= \beta_3 n_{t-1} + (1-\beta_3) (g_t + \beta_2 d_t)^2 \\
        \theta_t &= \frac{1}{1+\eta\lambda} \left( \theta_{t-1} - \eta\,
            \frac{\hat m_t + \beta_2 \hat v_t}{\sqrt{\hat n_t} + \epsilon} \right)

    The hats divide by :math:`1 - \beta^t`, as the authors' program does and the paper does not; the
    betas too are the program's, one less the paper's.

    Parameters
    ----------
    params : array or list or tuple of arrays or list of dict
        C-contiguous writable arrays of any shape, or groups of them: see `Optimizer`. They are
        updated in place.
    lr : float or callable, default 1e-3
        Learning rate >= 0, or a function that gives it for a step; the first step is number 0.
    betas : (float, float, float), default (0.98, 0.92, 0.99)
        :math:`0 \le \beta_1, \beta_2, \beta_3 < 1`, the weights of the old averages.
    eps : float, default 1e-8
        :math:`\epsilon \ge 0`. Where it is 0 a parameter that has seen no gradient stays where it
        is (PyTorch: NaN).
    weight_decay : float, default 0
        :math:`\lambda \ge 0`, decoupled: it is not part of the gradient.
    no_prox : bool, default False
        Shrink by :math:`1 - \eta\lambda` before the step, as `AdamW`, instead of by
        :math:`1 / (1 + \eta\lambda)` after it.
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
    >>> opt = optim.Adan(theta, lr=0.01)
    >>> opt.step(np.array([4.0, -0.1]))
    >>> theta.round(6)
    array([-0.01,  0.01])

    References
    ----------
    X. Xie et al., "Adan: adaptive Nesterov momentum algorithm for faster optimizing deep models",
    arXiv 2208.06677, algorithm 1.
    """

    def __init__(
        self,
        params: Params,
        lr: LearningRate = 1e-3,
        betas: tuple[float, float, float] = (0.98, 0.92, 0.99),
        eps: float = 1e-8,
        weight_decay: float = 0,
        no_prox: bool = False,
        *,
        maximize: bool = False,
        **common: Unpack[Common],
    ) -> None:
        arguments = {
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "no_prox": no_prox,
            "maximize": maximize,
        }
        super().__init__(params, lr, arguments, **common)

    @staticmethod
    def _resolve(arguments: Mapping[str, Any]) -> tuple[str, dict[str, float]]:
        return "adan", {
            **betas(arguments["betas"], 3),
            **epsilon(arguments["eps"]),
            "weight_decay": _check.non_negative("weight_decay", arguments["weight_decay"]),
            "decoupled": _check.flag("no_prox", arguments["no_prox"]),
            "maximize": _check.flag("maximize", arguments["maximize"]),
        }
