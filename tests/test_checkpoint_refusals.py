"""What checkpoints and `resume` refuse, with the file, the network and the data as they were."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest

import saddlescape as ss
from checkpoint_samples import SAMPLES, STEPS, Case, attributes, data, network
from saddlescape import optim, schedule
from saddlescape.train import checkpoint_file

resource = pytest.importorskip("resource", reason="limits the size of files")

X, Y = data()
XV, YV = data(n=11, seed=4)
WEIGHTS = np.linspace(0, 3, SAMPLES)


def altered(array, at=0):
    other = array.copy()
    other.flat[at] += 1
    return other


class Own(optim.Adam):
    pass


class OwnAverage(optim.SWA):
    pass


def made(rule, **arguments):
    return lambda theta: rule(theta, **arguments)


FOLDER = "FOLDER"  # stands for the test's own
PLACE = "a new name, or that of a checkpoint, which is overwritten"

# of train(checkpoint=...): arguments, error, text
TRAIN = {
    "number": ({"checkpoint": 3}, TypeError, "checkpoint: int, expected str or Path"),
    "bytes": ({"checkpoint": b"run"}, TypeError, "checkpoint: bytes, expected str or Path"),
    "no folder": (
        {"checkpoint": "FOLDER/no/run"}, FileNotFoundError,
        "checkpoint: FOLDER/no/run: no directory FOLDER/no",
    ),
    "folder": (
        {"checkpoint": "FOLDER"}, ValueError,
        "checkpoint: FOLDER: no file, expected one, or a new name",
    ),
    "a table": (
        {"checkpoint": "FOLDER/data.csv"}, ValueError,
        f"checkpoint: FOLDER/data.csv: there already and no checkpoint, expected {PLACE}",
    ),
    "a network": (
        {"checkpoint": "FOLDER/net"}, ValueError,
        f"checkpoint: FOLDER/net: there already and no checkpoint, expected {PLACE}",
    ),
    "an empty file": (
        {"checkpoint": "FOLDER/empty"}, ValueError,
        f"checkpoint: FOLDER/empty: there already and no checkpoint, expected {PLACE}",
    ),
    "every without a file": (
        {"checkpoint": None, "checkpoint_every": 3}, ValueError,
        "checkpoint_every: given without checkpoint, expected its file too",
    ),
    "every 0": (
        {"checkpoint_every": 0}, ValueError,
        "checkpoint_every: 0, expected an integer of at least 1",
    ),
    "every half": (
        {"checkpoint_every": 0.5}, TypeError,
        "checkpoint_every: float, expected an integer of at least 1",
    ),
    "every True": (
        {"checkpoint_every": True}, TypeError,
        "checkpoint_every: bool, expected an integer of at least 1",
    ),
    "an optimizer of somebody": (
        {"optimizer": Own}, TypeError,
        "optimizer: Own, expected a class of saddlescape.optim: no file can hold another",
    ),
    "an average of somebody": (
        {"optimizer": made(optim.Adam, average=OwnAverage())}, TypeError,
        "average: OwnAverage, expected EMA or SWA: no file can hold another",
    ),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """Everything that a path of the tables leads to."""
    (tmp_path / "data.csv").write_text("a,b\n1,2\n")
    (tmp_path / "empty").write_bytes(b"")
    network().save(tmp_path / "net")
    Case().stopped(tmp_path / "plain", 7)
    Case(validation=(XV, YV)).stopped(tmp_path / "validated", 7)
    Case(validation=0.25, sample_weight=WEIGHTS).stopped(tmp_path / "weighed", 7)
    Case(lr=half).stopped(tmp_path / "function", 7)
    Case(lr=0.1, schedule="cosine", epochs=4).stopped(tmp_path / "scheduled", 7)
    Case(lr=schedule.scale(half, 2)).stopped(tmp_path / "inside", 7)
    return tmp_path


def half(step):
    return 0.5 ** (1 + step)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def refused(folder, error, text, call):
    before = contents(folder)
    data_before = X.tobytes(), Y.tobytes()
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    expected = re.escape(text.replace(FOLDER, str(folder))).replace("SHA", "SHA-256 [0-9a-f]{64}")
    assert re.fullmatch(expected, str(caught.value)), str(caught.value)
    assert contents(folder) == before
    assert (X.tobytes(), Y.tobytes()) == data_before


@pytest.mark.parametrize("case", TRAIN)
def test_training_is_refused(folder, case):
    arguments, error, text = TRAIN[case]
    given = {"checkpoint": folder / "run", **arguments}
    if isinstance(given["checkpoint"], str):
        given["checkpoint"] = given["checkpoint"].replace(FOLDER, str(folder))
    net = network()
    theta = net.theta.copy()
    if callable(given.get("optimizer")):
        given["optimizer"] = given["optimizer"](net.theta)
    refused(folder, error, text, lambda: ss.train(net, X, Y, **given))
    assert net.theta.tobytes() == theta.tobytes()


ALL = f"expected what the run was trained on: ({SAMPLES}, 5) float32 SHA"
TARGETS = f"({SAMPLES}, 3) float32 SHA, expected what the run was trained on: "

# of resume: file, arguments, error, text
RESUME = {
    "number": (3, {}, TypeError, "path: int, expected str or Path"),
    "none": (None, {}, TypeError, "path: NoneType, expected str or Path"),
    "no file": ("gone", {}, FileNotFoundError, "path: FOLDER/gone: no such file"),
    "folder": ("", {}, FileNotFoundError, "path: FOLDER: no such file"),
    "empty": ("empty", {}, ValueError, "path: FOLDER/empty: empty, expected a checkpoint"),
    "a network": (
        "net", {}, ValueError,
        "path: FOLDER/net: format 'saddlescape.MLP/1', expected 'saddlescape.checkpoint/1' "
        "(train(checkpoint=...) writes it)",
    ),
    "a table": (
        "data.csv", {}, ValueError,
        "path: FOLDER/data.csv: damaged, or not safetensors (8 bytes are less than its header)",
    ),
    "another X": (
        "plain", {"X": altered(X, 100)}, ValueError, f"X: ({SAMPLES}, 5) float32 SHA, {ALL}",
    ),
    "fewer samples": (
        "plain", {"X": X[:-1], "y": Y[:-1]}, ValueError,
        f"X: ({SAMPLES - 1}, 5) float32 SHA, {ALL}",
    ),
    "samples in another order": (
        "plain", {"X": X[::-1].copy()}, ValueError, f"X: ({SAMPLES}, 5) float32 SHA, {ALL}",
    ),
    "another y": (
        "plain", {"y": 2 - Y}, ValueError, f"y: {TARGETS}({SAMPLES}, 3) float32 SHA",
    ),
    "another width": (
        "plain", {"X": X[:, :4].copy()}, ValueError, f"X: shape ({SAMPLES}, 4), expected (any, 5)",
    ),
    "X list": (
        "plain", {"X": X.tolist()}, TypeError,
        "X: list, expected a NumPy array of float32 or float64",
    ),
    "no validation": (
        "validated", {}, ValueError,
        "validation: None, expected what the run was given before",
    ),
    "validation out of place": (
        "plain", {"validation": (XV, YV)}, ValueError,
        "validation: given, expected none, as the run was given before",
    ),
    "other validation": (
        "validated", {"validation": (altered(XV), YV)}, ValueError,
        "validation: X: (11, 5) float32 SHA, expected what the run was trained on: "
        "(11, 5) float32 SHA",
    ),
    "other targets of validation": (
        "validated", {"validation": (XV, 2 - YV)}, ValueError,
        "validation: y: (11, 3) float32 SHA, expected what the run was trained on: "
        "(11, 3) float32 SHA",
    ),
    "another fraction": (
        "weighed", {"validation": 0.5, "sample_weight": WEIGHTS}, ValueError,
        "X: (19, 5) float32 SHA, expected what the run was trained on: (28, 5) float32 SHA",
    ),
    "no weights": (
        "weighed", {}, ValueError, "sample_weight: None, expected what the run was given before",
    ),
    "weights out of place": (
        "plain", {"sample_weight": WEIGHTS}, ValueError,
        "sample_weight: given, expected none, as the run was given before",
    ),
    "other weights": (
        "weighed", {"sample_weight": WEIGHTS[::-1].copy()}, ValueError,
        "sample_weight: (28,) float32 SHA, expected what the run was trained on: "
        "(28,) float32 SHA",
    ),
    "fewer epochs": (
        "plain", {"epochs": 1}, ValueError,
        "epochs: 1, expected at least 2, those begun in FOLDER/plain",
    ),
    "epochs beyond a schedule": (
        "scheduled", {"epochs": 9}, ValueError,
        "epochs: 9, expected 4, over which the run's cosine schedule goes; or with a learning rate "
        "of its own, lr=",
    ),
    "epochs text": (
        "plain", {"epochs": "all"}, TypeError, "epochs: str, expected an integer of at least 0",
    ),
    "no function": (
        "function", {}, ValueError,
        f"lr: None, expected the run's own, {__name__}.half: FOLDER/function can hold schedules "
        "of saddlescape.schedule, no other functions",
    ),
    "no function inside": (
        "inside", {}, ValueError,
        f"lr: None, expected the run's own, {__name__}.half: FOLDER/inside can hold schedules "
        "of saddlescape.schedule, no other functions",
    ),
    "lr": (
        "plain", {"lr": -1.0}, ValueError,
        "lr: -1.0, expected a finite number >= 0, or a function of the step that returns one",
    ),
    "lr text": (
        "plain", {"lr": "low"}, TypeError,
        "lr: str, expected a finite number >= 0, or a function of the step that returns one",
    ),
    "callback": (
        "plain", {"callback": 3}, TypeError,
        "callback: int, expected a function of the run's state, or None",
    ),
    "epoch_callback": (
        "plain", {"epoch_callback": 3}, TypeError,
        "epoch_callback: int, expected a function of the run's state, or None",
    ),
    "log": (
        "plain", {"log": 3}, TypeError, "log: int, expected a path or several",
    ),
    "checkpoint": (
        "plain", {"checkpoint": 3}, TypeError, "checkpoint: int, expected str or Path",
    ),
    "checkpoint on something else": (
        "plain", {"checkpoint": "FOLDER/data.csv"}, ValueError,
        f"checkpoint: FOLDER/data.csv: there already and no checkpoint, expected {PLACE}",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", RESUME)
def test_resuming_is_refused(folder, case):
    name, arguments, error, text = RESUME[case]
    given = {"X": X, "y": Y, **arguments}
    if isinstance(given.get("checkpoint"), str):
        given["checkpoint"] = given["checkpoint"].replace(FOLDER, str(folder))
    path = folder / name if isinstance(name, str) else name
    refused(folder, error, text, lambda: ss.resume(path, **given))


def test_a_refused_schedule_has_observed_nothing(folder):
    def observe(state):
        state.optimizer.groups[0].schedule.observe(state.step)

    Case(lr=schedule.reduce_on_plateau(0.1), callback=observe).stopped(folder / "seen", 7)
    lr = schedule.reduce_on_plateau(0.1)
    with pytest.raises(ValueError, match=r"^X: "):
        ss.resume(folder / "seen", altered(X), Y, lr=lr)
    assert lr == schedule.reduce_on_plateau(0.1)
    ss.resume(folder / "seen", X, Y, lr=lr)
    assert lr.bad == 6


def test_a_damaged_file_is_refused_in_every_region(tmp_path):
    path = tmp_path / "run"
    Case(validation=0.2, early_stopping=2).stopped(path, 7)
    good = path.read_bytes()
    size = len(good)
    for at in [*range(0, 200, 7), *range(200, size, size // 60), size - 1]:
        for content in (good[:at], good[:at] + bytes([good[at] ^ 0x10]) + good[at + 1 :]):
            path.write_bytes(content)
            with pytest.raises(ValueError, match=rf"^path: {re.escape(str(path))}: \w+"):
                ss.resume(path, X, Y)


def test_a_forged_file_is_refused(tmp_path):
    """With a right checksum, and something missing."""
    path = tmp_path / "run"
    Case().stopped(path, 7)
    tree = checkpoint_file.read(path)
    for name in tree:
        checkpoint_file.write(path, {key: value for key, value in tree.items() if key != name})
        with pytest.raises(ValueError, match="no checkpoint of this version"):
            ss.resume(path, X, Y)


@pytest.fixture
def full_disk():
    """Let no file grow beyond some bytes; the disk is no other for us."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))

    yield fill
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("every", [1, None])
def test_a_full_disk_ends_the_run_and_leaves_the_last_checkpoint(tmp_path, full_disk, every):
    path, case = tmp_path / "run", Case()
    whole = case.train(tmp_path / "whole", checkpoint_every=every)
    seen = {}

    def callback(state):
        seen["theta"], seen["step"] = state.net.theta.copy(), state.step
        if state.step == 7:
            full_disk(1000)

    net = network()
    with pytest.raises(OSError, match="File too large") as caught:
        ss.train(
            net, X, Y, checkpoint=path, checkpoint_every=every, callback=callback,
            batch_size=8, epochs=4,
        )  # fmt: skip
    full_disk(resource.RLIM_INFINITY)
    assert caught.value.filename == str(path)
    assert seen["step"] == (7 if every else 10)
    assert net.theta.tobytes() == seen["theta"].tobytes()  # trained so far, and kept
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run", "whole"]
    assert len(checkpoint_file.read(path)["history"]["loss"]) == (6 if every else 5)
    assert attributes(case.resume(path)) == attributes(whole)


def test_a_full_disk_while_a_run_goes_on(tmp_path, full_disk):
    path, case = tmp_path / "run", Case()
    whole = case.train(tmp_path / "whole")
    case.stopped(path, 7)
    before = path.read_bytes()
    full_disk(1000)
    with pytest.raises(OSError, match="File too large"):
        case.resume(path)
    full_disk(resource.RLIM_INFINITY)
    assert path.read_bytes() == before
    assert attributes(case.resume(path)) == attributes(whole)
    assert whole.history.steps == STEPS


def test_a_folder_that_goes_away(tmp_path):
    (tmp_path / "folder").mkdir()
    path, net = tmp_path / "folder" / "run", network()

    def callback(state):
        if state.step == 7:
            shutil.rmtree(tmp_path / "folder")

    with pytest.raises(FileNotFoundError, match="no directory"):
        ss.train(net, X, Y, checkpoint=path, batch_size=8, callback=callback)
    assert np.isfinite(net.theta).all()
