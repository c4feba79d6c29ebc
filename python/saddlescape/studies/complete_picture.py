"""Structured learning: the answer is no number and no class but a picture, half of a digit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check, data
from saddlescape.metrics import accuracy
from saddlescape.net import MLP
from saddlescape.studies.panel import Panel
from saddlescape.train import train

__all__ = ["CompletePicture", "complete_picture"]

_TRAINED = 1200  # samples; the other 597 test
_HIDDEN, _RATE, _BATCH, _DECAY = 256, 3e-3, 64, 1e-4
_EPOCHS, _HELD_OUT, _PATIENCE = 200, 0.15, 15
_HALF = 32  # pixels
_DRAWN = 10  # pictures kept to be shown: the first test sample of each class

Half = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CompletePicture:
    """What `complete_picture` measured; a row for each way to complete, a column for each split.

    Attributes
    ----------
    names : tuple of str
        The ways; the last is to look at the true lower half.
    errors : (R, networks) array
        Root mean square error of a pixel from 0 to 1.
    judged : (R, networks) array
        The share of completed test pictures in which a network that was trained on whole pictures
        sees the right digit.
    contrast : (R, networks) array
        The pixels' variance within a lower half, mean over the pictures, as a share of the true
        one: what is blurred has less.
    pictures : (R, 10, 8, 8) array
        The first split's completed pictures, one of each digit.
    """

    names: tuple[str, ...]
    errors: NDArray[np.float64]
    judged: NDArray[np.float64]
    contrast: NDArray[np.float64]
    pictures: NDArray[np.float64]

    def __str__(self) -> str:
        """Return a line for each way: means over the splits."""
        lines = [
            f"the lower half of {1797 - _TRAINED} test digits; {_TRAINED:,} digits to learn from",
            "                             error   seen as the  contrast",
            "lower half                of a pixel  right digit",
        ]
        for i, name in enumerate(self.names):
            lines.append(
                f"{name:24s} {self.errors[i].mean():11.3f} {self.judged[i].mean():12.1%} "
                f"{self.contrast[i].mean():9.0%}"
            )
        return "\n".join(lines)

    def panels(self) -> tuple[Panel, ...]:
        """Return the completed pictures, and how often the right digit is seen over the error."""
        dots = {
            name: (errors, judged)
            for name, errors, judged in zip(self.names, self.errors, self.judged, strict=True)
        }
        return (
            Panel(
                "completed below the middle", "", "", {}, pictures=self.pictures, rows=self.names
            ),
            Panel("each split", "error of a pixel", "seen as the right digit", dots, dots=True),
        )


def complete_picture(networks: int = 3, seed: int = 0) -> CompletePicture:
    """Let a network draw the lower half of a digit whose upper half it is shown.

    Structured learning: the output is an object, 32 pixels that must fit each other and the half
    above them. Five ways: the mean lower half of all training digits, a linear map, that of the
    training digit whose upper half is the nearest, a network of one hidden layer, and the true one.
    The network's pixels are the nearest to the true ones, and its pictures are recognised far more
    often than the linear map's. But each of its pixels is a mean over what may follow: where two
    digits begin alike it draws some of both, with less contrast than a pen has. The nearest digit's
    half is farther off pixel by pixel, as sharp as any, and about as often recognised.

    Parameters
    ----------
    networks : int
        Splits, each with networks of its own.
    seed : int
        Of the first; the others count on from it.

    Returns
    -------
    CompletePicture
        ``errors``, ``judged``, ``contrast`` and ``pictures``.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range.

    Examples
    --------
    >>> from saddlescape import studies
    >>> found = studies.complete_picture(networks=1)
    >>> found.names[3], bool(found.errors[3, 0] < found.errors[:3, 0].min())
    ('network', True)

    References
    ----------
    Bakir, Hofmann, Schoelkopf, Smola, Taskar, Vishwanathan (2007), "Predicting Structured Data".
    """
    networks = _check.integer("networks", networks, low=1)
    seed = _check.integer("seed", seed, low=0)
    runs = [_run(seed + i) for i in range(networks)]
    measured = np.array([numbers for _, numbers, _ in runs])
    errors, judged, contrast = np.moveaxis(measured, 0, 2)
    return CompletePicture(runs[0][0], errors, judged, contrast, runs[0][2])


def _run(seed: int) -> tuple[tuple[str, ...], NDArray[np.float64], NDArray[np.float64]]:
    """Return the names, (3, R) error, share and contrast, and the pictures to be shown."""
    digits = data.load_digits()
    pixels = digits.X / 16
    order = np.random.default_rng(seed).permutation(len(pixels))
    learnt, tested = order[:_TRAINED], order[_TRAINED:]
    y = digits.y[tested]
    judge = MLP((2 * _HALF, 64, 10), dtype="float64", seed=seed)
    train(judge, pixels[learnt] - 0.5, digits.y[learnt], lr=_RATE, batch_size=32, epochs=60,
          l2=_DECAY, seed=seed)  # fmt: skip
    above, below = np.split(pixels[tested], 2, axis=1)
    shown = [int(np.flatnonzero(y == digit)[0]) for digit in range(_DRAWN)]
    names, numbers, pictures = [], [], []
    A, a = np.split(pixels[learnt], 2, axis=1)
    for name, lower in _ways(A, a, above, below, seed):
        whole = np.hstack([above, lower])
        names.append(name)
        numbers.append((
            float(np.sqrt(np.mean((lower - below) ** 2))),
            accuracy(judge, whole - 0.5, y),
            float(lower.var(axis=1).mean() / below.var(axis=1).mean()),
        ))  # fmt: skip
        pictures.append(whole[shown].reshape(-1, 8, 8))
    return tuple(names), np.array(numbers).T, np.array(pictures)


def _ways(A: Half, a: Half, above: Half, below: Half, seed: int) -> Iterator[tuple[str, Half]]:
    """Yield names and lower halves for `above`, from the halves A over a of the training digits."""
    yield "mean", np.tile(a.mean(axis=0), (len(above), 1))
    ones = [np.column_stack([X, np.ones(len(X))]) for X in (A, above)]
    yield "linear", ones[1] @ np.linalg.lstsq(ones[0], a, rcond=None)[0]
    # |x - A_i|^2 less |x|^2, which is the same for all i
    nearest = ((A**2).sum(axis=1) - 2 * above @ A.T).argmin(axis=1)
    yield "nearest digit", a[nearest]
    net = MLP((_HALF, _HIDDEN, _HALF), "relu", "mse", dtype="float64", seed=seed)
    train(net, A - 0.5, np.ascontiguousarray(a), lr=_RATE, batch_size=_BATCH, epochs=_EPOCHS,
          l2=_DECAY, validation=_HELD_OUT, early_stopping=_PATIENCE, seed=seed)  # fmt: skip
    yield "network", net.predict(above - 0.5)
    yield "true", below
