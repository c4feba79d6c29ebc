"""The optional CUDA backend: whether it is there, and a line where it is not.

It is an extension module of its own, imported by the first who asks for it.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

__all__ = ["BUILD", "came", "cuda", "described", "on_device"]

_CUDA, _MANAGED = 2, 13  # DLPack's types of device whose memory a CUDA device has

# How to get it.
BUILD = "pip install '.[cuda]' --config-settings=cmake.define.SADDLESCAPE_CUDA=ON"


def cuda(what: str) -> Any:
    """Import the backend for `what`, which names who asks.

    Raises
    ------
    RuntimeError
        If it was not built, or if nothing can run here: the line says why.

    Examples
    --------
    >>> from saddlescape import _backend
    >>> if not _backend.described()["usable"]:
    ...     try:
    ...         _backend.cuda("device='cuda'")
    ...     except RuntimeError as error:
    ...         print(str(error).partition(":")[0])
    ... else:
    ...     print("device='cuda'")
    device='cuda'
    """
    try:
        module = importlib.import_module("saddlescape._cuda")
    except ImportError as error:
        raise RuntimeError(f"{what}: {_absent(error)}") from None
    module.need_device(what)
    return module


def described() -> dict[str, Any]:
    """Tell of the backend as `saddlescape.info` does."""
    nothing = {"with": None, "usable": False, "device": None, "memory": None}
    try:
        module = importlib.import_module("saddlescape._cuda")
    except ImportError as error:
        built = not _missing(error)
        return {"built": built, **nothing, "why": _absent(error)}
    return {"built": True, **module.device()}


def on_device(array: object) -> bool:
    """Whether an array says that a CUDA device holds it; none is asked for its memory."""
    if isinstance(array, np.ndarray | type):
        return False
    said = getattr(array, "is_cuda", None)  # PyTorch
    if isinstance(said, bool):
        return said
    if hasattr(array, "__cuda_array_interface__"):
        return True
    device = getattr(array, "__dlpack_device__", None)
    return device is not None and int(device()[0]) in (_CUDA, _MANAGED)


def came(value: object) -> str:
    """Say what came in the place of a NumPy array: its type, and that a CUDA device holds it."""
    return type(value).__name__ + " on a CUDA device" * on_device(value)


def _missing(error: ImportError) -> bool:
    return isinstance(error, ModuleNotFoundError) and error.name == "saddlescape._cuda"


def _absent(error: ImportError) -> str:
    if _missing(error):
        return f"saddlescape was built without its CUDA backend; {BUILD} builds it"
    return f"saddlescape's CUDA backend can't be loaded: {error}"
