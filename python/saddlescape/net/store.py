"""A network's parameters on disk: safetensors with JSON metadata, written atomically."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from saddlescape import _check
from saddlescape._files import write_whole
from saddlescape.net.init import INITS, checked_scale

if TYPE_CHECKING:
    from saddlescape.net.mlp import MLP

__all__ = [
    "architecture",
    "blank",
    "description",
    "load",
    "normalisation",
    "parts",
    "read",
    "remake",
    "save_network",
    "write",
]

_PARTS = ("theta", "running", "standardisation")
# format -> how many of these it may hold. Earlier versions read those that came before.
_FORMATS = {"saddlescape.MLP/1": 1, "saddlescape.MLP/2": 2, "saddlescape.MLP/3": 3}
_KEY = "saddlescape"


# What only some networks have, with what says nothing
_SOME: dict[str, Any] = {
    "normalisation": None,
    "normalise_after": False,
    "residual": False,
    "dropout": 0.0,
    "huber_delta": 1.0,
    "label_smoothing": 0.0,
    "init_scale": None,
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
    words += [normalisation(net)] if net.normalisation else []
    words += ["residual"] if net.residual else []
    words += [f"dropout {net.dropout:g}"] if net.dropout else []
    words += ["standardised inputs"] if net.standardisation else []
    return ", ".join([*words, str(net.dtype)])


def normalisation(net: MLP) -> str:
    """Name its normalisation, of which there is one, and where it stands."""
    where = " behind the activation" if net.normalise_after else ""
    return f"{net.normalisation} normalisation{where}"


def blank(cls: type[MLP], arguments: Any) -> MLP:
    """Make a network of that architecture without drawing its weights: zeros."""
    net = cls(**{**arguments, "init": "zeros", "init_scale": None})
    net.init = _check.choice("init", arguments["init"], sorted(INITS))
    net.init_scale = checked_scale(net.init, arguments.get("init_scale"))
    return net


def load(cls: type[MLP], path: str | Path) -> MLP:
    """Make the network that `write` wrote."""
    *numbers, arguments = read(path)
    return remake(cls, path, dict(zip(_PARTS, numbers, strict=True)), arguments)


def parts(net: MLP) -> dict[str, NDArray[Any]]:
    """The numbers of a network: parameters, running averages, moments of its inputs."""
    own = net.standardisation
    return {
        "theta": net.on_host(),
        "running": net.running,
        "standardisation": np.zeros((2, 0)) if own is None else np.stack(own),
    }


def remake(
    cls: type[MLP], path: str | Path, parts: Mapping[str, NDArray[Any]], arguments: Any
) -> MLP:
    """Make a network again from the numbers and the architecture that a file has."""
    try:
        net = blank(cls, arguments)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"path: {path}: no architecture of this version ({error})") from error
    moments = np.zeros((2, net.sizes[0] if parts["standardisation"].size else 0))
    for name, made in zip(_PARTS, (net.theta, net.running, moments), strict=True):
        found = parts[name]
        if found.shape != made.shape or found.dtype != made.dtype:
            raise ValueError(
                f"path: {path}: {name} of shape {found.shape} and dtype {found.dtype}, "
                f"expected {made.shape} and {made.dtype}"
            )
        made[:] = found  # bit for bit, a diverged run's NaN too
    if moments.size:
        if not np.isfinite(moments).all() or (moments[1] <= 0).any():
            raise ValueError(f"path: {path}: standardisation: no means and standard deviations")
        moments.setflags(write=False)
        net._standardisation = moments
    return net


def save_network(net: MLP, path: str | Path) -> Path:
    """Write all of a network: what `load` reads."""
    return write(path, net.on_host(), architecture(net), net.running, net.standardisation)


def write(
    path: str | Path,
    theta: NDArray[Any],
    architecture: Any,
    running: NDArray[Any] | None = None,
    standardisation: tuple[NDArray[Any], NDArray[Any]] | None = None,
) -> Path:
    """Write to a temporary name in the same folder, flush, rename: a reader sees all or nothing.

    The file is of the first format that has what there is: earlier versions read it then.
    """
    path = _checked_path(path)
    none = np.zeros((2, 0))
    parts = [
        theta,
        none if running is None else running,
        none if standardisation is None else np.stack(standardisation),
    ]
    held = max(i for i, part in enumerate(parts, 1) if part.size or i == 1)
    header = {
        "format": next(name for name, most in _FORMATS.items() if most >= held),
        "architecture": architecture,
        "sha256": _digest(parts, architecture),
    }
    arrays = {name: part for name, part in zip(_PARTS, parts, strict=True) if part.size}
    # One key: safetensors writes several in any order, and the same network gave other bytes.
    metadata = {_KEY: json.dumps(header)}
    return write_whole(path, save(arrays, metadata=metadata))


def read(path: str | Path) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], Any]:
    """Return theta, the averages (2, units), the inputs' moments (2, d) and the architecture.

    A damaged file is refused with its name and the reason.
    """
    path = _checked_path(path)
    if not path.is_file():
        raise FileNotFoundError(f"path: {path}: no such file")
    try:
        with safe_open(path, framework="numpy") as file:
            header = _header(path, (file.metadata() or {}).get(_KEY, "null"))
            named = set(file.keys()).intersection(_PARTS[: _FORMATS[header["format"]]])
            theta, running, standardisation = (
                np.array(file.get_tensor(name)) if name in named else np.zeros((2, 0))
                for name in _PARTS
            )
    except SafetensorError as error:
        raise ValueError(f"path: {path}: damaged, or not safetensors ({error})") from error
    architecture = header.get("architecture")
    if header.get("sha256") != _digest([theta, running, standardisation], architecture):
        raise ValueError(f"path: {path}: damaged, its contents do not match its checksum")
    return theta, running, standardisation, architecture


def _header(path: Path, text: str) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"path: {path}: damaged, its metadata are no JSON ({error})") from error
    found = header.get("format") if isinstance(header, dict) else None
    if found not in _FORMATS:
        plain = next(iter(_FORMATS))
        raise ValueError(f"path: {path}: format {found!r}, expected {plain!r} (MLP.save writes it)")
    return dict(header)


def _digest(parts: list[NDArray[Any]], architecture: Any) -> str:
    """SHA-256 of numbers and architecture: safetensors does not notice a flipped bit."""
    numbers = b"".join(part.tobytes() for part in parts)
    return hashlib.sha256(numbers + json.dumps(architecture).encode()).hexdigest()


def _checked_path(path: Any) -> Path:
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"path: {type(path).__name__}, expected str or Path")
    return Path(path)
