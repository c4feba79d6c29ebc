"""IDX to arrays: the format of MNIST, and of the sets made in its likeness.

Two zero bytes, a byte for the type, a byte for the number of dimensions, a big-endian uint32 for
each of them, and then the numbers, big-endian, the last index running fastest (LeCun, Cortes and
Burges, "The MNIST database of handwritten digits").
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape.data.errors import DataError

__all__ = ["is_idx", "labels_beside", "read_idx"]

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_NAME = re.compile(r".*(\.idx|[-.]idx\d+-(ubyte|byte|short|int|float|double))(\.gz)?")


def is_idx(name: str) -> bool:
    """Whether a file is an IDX file by its name.

    Examples
    --------
    >>> [is_idx(name) for name in ("train-images-idx3-ubyte.gz", "t10k-labels.idx1-ubyte", "a.csv")]
    [True, True, False]
    """
    return _NAME.fullmatch(name.lower()) is not None


def labels_beside(images: Path) -> Path:
    """Return the file that holds the labels of these images, with .gz or without.

    ``train-images-idx3-ubyte.gz`` has its labels in ``train-labels-idx1-ubyte.gz``.

    Raises
    ------
    DataError
        If there is no such file.
    """
    plain = images.name.removesuffix(".gz")
    name = re.sub(r"idx\d+", "idx1", plain.replace("images", "labels"))
    if name == plain:
        raise DataError(
            f"{images.name}: no 'images' in its name, so that nothing says which file holds the "
            "labels; expected a name like train-images-idx3-ubyte"
        )
    for candidate in (images.with_name(name), images.with_name(f"{name}.gz")):
        if candidate.exists():
            return candidate
    raise DataError(f"{images.name}: no labels beside it: no file {name} or {name}.gz")


def read_idx(path: Path) -> NDArray[Any]:
    """Read the array of an IDX file, compressed by gzip or not.

    Raises
    ------
    DataError
        If the file is no IDX file, damaged, or shorter or longer than its header says.
    """
    content = _content(path)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _TYPES:
        begins = content[:4].hex(" ") or "nothing"
        raise DataError(f"{path.name}: not an IDX file: it begins with {begins}")
    sides = content[3]
    start = 4 + 4 * sides
    if len(content) < start:
        raise DataError(f"{path.name}: damaged IDX file: it ends inside its header")
    shape = struct.unpack(f">{sides}I", content[4:start])
    dtype = np.dtype(_TYPES[content[2]])
    expected = dtype.itemsize
    for side in shape:
        expected *= side
    if len(content) - start != expected:
        raise DataError(
            f"{path.name}: damaged IDX file: {len(content) - start} bytes of numbers, expected "
            f"{expected} for the shape {shape} of {dtype.newbyteorder('=')}"
        )
    numbers = np.frombuffer(content, dtype, offset=start).reshape(shape)
    return numbers.astype(dtype.newbyteorder("="))


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    if not content:
        raise DataError(f"{path.name}: the file is empty")
    if path.suffix.lower() != ".gz":
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path.name}: damaged gzip file ({error})") from None
