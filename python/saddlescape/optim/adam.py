"""Adam and AMSGrad."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from saddlescape import _check
from saddlescape.optim._arguments import betas, epsilon
from saddlescape.optim.common import Common
from saddlescape.optim.optimizer import LearningRate, Optimizer, Params

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Adam"]

# Where each convention adds epsilon, in the core's words.
_EPSILON = {
    "torch": "eps",
    "keras": "eps_hat",
    "optax": "eps",
    "paper": "eps",
    "lecture": "eps_root",
}


class Adam(Optimizer):
    r"""Momentum over the running mean of squared gradients, both corrected for their start at 0.

    .. math::

        g_t &= \pm\nabla L(\theta_{t-1}) + \lambda\theta_{t-1} \\
        m_t &= \beta_1 m_{t-1} + (1-\beta_1) g_t, \qquad
            \hat m_t = m_t / (1-\beta_1^t) \\
        v_t &= \beta_2 v_{t-1} + (1-\beta_2) g_t^2, \qquad
            \hat v_t = v_t / (1-\beta_2^t) \\
        \theta_t &= \theta_{t-1} - \eta\,\frac{\hat m_t}{\sqrt{\hat v_t} + \epsilon}

    With `amsgrad` the largest :math:`v` so far stands in the place of :math:`v_t` in the last line.

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
    weight_decay : float, default 0
        :math:`\lambda \ge 0`, an L2 penalty added to the gradient.
    amsgrad : bool, default False
        Divide by the largest :math:`v` so far, so that no step grows because :math:`v` forgot.
    maximize : bool, default False
        Climb instead of descend.
    decoupled_weight_decay : bool, default False
        Shrink the parameters by :math:`1 - \eta\lambda` instead, as `AdamW` does.
    convention : {"torch", "keras", "optax", "paper", "lecture"}, default "torch"
        Where epsilon stands. Keras: :math:`\sqrt{v_t} + \epsilon`, before the correction. Lecture
        (the table of S3-36): :math:`\sqrt{\hat v_t + \epsilon}`. The others as above. With
        `amsgrad`: PyTorch and Keras keep the largest :math:`v`, Optax the largest :math:`\hat v`;
        the paper corrects neither moment; the lectures have none.
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
    >>> opt = optim.Adam(theta, lr=0.01)
    >>> opt.step(np.array([4.0, -0.1]))
    >>> theta.round(6)
    array([-0.01,  0.01])

    References
    ----------
    D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", arXiv 1412.6980, algorithm 1.
    S. J. Reddi, S. Kale, S. Kumar, "On the convergence of Adam and beyond", 2018, algorithm 2.
    """

    def __init__(
        self,
        params: Params,
        lr: LearningRate = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        decoupled_weight_decay: bool = False,
        convention: str = "torch",
        **common: Unpack[Common],
    ) -> None:
        arguments = {
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "decoupled_weight_decay": decoupled_weight_decay,
            "convention": convention,
        }
        super().__init__(params, lr, arguments, **common)

    @staticmethod
    def _resolve(arguments: Mapping[str, Any]) -> tuple[str, dict[str, float]]:
        decoupled = _check.flag("decoupled_weight_decay", arguments["decoupled_weight_decay"])
        amsgrad = _check.flag("amsgrad", arguments["amsgrad"])
        allowed = [name for name in _EPSILON if not (amsgrad and name == "lecture")]
        convention = _check.choice("convention", arguments["convention"], allowed)
        rule = "amsgrad" if amsgrad else "adam"
        return rule + "w" * decoupled, {
            **betas(arguments["betas"]),
            **epsilon(arguments["eps"], _EPSILON[convention]),
            "max_corrected": convention == "optax",
            "uncorrected": convention == "paper",
            "weight_decay": _check.non_negative("weight_decay", arguments["weight_decay"]),
            "maximize": _check.flag("maximize", arguments["maximize"]),
        }
