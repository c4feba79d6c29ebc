"""Arguments that several rules take, checked and in the core's words."""

from __future__ import annotations

from saddlescape import _check

__all__ = ["betas", "epsilon"]


def betas(value: object, count: int = 2) -> dict[str, float]:
    """Return ``beta1``, ``beta2``, ... from a pair or triple of weights in [0, 1)."""
    words = {2: "two", 3: "three"}[count]
    if not isinstance(value, tuple | list):
        raise TypeError(f"betas: {type(value).__name__}, expected {words} numbers >= 0 and < 1")
    if len(value) != count:
        raise ValueError(f"betas: {len(value)} numbers, expected {words}")
    return {f"beta{i + 1}": _check.fraction(f"betas[{i}]", beta) for i, beta in enumerate(value)}


def epsilon(value: object, place: str = "eps") -> dict[str, float]:
    """Return all of the core's three epsilons, with `value` at its place and 0 elsewhere.

    ``eps`` is added to the denominator, ``eps_root`` under its root, ``eps_hat`` to the root before
    the bias correction.
    """
    places = {"eps": 0.0, "eps_root": 0.0, "eps_hat": 0.0}
    return {**places, place: _check.non_negative("eps", value)}
