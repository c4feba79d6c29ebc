"""What is said of the CUDA backend: not built, not to be loaded, built and without a device."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import types

import numpy as np
import pytest

import saddlescape as ss
from saddlescape import _backend

NAMES = {"built", "with", "usable", "why", "device", "memory"}


def no_module(name: str) -> types.ModuleType:
    raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def broken_module(name: str) -> types.ModuleType:
    raise ImportError(f"{name}: undefined symbol")


def test_info_tells_of_the_backend() -> None:
    told = ss.info()["cuda"]
    assert set(told) == NAMES
    assert isinstance(told["built"], bool)
    assert isinstance(told["usable"], bool)
    assert told["usable"] == (told["why"] is None)
    assert told["built"] == (told["with"] is not None)


def test_importing_the_package_leaves_the_backend_alone() -> None:
    code = "import sys, saddlescape; raise SystemExit('saddlescape._cuda' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603


@pytest.mark.parametrize(
    ("load", "built", "why"),
    [
        (no_module, False, "saddlescape was built without its CUDA backend; pip install"),
        (broken_module, True, "saddlescape's CUDA backend can't be loaded: saddlescape._cuda: und"),
    ],
)
def test_a_backend_that_is_not_there_says_why(
    load: object, built: bool, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib, "import_module", load)
    told = _backend.described()
    assert set(told) == NAMES
    assert told["built"] is built
    assert not told["usable"]
    assert told["why"].startswith(why)
    with pytest.raises(RuntimeError, match=r"^device='cuda': saddlescape"):
        _backend.cuda("device='cuda'")


class Elsewhere:
    """Says that a CUDA device holds it, and lends nothing."""

    def __dlpack_device__(self) -> tuple[int, int]:
        return (2, 0)

    def __dlpack__(self, **_: object) -> object:
        raise AssertionError("asked for, though nothing can be done with it")


@pytest.mark.parametrize(
    ("params", "name"),
    [(Elsewhere(), "params"), ([np.ones(3), Elsewhere()], "params[1]")],
)
def test_arrays_on_a_device_need_the_backend(
    params: object, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib, "import_module", no_module)
    with pytest.raises(RuntimeError, match=rf"^{re.escape(name)}: saddlescape was built without"):
        ss.optim.SGD(params, lr=0.1)


def test_without_a_device_the_backend_says_so() -> None:
    """Runs where the backend was built and there is no device, as where it is compiled only."""
    told = _backend.described()
    if not told["built"]:
        pytest.skip(told["why"])
    if told["usable"]:
        pytest.skip(f"there is a device: {told['device']}")
    assert told["with"].startswith("nvcc 1")
    assert told["device"] is None
    with pytest.raises(RuntimeError, match=r"^MLP: needs a CUDA device: \w+"):
        _backend.cuda("MLP")


@pytest.mark.parametrize("name", ["cublas", "cusolver"])
def test_a_library_is_found_or_the_line_says_how_to_get_it(name: str) -> None:
    if not _backend.described()["built"]:
        pytest.skip(_backend.described()["why"])
    cuda = importlib.import_module("saddlescape._cuda")
    if hasattr(cuda, "hosted"):
        pytest.skip("the CPU stands in a device's place, and functions of its own in the library's")
    try:
        found = cuda.library(name)
    except RuntimeError as error:
        found = (f"lib{name}.so", str(error))
    path, said = found
    how = rf"{name}: lib{name}\.so\.1\d can't be loaded \(.*\); pip install nvidia-{name}, or"
    assert f"lib{name}.so" in path
    assert re.match(rf"1\d\.\d+\.\d+$|{how}", said)


def test_other_libraries_are_refused() -> None:
    if not _backend.described()["built"]:
        pytest.skip(_backend.described()["why"])
    cuda = importlib.import_module("saddlescape._cuda")
    with pytest.raises(ValueError, match=r"^name: 'cufft', expected 'cublas' or 'cusolver'$"):
        cuda.library("cufft")
