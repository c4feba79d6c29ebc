"""AdamW."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from saddlescape import _check
from saddlescape.optim._arguments import betas, epsilon
from saddlescape.optim.common import Common
from saddlescape.optim.optimizer import LearningRate, Optimizer, Params

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["AdamW"]


class AdamW(Optimizer):
    r"""Adam with the weight decay taken out of the gradient: the parameters shrink on their own.

    .. math::

        g_t &= \pm\nabla L(\theta_{t-1}) \\
        m_t &= \beta_1 m_{t-1} + (1-\beta_1) g_t, \qquad
            \hat m_t = m_t / (1-\beta_1^t) \\
        v_t &= \beta_2 v_{t-1} + (1-\beta_2) g_t^2, \qquad
            \hat v_t = v_t / (1-\beta_2^t) \\
        \theta_t &= (1 - \eta\lambda)\,\theta_{t-1} -
            \eta\,\frac{\hat m_t}{\sqrt{\hat v_t} + \epsilon}

    The paper multiplies :math:`\lambda` by the schedule's factor alone; PyTorch, Keras, Optax and
    this one by all of :math:`\eta`.

    Parameters
    ----------
    params : array or list or tuple of arrays or list of dict
        C-contiguous writable arrays of any shape, or groups of them: see `Optimizer`. They are
        updated in place.
    lr : float or callable, default 1e-3
        Learning rate >= 0, or a function that gives it for a step; the first step is number 0.
    betas : (float, float), default (0.9, 0.999)
        :math:`0 \le \beta_1, \beta_2 < 1`, the weights of the old moments.
    eps : float, default 1e-8
        :math:`\epsilon \ge 0`. Where it is 0 a parameter that has seen no gradient stays where it
        is (PyTorch: NaN).
    weight_decay : float, default 1e-2
        :math:`\lambda \ge 0`.
    amsgrad : bool, default False
        Divide by the largest :math:`v` so far, so that no step grows because :math:`v` forgot.
    maximize : bool, default False
        Climb instead of descend.
    convention : {"torch", "keras", "optax"}, default "torch"
        Where epsilon stands. Keras: :math:`\sqrt{v_t} + \epsilon`, before the correction. With
        `amsgrad`: PyTorch and Keras keep the largest :math:`v`, Optax the largest :math:`\hat v`.
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
    >>> opt = optim.AdamW(theta, lr=0.01)
    >>> opt.step(np.array([4.0, -0.1]))
    >>> theta.round(6)
    array([-0.01,  0.01])

    References
    ----------
    I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", 2019, algorithm 2.
    """

    def __init__(
        self,
        params: Params,
        lr: LearningRate = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        convention: str = "torch",
        **common: Unpack[Common],
    ) -> None:
        arguments = {
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "convention": convention,
        }
        super().__init__(params, lr, arguments, **common)

    @staticmethod
    def _resolve(arguments: Mapping[str, Any]) -> tuple[str, dict[str, float]]:
        convention = _check.choice(
            "convention", arguments["convention"], ("torch", "keras", "optax")
        )
        rule = "amsgradw" if _check.flag("amsgrad", arguments["amsgrad"]) else "adamw"
        return rule, {
            **betas(arguments["betas"]),
            **epsilon(arguments["eps"], "eps_hat" if convention == "keras" else "eps"),
            "max_corrected": convention == "optax",
            "weight_decay": _check.non_negative("weight_decay", arguments["weight_decay"]),
            "maximize": _check.flag("maximize", arguments["maximize"]),
        }
