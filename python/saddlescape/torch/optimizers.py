"""The optimizers that PyTorch has."""

from __future__ import annotations

from typing import Any

import torch

from saddlescape import _check, optim
from saddlescape._core import optim as _core
from saddlescape.torch.groups import Group, State, place
from saddlescape.torch.states import lacks
from saddlescape.torch.stepped import Stepped

__all__ = [
    "ASGD",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Muon",
    "NAdam",
    "RAdam",
    "RMSprop",
    "Rprop",
    "SparseAdam",
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
        where, params = place(number), group["params"]
        if name == "sgd":
            nothing: list[State | None] = [{}] * len(params)
            return [(name, options, where, params, grads, nothing, [1] * len(params), None)]
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
        return [(name, options, where, params, grads, entries, counts, None)]


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


class SparseAdam(Stepped, torch.optim.SparseAdam):
    """``torch.optim.SparseAdam``: only the rows move, and only their averages, that a gradient has.

    The equations are those of `saddlescape.optim.Adam` with ``convention="keras"``: epsilon is
    added before the bias correction. `Adam` takes sparse gradients too, with its own.
    """

    rule = optim.Adam
    scalars = ("step",)  # a number of Python's in PyTorch
    counts = True

    def _arguments(self, group: Group) -> dict[str, Any]:
        return {**super()._arguments(group), "convention": "keras"}

    def _begin(self, p: torch.Tensor, group: Group, name: str) -> State:
        return {**super()._begin(p, group, name), "step": 0}

    def _check_number(self, entry: State, key: str, where: str, rule: str) -> None:
        if key not in entry:
            raise ValueError(lacks(where, key, rule))
        _check.integer(f"{where}[{key!r}]", entry[key], 0)

    def _parts(
        self, number: int, group: Group, grads: list[Any], fresh: list[tuple[torch.Tensor, State]]
    ) -> list[_core.Part]:
        for i, g in enumerate(grads):
            if g is not None and not g.is_sparse:
                raise TypeError(f"{place(number)}[{i}].grad: dense, expected a sparse one; or Adam")
        return super()._parts(number, group, grads, fresh)

    def _after(self) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.state[p]["step"] += 1


class Adamax(Stepped, torch.optim.Adamax):
    """``torch.optim.Adamax``: see `saddlescape.optim.Adamax` for the equations."""

    rule = optim.Adamax


class NAdam(Stepped, torch.optim.NAdam):
    r"""``torch.optim.NAdam``: see `saddlescape.optim.NAdam` for the equations.

    The product of the :math:`\mu_t` is the state's ``mu_product``, multiplied up as in PyTorch.
    """

    rule = optim.NAdam
    scalars = carried = ("mu_product",)

    def _begin(self, p: torch.Tensor, group: Group, name: str) -> State:
        state = super()._begin(p, group, name)
        state["mu_product"] = torch.ones_like(state["step"])
        return state

    def _carried(self, entry: State | None) -> list[float]:
        return [entry["mu_product"].item() if entry else 0.0, 0.0]

    def _keep(self, entry: State, numbers: list[float]) -> None:
        entry["mu_product"].fill_(numbers[0])


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
        ((name, _, where, params, _, entries, *_),) = super()._parts(number, group, grads, fresh)
        etas = [None if entry is None else entry["eta"].item() for entry in entries]
        parts: list[_core.Part] = []
        for eta in dict.fromkeys(etas):
            if eta is None:
                continue
            # lr / (1 + ...)^0 is the eta that was computed
            _, options = self._resolve({**group, "lr": eta, "alpha": 0.0})
            mine = [g if other == eta else None for g, other in zip(grads, etas, strict=True)]
            parts.append((name, options, where, params, mine, entries, None, None))
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


class Adafactor(Stepped, torch.optim.Adafactor):
    """``torch.optim.Adafactor``: see `saddlescape.optim.Adafactor` for the equations.

    PyTorch takes ``eps[0]=None`` from the first parameter of a group for all of them; here each has
    that of its own type. It divides by the size of an empty one; here nothing happens. It rounds
    each term of the rows and columns of a bfloat16 or float16 parameter; here they are added up in
    more and rounded once.
    """

    rule = optim.Adafactor

    def _shapes(self, p: torch.Tensor, name: str) -> dict[str, tuple[int, ...]]:  # noqa: ARG002
        if p.dim() < 2:
            return {"variance": tuple(p.shape)}
        *stack, rows, columns = p.shape
        return {"row_var": (*stack, rows, 1), "col_var": (*stack, 1, columns)}


class Muon(Stepped, torch.optim.Muon):
    """``torch.optim.Muon``: see `saddlescape.optim.Muon` for the equations.

    PyTorch takes the products in bfloat16, which moves an update by some per cent of its length (7
    at the most seen); here they are in float32, or float64 for float64 parameters.
    """

    rule = optim.Muon
    counts = True  # PyTorch counts no steps here, and the rule needs none

    def _begin(self, p: torch.Tensor, group: Group, name: str) -> State:
        state = super()._begin(p, group, name)
        del state["step"]
        return state

    def _check_parameter(self, p: torch.Tensor, where: str) -> None:
        super()._check_parameter(p, where)
        if p.dim() != 2:
            raise ValueError(f"{where}: shape {tuple(p.shape)}, expected a matrix; or AdamW")
