"""IDX, Parquet, the small sets, and sets by name from elsewhere."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest

from saddlescape import data

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: "i2", 0x0C: "i4", 0x0D: "f4", 0x0E: "f8"}


def idx(array: np.ndarray, code: int) -> bytes:
    """Write the format by hand, byte for byte."""
    head = bytes([0, 0, code, array.ndim])
    sides = b"".join(struct.pack(">I", side) for side in array.shape)
    return head + sides + array.astype(f">{TYPES[code]}").tobytes()


def images_and_labels(folder: Path, code: int = 0x08, packed: bool = False) -> Path:
    images = np.arange(4 * 3 * 2).reshape(4, 3, 2)
    labels = np.array([1, 0, 1, 0])
    ending = ".gz" if packed else ""
    squeeze = gzip.compress if packed else bytes
    path = folder / f"train-images-idx3-ubyte{ending}"
    path.write_bytes(squeeze(idx(images, code)))
    labels_path = folder / f"train-labels-idx1-ubyte{ending}"
    labels_path.write_bytes(squeeze(idx(labels, 0x08)))
    return path


CONTENT = idx(np.arange(24).reshape(4, 3, 2), 0x08)
NAME = "train-images-idx3-ubyte"
DAMAGED = {
    "empty": (b"", f"{NAME}: the file is empty"),
    "other": (b"\x89PNG", f"{NAME}: not an IDX file: it begins with 89 50 4e 47"),
    "type": (b"\0\0\x0a\x01", f"{NAME}: not an IDX file: it begins with 00 00 0a 01"),
    "header": (CONTENT[:10], f"{NAME}: damaged IDX file: it ends inside its header"),
    "short": (
        CONTENT[:-1],
        f"{NAME}: damaged IDX file: 23 bytes of numbers, expected 24 for the shape (4, 3, 2) "
        "of uint8",
    ),
    "long": (
        CONTENT + b"\0",
        f"{NAME}: damaged IDX file: 25 bytes of numbers, expected 24 for the shape (4, 3, 2) "
        "of uint8",
    ),
    "huge": (
        b"\0\0\x0e\x02" + b"\xff" * 8,
        f"{NAME}: damaged IDX file: 0 bytes of numbers, expected {8 * (2**32 - 1) ** 2} for "
        "the shape (4294967295, 4294967295) of float64",
    ),
    "flat": (
        idx(np.arange(4), 0x08),
        f"{NAME}: images of shape (4,), labels of shape (4,) in train-labels-idx1-ubyte, "
        "expected as many of one as of the other",
    ),
    "fewer": (
        idx(np.arange(6).reshape(3, 2), 0x08),
        f"{NAME}: images of shape (3, 2), labels of shape (4,) in train-labels-idx1-ubyte, "
        "expected as many of one as of the other",
    ),
}


class TestIdx:
    @pytest.mark.parametrize("packed", [False, True])
    @pytest.mark.parametrize("code", TYPES)
    def test_images_become_rows_beside_their_labels(
        self, code: int, packed: bool, tmp_path: Path
    ) -> None:
        table = data.load(images_and_labels(tmp_path, code, packed))
        X = np.stack([column.values for column in table.features], axis=1)
        np.testing.assert_array_equal(X, np.arange(24).reshape(4, 6))
        assert table.task == "classification"
        np.testing.assert_array_equal(table.target.values, [1, 0, 1, 0])

    def test_labels_may_be_packed_where_images_are_not(self, tmp_path: Path) -> None:
        path = images_and_labels(tmp_path)
        labels = tmp_path / "train-labels-idx1-ubyte"
        labels.with_name(f"{labels.name}.gz").write_bytes(gzip.compress(labels.read_bytes()))
        labels.unlink()
        assert len(data.load(path)) == 4

    @pytest.mark.parametrize("case", DAMAGED)
    def test_damage_is_named(self, case: str, tmp_path: Path) -> None:
        path = images_and_labels(tmp_path)
        content, message = DAMAGED[case]
        path.write_bytes(content)
        with pytest.raises(data.DataError) as refused:
            data.load(path)
        assert str(refused.value) == message

    def test_labels_must_lie_beside(self, tmp_path: Path) -> None:
        path = images_and_labels(tmp_path)
        (tmp_path / "train-labels-idx1-ubyte").unlink()
        with pytest.raises(data.DataError, match="no labels beside it: no file train-labels-idx1"):
            data.load(path)
        other = path.rename(tmp_path / "pictures.idx")
        with pytest.raises(data.DataError, match="no 'images' in its name"):
            data.load(other)

    def test_a_cut_archive_is_refused(self, tmp_path: Path) -> None:
        path = images_and_labels(tmp_path, packed=True)
        path.write_bytes(path.read_bytes()[:-9])
        with pytest.raises(data.DataError, match="damaged gzip file"):
            data.load(path)


class TestParquet:
    @pytest.fixture(autouse=True)
    def packages(self) -> None:
        self.arrow = pytest.importorskip("pyarrow")
        self.parquet = pytest.importorskip("pyarrow.parquet")
        pytest.importorskip("pandas")

    def write(self, path: Path, **columns: object) -> Path:
        self.parquet.write_table(self.arrow.table(columns), path)
        return path

    def test_types_come_with_the_file(self, tmp_path: Path) -> None:
        arrow = self.arrow
        path = self.write(
            tmp_path / "t.parquet",
            whole=arrow.array([1, None, 3]),
            real=arrow.array([0.5, 1.5, None]),
            price=arrow.array(["1.25", "2.50", None]).cast(arrow.decimal128(6, 2)),
            member=arrow.array([True, False, True]),
            city=arrow.array(["Oslo", None, "Rome"]).dictionary_encode(),
            kind=arrow.array(["cat", "dog", "cat"]),
        )
        table = data.load(path, target="kind")
        columns = {column.name: column for column in table.features}
        nan = np.nan
        for name, values in {
            "whole": [1, nan, 3],
            "real": [0.5, 1.5, nan],
            "price": [1.25, 2.5, nan],
            "member": [1, 0, 1],
        }.items():
            np.testing.assert_array_equal(columns[name].values, values)
        assert columns["city"].levels == ("Oslo", "Rome")
        assert columns["city"].codes.tolist() == [0, -1, 1]
        assert table.target.levels == ("cat", "dog")

    def test_the_same_as_its_csv(self, tmp_path: Path) -> None:
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame({"a": [1.5, None, 3], "c": ["x", "y", None], "y": [0, 1, 0]})
        frame.to_csv(tmp_path / "t.csv", index=False)
        frame.to_parquet(tmp_path / "t.parquet")
        one, other = (data.load(tmp_path / f"t.{kind}", target="y") for kind in ("csv", "parquet"))
        np.testing.assert_array_equal(one.features[0].values, other.features[0].values)
        np.testing.assert_array_equal(one.features[1].codes, other.features[1].codes)
        assert one.task == other.task == "classification"

    def test_what_is_no_number_and_no_label_is_refused(self, tmp_path: Path) -> None:
        arrow = self.arrow
        for array in (arrow.array([[1], [2]]), arrow.array([0, 1], "date32")):
            path = self.write(tmp_path / "t.parquet", a=array, y=arrow.array([0, 1]))
            with pytest.raises(
                data.DataError, match=r"t.parquet: column 'a': .*, expected numbers"
            ):
                data.load(path, target="y")

    def test_damage_is_named(self, tmp_path: Path) -> None:
        path = self.write(tmp_path / "t.parquet", a=[1, 2], y=[0, 1])
        whole = path.read_bytes()
        for content in (whole[: len(whole) // 2], b"PAR1" + b"\0" * 40, b"a,y\n1,2\n"):
            path.write_bytes(content)
            with pytest.raises(data.DataError, match=r"^t.parquet: not a Parquet file, or damaged"):
                data.load(path, target="y")
        path.write_bytes(b"")
        with pytest.raises(data.DataError, match=r"^t.parquet: the file is empty"):
            data.load(path, target="y")

    def test_a_target_and_rows_are_needed(self, tmp_path: Path) -> None:
        one = self.write(tmp_path / "one.parquet", y=[0, 1])
        with pytest.raises(data.DataError, match=r"one.parquet: 1 columns, expected a feature"):
            data.load(one, target="y")
        none = self.write(tmp_path / "none.parquet", a=self.arrow.array([], "int64"), y=[])
        with pytest.raises(data.DataError, match=r"none.parquet: 2 columns, but no rows"):
            data.load(none, target="y")
        with pytest.raises(data.DataError, match=r"no target given; the columns are 'a', 'y'"):
            data.load(self.write(tmp_path / "t.parquet", a=[1, 2], y=[0, 1]))


class TestSmall:
    def test_the_table_is_a_ravine_until_it_is_centred(self) -> None:
        X = np.stack([column.values for column in data.ravine().features], axis=1)
        raw = np.linalg.cond(X.T @ X / 3)
        centred = X - X.mean(axis=0)
        # 8.78e5 and 2.48: computed from the lecture's numbers
        assert raw == pytest.approx(8.78e5, rel=1e-3)
        assert np.linalg.cond(centred.T @ centred / 3) == pytest.approx(2.48, rel=2e-3)

    @pytest.mark.parametrize(
        ("name", "samples", "features"),
        [
            ("ravine", 3, 2), ("one-sample", 1, 1), ("twenty", 20, 1), ("views-1", 1460, 1),
            ("views-7", 1454, 7), ("views-28", 1433, 28), ("views-56", 1405, 56),
        ],
    )  # fmt: skip
    def test_by_name(self, name: str, samples: int, features: int) -> None:
        table = data.load(name)
        assert (len(table), len(table.features), table.task) == (samples, features, "regression")

    def test_looking_back_longer_helps_until_it_does_not(self) -> None:
        """Least squares on 2017 to 2019, mean absolute error on 2020, as in the lecture."""
        error = {}
        for days in (1, 7, 28, 56):
            table = data.views(days)
            X = np.stack([*(column.values for column in table.features), np.ones(len(table))], 1)
            y = table.target.values
            w, *_ = np.linalg.lstsq(X[:-366], y[:-366], rcond=None)
            error[days] = np.abs(X[-366:] @ w - y[-366:]).mean()
        assert error[7] < 0.85 * error[1]
        assert error[28] < error[7]
        assert error[56] > 0.97 * error[28]

    def test_every_feature_is_the_views_of_an_earlier_day(self) -> None:
        table = data.views(7)
        series = np.concatenate([table.features[6].values[:7], table.target.values])
        for j, column in enumerate(table.features, start=1):
            np.testing.assert_array_equal(column.values[7:], series[14 - j : len(series) - j])

    @pytest.mark.parametrize(
        ("days", "error", "message"),
        [
            (0, ValueError, "days: 0, expected an integer of at least 1"),
            (366, ValueError, "days: 366, expected 1 to 365"),
            (7.0, TypeError, "days: float, expected an integer of at least 1"),
        ],
    )
    def test_days(self, days: object, error: type[Exception], message: str) -> None:
        with pytest.raises(error) as refused:
            data.views(days)
        assert str(refused.value) == message

    def test_names(self) -> None:
        with pytest.raises(data.DataError, match=r"^hills: no small set, expected one of ravine"):
            data.small("hills")
        with pytest.raises(
            data.DataError, match=r"with the package are digits, ravine, one-sample"
        ):
            data.load("hills")
        with pytest.raises(data.DataError, match="the target of these data is 't'"):
            data.load("ravine", target="y")


REFUSED = {
    "sklearn:hills": "no such set, expected one of",
    "sklearn:openml": "no such set, expected one of",
    "sklearn:linnerud": "no table with a single target",
    "openml:": "expected openml:NAME",
    "openml:pets@two": "expected openml:NAME",
}


class TestFetched:
    @pytest.fixture(autouse=True)
    def packages(self) -> None:
        self.datasets = pytest.importorskip("sklearn.datasets")
        pytest.importorskip("pandas")

    @pytest.mark.parametrize(
        ("name", "samples", "features", "task"),
        [
            ("iris", 150, 4, "classification"),
            ("wine", 178, 13, "classification"),
            ("diabetes", 442, 10, "regression"),
        ],
    )
    def test_of_scikit_learn(self, name: str, samples: int, features: int, task: str) -> None:
        table = data.load(f"sklearn:{name}")
        assert (len(table), len(table.features), table.task) == (samples, features, task)

    @pytest.mark.parametrize(
        ("source", "version"), [("openml:pets", "active"), ("openml:pets@2", 2)]
    )
    def test_of_openml(self, source: str, version: object, monkeypatch: pytest.MonkeyPatch) -> None:
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame({"weight": [4.0, 30.0, 5.0], "kind": ["cat", "dog", "cat"]})
        asked = []

        def fetch_openml(name: str, *, version: object, as_frame: bool, parser: str) -> dict:
            asked.append((name, version, as_frame))
            return {"frame": frame, "target": frame["kind"]}

        monkeypatch.setattr(self.datasets, "fetch_openml", fetch_openml)
        table = data.load(source)
        assert asked == [("pets", version, True)]
        assert table.target.levels == ("cat", "dog")

    def test_no_network_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fetch_openml(*_: object, **__: object) -> None:
            raise URLError("no route")

        monkeypatch.setattr(self.datasets, "fetch_openml", fetch_openml)
        with pytest.raises(data.DataError, match=r"^openml:pets: not fetched \(.*no route.*\)$"):
            data.load("openml:pets")

    @pytest.mark.parametrize("source", REFUSED)
    def test_refused(self, source: str) -> None:
        with pytest.raises(data.DataError, match=f"^{source}.*: .*{REFUSED[source]}"):
            data.load(source)
