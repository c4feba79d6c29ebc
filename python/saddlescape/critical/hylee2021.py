"""The criterion of a homework, beside the right one.

In NTU's Machine Learning 2021 (homework 2-2, "Hessian Matrix") students judged points of a small
network by

    gradient norm = mean over the weight matrices of |dL/dW_l|   (biases left out),  zero if < 1e-3
    minimum ratio = mean over the weight matrices of (eigenvalues > 0) / (their number)

with, for each weight matrix, the Gauss-Newton matrix of a least-squares loss in single precision:
`autograd_lib.backward_hessian(loss="LeastSquares")` and `torch.symeig`. Ratio > 1/2: "local minima
like", else "saddle point"; gradient norm not below 1e-3: "none of the above".

Such a matrix has no negative eigenvalue at all and, of N samples and C outputs, at most N C
positive ones; the rest are zeros, and the sign of a computed zero is rounding. So with 6 samples
and matrices of 128 the ratio is 0.05 or less, and what comes out near 1/2 is noise.

We take the network's own loss in place of the fixed one: for mean squared error that is a factor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saddlescape.curvature import AnyCurvature, NetworkCurvature
from saddlescape.eig import Inertia, inertia

__all__ = ["Homework", "check_preset", "homework"]

GRADIENT = 1e-3
RATIO = 0.5


@dataclass(frozen=True)
class Homework:
    """What the homework's criterion says, and why it may differ from the Hessian's signs.

    Attributes
    ----------
    verdict : str
        ``"local minima like"``, ``"saddle point"`` or ``"none of the above"``.
    gradient_norm : float
        Mean over the weight matrices of the norm of their gradient.
    minimum_ratio : float
        Mean over the weight matrices of the share of eigenvalues above zero, without a tolerance,
        in single precision.
    gradient_norms, minimum_ratios : tuple of float
        Of each weight matrix.
    certified : tuple of Inertia
        Of the same matrices: how many of their signs are certain, in double precision.
    difference : str
        How this compares with the signs of the whole Hessian, in words.
    """

    verdict: str
    gradient_norm: float
    minimum_ratio: float
    gradient_norms: tuple[float, ...]
    minimum_ratios: tuple[float, ...]
    certified: tuple[Inertia, ...]
    difference: str

    def __str__(self) -> str:
        return (
            f"{self.verdict}: mean gradient norm of the weight matrices "
            f"{self.gradient_norm:.3g} (zero below {GRADIENT:g}), mean minimum ratio "
            f"{self.minimum_ratio:.4g}. {self.difference}"
        )


def check_preset(operator: AnyCurvature) -> NetworkCurvature:
    """Return the operator, or raise if it is not made of weight matrices layer by layer."""
    if not isinstance(operator, NetworkCurvature):
        raise TypeError(
            f"preset: 'hylee2021' with a {type(operator).__name__}, expected it with "
            "curvature.of(net, X, y), which has weight matrices layer by layer"
        )
    return operator


def homework(operator: AnyCurvature, kind: str, counts: Inertia) -> Homework:
    """Judge by the homework's criterion; `kind` and `counts` are what is right, to compare with."""
    network = check_preset(operator)
    net, g = network.architecture(), network.gradient()
    norms, ratios, certified = [], [], []
    for layer in range(net.depth):
        W, _ = net.split(g, layer)
        norms.append(float(np.linalg.norm(W)))
        block = np.ascontiguousarray(network.gauss_newton(layer + 1)[: W.size, : W.size])
        ratios.append(_ratio(block))
        certified.append(inertia(block))
    norm, ratio = float(np.mean(norms)), float(np.mean(ratios))
    verdict = "none of the above"
    if norm < GRADIENT:
        verdict = "local minima like" if ratio > RATIO else "saddle point"
    sure = float(np.mean([c.positive / c.n for c in certified]))
    return Homework(
        verdict,
        norm,
        ratio,
        tuple(norms),
        tuple(ratios),
        tuple(certified),
        _difference(ratio, sure, kind, counts),
    )


def _ratio(block: NDArray[np.float64]) -> float:
    values = np.linalg.eigvalsh(block.astype(np.float32))
    return float((values > 0).sum() / len(values))


def _difference(ratio: float, sure: float, kind: str, counts: Inertia) -> str:
    low, high = counts.minimum_ratio
    whole = f"{low:.3f}" if low == high else f"{low:.3f} to {high:.3f}"
    noise = "It counts no more than that."
    if abs(ratio - sure) > 1e-12:
        noise = f"The other {abs(ratio - sure):.2g} that it counts are signs of rounding errors."
    return (
        f"Of its matrices' eigenvalues a share of {sure:.4g} is certainly positive, none can be "
        f"negative (Gauss-Newton), the rest are zeros to rounding. {noise} The whole Hessian, with "
        f"biases and all its curvature, has n+ = {counts.positive}, n- = {counts.negative}, "
        f"n? = {counts.undetermined}, a minimum ratio of {whole}: {kind.replace('_', ' ')}."
    )
