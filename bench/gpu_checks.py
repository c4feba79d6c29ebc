"""The device's numbers beside the CPU's, before anything is timed: an assertion fails, or all hold.

Elementwise rules have to have the same bits; a network's derivatives are sums in another order,
1e-12 of the largest in float64 and 1e-5 in float32, 1e-11 and 2e-4 where it normalises; eigenvalues
are LAPACK's to its own threshold, and counts of signs certified ones. ``--short`` is what a tool
that slows everything down can watch.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path += [str(HERE), str(HERE.parent / "tests")]

import saddlescape as ss  # noqa: E402
from device_samples import AROUND, everything, pair, to_device  # noqa: E402
from saddlescape import _backend, eig, optim  # noqa: E402
from storage_samples import EXACT, SHAPED  # noqa: E402

KINDS = ("float64", "float32", "bfloat16", "8bit")
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
ULP = 2.0**-52
NORMALISING = {"float32": 2e-4, "float64": 1e-11}
LOSSES = ("bce", "cross_entropy", "huber", "mae", "mse")


def rules(short: bool) -> str:
    """Three steps of each elementwise rule, in each storage, alone and with all around it."""
    names = ["adamw"] if short else sorted({*optim.names()} - SHAPED)
    rows = 0
    for name in names:
        for kind in KINDS:
            if name in EXACT and kind in ("bfloat16", "8bit"):
                continue
            for around in ("all",) if short else ("plain", "all"):
                here, there, gradients = pair(kind, name, **AROUND[around])
                for seed in range(1, 4):
                    own, theirs = gradients(seed)
                    here.step(own)
                    there.step(theirs)
                assert everything(there) == everything(here), f"{name}, {kind}, {around}: bits"
                rows += 1
    return f"{len(names)} rules, {rows} rows of three steps: the same bits"


def near(there: Any, here: Any, what: str, tolerance: float) -> float:
    there = there if isinstance(there, np.ndarray) else there.numpy()
    error = float(np.abs(there - here).max() / np.abs(here).max())
    assert error <= tolerance, f"{what}: off by {error} of the largest, expected {tolerance}"
    return error


def networks(short: bool) -> str:
    """Gradient, Hessian products and the dense Hessian, of each loss."""
    rng, sizes, n = np.random.default_rng(5), (13, 17, 9, 5), 203
    worst = {"float32": 0.0, "float64": 0.0}
    for loss in ("cross_entropy",) if short else LOSSES:
        for dtype, tolerance in TOLERANCE.items():
            here = ss.MLP(sizes, "silu", loss, dtype=dtype, seed=3)
            there = here.to("cuda")
            X = rng.standard_normal((n, sizes[0])).astype(dtype)
            y = rng.random((n, sizes[-1])).astype(dtype)
            if loss == "cross_entropy":
                y = rng.integers(0, sizes[-1], n)
            V = rng.standard_normal((here.parameters, 3)).astype(dtype)
            what = f"{loss}, {dtype}"
            errors = (
                near(there.gradient(X, y), here.gradient(X, y), f"gradient, {what}", tolerance),
                near(there.hvp(X, y, V), here.hvp(X, y, V), f"products, {what}", tolerance),
                near(there.hessian(X, y), here.hessian(X, y), f"Hessian, {what}", 1e-12),
            )
            worst[dtype] = max(worst[dtype], *errors)
    return "networks: off by " + ", ".join(f"{e:.1e} in {dtype}" for dtype, e in worst.items())


def layers(short: bool) -> str:
    """The same with all that a hidden layer may have, in training and at test time."""
    rng, sizes, n = np.random.default_rng(6), (13, 17, 17, 40, 5), 203
    X, y = rng.standard_normal((n, sizes[0])), rng.integers(0, sizes[-1], n)
    worst = {"float32": 0.0, "float64": 0.0}
    for kind in ("batch", "layer") if short else (None, "batch", "layer"):
        for after in (False,) if short or kind is None else (False, True):
            for dtype, tolerance in NORMALISING.items():
                here = ss.MLP(
                    sizes, "silu", dtype=dtype, seed=3, normalisation=kind, normalise_after=after,
                    residual=True, dropout=0.3,
                )  # fmt: skip
                there, own = here.to("cuda"), X.astype(dtype)
                V = rng.standard_normal((here.parameters, 3)).astype(dtype)
                for training in (False, True):
                    what = f"{kind}, {after=}, {training=}, {dtype}"
                    errors = [
                        near(there.predict(own, training), here.predict(own, training),
                             f"outputs, {what}", tolerance),
                        near(there.gradient(own, y, training), here.gradient(own, y, training),
                             f"gradient, {what}", tolerance),
                        near(there.hvp(own, y, V, training), here.hvp(own, y, V, training),
                             f"products, {what}", tolerance),
                    ]  # fmt: skip
                    worst[dtype] = max(worst[dtype], *errors)
    return "layers: off by " + ", ".join(f"{e:.1e} in {dtype}" for dtype, e in worst.items())


def spectra(short: bool) -> str:
    """Planted eigenvalues of both signs, over twelve orders of magnitude."""
    rng = np.random.default_rng(7)
    worst = 0.0
    for n in (5,) if short else (1, 2, 33, 129, 500):
        signs = rng.choice([-1.0, 1.0], n)
        planted = np.sort(signs * 10.0 ** rng.uniform(-12, 0, n))
        Q, _ = np.linalg.qr(rng.standard_normal((n, n)))
        A = (Q * planted) @ Q.T
        A = np.ascontiguousarray((A + A.T) / 2)
        there, here = eig.eigvalsh(to_device(A)).numpy(), np.linalg.eigvalsh(A)
        error = float(np.abs(there - here).max() / np.abs(here).max())
        assert error <= 60 * n * ULP, f"eigenvalues, n = {n}: off by {error} of the largest"
        worst = max(worst, error)
        counts, rounding = eig.inertia(to_device(A)), 4 * n * ULP
        beyond = counts.tolerance + rounding
        assert counts.positive <= np.count_nonzero(planted > -rounding), f"inertia, n = {n}"
        assert counts.negative <= np.count_nonzero(planted < rounding), f"inertia, n = {n}"
        assert counts.undetermined <= np.count_nonzero(np.abs(planted) <= beyond), n
    return f"eigenvalues: off by {worst:.1e} of the largest; inertia: no wrong count"


CHECKS: tuple[Callable[[bool], str], ...] = (rules, networks, layers, spectra)


def main() -> None:
    """Run every check; the first that fails ends it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--hosted", action="store_true")
    options.add_argument("--short", action="store_true")
    given = options.parse_args()
    told = _backend.described()
    assert told["usable"], told["why"]
    hosted = hasattr(_backend.cuda("a check"), "hosted")
    assert hosted == given.hosted, f"the package is {'' if hosted else 'not '}one with a stand-in"
    for check in CHECKS:
        start = time.perf_counter()
        said = check(given.short)
        sys.stdout.write(f"  {said} ({time.perf_counter() - start:.1f} s)\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
