"""A classifier's classes: targets made of labels, labels found from chances."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.multiclass import type_of_target, unique_labels

from saddlescape.sklearn.samples import Samples

__all__ = ["Classes"]


class Classes:
    """What a network has outputs for.

    Two classes share one output (a sigmoid, the chance of the second), more have one each (softmax
    over all), and so have several labels that may come together (a sigmoid each).

    labels : (classes,) array, sorted.
    """

    def __init__(self, y: Any) -> None:
        self._binarizer = LabelBinarizer().fit(y)
        self.labels: NDArray[Any] = self._binarizer.classes_
        self.softmax = self._binarizer.y_type_ == "multiclass"
        self.several = self._binarizer.y_type_.startswith("multilabel")

    @classmethod
    def of_first_part(cls, y: Any, classes: Any) -> Classes:
        """Make it for a `partial_fit` whose first samples may lack some classes."""
        if classes is None:
            raise ValueError("classes: None, expected all classes at the first call of partial_fit")
        made = cls(y if type_of_target(y).startswith("multilabel") else classes)
        made.check(y, fewer=True)
        return made

    def check(self, y: Any, fewer: bool, classes: Any = None) -> None:
        """Refuse labels that the network has no output for and, without `fewer`, missing ones."""
        if classes is not None and not np.array_equal(unique_labels(classes), self.labels):
            raise ValueError(f"classes: {classes}, expected {self.labels} as in the fits before")
        seen = unique_labels(y)
        if len(np.setdiff1d(seen, self.labels)) or not (fewer or len(seen) == len(self.labels)):
            raise ValueError(
                f"y: classes {seen}, expected {'some' if fewer else 'all'} of {self.labels} as in "
                "the fits before"
            )

    def encode(self, y: Any, dtype: np.dtype[Any], smoothing: float) -> NDArray[Any]:
        """Return targets (N, outputs): 1 for what is there, ``1 - e + e / C`` with smoothing."""
        Y: NDArray[Any] = self._binarizer.transform(y).astype(dtype)
        if smoothing == 0:
            return Y
        # t (1 - e) + e / C over C classes; a single output, or a label, is one of two
        return Y * (1 - smoothing) + smoothing / (Y.shape[1] if self.softmax else 2)

    def strata(self, samples: Samples) -> NDArray[Any] | None:
        """Return the class of each sample by its targets; None for several labels."""
        if self.several:
            return None
        classes: NDArray[Any] = samples.Y.argmax(axis=1) if self.softmax else samples.Y[:, 0]
        return classes

    def accuracy(self, outputs: NDArray[Any], held: Samples) -> float:
        """Return the share of samples that are right, in all their labels if they have several."""
        if not np.isfinite(outputs).all():
            return float("nan")
        if self.softmax:
            right = outputs.argmax(axis=1) == held.Y.argmax(axis=1)
        else:
            right = ((outputs > 0) == (held.Y > 0.5)).all(axis=1)
        return float(np.average(right, weights=held.weight))

    def both(self, logits: NDArray[Any]) -> NDArray[Any]:
        """Return the logits of both classes where there is one output, for the second.

        The first one's is its negative: ``1 - p`` would lose the small chances. A class alone is
        sure; scikit-learn has two columns for it.
        """
        if logits.shape[1] > 1:
            return logits
        if len(self.labels) == 1:
            return np.full_like(logits, np.inf)
        return np.hstack([-logits, logits])

    def chances(self, logits: NDArray[Any]) -> NDArray[Any]:
        """Return probabilities of the logits' shape."""
        found: NDArray[Any]
        found = special.softmax(logits, axis=1) if self.softmax else special.expit(logits)
        return found

    def log_chances(self, logits: NDArray[Any]) -> NDArray[Any]:
        """Return the logarithms of `chances`."""
        found: NDArray[Any]
        found = special.log_softmax(logits, axis=1) if self.softmax else special.log_expit(logits)
        return found

    def find(self, chances: NDArray[Any]) -> NDArray[Any]:
        """Return the label (N,) that the chances (N, outputs) are for, or all labels (N, C)."""
        if chances.shape[1] == 1:
            chances = chances[:, 0]
        found: NDArray[Any] = self._binarizer.inverse_transform(chances)
        return found
