"""What is said of the CUDA backend: not built, not to be loaded, built and without a device."""

from __future__ import annotations

import importlib
import re
import struct
import subprocess
import sys
import types
from pathlib import Path

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


class Square(Elsewhere):
    """A matrix there."""

    shape = (3, 3)


class Operator:
    """Its vectors are a device's."""

    shape, device = (3, 3), "cuda"

    def __matmul__(self, V: object) -> object:
        return Elsewhere()


class Silent(Operator):
    """Does not say where its vectors are."""

    device = None


X, Y = np.ones((4, 2)), np.array([0, 1, 0, 1])
NEED_A_DEVICE = {
    "params": lambda _: ss.optim.Muon(Square()),
    "params[0]": lambda _: ss.optim.Adam([Elsewhere()]),
    "params[1]": lambda _: ss.optim.Adam([{"params": [np.ones(3)]}, {"params": [Elsewhere()]}]),
    "eigvalsh": lambda _: ss.eig.eigvalsh(Square()),
    "eigh": lambda _: ss.eig.eigh(Square()),
    "inertia": lambda _: ss.eig.inertia(Square()),
    "op": lambda _: ss.eig.lanczos(Square()),
    "lanczos": lambda _: ss.eig.lanczos(Operator()),
    "density": lambda _: ss.eig.density(Operator(), steps=2, probes=2),
    "device='cuda'": lambda _: ss.MLP((2, 2), device="cuda"),
    "device='cuda' in to": lambda _: ss.MLP((2, 2)).to("cuda"),
    "device='cuda' in train": lambda _: ss.train(ss.MLP((2, 2)), X, Y, device="cuda"),
    "device='cuda' in resume": lambda path: ss.resume(path, X, Y, epochs=2, device="cuda"),
}


@pytest.mark.parametrize("call", NEED_A_DEVICE)
def test_a_call_that_needs_a_device_says_so_in_a_line(
    call: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = ss.train(ss.MLP((2, 2)), X, Y, epochs=1, checkpoint=tmp_path / "run")
    before = run.net.theta.tobytes()
    load = importlib.import_module

    def without(name: str) -> types.ModuleType:
        return no_module(name) if name == "saddlescape._cuda" else load(name)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(RuntimeError) as caught:
        NEED_A_DEVICE[call](tmp_path / "run")
    who = call.partition(" in ")[0]
    assert str(caught.value).startswith(f"{who}: saddlescape was built without its CUDA backend; ")
    assert "\n" not in str(caught.value)
    assert run.net.theta.tobytes() == before


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("X", lambda net: net.predict(Elsewhere())),
        ("y", lambda net: net.loss(X, Elsewhere())),
        ("sample_weight", lambda net: net.loss(X, Y, sample_weight=Elsewhere())),
        ("V", lambda net: net.hvp(X, Y, Elsewhere())),
        ("theta", lambda net: setattr(net, "theta", Elsewhere())),
        ("V", lambda net: ss.curvature.of(net, X, Y) @ Elsewhere()),
        ("A", lambda _: ss.curvature.from_matrix(Elsewhere())),
        ("theta", lambda _: ss.curvature.from_gradient(abs, Elsewhere())),
        ("H", lambda _: ss.critical.classify(Elsewhere())),
        ("op @ V", lambda _: ss.critical.classify(Operator())),
        ("op @ V", lambda _: ss.eig.lanczos(Silent())),
        ("op @ V", lambda _: ss.eig.trace(Silent())),
        ("params", lambda _: ss.optim.SaddleFreeNewton(Elsewhere())),
    ],
)
def test_what_is_computed_on_the_cpu_names_an_array_on_a_device(name: str, call: object) -> None:
    with pytest.raises(TypeError) as caught:
        call(ss.MLP((2, 2)))
    assert str(caught.value).startswith(f"{name}: Elsewhere on a CUDA device, expected ")


def test_gradients_on_a_device_for_parameters_on_the_cpu_are_named() -> None:
    class Interface:
        __cuda_array_interface__ = types.MappingProxyType({"shape": (3,), "typestr": "<f8"})

    opt = ss.optim.SGD(np.ones(3), lr=0.1)
    with pytest.raises(TypeError, match=r"^grads: .*Interface on a CUDA device, expected a NumPy"):
        opt.step(Interface())
    with pytest.raises(ValueError, match=r"Elsewhere \(DLPack's device type 2\), expected mem"):
        opt.step(Elsewhere())


def test_work_on_the_cpu_leaves_the_backend_alone() -> None:
    code = """
import sys, numpy as np, saddlescape as ss
X, y = np.ones((4, 2)), np.array([0, 1, 0, 1])
run = ss.train(ss.MLP((2, 3, 2), dtype="float64"), X, y, epochs=1)
H = ss.curvature.of(run.net, X, y)
ss.diagnose(run), ss.critical.classify(H), ss.eig.lanczos(H), ss.eig.inertia(H.dense())
ss.optim.AdamW([np.ones(3)]).step([np.ones(3)])
raise SystemExit('saddlescape._cuda' in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603


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


def code_in(module: bytes) -> set[tuple[int, int]]:
    """What a module holds for devices: (1, capability) PTX, (2, capability) machine code."""
    found, at = set(), 0
    magic = struct.pack("<I", 0xBA55ED50)  # of nvcc's "fat" binaries
    while (at := module.find(magic, at)) >= 0:
        version, head, size = struct.unpack_from("<HHQ", module, at + 4)
        entry, end = at + head, at + head + size
        at += len(magic)
        while (version, head) == (1, 16) and entry < end <= len(module):
            kind, _, own, length = struct.unpack_from("<HHIQ", module, entry)
            found.add((kind, *struct.unpack_from("<I", module, entry + 28)))
            entry += own + length
    return found


def test_code_is_there_for_every_device_since_8_0() -> None:
    if not _backend.described()["built"]:
        pytest.skip(_backend.described()["why"])
    cuda = importlib.import_module("saddlescape._cuda")
    if hasattr(cuda, "hosted"):
        pytest.skip("the CPU stands in a device's place")
    found = code_in(Path(cuda.__file__).read_bytes())
    if len(found) == 1:
        pytest.skip(f"built for one device alone: {found}")
    assert found == {(2, 80), (2, 90), (1, 90)}
