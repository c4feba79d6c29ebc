"""Units that are flat for nearly all samples hear nothing, and nothing below hears through them."""

from __future__ import annotations

import numpy as np

from saddlescape.diagnosis.case import Case
from saddlescape.diagnosis.records import Evidence, Finding
from saddlescape.diagnosis.saturation import STUCK, Saturation

__all__ = ["check"]

_MUCH = 0.5  # of a layer's units
_LARGE = 3.0  # |mean| and standard deviation of an input together; 1 if it is standardised


def check(case: Case) -> Finding | None:
    """Fire if at least half of a hidden layer's units are flat for at least 99 % of the samples."""
    found = case.saturation
    if found is None:
        return None
    layers = [
        layer for layer, shares in enumerate(found.shares, 1)
        if len(found.stuck(layer)) >= _MUCH * len(shares)
    ]  # fmt: skip
    if not layers:
        return None
    said = "; ".join(found.statement(layer) for layer in layers[:2])
    more = f", and so in {len(layers) - 2} more" if len(layers) > 2 else ""
    return Finding(
        "saturated_units",
        f"{found.word} units",
        f"{said[0].upper()}{said[1:]}{more}. Next to no gradient comes through them.",
        tuple(_evidence(found, layer) for layer in layers),
        _remedy(case, found),
        weight=25,
    )


def _evidence(found: Saturation, layer: int) -> Evidence:
    return Evidence(
        f"{found.word} units, layer {layer}",
        f"{len(found.stuck(layer))} of {len(found.shares[layer - 1])}",
        f"slope below 1 % of its steepest for {100 * STUCK:.0f} % or more of {found.samples:,} "
        f"samples{', by weight' if found.weighted else ''}",
    )


def _large(case: Case) -> bool:
    """Whether an input is far from mean 0 and standard deviation 1, as the network gets it."""
    inputs = case.run.net.cast(case.run.X, np.dtype(np.float64))
    return bool((np.abs(inputs.mean(axis=0)) + inputs.std(axis=0) > _LARGE).any())


def _remedy(case: Case, found: Saturation) -> str:
    first = "Standardise the inputs (net.standardise(X)). " if _large(case) else ""
    if found.activation == "relu":
        return f"{first}Take leaky_relu, or start anew with a lower learning rate."
    net = case.run.net
    if net.normalisation is None:
        return f"{first}Start anew with smaller weights, or normalise: normalisation='batch'."
    if net.normalise_after:
        return f"{first}Normalise before the activation, not behind it (normalise_after=False)."
    return f"{first}Start anew with smaller scales (gamma) of the normalisation."
