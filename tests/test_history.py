"""The numbers of a run: a mapping of columns that grows."""

from __future__ import annotations

import numpy as np
import pytest

import saddlescape as ss


def test_history_is_a_mapping_of_columns():
    history = ss.History(["loss", "gradient_norm"])
    history.append(loss=2.0, gradient_norm=1.0)
    history.append(loss=1.0)
    assert list(history) == ["step", "loss", "gradient_norm"]
    assert len(history) == 3
    assert history.steps == 2
    assert dict(history)["loss"].tolist() == [2.0, 1.0]
    assert history["grad_norm"].tolist()[0] == 1.0
    assert np.isnan(history.gradient_norm[1])
    assert "grad_norm" in history
    assert "accuracy" not in history
    assert history.get("accuracy") is None
    with pytest.raises(KeyError):
        history["accuracy"]
    history["loss"][0] = 7.0  # a copy
    assert history.loss[0] == 2.0
    assert repr(history) == "History(2 steps: step, loss, gradient_norm)"


@pytest.mark.parametrize("count", [0, 1, 2, 3, 9])
def test_tail(count):
    history = ss.History(["loss"])
    for value in (3.0, 2.0, 1.0):
        history.append(loss=value)
    assert history.tail("loss", count).tolist() == [3.0, 2.0, 1.0][max(0, 3 - count) :]
    with pytest.raises(ValueError, match="count: -1, expected an integer of at least 0"):
        history.tail("loss", -1)


def test_extend_numbers_through_and_loses_no_column():
    first, second = ss.History(["loss", "a"]), ss.History(["loss", "b"])
    for value in (1.0, 2.0):
        first.append(loss=value, a=value)
    for value in (3.0, 4.0, 5.0):
        second.append(loss=value, b=value)
    first.extend(second)
    assert first["step"].tolist() == [0, 1, 2, 3, 4]
    assert first.loss.tolist() == [1, 2, 3, 4, 5]
    assert np.isnan(first["a"]).tolist() == [False, False, True, True, True]
    assert np.isnan(first["b"]).tolist() == [True, True, False, False, False]
    first.extend(first)
    assert first["step"].tolist() == list(range(10))
    assert first == first
    assert first != second


def test_what_comes_until_a_step_and_since_make_the_whole():
    run = ss.train(
        ss.MLP((1, 2, 2), seed=0), np.arange(4.0)[:, None], np.array([0, 1, 0, 1]), batch_size=2,
        epochs=5, metrics=("accuracy",),
    )  # fmt: skip
    for steps in (0, 1, 4, 10):
        first, rest = run.history.until(steps), run.history.since(steps)
        assert (first.steps, rest.steps) == (steps, 10 - steps)
        assert rest["step"].tolist() == list(range(10 - steps))
        ended = steps // 2
        assert (first.epochs.rows, rest.epochs.rows) == (ended, 5 - ended)
        assert rest.epochs["epoch"].tolist() == list(range(5 - ended))
        assert rest.epochs["step"].tolist() == [2 * e + 1 - steps for e in range(ended, 5)]
        assert np.array_equal(rest.loss, run.history.loss[steps:])
        first.extend(rest)
        assert first == run.history


def test_history_refuses_names_it_does_not_keep():
    history = ss.History(["loss"])
    with pytest.raises(ValueError, match=r"^lss: no name to record, expected loss$"):
        history.append(lss=1.0)
    with pytest.raises(ValueError, match=r"^step: no name to record, expected loss$"):
        history.append(step=1.0)
    assert history.steps == 0
