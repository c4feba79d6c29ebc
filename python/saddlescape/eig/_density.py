"""A spectral density: nodes and weights, and what they say with a band."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from saddlescape._check import extended, flag, fraction, integer, non_negative, positive
from saddlescape.eig._mass import Probe, sampled, simultaneous

__all__ = ["Density", "Mass"]

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Mass:
    """A share of the eigenvalues, with a confidence interval.

    Attributes
    ----------
    value : float
        The weight of the nodes there; times n it is a number of eigenvalues. Without bias, so that
        disjoint windows add up, and for that reason not always within [low, high]: of a single
        eigenvalue a random vector may have next to nothing, and still prove that it is there.
    low, high : float
        The interval: what the nodes leave open, and on top of that what the random vectors do.
    confidence : float
        How often such an interval holds, over seeds.
    """

    value: float
    low: float
    high: float
    confidence: float


@dataclass(frozen=True, eq=False)
class Density:
    """Where the n eigenvalues lie: sum_i weights_i at nodes_i.

    Attributes
    ----------
    nodes : ndarray, shape (m,), float64
        Ascending: the eigenvalues that were taken out, and the Lanczos nodes of all probes.
    weights : ndarray, shape (m,), float64
        Positive, with sum 1.
    known : ndarray, shape (d,), float64
        The eigenvalues that converged and were taken out exactly, with a weight of 1/n each. With
        d = n this is the whole spectrum, and nothing is estimated.
    n : int
        The order of the operator.
    products : int
        Products with a vector that were used.
    tolerance : float
        What is not told from zero by `negative_mass` and `null_mass` unless they are told
        otherwise: 1e-10 ||A||, or 100 times the noise of the products if that is more.
    """

    nodes: Vector = field(repr=False)
    weights: Vector = field(repr=False)
    known: Vector = field(repr=False)
    n: int
    products: int
    tolerance: float
    _known_errors: Vector = field(repr=False)
    _probes: tuple[Probe, ...] = field(repr=False)

    def cdf(self, x: ArrayLike) -> Vector:
        """Return the share of the eigenvalues up to each x: sum of weights_i with nodes_i <= x.

        Parameters
        ----------
        x : array-like of floats
            NaN is not allowed.

        Returns
        -------
        ndarray of the shape of `x`, float64
            Unbiased up to the quadrature's error; `band` says how far off it may be.

        Raises
        ------
        ValueError
            If an x is NaN or not a real number.

        Examples
        --------
        >>> import numpy as np
        >>> from saddlescape import eig
        >>> eig.density(np.diag([-1.0, 0.0, 2.0, 2.0])).cdf([-2, -1, 1, 2])
        array([0.  , 0.25, 0.5 , 1.  ])
        """
        points = _points(x)
        sums = np.concatenate([[0.0], np.cumsum(self.weights[:-1]).clip(None, 1), [1.0]])
        # Nodes at an exact eigenvalue miss it by a few roundings: those that close are up to it.
        rounding = 1e-14 * np.abs(self.nodes).max()
        with np.errstate(over="ignore"):
            return np.asarray(sums[np.searchsorted(self.nodes, points + rounding, side="right")])

    def band(
        self, x: ArrayLike, confidence: float = 0.95, simultaneous: bool = False
    ) -> tuple[Vector, Vector]:
        """Return bounds of the exact cumulative distribution at each x.

        What the nodes of each probe leave open (the theorem of Chebyshev, Markov and Stieltjes, and
        the residuals of the nodes) is certain; what the random vectors do is covered with the
        probability `confidence`, by the known distribution of their measures.

        Parameters
        ----------
        x : array-like of floats
        confidence : float
            In [0, 1).
        simultaneous : bool
            True: for all x at once, a Kolmogorov-Smirnov band. False: for each x.

        Returns
        -------
        low, high : ndarray of the shape of `x`, float64

        Raises
        ------
        TypeError, ValueError
            If an argument is of another type or out of its range.

        Examples
        --------
        >>> import numpy as np
        >>> from saddlescape import eig
        >>> density = eig.density(np.diag(np.linspace(0, 1, 2000)), steps=50, probes=3)
        >>> low, high = density.band(0.5)
        >>> bool(low < 0.5 < high), bool(high - low < 0.15)
        (True, True)

        References
        ----------
        Chen, Trogdon, Ubaru, "Analysis of stochastic Lanczos quadrature for spectrum
        approximation", ICML (2021), Theorem 1 and section 3.3.
        """
        points = _points(x)
        flat = points.ravel()
        low, high = self._bounds(np.full(flat.shape, -np.inf), flat, confidence, simultaneous)
        return low.reshape(points.shape), high.reshape(points.shape)

    def mass(self, low: float, high: float, confidence: float = 0.95) -> Mass:
        """Return the share of the eigenvalues in [low, high]; either end may be infinite.

        Raises
        ------
        TypeError, ValueError
            If an argument is of another type, NaN, or out of its range, or if low > high.

        Examples
        --------
        >>> import numpy as np
        >>> from saddlescape import eig
        >>> eig.density(np.eye(1000)).mass(0.5, 1.5)
        Mass(value=1.0, low=1.0, high=1.0, confidence=0.95)
        """
        left, right = extended("low", low), extended("high", high)
        if left > right:
            raise ValueError(f"low, high: {low}, {high}, expected low <= high")
        least, most = self._bounds(np.array([left]), np.array([right]), confidence, False)
        count = float(((self.known >= left) & (self.known <= right)).sum())
        if self._probes:
            shares = [probe.share(left, right) for probe in self._probes]
            count += (self.n - len(self.known)) * (math.fsum(shares) / len(shares))
        return Mass(count / self.n, float(least[0]), float(most[0]), confidence)

    def mass_below(self, x: float, confidence: float = 0.95) -> Mass:
        """Return the share of the eigenvalues below x, without x; as `mass`."""
        return self.mass(-np.inf, math.nextafter(extended("x", x), -math.inf), confidence)

    def negative_mass(self, tolerance: float | None = None, confidence: float = 0.95) -> Mass:
        """Return the share of the eigenvalues below -tolerance; None is `self.tolerance`."""
        return self.mass_below(-self._zero(tolerance), confidence)

    def null_mass(self, tolerance: float | None = None, confidence: float = 0.95) -> Mass:
        """Return the share of the eigenvalues within tolerance of zero; None: `self.tolerance`."""
        zero = self._zero(tolerance)
        return self.mass(-zero, zero, confidence)

    def pdf(self, x: ArrayLike, width: float = 1.0) -> Vector:
        """Return a smooth density at each x, for plots: integrals are those of `cdf`.

        sum_i weights_i N(x; nodes_i, h_i^2), with h_i = `width` times half the distance between the
        neighbours of the node among those of its own probe, or its residual if that is less: fine
        where the nodes resolve much and coarse where they do not, and the same picture for any
        multiple of the operator. h_i is at least a thousandth of the range.

        Raises
        ------
        TypeError, ValueError
            If an x is NaN, or `width` is not a positive number.

        Examples
        --------
        >>> import numpy as np
        >>> from saddlescape import eig
        >>> density = eig.density(np.diag(np.linspace(0, 1, 2000)), steps=50)
        >>> bool(0.8 < density.pdf(0.5) < 1.2)
        True
        """
        points = _points(x)
        scale = positive("width", width, "a positive number")
        # In units of the largest node, so that no difference and no square leaves float64.
        unit = self._unit()
        least = 1e-3 * self._range()
        with np.errstate(over="ignore"):
            places = points.ravel() / unit
        result = np.zeros(points.size)
        rest = (self.n - len(self.known)) / self.n
        parts = [
            (self.known / unit, np.full(self.known.shape, 1 / self.n), np.zeros(self.known.shape))
        ]
        for probe in self._probes:
            share = rest / len(self._probes)
            # Where the spectrum is dense a node stands for all up to halfway to its neighbours; an
            # eigenvalue that stands alone is as far away as its residual says, and no further.
            resolved = np.minimum(_spacing(probe.nodes / unit), probe.errors / unit)
            parts.append((probe.nodes / unit, share * probe.weights, resolved))
        with np.errstate(over="ignore"):
            for nodes, weights, spacing in parts:
                h = np.maximum(scale * spacing, least)
                for node, weight, each in zip(nodes, weights, h, strict=True):
                    distance = (places - node) / each
                    result += weight / (each * np.sqrt(2 * np.pi)) * np.exp(-(distance**2) / 2)
            return (result / unit).reshape(points.shape)

    def curve(self, points: int = 500, width: float = 1.0) -> tuple[Vector, Vector]:
        """Return x and `pdf` at `points` places, evenly over the nodes and a tenth beyond them."""
        count = integer("points", points, 2)
        unit, margin = self._unit(), 0.1 * self._range()
        ends = np.array([self.nodes[0], self.nodes[-1]]) / unit + [-margin, margin]
        most = np.finfo(np.float64).max / max(unit, 1.0)
        low, high = ends.clip(-most, most)
        x = np.linspace(low, high, count) * unit
        return x, self.pdf(x, width)

    def _unit(self) -> float:
        """Return a power of two of about the size of the largest node; 1 if all are zero."""
        largest = float(np.abs(self.nodes).max())
        return 2.0 ** max(math.frexp(largest)[1] - 1, -1000) if largest > 0 else 1.0

    def _range(self) -> float:
        """Return the range of the nodes, in `_unit`s; of a single one its size, 1 if it is zero."""
        nodes = self.nodes / self._unit()
        spread = float(nodes[-1] - nodes[0])
        largest = float(np.abs(nodes).max())
        return spread if spread > 1e-10 * largest else largest or 1.0

    def _zero(self, tolerance: float | None) -> float:
        return self.tolerance if tolerance is None else non_negative("tolerance", tolerance)

    def _bounds(
        self, low: Vector, high: Vector, confidence: float, together: bool
    ) -> tuple[Vector, Vector]:
        """Return bounds of the share of the eigenvalues in the windows [low, high]."""
        miss = 1 - fraction("confidence", confidence)
        flag("simultaneous", together)
        values, errors = self.known, self._known_errors
        windows = low[:, None], high[:, None]
        surely = (values - errors >= windows[0]) & (values + errors <= windows[1])
        perhaps = (values + errors >= windows[0]) & (values - errors <= windows[1])
        least, most = surely.sum(axis=1), perhaps.sum(axis=1)
        count = len(self._probes)
        if count == 0:
            return least / self.n, most / self.n
        rest = self.n - len(values)
        each = [probe.bounds(low, high) for probe in self._probes]
        lower = np.mean([bounds[0] for bounds in each], axis=0)
        upper = np.mean([bounds[1] for bounds in each], axis=0)
        if together:
            reach = simultaneous(rest, count, miss)
            fewest, greatest = rest * (lower - reach).clip(0), rest * (upper + reach).clip(None, 1)
        else:
            fewest, greatest = sampled(rest, count, lower, upper, miss / 2)
        return (least + fewest) / self.n, (most + greatest) / self.n


def _points(x: ArrayLike) -> Vector:
    points = np.asarray(x)
    if points.dtype.kind not in "fiu":
        raise ValueError(f"x: dtype {points.dtype}, expected real numbers")
    if np.isnan(points).any():
        raise ValueError("x: NaN, expected real numbers")
    return points.astype(np.float64)


def _spacing(nodes: Vector) -> Vector:
    """Return half the distance between the neighbours of each node, at the ends to the one."""
    if len(nodes) < 2:
        return np.zeros(nodes.shape)
    return np.abs(np.gradient(nodes))
