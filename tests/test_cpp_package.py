"""The installed C++ package: found by CMake, linked by the examples, the same bits as Python."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from capi_samples import REALS, STORED, Options, Tensor, Twin, cast, pointers
from saddlescape import optim

ROOT = Path(__file__).resolve().parent.parent
PATH = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
BLAS = ["bundled", "system"]


def run(*command: str | Path) -> str:
    """What the command printed; fails with all of it."""
    done = subprocess.run(  # noqa: S603
        [str(word) for word in command],
        env={**os.environ, "PATH": PATH},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if "Could NOT find BLAS" in done.stdout or "Could NOT find LAPACK" in done.stdout:
        pytest.skip("no BLAS and LAPACK of the system's own, such as libopenblas-dev")
    assert done.returncode == 0, done.stdout
    return done.stdout


def configure_and_build(source: Path, folder: Path, *options: str) -> None:
    run("cmake", "-S", source, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", *options)
    run("cmake", "--build", folder)


def installed(folder: Path, blas: str) -> Path:
    """Builds, installs, removes the build, and moves the package: nothing may point back."""
    for tool in ("cmake", "ninja", os.environ.get("CXX", "c++"), os.environ.get("CC", "cc")):
        if shutil.which(tool, path=PATH) is None:
            pytest.skip(f"{tool} is not here")
    build, first, prefix = folder / "build", folder / "first", folder / "prefix"
    options = [f"-DSADDLESCAPE_BLAS={blas}", f"-DPython_EXECUTABLE={sys.executable}"]
    configure_and_build(ROOT, build, "-DCMAKE_INSTALL_LIBDIR=lib", *options)
    run("cmake", "--install", build, "--prefix", first)
    shutil.rmtree(build)
    return first.rename(prefix)


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {}


@pytest.fixture(params=BLAS)
def package(
    request: pytest.FixtureRequest,
    packages: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    blas = request.param
    if blas not in packages:
        packages[blas] = installed(tmp_path_factory.mktemp(blas), blas)
    return packages[blas]


@pytest.fixture
def library(packages: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    if "bundled" not in packages:
        packages["bundled"] = installed(tmp_path_factory.mktemp("bundled"), "bundled")
    loaded = ctypes.CDLL(str(packages["bundled"] / "lib" / "libsaddlescape.so"))
    loaded.saddlescape_last_error.restype = ctypes.c_char_p
    loaded.saddlescape_rule_name.restype = ctypes.c_char_p
    loaded.saddlescape_rule_name.argtypes = [ctypes.c_int64]
    return loaded


# A tensor in C is a length; the others must know a shape.
NAMES = [name for name in optim.names() if name not in ("adafactor", "muon")]


def test_installed_headers_include_installed_headers_only() -> None:
    recipe = (ROOT / "cmake" / "package.cmake").read_text()
    headers = set(re.findall(r"\b[a-z]+/\w+\.hp?p?\b", recipe))
    assert len(headers) >= 10
    for header in headers:
        text = (ROOT / "cpp" / header).read_text()
        assert set(re.findall(r'#include "([^"]+)"', text)) <= headers, header


def test_the_pins_agree() -> None:
    pins = re.findall(r"scipy-openblas32==[0-9.]+", (ROOT / "pyproject.toml").read_text())
    assert len(pins) == 2
    assert len(set(pins)) == 1


@pytest.mark.slow
def test_trainer(package: Path, tmp_path: Path) -> None:
    configure_and_build(ROOT / "examples" / "cpp", tmp_path, f"-DCMAKE_PREFIX_PATH={package}")
    said = run(tmp_path / "trainer")
    losses = [float(value) for value in re.findall(r"loss (\d\.\d+)", said)]
    assert len(losses) == 6
    assert losses[-1] < 0.1 * losses[0]
    low, high = map(float, re.findall(r"curvature (\S+) to (\S+),", said)[0])
    assert low < high


@pytest.mark.slow
def test_c_program(package: Path, tmp_path: Path) -> None:
    configure_and_build(ROOT / "examples" / "c", tmp_path, f"-DCMAKE_PREFIX_PATH={package}")
    assert "(1.000000, 1.000000)" in run(tmp_path / "rosenbrock")


@pytest.mark.slow
def test_the_package_points_nowhere_else(package: Path) -> None:
    """It was moved, and its build is gone: no path of either is left in what CMake reads."""
    for path in (package / "lib" / "cmake").rglob("*.cmake"):
        assert str(package.parent) not in path.read_text()
        assert str(ROOT) not in path.read_text()


@pytest.mark.slow
def test_versions(library: ctypes.CDLL) -> None:
    library.saddlescape_version.restype = ctypes.c_char_p
    version = library.saddlescape_version().decode()
    assert f'\nversion = "{version}"\n' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.slow
def test_rules_and_defaults_are_those_of_python(library: ctypes.CDLL) -> None:
    index, names = 0, []
    while (name := library.saddlescape_rule_name(index)) is not None:
        names.append(name.decode())
        index += 1
    assert names == NAMES
    for name in names:
        options = Options()
        status = library.saddlescape_options_init(
            name.encode(), ctypes.byref(options), ctypes.c_size_t(ctypes.sizeof(options))
        )
        assert status == 0, library.saddlescape_last_error()
        core = optim.create(name, np.zeros(1))._core.options(0)
        for field, _ in Options._fields_:
            if hasattr(core, field):
                assert getattr(options, field) == getattr(core, field), (name, field)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_the_same_bits_as_python(library: ctypes.CDLL, name: str, dtype: str) -> None:
    rng = np.random.default_rng(3)
    sizes = (1, 17, 0, 1027)
    ours = [rng.standard_normal(n).astype(dtype) for n in sizes]
    theirs = [array.copy() for array in ours]
    opt = optim.create(name, ours)
    tensors = (Tensor * len(sizes))(*((a.ctypes.data, a.size) for a in theirs))
    handle = ctypes.c_void_p()
    real = REALS[dtype]
    made = library.saddlescape_create(
        name.encode(), None, real, tensors, ctypes.c_int64(len(sizes)), ctypes.byref(handle)
    )
    assert made == 0, library.saddlescape_last_error()
    for _ in range(20):
        grads = [rng.standard_normal(n).astype(dtype) for n in sizes]
        opt.step(grads)
        status = library.saddlescape_step(handle, pointers(grads), ctypes.c_int64(len(sizes)))
        assert status == 0, library.saddlescape_last_error()
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        assert a.tobytes() == b.tobytes()
        for s, states in enumerate(opt.state_dict()["state"].values()):
            data, size = ctypes.c_void_p(), ctypes.c_int64()
            library.saddlescape_state(
                handle, ctypes.c_int64(i), ctypes.c_int64(s), ctypes.byref(data), ctypes.byref(size)
            )
            assert ctypes.string_at(data, size.value * a.itemsize) == states[i].tobytes()
    library.saddlescape_destroy(handle)


@pytest.mark.slow
@pytest.mark.parametrize(("rule", "dtype", "gradient", "arguments", "settings"), STORED)
def test_the_same_bits_as_python_in_any_storage(
    library: ctypes.CDLL, rule: str, dtype: str, gradient: str, arguments: dict[str, Any],
    settings: dict[str, Any],
) -> None:  # fmt: skip
    rng = np.random.default_rng(4)
    sizes = (1027, 0, 65)
    ours = [cast(rng.standard_normal(n), dtype) for n in sizes]
    theirs = [array.copy() for array in ours]
    own = {k: v for k, v in arguments.items() if k == "initial_accumulator_value"}
    groups = [{"params": ours[:2]}, {"params": ours[2:], "lr": 0.02}]
    opt = optim.create(rule, groups, **arguments)
    types = {"parameters": REALS[dtype], "gradients": REALS[gradient]}
    twin = Twin(library, rule, theirs, own, {**types, **settings})
    for t in range(12):
        grads = [cast(rng.standard_normal(n), gradient) for n in sizes]
        scale, found_inf = (4.0 if t % 2 else 1.0), t == 5
        opt.step([grads[:2], grads[2:]], grad_scale=scale, found_inf=found_inf)
        twin.step(grads, scale, found_inf)
    state = opt.state_dict()["state"]
    states = [n for n in state if n not in ("master", "average") and not n.endswith("_scale")]
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        assert a.tobytes() == b.tobytes()
        for name, arrays in state.items():
            assert twin.kept(name, states, i, arrays[i]) == arrays[i].tobytes(), (name, i)
    if "clip_norm" in arguments:
        norm, factor = ctypes.c_double(), ctypes.c_double()
        twin.call("get_gradient_norm", twin.handle, ctypes.byref(norm), ctypes.byref(factor))
        assert (norm.value, factor.value) == (opt.gradient_norm, opt.clip)
    library.saddlescape_destroy(twin.handle)
