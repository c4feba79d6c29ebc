"""Stochastic Lanczos quadrature: the spectral density of an operator from its products."""

from __future__ import annotations

import numpy as np

from saddlescape._check import integer
from saddlescape.eig._density import Density
from saddlescape.eig._mass import Probe
from saddlescape.eig._operator import Operator, order, solvers
from saddlescape.eig._pieces import pieces_of, together

__all__ = ["density"]


def density(op: Operator, steps: int = 100, probes: int = 4, seed: int = 0) -> Density:
    """Estimate where the eigenvalues of a symmetric operator lie.

    Stochastic Lanczos quadrature: m = `steps` Lanczos steps from a random unit vector v give

        sum_i (u_i^T v)^2 f(lambda_i)  ~  sum_l w_l f(theta_l),   E (u_i^T v)^2 = 1/n,

    exact for polynomials f up to the degree 2m - 1. With `probes` > 1 the first one finds the
    eigenvalues that converge, up to m / 4 of them at the ends; they are taken out and count exactly
    1/n each, and the other probes see the rest of the space alone.

    For large n it is `steps` that matter: the sampling error of one probe is sqrt(2 F (1 - F) / n),
    the resolution about (lambda_max - lambda_min) / m. With ``steps >= n`` the result is the whole
    spectrum; where the Krylov space ends before (few distinct eigenvalues) the nodes are exact.

    Parameters
    ----------
    op : array of shape (n, n), scipy LinearOperator, or anything with ``.shape`` and ``@``
        Symmetric and deterministic: both are watched at every product. It gets vectors (n,) in
        float64, or in float32 if its ``dtype`` says so; their pieces if they are spread over
        processes, or arrays on its CUDA device, as `lanczos` says.
    steps : int
        Products for each probe; 1.25 `steps` vectors of length n are kept.
    probes : int
        Random vectors.
    seed : int
        The same seed gives the same result.

    Returns
    -------
    Density
        ``nodes``, ``weights``, ``known``, ``n``, ``products``; ``cdf`` and its ``band``, ``mass``,
        ``negative_mass`` and ``null_mass`` with intervals, ``pdf`` and ``curve`` for plots.

    Raises
    ------
    TypeError
        If an argument is of another type, or a product is not real.
    ValueError
        If `op` is not square, shows itself not symmetric or not deterministic, if a product is not
        finite or of another shape, or if a number is out of its range. What `op` raises passes
        through unchanged.

    See Also
    --------
    lanczos : eigenvalues at the ends.
    inertia : certified counts, of a matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from saddlescape import eig
    >>> d = np.concatenate([np.linspace(-1, 1, 3000), [20.0, 30.0]])
    >>> density = eig.density(np.diag(d), steps=60)
    >>> np.round(density.known[-2:], 6)
    array([20., 30.])
    >>> share = density.negative_mass()
    >>> share.low < 1500 / 3002 < share.high
    True

    References
    ----------
    Chen, Trogdon, Ubaru, "Analysis of stochastic Lanczos quadrature for spectrum approximation",
    ICML (2021). Golub, Meurant, "Matrices, moments and quadrature with applications" (2010),
    chapter 6. Ghorbani, Krishnan, Xiao, "An investigation into neural net optimization via Hessian
    eigenvalue density", ICML (2019).
    """
    pieces = pieces_of(op)
    with together(pieces, "density"):
        n = order(op, pieces=True)
        if pieces is not None:
            pieces.check(n)
        many, seeds = integer("probes", probes, 1), integer("seed", seed, 0)
        length = min(integer("steps", steps, 1), n)
    core, apply, where = solvers(op, "density", pieces)
    known, errors, sizes, *parts, used, norm, noise = core.quadrature(
        n, apply, length, many, seeds, where
    )
    cuts = np.cumsum(sizes)[:-1]
    each_probes = [np.split(part, cuts) for part in parts] if len(sizes) else [[], [], []]
    found = tuple(Probe(*each) for each in zip(*each_probes, strict=True))
    share = (n - len(known)) / n / max(1, len(found))
    nodes = np.concatenate([known, *(probe.nodes for probe in found)])
    weights = np.concatenate(
        [np.full(known.shape, 1 / n), *(share * probe.weights for probe in found)]
    )
    ascending = np.argsort(nodes, kind="stable")
    tolerance = max(1e-10 * norm, 100 * noise)
    return Density(nodes[ascending], weights[ascending], known, n, used, tolerance, errors, found)
