"""Every example in a docstring runs."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import numpy as np
import pytest

import saddlescape

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(saddlescape.__path__, "saddlescape.")
    if not module.name.startswith("saddlescape._core") and module.name != "saddlescape.__main__"
)


# Whose examples need packages that saddlescape itself doesn't
NEEDS = {
    "saddlescape.curvature.frameworks": ("torch", "jax"),
    "saddlescape.jax": ("jax",),
    "saddlescape.torch": ("torch",),
}


def needs(name: str) -> tuple[str, ...]:
    return next(
        (wanted for start, wanted in NEEDS.items() if f"{name}.".startswith(f"{start}.")), ()
    )


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    for package in needs(name):
        pytest.importorskip(package)
    with np.printoptions(legacy=False):
        result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder()
    names = [name for name in MODULES if not needs(name)]
    found = sum(
        bool(test.examples) for name in names for test in finder.find(importlib.import_module(name))
    )
    assert found >= 20
