"""What is raised for data that can't be used."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["DataError", "listed"]

_LISTED = 20


class DataError(ValueError):
    """The data can't be used. The text is one line: what it is about, what came, what is allowed.

    Examples
    --------
    >>> from saddlescape import data
    >>> try:
    ...     data.load("nosuch.csv", target="price")
    ... except data.DataError as error:
    ...     print(error)
    nosuch.csv: no such file
    """


def listed(names: Iterable[str], most: int = _LISTED) -> str:
    """Write names in quotes, no more of them than fit on a line.

    Examples
    --------
    >>> listed(["a", "b", "c"], most=2)
    "'a', 'b' and 1 more"
    """
    names = list(names)
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(repr(str(name)) for name in names[:most]) + rest
