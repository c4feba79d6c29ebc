"""NPZ to arrays: X and y, never unpickled."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape.data.errors import DataError, listed

__all__ = ["read_arrays", "read_npz"]

# What zipfile and NumPy were seen to raise for files with changed bytes; RuntimeError is zipfile's
# for members marked as encrypted and, as NotImplementedError, for versions that it doesn't know.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError)


def read_npz(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """Read the arrays X and y of an NPZ file, as `read_arrays` does."""
    X, y = read_arrays(path, ("X", "y"))
    return X, y


def read_arrays(path: Path, names: Sequence[str]) -> list[NDArray[Any]]:
    """Read arrays of an NPZ file by name, whatever their types and shapes.

    Raises
    ------
    DataError
        If it is no NPZ file, damaged, lacks one of them, or one holds Python objects.
    """
    if path.stat().st_size == 0:
        raise DataError(f"{path.name}: the file is empty")
    if not zipfile.is_zipfile(path):
        raise DataError(f"{path.name}: not an NPZ file, as numpy.savez writes it")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            absent = next((name for name in names if name not in arrays.files), None)
            if absent is not None:
                holds = listed(arrays.files) or "nothing"
                raise DataError(f"{path.name}: no array {absent!r}; the file holds {holds}")
            return [_array(path, arrays, name) for name in names]
    except DataError:
        raise
    except _DAMAGED as error:
        raise DataError(f"{path.name}: damaged NPZ file ({error})") from None


def _array(path: Path, arrays: Any, name: str) -> NDArray[Any]:
    try:
        array = arrays[name]
    except (ValueError, MemoryError) as error:
        if "allow_pickle" in str(error):
            raise DataError(
                f"{path.name}: array {name!r} holds Python objects, which are never unpickled; "
                "save numbers or strings"
            ) from None
        raise DataError(f"{path.name}: array {name!r} is damaged ({error})") from None
    if not isinstance(array, np.ndarray):  # NumPy hands out members that are no .npy as bytes
        raise DataError(f"{path.name}: {name!r} is not an array")
    return array
