"""NAdam."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from saddlescape import _check
from saddlescape.optim._arguments import betas, epsilon
from saddlescape.optim.common import Common
from saddlescape.optim.optimizer import LearningRate, Optimizer, Params

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["NAdam"]

_PSI = 4e-3
# The psi of other conventions; 0.96^(10^9) is 0 in any real type, which leaves mu_t = beta1.
_SCHEDULES = {"keras": 1.0, "optax": 1e9}


class NAdam(Optimizer):
    r"""Adam with Nesterov's look-ahead: the next step's share of the moment, and of the gradient.

    .. math::

        g_t &= \pm\nabla L(\theta_{t-1}) + \lambda\theta_{t-1} \\
        \mu_t &= \beta_1 \left(1 - \tfrac12\, 0.96^{t\psi}\right), \qquad
            \Pi_t = \mu_1 \cdots \mu_t \\
        m_t &= \beta_1 m_{t-1} + (1-\beta_1) g_t \\
        v_t &= \beta_2 v_{t-1} + (1-\beta_2) g_t^2, \qquad \hat v_t = v_t / (1-\beta_2^t) \\
        \theta_t &= \theta_{t-1} - \frac{\eta}{\sqrt{\hat v_t} + \epsilon} \left(
            \frac{\mu_{t+1}\, m_t}{1-\Pi_{t+1}} + \frac{(1-\mu_t)\, g_t}{1-\Pi_t} \right)

    :math:`\Pi_t` is of the :math:`\beta_1` that were, where they changed. PyTorch keeps it as
    ``mu_product``, a float32 number, in its state; here it is a double under ``carried``.

    Parameters
    ----------
    params : array or list or tuple of arrays or list of dict
        C-contiguous writable arrays of any shape, or groups of them: see `Optimizer`. They are
        updated in place.
    lr : float or callable, default 2e-3
        Learning rate >= 0, or a function that gives it for a step; the first step is number 0.
    betas : (float, float), default (0.9, 0.999)
        :math:`0 \le \beta_1, \beta_2 < 1`, the weights of the old moments.
    eps : float, default 1e-8
        :math:`\epsilon \ge 0`. Where it is 0 a parameter that has seen no gradient stays where it
        is (PyTorch: NaN).
    weight_decay : float, default 0
        :math:`\lambda \ge 0`, an L2 penalty added to the gradient.
    momentum_decay : float, default 4e-3
        :math:`\psi \ge 0`.
    decoupled_weight_decay : bool, default False
        Shrink the parameters by :math:`1 - \eta\lambda` instead, as `AdamW` does.
    maximize : bool, default False
        Climb instead of descend.
    convention : {"torch", "keras", "optax"}, default "torch"
        Keras: :math:`\psi = 1`. Optax: no schedule, :math:`\mu_t = \beta_1`. Both want
        `momentum_decay` left alone.
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
    >>> opt = optim.NAdam(theta, lr=0.01)
    >>> opt.step(np.array([4.0, -0.1]))
    >>> theta.round(6)
    array([-0.010565,  0.010565])

    References
    ----------
    T. Dozat, "Incorporating Nesterov momentum into Adam", 2016.
    """

    def __init__(
        self,
        params: Params,
        lr: LearningRate = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = _PSI,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
        convention: str = "torch",
        **common: Unpack[Common],
    ) -> None:
        arguments = {
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "convention": convention,
        }
        super().__init__(params, lr, arguments, **common)

    @staticmethod
    def _resolve(arguments: Mapping[str, Any]) -> tuple[str, dict[str, float]]:
        convention = _check.choice("convention", arguments["convention"], ("torch", *_SCHEDULES))
        psi = _check.non_negative("momentum_decay", arguments["momentum_decay"])
        if convention in _SCHEDULES and psi != _PSI:
            raise ValueError(
                f"momentum_decay: {psi} with convention={convention!r}, which has its own "
                "schedule; leave it out"
            )
        return "nadam", {
            **betas(arguments["betas"]),
            **epsilon(arguments["eps"]),
            "momentum_decay": _SCHEDULES.get(convention, psi),
            "weight_decay": _check.non_negative("weight_decay", arguments["weight_decay"]),
            "decoupled": _check.flag("decoupled_weight_decay", arguments["decoupled_weight_decay"]),
            "maximize": _check.flag("maximize", arguments["maximize"]),
        }
