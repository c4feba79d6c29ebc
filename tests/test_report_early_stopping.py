"""The animation of early stopping: it stops where the trainer does, and says so."""

from __future__ import annotations

import re

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

import saddlescape as ss
from lecture_samples import split_digits
from saddlescape import cli
from saddlescape.report import write_early_stopping
from saddlescape.report.early_stopping import Frame, _draw, chosen, frames

FALL = np.array([3.0, 2.0, 1.0, 1.5, 1.2, 1.0, 1.1, 0.5, 0.4])


def seen(path):
    """The pictures of a GIF (frames, height, width, 3), and how long each is shown, in ms."""
    pictures, times = [], []
    with Image.open(path) as image:
        for number in range(image.n_frames):
            image.seek(number)
            pictures.append(np.asarray(image.convert("RGB")))
            times.append(image.info["duration"])
    return np.array(pictures), times


@pytest.mark.parametrize("patience", [1, 3, 8])
@pytest.mark.parametrize("seed", [1, 2])
def test_it_stops_where_the_trainer_does(patience, seed):
    X, y, X_rest, y_rest = split_digits(200, seed, wrong=0.2)
    settings = {"lr": 1e-2, "validation": (X_rest[:200], y_rest[:200]), "seed": seed, "epochs": 60}
    nets = [ss.MLP((64, 32, 10), init="lecun", dtype="float64", seed=seed) for _ in range(2)]
    run = ss.train(nets[0], X, y, early_stopping=patience, **settings)
    on = ss.train(nets[1], X, y, **settings)
    assert run.epochs < 60
    last = frames(on.history.epochs["validation_loss"], patience)[-1]
    assert last == Frame(60, run.best_epoch + 1, run.epochs)
    # Of the run that was ended the last epoch is the stop.
    assert frames(run.history.epochs["validation_loss"], patience)[-1] == Frame(
        run.epochs, run.best_epoch + 1, run.epochs
    )


def test_every_epoch_says_where_things_stand():
    assert [frame.caption(3) for frame in frames(FALL, 3)] == [
        "epoch 1: the lowest validation loss so far",
        "epoch 2: the lowest validation loss so far",
        "epoch 3: the lowest validation loss so far",
        "epoch 4: no lower validation loss for 1 epoch",
        "epoch 5: no lower validation loss for 2 epochs",
        "epoch 6: 3 without a lower validation loss: training stops, epoch 3 is put back",
        "epoch 7: had training gone on after epoch 6",
        "epoch 8: had training gone on after epoch 6",
        "epoch 9: had training gone on after epoch 6",
    ]  # an equal loss, that of epoch 6, is no better
    assert frames(FALL, 4)[-1] == Frame(9, 3, 7)
    assert frames(FALL, 5)[-1] == Frame(9, 9, None)


@pytest.mark.parametrize(("epochs", "most"), [(150, 150), (151, 79), (1000, 148)])
def test_of_a_long_run_some_epochs_are_shown(epochs, most):
    validation = np.abs(np.arange(epochs) - 100.5) + 1
    shown = chosen(frames(validation, 20))
    assert len(shown) <= most
    assert {101, 121, epochs} <= {frame.epoch for frame in shown}


def test_the_file(tmp_path):
    training = np.linspace(3, 0.2, 9)
    before = training.copy(), FALL.copy()
    path = write_early_stopping(training, FALL, str(tmp_path / "run.gif"), patience=3)
    assert path == tmp_path / "run.gif"
    assert [file.name for file in tmp_path.iterdir()] == ["run.gif"]
    pictures, times = seen(path)
    assert pictures.shape == (9, 440, 720, 3)
    assert times == [100] * 5 + [2500] + [100] * 2 + [2500]
    assert path.stat().st_size < 300_000
    np.testing.assert_array_equal([training, FALL], before)
    again = write_early_stopping(training, FALL, tmp_path / "again.gif", patience=3)
    assert again.read_bytes() == path.read_bytes()
    # The curves grow: more blue from picture to picture.
    blue = (pictures[..., 2] > pictures[..., 0].astype(int) + 80).sum(axis=(1, 2))
    assert (np.diff(blue) > 0).all()


@pytest.mark.parametrize("epochs", [3, 60])
@pytest.mark.parametrize("best", [1, 2, -2])
@pytest.mark.parametrize("patience", [1, 5])
def test_no_word_stands_on_another_or_on_a_curve(epochs, best, patience):
    best = best % epochs
    validation = np.abs(np.arange(1, epochs + 1) - best) + 1.0
    figure = Figure(figsize=(7.2, 4.4), layout="constrained")
    canvas, axes = FigureCanvasAgg(figure), figure.add_subplot()
    _draw(axes, validation / 2, validation, frames(validation, patience)[-1], patience)
    canvas.draw()
    inside = axes.get_window_extent()
    assert axes.get_legend().get_window_extent().y1 < inside.y0
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) in (0, 2)
    for box in boxes:
        assert inside.x0 <= box.x0 < box.x1 <= inside.x1
        assert inside.y0 <= box.y0 < box.y1 <= inside.y1
    assert len(boxes) < 2 or not boxes[0].overlaps(boxes[1])
    assert all(tick % 1 == 0 for tick in axes.get_xticks())


def test_the_first_epoch_is_seen():
    """A line of one point is none."""
    figure = Figure(figsize=(7.2, 4.4))
    canvas, axes = FigureCanvasAgg(figure), figure.add_subplot()
    _draw(axes, np.array([1.0, 0.5]), np.array([3.0, 2.0]), Frame(1, 1, None), 2)
    axes.get_legend().set_visible(False)
    canvas.draw()
    picture = np.asarray(canvas.buffer_rgba()).astype(int)
    assert (picture[..., 2] > picture[..., 0] + 80).any()  # blue: training


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("losses", [[1], [2, 2, 2]])
def test_one_epoch_and_equal_losses(tmp_path, losses, dtype):
    given = np.array(losses, dtype)
    path = write_early_stopping(given, given, tmp_path / "run.gif", patience=1)
    assert len(seen(path)[0]) <= len(losses)


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ({"training": [1.0, 2.0]}, TypeError, "training: list, expected a NumPy array of numbers"),
        ({"validation": np.array(["a"])}, TypeError, "validation: dtype <U1, expected a NumPy"),
        ({"training": np.ones((2, 2))}, ValueError, "training: shape (2, 2), expected (epochs,)"),
        ({"training": np.ones(0)}, ValueError, "training: shape (0,), expected (epochs,), at"),
        ({"validation": np.array([1, np.nan])}, ValueError, "validation: nan at (1,), expected"),
        ({"validation": np.ones(3)}, ValueError, "validation: 3 epochs, expected 2, as many as"),
        ({"path": "run.mp4"}, ValueError, "path: 'run.mp4', expected a file name that ends"),
        ({"patience": 0}, ValueError, "patience: 0, expected an integer of at least 1"),
        ({"patience": 1.5}, TypeError, "patience: float, expected an integer of at least 1"),
    ],
)  # fmt: skip
def test_misuse_is_refused(tmp_path, given, kind, message):
    arguments = {"training": np.ones(2), "validation": np.ones(2), "path": tmp_path / "a.gif"}
    with pytest.raises(kind, match=re.escape(message)):
        write_early_stopping(**(arguments | given))
    assert list(tmp_path.iterdir()) == []


def test_on_the_command_line(tmp_path, capsys, monkeypatch):
    from importlib import import_module

    monkeypatch.setattr(import_module("saddlescape.studies.early_stopping"), "_EPOCHS", 12)
    assert cli.main(["study", "early-stopping", "--out", str(tmp_path)]) == 0
    assert f"animation: {tmp_path / 'early-stopping.gif'}" in capsys.readouterr().out
    assert len(seen(tmp_path / "early-stopping.gif")[0]) == 12
