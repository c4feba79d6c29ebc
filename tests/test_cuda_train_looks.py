"""Who looks at a run on a device, and how it is interrupted."""

from __future__ import annotations

import gc
import importlib

import numpy as np
import pytest

import saddlescape as ss
from cuda_train_samples import assert_near, assert_same, network, numbers, samples, trained
from device_samples import NEEDS_DEVICE, NEEDS_STAND_IN, TOLD, on_host, to_device
from saddlescape import optim, schedule
from saddlescape.optim.moved import Moved
from saddlescape.train import RunOutcome

PLACES = ["here", "there", "placed"]
EPOCHS, STEPS = 4, 12


def looking(seen):
    def callback(state):
        found = state.net.on_host().copy(), on_host(state.optimizer.state_dict()["state"])
        seen.append((state.step, state.optimizer.steps, *found))

    return callback


@NEEDS_DEVICE
@pytest.mark.parametrize("every", ["callback", "epoch_callback"])
@pytest.mark.parametrize("where", ["there", "placed"])
def test_callbacks_see_parameters_and_states(where, every):
    own, seen = [], []
    trained("here", epochs=EPOCHS, **{every: looking(own)})
    trained(where, epochs=EPOCHS, **{every: looking(seen)})
    assert len(own) == (STEPS if every == "callback" else EPOCHS)
    for here, there in zip(own, seen, strict=True):
        assert there[:2] == here[:2]
        np.testing.assert_allclose(there[2], here[2], rtol=1e-9, atol=1e-12)
        for name, (array,) in here[3].items():
            np.testing.assert_allclose(there[3][name][0], array, rtol=1e-9, atol=1e-12)


@NEEDS_DEVICE
def test_a_network_on_the_device_is_seen_there():
    net = network().to("cuda")
    kinds = []
    ss.train(net, *samples(), callback=lambda state: kinds.append((state.net, state.net.theta)))
    assert all(seen is net and theta is net.theta for seen, theta in kinds)
    assert not isinstance(net.theta, np.ndarray)


def changing(state):
    if state.step == 5:
        state.net.theta = 0.9 * state.net.on_host()
    if state.step == 7:
        state.optimizer.lr = 0.003
    if state.step == 8:
        saved = on_host(state.optimizer.state_dict())
        saved["state"]["exp_avg"][0][:] = 0
        saved["arguments"]["betas"] = (0.5, 0.9)
        state.optimizer.load_state_dict(saved)
    return state.step == 10


@NEEDS_DEVICE
@pytest.mark.parametrize("where", ["there", "placed"])
def test_what_callbacks_change_counts(where):
    here, there = (trained(each, epochs=EPOCHS, callback=changing) for each in ("here", where))
    assert there.outcome is here.outcome is RunOutcome.STOPPED
    assert there.history.steps == 10
    assert_near(there, here, "float64")
    plain = trained("here", epochs=EPOCHS, callback=lambda state: state.step == 10)
    assert not np.allclose(plain.net.theta, here.net.theta, rtol=1e-3)


@NEEDS_DEVICE
def test_a_captured_step_does_not_go_on_after_a_run():
    net = network().to("cuda")
    optimizer = optim.Adam(net.theta)
    captured = optim.capture(optimizer, to_device(np.ones(net.parameters)))
    captured.launch()
    captured.read()
    ss.train(net, *samples(), optimizer=optimizer, epochs=1)
    assert optimizer.steps == 4
    with pytest.raises(RuntimeError, match="capture it anew"):
        captured.launch()


@NEEDS_DEVICE
def test_a_schedule_that_is_told_of_the_loss():
    def observing(state):
        state.optimizer.groups[0].schedule.observe(state.history.loss[-1])

    def run(where):
        rate = schedule.reduce_on_plateau(0.3, mode="max", patience=0)
        return trained(where, lr=rate, epochs=EPOCHS, callback=observing)

    assert_near(run("there"), run("here"), "float64")
    assert len(set(run("there").history["learning_rate"])) > 1


@NEEDS_DEVICE
@pytest.mark.parametrize(
    ("asked", "brought"),
    [
        ({}, 1),
        ({"progress": True, "log": "run.csv"}, 1),
        ({"validation": 0.2, "metrics": ("accuracy",)}, 1),
        ({"epoch_callback": lambda _: None}, EPOCHS),
        ({"callback": lambda _: None, "epoch_callback": lambda _: None}, STEPS),
        ({"checkpoint": "run"}, EPOCHS),
    ],
)
def test_numbers_stay_there_between_looks(tmp_path, monkeypatch, asked, brought):
    times, bring = [], Moved.bring
    monkeypatch.setattr(Moved, "bring", lambda self: times.append(bring(self)))
    monkeypatch.chdir(tmp_path)
    run = trained("there", epochs=EPOCHS, **asked)
    assert len(times) == brought
    assert run.optimizer.steps == run.history.steps


def raising(kind, at):
    def lr(step):
        if step == at:
            raise kind
        return 0.01

    return lr


@NEEDS_DEVICE
@pytest.mark.parametrize("where", ["there", "placed"])
@pytest.mark.parametrize("at", [1, 5, 6])
def test_an_interrupt_keeps_what_was_done(where, at):
    def callback(state):
        if state.step == at:
            raise KeyboardInterrupt

    done = trained(where, epochs=EPOCHS, callback=lambda state: state.step == at)
    for asked in ({"callback": callback}, {"lr": raising(KeyboardInterrupt, at)}):
        run = trained(where, epochs=EPOCHS, **{"lr": 0.01, **asked})
        assert run.outcome is RunOutcome.INTERRUPTED
        assert run.history.steps == run.optimizer.steps == at
        if "lr" not in asked:
            done = trained(where, epochs=EPOCHS, lr=0.01, callback=lambda s: s.step == at)
            assert_same(run, done)
        else:
            assert run.net.on_host().tobytes() == done.net.on_host().tobytes()


@NEEDS_DEVICE
@pytest.mark.parametrize("kind", [OSError, KeyboardInterrupt])
def test_an_exception_keeps_what_was_done(kind):
    def callback(state):
        state.net.theta *= 2  # is what the user has then, too
        raise kind

    net, other = network(), network()
    optimizer = optim.Adam(net.theta)
    try:
        ss.train(net, *samples(), optimizer=optimizer, device="cuda", callback=callback)
    except OSError:
        assert kind is OSError
    assert optimizer.steps == 1
    ss.train(other, *samples(), device="cuda", callback=lambda _: True)
    assert net.theta.tobytes() == (2 * other.theta).tobytes()
    net = network()
    optimizer = optim.Adam(net.theta, lr=raising(OSError, 7))
    with pytest.raises(OSError, match=r"^$"):
        ss.train(net, *samples(), optimizer=optimizer, device="cuda")
    assert optimizer.steps == 7
    assert not np.array_equal(net.theta, network().theta)


@NEEDS_DEVICE
def test_an_interrupt_while_numbers_come_back_is_made_up_for(monkeypatch):
    bring, times = Moved.bring, []

    def once(self):
        times.append(0)
        if len(times) == 2:
            raise KeyboardInterrupt
        bring(self)

    monkeypatch.setattr(Moved, "bring", once)
    run = trained("there", epochs=EPOCHS, epoch_callback=lambda _: None)
    monkeypatch.setattr(Moved, "bring", bring)
    assert run.outcome is RunOutcome.INTERRUPTED
    assert_same(run, trained("there", epochs=2))


@NEEDS_DEVICE
def test_parameters_that_a_callback_froze_are_named():
    def callback(state):
        state.net.theta.setflags(write=False)

    net = network()
    with pytest.raises(ValueError, match="theta: read-only, expected a writable array"):
        ss.train(net, *samples(), device="cuda", callback=callback)
    net.theta.setflags(write=True)


@NEEDS_STAND_IN
def test_too_little_memory_leaves_all_as_it_was():
    hosted = importlib.import_module("saddlescape._cuda").hosted
    net = network()
    before, optimizer = net.theta.tobytes(), optim.Adam(net.theta)
    gc.collect()  # else what other tests left may go meanwhile, and make room
    for room in (0, 2_000, 8_000, 20_000):
        hosted.limit(hosted.counts()["used"] + room)
        try:
            with pytest.raises(MemoryError, match="free"):
                ss.train(net, *samples(), optimizer=optimizer, device="cuda")
        finally:
            hosted.limit(None)
        assert net.theta.tobytes() == before
        assert optimizer.steps == 0


@pytest.mark.skipif(TOLD["usable"], reason="there is a device")
def test_without_a_device_the_line_says_why(tmp_path):
    net = network()
    before = net.theta.tobytes()
    with pytest.raises(RuntimeError, match=r"^device='cuda': .*") as caught:
        ss.train(net, *samples(), device="cuda")
    assert "\n" not in str(caught.value)
    assert net.theta.tobytes() == before
    trained("here", epochs=1, checkpoint=tmp_path / "run")
    with pytest.raises(RuntimeError, match=r"^device='cuda': "):
        ss.resume(tmp_path / "run", *samples(), epochs=2, device="cuda")


def test_the_cpu_by_name():
    run = ss.train(network(), *samples(), batch_size=32, epochs=17, device="cpu")
    assert_same(run, trained("here"))


@NEEDS_DEVICE
def test_numbers_of_the_samples_are_all_of_a_run():
    assert {"theta", "step", "exp_avg"} <= set(numbers(trained("there", epochs=1)))
