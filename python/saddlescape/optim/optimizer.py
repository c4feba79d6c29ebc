"""What every optimizer does besides its formula: the step, the learning rate, the state."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from saddlescape.optim import saved
from saddlescape.optim.common import Common, Settings, Statistics
from saddlescape.optim.groups import Group, LearningRate, arrange, flat_gradients
from saddlescape.optim.places import stepper

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Array", "Groups", "LearningRate", "Optimizer", "Params"]


class _SpeaksDLPack(Protocol):
    """PyTorch's tensors, and those of all libraries that speak DLPack."""

    def __dlpack__(self, *args: Any, **kwargs: Any) -> Any: ...


class _SpeaksNumPy(Protocol):
    @property
    def __array_interface__(self) -> dict[str, Any]: ...


Array = npt.NDArray[np.floating[Any]] | _SpeaksDLPack | _SpeaksNumPy
Groups = Sequence[Mapping[str, Any]]
Params = Array | Sequence[Array] | Groups


class Optimizer(abc.ABC):
    r"""An update rule at work on a list of arrays, in place.

    A rule's class names its arguments and checks them; the formula itself stands in C++. What
    stands round the formula happens in the same pass over memory.

    Parameters
    ----------
    params : array or list or tuple of arrays or list of dict
        What is optimized: C-contiguous writable arrays of any shape, float32, float64, bfloat16 or
        float16, finite, no two sharing memory. They are updated in place, never in a copy: NumPy
        arrays (bfloat16: those of ml_dtypes), PyTorch tensors, and whatever speaks
        ``__array_interface__``, ``__cuda_array_interface__`` or DLPack 1.0. Those on a CUDA device
        are stepped there (docs/cuda.md), with their states; some may be there and some not. Where
        an array belongs to a library that watches changes (autograd), it is not told. A dict is a
        group: its arrays are ``"params"``, the other keys are arguments of the rule that differ for
        it.
    lr : float or callable
        Learning rate >= 0, or a function that gives it for a step; the first step is number 0.
    arguments : mapping
        The rule's other arguments, as its constructor names them.
    state_dtype : {None, "bfloat16", "8bit"}, optional
        How the rule's states are kept: as what is computed in (float32, or float64 for float64
        parameters), in 16 bits, or in 8 bits with a scale for each block of 64. Averages that move
        by less than a unit in each step are rounded up as often as keeps their mean (dithered by
        the element's index and the step: reproducible). See docs/storage.md for the errors.
        ``"float32"`` and ``"float64"`` are accepted where they are what None means.
    master_weights : bool, default False
        Keep float32 weights beside bfloat16 or float16 parameters; the step moves those and rounds
        them into the parameters.
    stochastic_rounding : bool, default False
        Round bfloat16 or float16 parameters up or down as often as keeps the mean, instead of to
        the nearest, where a small step is lost.
    clip_norm : float, optional
        Shrink all gradients together so that their Euclidean norm is at most this, as PyTorch's
        ``clip_grad_norm_`` does: by :math:`\min(1, c / (\|g\| + 10^{-6}))`. Gradients themselves
        stay as they are.
    clip_value : float, optional
        Clamp each number of the gradients to this magnitude, before `clip_norm`.
    average : EMA or SWA, optional
        Keep an average of the parameters over the steps.
    statistics : bool, default False
        Take the norms of each array's gradient, update and parameters in each step.
    non_finite : {"raise", "skip"}, default "raise"
        What a step with a NaN or infinite gradient does, beside changing nothing: raise, or count
        itself in `skipped`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as said above; it is named.
    """

    def __init__(
        self,
        params: Params,
        lr: LearningRate,
        arguments: Mapping[str, Any],
        **common: Unpack[Common],
    ) -> None:
        self._settings = Settings(common)
        laid = arrange(params, lr, arguments)
        self._sizes = laid.sizes
        groups = laid.groups(self._resolve)
        rules = [group.rule for group in groups]
        fills = [self._fill(own) for _, own in laid.rows]
        layout = self._settings.layout()
        self._core = stepper(rules, laid.arrays, fills, laid.index, laid.labels, layout)
        self._settings.apply(self._core.around)
        for k, group in enumerate(groups):
            group.attach(self._core, k)
        self._groups = groups
        self._skipped = 0

    @staticmethod
    @abc.abstractmethod
    def _resolve(arguments: Mapping[str, Any]) -> tuple[str, dict[str, float]]:
        """Check the rule's arguments and return its name and hyper-parameters for the core."""

    @staticmethod
    def _fill(arguments: Mapping[str, Any]) -> float:  # noqa: ARG004
        """Return what the states start with."""
        return 0.0

    def step(
        self,
        grads: Array | Sequence[Any],
        *,
        check_finite: bool = True,
        grad_scale: float = 1.0,
        found_inf: bool = False,
        stream: object = None,
    ) -> None:
        """Update the parameters from their gradients, all of them or none.

        Parameters
        ----------
        grads : array or list or tuple of (array or None)
            One array if `params` was one, else one for each, of any of those libraries: the same
            shape, C-contiguous, sharing no memory with a parameter; float64 for float64 parameters,
            else float32, bfloat16 or float16. None leaves a parameter, its state and its own count
            of steps as they are. With groups a list with such a list for each.
        check_finite : bool
            Refuse gradients that hold NaN or infinite numbers. It costs a pass over them, unless
            `clip_norm` takes that anyway.
        grad_scale : float
            What the loss was multiplied by, > 0: the gradients are divided by it. One that
            overflows by that is infinite, for `check_finite` too.
        found_inf : bool
            Leave this step out and count it in `skipped`: the gradients overflowed.
        stream : int or object, optional
            For parameters on a CUDA device: the stream that the step runs in, PyTorch's or CuPy's
            or its address. None is that of the parameters: the current one of their library, or
            what their ``__cuda_array_interface__`` says, else the default one.

        Raises
        ------
        TypeError, ValueError
            If a gradient is not as said above. Parameters and states are then untouched.
        RuntimeError
            If this optimizer is in a step on another thread.
        """
        if found_inf:
            self._skipped += 1
            return
        core = self._core
        if self._sizes is not None:
            grads = flat_gradients(grads, self._sizes)
        calls = core.calls
        for group in self._groups:
            group.advance(calls)
        settings = self._settings
        if settings.average is not None:
            core.around.average_weight = settings.average.weight(calls + 1)
        if grad_scale == 1.0:
            done = core.step(grads, check_finite, settings.skip, stream)
        else:
            done = self._unscaled(grads, check_finite, grad_scale, stream)
        if not done:
            self._skipped += 1

    def _unscaled(self, grads: Any, check_finite: bool, grad_scale: float, stream: Any) -> bool:
        self._core.around.unscale = saved.reciprocal("grad_scale", grad_scale)
        try:
            return self._core.step(grads, check_finite, self._settings.skip, stream)
        finally:
            self._core.around.unscale = 1.0

    @property
    def params(self) -> Any:
        """The parameters: the array, or a list of the arrays, that the optimizer was made with."""
        return self._core.params

    @property
    def groups(self) -> list[Group]:
        """The parameter groups, one if there was no word of groups."""
        return list(self._groups)

    @property
    def rule(self) -> str:
        """The name of the update rule (of the first group): one of `names`."""
        return self._groups[0].rule

    @property
    def arguments(self) -> dict[str, Any]:
        """The rule's arguments other than `lr` (of the first group), by its constructor's names."""
        return dict(self._groups[0].arguments)

    @property
    def steps(self) -> int:
        """How many steps were taken."""
        return self._core.calls

    @property
    def skipped(self) -> int:
        """How many steps were left out: see `non_finite` and `found_inf`."""
        return self._skipped

    @property
    def lr(self) -> float:
        """The learning rate of the next step (of the first group).

        Set it to a number or to a function of the step, for all groups.
        """
        return self._groups[0].lr

    @lr.setter
    def lr(self, lr: LearningRate) -> None:
        for group in self._groups:
            group.lr = lr

    @property
    def average(self) -> Any:
        """The average of the parameters, like `params`; None if none was asked for."""
        return saved.kept(self._core, "average")

    @property
    def master_weights(self) -> Any:
        """The float32 weights behind narrow parameters, like `params`; None if there are none."""
        return saved.kept(self._core, "master")

    @property
    def statistics(self) -> Statistics | None:
        """The norms of the last step; None if they were not asked for."""
        if not self._settings.statistics:
            return None
        return Statistics(*self._core.norms.T.copy())

    @property
    def gradient_norm(self) -> float:
        """The norm of all gradients together in the last step, with `clip_norm` or `statistics`."""
        return self._core.gradient_norm

    @property
    def clip(self) -> float:
        """What `clip_norm` multiplied the gradients by in the last step."""
        return self._core.clip

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._groups[0].text()})"

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of all that a later run needs to continue bit for bit.

        Returns
        -------
        dict
            ``rule``: its name. ``arguments``: the hyper-parameters; ``lr`` is None if it is a
            function. ``step``: steps taken. ``steps``: int64 array, the steps that each parameter
            took part in. ``state``: for each of the rule's states a list with an array for each
            parameter; bfloat16 as its bits (uint16), 8-bit codes (uint8) with their scales beside
            them, master weights and averages by those names. With groups ``groups``, a list of
            rule and arguments for each, stands in the place of the first two. What is kept on a
            CUDA device is copied there (``.numpy()`` brings a copy to the host).
        """
        return saved.state_dict(self._core, self._groups, self._sizes is not None)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned: take all of it, or raise and take nothing.

        A learning rate that is a function is no state: where it is one, here or there, this
        optimizer keeps its own.

        Parameters
        ----------
        state_dict : mapping
            From an optimizer of the same rule over parameters of the same shapes and dtype, with
            the same storage. States of parameters on a CUDA device may come from there or from the
            host.

        Raises
        ------
        TypeError, ValueError
            If a name, shape, dtype or value does not fit, or a number is there that no run
            leaves: NaN, an infinite one, a second moment or a scale below 0. It is named.
        """
        self._load(state_dict)

    def _load(self, given: Mapping[str, Any], as_left: bool = False) -> None:
        saved.load(self._core, self._groups, self._sizes is not None, self._resolve, given, as_left)
