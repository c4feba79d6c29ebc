"""What `train` accepts: every argument is checked here, before anything is changed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _backend, _check, optim
from saddlescape.net import MLP, checks
from saddlescape.net.device import device as place
from saddlescape.optim.ahead import Ahead
from saddlescape.optim.common import Common
from saddlescape.optim.optimizer import LearningRate
from saddlescape.train.held_out import held_out

__all__ = [
    "batch_size_of",
    "classes_of",
    "device_of",
    "has_classes",
    "need_gradients_alone",
    "on_host",
    "optimizer_of",
    "samples_of",
    "validation_of",
]


def device_of(device: Any, net: MLP) -> str:
    """Return where a run's steps are taken: where the network stands, if nothing is said."""
    if device is None:
        return net.device
    where: str = place(device)
    if where == "cpu" and net.device != "cpu":
        raise ValueError(
            f"device: 'cpu' with a network on device {net.device!r}, expected {net.device!r} or "
            "None; net.to('cpu') brings it to the CPU"
        )
    return where


def on_host(name: str, array: Any, where: str) -> Any:
    """Return an array of a run's; of one on a device a copy, for steps that are taken there."""
    if not _backend.on_device(array):
        return array
    if where == "cpu":
        raise TypeError(
            f"{name}: {_backend.came(array)}, and the steps on the CPU; expected a "
            "NumPy array, or device='cuda'"
        )
    return _backend.cuda("device='cuda'").copied_to_host(array, name)


def samples_of(net: MLP, X: Any, y: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return X and the targets as `net.encode` makes them, at least one sample, all finite."""
    # a float64 beyond float32's range becomes infinite in a float32 network: refused, not warned of
    with np.errstate(over="ignore"):
        inputs, targets = net.encode(X, y)
    if not len(inputs):
        raise ValueError(f"X: shape {inputs.shape}, expected at least one sample")
    checks.finite(X, inputs, f"finite numbers of {net.dtype}")
    return inputs, targets


def batch_size_of(batch_size: int | str, samples: int, normalisation: str | None) -> int:
    """Return the number of samples in a batch, at most all of them; batches of 1 normalise none."""
    if isinstance(batch_size, str):
        if batch_size != "full":
            raise ValueError(
                f"batch_size: {batch_size!r}, expected an integer of at least 1 or 'full'"
            )
        size = samples
    else:
        size = min(_check.integer("batch_size", batch_size, low=1), samples)
    if normalisation == "batch" and 1 in (size, samples % size):
        raise ValueError(
            f"batch_size: {size} leaves a batch of 1 of {samples} samples, expected at least 2 "
            "in each, for batch normalisation"
        )
    return size


def has_classes(net: MLP, y: NDArray[Any]) -> bool:
    """Say whether each sample has a class: by the loss, or because y are classes."""
    one_logit = net.loss_name == "bce" and net.sizes[-1] == 1
    return net.loss_name == "cross_entropy" or one_logit or classes_of(net, y) is not None


def classes_of(net: MLP, y: NDArray[Any]) -> NDArray[np.int64] | None:
    """Return y if it holds integer classes (N,), else None: integers may be numbers, too."""
    if y.ndim != 1 or y.dtype.kind not in "iub":
        return None
    return y.astype(np.int64) if net.sizes[-1] > 1 or net.loss_name == "bce" else None


def validation_of(
    net: MLP, X: NDArray[Any], y: NDArray[Any], validation: Any, seed: int
) -> tuple[tuple[NDArray[Any], NDArray[Any]] | None, NDArray[np.int64] | None]:
    """Return the validation data as `samples_of` makes them; numbers of the samples left to train.

    None for the numbers where all are.
    """
    if validation is None:
        return None, None
    allowed = "a tuple (X, y) or a fraction > 0 and < 1"
    if isinstance(validation, (int, float, np.number)) and not isinstance(validation, bool):
        fraction = _check.positive("validation", validation, allowed)
        if fraction >= 1:
            raise ValueError(f"validation: {validation}, expected {allowed}")
        kept, out = held_out(fraction, len(X), classes_of(net, y), seed)
        return samples_of(net, X[out], y[out]), kept
    if not isinstance(validation, tuple):
        raise TypeError(f"validation: {type(validation).__name__}, expected {allowed}")
    if len(validation) != 2:
        raise ValueError(f"validation: a tuple of {len(validation)}, expected (X, y)")
    try:
        return samples_of(net, *validation), None
    except (TypeError, ValueError) as error:
        raise type(error)(f"validation: {error}") from error


def optimizer_of(
    net: MLP,
    optimizer: str | optim.Optimizer,
    lr: LearningRate | None,
    settings: dict[str, Any],
) -> optim.Optimizer:
    """Return the optimizer of that name at work on ``net.theta``, or the one that was given."""
    if isinstance(optimizer, str):
        _check.choice("optimizer", optimizer, optim.names(vectors=True))
        allowed = [*optim.create(optimizer, np.zeros(1)).arguments, *Common.__annotations__]
        unknown = next((name for name in settings if name not in allowed), None)
        if unknown is not None:
            raise TypeError(
                f"{unknown}: no argument of {optimizer!r}, expected one of {', '.join(allowed)}"
            )
        if lr is not None:
            settings = {"lr": lr, **settings}
        return optim.create(optimizer, net.theta, **settings)
    if not isinstance(optimizer, optim.Optimizer):
        raise TypeError(
            f"optimizer: {type(optimizer).__name__}, expected a name of optim.names() or an "
            "optimizer"
        )
    if lr is not None or settings:
        given = ", ".join([*(["lr"] if lr is not None else []), *settings])
        raise ValueError(f"{given}: given with an optimizer object, expected only with a name")
    if optimizer.params is not net.theta:
        raise ValueError(
            "optimizer: made for other parameters, expected one made for this network's theta: "
            f"{type(optimizer).__name__}(net.theta, ...)"
        )
    return optimizer


def need_gradients_alone(optimizer: optim.Optimizer) -> None:
    """Refuse an optimizer whose steps take more than a gradient, for a run on a device."""
    if not Ahead.can(optimizer):
        raise TypeError(
            f"optimizer: {type(optimizer).__name__} with device 'cuda', expected one whose steps "
            "take gradients alone: of optim.names(vectors=True)"
        )
