"""Rules that take an estimate of the Hessian's diagonal once more, as their papers print them.

Each takes where to start, the gradients and estimates one after the other (None: no estimate in
this step), and the rule's arguments; it returns where it was after each step.
"""

from __future__ import annotations

import numpy as np

__all__ = ["adahessian", "sophia"]


def adahessian(
    theta, gradients, estimates, real=np.float64, lr=0.15, betas=(0.9, 0.999), eps=1e-4,
    weight_decay=0, hessian_power=1, block_size=1, maximize=False,
):  # fmt: skip
    """Algorithm 2 of Yao et al. 2021, with decoupled decay as in their code."""
    theta = np.asarray(theta, real)
    m, v, n = np.zeros_like(theta), np.zeros_like(theta), 0
    beta1, beta2 = map(real, betas)
    path = [theta]
    for t, (g, d) in enumerate(zip(gradients, estimates, strict=True), start=1):
        g = -np.asarray(g, real) if maximize else np.asarray(g, real)
        if d is not None:
            flat = np.asarray(d, real).ravel().copy()
            for i in range(0, flat.size, block_size):
                flat[i : i + block_size] = flat[i : i + block_size].mean()
            n += 1
            v = beta2 * v + (1 - beta2) * flat.reshape(theta.shape) ** 2
        m = beta1 * m + (1 - beta1) * g
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**n)
        move = m_hat / (np.sqrt(v_hat) ** real(hessian_power) + real(eps))
        theta = theta - real(lr) * real(weight_decay) * theta - real(lr) * move
        path.append(theta)
    return np.stack(path)


def sophia(
    theta, gradients, estimates, real=np.float64, lr=1e-4, betas=(0.965, 0.99), rho=0.04,
    eps=1e-12, weight_decay=0.1, maximize=False,
):  # fmt: skip
    """Algorithm 3 of Liu et al. 2023."""
    theta = np.asarray(theta, real)
    m, h = np.zeros_like(theta), np.zeros_like(theta)
    beta1, beta2 = map(real, betas)
    sign = -1 if maximize else 1
    path = [theta]
    for g, d in zip(gradients, estimates, strict=True):
        m = beta1 * m + (1 - beta1) * sign * np.asarray(g, real)
        if d is not None:
            h = beta2 * h + (1 - beta2) * sign * np.asarray(d, real)
        theta = theta - real(lr) * real(weight_decay) * theta
        theta = theta - real(lr) * np.clip(m / np.maximum(real(rho) * h, real(eps)), -1, 1)
        path.append(theta)
    return np.stack(path)
