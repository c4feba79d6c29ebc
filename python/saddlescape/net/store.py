"""A network's parameters on disk: safetensors with JSON metadata, written atomically."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from saddlescape._files import write_whole

__all__ = ["read", "write"]

_FORMAT = "saddlescape.MLP/1"
_KEY = "saddlescape"


def write(path: str | Path, theta: NDArray[Any], architecture: dict[str, Any]) -> Path:
    """Write to a temporary name in the same folder, flush, rename: a reader sees all or nothing."""
    path = _checked_path(path)
    header = {
        "format": _FORMAT,
        "architecture": architecture,
        "sha256": _digest(theta, architecture),
    }
    # One key: safetensors writes several in any order, and the same network gave other bytes.
    metadata = {_KEY: json.dumps(header)}
    return write_whole(path, save({"theta": theta}, metadata=metadata))


def read(path: str | Path) -> tuple[NDArray[Any], Any]:
    """Return theta and the architecture; a damaged file is refused with its name and the reason."""
    path = _checked_path(path)
    if not path.is_file():
        raise FileNotFoundError(f"path: {path}: no such file")
    try:
        with safe_open(path, framework="numpy") as file:
            header = _header(path, (file.metadata() or {}).get(_KEY, "null"))
            theta = np.array(file.get_tensor("theta"))
    except SafetensorError as error:
        raise ValueError(f"path: {path}: damaged, or not safetensors ({error})") from error
    architecture = header.get("architecture")
    if header.get("sha256") != _digest(theta, architecture):
        raise ValueError(f"path: {path}: damaged, its contents do not match its checksum")
    return theta, architecture


def _header(path: Path, text: str) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"path: {path}: damaged, its metadata are no JSON ({error})") from error
    found = header.get("format") if isinstance(header, dict) else None
    if found != _FORMAT:
        raise ValueError(
            f"path: {path}: format {found!r}, expected {_FORMAT!r} (MLP.save writes it)"
        )
    return dict(header)


def _digest(theta: NDArray[Any], architecture: Any) -> str:
    """SHA-256 of parameters and architecture: safetensors does not notice a flipped bit."""
    return hashlib.sha256(theta.tobytes() + json.dumps(architecture).encode()).hexdigest()


def _checked_path(path: Any) -> Path:
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"path: {type(path).__name__}, expected str or Path")
    return Path(path)
