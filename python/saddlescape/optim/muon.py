"""Muon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from saddlescape import _check
from saddlescape.optim.common import Common
from saddlescape.optim.optimizer import LearningRate, Optimizer, Params

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Muon"]


class Muon(Optimizer):
    r"""Momentum made orthogonal: every direction of a matrix moves equally far.

    .. math::

        B_t &= \mu B_{t-1} + (1-\mu)\,G_t \\
        D_t &= (1-\mu)\,G_t + \mu B_t \text{ with Nesterov, else } B_t \\
        O_t &= \mathrm{NS}(D_t), \qquad X_0 = D / \max(\|D\|_F, \epsilon), \quad
            X \leftarrow a X + (b X X^T + c\,(X X^T)^2)\,X \\
        \theta_t &= (1-\eta\lambda)\,\theta_{t-1} - \eta\,s\,O_t

    Newton-Schulz brings the singular values of its matrix that are above 0.002 of its norm to
    between 0.68 and 1.21. PyTorch takes its products in bfloat16; here they are in float32, or
    float64 for float64 parameters. They go through BLAS, whose kernels follow the CPU: the bits are
    the same for any number of threads, not for any CPU.

    Parameters
    ----------
    params : array or list or tuple of arrays or list of dict
        C-contiguous writable matrices, or groups of them: see `Optimizer`. They are updated in
        place. Arrays of other dimensions belong to an optimizer of their own, such as `AdamW`.
    lr : float or callable, default 1e-3
        Learning rate :math:`\eta \ge 0`, or a function that gives it for a step; the first step is
        number 0.
    weight_decay : float, default 0.1
        :math:`\lambda \ge 0`, decoupled.
    momentum : float, default 0.95
        :math:`\mu \ge 0`, the weight of the old average.
    nesterov : bool, default True
        Look ahead.
    ns_coefficients : (float, float, float), default (3.4445, -4.775, 2.0315)
        :math:`a, b, c`.
    eps : float, default 1e-7
        :math:`\epsilon \ge 0`, the least norm to divide by.
    ns_steps : int, default 5
        Rounds of Newton-Schulz, 0 to 99.
    adjust_lr_fn : {None, "original", "match_rms_adamw"}, optional
        The length s of a step: None and ``"original"``
        :math:`\sqrt{\max(1, \mathrm{rows}/\mathrm{columns})}`, ``"match_rms_adamw"``
        :math:`0.2\sqrt{\max(\mathrm{rows}, \mathrm{columns})}`, with which AdamW's learning rates
        do.
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
    >>> theta = np.zeros((2, 3))
    >>> opt = optim.Muon(theta, lr=0.1)
    >>> opt.step(np.array([[3.0, 0.0, 0.0], [0.0, 0.1, 0.0]]))
    >>> np.linalg.svd(theta, compute_uv=False).round(2)
    array([0.11, 0.07])

    References
    ----------
    K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks",
    kellerjordan.github.io/posts/muon, 2024. ``"match_rms_adamw"``: J. Liu et al., "Muon is scalable
    for LLM training", arXiv 2502.16982, section 2.2.
    """

    def __init__(
        self,
        params: Params,
        lr: LearningRate = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
        *,
        maximize: bool = False,
        **common: Unpack[Common],
    ) -> None:
        arguments = {
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
            "maximize": maximize,
        }
        super().__init__(params, lr, arguments, **common)

    @staticmethod
    def _resolve(arguments: Mapping[str, Any]) -> tuple[str, dict[str, float]]:
        names = ("weight_decay", "momentum", "eps")
        return "muon", {
            **{name: _check.non_negative(name, arguments[name]) for name in names},
            **_coefficients(arguments["ns_coefficients"]),
            "ns_steps": _rounds(arguments["ns_steps"]),
            "use_nesterov": _check.flag("nesterov", arguments["nesterov"]),
            "match_rms": _matches_rms(arguments["adjust_lr_fn"]),
            "maximize": _check.flag("maximize", arguments["maximize"]),
        }


def _coefficients(value: object) -> dict[str, float]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise TypeError(f"ns_coefficients: {type(value).__name__}, expected three numbers")
    if len(value) != 3:
        raise ValueError(f"ns_coefficients: {len(value)} numbers, expected three")
    return {
        f"ns_{name}": _check.finite(f"ns_coefficients[{i}]", value[i])
        for i, name in enumerate("abc")
    }


def _rounds(value: object) -> int:
    rounds = _check.integer("ns_steps", value, 0)
    if rounds >= 100:
        raise ValueError(f"ns_steps: {rounds}, expected less than 100")
    return rounds


def _matches_rms(value: object) -> bool:
    if value is None:
        return False
    choices = ("original", "match_rms_adamw")
    return _check.choice("adjust_lr_fn", value, choices) == "match_rms_adamw"
