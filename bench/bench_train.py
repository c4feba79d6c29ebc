"""Training steps beside their rivals: scikit-learn's and PyTorch's epoch over the same digits.

A step of a 64-32-10 network on n samples is six products of matrices (two forward, four backward
less the one for the inputs): ``flops = 2 n (64 * 32 * 2 + 32 * 10 * 3)``. At 2,410 parameters the
arithmetic of a small batch is less than the calls around it. Each case compares its losses with a
loop of its own before it is timed.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import saddlescape as ss
from saddlescape.train.batches import order_of

SIZES = (64, 32, 10)
RATE = 0.1


def samples():
    digits = ss.data.load_digits()
    return (digits.X / 16).astype(np.float32), digits.y


def flops_of_an_epoch(samples):
    return 2 * samples * (64 * 32 * 2 + 32 * 10 * 3)


def loop(net, X, y, size, steps):
    """Gradient descent in NumPy, float64: tanh, softmax and the chain rule by hand."""
    (W1, b1), (W2, b2) = ((W.astype(float), b.astype(float)) for W, b in net.layers())
    losses = []
    order = order_of(len(X), size, 0, 0)
    order = np.arange(len(X)) if order is None else order
    for start in range(0, steps * size, size):
        rows = order[start : start + size]
        x, t = X[rows].astype(float), np.eye(10)[y[rows]]
        a = np.tanh(x @ W1.T + b1)
        z = a @ W2.T + b2
        z -= z.max(axis=1, keepdims=True)
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        losses.append(-np.mean(np.log((p * t).sum(axis=1))))
        d2 = (p - t) / len(rows)
        d1 = (d2 @ W2) * (1 - a * a)
        W2, b2 = W2 - RATE * d2.T @ a, b2 - RATE * d2.sum(axis=0)
        W1, b1 = W1 - RATE * d1.T @ x, b1 - RATE * d1.sum(axis=0)
    return np.array(losses)


@pytest.mark.parametrize("batch_size", [32, "full"])
def test_epoch(benchmark, batch_size):
    X, y = samples()
    size = len(X) if batch_size == "full" else batch_size
    benchmark.group = f"an epoch of digits, 64-32-10, batch {batch_size}"
    benchmark.extra_info["flops"] = flops_of_an_epoch(len(X))
    benchmark.extra_info["steps"] = -(-len(X) // size)
    net = ss.MLP(SIZES, seed=1)
    expected = loop(net, X, y, size, 20 if size < len(X) else 1)
    run = ss.train(net, X, y, optimizer="sgd", lr=RATE, batch_size=batch_size, epochs=1)
    # float32: twenty steps of 6e-8, grown by the sums over a batch
    np.testing.assert_allclose(run.history.loss[: len(expected)], expected, rtol=1e-5)
    benchmark(ss.train, net, X, y, optimizer="sgd", lr=RATE, batch_size=batch_size, epochs=1)


@pytest.mark.parametrize("batch_size", [32, "full"])
def test_epoch_sklearn(benchmark, batch_size):
    neural = pytest.importorskip("sklearn.neural_network")
    X, y = samples()
    size = len(X) if batch_size == "full" else batch_size
    benchmark.group = f"an epoch of digits, 64-32-10, batch {batch_size}"
    rival = neural.MLPClassifier(
        SIZES[1:-1], activation="tanh", solver="sgd", alpha=0.0, batch_size=size,
        learning_rate_init=RATE, momentum=0.0, max_iter=1,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one epoch is all that is asked of it
        benchmark(rival.fit, X, y)
    assert 0.3 < rival.loss_ < 3.0


@pytest.mark.parametrize("batch_size", [32, "full"])
def test_epoch_torch(benchmark, batch_size):
    torch = pytest.importorskip("torch")
    X, y = (torch.from_numpy(a) for a in samples())
    size = len(X) if batch_size == "full" else batch_size
    benchmark.group = f"an epoch of digits, 64-32-10, batch {batch_size}"
    model = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.Tanh(), torch.nn.Linear(32, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    measure = torch.nn.CrossEntropyLoss()

    def epoch():
        losses, norms = [], []
        order = torch.randperm(len(X))
        for start in range(0, len(X), size):
            rows = order[start : start + size]
            optimizer.zero_grad()
            loss = measure(model(X[rows]), y[rows])
            loss.backward()
            # ours records both of every step, so the rival does too
            norms.append(torch.cat([p.grad.ravel() for p in model.parameters()]).norm().item())
            optimizer.step()
            losses.append(loss.item())
        return losses

    benchmark(epoch)
    assert epoch()[-1] < 2.5


DIGITS_EPOCHS, HELD = 30, 360


def trained_digits(seed):
    """Train 64-64-10 on four fifths of the digits; return the run and the fifth that is left."""
    X, y = samples()
    order = np.random.default_rng(seed).permutation(len(X))
    held, seen = order[:HELD], order[HELD:]
    net = ss.MLP((64, 64, 10), "relu", seed=seed)
    run = ss.train(net, X[seen], y[seen], epochs=DIGITS_EPOCHS, lr=3e-3, seed=seed)
    return run, (X[held], y[held])


def test_digits(benchmark):
    benchmark.group = f"{DIGITS_EPOCHS} epochs of digits, 64-64-10, batch 32"
    run, held = benchmark(trained_digits, 0)
    assert ss.metrics.accuracy(run.net, *held) > 0.95
