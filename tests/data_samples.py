"""Tables made up for the tests of `saddlescape.data`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from saddlescape import data

CLASSES = "target 'y': 2 labels, taken as classes"
ROWS = range(40)


def table_text(n: int = 60, separator: str = ",", decimal: str = ".") -> str:
    """Numbers, gaps, labels, gaps in labels, booleans, a constant, an id, and two targets."""
    rng = np.random.default_rng(7)
    lines = [separator.join(["age", "city", "member", "same", "id", "kind", "price"])]
    for i in range(n):
        age = "" if i % 13 == 5 else f"{rng.normal(40, 9):.3f}".replace(".", decimal)
        city = ["Oslo", "Rome", "", "Bonn"][i % 4]
        kind = ["cat", "dog", "dog"][i % 3]
        price = f"{rng.normal(1e3, 50):.2f}".replace(".", decimal)
        member = str(i % 2 == 0).lower()
        lines.append(separator.join([age, city, member, "3", f"u{i}x", kind, price]))
    return "\n".join(lines) + "\n"


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def arrays(task: str, n: int = 60, d: int = 4) -> data.Table:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(n, d))
    X[::7, 1] = np.nan
    y = np.arange(n) % 3 if task == "classification" else rng.normal(5, 3, n)
    return data.from_arrays(X, y, task=task)
