"""A spectral density: nodes and weights, and what they say with a band."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from saddlescape._check import fraction, integer, non_negative, real
from saddlescape.eig._estimate import quantile
from saddlescape.eig._mass import Probe, sampled, simultaneous

__all__ = ["Density", "Mass"]

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Mass:
    """A share of the eigenvalues, with a confidence interval.

    Attributes
    ----------
    value : float
        The estimate, in [0, 1]; times n it is a number of eigenvalues.
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
        sums = np.concatenate([[0.0], np.cumsum(self.weights)])
        # Nodes at an exact eigenvalue miss it by a rounding: those that close count as up to it.
        rounding = 1e-14 * np.abs(self.nodes).max()
        share = sums[np.searchsorted(self.nodes, points + rounding, side="right")]
        return np.asarray(np.minimum(share, 1.0))

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
        ends = _points([low, high])
        if ends[0] > ends[1]:
            raise ValueError(f"low, high: {low}, {high}, expected low <= high")
        inside = (self.nodes >= ends[0]) & (self.nodes <= ends[1])
        least, most = self._bounds(ends[:1], ends[1:], confidence, False)
        value = min(max(float(self.weights[inside].sum()), float(least[0])), float(most[0]))
        return Mass(value, float(least[0]), float(most[0]), confidence)

    def mass_below(self, x: float, confidence: float = 0.95) -> Mass:
        """Return the share of the eigenvalues below x, without x; as `mass`."""
        below = np.nextafter(real("x", x, "a finite number"), -np.inf)
        return self.mass(-np.inf, float(below), confidence)

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
        scale = real("width", width, "a positive number")
        if scale <= 0:
            raise ValueError(f"width: {width}, expected a positive number")
        least = 1e-3 * self._range()
        result = np.zeros(points.size)
        rest = (self.n - len(self.known)) / self.n
        parts = [(self.known, np.full(self.known.shape, 1 / self.n), np.zeros(self.known.shape))]
        for probe in self._probes:
            share = rest / len(self._probes)
            resolved = np.minimum(_spacing(probe.nodes), probe.errors)
            parts.append((probe.nodes, share * probe.weights, resolved))
        for nodes, weights, spacing in parts:
            h = np.maximum(scale * spacing, least)
            for node, weight, each in zip(nodes, weights, h, strict=True):
                distance = (points.ravel() - node) / each
                result += weight / (each * np.sqrt(2 * np.pi)) * np.exp(-(distance**2) / 2)
        return result.reshape(points.shape)

    def curve(self, points: int = 500, width: float = 1.0) -> tuple[Vector, Vector]:
        """Return x and `pdf` at `points` places, evenly over the nodes and a tenth beyond them."""
        count = integer("points", points, 2)
        margin = 0.1 * self._range()
        x = np.linspace(self.nodes[0] - margin, self.nodes[-1] + margin, count)
        return x, self.pdf(x, width)

    def _range(self) -> float:
        """Return the range of the nodes; of a single one its size, and 1 if it is zero."""
        spread = float(self.nodes[-1] - self.nodes[0])
        largest = float(np.abs(self.nodes).max())
        return spread if spread > 1e-10 * largest else largest or 1.0

    def _zero(self, tolerance: float | None) -> float:
        return self.tolerance if tolerance is None else non_negative("tolerance", tolerance)

    def _bounds(
        self, low: Vector, high: Vector, confidence: float, together: bool
    ) -> tuple[Vector, Vector]:
        """Return bounds of the share of the eigenvalues in the windows [low, high]."""
        z, miss = quantile(confidence), 1 - fraction("confidence", confidence)
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
            lower, upper = np.maximum(lower - reach, 0), np.minimum(upper + reach, 1)
        else:
            lower, upper = sampled(rest, count, lower, upper, z, miss / 2)
        return (least + rest * lower) / self.n, (most + rest * upper) / self.n


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
