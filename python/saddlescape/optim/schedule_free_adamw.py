"""Schedule-free AdamW."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescape import _check
from saddlescape.optim._arguments import betas, epsilon
from saddlescape.optim.common import Common
from saddlescape.optim.optimizer import LearningRate, Optimizer, Params

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["ScheduleFreeAdamW"]


class ScheduleFreeAdamW(Optimizer):
    r"""AdamW without a schedule: an average of the path takes its place, at any length of the run.

    .. math::

        y_t &= (1-\beta_1) z_t + \beta_1 x_t, \qquad g_t = \pm\nabla L(y_t) \\
        v_t &= \beta_2 v_{t-1} + (1-\beta_2) g_t^2, \qquad \hat v_t = v_t / (1-\beta_2^t) \\
        z_{t+1} &= z_t - \eta_t \left(\frac{g_t}{\sqrt{\hat v_t} + \epsilon}
            + \lambda y_t\right), \qquad \eta_t = \eta\,\min(1, t/T) \\
        x_{t+1} &= (1-c_t)\,x_t + c_t\,z_{t+1}, \qquad
            c_t = \frac{w_t}{\sum_{s\le t} w_s}, \quad w_t = t^r \max_{s\le t}\eta_s^p

    The parameters hold :math:`y`, where gradients are taken. Evaluate and keep the network at
    :math:`x`: `evaluation`.

    Parameters
    ----------
    params : array or list or tuple of arrays or list of dict
        C-contiguous writable arrays of any shape, or groups of them: see `Optimizer`. They are
        updated in place.
    lr : float or callable, default 0.0025
        Learning rate :math:`\eta \ge 0`, or a function that gives it for a step; the first step is
        number 0.
    betas : (float, float), default (0.9, 0.999)
        :math:`0 < \beta_1 < 1`, how near :math:`y` is to :math:`x`, and :math:`0 \le \beta_2 < 1`,
        the weight of the old second moment.
    eps : float, default 1e-8
        :math:`\epsilon \ge 0`. Where it is 0 a parameter that has seen no gradient stays where it
        is.
    weight_decay : float, default 0
        :math:`\lambda \ge 0`, decoupled, taken at :math:`y`.
    warmup_steps : int, default 0
        :math:`T \ge 0`: the learning rate grows linearly over so many steps.
    r : float, default 0
        :math:`r \ge 0`: later steps weigh more in the average.
    weight_lr_power : float, default 2
        :math:`p \ge 0`: steps of a larger rate weigh more.
    maximize : bool, default False
        Climb instead of descend.
    **common
        Storage, clipping, averages, statistics: see `Optimizer`. No `state_dtype`: z is a copy of
        the parameters.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as said above; it is named.

    Examples
    --------
    >>> import numpy as np
    >>> from saddlescape import optim
    >>> theta = np.array([3.0, 4.0])
    >>> opt = optim.ScheduleFreeAdamW(theta, lr=0.1)
    >>> for _ in range(2):
    ...     opt.step(np.array([4.0, -0.1]))
    >>> theta.round(6)
    array([2.845, 4.155])
    >>> opt.evaluation.round(6)
    array([2.85, 4.15])

    References
    ----------
    A. Defazio et al., "The road less scheduled", arXiv 2405.15682, algorithm 1; equations and
    arguments as in the authors' ``schedulefree.AdamWScheduleFree``.
    """

    def __init__(
        self,
        params: Params,
        lr: LearningRate = 0.0025,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        warmup_steps: int = 0,
        r: float = 0,
        weight_lr_power: float = 2,
        *,
        maximize: bool = False,
        **common: Unpack[Common],
    ) -> None:
        arguments = {
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "warmup_steps": warmup_steps,
            "r": r,
            "weight_lr_power": weight_lr_power,
            "maximize": maximize,
        }
        super().__init__(params, lr, arguments, **common)

    @property
    def evaluation(self) -> Any:
        """The point x to evaluate at: new arrays like `params`, of what is computed in.

        They are computed at each call; the parameters, at y, stay as they are. For parameters on a
        CUDA device the host does it, and they are copied there and back.
        """
        core = self._core
        points = core.numbers()
        z = core.buffers[core.buffer_names.index("z")]
        sizes = self._sizes if self._sizes is not None else [len(points)]
        groups = [
            group for group, size in zip(self._groups, sizes, strict=True) for _ in range(size)
        ]
        for i, (group, steps) in enumerate(zip(groups, core.steps, strict=True)):
            if steps > 0:
                points[i] = _averaged(points[i], z[i], group.arguments["betas"][0])
        return points if isinstance(core.params, list) else points[0]

    @staticmethod
    def _resolve(arguments: Mapping[str, Any]) -> tuple[str, dict[str, float]]:
        weights = betas(arguments["betas"])
        if weights["beta1"] == 0:
            raise ValueError(
                "betas[0]: 0, expected > 0: x is read from y and z, which would be one"
            )
        return "schedule_free_adamw", {
            **weights,
            **epsilon(arguments["eps"]),
            "weight_decay": _check.non_negative("weight_decay", arguments["weight_decay"]),
            "warmup": _check.integer("warmup_steps", arguments["warmup_steps"], 0),
            "weight_step_power": _check.non_negative("r", arguments["r"]),
            "weight_lr_power": _check.non_negative("weight_lr_power", arguments["weight_lr_power"]),
            "maximize": _check.flag("maximize", arguments["maximize"]),
        }


def _averaged(y: Any, z: Any, beta1: float) -> Any:
    """Return x = z + (y - z) / beta1."""
    if not isinstance(y, np.ndarray):
        return type(y).from_numpy(_averaged(y.numpy(), z.numpy(), beta1))
    return z + (y - z) / y.dtype.type(beta1)
