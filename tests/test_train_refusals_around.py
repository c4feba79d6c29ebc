"""What training refuses of what stands round its steps, before anything changes."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import saddlescape as ss
from train_samples import N, make_data, make_net

NAN, INF = float("nan"), float("inf")
X20, Y20 = make_data()
HELD = "a tuple (X, y) or a fraction > 0 and < 1"
FILES = "NAME.csv, NAME.jsonl, or a folder for TensorBoard's event files"
PATIENCE = "expected an integer of at least 1 epochs, an EarlyStopping, or None"
CLASSES = "accuracy, balanced_accuracy, f1, precision, recall"
NUMBERS = "mae, mse, r2, rmse"
ALL_0 = "sample_weight, class_weight: all 0 for the training samples, expected at least one above 0"


def weights(at=3, value=1.0):
    w = np.ones(N)
    w[at] = value
    return w


def numbers(outputs=1, loss="mse"):
    return {"net": ss.MLP((3, 4, outputs), loss=loss), "y": np.full((N, outputs), 0.5)}


REFUSED = {
    # validation
    "held out True": ({"validation": True}, TypeError, f"validation: bool, expected {HELD}"),
    "held out text": ({"validation": "0.2"}, TypeError, f"validation: str, expected {HELD}"),
    "held out 0": ({"validation": 0}, ValueError, f"validation: 0, expected {HELD}"),
    "held out 1": ({"validation": 1}, ValueError, f"validation: 1, expected {HELD}"),
    "held out 1.0": ({"validation": 1.0}, ValueError, f"validation: 1.0, expected {HELD}"),
    "held out below 0": ({"validation": -0.1}, ValueError, f"validation: -0.1, expected {HELD}"),
    "held out NaN": ({"validation": NAN}, ValueError, f"validation: nan, expected {HELD}"),
    "held out of one": (
        {"validation": 0.5, "X": X20[:1], "y": Y20[:1]}, ValueError,
        "validation: 0.5 of 1 samples of 1 classes, expected a class with a second sample to hold "
        "out",
    ),
    "held out of one each": (
        {"validation": 0.5, "X": X20[:2], "y": np.array([1, 0])}, ValueError,
        "validation: 0.5 of 2 samples of 2 classes, expected a class with a second sample to hold "
        "out",
    ),
    # sample_weight
    "weights list": (
        {"sample_weight": [1.0] * N}, TypeError,
        f"sample_weight: list, expected a NumPy array of shape ({N},)",
    ),
    "weights short": (
        {"sample_weight": np.ones(3)}, ValueError, f"sample_weight: shape (3,), expected ({N},)",
    ),
    "weights column": (
        {"sample_weight": np.ones((N, 1))}, ValueError,
        f"sample_weight: shape ({N}, 1), expected ({N},)",
    ),
    "weights text": (
        {"sample_weight": np.full(N, "a")}, TypeError,
        "sample_weight: dtype <U1, expected floats",
    ),
    "weights complex": (
        {"sample_weight": np.ones(N, complex)}, TypeError,
        "sample_weight: dtype complex128, expected floats",
    ),
    "weights below 0": (
        {"sample_weight": weights(value=-0.5)}, ValueError,
        "sample_weight: -0.5 at (3,), expected numbers >= 0",
    ),
    "weights NaN": (
        {"sample_weight": weights(7, NAN)}, ValueError,
        "sample_weight: nan at (7,), expected finite numbers in float64",
    ),
    "weights infinite": (
        {"sample_weight": weights(0, INF)}, ValueError,
        "sample_weight: inf at (0,), expected finite numbers in float64",
    ),
    "weights all 0": (
        {"sample_weight": np.zeros(N)}, ValueError,
        "sample_weight: all 0, expected at least one above 0",
    ),
    "weights all 0 that are trained on": (
        {"sample_weight": (Y20 == 0) * 1.0, "class_weight": {0: 0}}, ValueError, ALL_0,
    ),
    # class_weight
    "class weight word": (
        {"class_weight": "even"}, ValueError, "class_weight: 'even', expected one of balanced",
    ),
    "class weight number": (
        {"class_weight": 2.0}, TypeError,
        'class_weight: float, expected "balanced", a mapping {class: weight}, or None',
    ),
    "class weight array": (
        {"class_weight": np.ones(2)}, TypeError,
        'class_weight: ndarray, expected "balanced", a mapping {class: weight}, or None',
    ),
    "class too high": (
        {"class_weight": {2: 1.0}}, ValueError, "class_weight: class 2, expected 0 to 1",
    ),
    "class too low": (
        {"class_weight": {-1: 1.0}}, ValueError, "class_weight: class -1, expected 0 to 1",
    ),
    "class by name": (
        {"class_weight": {"a": 1.0}}, TypeError,
        "class_weight: str as a class, expected 0 to 1",
    ),
    "class True": (
        {"class_weight": {True: 1.0}}, TypeError,
        "class_weight: bool as a class, expected 0 to 1",
    ),
    "class weight below 0": (
        {"class_weight": {0: -1.0}}, ValueError,
        "class_weight[0]: -1.0, expected a finite number >= 0",
    ),
    "class weight NaN": (
        {"class_weight": {1: NAN}}, ValueError,
        "class_weight[1]: nan, expected a finite number >= 0",
    ),
    "class weight text": (
        {"class_weight": {1: "2"}}, TypeError,
        "class_weight[1]: str, expected a finite number >= 0",
    ),
    "class weights all 0": (
        {"class_weight": {0: 0, 1: 0}}, ValueError,
        ALL_0,
    ),
    "class weights without classes": (
        {**numbers(), "class_weight": "balanced"}, ValueError,
        "class_weight: given without classes, expected integer classes y (N,)",
    ),
    "class weights of one-hot targets": (
        {"y": np.eye(2)[Y20], "class_weight": {0: 2.0}}, ValueError,
        "class_weight: given without classes, expected integer classes y (N,)",
    ),
    # metrics
    "metrics text": (
        {"metrics": "accuracy"}, TypeError, "metrics: 'accuracy', expected a sequence of names",
    ),
    "metrics number": ({"metrics": 3}, TypeError, "metrics: int, expected a sequence of names"),
    "metric unknown": (
        {"metrics": ["acc"]}, ValueError,
        f"metrics[0]: 'acc', expected one of {CLASSES}, {NUMBERS}",
    ),
    "metric function": (
        {"metrics": ["f1", ss.metrics.f1]}, TypeError,
        f"metrics[1]: function, expected one of {CLASSES}, {NUMBERS}",
    ),
    "metric twice": (
        {"metrics": ("f1", "recall", "f1")}, ValueError,
        "metrics[2]: 'f1' again, expected each once",
    ),
    "metric of numbers": (
        {"metrics": ["r2"]}, ValueError,
        f"metrics[0]: 'r2' with the loss cross_entropy, expected one of {CLASSES}",
    ),
    "metric of numbers, bce": (
        {**numbers(1, "bce"), "metrics": ["mse"]}, ValueError,
        f"metrics[0]: 'mse' with the loss bce, expected one of {CLASSES}",
    ),
    "metric of classes": (
        {**numbers(), "metrics": ["mse", "accuracy"]}, ValueError,
        "metrics[1]: 'accuracy' needs classes, expected targets y that are classes, or one of "
        + NUMBERS,
    ),
    "metric of several labels": (
        {**numbers(2, "bce"), "metrics": ["f1"]}, ValueError,
        f"metrics[0]: 'f1' needs classes, expected targets y that are classes, or one of {NUMBERS}",
    ),
    # early_stopping
    "patience 0": ({"early_stopping": 0}, ValueError, f"early_stopping: 0, {PATIENCE}"),
    "patience -3": ({"early_stopping": -3}, ValueError, f"early_stopping: -3, {PATIENCE}"),
    "patience 2.5": ({"early_stopping": 2.5}, TypeError, f"early_stopping: float, {PATIENCE}"),
    "patience True": ({"early_stopping": True}, TypeError, f"early_stopping: bool, {PATIENCE}"),
    "patience text": ({"early_stopping": "3"}, TypeError, f"early_stopping: str, {PATIENCE}"),
    "nothing to monitor": (
        {"early_stopping": 3}, ValueError,
        "early_stopping: monitors 'validation_loss', expected one of loss; there are no validation "
        "data",
    ),
    "monitor unknown": (
        {"early_stopping": ss.EarlyStopping(3, "val_loss"), "validation": 0.5}, ValueError,
        "early_stopping: monitors 'val_loss', expected one of loss, validation_loss, "
        "validation_accuracy",
    ),
    "monitor a step's": (
        {"early_stopping": ss.EarlyStopping(3, "step"), "validation": 0.5}, ValueError,
        "early_stopping: monitors 'step', expected one of loss, validation_loss, "
        "validation_accuracy",
    ),
    # log and progress
    "log number": ({"log": 3}, TypeError, "log: int, expected a path or several"),
    "log set": ({"log": {"a.csv"}}, TypeError, "log: set, expected a path or several"),
    "log numbers": ({"log": ["a.csv", 3]}, TypeError, "log[1]: int, expected a path"),
    "log bytes": ({"log": b"a.csv"}, TypeError, "log[0]: int, expected a path"),
    "log json": ({"log": "a.json"}, ValueError, f"log: 'a.json', expected {FILES}"),
    "log text": ({"log": ["a.txt"]}, ValueError, f"log[0]: 'a.txt', expected {FILES}"),
    "log empty": ({"log": ""}, ValueError, f"log: '', expected {FILES}"),
    "log nowhere": ({"log": "gone/a.csv"}, FileNotFoundError, "log: no directory gone"),
    "log there": (
        {"log": "there.csv"}, FileExistsError,
        "log: 'there.csv' is there already, expected a new name",
    ),
    "log lines there": (
        {"log": ["new.csv", "there.jsonl"]}, FileExistsError,
        "log[1]: 'there.jsonl' is there already, expected a new name",
    ),
    "log a directory": (
        {"log": "folder.csv"}, ValueError,
        f"log: 'folder.csv' is a directory, expected {FILES}",
    ),
    "log a file": ({"log": "file"}, ValueError, f"log: 'file' is a file, expected {FILES}"),
    "log twice": (
        {"log": ["a.csv", "folder.csv/../a.csv"]}, ValueError,
        "log[1]: 'folder.csv/../a.csv' again, expected each once",
    ),
    "log events there": (
        {"log": "events"}, FileExistsError,
        "log: 'events' is there already, expected a new name",
    ),
    "progress 1": ({"progress": 1}, TypeError, "progress: int, expected True or False"),
    "progress text": ({"progress": "yes"}, TypeError, "progress: str, expected True or False"),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("there.csv", "there.jsonl", "file"):
        (tmp_path / name).write_text("kept\n")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "events.out.tfevents.1.a").write_text("kept\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("case", REFUSED)
def test_refused_before_anything_changes(case, folder):
    given, kind, text = REFUSED[case]
    arguments = {"net": make_net(), "X": X20, "y": Y20, **given}
    net = arguments["net"]
    before, files = net.theta.tobytes(), sorted(folder.rglob("*"))
    with pytest.raises(kind) as caught:
        ss.train(arguments.pop("net"), arguments.pop("X"), arguments.pop("y"), **arguments)
    assert str(caught.value) == text
    assert net.theta.tobytes() == before
    assert sorted(folder.rglob("*")) == files
    assert all(path.read_text() == "kept\n" for path in files if path.is_file())


RULES = {
    "patience": ((0,), ValueError, "patience: 0, expected an integer of at least 1"),
    "patience float": ((1.0,), TypeError, "patience: float, expected an integer of at least 1"),
    "monitor": ((1, 3), TypeError, "monitor: int, expected a name"),
    "min_delta": ((1, "loss", -1), ValueError, "min_delta: -1, expected a finite number >= 0"),
    "min_delta NaN": (
        (1, "loss", NAN), ValueError, "min_delta: nan, expected a finite number >= 0",
    ),
    "restore_best": ((1, "loss", 0, 1), TypeError, "restore_best: int, expected True or False"),
}  # fmt: skip


@pytest.mark.parametrize("case", RULES)
def test_a_rule_refuses(case):
    given, kind, text = RULES[case]
    with pytest.raises(kind) as caught:
        ss.EarlyStopping(*given)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("package", "extra", "given"),
    [("tensorboard", "tensorboard", {"log": "runs"}), ("rich", "app", {"progress": True})],
)
def test_a_missing_package_is_one_line(package, extra, given, folder, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    net = make_net()
    before = net.theta.tobytes()
    with pytest.raises(ImportError) as caught:
        ss.train(net, X20, Y20, **given)
    assert str(caught.value) == f"{package} is needed for this: pip install 'saddlescape[{extra}]'"
    assert net.theta.tobytes() == before
    assert not (folder / "runs").exists()
