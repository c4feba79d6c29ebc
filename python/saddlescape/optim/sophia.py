"""Sophia."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from saddlescape import _check
from saddlescape.optim._arguments import betas
from saddlescape.optim.common import Common
from saddlescape.optim.curved import Curved
from saddlescape.optim.optimizer import LearningRate, Params

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Sophia"]


class Sophia(Curved):
    r"""Momentum divided by an average of the Hessian's diagonal, each step no longer than lr.

    .. math::

        g_t &= \pm\nabla L(\theta_{t-1}) \\
        m_t &= \beta_1 m_{t-1} + (1-\beta_1) g_t \\
        h_t &= \beta_2 h_{t-1} + (1-\beta_2) \hat h_t
            \quad\text{in a step with an estimate, else } h_{t-1} \\
        \theta_t &= (1 - \eta\lambda)\,\theta_{t-1} -
            \eta\,\operatorname{clip}\big(m_t / \max(\rho h_t, \epsilon),\, 1\big)

    With Hutchinson's estimate it is Sophia-H (``curvature.hutchinson_diagonal``), with the
    Gauss-Newton-Bartlett one Sophia-G (``curvature.bartlett_diagonal``); the paper takes one in
    every tenth step. Where curvature is not positive it moves by lr, as `Lion` does: towards a
    saddle it never turns.

    Parameters
    ----------
    params : array or list or tuple of arrays or list of dict
        C-contiguous writable arrays of any shape, or groups of them: see `Optimizer`. They are
        updated in place.
    lr : float or callable, default 1e-4
        Learning rate >= 0, or a function that gives it for a step; the first step is number 0.
    betas : (float, float), default (0.965, 0.99)
        :math:`0 \le \beta_1, \beta_2 < 1`, the weights of the old averages. Neither is corrected
        for its start at zero.
    rho : float, default 0.04
        :math:`0 \le \rho`, the paper's :math:`\gamma`: the smaller, the more steps are clipped. In
        the authors' code the average is that of a mean over the samples and this factor is
        :math:`\rho B`; here B is part of the estimate, as in the paper's algorithm 2.
    eps : float, default 1e-12
        :math:`\epsilon \ge 0`. The authors' code adds 1e-15 instead.
    weight_decay : float, default 0.1
        :math:`\lambda \ge 0`, decoupled.
    maximize : bool, default False
        Climb instead of descend; estimates are those of L, and are turned with it.
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
    >>> steep, theta = np.array([100.0, 1.0]), np.ones(2)
    >>> opt = optim.Sophia(theta, lr=0.5, betas=(0.0, 0.0), rho=1.0, weight_decay=0)
    >>> opt.step(steep * theta, hessian_diagonal=steep)
    >>> opt.step(steep * theta)
    >>> theta
    array([0.25, 0.25])

    References
    ----------
    H. Liu et al., "Sophia: a scalable stochastic second-order optimizer for language model
    pre-training", arXiv 2305.14342, algorithms 1 to 3.
    """

    def __init__(
        self,
        params: Params,
        lr: LearningRate = 1e-4,
        betas: tuple[float, float] = (0.965, 0.99),
        rho: float = 0.04,
        eps: float = 1e-12,
        weight_decay: float = 0.1,
        *,
        maximize: bool = False,
        **common: Unpack[Common],
    ) -> None:
        arguments = {
            "betas": betas,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, lr, arguments, **common)

    @staticmethod
    def _resolve(arguments: Mapping[str, Any]) -> tuple[str, dict[str, float]]:
        return "sophia", {
            **betas(arguments["betas"]),
            "rho": _check.non_negative("rho", arguments["rho"]),
            "eps": _check.non_negative("eps", arguments["eps"]),
            "weight_decay": _check.non_negative("weight_decay", arguments["weight_decay"]),
            "maximize": _check.flag("maximize", arguments["maximize"]),
        }
