"""RAdam."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from saddlescape import _check
from saddlescape.optim._arguments import betas, epsilon
from saddlescape.optim.common import Common
from saddlescape.optim.optimizer import LearningRate, Optimizer, Params

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["RAdam"]


class RAdam(Optimizer):
    r"""Adam that leaves its denominator out until it has seen enough gradients to trust it.

    .. math::

        g_t &= \pm\nabla L(\theta_{t-1}) + \lambda\theta_{t-1} \\
        m_t &= \beta_1 m_{t-1} + (1-\beta_1) g_t, \qquad \hat m_t = m_t / (1-\beta_1^t) \\
        v_t &= \beta_2 v_{t-1} + (1-\beta_2) g_t^2 \\
        \rho &= \frac{2}{1-\beta_2} - 1, \qquad
            \rho_t = \rho - \frac{2 t \beta_2^t}{1-\beta_2^t} \\
        r_t &= \sqrt{\frac{(\rho_t-4)(\rho_t-2)\rho}{(\rho-4)(\rho-2)\rho_t}} \\
        \theta_t &= \theta_{t-1} - \eta\,\hat m_t \cdot
            \left( r_t \frac{\sqrt{1-\beta_2^t}}{\sqrt{v_t} + \epsilon} \text{ if } \rho_t > 5,
            \text{ else } 1 \right)


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
    decoupled_weight_decay : bool, default False
        Shrink the parameters by :math:`1 - \eta\lambda` instead, as `AdamW` does.
    maximize : bool, default False
        Climb instead of descend.
    convention : {"torch", "optax", "paper"}, default "torch"
        Optax: :math:`\sqrt{\hat v_t} + \epsilon`, after the correction. The paper: :math:`\rho_t >
        4`.
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
    >>> opt = optim.RAdam(theta, lr=0.01)
    >>> opt.step(np.array([4.0, -0.1]))
    >>> theta.round(6)
    array([-0.04 ,  0.001])

    References
    ----------
    L. Liu et al., "On the variance of the adaptive learning rate and beyond", 2020, algorithm 2.
    """

    def __init__(
        self,
        params: Params,
        lr: LearningRate = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
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
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "convention": convention,
        }
        super().__init__(params, lr, arguments, **common)

    @staticmethod
    def _resolve(arguments: Mapping[str, Any]) -> tuple[str, dict[str, float]]:
        convention = _check.choice(
            "convention", arguments["convention"], ("torch", "optax", "paper")
        )
        return "radam", {
            **betas(arguments["betas"]),
            **epsilon(arguments["eps"], "eps" if convention == "optax" else "eps_hat"),
            # Optax has >= 5: the same, no rho_t is 5 exactly.
            "threshold": 4.0 if convention == "paper" else 5.0,
            "weight_decay": _check.non_negative("weight_decay", arguments["weight_decay"]),
            "decoupled": _check.flag("decoupled_weight_decay", arguments["decoupled_weight_decay"]),
            "maximize": _check.flag("maximize", arguments["maximize"]),
        }
