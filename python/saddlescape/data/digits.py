"""The UCI handwritten digits that come with the package: 1,797 images of 8 x 8 pixels.

Each pixel is the count, 0 to 16, of the pixels set in a 4 x 4 block of a 32 x 32 bitmap. Source and
licence (CC BY 4.0) are in ``sets/LICENSE-digits.txt``.
"""

from __future__ import annotations

from importlib import resources

import numpy as np

from saddlescape.data.dataset import Dataset

__all__ = ["load_digits"]


def load_digits() -> Dataset:
    """Load the handwritten digits, as they are: counts, not scaled, not split.

    Returns
    -------
    Dataset
        X (1797, 64) float64 with values 0 to 16, row-major images; y (1797,) int64, 0 to 9.

    Examples
    --------
    >>> from saddlescape import data
    >>> digits = data.load_digits()
    >>> digits.X.shape, digits.X.min(), digits.X.max()
    ((1797, 64), np.float64(0.0), np.float64(16.0))
    >>> digits.X[0].reshape(8, 8)[0].tolist(), int(digits.y[0])
    ([0.0, 0.0, 5.0, 13.0, 9.0, 1.0, 0.0, 0.0], 0)

    References
    ----------
    Alpaydin and Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine Learning
    Repository, https://doi.org/10.24432/C50P49 (the test part).
    """
    source = resources.files("saddlescape.data").joinpath("sets/digits.npz")
    with source.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        X, y = arrays["X"].astype(np.float64), arrays["y"].astype(np.int64)
    return Dataset(
        name="digits",
        X=X,
        y=y,
        task="classification",
        feature_names=tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8)),
        classes=tuple(str(digit) for digit in range(10)),
        notes=(),
        target_name="digit",
    )
