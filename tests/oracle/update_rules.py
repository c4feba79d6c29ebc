"""The update rules once more, as their papers print them: slow, in NumPy, in any real type.

Each function takes where to start, the gradients one after the other, and the rule's arguments,
and returns where it was after each step, shape (steps + 1, *theta.shape). Nothing is folded and
nothing is rearranged: bias corrections, averages and roots stand as in the equations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

__all__ = ["RULES", "trace"]


def _start(theta, real):
    theta = np.asarray(theta, real)
    return theta, np.zeros_like(theta)


def _seen(g, theta, weight_decay, maximize, real):
    g = np.asarray(g, real)
    return (-g if maximize else g) + real(weight_decay) * theta


def sgd(
    theta,
    gradients,
    real,
    lr=1e-3,
    momentum=0,
    dampening=0,
    weight_decay=0,
    nesterov=False,
    maximize=False,
):
    theta, b = _start(theta, real)
    lr, momentum, dampening = real(lr), real(momentum), real(dampening)
    path = [theta]
    for t, g in enumerate(gradients, start=1):
        d = _seen(g, theta, weight_decay, maximize, real)
        if momentum != 0:
            # PyTorch's first step: the buffer is the gradient, the dampening is ignored.
            b = d if t == 1 else momentum * b + (1 - dampening) * d
            d = d + momentum * b if nesterov else b
        theta = theta - lr * d
        path.append(theta)
    return np.stack(path)


def adagrad(
    theta,
    gradients,
    real,
    lr=1e-2,
    lr_decay=0,
    weight_decay=0,
    initial_accumulator_value=0,
    eps=1e-10,
    maximize=False,
):
    theta, s = _start(theta, real)
    s = s + real(initial_accumulator_value)
    path = [theta]
    for t, g in enumerate(gradients, start=1):
        d = _seen(g, theta, weight_decay, maximize, real)
        s = s + d**2
        theta = theta - real(lr) / (1 + (t - 1) * real(lr_decay)) * d / (np.sqrt(s) + real(eps))
        path.append(theta)
    return np.stack(path)


def adadelta(theta, gradients, real, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0, maximize=False):
    theta, s = _start(theta, real)
    u = s
    lr, rho, eps = real(lr), real(rho), real(eps)
    path = [theta]
    for g in gradients:
        d = _seen(g, theta, weight_decay, maximize, real)
        s = rho * s + (1 - rho) * d**2
        delta = -np.sqrt(u + eps) / np.sqrt(s + eps) * d
        u = rho * u + (1 - rho) * delta**2
        theta = theta + lr * delta
        path.append(theta)
    return np.stack(path)


def rmsprop(theta, gradients, real, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, maximize=False):
    theta, v = _start(theta, real)
    lr, alpha, eps = real(lr), real(alpha), real(eps)
    path = [theta]
    for g in gradients:
        d = _seen(g, theta, weight_decay, maximize, real)
        v = alpha * v + (1 - alpha) * d**2
        theta = theta - lr * d / (np.sqrt(v) + eps)
        path.append(theta)
    return np.stack(path)


def adam(
    theta,
    gradients,
    real,
    lr=1e-3,
    betas=(0.9, 0.999),
    eps=1e-8,
    weight_decay=0,
    maximize=False,
):
    theta, m = _start(theta, real)
    v = m
    lr, eps, (beta1, beta2) = real(lr), real(eps), map(real, betas)
    path = [theta]
    for t, g in enumerate(gradients, start=1):
        d = _seen(g, theta, weight_decay, maximize, real)
        m = beta1 * m + (1 - beta1) * d
        v = beta2 * v + (1 - beta2) * d**2
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        theta = theta - lr * m_hat / (np.sqrt(v_hat) + eps)
        path.append(theta)
    return np.stack(path)


def momentum(theta, gradients, real, **arguments):
    return sgd(theta, gradients, real, **{"momentum": 0.9, **arguments})


def nesterov(theta, gradients, real, **arguments):
    return sgd(theta, gradients, real, **{"momentum": 0.9, "nesterov": True, **arguments})


RULES: dict[str, Callable[..., Any]] = {
    "adadelta": adadelta,
    "adagrad": adagrad,
    "adam": adam,
    "momentum": momentum,
    "nesterov": nesterov,
    "rmsprop": rmsprop,
    "sgd": sgd,
}


def trace(name: str, theta, gradients: Iterable[Any], real: type = np.float64, **arguments: Any):
    """Where the rule goes from `theta`, shape (steps + 1, *theta.shape), computed in `real`."""
    return RULES[name](theta, gradients, real, **arguments)
