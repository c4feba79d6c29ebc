"""Rprop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from saddlescape import _check
from saddlescape.optim.common import Common
from saddlescape.optim.optimizer import LearningRate, Optimizer, Params

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Rprop"]


class Rprop(Optimizer):
    r"""A step size for each parameter, which grows while the gradient keeps its sign.

    .. math::

        g_t &= \pm\nabla L(\theta_{t-1}) \\
        s_t &= \operatorname{clamp}\left(s_{t-1} \cdot
            (\eta_+ \;|\; \eta_- \;|\; 1),\, s_\text{min},\, s_\text{max}\right)
            \text{ for } g_t g_{t-1} > 0, < 0, = 0 \\
        g_t &\leftarrow 0 \text{ where } g_t g_{t-1} < 0 \\
        \theta_t &= \theta_{t-1} - \operatorname{sign}(g_t)\, s_t

    For gradients over all data: a sign that comes from noise tells nothing.

    Parameters
    ----------
    params : array or list or tuple of arrays or list of dict
        C-contiguous writable arrays of any shape, or groups of them: see `Optimizer`. They are
        updated in place.
    lr : float or callable, default 1e-2
        The step size before the first step, or a function whose value at the first step is; later
        steps take no notice of it.
    etas : (float, float), default (0.5, 1.2)
        :math:`0 < \eta_- < 1 < \eta_+`.
    step_sizes : (float, float), default (1e-6, 50)
        :math:`0 \le s_\text{min} \le s_\text{max}`.
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
    >>> theta = np.zeros(2)
    >>> opt = optim.Rprop(theta, lr=0.01)
    >>> opt.step(np.array([4.0, -0.1]))
    >>> theta.round(6)
    array([-0.01,  0.01])

    References
    ----------
    M. Riedmiller, H. Braun, "A direct adaptive method for faster backpropagation learning: the
    RPROP algorithm", 1993.
    """

    def __init__(
        self,
        params: Params,
        lr: LearningRate = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        maximize: bool = False,
        **common: Unpack[Common],
    ) -> None:
        arguments = {
            "etas": etas,
            "step_sizes": step_sizes,
            "maximize": maximize,
        }
        super().__init__(params, lr, arguments, **common)

    @staticmethod
    def _resolve(arguments: Mapping[str, Any]) -> tuple[str, dict[str, float]]:
        minus, plus = _pair("etas", arguments["etas"])
        if not 0 < minus < 1 < plus:
            raise ValueError(f"etas: ({minus}, {plus}), expected 0 < etas[0] < 1 < etas[1]")
        low, high = _pair("step_sizes", arguments["step_sizes"])
        if low > high:
            raise ValueError(
                f"step_sizes: ({low}, {high}), expected step_sizes[0] <= step_sizes[1]"
            )
        return "rprop", {
            "eta_minus": minus,
            "eta_plus": plus,
            "step_min": low,
            "step_max": high,
            "maximize": _check.flag("maximize", arguments["maximize"]),
        }


def _pair(name: str, value: object) -> tuple[float, float]:
    if not isinstance(value, tuple | list):
        raise TypeError(f"{name}: {type(value).__name__}, expected two finite numbers >= 0")
    if len(value) != 2:
        raise ValueError(f"{name}: {len(value)} numbers, expected two")
    return (
        _check.non_negative(f"{name}[0]", value[0]),
        _check.non_negative(f"{name}[1]", value[1]),
    )
