"""Where an optimizer's arrays live: on the CPU, on a CUDA device, or some here and some there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from saddlescape import _backend
from saddlescape._core import optim as _core

__all__ = ["stepper"]


def stepper(
    rules: list[str],
    arrays: Any,
    fills: list[float],
    index: list[int],
    labels: list[str],
    layout: _core.Layout,
) -> _core.Stepper:
    """Return the core that steps where the arrays live; the arguments are `_core.Stepper`'s."""
    listed = arrays if isinstance(arrays, list | tuple) else [arrays]
    there = [_backend.on_device(array) for array in listed]
    if not any(there):
        return _core.Stepper(rules, arrays, fills, index, labels, layout)
    cuda = _backend.cuda(f"params{f'[{there.index(True)}]' if listed is arrays else ''}")
    if all(there):
        made: _core.Stepper = cuda.Stepper(rules, arrays, fills, index, labels, layout)
        return made
    return cast(_core.Stepper, Mixed(rules, listed, fills, index, labels, layout, there, cuda))


class Both:
    """Two objects whose attributes are set together."""

    def __init__(self, *each: Any) -> None:
        object.__setattr__(self, "_each", each)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._each[0], name)

    def __setattr__(self, name: str, value: Any) -> None:
        for one in self._each:
            setattr(one, name, value)


class Mixed:
    """A `_core.Stepper` over arrays of both kinds: each takes its own step, all of them or none.

    Gradients are looked at in both places before anything changes, and clipped by the norm of all
    of them. The device goes first: what can still go wrong there, its memory, does so before the
    CPU has moved.
    """

    def __init__(
        self,
        rules: list[str],
        arrays: Sequence[Any],
        fills: list[float],
        index: list[int],
        labels: list[str],
        layout: _core.Layout,
        there: list[bool],
        cuda: Any,
    ) -> None:
        index = index or [0] * len(arrays)
        labels = labels or [f"[{i}]" for i in range(len(arrays))]
        self._cores: list[_core.Stepper] = []
        self._mine: list[list[int]] = []
        for kind, place in ((cuda, True), (_core, False)):
            mine = [i for i, is_there in enumerate(there) if is_there is place]
            own = [[x[i] for i in mine] for x in (arrays, index, labels)]
            self._cores.append(kind.Stepper(rules, own[0], fills, own[1], own[2], layout))
            self._mine.append(mine)
        # Of all arrays, whose it is and which of that one's.
        where = {i: (k, n) for k, mine in enumerate(self._mine) for n, i in enumerate(mine)}
        self._order = [where[i] for i in range(len(arrays))]
        self.around: Any = Both(*(core.around for core in self._cores))
        self._norm = 0.0

    def options(self, group: int) -> Any:
        """Return the hyper-parameters of a group."""
        return Both(*(core.options(group) for core in self._cores))

    def step(
        self, grads: Any, check_finite: bool = True, skip: bool = False, stream: Any = None
    ) -> bool:
        """Return False if the step was left out because a gradient is not finite."""
        own, streams = self._split("grads", grads), (stream, None)
        clips = self.around.clip_norm < float("inf")
        seen = [
            core.look(mine, check_finite, skip, at)
            for core, mine, at in zip(self._cores, own, streams, strict=True)
        ]
        if any(each.non_finite >= 0 for each in seen):
            return False
        if clips:
            self.around.norm_of_all = _core.norm_of_all(seen, self._order)
        self.around.norm_is_known = clips
        try:
            for core, mine, at in zip(self._cores, own, streams, strict=True):
                core.step(mine, False, skip, at)
        finally:
            self.around.norm_is_known = False
        return True

    def load(
        self,
        state: Mapping[str, Any],
        steps: list[int],
        carried: list[list[float]],
        calls: int,
        as_left: bool = False,
    ) -> None:
        """Take a state, all of it or nothing."""
        split = {name: self._split(f"state['{name}']", rows) for name, rows in state.items()}
        numbers = self._split("steps", steps), self._split("carried", carried)
        before = [
            ({name: [a.copy() for a in arrays] for name, arrays in _named(core).items()}, core)
            for core in self._cores
        ]
        taken = [(old, core.steps, core.carried, core.calls) for old, core in before]
        for k, core in enumerate(self._cores):
            own = {name: rows[k] for name, rows in split.items()}
            try:
                core.load(own, numbers[0][k], numbers[1][k], calls, as_left)
            except (MemoryError, TypeError, ValueError):
                for done, old in zip(self._cores[:k], taken, strict=False):
                    done.load(*old, as_left=True)
                raise

    def put(self, buffer: str, rows: list[Any], argument: str) -> None:
        """Take numbers that the rule reads in its next step."""
        for core, own in zip(self._cores, self._split(argument, rows), strict=True):
            core.put(buffer, own, argument)

    def measured(self, norms: Any, gradient_norm: float, clip: float) -> None:
        """Take what another one measured in its last step."""
        for core, rows in zip(self._cores, self._split("norms", list(norms)), strict=True):
            core.measured(rows, gradient_norm, clip)

    def numbers(self) -> list[Any]:
        """Return the parameters as what is computed in, copied."""
        return self._joined([core.numbers() for core in self._cores])

    @property
    def params(self) -> list[Any]:
        """All arrays, in their order."""
        return self._joined([core.params for core in self._cores])

    @property
    def buffer_names(self) -> list[str]:
        """What is kept beside each array."""
        return self._cores[0].buffer_names

    @property
    def buffers(self) -> list[list[Any]]:
        """By name, then by array."""
        return [
            self._joined(list(rows))
            for rows in zip(*(core.buffers for core in self._cores), strict=True)
        ]

    @property
    def steps(self) -> list[int]:
        """Steps that each array took part in."""
        return self._joined([core.steps for core in self._cores])

    @property
    def carried(self) -> list[list[float]]:
        """What the rule keeps for each array."""
        return self._joined([core.carried for core in self._cores])

    @property
    def carries(self) -> bool:
        """Whether it keeps anything."""
        return self._cores[0].carries

    @property
    def norms(self) -> npt.NDArray[np.float64]:
        """(arrays, 3): of gradient, update and parameters."""
        return np.array(self._joined([list(core.norms) for core in self._cores]))

    @property
    def gradient_norm(self) -> float:
        """Of all gradients in the last step."""
        if self.around.clip_norm < float("inf"):
            return self._cores[0].gradient_norm
        return _core.norm_of_norms(self.norms[:, 0].tolist())

    @property
    def clip(self) -> float:
        """What clip_norm multiplied all gradients by."""
        return self._cores[0].clip

    @property
    def calls(self) -> int:
        """Steps taken."""
        return self._cores[0].calls

    def _split(self, name: str, rows: Any) -> list[list[Any]]:
        if not isinstance(rows, list | tuple):
            raise TypeError(f"{name}: {type(rows).__name__}, expected a list or tuple of arrays")
        if len(rows) != len(self._order):
            raise ValueError(
                f"{name}: {len(rows)} arrays, expected {len(self._order)}, one for each of params"
            )
        return [[rows[i] for i in mine] for mine in self._mine]

    def _joined(self, each: Sequence[Any]) -> list[Any]:
        return [each[k][n] for k, n in self._order]


def _named(core: _core.Stepper) -> dict[str, list[Any]]:
    return dict(zip(core.buffer_names, core.buffers, strict=True))
