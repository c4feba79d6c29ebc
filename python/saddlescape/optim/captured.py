"""Steps that a CUDA graph holds: the device counts them by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from saddlescape import _backend, _check
from saddlescape._core import optim as _core
from saddlescape.optim.averages import EMA, SWA, Average
from saddlescape.optim.groups import flat_gradients
from saddlescape.optim.optimizer import Array, Optimizer
from saddlescape.optim.places import Mixed

__all__ = ["CapturedStep", "capture"]


class CapturedStep:
    """A step of an optimizer that sends nothing and waits for nothing; `capture` makes it."""

    def __init__(self, optimizer: Optimizer, captured: Any) -> None:
        self._optimizer, self._captured = optimizer, captured

    def launch(self, *, stream: object = None) -> None:
        """Step: at once, or as often as the graph that is being captured is launched.

        Parameters
        ----------
        stream : int or object, optional
            As `Optimizer.step` has it; None is the one that it was captured in.

        Raises
        ------
        RuntimeError
            If the optimizer has taken a step of its own since, or loaded a state.
        """
        self._captured.launch(stream)

    def read(self, *, stream: object = None) -> int:
        """Bring the optimizer's counts and norms to where the device is; waits.

        Before its state is saved, and before it takes a step of its own.

        Parameters
        ----------
        stream : int or object, optional
            Where it, or the graph that holds it, was launched; None is the one that it was captured
            in.

        Returns
        -------
        int
            The optimizer's steps: those that were left out are none.
        """
        self._captured.read(stream)
        return self._optimizer.steps


def capture(
    optimizer: Optimizer,
    grads: Array | Sequence[Any],
    *,
    lr: Any = None,
    grad_scale: object = None,
    found_inf: object = None,
    check_finite: bool = True,
    stream: object = None,
) -> CapturedStep:
    """Prepare a step that a CUDA graph can hold.

    All that a step is told in numbers is sent once, now; launches then count by themselves. Make it
    before the graph's capture begins, call its `launch` inside, launch the graph as often as you
    like, and call `read` at the end. A step whose gradients are not finite, or that `found_inf`
    says to leave out, changes nothing and is not counted. A graph keeps nothing alive: hold on to
    the step, the optimizer and the gradients for as long as you launch it.

    Parameters
    ----------
    optimizer : Optimizer
        Of an elementwise rule, its parameters on one CUDA device.
    grads : array or list or tuple of (array or None)
        As `Optimizer.step`: they, and the parameters, must stay where they are, and are read anew
        in each launch.
    lr : device array or list of (device array or None), optional
        One float32 number, or one for each group: the learning rate, read in each launch. None
        keeps what it is now, where that is no function.
    grad_scale, found_inf : device array, optional
        One float32 number each, as ``torch.amp.GradScaler`` keeps them: what the loss was
        multiplied by, and whether gradients overflowed (not 0).
    check_finite, stream
        As `Optimizer.step`.

    Returns
    -------
    CapturedStep

    Raises
    ------
    TypeError, ValueError
        If an argument is not as said above; it is named.

    Examples
    --------
    With PyTorch, the gradients in the same memory each time::

        opt = optim.AdamW([p.detach() for p in model.parameters()], lr=1e-3)
        step = optim.capture(opt, [p.grad for p in model.parameters()])
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            model.zero_grad(set_to_none=False)
            loss_fn(model(x), y).backward()
            step.launch(stream=torch.cuda.current_stream())
        graph.replay()
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer: {type(optimizer).__name__}, expected one of saddlescape.optim")
    core = optimizer._core
    if type(core) in (_core.Stepper, Mixed):
        raise TypeError(
            "optimizer: not all of its parameters are on a CUDA device, expected them on one"
        )
    if type(optimizer).step is not Optimizer.step:
        raise TypeError(
            f"optimizer: {type(optimizer).__name__}, whose steps take more than gradients, "
            "expected one that needs no more"
        )
    cuda = _backend.cuda("optim.capture")
    if optimizer._sizes is not None:
        grads = flat_gradients(grads, optimizer._sizes)
    captured = cuda.Captured(
        core,
        grads,
        _rates(optimizer, lr),
        grad_scale,
        found_inf,
        _averaging(cuda, optimizer._settings.average),
        _check.flag("check_finite", check_finite),
        stream,
    )
    return CapturedStep(optimizer, captured)


def _rates(optimizer: Optimizer, lr: Any) -> list[Any]:
    groups = optimizer.groups
    rates = list(lr) if isinstance(lr, list | tuple) else [lr] * len(groups)
    if len(rates) != len(groups):
        raise ValueError(f"lr: {len(rates)} entries, expected {len(groups)}, one for each group")
    for k, (rate, group) in enumerate(zip(rates, groups, strict=True)):
        if rate is None and group.schedule is not None:
            raise ValueError(
                f"lr: None, and that of group {k} is a function of the step, which a graph can't "
                "call; expected a device array that holds the rate"
            )
    return rates


def _averaging(cuda: Any, average: Average | None) -> Any:
    if average is None:
        return None
    if type(average) not in (EMA, SWA):
        raise TypeError(
            f"optimizer: its average is {type(average).__name__}, expected optim.EMA or optim.SWA"
        )
    decay = average.decay if isinstance(average, EMA) else -1.0
    return cuda.Averaging(decay, average.start, average.every)
