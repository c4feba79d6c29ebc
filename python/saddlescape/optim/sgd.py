"""Stochastic gradient descent, with momentum, with Nesterov's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from saddlescape import _check
from saddlescape.optim.common import Common
from saddlescape.optim.optimizer import LearningRate, Optimizer, Params

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["SGD"]


class SGD(Optimizer):
    r"""Gradient descent; with `momentum` the heavy ball, with `nesterov` its look-ahead.

    .. math::

        g_t &= \pm\nabla L(\theta_{t-1}) + \lambda\theta_{t-1} \\
        b_1 &= g_1, \qquad b_t = \mu b_{t-1} + (1-\tau) g_t \\
        \theta_t &= \theta_{t-1} - \eta\,
            (g_t \;|\; b_t \;|\; g_t + \mu b_t)

    for no momentum, momentum, Nesterov. As in PyTorch the first step takes the whole gradient,
    whatever the dampening :math:`\tau`. The learning rate stands outside the buffer, so where it
    changes the path is not that of :math:`m = \mu m - \eta g`, :math:`\theta = \theta + m`.

    Parameters
    ----------
    params : array or list or tuple of arrays or list of dict
        C-contiguous writable arrays of any shape, or groups of them: see `Optimizer`. They are
        updated in place.
    lr : float or callable, default 1e-3
        Learning rate >= 0, or a function that gives it for a step; the first step is number 0.
    momentum : float, default 0
        :math:`\mu \ge 0`.
    dampening : float, default 0
        :math:`\tau`, any finite number.
    weight_decay : float, default 0
        :math:`\lambda \ge 0`, an L2 penalty added to the gradient.
    nesterov : bool, default False
        Needs ``momentum > 0`` and ``dampening == 0``.
    maximize : bool, default False
        Climb instead of descend.
    convention : {"torch", "keras", "optax", "lecture"}, default "torch"
        Keras and the lectures hold the learning rate in the buffer: :math:`b_t = \mu b_{t-1} + \eta
        g_t`, :math:`\theta_t = \theta_{t-1} - (b_t \;|\; \eta g_t + \mu b_t)`. Only PyTorch has a
        dampening.
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
    >>> theta = np.array([1.0, -2.0])
    >>> opt = optim.SGD(theta, lr=0.5)
    >>> opt.step(np.array([1.0, 1.0]))
    >>> theta
    array([ 0.5, -2.5])

    References
    ----------
    H. Robbins, S. Monro, "A stochastic approximation method", 1951.
    B. T. Polyak, "Some methods of speeding up the convergence of iteration methods", 1964.
    I. Sutskever, J. Martens, G. Dahl, G. Hinton, "On the importance of initialization and momentum
    in deep learning", 2013, equations 1 to 4.
    """

    def __init__(
        self,
        params: Params,
        lr: LearningRate = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        convention: str = "torch",
        **common: Unpack[Common],
    ) -> None:
        arguments = {
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "convention": convention,
        }
        super().__init__(params, lr, arguments, **common)

    @staticmethod
    def _resolve(arguments: Mapping[str, Any]) -> tuple[str, dict[str, float]]:
        allowed = ("torch", "keras", "optax", "lecture")
        convention = _check.choice("convention", arguments["convention"], allowed)
        values = {
            "lr_inside": convention in ("keras", "lecture"),
            "momentum": _check.non_negative("momentum", arguments["momentum"]),
            "dampening": _check.finite("dampening", arguments["dampening"]),
            "weight_decay": _check.non_negative("weight_decay", arguments["weight_decay"]),
            "maximize": _check.flag("maximize", arguments["maximize"]),
        }
        if convention != "torch" and values["dampening"] != 0:
            raise ValueError(
                f"dampening: {values['dampening']} with convention={convention!r}, expected 0"
            )
        if _check.flag("nesterov", arguments["nesterov"]):
            if values["momentum"] == 0 or values["dampening"] != 0:
                raise ValueError(
                    f"nesterov: True with momentum={values['momentum']} and "
                    f"dampening={values['dampening']}, "
                    "expected momentum > 0 and dampening == 0"
                )
            return "nesterov", values
        return "momentum" if values["momentum"] > 0 else "sgd", values
