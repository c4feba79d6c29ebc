"""A network's parameters on disk: safetensors with JSON metadata, written atomically."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from saddlescape import _check
from saddlescape._files import write_whole
from saddlescape.net.init import SCALES

if TYPE_CHECKING:
    from saddlescape.net.mlp import MLP

__all__ = ["architecture", "description", "load", "read", "write"]

_FORMAT = "saddlescape.MLP/1"
_WITH_LAYERS = "saddlescape.MLP/2"  # has what batch normalisation averages besides theta
_KEY = "saddlescape"


# What only some networks have, with what says nothing
_SOME: dict[str, Any] = {
    "normalisation": None,
    "residual": False,
    "dropout": 0.0,
    "huber_delta": 1.0,
    "label_smoothing": 0.0,
}


def architecture(net: MLP) -> dict[str, Any]:
    """The arguments that make a network like it; plain ones' files stay what they were."""
    always = {
        "sizes": list(net.sizes),
        "activation": net.activation,
        "loss": net.loss_name,
        "init": net.init,
        "bias": net.bias,
        "dtype": net.dtype.name,
        "seed": net.seed,
    }
    some = {name: getattr(net, name) for name in _SOME}
    return always | {name: value for name, value in some.items() if value != _SOME[name]}


def description(net: MLP) -> str:
    """The architecture in a line."""
    words = ["-".join(str(n) for n in net.sizes) + f" {net.activation}", net.loss_name]
    words += [f"delta {net.huber_delta:g}"] if net.huber_delta != 1 else []
    words += [f"smoothing {net.label_smoothing:g}"] if net.label_smoothing else []
    words += [] if net.bias else ["no biases"]
    words += [f"{net.normalisation} normalisation"] if net.normalisation else []
    words += ["residual"] if net.residual else []
    words += [f"dropout {net.dropout:g}"] if net.dropout else []
    return ", ".join([*words, str(net.dtype)])


def load(cls: type[MLP], path: str | Path) -> MLP:
    """Make the network that `write` wrote."""
    theta, running, arguments = read(path)
    try:
        net = cls(**{**arguments, "init": "zeros"})
        net.init = _check.choice("init", arguments["init"], sorted(SCALES))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"path: {path}: no architecture of this version ({error})") from error
    for name, found, made in (("theta", theta, net.theta), ("running", running, net.running)):
        if found.shape != made.shape or found.dtype != made.dtype:
            raise ValueError(
                f"path: {path}: {name} of shape {found.shape} and dtype {found.dtype}, "
                f"expected {made.shape} and {made.dtype}"
            )
        made[:] = found  # bit for bit, a diverged run's NaN too
    return net


def write(
    path: str | Path,
    theta: NDArray[Any],
    architecture: Any,
    running: NDArray[Any] | None = None,
) -> Path:
    """Write to a temporary name in the same folder, flush, rename: a reader sees all or nothing.

    Without averages the file is of the first format, which earlier versions read.
    """
    path = _checked_path(path)
    running = np.zeros((2, 0)) if running is None else running
    header = {
        "format": _WITH_LAYERS if running.size else _FORMAT,
        "architecture": architecture,
        "sha256": _digest(theta, running, architecture),
    }
    arrays = {"theta": theta} | ({"running": running} if running.size else {})
    # One key: safetensors writes several in any order, and the same network gave other bytes.
    metadata = {_KEY: json.dumps(header)}
    return write_whole(path, save(arrays, metadata=metadata))


def read(path: str | Path) -> tuple[NDArray[Any], NDArray[Any], Any]:
    """Return theta, the averages (2, units) and the architecture.

    A damaged file is refused with its name and the reason.
    """
    path = _checked_path(path)
    if not path.is_file():
        raise FileNotFoundError(f"path: {path}: no such file")
    try:
        with safe_open(path, framework="numpy") as file:
            header = _header(path, (file.metadata() or {}).get(_KEY, "null"))
            theta = np.array(file.get_tensor("theta"))
            running = np.zeros((2, 0))
            if header["format"] == _WITH_LAYERS:
                running = np.array(file.get_tensor("running"))
    except SafetensorError as error:
        raise ValueError(f"path: {path}: damaged, or not safetensors ({error})") from error
    architecture = header.get("architecture")
    if header.get("sha256") != _digest(theta, running, architecture):
        raise ValueError(f"path: {path}: damaged, its contents do not match its checksum")
    return theta, running, architecture


def _header(path: Path, text: str) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"path: {path}: damaged, its metadata are no JSON ({error})") from error
    found = header.get("format") if isinstance(header, dict) else None
    if found not in (_FORMAT, _WITH_LAYERS):
        raise ValueError(
            f"path: {path}: format {found!r}, expected {_FORMAT!r} (MLP.save writes it)"
        )
    return dict(header)


def _digest(theta: NDArray[Any], running: NDArray[Any], architecture: Any) -> str:
    """SHA-256 of numbers and architecture: safetensors does not notice a flipped bit."""
    numbers = theta.tobytes() + running.tobytes()
    return hashlib.sha256(numbers + json.dumps(architecture).encode()).hexdigest()


def _checked_path(path: Any) -> Path:
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"path: {type(path).__name__}, expected str or Path")
    return Path(path)
