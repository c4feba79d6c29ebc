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


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    if name.split(".")[1:2] == ["torch"]:
        pytest.importorskip("torch")
    with np.printoptions(legacy=False):
        result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder()
    names = [name for name in MODULES if not name.startswith("saddlescape.torch")]
    found = sum(
        bool(test.examples) for name in names for test in finder.find(importlib.import_module(name))
    )
    assert found >= 20
