"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

__all__ = ["remove_leftovers", "write_whole"]

_RANDOM = 6  # bytes of a temporary name


def write_whole(path: Path, content: bytes) -> Path:
    """Write a file so that no reader, and no crash, ever sees half of it.

    The bytes go to a temporary file in the same folder (a rename across file systems would be a
    copy), reach the disk, and take the name in one step. If anything fails the old file stays.

    Parameters
    ----------
    path : Path
    content : bytes

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    OSError
        If there is no such folder, it can't be written to, or the disk is full; it names `path`.
    """
    if not path.parent.is_dir():  # else the error would name the temporary file
        raise FileNotFoundError(f"{path}: no directory {path.parent}")
    # Not tempfile: its files are readable by their owner alone, and a report is to be shared.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(_RANDOM)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:  # which names the temporary file, or none where the disk is full
        raise type(error)(error.errno, error.strerror or str(error), str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)
    return path


def remove_leftovers(path: Path) -> None:
    """Remove what a process that was killed while it wrote `path` left beside it."""
    name = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{{2 * _RANDOM}}}\.tmp")
    for other in path.parent.glob(".*.tmp"):
        if name.fullmatch(other.name):
            other.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Let the new name reach the disk, where a folder can be opened for that (not on Windows)."""
    flag = getattr(os, "O_DIRECTORY", None)
    if flag is None:
        return
    handle = os.open(folder, os.O_RDONLY | flag)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
