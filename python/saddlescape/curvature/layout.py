"""Where the layers of a network stand in its parameters."""

from __future__ import annotations

from saddlescape.net import MLP

__all__ = ["block_sizes"]


def block_sizes(net: MLP) -> dict[str, int]:
    """Sizes of the blocks of theta, in its order."""
    scales = net.scales()
    named = {}
    for i, (weight, bias) in enumerate(net.layers()):
        named[f"{i}.weight"] = weight.size
        if bias is not None:
            named[f"{i}.bias"] = bias.size
        if i < len(scales):
            named[f"{i}.gamma"], named[f"{i}.beta"] = (x.size for x in scales[i])
    return named
