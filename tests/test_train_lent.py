"""Arrays that a callback resizes by force, or freezes: refused by name, never a crash."""

from __future__ import annotations

import numpy as np
import pytest

import saddlescape as ss
from saddlescape import _core, optim
from saddlescape.train import checkpoint_file

N, BIG = 40, 200_000
RNG = np.random.default_rng(0)
FROZEN = "read-only, expected a writable array"


def grow(array):
    """To other memory; what was there is given back to the system."""
    array.resize((BIG, *array.shape[1:]), refcheck=False)


def shrink(array):
    array.resize((2, *array.shape[1:]), refcheck=False)


def cut(array):
    array.resize((1, *array.shape[1:]), refcheck=False)


def move(array):
    """To other memory and back to the old size."""
    shape = array.shape
    grow(array)
    array.resize(shape, refcheck=False)


def freeze(array):
    array.setflags(write=False)


def narrow(array):
    """The same memory as other numbers."""
    array.dtype = np.float32


# what is done to it: to which array, start of the error; None: it may be
CASES = {
    "X grown": (grow, "X", f"X: shape ({BIG}, 3), expected ({N}, 3)"),
    "X shrunk": (shrink, "X", f"X: shape (2, 3), expected ({N}, 3)"),
    "X frozen": (freeze, "X", None),
    "X of another dtype": (narrow, "X", "X: "),
    "y grown": (grow, "y", None),  # targets are copied
    "theta frozen": (freeze, "theta", f"theta: {FROZEN}"),
}


class FromPython(optim.Adam):
    """Whose steps the core can't take by itself."""

    def step(self, grads):
        super().step(grads)


OPTIMIZERS = {"in the core": optim.Adam, "from Python": FromPython}


def begun(**more):
    X, y = RNG.standard_normal((N, 3)), RNG.standard_normal((N, 2))
    return ss.MLP((3, 4, 2), loss="mse", dtype="float64", seed=0, **more), X, y


def train(net, X, y, what, which, **more):
    """Train, and do it after the fourth step."""
    arrays = {"X": X, "y": y, "theta": net.theta, "running": net.running}

    def callback(state):
        if state.step == 4:
            what(arrays[which])

    return ss.train(net, X, y, epochs=5, callback=callback, **more)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("size", [8, "full"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_between_two_steps(case, size, optimizer):
    what, which, text = CASES[case]
    net, X, y = begun()
    made = OPTIMIZERS[optimizer](net.theta)
    given = {"optimizer": made, "batch_size": size, "sample_weight": np.ones(N)}
    if text is None:
        assert train(net, X, y, what, which, **given).history.steps > 4
        return
    with pytest.raises((TypeError, ValueError)) as caught:
        train(net, X, y, what, which, **given)
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize(
    ("what", "text"),
    [
        (grow, f"shape ({BIG}, 4), expected (2, 4)"), (cut, "shape (1, 4), expected (2, 4)"),
        (freeze, FROZEN), (move, "moved to other memory since the steps began"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_averages_of_batch_normalisation(what, text, optimizer):
    net, X, y = begun(normalisation="batch")
    made = OPTIMIZERS[optimizer](net.theta)
    if what is move and optimizer == "from Python":  # which looks at them anew in every step
        assert train(net, X, y, what, "running", optimizer=made).history.steps > 4
        return
    with pytest.raises(ValueError, match=r"^running: ") as caught:
        train(net, X, y, what, "running", batch_size=8, optimizer=made)
    assert str(caught.value).startswith(f"running: {text}")


def test_an_array_that_was_moved():
    net, X, y = begun()
    with pytest.raises(ValueError, match=r"^X: moved to other memory since the steps began"):
        train(net, X, y, move, "X", batch_size=8)


def test_parameters_can_not_be_resized():
    net, *_ = begun()
    for what in (grow, shrink):
        with pytest.raises(ValueError, match="does not own its data"):
            what(net.theta)


@pytest.mark.parametrize("case", [case for case in CASES if "theta" in case])
def test_the_checkpoint_before_stays(case, tmp_path):
    what, which, _ = CASES[case]
    net, X, y = begun()
    path = tmp_path / "run"
    given = {"batch_size": 8, "checkpoint": path, "checkpoint_every": 1}
    with pytest.raises(ValueError, match=r"^theta: "):
        train(net, X, y, what, which, **given)
    tree = checkpoint_file.read(path)
    assert len(tree["history"]["loss"]) in (3, 4)
    assert tree["theta"].shape == (net.theta.shape if what is freeze else begun()[0].theta.shape)


def test_where_the_best_parameters_are_to_be_put_back():
    """After the last step nobody but early stopping touches them."""
    net, X, y = begun()

    def callback(state):
        if state.step == 20:
            freeze(net.theta)

    with pytest.raises(ValueError, match=r"^theta: .* to put the best epoch's back$"):
        ss.train(
            net, X, y, epochs=5, batch_size=8, validation=(X, y), early_stopping=9,
            callback=callback,
        )  # fmt: skip


def test_what_a_loop_remembers_fits_the_loop_and_not_what_became_of_theta():
    net, X, y = begun()
    optimizer, count = optim.Adam(net.theta), net.parameters
    loop = _core.train.Loop(net.network, optimizer._core, net.theta, X, y, N)
    narrow(net.theta)
    for wrong in (np.zeros(net.theta.size, net.theta.dtype), np.zeros(2), np.zeros(count, "f4")):
        with pytest.raises((TypeError, ValueError), match=r"^before: "):
            loop.remember(wrong, None, 0.0)
        with pytest.raises((TypeError, ValueError), match=r"^gradient: "):
            loop.remember(np.zeros(count), wrong, 0.0)
    loop.remember(np.zeros(count), np.ones(count), 1.0)


@pytest.mark.parametrize("several", [False, True])
def test_what_an_optimizer_shows_of_its_memory_can_not_be_resized(several):
    theta = np.ones(50, np.float32)
    optimizer = optim.Adam([theta] if several else theta, average=optim.EMA(0.9))
    average = optimizer.average[0] if several else optimizer.average
    with pytest.raises(ValueError, match="does not own its data"):
        average.resize(BIG, refcheck=False)
    gradient = np.ones(50, np.float32)
    optimizer.step([gradient] if several else gradient)
    assert np.array_equal(average, theta)  # one average after one step, in the same memory
