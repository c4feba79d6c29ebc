"""RMSprop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from saddlescape import _check
from saddlescape.optim._arguments import epsilon
from saddlescape.optim.common import Common
from saddlescape.optim.optimizer import LearningRate, Optimizer, Params

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    r"""Divide by the root of the running mean of squared gradients.

    .. math::

        g_t &= \pm\nabla L(\theta_{t-1}) + \lambda\theta_{t-1} \\
        v_t &= \alpha v_{t-1} + (1-\alpha) g_t^2, \qquad
            a_t = \alpha a_{t-1} + (1-\alpha) g_t \\
        d_t &= \frac{g_t}{\sqrt{v_t} + \epsilon} \quad\text{or, centered,}\quad
            \frac{g_t}{\sqrt{v_t - a_t^2} + \epsilon} \\
        b_t &= \mu b_{t-1} + d_t \\
        \theta_t &= \theta_{t-1} - \eta\,(d_t \;|\; b_t)

    without or with momentum. As in PyTorch epsilon stands outside the root and the mean starts at
    0.

    Parameters
    ----------
    params : array or list or tuple of arrays or list of dict
        C-contiguous writable arrays of any shape, or groups of them: see `Optimizer`. They are
        updated in place.
    lr : float or callable, default 1e-2
        Learning rate >= 0, or a function that gives it for a step; the first step is number 0.
    alpha : float, default 0.99
        :math:`0 \le \alpha < 1`, the weight of the old mean.
    eps : float, default 1e-8
        :math:`\epsilon \ge 0`. Where it is 0 a parameter that has seen no gradient stays where it
        is (PyTorch: NaN).
    weight_decay : float, default 0
        :math:`\lambda \ge 0`, an L2 penalty added to the gradient.
    momentum : float, default 0
        :math:`\mu \ge 0`.
    centered : bool, default False
        Divide by the standard deviation of the gradient instead of its root mean square. Where
        rounding makes the variance negative it counts as 0 (PyTorch: NaN).
    maximize : bool, default False
        Climb instead of descend.
    convention : {"torch", "keras", "optax", "lecture"}, default "torch"
        Keras and Optax: epsilon under the root, and :math:`b_t = \mu b_{t-1} + \eta d_t`,
        :math:`\theta_t = \theta_{t-1} - b_t`, another path as soon as the learning rate changes.
        Lecture (S2-32): :math:`v_1 = g_1^2`, not centered.
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
    >>> opt = optim.RMSprop(theta, lr=0.01)
    >>> opt.step(np.array([4.0, -0.1]))
    >>> theta.round(6)
    array([-0.1,  0.1])

    References
    ----------
    T. Tieleman, G. Hinton, "Lecture 6.5: RMSprop", Coursera, 2012.
    A. Graves, "Generating sequences with recurrent neural networks", arXiv 1308.0850, equations 38
    to 41 (centered).
    """

    def __init__(
        self,
        params: Params,
        lr: LearningRate = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        *,
        maximize: bool = False,
        convention: str = "torch",
        **common: Unpack[Common],
    ) -> None:
        arguments = {
            "alpha": alpha,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "centered": centered,
            "maximize": maximize,
            "convention": convention,
        }
        super().__init__(params, lr, arguments, **common)

    @staticmethod
    def _resolve(arguments: Mapping[str, Any]) -> tuple[str, dict[str, float]]:
        allowed = ("torch", "keras", "optax", "lecture")
        convention = _check.choice("convention", arguments["convention"], allowed)
        inside = convention in ("keras", "optax")
        centered = _check.flag("centered", arguments["centered"])
        if centered and convention == "lecture":
            raise ValueError(
                "centered: True with convention='lecture', expected False: a variance that "
                "starts at one gradient is 0"
            )
        momentum = _check.non_negative("momentum", arguments["momentum"])
        return "rmsprop" + "_centered" * centered + "_momentum" * (momentum > 0), {
            **epsilon(arguments["eps"], "eps_root" if inside else "eps"),
            "alpha": _check.fraction("alpha", arguments["alpha"]),
            "momentum": momentum,
            "lr_inside": inside,
            "first_gradient": convention == "lecture",
            "weight_decay": _check.non_negative("weight_decay", arguments["weight_decay"]),
            "maximize": _check.flag("maximize", arguments["maximize"]),
        }
