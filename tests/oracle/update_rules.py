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
    theta, v = _start(theta, real)
    a = b = v
    lr, alpha, eps = real(lr), real(alpha), real(eps)
    path = [theta]
    for g in gradients:
        d = _seen(g, theta, weight_decay, maximize, real)
        v = alpha * v + (1 - alpha) * d**2
        a = alpha * a + (1 - alpha) * d
        spread = v - a**2 if centered else v
        b = real(momentum) * b + d / (np.sqrt(spread) + eps)
        theta = theta - lr * b
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
    amsgrad=False,
    maximize=False,
    decoupled=False,
):
    theta, m = _start(theta, real)
    v = v_max = m
    lr, eps, (beta1, beta2) = real(lr), real(eps), map(real, betas)
    path = [theta]
    for t, g in enumerate(gradients, start=1):
        d = _seen(g, theta, 0 if decoupled else weight_decay, maximize, real)
        if decoupled:
            theta = theta - lr * real(weight_decay) * theta
        m = beta1 * m + (1 - beta1) * d
        v = beta2 * v + (1 - beta2) * d**2
        v_max = np.maximum(v_max, v)
        m_hat = m / (1 - beta1**t)
        v_hat = (v_max if amsgrad else v) / (1 - beta2**t)
        theta = theta - lr * m_hat / (np.sqrt(v_hat) + eps)
        path.append(theta)
    return np.stack(path)


def adamax(
    theta, gradients, real, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, maximize=False
):
    theta, m = _start(theta, real)
    u = m
    lr, eps, (beta1, beta2) = real(lr), real(eps), map(real, betas)
    path = [theta]
    for t, g in enumerate(gradients, start=1):
        d = _seen(g, theta, weight_decay, maximize, real)
        m = beta1 * m + (1 - beta1) * d
        u = np.maximum(beta2 * u, np.abs(d) + eps)
        theta = theta - lr / (1 - beta1**t) * m / u
        path.append(theta)
    return np.stack(path)


def nadam(
    theta,
    gradients,
    real,
    lr=2e-3,
    betas=(0.9, 0.999),
    eps=1e-8,
    weight_decay=0,
    momentum_decay=4e-3,
    decoupled_weight_decay=False,
    maximize=False,
):
    theta, m = _start(theta, real)
    v = m
    lr, eps, (beta1, beta2) = real(lr), real(eps), map(real, betas)
    psi, product = real(momentum_decay), real(1)
    path = [theta]
    for t, g in enumerate(gradients, start=1):
        d = _seen(g, theta, 0 if decoupled_weight_decay else weight_decay, maximize, real)
        if decoupled_weight_decay:
            theta = theta - lr * real(weight_decay) * theta
        mu = beta1 * (1 - real(0.96) ** (t * psi) / 2)
        mu_next = beta1 * (1 - real(0.96) ** ((t + 1) * psi) / 2)
        product = product * mu
        m = beta1 * m + (1 - beta1) * d
        v = beta2 * v + (1 - beta2) * d**2
        m_bar = mu_next * m / (1 - product * mu_next) + (1 - mu) * d / (1 - product)
        theta = theta - lr * m_bar / (np.sqrt(v / (1 - beta2**t)) + eps)
        path.append(theta)
    return np.stack(path)


def radam(
    theta,
    gradients,
    real,
    lr=1e-3,
    betas=(0.9, 0.999),
    eps=1e-8,
    weight_decay=0,
    decoupled_weight_decay=False,
    maximize=False,
):
    theta, m = _start(theta, real)
    v = m
    lr, eps, (beta1, beta2) = real(lr), real(eps), map(real, betas)
    path = [theta]
    for t, g in enumerate(gradients, start=1):
        d = _seen(g, theta, 0 if decoupled_weight_decay else weight_decay, maximize, real)
        if decoupled_weight_decay:
            theta = theta - lr * real(weight_decay) * theta
        m = beta1 * m + (1 - beta1) * d
        v = beta2 * v + (1 - beta2) * d**2
        m_hat = m / (1 - beta1**t)
        rho = 2 / (1 - beta2) - 1
        rho_t = rho - 2 * t * beta2**t / (1 - beta2**t)
        if rho_t > 5:
            # PyTorch adds eps to sqrt(v) before the correction.
            adaptive = np.sqrt(1 - beta2**t) / (np.sqrt(v) + eps)
            r = np.sqrt((rho_t - 4) * (rho_t - 2) * rho / ((rho - 4) * (rho - 2) * rho_t))
            theta = theta - lr * m_hat * r * adaptive
        else:
            theta = theta - lr * m_hat
        path.append(theta)
    return np.stack(path)


def lion(theta, gradients, real, lr=1e-4, betas=(0.9, 0.99), weight_decay=0, maximize=False):
    theta, m = _start(theta, real)
    lr, (beta1, beta2) = real(lr), map(real, betas)
    path = [theta]
    for g in gradients:
        d = _seen(g, theta, 0, maximize, real)
        c = beta1 * m + (1 - beta1) * d
        theta = theta - lr * (np.sign(c) + real(weight_decay) * theta)
        m = beta2 * m + (1 - beta2) * d
        path.append(theta)
    return np.stack(path)


def rprop(theta, gradients, real, lr=1e-2, etas=(0.5, 1.2), step_sizes=(1e-6, 50), maximize=False):
    theta, previous = _start(theta, real)
    size = np.full_like(theta, real(lr))
    low, high = map(real, step_sizes)
    path = [theta]
    for g in gradients:
        d = _seen(g, theta, 0, maximize, real)
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
    theta, _ = _start(theta, real)
    lr, lambd = real(lr), real(lambd)
    eta = lr
    path = [theta]
    for t, g in enumerate(gradients, start=1):
        d = _seen(g, theta, weight_decay, maximize, real)
        theta = theta - lambd * eta * theta - eta * d
        eta = lr / (1 + lambd * lr * t) ** real(alpha)
        path.append(theta)
    return np.stack(path)


def adan(
    theta,
    gradients,
    real,
    lr=1e-3,
    betas=(0.98, 0.92, 0.99),
    eps=1e-8,
    weight_decay=0,
    no_prox=False,
    maximize=False,
):
    theta, m = _start(theta, real)
    v = n = m
    lr, eps, decay, (beta1, beta2, beta3) = (
        real(lr),
        real(eps),
        real(weight_decay),
        map(real, betas),
    )
    previous = None
    path = [theta]
    for t, g in enumerate(gradients, start=1):
        d = _seen(g, theta, 0, maximize, real)
        change = d - (d if previous is None else previous)
        previous = d
        m = beta1 * m + (1 - beta1) * d
        v = beta2 * v + (1 - beta2) * change
        n = beta3 * n + (1 - beta3) * (d + beta2 * change) ** 2
        u = m / (1 - beta1**t) + beta2 * v / (1 - beta2**t)
        u = u / (np.sqrt(n / (1 - beta3**t)) + eps)
        theta = (
            theta * (1 - lr * decay) - lr * u if no_prox else (theta - lr * u) / (1 + lr * decay)
        )
        path.append(theta)
    return np.stack(path)


def ademamix(
    theta,
    gradients,
    real,
    lr=1e-3,
    betas=(0.9, 0.999, 0.9999),
    alpha=5.0,
    warmup=0,
    eps=1e-8,
    weight_decay=0,
    maximize=False,
):
    theta, m1 = _start(theta, real)
    m2 = v = m1
    lr, eps, (beta1, beta2, beta3) = real(lr), real(eps), map(real, betas)
    path = [theta]
    for t, g in enumerate(gradients, start=1):
        d = _seen(g, theta, 0, maximize, real)
        alpha_t, beta_t = real(alpha), beta3
        if t < warmup:
            part = t / real(warmup)
            alpha_t = part * alpha_t
            one, three = np.log(beta1), np.log(beta3)
            beta_t = np.exp(one * three / ((1 - part) * three + part * one))
        m1 = beta1 * m1 + (1 - beta1) * d
        m2 = beta_t * m2 + (1 - beta_t) * d
        v = beta2 * v + (1 - beta2) * d**2
        u = (m1 / (1 - beta1**t) + alpha_t * m2) / (np.sqrt(v / (1 - beta2**t)) + eps)
        theta = theta - lr * (u + real(weight_decay) * theta)
        path.append(theta)
    return np.stack(path)


def amsgrad(theta, gradients, real, **arguments):
    return adam(theta, gradients, real, amsgrad=True, **arguments)


def adamw(theta, gradients, real, **arguments):
    return adam(theta, gradients, real, **{"weight_decay": 1e-2, "decoupled": True, **arguments})


def amsgradw(theta, gradients, real, **arguments):
    return adamw(theta, gradients, real, amsgrad=True, **arguments)


def rmsprop_centered(theta, gradients, real, **arguments):
    return rmsprop(theta, gradients, real, centered=True, **arguments)


def rmsprop_momentum(theta, gradients, real, **arguments):
    return rmsprop(theta, gradients, real, **{"momentum": 0.9, **arguments})


def rmsprop_centered_momentum(theta, gradients, real, **arguments):
    return rmsprop_momentum(theta, gradients, real, centered=True, **arguments)


def momentum(theta, gradients, real, **arguments):
    return sgd(theta, gradients, real, **{"momentum": 0.9, **arguments})


def nesterov(theta, gradients, real, **arguments):
    return sgd(theta, gradients, real, **{"momentum": 0.9, "nesterov": True, **arguments})


RULES: dict[str, Callable[..., Any]] = {
    "adadelta": adadelta,
    "adagrad": adagrad,
    "adam": adam,
    "adamax": adamax,
    "adamw": adamw,
    "adan": adan,
    "ademamix": ademamix,
    "amsgrad": amsgrad,
    "amsgradw": amsgradw,
    "asgd": asgd,
    "lion": lion,
    "momentum": momentum,
    "nadam": nadam,
    "nesterov": nesterov,
    "radam": radam,
    "rmsprop": rmsprop,
    "rmsprop_centered": rmsprop_centered,
    "rmsprop_centered_momentum": rmsprop_centered_momentum,
    "rmsprop_momentum": rmsprop_momentum,
    "rprop": rprop,
    "sgd": sgd,
}


def trace(name: str, theta, gradients: Iterable[Any], real: type = np.float64, **arguments: Any):
    """Where the rule goes from `theta`, shape (steps + 1, *theta.shape), computed in `real`."""
    return RULES[name](theta, gradients, real, **arguments)
