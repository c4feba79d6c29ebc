"""Tables to arrays: what is fitted, on what, what is said about it, and what is refused."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from saddlescape import data
from saddlescape._extras import require

pytest.importorskip("pandas")
pytest.importorskip("sklearn")


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


@pytest.fixture
def csv_path(tmp_path: Path) -> Path:
    return write(tmp_path / "pets.csv", table_text())


def arrays(task: str, n: int = 60, d: int = 4) -> data.Table:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(n, d))
    X[::7, 1] = np.nan
    y = np.arange(n) % 3 if task == "classification" else rng.normal(5, 3, n)
    return data.from_arrays(X, y, task=task)


TABLES = {
    "digits": lambda _: data.load("digits"),
    "csv classes": lambda path: data.load(path, target="kind"),
    "csv booleans": lambda path: data.load(path, target="member"),
    "csv amounts": lambda path: data.load(path, target="price"),
    "arrays classes": lambda _: arrays("classification"),
    "arrays amounts": lambda _: arrays("regression"),
}


@pytest.mark.parametrize("standardise", [True, False])
@pytest.mark.parametrize("name", TABLES)
def test_every_table_becomes_finite_contiguous_arrays(
    name: str, standardise: bool, csv_path: Path
) -> None:
    table = TABLES[name](csv_path)
    split = data.prepare(table, standardise=standardise)
    for part, rows in ((split.train, split.train_rows), (split.test, split.test_rows)):
        assert part.X.dtype == np.float64
        assert part.X.flags.c_contiguous
        assert part.X.shape == (len(rows), len(part.feature_names))
        assert np.isfinite(part.X).all()
        assert part.y.dtype == (np.int64 if part.classes else np.float64)
        assert part.notes == split.notes
        assert all("\n" not in note for note in part.notes)
    rows = np.sort(np.concatenate([split.train_rows, split.test_rows]))
    assert np.array_equal(rows, np.arange(len(table)))
    assert len(split.test_rows) == int(np.ceil(0.2 * len(table)))
    np.testing.assert_array_equal(split.encoder.encode(table)[split.test_rows], split.test.X)


@pytest.mark.parametrize("name", TABLES)
def test_training_features_have_mean_0_and_variance_1(name: str, csv_path: Path) -> None:
    split = data.prepare(TABLES[name](csv_path))
    parts = [split.train.X] if split.train.classes else [split.train.X, split.train.y]
    for values in parts:
        # N terms of rounding error eps and magnitude up to max|x|, in a mean of N of them.
        bound = 4 * np.finfo(float).eps * len(values) * np.abs(values).max()
        np.testing.assert_allclose(values.mean(axis=0), 0, atol=bound)
        np.testing.assert_allclose((values**2).mean(axis=0), 1, atol=bound)


@pytest.mark.parametrize("name", TABLES)
def test_same_seed_same_bits_other_seed_other_rows(name: str, csv_path: Path) -> None:
    one, same, other = (data.prepare(TABLES[name](csv_path), seed=seed) for seed in (5, 5, 6))
    for part in ("train", "test"):
        assert getattr(one, part).X.tobytes() == getattr(same, part).X.tobytes()
        assert getattr(one, part).y.tobytes() == getattr(same, part).y.tobytes()
    assert not np.array_equal(one.test_rows, other.test_rows)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_test_part_leaks_nothing_into_training(task: str, tmp_path: Path) -> None:
    text = table_text(100)
    target = "kind" if task == "classification" else "price"
    before = data.prepare(data.load(write(tmp_path / "a.csv", text), target=target))
    lines = text.splitlines()
    for row in before.test_rows:
        fields = lines[row + 1].split(",")
        fields[:5] = ["", "Atlantis", "true", "77", "u"] if row % 2 else ["1e9", "", "", "4", "v"]
        if task == "regression":
            fields[6] = "123456.5"
        lines[row + 1] = ",".join(fields)
    after = data.prepare(data.load(write(tmp_path / "b.csv", "\n".join(lines)), target=target))
    assert np.array_equal(before.train_rows, after.train_rows)
    assert before.train.feature_names == after.train.feature_names
    assert before.train.X.tobytes() == after.train.X.tobytes()
    assert before.train.y.tobytes() == after.train.y.tobytes()
    assert before.test.X.tobytes() != after.test.X.tobytes()


def test_statistics_are_those_of_an_independent_writing(csv_path: Path) -> None:
    table = data.load(csv_path, target="price")
    split = data.prepare(table)
    age = table.features[0].values
    known = [age[i] for i in split.train_rows if not np.isnan(age[i])]
    middle = sorted(known)
    middle = (middle[(len(known) - 1) // 2] + middle[len(known) // 2]) / 2
    filled = np.where(np.isnan(age), middle, age)
    mean = sum(filled[i] for i in split.train_rows) / len(split.train_rows)
    variance = sum((filled[i] - mean) ** 2 for i in split.train_rows) / len(split.train_rows)
    expected = (filled[split.test_rows] - mean) / np.sqrt(variance)
    np.testing.assert_allclose(split.test.X[:, 0], expected, rtol=1e-12, atol=1e-14)
    back = split.target_scale.invert(split.test.y[:, 0])
    # Centring loses the digits that mean / deviation = 20 has; 1e-14 is some 50 roundings.
    np.testing.assert_allclose(back, table.target.values[split.test_rows], rtol=1e-14)


@pytest.mark.parametrize("seed", range(5))
def test_classes_keep_their_shares(seed: int) -> None:
    y = np.repeat([0, 1, 2], [300, 60, 15])
    split = data.prepare(data.from_arrays(np.arange(375.0)[:, None], y), seed=seed)
    assert np.bincount(split.test.y).tolist() == [60, 12, 3]
    assert np.bincount(split.train.y).tolist() == [240, 48, 12]


def test_rows_and_labels_stay_together() -> None:
    y = np.array(list("cabbage") * 6)
    X = np.array([[ord(label) for label in y], np.arange(len(y))], dtype=float).T
    split = data.prepare(data.from_arrays(X, y), standardise=False)
    for part in (split.train, split.test):
        assert [chr(int(x)) for x in part.X[:, 0]] == [part.classes[c] for c in part.y]
    assert split.train.classes == ("a", "b", "c", "e", "g")


def test_unknown_labels_in_the_test_part_are_all_zeros() -> None:
    labels = ["x", "y"] * 20
    probe = data.Table(
        "t", (data.Categories.of("c", labels),), data.Numbers("y", np.arange(40.0)), "regression"
    )
    split = data.prepare(probe, standardise=False)
    new = data.Table(
        "new",
        (data.Categories.of("c", ["y", "z", None, "x"]),),
        data.Numbers("y", np.zeros(4)),
        "regression",
    )
    assert split.encoder.encode(new).tolist() == [[0, 1], [0, 0], [0, 0], [1, 0]]
    assert split.train.feature_names == ("c=x", "c=y")


@pytest.mark.parametrize(
    "scale", [5e-324 * 8, 1e-300, 1e-3, 1.0, 1e150, 1.7e308], ids="{:g}".format
)
def test_scale_survives_every_magnitude(scale: float) -> None:
    x = scale * np.array([1.0, -1.0, 0.5, 0.0, 1.0])
    fitted = data.Scale.fit(x)
    z = fitted.apply(x)
    unit = np.array([1.0, -1.0, 0.5, 0.0, 1.0])
    np.testing.assert_allclose(z, (unit - unit.mean()) / unit.std(), rtol=1e-15, atol=1e-15)
    np.testing.assert_allclose(fitted.invert(z), x, rtol=4e-16, atol=1e-15 * scale)


def test_scale_is_the_plain_formula_bit_for_bit_where_that_works() -> None:
    x = np.random.default_rng(0).normal(3, 2, 1000)
    mean = x.mean()
    plain = (x - mean) / np.sqrt(((x - mean) ** 2).mean())
    assert data.Scale.fit(x).apply(x).tobytes() == plain.tobytes()


# ------------------------------------------------------------------ reading


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".csv.gz", ".CSV"])
@pytest.mark.parametrize(
    ("separator", "decimal"), [(",", "."), (";", "."), ("\t", "."), (";", ",")]
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_separators_endings_and_compression_read_the_same(
    tmp_path: Path, suffix: str, separator: str, decimal: str, ending: str
) -> None:
    expected = data.load(write(tmp_path / "plain.csv", table_text()), target="price")
    text = table_text(separator=separator, decimal=decimal).replace("\n", ending).encode()
    text = b"\xef\xbb\xbf" + text  # a byte order mark, as spreadsheets write it
    path = write(tmp_path / f"t{suffix}", gzip.compress(text) if "gz" in suffix else text)
    table = data.load(path, target="price")
    assert table.target.values.tobytes() == expected.target.values.tobytes()
    for got, wanted in zip(table.features, expected.features, strict=True):
        assert got.name == wanted.name
        assert type(got) is type(wanted)
        field = "values" if isinstance(got, data.Numbers) else "codes"
        assert getattr(got, field).tobytes() == getattr(wanted, field).tobytes()


TASKS = {
    "labels": (["a", "b"] * 30, None, "classification", "2 labels, taken as classes"),
    "booleans": ([True, False] * 30, None, "classification", "2 labels, taken as classes"),
    "integers": (
        list(range(10)) * 6, None, "classification", "10 different integers, taken as classes",
    ),
    "many": (
        list(range(30)) * 2, None, "regression",
        "30 different numbers, taken as amounts (regression)",
    ),
    "two": ([0, 1] * 5, None, "classification", "2 different integers, taken as classes"),
    "few samples": (
        list(range(4)) * 3, None, "regression", "4 different numbers, taken as amounts (regression)"
    ),
    "whole floats": (
        [1.0, 2.0, 5.0] * 20, None, "classification", "3 different integers, taken as classes",
    ),
    "fractions": (
        [0.5, 1.5] * 30, None, "regression", "2 different numbers, taken as amounts (regression)",
    ),
    "forced classes": ([0.5, 1.5] * 30, "classification", "classification", None),
    "forced amounts": ([0, 1] * 30, "regression", "regression", None),
}  # fmt: skip


@pytest.mark.parametrize("name", TASKS)
def test_task_is_decided_and_said(name: str) -> None:
    y, forced, task, note = TASKS[name]
    X = np.arange(2.0 * len(y)).reshape(-1, 2)
    table = data.from_arrays(X, np.array(y), task=forced)
    assert table.task == task
    assert table.notes == (() if note is None else (f"target 'y': {note}",))
    assert data.prepare(table).train.task == task


def test_class_labels_are_readable() -> None:
    X = np.arange(20.0)[:, None]
    assert data.prepare(data.from_arrays(X, [-1, 1] * 10)).train.classes == ("-1", "1")
    halves = data.from_arrays(X, [0.5, 2.0] * 10, task="classification")
    assert data.prepare(halves).train.classes == ("0.5", "2")


# ------------------------------------------------------------------ notes

CLASSES = "target 'y': 2 labels, taken as classes"
ROWS = range(40)
NOTES = {
    "median": (
        "a,y\n"
        + "".join(f"{'' if i in (3, 4, 5) else 41},{'pq'[i % 2]}\n" for i in ROWS)
        + "7,p\n",
        ["column 'a': 3 missing values, filled with the training median 41"],
    ),
    "question mark": (
        "a,b,y\n" + "".join(f"{'?' if i == 7 else i % 3},{i},{'pq'[i % 2]}\n" for i in ROWS),
        ["column 'a': 1 missing value, filled with the training median 1"],
    ),
    "labels": (
        "a,y\n" + "".join(f"{'uvw'[i % 3]},{'pq'[i % 2]}\n" for i in ROWS),
        ["column 'a': labels, encoded as 3 features of 0 and 1"],
    ),
    "missing labels": (
        "a,y\n" + "".join(f"{['u', 'v', ''][i % 3]},{'pq'[i % 2]}\n" for i in ROWS),
        [
            "column 'a': labels, encoded as 3 features of 0 and 1",
            "column 'a': 13 missing labels, taken as a category of their own",
        ],
    ),
    "id": (
        "a,b,y\n" + "".join(f"u{i},{i},{'pq'[i % 2]}\n" for i in range(100)),
        ["column 'a': 80 different labels in 80 training rows, left out"],
    ),
    "constant": (
        "a,b,c,y\n" + "".join(f"3,{i},x,{'pq'[i % 2]}\n" for i in ROWS),
        ["columns left out because constant in the training part: 'a', 'c'"],
    ),
    "empty column": (
        "a,b,y\n" + "".join(f",{i},{'pq'[i % 2]}\n" for i in ROWS),
        ["column 'a': no value in the training part, left out"],
    ),
    "missing target": (
        "a,y\n" + "".join(f"{i},{'pq'[i % 2]}\n" for i in ROWS) + "1,\n2,\n",
        ["target 'y': 2 rows without a value, left out"],
    ),
    "single": (
        "a,y\n" + "".join(f"{i},{'pq'[i % 2]}\n" for i in ROWS) + "1,r\n",
        [
            "target 'y': 3 labels, taken as classes",
            "classes with a single sample, in training and never tested: 'r'",
        ],
    ),
    "many classes": (
        "a,y\n" + "".join(f"{i},{'abcdefghij'[i % 10]}\n" for i in ROWS),
        [
            "target 'y': 10 labels, taken as classes",
            "test part: 10 rows instead of 8, one for each class",
        ],
    ),
    "untested": (
        "a,y\n" + "".join(f"{i},{'pq'[i % 2]}\n" for i in range(408)) + "1,r\n2,r\n",
        [
            "target 'y': 3 labels, taken as classes",
            "classes too small to be in the test part: 'r'",
        ],
    ),
    "row numbers": (
        ",a,y\n" + "".join(f"{i},{i % 7},{'pq'[i % 2]}\n" for i in ROWS),
        ["the first column has no name and counts the rows: dropped"],
    ),
    "decimal commas": (
        "a;y\n" + "".join(f"{i},5;{'pq'[i % 2]}\n" for i in ROWS),
        ["decimal commas are read as decimal points"],
    ),
    "stray word": (
        "a,y\n" + "".join(f"{'n.n.' if i == 4 else i},{'pq'[i % 2]}\n" for i in ROWS),
        ["column 'a': taken as labels, not numbers, because of 'n.n.' (in 1 of 40 rows)"],
    ),
}


@pytest.mark.parametrize("name", NOTES)
def test_what_was_done_is_said(name: str, tmp_path: Path) -> None:
    text, expected = NOTES[name]
    split = data.prepare(data.load(write(tmp_path / "t.csv", text), target="y"))
    notes = set(split.notes)
    assert set(expected) <= notes
    allowed = ("target 'y': 2 labels", "column 'a': labels, encoded as")
    assert all(note.startswith(allowed) for note in notes - set(expected))


def test_regression_says_its_unit() -> None:
    split = data.prepare(data.from_arrays(np.arange(20.0)[:, None], np.arange(20) + 0.25))
    scale = split.target_scale
    assert split.notes[-1] == (
        f"target 'y': standardised with the training mean {scale.mean:.6g} and deviation "
        f"{scale.deviation:.6g}; a squared loss is in units of the target's variance"
    )
    raw = data.prepare(data.from_arrays(np.arange(20.0)[:, None], np.arange(20) + 0.25),
                       standardise=False)  # fmt: skip
    assert raw.target_scale is None
    assert np.array_equal(raw.train.y[:, 0], raw.train_rows + 0.25)


def test_constant_columns_are_kept_on_request() -> None:
    split = data.prepare(data.load("digits"), keep_constant=True)
    assert split.train.X.shape == (1437, 64)
    assert not split.train.X[:, 0].any()
    assert split.notes[0].startswith("columns kept though constant in the training part: ")


def test_digits_are_the_published_ones() -> None:
    digits = data.load_digits()
    assert digits.X.shape == (1797, 64)
    assert np.bincount(digits.y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    datasets = pytest.importorskip("sklearn.datasets")
    reference = datasets.load_digits()
    np.testing.assert_array_equal(digits.X, reference.data)
    np.testing.assert_array_equal(digits.y, reference.target)


# ------------------------------------------------------------------ refusals


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
                  "PATH: unknown extension '.xlsx', known are .csv, .tsv, .csv.gz, .tsv.gz, .npz"),
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
        Path("digit"): "digit: no such file; the only data set that comes with the package is "
        "'digits'",
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


# ------------------------------------------------------------------ packages


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


def test_a_broken_package_keeps_its_own_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "broken_package.py", "import what_it_needs\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="No module named 'what_it_needs'"):
        require("broken_package", "app")
