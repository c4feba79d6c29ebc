"""run.json: what a run was asked for, what it was trained on, and how its data were encoded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from saddlescape import __version__
from saddlescape._files import write_whole
from saddlescape.data import DataError, Scale
from saddlescape.data.encode import Code, LabelCode, NumberCode

__all__ = ["Record", "fingerprint"]

_FORMAT = "saddlescape.run/1"


@dataclass(frozen=True)
class Record:
    """What stands in run.json.

    Attributes
    ----------
    arguments : dict
        Of `saddlescape train`, DATA as it was written.
    sha256 : str or None
        Of the data file; None for a set that has a name and no file.
    target, task, classes :
        What is predicted.
    codes : tuple of NumberCode or LabelCode
        How each column is encoded.
    scale : Scale or None
        Of a standardised target.
    features : int
        How many columns the data had beside the target.
    """

    arguments: dict[str, Any]
    sha256: str | None
    target: str
    task: str
    classes: tuple[str, ...]
    codes: tuple[Code, ...]
    scale: Scale | None
    features: int

    def write(self, path: Path) -> Path:
        """Write it as JSON."""
        content = {
            "format": _FORMAT,
            "version": __version__,
            "data": {"name": Path(self.arguments["data"]).name, "sha256": self.sha256},
            "arguments": self.arguments,
            "target": {"name": self.target, "task": self.task, "classes": self.classes},
            "scale": None if self.scale is None else asdict(self.scale),
            "columns": [_described(code) for code in self.codes],
            "features": self.features,
        }
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
        return write_whole(path, f"{text}\n".encode())

    @classmethod
    def read(cls, path: Path) -> Record:
        """Read what `write` wrote; a damaged file is refused with its name."""
        try:
            content = json.loads(path.read_bytes())
            if content["format"] != _FORMAT:
                raise DataError(f"{path}: format {content['format']!r}, expected {_FORMAT!r}")
            target, scale = content["target"], content["scale"]
            return cls(
                arguments=_typed(content["arguments"], dict),
                sha256=_typed(content["data"]["sha256"], str, None),
                target=_typed(target["name"], str),
                task=_typed(target["task"], str),
                classes=tuple(_typed(name, str) for name in _typed(target["classes"], list)),
                codes=tuple(_code(entry) for entry in _typed(content["columns"], list)),
                scale=None if scale is None else Scale(**scale),
                features=_typed(content["features"], int),
            )
        except DataError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            reason = " ".join(str(error).split())
            raise DataError(f"{path}: damaged ({reason}), expected what train wrote") from None


def fingerprint(source: str) -> str | None:
    """Return the SHA-256 of a file, None of a set that has a name and no file."""
    path = Path(source)
    if not path.is_file():
        return None
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _described(code: Code) -> dict[str, Any]:
    if isinstance(code, NumberCode):
        return {"name": code.name, "kind": "number", "median": code.median}
    return {"name": code.name, "kind": "labels", "labels": code.levels}  # null: a missing one


def _code(entry: dict[str, Any]) -> Code:
    if entry["kind"] == "number":
        return NumberCode(_typed(entry["name"], str), float(entry["median"]))
    levels = tuple(_typed(level, str, None) for level in _typed(entry["labels"], list))
    return LabelCode(_typed(entry["name"], str), levels)


def _typed(value: Any, kind: Callable[..., Any], *others: Any) -> Any:
    if type(value) is kind or any(value is other for other in others):
        return value
    raise TypeError(f"{value!r:.40}, expected {getattr(kind, '__name__', kind)}")
