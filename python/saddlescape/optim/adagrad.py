"""Adagrad."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from saddlescape import _check
from saddlescape.optim._arguments import epsilon
from saddlescape.optim.common import Common
from saddlescape.optim.optimizer import LearningRate, Optimizer, Params

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Adagrad"]


class Adagrad(Optimizer):
    r"""Divide by the root of the sum of all squared gradients so far.

    .. math::

        g_t &= \pm\nabla L(\theta_{t-1}) + \lambda\theta_{t-1} \\
        s_t &= s_{t-1} + g_t^2 \\
        \theta_t &= \theta_{t-1} - \frac{\eta}{1 + (t-1)\,d}\,\frac{g_t}{\sqrt{s_t} + \epsilon}


    As in PyTorch epsilon stands outside the root.

    Parameters
    ----------
    params : array or list or tuple of arrays or list of dict
        C-contiguous writable arrays of any shape, or groups of them: see `Optimizer`. They are
        updated in place.
    lr : float or callable, default 1e-2
        Learning rate >= 0, or a function that gives it for a step; the first step is number 0.
    lr_decay : float, default 0
        :math:`d \ge 0`.
    weight_decay : float, default 0
        :math:`\lambda \ge 0`, an L2 penalty added to the gradient.
    initial_accumulator_value : float, default 0
        :math:`s_0 \ge 0`.
    eps : float, default 1e-10
        :math:`\epsilon \ge 0`. Where it is 0 a parameter that has seen no gradient stays where it
        is (PyTorch: NaN).
    maximize : bool, default False
        Climb instead of descend.
    convention : {"torch", "keras", "optax", "lecture"}, default "torch"
        Keras and Optax: :math:`\sqrt{s_t + \epsilon}`. Lecture (S2-31): the root of the mean,
        :math:`\sqrt{s_t / t} + \epsilon`.
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
    >>> opt = optim.Adagrad(theta, lr=0.5)
    >>> opt.step(np.array([4.0, -0.1]))
    >>> theta.round(6)
    array([-0.5,  0.5])

    References
    ----------
    J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods for online learning and stochastic
    optimization", 2011.
    """

    def __init__(
        self,
        params: Params,
        lr: LearningRate = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
        convention: str = "torch",
        **common: Unpack[Common],
    ) -> None:
        arguments = {
            "lr_decay": lr_decay,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "eps": eps,
            "maximize": maximize,
            "convention": convention,
        }
        super().__init__(params, lr, arguments, **common)

    @staticmethod
    def _fill(arguments: Mapping[str, Any]) -> float:
        return _check.non_negative(
            "initial_accumulator_value", arguments["initial_accumulator_value"]
        )

    @staticmethod
    def _resolve(arguments: Mapping[str, Any]) -> tuple[str, dict[str, float]]:
        _check.non_negative("initial_accumulator_value", arguments["initial_accumulator_value"])
        allowed = ("torch", "keras", "optax", "lecture")
        convention = _check.choice("convention", arguments["convention"], allowed)
        inside = convention in ("keras", "optax")
        return "adagrad", {
            **epsilon(arguments["eps"], "eps_root" if inside else "eps"),
            "mean": convention == "lecture",
            "lr_decay": _check.non_negative("lr_decay", arguments["lr_decay"]),
            "weight_decay": _check.non_negative("weight_decay", arguments["weight_decay"]),
            "maximize": _check.flag("maximize", arguments["maximize"]),
        }
