"""Runs that go on from a checkpoint end with the bits of runs that were never interrupted."""

from __future__ import annotations

import numpy as np
import pytest

import saddlescape as ss
from checkpoint_samples import EPOCHS, LAYERED, SAMPLES, STEPS, Case, attributes, data, network
from saddlescape import optim, schedule
from saddlescape.train import RunOutcome, checkpoint_file


def check(tmp_path, case, stops=(1, 3, 5, 7, STEPS - 1, STEPS), every=3):
    """Stop at any step, go on, and compare everything that is left, files too."""
    whole = case.train(tmp_path / "whole", checkpoint_every=every)
    for stop in stops:
        path = tmp_path / f"after {stop}"
        assert case.stopped(path, stop, checkpoint_every=every).history.steps == stop
        run = case.resume(path)
        assert run.history == whole.history
        assert attributes(run) == attributes(whole)
        assert path.read_bytes() == (tmp_path / "whole").read_bytes()
    return whole


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rule", optim.names(vectors=True))
def test_every_rule(tmp_path, rule, dtype):
    check(tmp_path, Case(optimizer=rule, dtype=dtype), stops=(1, 7))


def test_at_every_step(tmp_path):
    check(tmp_path, Case(), stops=range(1, STEPS + 1))


@pytest.mark.parametrize("layers", LAYERED)
def test_layers(tmp_path, layers):
    check(tmp_path, Case(net=LAYERED[layers], l2=1e-3))


@pytest.mark.parametrize("size", [1, 7, SAMPLES - 1, SAMPLES, "full"])
def test_batch_sizes(tmp_path, size):
    check(tmp_path, Case(batch_size=size), stops=(1, 3, EPOCHS))


ROUND = {
    "bfloat16": {"state_dtype": "bfloat16"},
    "8bit": {"state_dtype": "8bit"},
    "clip": {"clip_norm": 0.1, "clip_value": 0.01, "statistics": True},
    "EMA": {"average": optim.EMA(0.9, start=2, every=3)},
    "SWA": {"average": optim.SWA(start=3)},
}


@pytest.mark.parametrize("layers", [{}, LAYERED["all"]], ids=["plain", "layered"])
@pytest.mark.parametrize("around", ROUND)
def test_what_stands_round_the_rule(tmp_path, around, layers):
    case = Case(net=layers, rule=lambda theta: optim.AdamW(theta, lr=0.02, **ROUND[around]))
    check(tmp_path, case, stops=(1, 7, STEPS))


def test_an_optimizer_with_steps_behind_it(tmp_path):
    def made(theta):
        optimizer = optim.Adam(theta)
        optimizer.step(np.ones_like(theta))
        return optimizer

    check(tmp_path, Case(rule=made))


WEIGHTS = np.linspace(0, 3, SAMPLES)


@pytest.mark.parametrize(
    "arguments",
    [
        {"seed": 5, "l1": 1e-3, "l2": 1e-2},
        {"validation": data(n=11, seed=4)},
        {"lr": schedule.cosine(0.05, STEPS, warmup=3)},
        {"lr": 0.05, "schedule": "one_cycle"},
        {"lr": schedule.chain((0.1, schedule.scale(schedule.polynomial(0.1, 9), 2)), at=(4,))},
        {"optimizer": "sgd", "lr": 0.1, "momentum": 0.9, "nesterov": True},
        {"validation": 0.3, "metrics": ("f1", "balanced_accuracy"), "batch_size": 6},
        {"class_weight": "balanced"},
        {"shuffle": False, "optimizer": "sgd", "lr": 0.1, "clip_norm": 0.05, "clip_value": 0.02},
        {"class_weight": {np.int64(0): np.float32(2.5), 2: 0}, "sample_weight": WEIGHTS},
    ],
    ids=[
        "penalties",
        "validation",
        "schedule",
        "schedule by name",
        "schedules",
        "settings",
        "fraction, metrics",
        "balanced",
        "in order, clipped",
        "weights",
    ],
)
def test_arguments(tmp_path, arguments):
    check(tmp_path, Case(**arguments))


def test_mean_squared_error(tmp_path):
    case = Case(net={"loss": "mse", "sizes": (5, 19, 2)})
    case.y = np.stack([case.X[:, 0], case.X[:, 1] ** 2], axis=1)
    check(tmp_path, case)


def observing(state):
    state.optimizer.groups[0].schedule.observe(state.history.loss[-1])


@pytest.mark.parametrize("every", ["callback", "epoch_callback"])
def test_what_a_schedule_observed(tmp_path, every):
    def made(theta):
        return optim.Adam(theta, lr=schedule.reduce_on_plateau(0.3, mode="max", patience=0))

    whole = check(tmp_path, Case(rule=made, **{every: observing}))
    assert len(set(whole.history["learning_rate"])) > 1


def own_rate(step):
    return 0.1 / (1 + step)


def test_a_function_of_the_user_is_given_again(tmp_path):
    case = Case(lr=own_rate)
    whole = case.train(tmp_path / "whole")
    case.stopped(tmp_path / "run", 7)
    with pytest.raises(ValueError, match=r"^lr: None, expected the run's own, .*\.own_rate: "):
        case.resume(tmp_path / "run")
    run = case.resume(tmp_path / "run", lr=own_rate)
    assert attributes(run) == attributes(whole)


def test_a_schedule_round_a_function_of_the_user_adopts_what_it_observed(tmp_path):
    def rate():
        return schedule.warmup_until(0.01, then=own_rate, below=100.0)

    def made(theta):
        return optim.Adam(theta, lr=rate())

    case = Case(rule=made, callback=lambda state: state.step == 2 and observing(state))
    whole = case.train(tmp_path / "whole")
    case.stopped(tmp_path / "run", 7)
    run = case.resume(tmp_path / "run", lr=rate())
    assert attributes(run) == attributes(whole)
    assert run.history["learning_rate"][1] == 0.01 != run.history["learning_rate"][2]


def test_a_rate_set_on_the_way(tmp_path):
    def callback(state):
        if state.step == 2:
            state.optimizer.lr = 0.5

    check(tmp_path, Case(callback=callback))


def test_another_learning_rate(tmp_path):
    case = Case(optimizer="sgd", lr=0.1)
    case.stopped(tmp_path / "run", 7)
    for lr, expected in ((0.01, 0.01), (schedule.constant(0.02), 0.02)):
        rates = case.resume(tmp_path / "run", lr=lr, checkpoint=tmp_path / "other").history
        assert set(rates["learning_rate"][:7]) == {0.1}
        assert set(rates["learning_rate"][7:]) == {expected}


def test_more_epochs(tmp_path):
    for lr in (1e-3, schedule.cosine(0.05, 3 * STEPS)):
        case = Case(lr=lr, validation=data(n=11, seed=4))
        whole = case.train(tmp_path / "whole", epochs=EPOCHS + 3)
        first = case.train(tmp_path / "run")
        assert first.outcome is RunOutcome.FINISHED
        run = case.resume(tmp_path / "run", epochs=EPOCHS + 3)
        assert attributes(run) == attributes(whole)
        assert (tmp_path / "run").read_bytes() == (tmp_path / "whole").read_bytes()


def test_fewer_epochs(tmp_path):
    case = Case()
    case.stopped(tmp_path / "run", 7)  # in the second epoch
    assert case.resume(tmp_path / "run", epochs=2).history.steps == STEPS // 2
    with pytest.raises(ValueError, match=r"^epochs: 1, expected at least 2, those begun in "):
        case.resume(tmp_path / "run", epochs=1)


def test_a_finished_run_comes_back_as_it_was(tmp_path):
    case = Case()
    whole = case.train(tmp_path / "run")
    before = (tmp_path / "run").read_bytes()
    run = case.resume(tmp_path / "run")
    assert run.outcome is RunOutcome.FINISHED
    assert run.net is not whole.net
    assert attributes(run) == attributes(whole)
    assert (tmp_path / "run").read_bytes() == before


def test_from_the_very_beginning(tmp_path):
    def callback(_):
        raise KeyboardInterrupt

    for name, arguments in (("none", {"epochs": 0}), ("first", {"callback": callback})):
        case = Case(net=LAYERED["all"], metrics=("accuracy",), validation=0.2, batch_size=7)
        whole = case.train(tmp_path / f"{name}, whole")
        case.train(tmp_path / name, **arguments)
        assert checkpoint_file.read(tmp_path / name)["history"]["loss"].size == 0
        assert attributes(case.resume(tmp_path / name, epochs=EPOCHS)) == attributes(whole)


def test_many_stops(tmp_path):
    case = Case(net=LAYERED["all"])
    whole = case.train(tmp_path / "whole")
    case.stopped(tmp_path / "run", 1)
    for stop in range(2, STEPS):
        run = case.resume(tmp_path / "run", callback=lambda state, stop=stop: state.step == stop)
        assert run.outcome is RunOutcome.STOPPED
    assert attributes(case.resume(tmp_path / "run")) == attributes(whole)


@pytest.mark.parametrize("layers", [{}, LAYERED["all"]], ids=["plain", "layered"])
def test_any_number_of_threads(tmp_path, layers):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((300, 64)).astype("float32"), rng.integers(0, 10, 300)
    arguments = {"batch_size": 128, "epochs": 4, "checkpoint": tmp_path / "run"}

    def net():
        return network(**{**layers, "sizes": (64, 300, 300, 10), "standardised": False})

    threads = ss.info()["threads"]
    try:
        ss.set_threads(1)
        whole = ss.train(net(), X, y, **{**arguments, "checkpoint": tmp_path / "whole"})
        ss.set_threads(2)
        ss.train(net(), X, y, **arguments, callback=lambda state: state.step == 5)
        ss.set_threads(3)
        run = ss.resume(tmp_path / "run", X, y)
    finally:
        ss.set_threads(threads)
    assert attributes(run) == attributes(whole)
    assert (tmp_path / "run").read_bytes() == (tmp_path / "whole").read_bytes()


def test_data_in_another_dress(tmp_path):
    """What counts is what the network takes of them."""
    case = Case()
    whole = case.train(tmp_path / "whole")
    case.stopped(tmp_path / "run", 7)
    case.X, case.y = case.X.astype("float64"), np.eye(3)[case.y]
    assert case.resume(tmp_path / "run").history == whole.history


@pytest.mark.parametrize("kind", ["plain", "layered"])
def test_a_run_that_diverges_does_so_again(tmp_path, kind):
    """The file is of before; what was last finite comes back from it where it is needed."""
    case = Case(
        net={"activation": "relu", "loss": "mse", "sizes": (5, 19, 1), **(
            {"dropout": 0.1} if kind == "layered" else {}
        )},
        optimizer="sgd", lr=1e6,
    )  # fmt: skip
    case.y = case.X[:, :1].copy()
    whole = case.train(tmp_path / "whole", checkpoint_every=1)
    assert whole.outcome is RunOutcome.NOT_FINITE
    last = whole.history.steps - 1
    assert last > 1
    kept = checkpoint_file.read(tmp_path / "whole")
    assert len(kept["history"]["loss"]) == last
    for stop in range(1, last + 1):
        case.stopped(tmp_path / "run", stop)
        run = case.resume(tmp_path / "run")
        assert attributes(run) == attributes(whole)
    assert run.net.theta.tobytes() == kept["memory"]["before"].tobytes()
