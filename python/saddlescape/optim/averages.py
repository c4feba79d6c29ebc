"""Averages of the parameters over the steps, taken in the step's own pass."""

from __future__ import annotations

from dataclasses import dataclass

from saddlescape import _check

__all__ = ["EMA", "SWA", "Average"]


@dataclass(frozen=True)
class Average:
    """When the parameters enter the average: in each `every`-th step after the first `start`."""

    start: int = 0
    every: int = 1

    def __post_init__(self) -> None:
        _check.integer("start", self.start, 0)
        _check.integer("every", self.every, 1)

    def weight(self, step: int) -> float:
        r"""Return :math:`w` of :math:`a \leftarrow a + w(\theta_t - a)` for step :math:`t \ge 1`.

        The first parameters that enter are the average, which until then is where the optimizer
        starts; 0 where none enter.
        """
        later = step - self.start - 1
        if later < 0 or later % self.every:
            return 0.0
        return self._weight(later // self.every)

    def _weight(self, before: int) -> float:
        return 1.0 / (before + 1)


@dataclass(frozen=True)
class SWA(Average):
    r"""Stochastic weight averaging: the plain mean of all parameters that entered.

    .. math:: a_n = a_{n-1} + \frac{1}{n}\,(\theta_t - a_{n-1})

    Parameters
    ----------
    start : int, default 0
        Steps before averaging begins.
    every : int, default 1
        Steps from one entry to the next: those of an epoch, as a rule.

    Raises
    ------
    TypeError, ValueError
        If an argument is not such a number.

    Examples
    --------
    >>> import numpy as np
    >>> from saddlescape import optim
    >>> theta = np.zeros(1)
    >>> opt = optim.SGD(theta, lr=1.0, average=optim.SWA())
    >>> for _ in range(3):
    ...     opt.step(np.array([-1.0]))
    >>> theta, opt.average
    (array([3.]), array([2.]))

    References
    ----------
    P. Izmailov et al., "Averaging weights leads to wider optima and better generalization", 2018.
    """


@dataclass(frozen=True)
class EMA(Average):
    r"""Exponential moving average of the parameters.

    .. math:: a_t = d\,a_{t-1} + (1-d)\,\theta_t, \qquad a_1 = \theta_1

    Parameters
    ----------
    decay : float, default 0.999
        :math:`0 \le d < 1`.
    start : int, default 0
        Steps before averaging begins.
    every : int, default 1
        Steps from one entry to the next.

    Raises
    ------
    TypeError, ValueError
        If an argument is not such a number.

    Examples
    --------
    >>> import numpy as np
    >>> from saddlescape import optim
    >>> theta = np.zeros(1)
    >>> opt = optim.SGD(theta, lr=1.0, average=optim.EMA(0.5))
    >>> for _ in range(3):
    ...     opt.step(np.array([-1.0]))
    >>> theta, opt.average
    (array([3.]), array([2.25]))

    References
    ----------
    B. T. Polyak, A. B. Juditsky, "Acceleration of stochastic approximation by averaging", 1992.
    """

    decay: float = 0.999

    def __init__(self, decay: float = 0.999, start: int = 0, every: int = 1) -> None:
        object.__setattr__(self, "decay", _check.fraction("decay", decay))
        object.__setattr__(self, "start", start)
        object.__setattr__(self, "every", every)
        self.__post_init__()

    def _weight(self, before: int) -> float:
        return 1.0 - self.decay if before else 1.0
