"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

__all__ = ["write_whole"]


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
        If there is no such folder, it can't be written to, or the disk is full.
    """
    if not path.parent.is_dir():  # else the error would name the temporary file
        raise FileNotFoundError(f"{path}: no directory {path.parent}")
    # Not tempfile: its files are readable by their owner alone, and a report is to be shared.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
