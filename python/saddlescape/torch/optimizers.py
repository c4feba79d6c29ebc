"""The optimizers that PyTorch has."""

from __future__ import annotations

from typing import Any

import torch

from saddlescape import optim
from saddlescape._core import optim as _core
from saddlescape.torch.groups import Group, State
from saddlescape.torch.stepped import Stepped

__all__ = [
    "ASGD",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "NAdam",
    "RAdam",
    "RMSprop",
    "Rprop",
]


class SGD(Stepped, torch.optim.SGD):
    """``torch.optim.SGD``: see `saddlescape.optim.SGD` for the equations.

    Examples
    --------
    >>> import torch
    >>> from saddlescape.torch import SGD
    >>> weight = torch.ones(2, requires_grad=True)
    >>> opt = SGD([weight], lr=0.5)
    >>> (weight * weight).sum().backward()
    >>> opt.step()
    >>> weight.tolist()
    [0.0, 0.0]
    """

    rule = optim.SGD

    def _arguments(self, group: Group) -> dict[str, Any]:
        arguments = super()._arguments(group)
        if arguments["momentum"] == 0:
            # Without a buffer there is nothing to look ahead with: a schedule may bring it to 0.
            arguments["nesterov"] = False
        return arguments

    def _parts(
        self, number: int, group: Group, grads: list[Any], fresh: list[tuple[torch.Tensor, State]]
    ) -> list[_core.Part]:
        # PyTorch counts no steps here: the first is the one that finds no buffer.
        name, options = self._options(number, group)
        place, params = f"param_groups[{number}]['params']", group["params"]
        if name == "sgd":
            nothing: list[State | None] = [{}] * len(params)
            return [(name, options, place, params, grads, nothing, [1] * len(params))]
        entries: list[State | None] = []
        counts = []
        for p, g in zip(params, grads, strict=True):
            entry = None if g is None else self.state.get(p)
            begun = entry is not None and entry.get("momentum_buffer") is not None
            if g is not None and not begun:
                entry = {"momentum_buffer": torch.zeros_like(p)}
                fresh.append((p, entry))
            entries.append(entry)
            counts.append(int(begun))
        return [(name, options, place, params, grads, entries, counts)]


class Adagrad(Stepped, torch.optim.Adagrad):
    """``torch.optim.Adagrad``: see `saddlescape.optim.Adagrad` for the equations."""

    rule = optim.Adagrad

    def _begin(self, p: torch.Tensor, group: Group, name: str) -> State:
        state = super()._begin(p, group, name)
        state["sum"].fill_(group["initial_accumulator_value"])
        return state


class Adadelta(Stepped, torch.optim.Adadelta):
    """``torch.optim.Adadelta``: see `saddlescape.optim.Adadelta` for the equations."""

    rule = optim.Adadelta


class RMSprop(Stepped, torch.optim.RMSprop):
    """``torch.optim.RMSprop``: see `saddlescape.optim.RMSprop` for the equations."""

    rule = optim.RMSprop


class Adam(Stepped, torch.optim.Adam):
    """``torch.optim.Adam``: see `saddlescape.optim.Adam` for the equations."""

    rule = optim.Adam


class AdamW(Stepped, torch.optim.AdamW):
    """``torch.optim.AdamW``: see `saddlescape.optim.AdamW` for the equations."""

    rule = optim.AdamW


class Adamax(Stepped, torch.optim.Adamax):
    """``torch.optim.Adamax``: see `saddlescape.optim.Adamax` for the equations."""

    rule = optim.Adamax


class NAdam(Stepped, torch.optim.NAdam):
    r"""``torch.optim.NAdam``: see `saddlescape.optim.NAdam` for the equations.

    The product of the :math:`\mu_t` is computed from the count of steps, in double. The state's
    ``mu_product`` is written for PyTorch and not read: it matters only where betas change.
    """

    rule = optim.NAdam
    scalars = ("mu_product",)

    def _begin(self, p: torch.Tensor, group: Group, name: str) -> State:
        state = super()._begin(p, group, name)
        state["mu_product"] = torch.ones_like(state["step"])
        return state

    def _after(self) -> None:
        # Pi_t = Pi_{t-1} mu_t
        for group in self.param_groups:
            arguments = self._arguments(group)
            beta1, psi = arguments["betas"][0], arguments["momentum_decay"]
            for p in group["params"]:
                if p.grad is not None:
                    t = self.state[p]["step"].item()
                    self.state[p]["mu_product"] *= beta1 * (1 - 0.5 * 0.96 ** (t * psi))


class RAdam(Stepped, torch.optim.RAdam):
    """``torch.optim.RAdam``: see `saddlescape.optim.RAdam` for the equations."""

    rule = optim.RAdam


class Rprop(Stepped, torch.optim.Rprop):
    """``torch.optim.Rprop``: see `saddlescape.optim.Rprop` for the equations."""

    rule = optim.Rprop

    def _begin(self, p: torch.Tensor, group: Group, name: str) -> State:
        state = super()._begin(p, group, name)
        state["step_size"].fill_(float(group["lr"]))
        return state


class ASGD(Stepped, torch.optim.ASGD):
    r"""``torch.optim.ASGD``: see `saddlescape.optim.ASGD` for the equations.

    As in PyTorch, and unlike there, :math:`\eta_t` is the state's ``eta``, computed at the end of
    the step before: a changed ``lr`` acts a step late.
    """

    rule = optim.ASGD
    scalars = ("eta", "mu")

    def _begin(self, p: torch.Tensor, group: Group, name: str) -> State:
        state = super()._begin(p, group, name)
        state["eta"] = torch.full_like(state["step"], float(group["lr"]))
        state["mu"] = torch.ones_like(state["step"])
        return state

    def _parts(
        self, number: int, group: Group, grads: list[Any], fresh: list[tuple[torch.Tensor, State]]
    ) -> list[_core.Part]:
        ((name, _, place, params, _, entries, _),) = super()._parts(number, group, grads, fresh)
        etas = [None if entry is None else entry["eta"].item() for entry in entries]
        parts: list[_core.Part] = []
        for eta in dict.fromkeys(etas):
            if eta is None:
                continue
            # lr / (1 + ...)^0 is the eta that was computed
            _, options = self._resolve({**group, "lr": eta, "alpha": 0.0})
            mine = [g if other == eta else None for g, other in zip(grads, etas, strict=True)]
            parts.append((name, options, place, params, mine, entries, None))
        return parts

    def _after(self) -> None:
        # eta_{t+1} = lr / (1 + lambd lr t)^alpha,  mu_{t+1} = 1 / max(1, t - t0)
        for group in self.param_groups:
            arguments, lr = self._arguments(group), float(group["lr"])
            lambd, alpha, t0 = (arguments[name] for name in ("lambd", "alpha", "t0"))
            for p in group["params"]:
                if p.grad is not None:
                    state = self.state[p]
                    t = state["step"].item()
                    state["eta"].fill_(lr / (1 + lambd * lr * t) ** alpha)
                    state["mu"].fill_(1 / max(1, t - t0))
