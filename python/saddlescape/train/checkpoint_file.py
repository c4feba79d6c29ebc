"""A file of a run's state: safetensors with JSON metadata, written atomically, whole or refused."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.numpy import load, save

from saddlescape import _core
from saddlescape._files import write_whole
from saddlescape.train.checkpoint_tree import Arrays, flatten, unflatten

__all__ = ["checked_path", "is_checkpoint", "read", "write"]

_FORMAT = "saddlescape.checkpoint/1"
_KEY = "saddlescape"  # one key: safetensors writes several in any order
_BLANK = "0" * 64
_SUM = b'{\\"sha256\\": \\"'  # how the metadata begin: JSON inside of JSON


def write(path: Path, tree: dict[str, Any]) -> Path:
    """Write a tree of numbers and arrays; the same tree gives the same bytes.

    The checksum is that of the whole file with zeros in its own place: no byte can change unseen.

    Raises
    ------
    OSError
        If it can't be written, with the file's name; the one that was there stays.
    """
    arrays: Arrays = {}
    content = {"sha256": _BLANK, "format": _FORMAT, "version": _core.__version__}
    content["tree"] = flatten(tree, arrays)
    blank = save(arrays, metadata={_KEY: json.dumps(content, allow_nan=False)})
    at = blank.index(_SUM) + len(_SUM)
    digest = hashlib.sha256(blank).hexdigest().encode()
    return write_whole(path, blank[:at] + digest + blank[at + len(digest) :])


def read(path: Path) -> dict[str, Any]:
    """Return the tree that `write` wrote.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged or something else, with its name and what is wrong.
    """
    if not path.is_file():
        raise FileNotFoundError(f"path: {path}: no such file")
    content = path.read_bytes()
    try:
        metadata, size = _metadata(content)
        if len(content) != size:
            raise ValueError(f"damaged, {len(content)} bytes, expected {size}")
        if metadata.get("sha256") != _digest(content):
            raise ValueError("damaged, its contents do not match its checksum")
        arrays = {name: array.copy() for name, array in load(content).items()}
    except (SafetensorError, ValueError) as error:
        raise ValueError(f"path: {path}: {error}") from error
    tree: dict[str, Any] = unflatten(metadata["tree"], arrays)
    return tree


def is_checkpoint(path: Path) -> bool:
    """Say whether a file is a checkpoint, whole or not."""
    try:
        _metadata(path.read_bytes())
    except ValueError:
        return False
    return True


def checked_path(name: str, path: Any) -> Path:
    """Return `path` as a Path if it is one."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"{name}: {type(path).__name__}, expected str or Path")
    return Path(path)


def _metadata(content: bytes) -> tuple[dict[str, Any], int]:
    """Return a checkpoint's metadata and how long it must be, or say what it is instead."""
    if not content:
        raise ValueError("empty, expected a checkpoint")
    size = int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8 : 8 + size])
        ends = [entry["data_offsets"][1] for key, entry in header.items() if key[:2] != "__"]
        metadata = json.loads(header.get("__metadata__", {}).get(_KEY, "null"))
    except (ValueError, AttributeError, LookupError, TypeError) as error:
        raise ValueError(f"damaged, or not safetensors ({_reason(content, error)})") from error
    found = metadata.get("format") if isinstance(metadata, dict) else None
    if found != _FORMAT:
        raise ValueError(
            f"format {found!r}, expected {_FORMAT!r} (train(checkpoint=...) writes it)"
        )
    return dict(metadata), 8 + size + max(ends, default=0)


def _reason(content: bytes, error: Exception) -> str:
    if content[:1] == b"\x80" or content[:2] == b"PK":
        return "a pickle or an archive, which is never opened"
    if len(content) < 8 + int.from_bytes(content[:8], "little"):
        return f"{len(content)} bytes are less than its header"
    return str(error)


def _digest(content: bytes) -> str:
    at = content.find(_SUM) + len(_SUM)
    digest = hashlib.sha256(content[:at])
    digest.update(_BLANK.encode())
    digest.update(content[at + len(_BLANK) :])
    return digest.hexdigest()
