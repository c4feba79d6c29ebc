"""Networks on disk: every bit comes back, nothing half-written or altered is taken."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import saddlescape as ss
from saddlescape.net import store


def network(**arguments: Any) -> ss.MLP:
    return ss.MLP(**{"sizes": (3, 4, 2), "seed": 5, **arguments})


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("loss", "sizes"), [("bce", (3, 1)), ("mse", (3, 4, 5, 2))])
def test_every_bit_comes_back(
    tmp_path: Path, dtype: str, bias: bool, loss: str, sizes: tuple[int, ...]
) -> None:
    net = network(
        sizes=sizes, activation="gelu", loss=loss, init="xavier", bias=bias, dtype=dtype, seed=11
    )
    net.theta[:3] = [-0.0, np.nan, np.finfo(dtype).smallest_subnormal]
    path = net.save(tmp_path / "net.safetensors")
    again = ss.MLP.load(path)
    assert again.theta.tobytes() == net.theta.tobytes()
    assert again.theta.flags.writeable
    for name in ("sizes", "activation", "loss_name", "init", "bias", "dtype", "seed"):
        assert getattr(again, name) == getattr(net, name), name
    assert type(again.bias) is bool
    assert all(type(n) is int for n in again.sizes)


def test_a_loaded_network_computes_the_same(tmp_path: Path) -> None:
    net = network(dtype="float64")
    X, y = np.random.default_rng(0).standard_normal((9, 3)), np.arange(9) % 2
    again = ss.MLP.load(str(net.save(str(tmp_path / "net"))))
    np.testing.assert_array_equal(again.hessian(X, y), net.hessian(X, y))


def test_saving_twice_gives_the_same_file(tmp_path: Path) -> None:
    a, b = (network().save(tmp_path / name) for name in "ab")
    assert a.read_bytes() == b.read_bytes()


def test_only_the_file_itself_is_left(tmp_path: Path) -> None:
    network().save(tmp_path / "net")
    network(seed=6).save(tmp_path / "net")
    assert [p.name for p in tmp_path.iterdir()] == ["net"]


@pytest.mark.parametrize("broken", ["save", "os.fsync", "Path.replace"])
def test_the_old_file_survives_a_failing_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    path = network().save(tmp_path / "net")
    before = path.read_bytes()

    def fail(*args: Any, **kwargs: Any) -> None:
        raise OSError(28, "No space left on device")

    if broken == "save":
        monkeypatch.setattr(store, "save", fail)
    elif broken == "os.fsync":
        monkeypatch.setattr(store.os, "fsync", fail)
    else:
        monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="No space left on device"):
        network(seed=6).save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["net"]


def refuse(path: Path, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        ss.MLP.load(path)
    assert type(caught.value) is error
    assert re.fullmatch(re.escape(f"path: {path}: ") + text, str(caught.value)), str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    refuse(tmp_path / "nothing", FileNotFoundError, "no such file")
    refuse(tmp_path, FileNotFoundError, "no such file")


@pytest.mark.parametrize("path", [3, None, b"net"])
def test_no_path(path: Any) -> None:
    text = f"path: {type(path).__name__}, expected str or Path"
    with pytest.raises(TypeError, match=re.escape(text)):
        ss.MLP.load(path)
    with pytest.raises(TypeError, match=re.escape(text)):
        network().save(path)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 100, -100, -4, -1])
def test_truncated_file(tmp_path: Path, length: int) -> None:
    path = network().save(tmp_path / "net")
    path.write_bytes(path.read_bytes()[:length])
    refuse(path, ValueError, r"damaged, or not safetensors \(.+\)")


def test_appended_bytes(tmp_path: Path) -> None:
    path = network().save(tmp_path / "net")
    path.write_bytes(path.read_bytes() + b"\0")
    refuse(path, ValueError, r"damaged, or not safetensors \(.+\)")


def test_any_altered_byte_is_noticed(tmp_path: Path) -> None:
    """In the header, the metadata or the numbers, wherever it is."""
    path = network().save(tmp_path / "net")
    good = path.read_bytes()
    for i in range(len(good)):
        path.write_bytes(good[:i] + bytes([good[i] ^ 1]) + good[i + 1 :])
        with pytest.raises(ValueError, match="^" + re.escape(f"path: {path}: ")):
            ss.MLP.load(path)


def test_safetensors_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "other"
    save_file({"weight": np.zeros(3)}, path)
    text = r"format None, expected 'saddlescape.MLP/1' \(MLP.save writes it\)"
    refuse(path, ValueError, text)
    save_file({"theta": np.zeros(3)}, path, metadata={"format": "pt"})
    refuse(path, ValueError, text)
    save_file({"theta": np.zeros(3)}, path, metadata={"saddlescape": '{"format": "run"}'})
    refuse(path, ValueError, text.replace("None", "'run'"))
    save_file({"theta": np.zeros(3)}, path, metadata={"saddlescape": "[1]"})
    refuse(path, ValueError, text)
    save_file({"theta": np.zeros(3)}, path, metadata={"saddlescape": "{"})
    refuse(path, ValueError, r"damaged, its metadata are no JSON \(.+\)")


def test_a_pickle_is_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "sprung",))

    path = tmp_path / "net"
    path.write_bytes(pickle.dumps(Trap()))
    refuse(path, ValueError, r"damaged, or not safetensors \(.+\)")
    assert not (tmp_path / "sprung").exists()


GOOD = store.architecture(network())


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"activation": "cubic"}, r"no architecture of this version \(activation: 'cubic'.*\)"),
        ({"init": "magic"}, r"no architecture of this version \(init: 'magic'.*\)"),
        ({"sizes": "32"}, r"no architecture of this version \(sizes: str.*\)"),
        ({"depth": 3}, r"no architecture of this version \(.*'depth'\)"),
        ({"sizes": [3, 4, 3]}, r"theta of shape \(26,\) and dtype float32, expected \(31,\) .*"),
        ({"dtype": "float64"}, r".* dtype float32, expected \(26,\) and float64"),
    ],
)
def test_a_later_version_is_refused(tmp_path: Path, change: dict[str, Any], text: str) -> None:
    path = store.write(tmp_path / "net", network().theta, {**GOOD, **change})
    refuse(path, ValueError, text)


@pytest.mark.parametrize("architecture", [None, [], "tanh", {}, {"sizes": [3, 2]}])
def test_no_architecture_at_all(tmp_path: Path, architecture: Any) -> None:
    path = store.write(tmp_path / "net", network().theta, architecture)
    refuse(path, ValueError, r"no architecture of this version \(.+\)")


def test_the_file_is_plain_safetensors(tmp_path: Path) -> None:
    """Other programs read it: a header of JSON, and one array."""
    net = network()
    raw = net.save(tmp_path / "net").read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    assert header["theta"]["shape"] == [26]
    assert json.loads(header["__metadata__"]["saddlescape"])["architecture"]["sizes"] == [3, 4, 2]
    np.testing.assert_array_equal(np.frombuffer(raw[8 + length :], np.float32), net.theta)
