"""Tables to arrays: what is fitted, and on what."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from data_samples import arrays, table_text, write
from saddlescape import data

pytest.importorskip("pandas")
pytest.importorskip("sklearn")


@pytest.fixture
def csv_path(tmp_path: Path) -> Path:
    return write(tmp_path / "pets.csv", table_text())


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
