"""The update rules that keep no corrected averages: slow, in NumPy, in any real type.

Each function takes where to start, the gradients one after the other, and the rule's arguments,
and returns where it was after each step, shape (steps + 1, *theta.shape). Nothing is folded and
nothing is rearranged: averages and roots stand as in the equations.
"""

from __future__ import annotations

import numpy as np

__all__ = ["adadelta", "adagrad", "asgd", "lion", "rmsprop", "rprop", "seen", "sgd", "start"]


def start(theta, real):
    """Theta in `real`, and a state of zeros."""
    theta = np.asarray(theta, real)
    return theta, np.zeros_like(theta)


def seen(g, theta, weight_decay, maximize, real):
    """The gradient that the equations see: downhill, with the coupled decay."""
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
    theta, b = start(theta, real)
    lr, momentum, dampening = real(lr), real(momentum), real(dampening)
    path = [theta]
    for t, g in enumerate(gradients, start=1):
        d = seen(g, theta, weight_decay, maximize, real)
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
    theta, s = start(theta, real)
    s = s + real(initial_accumulator_value)
    path = [theta]
    for t, g in enumerate(gradients, start=1):
        d = seen(g, theta, weight_decay, maximize, real)
        s = s + d**2
        theta = theta - real(lr) / (1 + (t - 1) * real(lr_decay)) * d / (np.sqrt(s) + real(eps))
        path.append(theta)
    return np.stack(path)


def adadelta(theta, gradients, real, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0, maximize=False):
    theta, s = start(theta, real)
    u = s
    lr, rho, eps = real(lr), real(rho), real(eps)
    path = [theta]
    for g in gradients:
        d = seen(g, theta, weight_decay, maximize, real)
        s = rho * s + (1 - rho) * d**2
        delta = -np.sqrt(u + eps) / np.sqrt(s + eps) * d
        u = rho * u + (1 - rho) * delta**2
        theta = theta + lr * delta
        path.append(theta)
    return np.stack(path)


def rmsprop(
    theta,
    gradients,
    real,
    lr=1e-2,
    alpha=0.99,
    eps=1e-8,
    weight_decay=0,
    momentum=0,
    centered=False,
    maximize=False,
):
    theta, v = start(theta, real)
    a = b = v
    lr, alpha, eps = real(lr), real(alpha), real(eps)
    path = [theta]
    for g in gradients:
        d = seen(g, theta, weight_decay, maximize, real)
        v = alpha * v + (1 - alpha) * d**2
        a = alpha * a + (1 - alpha) * d
        spread = v - a**2 if centered else v
        b = real(momentum) * b + d / (np.sqrt(spread) + eps)
        theta = theta - lr * b
        path.append(theta)
    return np.stack(path)


def lion(theta, gradients, real, lr=1e-4, betas=(0.9, 0.99), weight_decay=0, maximize=False):
    theta, m = start(theta, real)
    lr, (beta1, beta2) = real(lr), map(real, betas)
    path = [theta]
    for g in gradients:
        d = seen(g, theta, 0, maximize, real)
        c = beta1 * m + (1 - beta1) * d
        theta = theta - lr * (np.sign(c) + real(weight_decay) * theta)
        m = beta2 * m + (1 - beta2) * d
        path.append(theta)
    return np.stack(path)


def rprop(theta, gradients, real, lr=1e-2, etas=(0.5, 1.2), step_sizes=(1e-6, 50), maximize=False):
    theta, previous = start(theta, real)
    size = np.full_like(theta, real(lr))
    low, high = map(real, step_sizes)
    path = [theta]
    for g in gradients:
        d = seen(g, theta, 0, maximize, real)
        turn = d * previous
        size[turn < 0] *= real(etas[0])
        size[turn > 0] *= real(etas[1])
        size = np.clip(size, low, high)
        d = np.where(turn < 0, real(0), d)
        theta = theta - np.sign(d) * size
        previous = d
        path.append(theta)
    return np.stack(path)


def asgd(
    theta,
    gradients,
    real,
    lr=1e-2,
    lambd=1e-4,
    alpha=0.75,
    t0=1e6,
    weight_decay=0,
    maximize=False,
):
    theta, _ = start(theta, real)
    lr, lambd = real(lr), real(lambd)
    eta = lr
    path = [theta]
    for t, g in enumerate(gradients, start=1):
        d = seen(g, theta, weight_decay, maximize, real)
        theta = theta - lambd * eta * theta - eta * d
        eta = lr / (1 + lambd * lr * t) ** real(alpha)
        path.append(theta)
    return np.stack(path)
