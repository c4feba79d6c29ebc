"""A network's parameters on disk: safetensors with JSON metadata, written atomically."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

__all__ = ["read", "write"]

_FORMAT = "saddlescape.MLP/1"


def write(path: str | Path, theta: NDArray[Any], architecture: dict[str, Any]) -> Path:
    """Write to a temporary name in the same folder, flush, rename: a reader sees all or nothing."""
    path = Path(path)
    metadata = {"format": _FORMAT, "architecture": json.dumps(architecture)}
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(save({"theta": theta}, metadata=metadata))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def read(path: str | Path) -> tuple[NDArray[Any], dict[str, Any]]:
    """Return theta and the architecture; a damaged file is refused with its name and the reason."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"path: {path}: no such file")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            theta = file.get_tensor("theta")
    except SafetensorError as error:
        raise ValueError(f"path: {path}: damaged, or not safetensors ({error})") from error
    if metadata.get("format") != _FORMAT:
        raise ValueError(
            f"path: {path}: format {metadata.get('format')!r}, expected {_FORMAT!r} "
            "(MLP.save writes it)"
        )
    architecture: dict[str, Any] = json.loads(metadata["architecture"])
    return np.array(theta), architecture
