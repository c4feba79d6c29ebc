"""The borders of the design: who may include, import and name what."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SUFFIXES = {".hpp", ".cpp", ".h", ".c", ".cu"}
CPP = sorted(p for p in (ROOT / "cpp").rglob("*") if p.suffix in SUFFIXES)
PACKAGE = ROOT / "python" / "saddlescape"
PYTHON = sorted(PACKAGE.rglob("*.py"))

# C++ part -> the parts that it may include
MAY_INCLUDE = {
    "core": {"core"},
    "update": {"core", "update"},
    "capi": {"core", "update", "capi"},
    "eig": {"core", "eig"},
    "net": {"core", "net"},
    "train": {"core", "update", "net", "train"},
    "cuda": {"core", "update", "net", "train", "eig", "cuda"},
    "bind": {"core", "update", "eig", "net", "train", "bind"},
    "bind/cuda": {"core", "update", "net", "train", "eig", "cuda", "bind"},
    "tests": {"core", "update", "capi", "eig", "net", "train", "cuda", "tests"},
}

# Python part -> the parts that it may import, the straight line of the design
BASE = {"_backend", "_core", "_cuda", "_check", "_extras", "_files", "_krylov", "_live", "_sums"}
CLI_HELPERS = {"_info", "_options", "_progress"}
MAY_IMPORT = {
    "optim": set(),
    "schedule": set(),
    "torch": {"optim", "curvature"},
    "jax": {"curvature"},
    "sklearn": {"diagnosis", "net", "optim", "train"},
    "eig": set(),
    "net": set(),
    "curvature": {"net"},
    "critical": {"curvature", "eig", "net"},
    "metrics": {"net"},
    "train": {"metrics", "net", "optim", "schedule"},
    "data": set(),
    "lectures": {"net"},
    "studies": {"critical", "curvature", "data", "eig", "metrics", "net", "optim", "train"},
    "diagnosis": {"critical", "curvature", "data", "metrics", "net", "optim", "train"},
    "report": {"critical", "diagnosis", "eig", "net", "studies", "train"},
    "demo": {"data", "diagnosis", "lectures", "net"},
    "cli": {
        "critical",
        "curvature",
        "data",
        "demo",
        "diagnosis",
        "eig",
        "metrics",
        "net",
        "optim",
        "schedule",
        "studies",
        "train",
        *CLI_HELPERS,
    },
    "__main__": {"cli"},
    "_options": set(),
    "_progress": {"diagnosis"},
    "_info": set(),
    "_backend": set(),
    "_check": set(),
    "_extras": set(),
    "_krylov": set(),
    "_live": set(),
}

# Parts that are imported by those only who have the package of that name
ADAPTERS = {"torch", "jax", "sklearn"}

# Where the user's name for something stands in a part that everybody imports, and the work is an
# adapter's: only inside the function that is called, so that importing saddlescape needs neither.
LAZY = {
    "curvature/frameworks.py": {
        "saddlescape.torch.curvature",
        "saddlescape.torch.spread",
        "saddlescape.jax.curvature",
    }
}

# Packages that only one part may import
ONLY = {
    "matplotlib": {"report"},
    "plotly": {"report"},
    "torch": {"torch"},
    "jax": {"jax"},
    "pandas": {"data"},
    "sklearn": {"data", "sklearn"},
    "rich": {"_live"},
    "tensorboard": {"train"},
    "safetensors": {"net", "train"},
}


def cpp_part(path: Path) -> str:
    return path.relative_to(ROOT / "cpp").parts[0]


def cpp_rights(path: Path) -> str:
    """The part whose row says what a file may include: cpp/bind/cuda is a module of its own."""
    return "bind/cuda" if path.is_relative_to(ROOT / "cpp" / "bind" / "cuda") else cpp_part(path)


def python_part(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def includes(path: Path) -> list[str]:
    return re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', path.read_text(), re.MULTILINE)


def imports(path: Path) -> set[str]:
    """Every module that a file names in an import, at any depth, also under TYPE_CHECKING."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            if node.module == "saddlescape":
                found |= {f"saddlescape.{alias.name}" for alias in node.names}
    return found


def lazy_imports(path: Path) -> set[str]:
    """Modules that a file imports inside functions only, as its row in the table allows."""
    tree = ast.parse(path.read_text())
    inside = {
        inner.module
        for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)
        for inner in ast.walk(node) if isinstance(inner, ast.ImportFrom) and inner.module
    }  # fmt: skip
    at_import = {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    return (inside - at_import) & LAZY.get(path.relative_to(PACKAGE).as_posix(), set())


def test_there_is_something_to_check() -> None:
    assert len(CPP) > 15
    assert len(PYTHON) > 30


@pytest.mark.parametrize("path", CPP, ids=lambda p: str(p.relative_to(ROOT)))
def test_cpp_includes(path: Path) -> None:
    part = cpp_part(path)
    for name in includes(path):
        other = name.split("/")[0]
        if other in MAY_INCLUDE:
            rights = cpp_rights(path)
            assert other in MAY_INCLUDE[rights], f"cpp/{rights} includes {name}"
        if name.startswith(("pybind11", "Python.h")):
            assert part == "bind", f"only cpp/bind includes {name}"
        if name.startswith(("cuda_runtime", "cublas", "cusolver")):
            assert path.suffix == ".cu", f"only a .cu file in cpp/cuda includes {name}"
        if name == "omp.h":
            assert path.stem.startswith("parallel"), "only cpp/core/parallel includes omp.h"


@pytest.mark.parametrize("path", CPP, ids=lambda p: str(p.relative_to(ROOT)))
def test_cpp_names(path: Path) -> None:
    code = re.sub(r"//[^\n]*", "", path.read_text())
    where = path.relative_to(ROOT / "cpp").with_suffix("").as_posix()
    if not where.startswith("core/parallel") and cpp_part(path) != "tests":
        assert not re.search(r"#\s*pragma\s+omp\s+(?!simd|declare simd)", code)
        assert not re.search(r"\bomp_\w+\(|std::thread\b|pthread_create", code)
    if where != "core/blas":
        assert not re.search(r"\bcblas_\w+|\blapacke?_\w+|\bd(sy|ge)\w+_\(", code, re.IGNORECASE)


@pytest.mark.parametrize("path", PYTHON, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_python_imports(path: Path) -> None:
    part = python_part(path)
    for name in imports(path) - lazy_imports(path):
        top, *rest = name.split(".")
        if top in ONLY:
            assert part in ONLY[top], f"{part} imports {name}"
        if top != "saddlescape" or not rest or part == "__init__":
            continue
        other = rest[0]
        if (PACKAGE / other).exists() or (PACKAGE / f"{other}.py").exists():
            assert other == part or other in BASE or other in MAY_IMPORT[part], (
                f"{part} imports {name}"
            )


def test_nothing_imports_an_adapter() -> None:
    for path in PYTHON:
        for name in imports(path) - lazy_imports(path):
            part, *_ = name.removeprefix("saddlescape.").split(".")
            if name.startswith("saddlescape.") and part in ADAPTERS:
                assert python_part(path) == part, f"{path} imports {name}"


def test_nothing_imports_the_report() -> None:
    for path in PYTHON:
        if python_part(path) != "report":
            assert not any(name.startswith("saddlescape.report") for name in imports(path)), path


def test_importing_the_package_needs_the_base_dependencies_only() -> None:
    """No optional package is imported at module level outside report and the adapters."""
    for path in PYTHON:
        if python_part(path) in {"report", *ADAPTERS}:
            continue
        for node in ast.parse(path.read_text()).body:
            names = (
                [alias.name for alias in node.names] if isinstance(node, ast.Import)
                else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            )  # fmt: skip
            for name in names:
                assert name.split(".")[0] not in ONLY.keys() - {"safetensors"}, f"{path}: {name}"


@pytest.mark.parametrize("path", CPP + PYTHON, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_are_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300


def test_bindings_let_go_of_the_interpreter_in_one_way() -> None:
    """pybind11's own guard aborts where a program ends while a daemon thread computes."""
    for path in CPP:
        assert "gil_scoped_release" not in path.read_text(), path


def test_bindings_hold_no_arithmetic() -> None:
    """A formula in a binding would be a second home of it."""
    for path in CPP:
        if cpp_part(path) == "bind":
            assert not re.search(
                r"\bstd::(sqrt|exp|log|pow|tanh)\b|\bblas::gemm\b", path.read_text()
            )
