"""Files, tables and arguments that are refused, in these words."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np
import pytest

from data_samples import CLASSES, ROWS, table_text, write
from saddlescape import data

pytest.importorskip("pandas")
pytest.importorskip("sklearn")


def npz(**named: object) -> bytes:
    file = io.BytesIO()
    np.savez(file, **named)
    return file.getvalue()


def damaged(content: bytes) -> bytes:
    middle = content.index(b"NUMPY") + 200
    return content[:middle] + bytes(255 - b for b in content[middle : middle + 8]) + (
        content[middle + 8 :]
    )  # fmt: skip


GOOD = "a,y\n" + "".join(f"{i},{'pq'[i % 2]}\n" for i in ROWS)
X10 = np.arange(20.0).reshape(10, 2)
Y10 = np.arange(10) % 2

# file name, content, target, message
REFUSED = {
    "no rows": ("t.csv", "a,y\n", "y", "t.csv: a header of 2 columns, but no rows"),
    "empty": ("t.csv", "", "y", "t.csv: the file is empty"),
    "blank": ("t.csv", " \n\n", "y", "t.csv: the file is empty"),
    "only a byte order mark": ("t.csv", b"\xef\xbb\xbf", "y", "t.csv: the file is empty"),
    "empty gz": ("t.csv.gz", b"", "y", "t.csv.gz: the file is empty"),
    "empty npz": ("t.npz", b"", None, "t.npz: the file is empty"),
    "zero bytes": ("t.csv", bytes(range(65, 70)) + b"\0", "y",
                   "t.csv: not a text file: byte 5 is zero"),
    "garbage": ("t.csv", b"a,b\n\x89PNG\xff", "y", "t.csv: not UTF-8 text: byte 4 is 0x89"),
    "one column": ("t.csv", "hello\n1\n", "y",
                   "t.csv: one column, 'hello': no comma, semicolon or tab in the first line; "
                   "a feature and a target are needed"),
    "huge field": ("t.csv", "a" * 200_000, "y",
                   "t.csv: not a table: field larger than field limit (131072)"),
    "no header": ("t.csv", "5.1,3.5,0\n4.9,3,1\n", "y",
                  "t.csv: the first line holds numbers ('5.1', '3.5', '0'), not column names"),
    "twice": ("t.csv", "a,a,y\n1,2,3\n", "y", "t.csv: 2 columns are called 'a'"),
    "wide row": ("t.csv", "a,y\n1,2,3\n", "y",
                 "t.csv: the first row has 3 fields, the header has 2"),
    "ragged": ("t.csv", "a,y\n1,2\n1,2,3\n", "y",
               "t.csv: Error tokenizing data. C error: Expected 2 fields in line 3, saw 3"),
    "open quote": ("t.csv", 'a,y\n1,2\n"1,2\n', "y",
                   "t.csv: Error tokenizing data. C error: EOF inside string starting at row 2"),
    "bad gz": ("t.csv.gz", b"a,y\n1,2\n", "y",
               "t.csv.gz: damaged gzip file (Not a gzipped file (b'a,'))"),
    "cut gz": ("t.csv.gz", gzip.compress(GOOD.encode())[:-12], "y",
               "t.csv.gz: damaged gzip file (Compressed file ended before the end-of-stream "
               "marker was reached)"),
    "no target": ("t.csv", "a,y\n1,2\n", None, "t.csv: no target given; the columns are 'a', 'y'"),
    "absent target": ("t.csv", "a,y\n1,2\n", "xyz",
                      "t.csv: no column 'xyz'; the columns are 'a', 'y'"),
    "near target": ("t.csv", "age,Price\n1,2\n", "prise",
                    "t.csv: no column 'prise'; did you mean 'Price'? "
                    "The columns are 'age', 'Price'"),
    "few rows": ("t.csv", "a,y\n1,p\n2,q\n", "y",
                 "t.csv: 2 rows with a target, at least 10 are needed"),
    "no target values": ("t.csv", "a,y\n" + "1,\n" * 12, "y",
                         "t.csv: 0 rows with a target, at least 10 are needed"),
    "one class": ("t.csv", "a,y\n" + "".join(f"{i},p\n" for i in ROWS), "y",
                  "t.csv: target 'y' has one class only ('p'), at least 2 are needed"),
    "all alone": ("t.csv", "a,y\n" + "".join(f"{i},u{i}\n" for i in ROWS), "y",
                  "t.csv: 40 classes, but only 0 with two samples or more: at least 2 are needed "
                  "to train and to test"),
    "infinite": ("t.csv", GOOD + "-inf,p\n", "y",
                 "t.csv: column 'a', row 41: -inf, expected a finite number"),
    "infinite target": ("t.csv", "a,y\n1,0.5\n2,inf\n", "y",
                        "t.csv: column 'y', row 2: inf, expected a finite number"),
    "no feature": ("t.csv", "a,y\n" + "".join(f"3,{'pq'[i % 2]}\n" for i in ROWS), "y",
                   f"t.csv: no feature left: {CLASSES}; columns left out because constant in the "
                   "training part: 'a'"),
    "extension": ("t.xlsx", "a", "y",
                  "PATH: unknown extension '.xlsx', known are .csv, .tsv, .csv.gz, .tsv.gz, "
                  ".parquet, .npz, .idx, -idx3-ubyte, -idx3-ubyte.gz"),
    "not npz": ("t.npz", b"nothing of the kind", None,
                "t.npz: not an NPZ file, as numpy.savez writes it"),
    "cut npz": ("t.npz", npz(X=X10, y=Y10)[:-100], None,
                "t.npz: not an NPZ file, as numpy.savez writes it"),
    "damaged npz": ("t.npz", damaged(npz(X=X10, y=Y10)), None,
                    "t.npz: damaged NPZ file (Bad CRC-32 for file 'X.npy')"),
    "encrypted npz": ("t.npz", npz(X=X10, y=Y10).replace(b"PK\x01\x02\x2d\x03\x2d\0\0\0",
                                                       b"PK\x01\x02\x2d\x03\x2d\0\1\0"), None,
                      "t.npz: damaged NPZ file (File 'X.npy' is encrypted, password required for "
                      "extraction)"),
    "no X": ("t.npz", npz(features=X10, y=Y10), None,
             "t.npz: no array 'X'; the file holds 'features', 'y'"),
    "no y": ("t.npz", npz(X=X10), None, "t.npz: no array 'y'; the file holds 'X'"),
    "pickled": ("t.npz", npz(X=X10, y=np.array([None] * 10)), None,
                "t.npz: array 'y' holds Python objects, which are never unpickled; "
                "save numbers or strings"),
    "npz target": ("t.npz", npz(X=X10, y=Y10), "kind",
                   "t.npz: target 'kind': the target of these data is 'y'"),
    "X of strings": ("t.npz", npz(X=X10.astype(str), y=Y10), None,
                     "t.npz: X: dtype <U32, expected numbers"),
    "X complex": ("t.npz", npz(X=X10 + 1j, y=Y10), None,
                  "t.npz: X: dtype complex128, expected numbers"),
    "X flat": ("t.npz", npz(X=X10[:, 0], y=Y10), None,
               "t.npz: X: shape (10,), expected (N, d) with d at least 1"),
    "X deep": ("t.npz", npz(X=X10[None], y=Y10), None,
               "t.npz: X: shape (1, 10, 2), expected (N, d) with d at least 1"),
    "X narrow": ("t.npz", npz(X=X10[:, :0], y=Y10), None,
                 "t.npz: X: shape (10, 0), expected (N, d) with d at least 1"),
    "short y": ("t.npz", npz(X=X10, y=Y10[:9]), None,
                "t.npz: y: shape (9,), expected (10,) for the 10 rows of X"),
    "one-hot y": ("t.npz", npz(X=X10, y=np.eye(2)[Y10]), None,
                  "t.npz: y: shape (10, 2), expected (10,) for the 10 rows of X"),
    "NaN in y": ("t.npz", npz(X=X10, y=np.where(np.arange(10) == 3, np.nan, 1.0)), None,
                 "t.npz: y[3]: nan, expected a finite number"),
    "complex y": ("t.npz", npz(X=X10, y=Y10 + 1j), None,
                  "t.npz: y: dtype complex128, expected numbers, booleans or strings"),
    "infinite X": ("t.npz", npz(X=np.where(X10 == 7, np.inf, X10), y=Y10), None,
                   "t.npz: column 'x1', row 4: inf, expected a finite number"),
    "no samples": ("t.npz", npz(X=X10[:0], y=Y10[:0]), None,
                   "t.npz: 0 rows with a target, at least 10 are needed"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_bad_files_are_refused_in_one_line(name: str, tmp_path: Path) -> None:
    file, content, target, message = REFUSED[name]
    path = write(tmp_path / file, content)
    with pytest.raises(data.DataError) as refused:
        data.prepare(data.load(path, target=target))
    assert str(refused.value) == message.replace("PATH", str(path))


@pytest.mark.parametrize("seed", range(200))
def test_damaged_files_are_refused_or_read_but_nothing_else(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    name, content = [
        ("t.csv", table_text().encode()),
        ("t.csv.gz", gzip.compress(table_text().encode(), mtime=0)),
        ("t.npz", npz(X=np.ones((20, 2)), price=X10, y=np.arange(20) % 2)),
    ][seed % 3]
    broken = bytearray(content)
    for place in rng.integers(0, len(content), 1 + seed % 4):
        broken[place] = rng.integers(256)
    if seed % 5 == 0:
        del broken[rng.integers(1, len(content)) :]
    path = write(tmp_path / name, bytes(broken))
    try:
        data.prepare(data.load(path, target=None if name == "t.npz" else "kind"))
    except data.DataError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either is right: refused, or still readable


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    cases = {
        tmp_path: f"{tmp_path}: a directory, expected a file",
        tmp_path / "no.csv": f"{tmp_path / 'no.csv'}: no such file",
        Path("digit"): "digit: no such file; the data sets that come with the package are "
        "digits, ravine, one-sample, twenty, views-1, views-7, views-28, views-56",
    }
    for path, message in cases.items():
        with pytest.raises(data.DataError) as refused:
            data.load(path, target="y")
        assert str(refused.value) == message


ARGUMENTS = {
    "task": (lambda _: data.load("digits", task="both"), ValueError,
             "task: 'both', expected one of 'classification', 'regression'"),
    "digits target": (lambda _: data.load("digits", target="kind"), data.DataError,
                      "digits: target 'kind': the target of these data is 'digit'"),
    "labels as amounts": (
        lambda _: data.from_arrays(X10, list("ab" * 5), task="regression"), data.DataError,
        "arrays: target 'y': holds labels ('a', 'b'), expected numbers for regression"),
    "constant amounts": (
        lambda _: data.prepare(data.from_arrays(X10, np.full(10, 3), task="regression")),
        data.DataError, "arrays: target 'y' is 3 in every training row: there is nothing to learn"),
    "names": (lambda _: data.from_arrays(X10, Y10, feature_names=["a", "a"]), data.DataError,
              "arrays: feature_names: 1 different, expected 2"),
    "table": (lambda _: data.prepare(X10), TypeError,
              "table: ndarray, expected a Table, from load or from_arrays"),
    "fraction 0": (lambda t: data.prepare(t, 0.0), ValueError,
                   "test_fraction: 0.0, expected above 0 and at most 0.5"),
    "fraction NaN": (lambda t: data.prepare(t, float("nan")), ValueError,
                     "test_fraction: nan, expected above 0 and at most 0.5"),
    "seed": (lambda t: data.prepare(t, seed=-1), ValueError,
             "seed: -1, expected 0 to 4294967295"),
    "seed type": (lambda t: data.prepare(t, seed=1.5), TypeError,
                  "seed: float, expected an integer"),
    "lengths": (
        lambda _: data.Table("t", (data.Numbers("a", np.zeros(3)),),
                             data.Numbers("y", np.zeros(2)), "regression"),
        data.DataError, "t: column 'a': 3 rows, expected 2 as in the target"),
    "absent column": (
        lambda t: data.prepare(t).encoder.encode(data.from_arrays(X10, Y10, feature_names="pq")),
        data.DataError, "arrays: no column 'x0', which was there in training"),
    "beyond bounds": (
        lambda _: data.prepare(data.from_arrays(X10 * 1e-300, Y10)).encoder.encode(
            data.from_arrays(X10 * 1e300, Y10)),
        data.DataError,
        "arrays: column 'x0', row 2: 2e+300 is too large for the training deviation 5.45436e-300"),
}  # fmt: skip


@pytest.mark.parametrize("name", ARGUMENTS)
def test_bad_arguments_are_refused(name: str) -> None:
    call, kind, message = ARGUMENTS[name]
    with pytest.raises(kind) as refused:
        call(data.from_arrays(X10, Y10))
    assert str(refused.value) == message
