"""Data sets by name from scikit-learn and from OpenML."""

from __future__ import annotations

import http.client
import inspect
from typing import Any

from saddlescape._extras import require
from saddlescape.data.columns import Column
from saddlescape.data.errors import DataError, listed
from saddlescape.data.frame import columns_of

__all__ = ["PREFIXES", "fetch"]

PREFIXES = ("sklearn:", "openml:")

# No network, no such set (an HTTP error is an OSError), a connection cut off, a damaged cache.
_NOT_FETCHED = (OSError, http.client.HTTPException, ValueError)


def fetch(source: str) -> tuple[list[Column], str, list[str]]:
    """Return the columns, the target's name and notes of a set of scikit-learn's or OpenML's.

    ``sklearn:iris`` is what ``sklearn.datasets.load_iris`` or ``fetch_iris`` returns;
    ``openml:mnist_784`` is the active version on openml.org, ``openml:mnist_784@1`` that version.

    Raises
    ------
    DataError
        If there is no such set, it has no single target, or it can't be fetched.
    """
    prefix, _, name = source.partition(":")
    datasets = require("sklearn.datasets", "app")
    bunch = _of_sklearn(datasets, name) if prefix == "sklearn" else _of_openml(datasets, name)
    frame, target = bunch.get("frame"), bunch.get("target")
    if frame is None or getattr(target, "name", None) is None:
        raise DataError(f"{source}: no table with a single target")
    notes: list[str] = []
    return columns_of(frame, notes), str(target.name), notes


def _of_sklearn(datasets: Any, name: str) -> Any:
    offered = sorted(
        known.partition("_")[2]
        for known in datasets.__all__
        if known.startswith(("load_", "fetch_")) and _has_frame(getattr(datasets, known))
    )
    if name not in offered:
        raise DataError(f"sklearn:{name}: no such set, expected one of {listed(offered, 30)}")
    load = getattr(datasets, f"load_{name}", None) or getattr(datasets, f"fetch_{name}")
    return _fetched(f"sklearn:{name}", lambda: load(as_frame=True))


def _has_frame(function: Any) -> bool:
    arguments = inspect.signature(function).parameters
    return "as_frame" in arguments and "data_id" not in arguments  # the latter: OpenML's


def _of_openml(datasets: Any, name: str) -> Any:
    name, _, version = name.partition("@")
    if not name or (version and not version.isdecimal()):
        raise DataError(f"openml:{name}@{version}: expected openml:NAME or openml:NAME@VERSION")
    wanted = int(version) if version else "active"
    return _fetched(
        f"openml:{name}",
        lambda: datasets.fetch_openml(name, version=wanted, as_frame=True, parser="auto"),
    )


def _fetched(source: str, fetch: Any) -> Any:
    try:
        return fetch()
    except _NOT_FETCHED as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{source}: not fetched ({reason})") from None
