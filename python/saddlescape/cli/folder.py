"""A run's folder: run.json, checkpoint.safetensors, model.safetensors, history.csv."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from saddlescape.cli.asked import writable
from saddlescape.cli.material import Material, material_of, refused
from saddlescape.cli.record import Record, fingerprint
from saddlescape.data import DataError
from saddlescape.net import MLP

__all__ = ["Folder"]

# Arguments that a run of an earlier version does not have, with what it was trained by
_LATER = {"class_weight": None, "dtype": "float64", "metrics": None, "normalise_after": False}


@dataclass(frozen=True)
class Folder:
    """Where a run is kept."""

    path: Path

    @property
    def record(self) -> Path:
        """What was asked for, and how the data were encoded."""
        return self.path / "run.json"

    @property
    def checkpoint(self) -> Path:
        """All that the run needs to go on."""
        return self.path / "checkpoint.safetensors"

    @property
    def model(self) -> Path:
        """The network."""
        return self.path / "model.safetensors"

    @property
    def history(self) -> Path:
        """A line for every step."""
        return self.path / "history.csv"

    def claim(self, force: bool) -> None:
        """See that a new run can be written; what is there is refused, unless by force."""
        writable(self.path)
        there = [file.name for file in self._files() if file.exists()]
        if there and not force:
            raise DataError(
                f"--out {self.path}: holds a run already ({', '.join(there)}): name another "
                "folder, or --force to replace it"
            )
        folder = next((file for file in self._files() if file.is_dir()), None)
        if folder is not None:
            raise DataError(f"--out {self.path}: {folder.name} is a directory, expected a file")

    def clear(self) -> None:
        """Remove the run that is there; other files stay."""
        derived = [self.path / f"spectrum.{kind}" for kind in ("png", "csv")]
        for file in (*self._files(), *derived):
            file.unlink(missing_ok=True)

    def read(self) -> Record:
        """Return what stands in run.json; a folder without it is refused."""
        if not self.path.exists():
            raise DataError(f"{self.path}: no such folder, expected what train --out wrote")
        if not self.path.is_dir():
            raise DataError(f"{self.path}: a file, expected the folder that train --out wrote")
        if not self.record.is_file():
            raise DataError(
                f"{self.path}: no run in it (no run.json), expected what train --out wrote"
            )
        record = Record.read(self.record)
        later = {name: x for name, x in _LATER.items() if name not in record.arguments}
        return replace(record, arguments=record.arguments | later)

    def network(self) -> MLP:
        """Return the network as training left it."""
        if not self.model.is_file():
            raise DataError(
                f"{self.model}: not there, the training was cut off before its end: "
                f"saddlescape resume {self.path}"
            )
        with refused():
            return MLP.load(self.model)

    def material(self, record: Record, moved: str | None) -> Material:
        """Return what the run was trained on, from the same file, which may have moved."""
        source = moved or str(record.arguments["data"])
        found = fingerprint(source)
        if found is None and record.sha256 is not None and moved is None:
            raise DataError(
                f"{source}: no such file; the run was trained on it. Where it is now: --data FILE"
            )
        if found is not None and found != record.sha256:
            was = "none (a set that has a name)" if record.sha256 is None else record.sha256
            raise DataError(
                f"{source}: not the data that the run was trained on: SHA-256 {found}, expected "
                f"{was}"
            )
        try:
            return material_of(source, record.arguments)
        except KeyError as error:
            raise DataError(f"{self.record}: no argument {error}") from None

    def _files(self) -> tuple[Path, ...]:
        return (self.record, self.checkpoint, self.model, self.history)
