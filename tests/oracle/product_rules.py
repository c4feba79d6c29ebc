"""Rules that keep a whole array together, as their papers print them: slow, in NumPy.

Schedule-free AdamW keeps both of its paths, x and z, and makes y of them. Muon turns a tall matrix
on its side before Newton-Schulz. Adafactor writes down the whole matrix of estimated variances.
Each returns where it was after each step, shape (steps + 1, *theta.shape).
"""

from __future__ import annotations

import numpy as np

__all__ = ["adafactor", "muon", "newton_schulz", "schedule_free_adamw"]


def schedule_free_adamw(
    theta, gradients, real=np.float64, lr=0.0025, betas=(0.9, 0.999), eps=1e-8, weight_decay=0,
    warmup_steps=0, r=0, weight_lr_power=2, maximize=False,
):  # fmt: skip
    """Return the paths of y and of x."""
    x = z = np.asarray(theta, real)
    v = np.zeros_like(x)
    beta1, beta2 = map(real, betas)
    total = largest = real(0)
    ys, xs = [x], [x]
    for t, g in enumerate(gradients, start=1):
        g = np.asarray(-g if maximize else g, real)
        rate = real(lr(t - 1) if callable(lr) else lr) * min(
            real(1), real(t) / max(warmup_steps, 1)
        )
        y = (1 - beta1) * z + beta1 * x
        v = beta2 * v + (1 - beta2) * g**2
        step = g / (np.sqrt(v / (1 - beta2**t)) + real(eps)) + real(weight_decay) * y
        z = z - rate * step
        largest = max(largest, rate)
        weight = real(t) ** real(r) * largest ** real(weight_lr_power)
        total = total + weight
        c = weight / total if total > 0 else real(0)
        x = (1 - c) * x + c * z
        ys.append((1 - beta1) * z + beta1 * x)
        xs.append(x)
    return np.stack(ys), np.stack(xs)


def newton_schulz(matrix, coefficients=(3.4445, -4.7750, 2.0315), steps=5, eps=1e-7):
    """Bring the singular values of a matrix near 1."""
    a, b, c = coefficients
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / max(np.linalg.norm(x), eps)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x


def muon(
    theta, gradients, lr=1e-3, weight_decay=0.1, momentum=0.95, nesterov=True,
    ns_coefficients=(3.4445, -4.7750, 2.0315), eps=1e-7, ns_steps=5, adjust_lr_fn=None,
    maximize=False,
):  # fmt: skip
    theta = np.asarray(theta, np.float64)
    buffer = np.zeros_like(theta)
    path = [theta]
    rows, columns = theta.shape
    for g in gradients:
        g = np.asarray(-g if maximize else g, np.float64)
        buffer = momentum * buffer + (1 - momentum) * g
        direction = (1 - momentum) * g + momentum * buffer if nesterov else buffer
        longer = np.sqrt(max(1, rows / columns))
        if adjust_lr_fn == "match_rms_adamw":
            longer = 0.2 * np.sqrt(max(rows, columns))
        move = longer * newton_schulz(direction, ns_coefficients, ns_steps, eps)
        theta = theta - lr * weight_decay * theta - lr * move
        path.append(theta)
    return np.stack(path)


def adafactor(
    theta, gradients, lr=1e-2, beta2_decay=-0.8, eps=(None, 1e-3), d=1.0, weight_decay=0,
    maximize=False, machine_eps=None,
):  # fmt: skip
    dtype = np.asarray(theta).dtype
    theta = np.asarray(theta, np.float64)
    floor = eps[0] if eps[0] is not None else machine_eps or np.finfo(dtype).eps
    rows = columns = variance = 0.0
    path = [theta]
    for t, g in enumerate(gradients, start=1):
        g = np.asarray(-g if maximize else g, np.float64)
        new = t**beta2_decay
        rate = lr(t - 1) if callable(lr) else lr
        alpha = max(eps[1], np.sqrt(np.mean(theta**2))) * min(rate, 1 / np.sqrt(t))
        if g.ndim > 1:
            rows = (1 - new) * rows + new * np.mean(g**2, axis=-1, keepdims=True)
            columns = (1 - new) * columns + new * np.mean(g**2, axis=-2, keepdims=True)
            mean = np.maximum(np.mean(rows, axis=-2, keepdims=True), floor)
            estimate = rows * columns / mean
        else:
            variance = (1 - new) * variance + new * g**2
            estimate = variance
        u = g / np.sqrt(np.maximum(estimate, floor**2))
        u = u / max(1, np.sqrt(np.mean(u**2)) / d)
        theta = theta - rate * weight_decay * theta - alpha * u
        path.append(theta)
    return np.stack(path)
