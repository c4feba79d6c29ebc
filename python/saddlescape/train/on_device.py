"""Training steps on a CUDA device, many at a time, with all that they need in its memory."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _backend, optim
from saddlescape.net import MLP
from saddlescape.optim.ahead import Ahead
from saddlescape.optim.moved import Moved
from saddlescape.train.early import put
from saddlescape.train.history import History
from saddlescape.train.native import NativeSteps

__all__ = ["DeviceSteps", "There"]

Encoded = tuple[NDArray[Any], NDArray[Any]]


class There:
    """What a run on a device has there, brought once.

    Parameters
    ----------
    own : MLP
        The network, on the CPU or on the device.
    training, validation : (X, Y)
        As the network encodes them, on the CPU.
    weight : (N,) array or None
        Of each training sample, in the network's dtype.

    Attributes
    ----------
    net : MLP
        The network on the device, behind its standardisation: a copy if it stood on the CPU.
    X, Y, weight, validation
        The same on the device, Y as the loss has them.
    """

    def __init__(
        self,
        own: MLP,
        training: Encoded,
        weight: NDArray[Any] | None,
        validation: Encoded | None,
    ) -> None:
        self.own, self.cuda = own, _backend.cuda("device='cuda'")
        self.net = own.after_standardisation().to("cuda")
        X, Y = training
        self.X, self.Y = self._sent(X), self._sent(self.net.smoothed(Y))
        self.weight = None if weight is None else self._sent(weight)
        self.validation = None if validation is None else tuple(map(self._sent, validation))

    def twin(self) -> There:
        """Return another network with the same parameters, on the device, for the same data."""
        twin = copy.copy(self)
        twin.own = twin.net = self.net.copy()
        return twin

    def _sent(self, array: NDArray[Any]) -> Any:
        return self.cuda.DeviceArray.from_numpy(np.ascontiguousarray(array))


class DeviceSteps(NativeSteps):
    """The steps of a run on a device.

    Of a network that stands on the CPU, parameters and the optimizer's numbers are the device's own
    from one step to the next, and brought to the CPU for who wants to look. `seed` is that of
    dropout's masks.
    """

    def __init__(
        self,
        there: There,
        optimizer: optim.Optimizer,
        history: History,
        size: int,
        penalty: tuple[float, float],
        seed: int = 0,
    ) -> None:
        self._there, theta = there, there.net.theta
        self._moved = None if optimizer.params is theta else Moved(optimizer, theta)
        self._brought = True
        ahead = Ahead(optimizer, None if self._moved is None else self._moved.core)
        loop = there.cuda.Loop(
            there.net._network, ahead.core, theta, there.X, there.Y, size, *penalty, there.weight,
            there.net.tf32, seed, history.steps, there.net.running,
        )  # fmt: skip
        self._begin(loop, ahead, history, size)

    def take(self, order: NDArray[np.int64] | None, count: int) -> bool:
        """Take 1 to `count` steps over the first of the sample numbers; False: one not finite."""
        self._brought = False
        return super().take(order, count)

    def bring(self) -> None:
        """Bring parameters and optimizer to the CPU, unless nothing has happened since."""
        if self._moved is None or self._brought:
            return
        own, there = self._there.own, self._there.net
        put("theta", own.theta, there.on_host(), "for the run's")
        put("running", own.running, there.running, "for the run's")
        self._moved.bring()
        self._brought = True  # not before all is: an interrupt leaves it to be done again

    def send(self) -> None:
        """Go on from what the CPU has."""
        if self._moved is None:
            return
        own, there = self._there.own, self._there.net
        there._put(own.theta)
        there.running[:] = own.running
        self._moved.send()
