"""What this installation runs on."""

from __future__ import annotations

import platform
from typing import Any

from saddlescape import _backend, _core

__all__ = ["info", "set_threads"]


def info() -> dict[str, Any]:
    """Tell what this installation runs on.

    Returns
    -------
    dict
        ``version``; ``isa``, the instruction set in use, and ``isa_available``, those that this
        build and CPU have (``SADDLESCAPE_ISA`` chooses one); ``threads``, and ``threading``, what
        they are (``"pool"`` or ``"openmp"``); ``blas`` with its
        ``library`` and the ``kernel`` that was chosen; ``compiler``; ``python``; ``cuda``, the
        optional backend: ``built`` or not and ``with`` what, ``usable`` or not and ``why`` not,
        the ``device`` and its ``memory`` in bytes.

    Examples
    --------
    >>> import saddlescape as ss
    >>> ss.info()["isa"] in ss.info()["isa_available"]
    True
    """
    library, kernel = _core.blas()
    return {
        "version": _core.__version__,
        "isa": _core.isa(),
        "isa_available": _core.available_isas(),
        "threads": _core.threads(),
        "threading": _core.threading(),
        "blas": {"library": library, "kernel": kernel},
        "compiler": _core.compiler,
        "python": platform.python_version(),
        "cuda": _backend.described(),
    }


def set_threads(n: int) -> None:
    """Set how many threads our loops and BLAS may use in this process.

    At the start it is ``OMP_NUM_THREADS``, else the number of CPUs that the process may run on.

    Parameters
    ----------
    n : int
        At least 1.

    Raises
    ------
    TypeError
        If `n` is not an integer.
    ValueError
        If `n` is below 1.

    Examples
    --------
    >>> import saddlescape as ss
    >>> before = ss.info()["threads"]
    >>> ss.set_threads(1)
    >>> ss.info()["threads"]
    1
    >>> ss.set_threads(before)
    """
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError(f"n: {type(n).__name__}, expected an integer of at least 1")
    if n < 1:
        raise ValueError(f"n: {n}, expected at least 1")
    _core.set_threads(n)
