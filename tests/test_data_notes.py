"""What was done to a table is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data_samples import ROWS, write
from saddlescape import data

pytest.importorskip("pandas")
pytest.importorskip("sklearn")


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
