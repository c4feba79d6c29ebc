"""Data for a network: read a table, split it, make numbers of it, and say what was done.

Reading (`load`, `from_arrays`) changes nothing; `prepare` splits, and fits what it fills, encodes
and scales with on the training part only. Everything that can't be used is a `DataError` of one
line; everything that was done is a note of one line.

Examples
--------
>>> from saddlescape import data
>>> split = data.prepare(data.load("digits"), seed=0)
>>> print(split.train)
digits: 1437 samples, 60 features, 10 classes
>>> print(split.notes[0].partition(": ")[0])
columns left out because constant in the training part
"""

from saddlescape.data.columns import Categories, Column, Numbers, Table, Task
from saddlescape.data.dataset import Dataset, Split
from saddlescape.data.digits import load_digits
from saddlescape.data.encode import Encoder, Scale
from saddlescape.data.errors import DataError
from saddlescape.data.prepare import prepare
from saddlescape.data.small import one_sample, ravine, small, twenty, views
from saddlescape.data.tables import from_arrays, load

__all__ = [
    "Categories",
    "Column",
    "DataError",
    "Dataset",
    "Encoder",
    "Numbers",
    "Scale",
    "Split",
    "Table",
    "Task",
    "from_arrays",
    "load",
    "load_digits",
    "one_sample",
    "prepare",
    "ravine",
    "small",
    "twenty",
    "views",
]
