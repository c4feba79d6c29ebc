"""Packages that come with an extra: asked for when needed, missed in one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from data_samples import table_text, write
from saddlescape import data
from saddlescape._extras import require

pytest.importorskip("pandas")
pytest.importorskip("sklearn")


@pytest.fixture
def csv_path(tmp_path: Path) -> Path:
    return write(tmp_path / "pets.csv", table_text())


def test_import_needs_numpy_only() -> None:
    code = (
        "import sys, saddlescape.data as d; d.load('digits'); "
        "assert not {'pandas', 'sklearn', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own code


@pytest.mark.parametrize(("module", "shown"), [("pandas", "pandas"), ("sklearn", "scikit-learn")])
def test_a_missing_package_is_one_line(
    module: str, shown: str, csv_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = data.load("digits")
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, "sklearn.model_selection", raising=False)
    with pytest.raises(ImportError) as missing:
        data.load(csv_path, target="kind") if module == "pandas" else data.prepare(table)
    assert str(missing.value) == f"{shown} is needed for this: pip install 'saddlescape[app]'"


@pytest.mark.parametrize("package", ["torch", "jax"])
def test_a_missing_framework_is_one_line(package: str) -> None:
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from saddlescape import curvature\n"
        f"try: curvature.from_{package}(lambda: 0, [])\n"
        "except ImportError as error: print(error)"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)  # noqa: S603
    assert said.stdout == f"{package} is needed for this: pip install 'saddlescape[{package}]'\n"


def test_a_broken_package_keeps_its_own_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "broken_package.py", "import what_it_needs\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="No module named 'what_it_needs'"):
        require("broken_package", "app")
