"""Early stopping as it happens: losses epoch by epoch, the best so far, the stop, and beyond."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.animation import PillowWriter
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from saddlescape import _check
from saddlescape._files import write_whole
from saddlescape.diagnosis.records import counted
from saddlescape.report.look import BLUE, GREY, INK, VERMILLION, drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Frame", "frames", "write_early_stopping"]

_FPS, _HELD = 10, 25  # frames a second; of these so many at the stop and at the end
_MOST = 150  # frames of a long run, beside those


@dataclass(frozen=True)
class Frame:
    """What is known after an epoch; all epochs are counted from 1.

    Attributes
    ----------
    epoch : int
        The last one that is shown.
    best : int
        Of those up to `stop`, or up to here, the first whose validation loss is the lowest.
    stop : int or None
        After which training was ended, where that is behind.
    """

    epoch: int
    best: int
    stop: int | None

    def caption(self, patience: int) -> str:
        """Say in a line where things stand."""
        if self.epoch == self.stop:
            return (
                f"epoch {self.epoch}: {patience} without a lower validation loss: training stops, "
                f"epoch {self.best} is put back"
            )
        if self.stop is not None:
            return f"epoch {self.epoch}: had training gone on after epoch {self.stop}"
        if self.epoch == self.best:
            return f"epoch {self.epoch}: the lowest validation loss so far"
        since = counted(self.epoch - self.best, "epoch")
        return f"epoch {self.epoch}: no lower validation loss for {since}"


def frames(validation: NDArray[np.float64], patience: int) -> list[Frame]:
    """Follow early stopping through the validation losses of all epochs, those after it too.

    Examples
    --------
    >>> for frame in frames(np.array([3.0, 1.0, 2.0, 1.5, 0.5]), 2):
    ...     print(frame)
    Frame(epoch=1, best=1, stop=None)
    Frame(epoch=2, best=2, stop=None)
    Frame(epoch=3, best=2, stop=None)
    Frame(epoch=4, best=2, stop=4)
    Frame(epoch=5, best=2, stop=4)
    """
    found, best, stop = [], 1, None
    for epoch, loss in enumerate(validation, 1):
        if stop is None:
            if loss < validation[best - 1]:
                best = epoch
            if epoch - best >= patience:
                stop = epoch
        found.append(Frame(epoch, best, stop))
    return found


def write_early_stopping(
    training: NDArray[Any], validation: NDArray[Any], path: str | Path, *, patience: int = 10
) -> Path:
    """Animate a run whose validation loss falls, and rises again, as a GIF.

    The curves grow epoch by epoch; a dot keeps to the lowest validation loss. After `patience`
    epochs without a lower one a line says that training stops and which epoch's parameters are put
    back, as `saddlescape.train` does with ``early_stopping=patience``; what follows, if anything
    does, is drawn dotted.

    Parameters
    ----------
    training, validation : (E,) arrays
        A loss for each epoch, at least one: ``run.history.epochs["loss"]`` and
        ``["validation_loss"]``, or of a run that went on longer.
    path : str or Path
        A file name that ends in ``.gif``, in a folder that exists.
    patience : int
        At least 1.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    TypeError, ValueError
        Naming the argument.
    OSError
        If it can't be written.

    Examples
    --------
    >>> import tempfile
    >>> from saddlescape.report import write_early_stopping
    >>> losses = np.array([3.0, 2.0, 1.0]), np.array([3.0, 2.5, 2.6])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_early_stopping(*losses, f"{folder}/run.gif", patience=1).name
    'run.gif'
    """
    patience = _check.integer("patience", patience, low=1)
    losses = [_losses("training", training), _losses("validation", validation)]
    if len(losses[0]) != len(losses[1]):
        raise ValueError(
            f"validation: {len(losses[1])} epochs, expected {len(losses[0])}, as many as training"
        )
    where = Path(path)
    if where.suffix != ".gif":
        raise ValueError(f"path: {str(path)!r}, expected a file name that ends in .gif")
    with drawing(), tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "made.gif"
        _write(losses[0], losses[1], patience, made)
        return write_whole(where, made.read_bytes())


def _losses(name: str, given: Any) -> NDArray[np.float64]:
    if not isinstance(given, np.ndarray) or given.dtype.kind not in "iuf":
        kind = f"dtype {given.dtype}" if isinstance(given, np.ndarray) else type(given).__name__
        raise TypeError(f"{name}: {kind}, expected a NumPy array of numbers")
    if given.ndim != 1 or not len(given):
        raise ValueError(f"{name}: shape {given.shape}, expected (epochs,), at least one")
    if not np.isfinite(given).all():
        epoch = int(np.flatnonzero(~np.isfinite(given))[0])
        raise ValueError(f"{name}: {given[epoch]} at ({epoch},), expected finite numbers")
    return given.astype(np.float64)


def _write(
    training: NDArray[np.float64], validation: NDArray[np.float64], patience: int, path: Path
) -> None:
    figure = Figure(figsize=(7.2, 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    writer, shown = PillowWriter(fps=_FPS), frames(validation, patience)
    # A layout of its own for each frame would let the axes tremble.
    _draw(axes, training, validation, shown[-1], patience)
    for _ in range(2):  # the legend below finds its place at the second time
        figure.draw_without_rendering()
    figure.set_layout_engine("none")
    with writer.saving(figure, str(path), dpi=100):
        for frame in chosen(shown):
            axes.clear()
            _draw(axes, training, validation, frame, patience)
            held = frame.epoch in (frame.stop, len(shown))
            for _ in range(_HELD if held else 1):
                writer.grab_frame()


def chosen(shown: list[Frame]) -> list[Frame]:
    """Return every frame, or of a long run some, with the best, the stop and the end among them."""
    end = shown[-1]
    every = -(-len(shown) // _MOST)
    kept = {end.epoch, end.best, end.stop}
    return [frame for frame in shown if frame.epoch % every == 0 or frame.epoch in kept]


def _draw(
    axes: Axes,
    training: NDArray[np.float64],
    validation: NDArray[np.float64],
    frame: Frame,
    patience: int,
) -> None:
    end = frame.epoch if frame.stop is None else frame.stop
    epochs = np.arange(1, len(training) + 1)
    for losses, colour, name, solid in (
        (training, BLUE, "training", "-"), (validation, VERMILLION, "validation", "-."),
    ):  # fmt: skip
        axes.plot(epochs[:end], losses[:end], color=colour, linestyle=solid, label=name)
        later = slice(end - 1, frame.epoch)
        axes.plot(epochs[later], losses[later], color=colour, linestyle=":", linewidth=1.6)
        axes.plot(frame.epoch, losses[frame.epoch - 1], ".", color=colour)  # a line of one is none
    axes.plot(frame.best, validation[frame.best - 1], "o", color=INK, markersize=8,
              fillstyle="none", markeredgewidth=1.6, label="best so far")  # fmt: skip
    # one below the other: the lines may stand close together
    for place, text, below in ((frame.best, "put back", 11), (frame.stop, "stop", 24)):
        if frame.stop is not None and place is not None:
            side = 1 if place <= 0.8 * len(training) else -1
            axes.axvline(place, color=GREY, linewidth=1, linestyle="--")
            axes.annotate(text, (place, 1), xycoords=("data", "axes fraction"),
                          xytext=(3 * side, -below), textcoords="offset points", fontsize=9,
                          ha="left" if side > 0 else "right")  # fmt: skip
    both = np.concatenate([training, validation])
    low, high = float(both.min()), float(both.max())
    room = 0.08 * (high - low) or 0.5
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, steps=[1, 2, 5, 10]))
    axes.set_xlim(0.5, len(training) + 0.5)
    axes.set_ylim(low - room, high + room)
    axes.set(title=frame.caption(patience), xlabel="epoch", ylabel="loss")
    # below: inside it would stand on a curve sooner or later
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=3, frameon=False)
