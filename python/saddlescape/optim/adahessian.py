"""AdaHessian."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from saddlescape import _check
from saddlescape.optim._arguments import betas
from saddlescape.optim.common import Common
from saddlescape.optim.curved import Curved
from saddlescape.optim.optimizer import LearningRate, Params

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["AdaHessian"]


class AdaHessian(Curved):
    r"""Adam with the Hessian's diagonal in the place of the gradient in the second moment.

    .. math::

        g_t &= \pm\nabla L(\theta_{t-1}) \\
        m_t &= \beta_1 m_{t-1} + (1-\beta_1) g_t, \qquad
            \hat m_t = m_t / (1-\beta_1^t) \\
        v_n &= \beta_2 v_{n-1} + (1-\beta_2) D_n^2, \qquad
            \hat v_n = v_n / (1-\beta_2^n) \\
        \theta_t &= (1 - \eta\lambda)\,\theta_{t-1} -
            \eta\,\frac{\hat m_t}{\sqrt{\hat v_n}^{\,k} + \epsilon}

    where :math:`D` is the n-th estimate of the diagonal, averaged over `block_size` neighbours.
    In the paper every step has one, :math:`n = t`; its code counts steps where estimates are rarer.

    Parameters
    ----------
    params : array or list or tuple of arrays or list of dict
        C-contiguous writable arrays of any shape, or groups of them: see `Optimizer`. They are
        updated in place.
    lr : float or callable, default 0.15
        Learning rate >= 0, or a function that gives it for a step; the first step is number 0.
    betas : (float, float), default (0.9, 0.999)
        :math:`0 \le \beta_1, \beta_2 < 1`, the weights of the old moments.
    eps : float, default 1e-4
        :math:`\epsilon \ge 0`. Where the denominator is 0 a parameter stays.
    weight_decay : float, default 0
        :math:`\lambda \ge 0`, decoupled.
    hessian_power : float, default 1
        :math:`0 \le k \le 1`: 1 is a diagonal Newton step, 0 is momentum alone.
    block_size : int, default 1
        Estimates are averaged over so many neighbours in an array's order before they are squared
        (the paper's equation 10); the last block may be shorter. Of a convolution's kernel (out,
        in, 3, 3) 9 averages over each kernel, as the authors do.
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
    A ravine, 100 times as steep across as along: a Newton step of its own for each.

    >>> import numpy as np
    >>> from saddlescape import optim
    >>> steep = np.array([100.0, 1.0])
    >>> theta = np.ones(2)
    >>> opt = optim.AdaHessian(theta, lr=1, eps=0)
    >>> opt.step(steep * theta, hessian_diagonal=steep)
    >>> theta.round(12)
    array([0., 0.])

    References
    ----------
    Z. Yao et al., "ADAHESSIAN: an adaptive second order optimizer for machine learning", AAAI 2021,
    algorithm 2.
    """

    def __init__(
        self,
        params: Params,
        lr: LearningRate = 0.15,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-4,
        weight_decay: float = 0,
        hessian_power: float = 1,
        *,
        block_size: int = 1,
        maximize: bool = False,
        **common: Unpack[Common],
    ) -> None:
        arguments = {
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "hessian_power": hessian_power,
            "block_size": block_size,
            "maximize": maximize,
        }
        super().__init__(params, lr, arguments, **common)

    @staticmethod
    def _resolve(arguments: Mapping[str, Any]) -> tuple[str, dict[str, float]]:
        k = _check.real("hessian_power", arguments["hessian_power"], "a number >= 0 and <= 1")
        if not 0 <= k <= 1:
            raise ValueError(f"hessian_power: {k}, expected a number >= 0 and <= 1")
        _check.integer("block_size", arguments["block_size"], low=1)
        return "adahessian", {
            **betas(arguments["betas"]),
            "eps": _check.non_negative("eps", arguments["eps"]),
            "weight_decay": _check.non_negative("weight_decay", arguments["weight_decay"]),
            "hessian_power": k,
            "maximize": _check.flag("maximize", arguments["maximize"]),
        }

    def _take(self, rows: list[Any], grads: list[Any], inputs: Sequence[npt.NDArray[Any]]) -> None:
        super()._take(rows, grads, inputs)
        sizes = self._sizes or [len(inputs)]
        blocks = [
            group.arguments["block_size"]
            for group, size in zip(self._groups, sizes, strict=True)
            for _ in range(size)
        ]
        for array, block in zip(inputs, blocks, strict=True):
            if block > 1 and array.size:
                _average(array.reshape(-1), block)


def _average(flat: npt.NDArray[Any], block: int) -> None:
    """Replace each run of `block` numbers by their mean."""
    starts = np.arange(0, flat.size, block)
    sizes = np.diff(np.append(starts, flat.size))
    means = np.add.reduceat(flat, starts, dtype=np.float64) / sizes
    flat[:] = np.repeat(means, sizes)
