"""Logs of a run that goes on from before its first step: its own, or another run's."""

from __future__ import annotations

import pytest

import saddlescape as ss
from train_samples import make_data, make_net


def contents(folder):
    return {path: path.read_bytes() for path in folder.iterdir()}


def logged(path, net=None, **arguments):
    X, y = make_data()
    ss.train(net or make_net(), X, y, batch_size=7, epochs=4, log=path, **arguments)


@pytest.fixture
def unbegun(tmp_path):
    """A checkpoint from before the first step, as of a run that was killed in its first epoch."""
    X, y = make_data()
    ss.train(make_net(), X, y, batch_size=7, epochs=0, checkpoint=tmp_path / "run")
    return tmp_path / "run"


OTHERS = {
    "another start": lambda path: logged(path, make_net(seed=5)),
    "another order": lambda path: logged(path, seed=5),
    "no log": lambda path: path.write_text("a: b\n1, 2, 3\n"),
    "no lines": lambda path: path.write_text("yours"),
}


@pytest.mark.parametrize("case", OTHERS)
@pytest.mark.parametrize("name", ["run.csv", "run.jsonl"])
def test_another_runs_file_is_noticed_before_the_first_step(case, name, unbegun, tmp_path):
    X, y = make_data()
    OTHERS[case](tmp_path / name)
    before = contents(tmp_path)
    with pytest.raises(ValueError, match=f"^log: .*{name}' is of another run, expected this one's"):
        ss.resume(unbegun, X, y, epochs=4, log=tmp_path / name)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("lines", [None, 0, 1, 9])
@pytest.mark.parametrize("name", ["run.csv", "run.jsonl"])
def test_a_run_goes_on_with_its_own_file_from_before_the_first_step(lines, name, unbegun, tmp_path):
    """None: its first line is torn."""
    X, y = make_data()
    logged(tmp_path / f"whole_{name}")
    whole = (tmp_path / f"whole_{name}").read_text()
    header = whole.index("\n") + 1 if name.endswith("csv") else 0
    rows = whole[header:].splitlines(keepends=True)
    text = whole[: header + 12] if lines is None else whole[:header] + "".join(rows[:lines])
    (tmp_path / name).write_text(text)
    ss.resume(unbegun, X, y, epochs=4, log=tmp_path / name)
    assert (tmp_path / name).read_text() == whole


KINDS = {
    "dropout": {"net": {"dropout": 0.4}},
    "batch normalisation": {"net": {"normalisation": "batch"}},
    "penalties": {"l1": 0.1, "l2": 0.2},
    "weights": {"class_weight": {0: 3.0}},
    "full": {"batch_size": "full"},
    "in order": {"shuffle": False},
    "layer by layer": {"optimizer": "lars", "lr": 0.1},
    "averaged": {"optimizer": "schedule_free_adamw"},
    "large": {"optimizer": "sgd", "lr": 1e300},  # the second loss is not finite
}


@pytest.mark.parametrize("case", KINDS)
@pytest.mark.parametrize("name", ["run.csv", "run.jsonl"])
def test_every_kind_of_run_knows_its_first_loss(case, name, tmp_path):
    X, y = make_data()
    given = {"batch_size": 7, **KINDS[case]}
    layers = given.pop("net", {})

    def net():
        return ss.MLP((3, 5, 2), dtype="float64", seed=1, **layers)

    ss.train(net(), X, y, epochs=0, checkpoint=tmp_path / "run", **given)
    ss.train(net(), X, y, epochs=2, log=tmp_path / name, **given)
    whole = (tmp_path / name).read_text()
    ss.resume(tmp_path / "run", X, y, epochs=2, log=tmp_path / name)
    assert (tmp_path / name).read_text() == whole
