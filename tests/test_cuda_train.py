"""train(..., device="cuda"): the CPU's numbers up to rounding, the same bits on each run there."""

from __future__ import annotations

import numpy as np
import pytest

import saddlescape as ss
from cuda_train_samples import (
    SAMPLES,
    assert_near,
    assert_same,
    check,
    network,
    numbers,
    samples,
    trained,
)
from device_samples import NEEDS_DEVICE, on_host, to_device
from saddlescape import optim, schedule
from saddlescape.train import EarlyStopping, RunOutcome

pytestmark = NEEDS_DEVICE

DTYPES = ["float32", "float64"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rule", optim.names(vectors=True))
def test_every_rule(rule, dtype):
    # Adadelta's steps are so small that its averages are compared in their own last places.
    check(dtype, optimizer=rule, epochs=8)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1, 7, 32, SAMPLES - 1, SAMPLES, "full"])
def test_batch_sizes(size, dtype):
    check(dtype, batch_size=size, epochs=2 if size == 1 else 50 if size == "full" else 10)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", ["bce", "huber", "mae", "mse"])
def test_losses(loss, dtype):
    weight = np.arange(SAMPLES) % 4 + 0.5
    net = {"loss": loss}
    check(dtype, net=net, epochs=8, metrics=("mse",) if loss != "bce" else ())
    check(dtype, net=net, epochs=8, sample_weight=weight, l2=0.01)


def test_tf32_is_the_networks():
    X, y = samples("float32")
    nets = [network("float32").to("cuda", tf32=rough) for rough in (False, True)]
    full, rough = (ss.train(net, X, y, epochs=2, batch_size=32) for net in nets)
    apart = np.abs(full.history.loss / rough.history.loss - 1)
    assert 1e-6 < apart.max() < 1e-2


ASKED = {
    "order": {"shuffle": False},
    "seed": {"seed": 9},
    "l1": {"l1": 1e-3},
    "l2": {"l2": 1e-2},
    "both": {"l1": 1e-3, "l2": 1e-2},
    "weights": {"sample_weight": np.linspace(0, 3, SAMPLES)},
    "classes": {"class_weight": "balanced"},
    "validation": {"validation": samples(n=23, seed=8)},
    "fraction": {"validation": 0.3, "metrics": ("accuracy", "f1")},
    "metrics": {"metrics": ("balanced_accuracy",)},
    "schedule": {"schedule": "one_cycle", "lr": 0.05},
    "function": {"lr": lambda step: 0.1 / (1 + step)},
    "schedules": {"lr": schedule.cosine(0.05, 51, warmup=5)},
    "settings": {"optimizer": "sgd", "lr": 0.1, "momentum": 0.9, "nesterov": True},
    "clip": {"clip_norm": 0.1, "clip_value": 0.05},
    "statistics": {"clip_norm": 0.1, "statistics": True},
    "EMA": {"average": optim.EMA(0.9, start=2, every=3)},
    "SWA": {"average": optim.SWA(start=3), "optimizer": "momentum", "lr": 0.1},
    "nothing": {"epochs": 0},
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("asked", ASKED)
def test_what_a_run_can_be_asked(asked, dtype):
    here, _ = check(dtype, **ASKED[asked])
    assert here.outcome is RunOutcome.FINISHED


@pytest.mark.parametrize("state", ["bfloat16", "8bit"])
def test_narrow_states(state):
    def run(where):
        return trained(where, net=network("float32"), state_dtype=state)

    there, here = run("there"), run("here")
    assert_same(there, run("placed"))
    assert_same(there, run("there"))
    # a state may round the other way, once in many
    np.testing.assert_allclose(there.net.theta, here.net.theta, atol=1e-3)


@pytest.mark.parametrize("dtype", DTYPES)
def test_standardised_inputs_and_smoothed_labels(dtype):
    X, y = samples(dtype)
    net = {"standardised": True, "label_smoothing": 0.1}
    check(dtype, net=net, data=(3 * X + 5, y), validation=0.2)


def test_an_optimizer_object_goes_on_with_its_steps():
    def rule(theta):
        optimizer = optim.AdamW(theta, lr=0.02, average=optim.EMA(0.9))
        there = not isinstance(theta, np.ndarray)
        optimizer.step(to_device(np.ones(theta.shape)) if there else np.ones_like(theta))
        return optimizer

    _, there = check(rule=rule)
    assert there.optimizer.steps == 52
    # and after the run, on the CPU
    again = ss.train(there.net, *samples(), optimizer=there.optimizer, epochs=1)
    assert again.optimizer.steps == 52 + 3


def test_arrays_stay_what_they_were():
    net, X = network(), samples()[0]
    theta, optimizer = net.theta, optim.Adam(net.theta, average=optim.EMA(0.9))
    average, before = optimizer.average, X.tobytes()
    run = trained("there", net=net, optimizer=optimizer)
    assert run.net is net
    assert run.optimizer is optimizer
    assert net.theta is theta
    assert net.device == "cpu"
    assert optimizer.params is theta
    assert average.tobytes() == optimizer.average.tobytes() != theta.tobytes()
    assert X.tobytes() == before
    placed = network().to("cuda")
    theta = placed.theta
    assert ss.train(placed, *samples()).net.theta is theta
    assert placed.device == "cuda"


@pytest.mark.parametrize("where", ["there", "placed"])
@pytest.mark.parametrize("monitor", ["validation_loss", "validation_accuracy"])
def test_early_stopping(monitor, where):
    def run(where, patience=4, **more):
        rule = EarlyStopping(patience, monitor, **more)
        data = {"validation": samples(n=15, seed=8), "epochs": 200, "lr": 0.05}
        return trained(where, early_stopping=rule, **data)

    here, there = run("here"), run(where)
    assert there.outcome is here.outcome is RunOutcome.EARLY
    assert (there.best_epoch, there.restored) == (here.best_epoch, here.restored)
    assert_near(there, here, "float64")
    kept = run(where, restore_best=False)
    assert kept.net.on_host().tobytes() != there.net.on_host().tobytes()
    held = ss.train(
        network().to("cuda"), *samples(), batch_size=32, lr=0.05, epochs=there.best_epoch + 1
    )
    assert held.net.on_host().tobytes() == there.net.on_host().tobytes()


@pytest.mark.parametrize("where", ["there", "placed"])
def test_a_run_that_diverges_puts_the_last_good_parameters_back(where):
    asked = {"optimizer": "sgd", "lr": 1e12, "batch_size": "full", "data": samples(loss="mse")}
    here, there = (
        trained(each, net=network(loss="mse", activation="relu"), **asked)
        for each in ("here", where)
    )
    assert there.outcome is here.outcome is RunOutcome.NOT_FINITE
    assert there.history.steps == here.history.steps
    theta = there.net.on_host()
    assert np.isfinite(theta).all()
    np.testing.assert_allclose(theta, here.net.theta, rtol=1e-9)
    assert there.optimizer.steps == here.optimizer.steps


REFUSED = {
    "another device": ({"device": "tpu"}, ValueError, "device: 'tpu', expected one of cpu, cuda"),
    "no name": ({"device": 3}, TypeError, "device: int"),
    "an optimizer of curvature": (
        {"optimizer": optim.AdaHessian},
        TypeError,
        "optimizer: AdaHessian with device 'cuda', expected one whose steps take gradients alone",
    ),
    "muon": ({"optimizer": "muon"}, ValueError, "optimizer: 'muon', expected one of adadelta, "),
    "8-bit states that have to be exact": (
        {"optimizer": "rprop", "state_dtype": "8bit"},
        ValueError,
        "state_dtype: '8bit' with ",
    ),
    "epochs": ({"epochs": -1}, ValueError, "epochs: -1"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refusals(what):
    asked, error, text = REFUSED[what]
    net = network()
    before = net.theta.tobytes()
    asked = {"device": "cuda", **asked}
    if isinstance(asked.get("optimizer"), type):
        asked["optimizer"] = asked["optimizer"](net.theta)
    with pytest.raises(error) as caught:
        ss.train(net, *samples(), **asked)
    assert str(caught.value).startswith(text)
    assert net.theta.tobytes() == before


class Own(optim.SGD):
    def step(self, grads, **more):
        super().step(grads, **more)


def test_an_optimizer_with_a_step_of_its_own_is_refused_there():
    for net in (network(), network().to("cuda")):
        optimizer = Own(net.theta, lr=0.1)
        with pytest.raises(TypeError, match="optimizer: Own with device 'cuda', expected one whos"):
            ss.train(net, *samples(), optimizer=optimizer, device="cuda")
        assert optimizer.steps == 0


@pytest.mark.parametrize("where", ["there", "placed"])
def test_a_run_is_diagnosed_as_the_cpus(where):
    here, there = ss.diagnose(trained("here")), ss.diagnose(trained(where))
    assert (there.verdict, there.not_checked) == (here.verdict, here.not_checked)
    assert [f.rule for f in there.findings] == [f.rule for f in here.findings]
    assert there.point.gradient_norm == pytest.approx(here.point.gradient_norm, rel=1e-9)


def test_a_network_on_the_device_is_not_trained_on_the_cpu():
    net = network().to("cuda")
    with pytest.raises(
        ValueError, match=r"device: 'cpu' with a network on device 'cuda', expected"
    ):
        ss.train(net, *samples(), device="cpu")


def test_the_table_sees_what_differs():
    run = trained("there")
    found = numbers(run)
    assert {"theta", "step", "exp_avg", "history loss", "epochs loss"} <= set(found)
    assert found["step"] == run.history.steps == 51
    assert isinstance(on_host(run.optimizer.state_dict())["state"]["exp_avg"][0], np.ndarray)
    with pytest.raises(AssertionError):
        assert_near(trained("there", seed=1), run, "float32")
