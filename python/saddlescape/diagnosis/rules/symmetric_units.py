"""Hidden units that are copies of one another stay copies: their gradients are equal."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from saddlescape.diagnosis.case import Case
from saddlescape.diagnosis.records import Evidence, Finding

__all__ = ["check"]


def check(case: Case) -> Finding | None:
    """Fire if units of a hidden layer have the same incoming and outgoing weights, bit for bit."""
    net = case.run.net
    if net.residual or net.dropout > 0:  # which treat equal units differently
        return None
    layers, scales = net.layers(), net.scales()
    for number, ((W, b), (W_out, _)) in enumerate(pairwise(layers), 1):
        columns = [W, W_out.T] + ([b[:, None]] if b is not None else [])
        columns += [x[:, None] for x in scales[number - 1]] if scales else []
        units = np.concatenate(columns, axis=1)
        distinct = len(np.unique(units, axis=0))
        if distinct < len(units):
            return Finding(
                "symmetric_units",
                "symmetric units",
                f"Hidden layer {number} has {len(units)} units, of which only {distinct} "
                f"{'is' if distinct == 1 else 'are'} distinct; equal units have equal gradients "
                "and stay equal for ever.",
                (
                    Evidence(
                        f"distinct units, layer {number}",
                        f"{distinct} of {len(units)}",
                        "incoming and outgoing weights compared bit for bit",
                    ),
                ),
                "Start the weights at random: init='he', standard deviation sqrt(2 / fan_in).",
                weight=40,
            )
    return None
