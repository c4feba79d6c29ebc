"""The examples of docs/cuda.md run, with stand-ins for the libraries that need a device."""

from __future__ import annotations

import contextlib
import re
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import saddlescape as ss
from device_samples import NEEDS_STAND_IN, Interface, to_device
from saddlescape import optim

pytestmark = NEEDS_STAND_IN

TEXT = (Path(__file__).resolve().parent.parent / "docs" / "cuda.md").read_text()
CURRENT = 7  # PyTorch's stream, which its tensors name
STEPS, NETWORK, TRAINING, GRAPH = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def names_after(code: str, **given: Any) -> dict[str, Any]:
    names = {"ss": ss, "optim": optim, **given}
    exec(compile(code, "cuda.md", "exec"), names)  # noqa: S102
    return names


def test_a_step_of_cupys_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    cupy = types.SimpleNamespace(
        zeros=lambda n, dtype: Interface(to_device(np.zeros(n, dtype)), stream=None)
    )
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    gradient = Interface(to_device(np.ones(1 << 20, np.float32)), stream=None)
    names = names_after(STEPS, gradient=gradient)
    assert np.abs(names["theta"].array.numpy() + 1e-3).max() < 1e-6
    assert names["host"]
    assert all(isinstance(a, np.ndarray) for arrays in names["host"].values() for a in arrays)


def test_a_network(capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((32, 784)).astype(np.float32)
    y = rng.integers(0, 10, 32)
    names = names_after(NETWORK, batches=3 * [(to_device(X), to_device(y))], X_test=X, y_test=y)
    net, start = names["net"], ss.MLP((784, 256, 256, 10))
    assert net.loss(X, y) < start.loss(X, y)
    assert capsys.readouterr().out.startswith(str(net.loss(X, y)))


def test_a_run() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((40, 5)).astype(np.float32), np.arange(40) % 3
    net = ss.MLP((5, 8, 3), seed=1)
    start = net.theta.copy()
    run = names_after(TRAINING, net=net, X=X, y=y)["run"]
    assert run.history.epochs["validation_loss"].size == 50
    assert isinstance(net.theta, np.ndarray)
    assert np.any(net.theta != start)


def test_a_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is captured runs here as it is asked for, so that replaying it has nothing to do."""
    parameter = types.SimpleNamespace(grad=None)
    parameter.detach = lambda: theta
    there, given = (to_device(np.full(5, x, np.float32)) for x in (1, 2))
    theta, gradient = (Interface(array, stream=CURRENT) for array in (there, given))
    model = lambda _: None  # noqa: E731
    model.parameters = lambda: [parameter]  # type: ignore[attr-defined]
    model.zero_grad = lambda *, set_to_none: None  # type: ignore[attr-defined]  # noqa: ARG005
    loss = types.SimpleNamespace(backward=lambda: setattr(parameter, "grad", gradient))
    cuda = types.SimpleNamespace(
        CUDAGraph=lambda: types.SimpleNamespace(replay=lambda: None),
        graph=lambda _: contextlib.nullcontext(),
        current_stream=lambda: CURRENT,
    )
    names = names_after(
        GRAPH, model=model, loss_fn=lambda *_: loss, x=None, y=None,
        rate=to_device(np.float32([0.25])), torch=types.SimpleNamespace(cuda=cuda),
    )  # fmt: skip
    assert names["step"].read() == 1
    # AdamW's first step is the rate times the gradient's sign, beside its decay.
    assert np.abs(there.numpy() - (1 - 0.25 * 0.01 - 0.25)).max() < 1e-5
