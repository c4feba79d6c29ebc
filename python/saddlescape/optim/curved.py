"""What optimizers do that take estimates of the Hessian's diagonal beside the gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from saddlescape import _backend
from saddlescape.optim.optimizer import Array, Optimizer

__all__ = ["Curved"]

_STATE = "hessian_diagonal"


class Curved(Optimizer):
    """An update rule that scales each step by an estimate of the Hessian's diagonal.

    ``curvature.hutchinson_diagonal`` and ``curvature.bartlett_diagonal`` estimate it; the exact one
    of our networks is ``net.hessian_diagonal``. It is averaged over the steps that have one; the
    others keep the average. `train` hands over gradients alone, so these rules are not among
    `names`.
    """

    def step(
        self,
        grads: Array | Sequence[Any],
        *,
        hessian_diagonal: Array | Sequence[Any] | None = None,
        check_finite: bool = True,
        grad_scale: float = 1.0,
        found_inf: bool = False,
        stream: object = None,
    ) -> None:
        """Update the parameters from their gradients, all of them or none.

        Parameters
        ----------
        grads : array or list or tuple of (array or None)
            As `Optimizer.step`.
        hessian_diagonal : array or list or tuple of array, optional
            An estimate of the diagonal of the Hessian, of parameters' shapes, in the same form as
            `grads`; real, finite, not multiplied by `grad_scale`; NumPy's, or for a parameter on a
            CUDA device one there, of what is computed in. The first step of a parameter
            needs one, and later ones take the average on as it is where there is none. Where a
            gradient is None it may be None.
        check_finite, grad_scale, found_inf, stream
            As `Optimizer.step`.

        Raises
        ------
        TypeError, ValueError
            If an argument is not as said above. Parameters and states are then untouched.
        """
        if found_inf:
            super().step(grads, found_inf=True)
            return
        inputs = self._inputs()
        self._check_first(grads, hessian_diagonal, len(inputs))
        if hessian_diagonal is not None:
            rows = self._flat(_STATE, hessian_diagonal, len(inputs))
            self._take(rows, self._flat("grads", grads, len(inputs)), inputs)
        self._refresh(hessian_diagonal is not None)
        try:
            super().step(grads, check_finite=check_finite, grad_scale=grad_scale, stream=stream)
        finally:
            self._refresh(False)
            if hessian_diagonal is not None:
                self._core.put(_STATE, [None] * len(inputs), _STATE)

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of all that a later run needs: see `Optimizer.state_dict`.

        ``carried``: how many estimates each parameter has seen.
        """
        saved = super().state_dict()
        del saved["state"][_STATE]  # what the core reads from, empty between steps
        return saved

    def _load(self, given: Mapping[str, Any], as_left: bool = False) -> None:
        state = given.get("state") if isinstance(given, Mapping) else None
        if isinstance(state, Mapping) and _STATE not in state:
            empty = [np.zeros(array.shape, array.dtype) for array in self._inputs()]
            given = {**given, "state": {**state, _STATE: empty}}
        super()._load(given, as_left)

    def _inputs(self) -> list[Any]:
        return self._core.buffers[self._core.buffer_names.index(_STATE)]

    def _refresh(self, value: bool) -> None:
        for group in self._groups:
            group.set(group.arguments, {"refresh": value})

    def _flat(self, name: str, given: Any, count: int) -> list[Any]:
        """Return what came in the form of `params` as a list with an entry for each of them."""
        if not isinstance(self._core.params, list):
            return [given]
        sizes = self._sizes or [count]
        groups = given if self._sizes is not None else [given]
        flat: list[Any] = []
        for k, size in enumerate(sizes):
            own = groups[k] if isinstance(groups, list | tuple) and k < len(groups) else None
            own = [own] if size == 1 and not isinstance(own, list | tuple) else own
            if not isinstance(own, list | tuple) or len(own) != size:
                label = f"{name}[{k}]" if self._sizes is not None else name
                came = len(own) if isinstance(own, list | tuple) else type(own).__name__
                hint = f"{_hint(own)}, cut to their shapes" if _hint(own) else ""
                raise ValueError(f"{label}: {came}, expected a list of {size} arrays{hint}")
            flat += own
        return flat

    def _check_first(self, grads: Any, given: Any, count: int) -> None:
        if given is not None:
            return
        seen = [n > 0 for n, _ in self._core.carried]
        if all(seen):
            return
        for i, gradient in enumerate(self._flat("grads", grads, count)):
            if gradient is not None and not seen[i]:
                raise ValueError(
                    f"{_STATE}: None in the first step of params[{i}], expected an estimate of the "
                    "Hessian's diagonal; later steps may leave it out"
                )

    def _take(self, rows: list[Any], grads: list[Any], inputs: Sequence[Any]) -> None:
        """Check all estimates, then hand them to the core."""
        checked: list[Any] = []
        for i, (row, gradient, into) in enumerate(zip(rows, grads, inputs, strict=True)):
            name = f"{_STATE}[{i}]" if isinstance(self._core.params, list) else _STATE
            if (row is None and gradient is None) or _backend.on_device(row):
                checked.append(row)  # the core looks at what is on a device
                continue
            array = np.asarray(row)
            if array.dtype.kind != "f":
                came = f"dtype {array.dtype}" if hasattr(row, "dtype") else type(row).__name__
                raise TypeError(f"{name}: {came}, expected an array of real numbers{_hint(row)}")
            if array.shape != into.shape:
                raise ValueError(f"{name}: shape {array.shape}, expected {into.shape}")
            with np.errstate(over="ignore"):
                cast = array.astype(into.dtype)
            if not np.isfinite(cast).all():
                at = tuple(int(k) for k in np.argwhere(~np.isfinite(cast))[0])
                raise ValueError(f"{name}: {array[at]:g} at {at}, expected finite {into.dtype}")
            checked.append(np.ascontiguousarray(cast).reshape(cast.shape))
        self._core.put(_STATE, checked, _STATE)


def _hint(given: object) -> str:
    """What to do with an `eig.Estimate`, which this part knows only by its look."""
    return ": pass its .value" if hasattr(given, "value") and hasattr(given, "interval") else ""
