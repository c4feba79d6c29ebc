"""The update rules of Adam's family, whose averages are corrected for their start at zero.

Each function takes where to start, the gradients one after the other, and the rule's arguments,
and returns where it was after each step, shape (steps + 1, *theta.shape). Nothing is folded and
nothing is rearranged: averages and roots stand as in the equations.
"""

from __future__ import annotations

import numpy as np

from oracle.plain_rules import seen, start

__all__ = ["adam", "adamax", "adan", "ademamix", "nadam", "radam"]


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
    theta, m = start(theta, real)
    v = v_max = m
    lr, eps, (beta1, beta2) = real(lr), real(eps), map(real, betas)
    path = [theta]
    for t, g in enumerate(gradients, start=1):
        d = seen(g, theta, 0 if decoupled else weight_decay, maximize, real)
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
    theta, m = start(theta, real)
    u = m
    lr, eps, (beta1, beta2) = real(lr), real(eps), map(real, betas)
    path = [theta]
    for t, g in enumerate(gradients, start=1):
        d = seen(g, theta, weight_decay, maximize, real)
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
    theta, m = start(theta, real)
    v = m
    lr, eps, (beta1, beta2) = real(lr), real(eps), map(real, betas)
    psi, product = real(momentum_decay), real(1)
    path = [theta]
    for t, g in enumerate(gradients, start=1):
        d = seen(g, theta, 0 if decoupled_weight_decay else weight_decay, maximize, real)
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
    theta, m = start(theta, real)
    v = m
    lr, eps, (beta1, beta2) = real(lr), real(eps), map(real, betas)
    path = [theta]
    for t, g in enumerate(gradients, start=1):
        d = seen(g, theta, 0 if decoupled_weight_decay else weight_decay, maximize, real)
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
    theta, m = start(theta, real)
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
        d = seen(g, theta, 0, maximize, real)
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
    theta, m1 = start(theta, real)
    m2 = v = m1
    lr, eps, (beta1, beta2, beta3) = real(lr), real(eps), map(real, betas)
    path = [theta]
    for t, g in enumerate(gradients, start=1):
        d = seen(g, theta, 0, maximize, real)
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
