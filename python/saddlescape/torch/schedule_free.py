"""Schedule-free AdamW, and the two points that it has to be asked for."""

from __future__ import annotations

from typing import Any

import torch

from saddlescape import _check, optim
from saddlescape._core import optim as _core
from saddlescape.torch.groups import Group, State, place
from saddlescape.torch.states import lacks
from saddlescape.torch.stepped import Stepped

__all__ = ["ScheduleFreeAdamW"]


class ScheduleFreeAdamW(Stepped, torch.optim.Optimizer):
    """Schedule-free AdamW for PyTorch: see `saddlescape.optim.ScheduleFreeAdamW`.

    The parameters hold y, where gradients are taken; `eval` puts x there, the point to evaluate and
    to keep, and `train` puts y back. The names are those of the authors' package ``schedulefree``.
    There y is computed from x and z again and so rounded; here it waits in the state, under ``y``,
    and comes back bit for bit. There one begins in the mode of `eval`; here in that of `train`,
    which before the first step is the same point.

    Examples
    --------
    >>> import torch
    >>> from saddlescape.torch import ScheduleFreeAdamW
    >>> weight = torch.tensor([3.0, 4.0], requires_grad=True)
    >>> opt = ScheduleFreeAdamW([weight], lr=0.1)
    >>> for _ in range(2):
    ...     weight.grad = torch.tensor([4.0, -0.1])
    ...     opt.step()
    >>> opt.eval()
    >>> [round(x, 4) for x in weight.tolist()]
    [2.85, 4.15]
    >>> opt.train()
    >>> [round(y, 4) for y in weight.tolist()]
    [2.845, 4.155]
    """

    rule = optim.ScheduleFreeAdamW
    # Numbers of Python's: PyTorch loads tensors in the type of the parameter.
    scalars = carried = ("weight_sum", "lr_max")

    def __init__(
        self,
        params: Any,
        lr: float = 0.0025,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        warmup_steps: int = 0,
        r: float = 0,
        weight_lr_power: float = 2,
        *,
        maximize: bool = False,
        check_finite: bool = True,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "warmup_steps": warmup_steps,
            "r": r,
            "weight_lr_power": weight_lr_power,
            "maximize": maximize,
            "train_mode": True,
        }
        super().__init__(params, defaults, check_finite=check_finite)

    @torch.no_grad()
    def eval(self) -> None:
        """Put x into the parameters, the average of the path; y waits in the state."""
        for group in self._groups_in(train_mode=True):
            beta1 = float(group["betas"][0])
            for p in group["params"]:
                entry = self.state.get(p)
                if entry:
                    entry["y"] = p.detach().clone()
                    # x = z + (y - z) / beta1, rounded once to what is narrower than float32
                    wide = torch.promote_types(p.dtype, torch.float32)
                    y, z = p.to(wide), entry["z"].to(wide)
                    p.copy_(z + (y - z) / beta1)
            group["train_mode"] = False

    @torch.no_grad()
    def train(self) -> None:
        """Put y back into the parameters, to go on with the next step."""
        for group in self._groups_in(train_mode=False):
            for p in group["params"]:
                entry = self.state.get(p)
                if entry:
                    p.copy_(entry.pop("y"))
            group["train_mode"] = True

    def _groups_in(self, train_mode: bool) -> list[Group]:
        for number in range(len(self.param_groups)):
            self._check(number)
            self._check_states(number)
        return [group for group in self.param_groups if group["train_mode"] == train_mode]

    def _check(self, number: int) -> None:
        super()._check(number)
        _check.flag(
            f"param_groups[{number}]['train_mode']", self.param_groups[number].get("train_mode")
        )

    def _begin(self, p: torch.Tensor, group: Group, name: str) -> State:
        return {**super()._begin(p, group, name), **dict.fromkeys(self.carried, 0.0)}

    def _check_states(self, number: int) -> None:
        super()._check_states(number)
        group = self.param_groups[number]
        if group["train_mode"]:
            return
        for i, p in enumerate(group["params"]):
            entry = self.state.get(p) or {}
            if entry and "y" not in entry:
                raise ValueError(lacks(f"state of {place(number)}[{i}]", "y", "eval()"))

    def _check_number(self, entry: State, key: str, where: str, rule: str) -> None:
        if key not in entry:
            raise ValueError(lacks(where, key, rule))
        _check.non_negative(f"{where}[{key!r}]", entry[key])

    def _parts(
        self, number: int, group: Group, grads: list[Any], fresh: list[tuple[torch.Tensor, State]]
    ) -> list[_core.Part]:
        if not group["train_mode"]:
            raise ValueError(
                f"param_groups[{number}]: the parameters are at x since eval(), call train() first"
            )
        return super()._parts(number, group, grads, fresh)
