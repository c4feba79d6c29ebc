"""Update equations as Keras 3, Optax, the papers and the lectures write them, in NumPy.

Each function is one library's equation, with that library's own buffers and signs, and takes where
to start, the gradients, and the arguments; it returns where it was after each step. `eps`,
`momentum` and the like keep the names of `saddlescape.optim`, whatever the library calls them.
"""

from __future__ import annotations

import numpy as np

__all__ = ["CONVENTIONS"]


def _walk(theta, gradients, rule):
    """Apply ``rule(t, theta, gradient, memory)``; the memory is the rule's, and starts empty."""
    theta, memory, path = np.array(theta), {}, [np.array(theta)]
    for t, g in enumerate(gradients, start=1):
        theta = rule(t, theta, g, memory)
        path.append(theta)
    return np.stack(path)


def _average(memory, name, beta, x):
    memory[name] = beta * memory.get(name, 0.0) + (1 - beta) * x
    return memory[name]


def keras_sgd(theta, gradients, lr, momentum, nesterov=False):
    def rule(t, theta, g, memory):
        m = momentum * memory.get("m", 0.0) - lr(t) * g
        memory["m"] = m
        return theta + (momentum * m - lr(t) * g if nesterov else m)

    return _walk(theta, gradients, rule)


def lecture_sgd(theta, gradients, lr, momentum, nesterov=False):
    """S3-28 and S3-31: v = gamma v + eta g, theta = theta - v; Nesterov at the look-ahead point."""

    def rule(t, point, g, memory):
        before = memory.get("v", 0.0)
        v = momentum * before + lr(t) * g
        memory["v"] = v
        if not nesterov:
            return point - v
        theta = point + momentum * before  # the point is theta - gamma v
        return (theta - v) - momentum * v

    return _walk(theta, gradients, rule)


def optax_sgd(theta, gradients, lr, momentum, nesterov=False):
    def rule(t, theta, g, memory):
        memory["trace"] = g + momentum * memory.get("trace", 0.0)
        u = g + momentum * memory["trace"] if nesterov else memory["trace"]
        return theta - lr(t) * u

    return _walk(theta, gradients, rule)


def inside_adagrad(theta, gradients, lr, eps, initial_accumulator_value=0.0):
    """Keras and Optax: rsqrt(s + eps)."""

    def rule(t, theta, g, memory):
        memory["s"] = memory.get("s", initial_accumulator_value) + g**2
        return theta - lr(t) * g / np.sqrt(memory["s"] + eps)

    return _walk(theta, gradients, rule)


def lecture_adagrad(theta, gradients, lr, eps):
    """S2-31: sigma = sqrt(mean g^2), which has no epsilon; ours is added to it."""
    seen = []

    def rule(t, theta, g, memory):
        seen.append(g**2)
        return theta - lr(t) * g / (np.sqrt(np.mean(seen, axis=0)) + eps)

    return _walk(theta, gradients, rule)


def inside_rmsprop(theta, gradients, lr, alpha, eps, momentum=0.0, centered=False):
    """Keras, and Optax with its eps_in_sqrt: sqrt(v - a^2 + eps), lr inside the buffer."""

    def rule(t, theta, g, memory):
        v = _average(memory, "v", alpha, g**2)
        a = _average(memory, "a", alpha, g)
        u = lr(t) * g / np.sqrt((v - a**2 if centered else v) + eps)
        memory["m"] = momentum * memory.get("m", 0.0) + u
        return theta - memory["m"]

    return _walk(theta, gradients, rule)


def lecture_rmsprop(theta, gradients, lr, alpha, eps, momentum=0.0):
    """S2-32: sigma_0 = sqrt(g_0^2), then sigma = sqrt(alpha sigma^2 + (1 - alpha) g^2)."""

    def rule(t, theta, g, memory):
        before = memory.get("sigma", np.abs(g))
        memory["sigma"] = np.sqrt(alpha * before**2 + (1 - alpha) * g**2)
        memory["b"] = momentum * memory.get("b", 0.0) + g / (memory["sigma"] + eps)
        return theta - lr(t) * memory["b"]

    return _walk(theta, gradients, rule)


def keras_adam(theta, gradients, lr, betas, eps, amsgrad=False, weight_decay=0.0):
    """Epsilon hat: alpha = lr sqrt(1 - beta2^t) / (1 - beta1^t), alpha m / (sqrt(v) + eps)."""

    def rule(t, theta, g, memory):
        theta = theta - theta * weight_decay * lr(t)
        m, v = _average(memory, "m", betas[0], g), _average(memory, "v", betas[1], g**2)
        alpha = lr(t) * np.sqrt(1 - betas[1] ** t) / (1 - betas[0] ** t)
        if amsgrad:
            v = memory["v_hat"] = np.maximum(memory.get("v_hat", 0.0), v)
        return theta - alpha * m / (np.sqrt(v) + eps)

    return _walk(theta, gradients, rule)


def optax_adam(theta, gradients, lr, betas, eps, amsgrad=False, weight_decay=0.0):
    def rule(t, theta, g, memory):
        m, v = _average(memory, "m", betas[0], g), _average(memory, "v", betas[1], g**2)
        m_hat, v_hat = m / (1 - betas[0] ** t), v / (1 - betas[1] ** t)
        if amsgrad:
            v_hat = memory["max"] = np.maximum(memory.get("max", 0.0), v_hat)
        return theta - lr(t) * (m_hat / (np.sqrt(v_hat) + eps) + weight_decay * theta)

    return _walk(theta, gradients, rule)


def paper_amsgrad(theta, gradients, lr, betas, eps, amsgrad=True):
    """Reddi et al. 2018, algorithm 2, with eps added to the root as everyone does."""

    def rule(t, theta, g, memory):
        m, v = _average(memory, "m", betas[0], g), _average(memory, "v", betas[1], g**2)
        memory["max"] = np.maximum(memory.get("max", 0.0), v)
        return theta - lr(t) * m / (np.sqrt(memory["max"]) + eps)

    return _walk(theta, gradients, rule)


def lecture_adam(theta, gradients, lr, betas, eps):
    """The table of S3-38: eta / sqrt(v_hat + eps)."""

    def rule(t, theta, g, memory):
        m, v = _average(memory, "m", betas[0], g), _average(memory, "v", betas[1], g**2)
        m_hat, v_hat = m / (1 - betas[0] ** t), v / (1 - betas[1] ** t)
        return theta - lr(t) / np.sqrt(v_hat + eps) * m_hat

    return _walk(theta, gradients, rule)


def keras_adamax(theta, gradients, lr, betas, eps):
    def rule(t, theta, g, memory):
        m = _average(memory, "m", betas[0], g)
        u = memory["u"] = np.maximum(betas[1] * memory.get("u", 0.0), np.abs(g))
        return theta - lr(t) * m / ((1 - betas[0] ** t) * (u + eps))

    return _walk(theta, gradients, rule)


def optax_adamax(theta, gradients, lr, betas, eps):
    def rule(t, theta, g, memory):
        m = _average(memory, "m", betas[0], g)
        u = memory["u"] = np.maximum(np.abs(g) + eps, betas[1] * memory.get("u", 0.0))
        return theta - lr(t) * m / (1 - betas[0] ** t) / u

    return _walk(theta, gradients, rule)


def keras_nadam(theta, gradients, lr, betas, eps):
    def rule(t, theta, g, memory):
        u = betas[0] * (1 - 0.5 * 0.96**t)
        u_next = betas[0] * (1 - 0.5 * 0.96 ** (t + 1))
        product = memory["product"] = memory.get("product", 1.0) * u
        m, v = _average(memory, "m", betas[0], g), _average(memory, "v", betas[1], g**2)
        m_hat = u_next * m / (1 - product * u_next) + (1 - u) * g / (1 - product)
        return theta - m_hat * lr(t) / (np.sqrt(v / (1 - betas[1] ** t)) + eps)

    return _walk(theta, gradients, rule)


def optax_nadam(theta, gradients, lr, betas, eps):
    def rule(t, theta, g, memory):
        m, v = _average(memory, "m", betas[0], g), _average(memory, "v", betas[1], g**2)
        m_hat = betas[0] * m / (1 - betas[0] ** (t + 1)) + (1 - betas[0]) * g / (1 - betas[0] ** t)
        return theta - lr(t) * m_hat / (np.sqrt(v / (1 - betas[1] ** t)) + eps)

    return _walk(theta, gradients, rule)


def _radam(theta, gradients, lr, betas, rectified, adaptive):
    def rule(t, theta, g, memory):
        m, v = _average(memory, "m", betas[0], g), _average(memory, "v", betas[1], g**2)
        rho = 2 / (1 - betas[1]) - 1
        rho_t = rho - 2 * t * betas[1] ** t / (1 - betas[1] ** t)
        m_hat = m / (1 - betas[0] ** t)
        if not rectified(rho_t):
            return theta - lr(t) * m_hat
        r = np.sqrt((rho_t - 4) * (rho_t - 2) * rho / ((rho - 4) * (rho - 2) * rho_t))
        return theta - lr(t) * r * m_hat * adaptive(v, 1 - betas[1] ** t)

    return _walk(theta, gradients, rule)


def optax_radam(theta, gradients, lr, betas, eps):
    return _radam(
        theta, gradients, lr, betas,
        lambda rho: rho >= 5, lambda v, correction: 1 / (np.sqrt(v / correction) + eps),
    )  # fmt: skip


def paper_radam(theta, gradients, lr, betas, eps):
    """Liu et al. 2020, algorithm 2, with the authors' eps: beside sqrt(v), not corrected."""
    return _radam(
        theta, gradients, lr, betas,
        lambda rho: rho > 4, lambda v, correction: np.sqrt(correction) / (np.sqrt(v) + eps),
    )  # fmt: skip


_SGD = {"momentum": 0.8}
_ADAM = {"betas": (0.8, 0.95), "eps": 1e-2}
_RMS = {"alpha": 0.9, "eps": 1e-2}

# class, convention, that library's equation, arguments
CONVENTIONS = [
    ("SGD", "keras", keras_sgd, _SGD),
    ("SGD", "keras", keras_sgd, {**_SGD, "nesterov": True}),
    ("SGD", "lecture", lecture_sgd, _SGD),
    ("SGD", "lecture", lecture_sgd, {**_SGD, "nesterov": True}),
    ("SGD", "optax", optax_sgd, _SGD),
    ("SGD", "optax", optax_sgd, {**_SGD, "nesterov": True}),
    ("Adagrad", "keras", inside_adagrad, {"eps": 1e-2, "initial_accumulator_value": 0.1}),
    ("Adagrad", "optax", inside_adagrad, {"eps": 1e-2, "initial_accumulator_value": 0.1}),
    ("Adagrad", "lecture", lecture_adagrad, {"eps": 0.0}),
    ("Adagrad", "lecture", lecture_adagrad, {"eps": 1e-2}),
    ("RMSprop", "keras", inside_rmsprop, _RMS),
    ("RMSprop", "keras", inside_rmsprop, {**_RMS, "momentum": 0.8}),
    ("RMSprop", "keras", inside_rmsprop, {**_RMS, "centered": True}),
    ("RMSprop", "optax", inside_rmsprop, {**_RMS, "momentum": 0.8, "centered": True}),
    ("RMSprop", "lecture", lecture_rmsprop, {"alpha": 0.9, "eps": 0.0}),
    ("RMSprop", "lecture", lecture_rmsprop, {**_RMS, "momentum": 0.8}),
    ("Adam", "keras", keras_adam, _ADAM),
    ("Adam", "keras", keras_adam, {**_ADAM, "amsgrad": True}),
    ("Adam", "optax", optax_adam, _ADAM),
    ("Adam", "optax", optax_adam, {**_ADAM, "amsgrad": True}),
    ("Adam", "paper", optax_adam, _ADAM),
    ("Adam", "paper", paper_amsgrad, {**_ADAM, "amsgrad": True}),
    ("Adam", "lecture", lecture_adam, _ADAM),
    ("AdamW", "keras", keras_adam, {**_ADAM, "weight_decay": 0.1}),
    ("AdamW", "keras", keras_adam, {**_ADAM, "weight_decay": 0.1, "amsgrad": True}),
    ("AdamW", "optax", optax_adam, {**_ADAM, "weight_decay": 0.1}),
    ("AdamW", "optax", optax_adam, {**_ADAM, "weight_decay": 0.1, "amsgrad": True}),
    ("Adamax", "keras", keras_adamax, _ADAM),
    ("Adamax", "optax", optax_adamax, _ADAM),
    ("NAdam", "keras", keras_nadam, _ADAM),
    ("NAdam", "optax", optax_nadam, _ADAM),
    ("RAdam", "optax", optax_radam, _ADAM),
    ("RAdam", "paper", paper_radam, _ADAM),
]
