"""Underfitting, overfitting, and three ways to hold a network back from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check, data, optim
from saddlescape.metrics.quality import accuracy
from saddlescape.net import MLP
from saddlescape.studies.panel import Panel
from saddlescape.train import train

__all__ = ["EarlyStopping", "early_stopping"]

_TRAINED, _VALIDATED = 500, 400  # samples; the other 897 test
_WRONG = 0.2  # share of training and validation labels that are drawn anew
_EPOCHS, _BATCH, _RATE = 60, 32, 3e-3
# name, hidden units, dropout, weight decay
_ROWS = (("1 hidden unit", 1, 0.0, 0.0), ("64 hidden units", 64, 0.0, 0.0),
         ("64, dropout 0.5", 64, 0.5, 0.0), ("64, weight decay 0.02", 64, 0.0, 0.02))  # fmt: skip


@dataclass(frozen=True, eq=False)
class EarlyStopping:
    """What `early_stopping` measured; a row for each network, a column for each repetition.

    Attributes
    ----------
    names : tuple of str
        One hidden unit, 64, 64 with dropout, 64 with weight decay.
    losses, validation_losses : (R, networks, epochs) arrays
        After every epoch, in test mode, without the penalty.
    train : (R, networks) array
        The share of training labels, wrong ones too, that the network has in the end.
    test, test_stopped : (R, networks) arrays
        The share of the test samples classified rightly, whose labels are right: in the end, and
        where the validation loss was least.
    """

    names: tuple[str, ...]
    losses: NDArray[np.float64]
    validation_losses: NDArray[np.float64]
    train: NDArray[np.float64]
    test: NDArray[np.float64]
    test_stopped: NDArray[np.float64]

    @property
    def best_epochs(self) -> NDArray[np.int64]:
        """The epoch, from 1, after which the validation loss was least, (R, networks)."""
        return np.asarray(self.validation_losses.argmin(axis=2) + 1)

    def __str__(self) -> str:
        """Return a line for each network: means over the repetitions."""
        _, networks, epochs = self.losses.shape
        mean = f", means of {networks} networks each" if networks > 1 else ""
        lines = [f"after {epochs} epochs, {_WRONG:.0%} of the labels drawn anew{mean}"]
        lines += ["                            loss in          accuracy in   best  accuracy"]
        lines += ["                       training validation  training   test  epoch  there"]
        for i, name in enumerate(self.names):
            lines.append(
                f"{name:22s} {self.losses[i, :, -1].mean():8.3f} "
                f"{self.validation_losses[i, :, -1].mean():10.3f} {self.train[i].mean():9.1%} "
                f"{self.test[i].mean():6.1%} {self.best_epochs[i].mean():6.0f} "
                f"{self.test_stopped[i].mean():9.1%}"
            )
        return "\n".join(lines)

    def panels(self) -> tuple[Panel, ...]:
        """Return the losses of the first repetition, of one unit, of 64, and held back."""
        x = np.arange(1.0, self.losses.shape[2] + 1)
        shown = []
        for i, title in ((0, "underfitting: 1 hidden unit"), (1, "overfitting: 64 hidden units")):
            lines = {"training": (x, self.losses[i, 0]),
                     "validation": (x, self.validation_losses[i, 0])}  # fmt: skip
            marks = {"best": float(self.best_epochs[i, 0])} if i else {}
            shown.append(Panel(title, "epoch", "loss", lines, marks=marks))
        held = {name: (x, row) for name, row in zip(self.names[1:], self.validation_losses[1:, 0],
                                                    strict=True)}  # fmt: skip
        return (*shown, Panel("held back", "epoch", "validation loss", held))


def early_stopping(networks: int = 4, seed: int = 0) -> EarlyStopping:
    """Overfit 500 digits with wrong labels among them, and hold the network back from it.

    One hidden unit can't learn the digits: training and test are bad. 64 learn the wrong labels
    too: the training loss goes on falling while the validation loss rises again. Where it was least
    is where to stop; dropout and weight decay hold back the network that goes on.

    Parameters
    ----------
    networks : int
        Repetitions, each with a split, wrong labels and weights of its own.
    seed : int
        Of the first; the others count on from it.

    Returns
    -------
    EarlyStopping
        ``best_epochs``, ``test`` and ``test_stopped``.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range.

    Examples
    --------
    >>> from saddlescape import studies
    >>> found = studies.early_stopping(networks=1)
    >>> bool(found.test_stopped[1, 0] > found.test[1, 0] > found.test[0, 0])
    True

    References
    ----------
    Prechelt (1998), "Early stopping - but when?"; Srivastava, Hinton, Krizhevsky, Sutskever,
    Salakhutdinov (2014), "Dropout", JMLR 15.
    """
    networks = _check.integer("networks", networks, low=1)
    seed = _check.integer("seed", seed, low=0)
    table = [[_run(row, seed + i) for i in range(networks)] for row in _ROWS]
    curves = np.array([[curve for curve, _ in row] for row in table])
    ends = np.array([[shares for _, shares in row] for row in table])
    return EarlyStopping(
        tuple(name for name, *_ in _ROWS),
        curves[..., 0],
        curves[..., 1],
        *np.moveaxis(ends, 2, 0),
    )


def _run(
    row: tuple[str, int, float, float], seed: int
) -> tuple[list[tuple[float, float]], tuple[float, float, float]]:
    _, hidden, dropout, decay = row
    A, a, B, b, T, t = _samples(seed)
    net = MLP((64, hidden, 10), init="lecun", dropout=dropout, dtype="float64", seed=seed)
    opt = optim.Adam(net.theta, lr=_RATE)
    curve, stopped = [], 0.0
    for epoch in range(_EPOCHS):
        # One epoch at a time, each with an order of its own.
        train(net, A, a, optimizer=opt, batch_size=_BATCH, epochs=1, l2=decay,
              seed=seed * _EPOCHS + epoch)  # fmt: skip
        curve.append((net.loss(A, a), net.loss(B, b)))
        if curve[-1][1] == min(loss for _, loss in curve):
            stopped = accuracy(net, T, t)
    return curve, (accuracy(net, A, a), accuracy(net, T, t), stopped)


def _samples(seed: int) -> tuple[NDArray[np.float64], ...]:
    digits, generator = data.load_digits(), np.random.default_rng(seed)
    order = generator.permutation(len(digits.X))
    A, B, T = np.split(order, [_TRAINED, _TRAINED + _VALIDATED])
    X = digits.X / 16 - (digits.X[A] / 16).mean(axis=0)
    given = digits.y.copy()
    wrong = generator.random(len(given)) < _WRONG
    given[wrong] = generator.integers(0, 10, np.count_nonzero(wrong))
    return X[A], given[A], X[B], given[B], X[T], digits.y[T]
