"""LARS and LAMB as their papers print them: steps as long as the array of parameters is."""

from __future__ import annotations

import numpy as np

__all__ = ["lamb", "lars"]


def _ratio(above, below):
    """Return above / below, and 1 where a norm is 0: the conventions of Optax and Apex."""
    return above / below if above > 0 and below > 0 else 1.0


def lars(
    theta,
    gradients,
    lr=1.0,
    momentum=0.9,
    weight_decay=0.0,
    trust_coefficient=1e-3,
    eps=0.0,
    maximize=False,
):
    """You, Gitman & Ginsburg 2017, algorithm 1; shape (steps + 1, *theta.shape)."""
    theta = np.asarray(theta, np.float64)
    v = np.zeros_like(theta)
    path = [theta]
    for gradient in gradients:
        g = np.asarray(gradient, np.float64) * (-1 if maximize else 1)
        w_norm, g_norm = np.linalg.norm(theta), np.linalg.norm(g)
        local = 1.0
        if w_norm > 0 and g_norm > 0:
            local = trust_coefficient * w_norm / (g_norm + weight_decay * w_norm + eps)
        v = momentum * v + lr * local * (g + weight_decay * theta)
        theta = theta - v
        path.append(theta)
    return np.stack(path)


def lamb(theta, gradients, lr=1e-3, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.0, maximize=False):
    """You et al. 2020, algorithm 2, with phi(z) = z; shape (steps + 1, *theta.shape)."""
    theta = np.asarray(theta, np.float64)
    m, v = np.zeros_like(theta), np.zeros_like(theta)
    path = [theta]
    for t, gradient in enumerate(gradients, start=1):
        g = np.asarray(gradient, np.float64) * (-1 if maximize else 1)
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        r = m / (1 - betas[0] ** t) / (np.sqrt(v / (1 - betas[1] ** t)) + eps)
        update = r + weight_decay * theta
        theta = theta - lr * _ratio(np.linalg.norm(theta), np.linalg.norm(update)) * update
        path.append(theta)
    return np.stack(path)
