"""What each of two or three processes does in test_eig_pieces: one function for each test."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from saddlescape import critical, curvature, eig
from saddlescape.torch.processes import Processes
from spread_samples import HIDDEN, all_reduce, data, local, meet, weights

Vector = np.ndarray
N = 300


class Coupled:
    """D + c u u^T, by rows: closed form, and the processes meet in every product."""

    def __init__(self, rank: int, cuts: list[int], d: Vector, c: float = 0.0) -> None:
        self.processes = Processes(dist.group.WORLD)
        n, ends = len(d), np.cumsum([0, *cuts]).tolist()
        self.shape, self.piece = (n, n), slice(ends[rank], ends[rank + 1])
        self.d, self.u = d[self.piece], np.cos(np.arange(n))[self.piece]
        self.c, self.rank = c, rank
        self.reduced: list[int] = []
        self.products, self.seen = 0, 0

    def reduce(self, numbers: Vector) -> Vector:
        self.reduced.append(len(numbers))
        return self.processes.reduce(numbers)

    def __matmul__(self, V: Vector) -> Vector:
        self.products += 1
        self.seen = max(self.seen, V.shape[0])
        columns = V if V.ndim == 2 else V[:, None]
        inner = self.processes.reduce(self.u @ columns)
        return (self.d[:, None] * columns + self.c * np.outer(self.u, inner)).reshape(V.shape)


def whole(d: Vector, c: float = 0.0) -> Vector:
    """The same matrix in one process."""
    u = np.cos(np.arange(len(d)))
    return np.diag(d) + c * np.outer(u, u)


CASES: dict[str, tuple[Vector, float, dict[str, Any]]] = {
    "coupled": (np.linspace(-1, 1, N) ** 3, 0.5, {"low": 2, "high": 2}),
    "restarts": (np.linspace(-1, 1, N) ** 3, 0.5, {"low": 2, "high": 2, "basis": 20}),
    "block": (np.linspace(-1, 1, N) ** 3, 0.5, {"low": 2, "high": 3, "block": 3, "basis": 30}),
    "wide block": (np.linspace(-1, 1, N) ** 3, 0.5, {"low": 1, "high": 1, "block": 6}),
    "multiple": (np.repeat([0.0, 1.0, 5.0], [290, 7, 3]), 0.0, {"low": 1, "high": 6}),
    "identity": (np.ones(N), 0.0, {"low": 2, "high": 2}),
    "zero": (np.zeros(N), 0.0, {}),
    "large": (np.linspace(-1, 1, N) ** 3 * 1e200, 1e199, {"low": 2, "high": 2}),
    "unchecked": (np.linspace(-1, 1, N) ** 3, 0.5, {"missing": 1, "tol": 1e-9}),
    "budget": (np.linspace(-1, 1, N), 0.5, {"max_products": 30, "tol": 1e-12}),
    "all": (np.linspace(-1, 1, 12), 0.5, {"low": 6, "high": 6}),
    "one": (np.array([3.0]), 0.0, {}),
}


def solved(cuts: list[int], rank: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, (d, c, options) in CASES.items():
        mine = cuts if len(d) == N else [len(d) - len(cuts) + 1, *[1] * (len(cuts) - 1)]
        if len(d) < len(cuts):
            mine = [0] * (len(cuts) - 1) + [len(d)]
        op = Coupled(rank, mine, d, c)
        r = eig.lanczos(op, **options)
        scale = float(np.abs(d).max()) or 1.0
        V = r.eigenvectors
        R = (op @ V - V * r.eigenvalues) / scale
        found |= {
            f"{name}/values": r.eigenvalues,
            f"{name}/residuals": r.residuals,
            f"{name}/bounds": r.bounds,
            f"{name}/missing": np.array([r.missing]),
            f"{name}/multiplicities": r.multiplicities,
            f"{name}/outcome": np.array([r.outcome.name]),
            f"{name}/products": np.array([r.products]),
            f"{name}/gram": op.reduce((V.T @ V).ravel()),
            f"{name}/real": np.sqrt(op.reduce(np.einsum("ij,ij->j", R, R))) * scale,
            f"own {name}/rows": V,
            f"own {name}/seen": np.array([op.seen, op.piece.stop - op.piece.start]),
            f"own {name}/sums": np.array([len(op.reduced), op.products, max(op.reduced)]),
        }
    warm = Coupled(rank, cuts, CASES["coupled"][0], 0.5)
    start = found["own coupled/rows"]
    found["warm/products"] = np.array([eig.lanczos(warm, 2, 2, start=start).products])
    density = eig.density(warm, steps=40, probes=3)
    found |= {"density/nodes": density.nodes, "density/weights": density.weights}
    return found


def halves(rank: int) -> dict[str, Any]:
    return solved([150, 150], rank)


def one_row(rank: int) -> dict[str, Any]:
    return solved([299, 1], rank)


def none_in_the_middle(rank: int) -> dict[str, Any]:
    return solved([101, 0, 199], rank)


def memory(rank: int) -> dict[str, Any]:
    """The process with one row must not pay for the 400,000 of the other."""
    n = 400_000
    op = Coupled(rank, [n - 1, 1], np.linspace(0, 1, n) ** 2)
    before = peak()
    eig.lanczos(op, low=1, high=1, basis=40, max_products=43)
    return {"grown": np.array([float(peak() - before)])}


def peak() -> int:
    """The most bytes of this process; `ru_maxrss` would begin with those of its parent."""
    status = Path("/proc/self/status").read_text()
    return 1024 * next(
        int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")
    )


class Failing(Coupled):
    what = ""

    def __matmul__(self, V: Vector) -> Vector:
        result = super().__matmul__(V)
        if self.rank == 1 and self.products == 5:
            if self.what == "raises":
                raise ArithmeticError("this process only")
            if self.what == "nan":
                result[0] = np.nan
        return result


def refusals(rank: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    d = np.linspace(-1, 1, N)

    def told(name: str, call: Any) -> None:
        try:
            result = call()
            found[name] = np.array(["none", str(getattr(result, "outcome", ""))])
        except (RuntimeError, ValueError, ArithmeticError, TypeError) as error:
            found[name] = np.array([type(error).__name__, str(error)])

    def op(cuts: list[int] | None = None, **members: Any) -> Any:
        made = Failing(rank, cuts or [150, 150], d, 0.5)
        for name, value in members.items():
            setattr(made, name, value)
        return made

    told("tol", lambda: eig.lanczos(op(), tol=1e-6 * (1 + rank)))
    told("seed", lambda: eig.lanczos(op(), seed=rank))
    told("order", lambda: eig.lanczos(op(shape=(N + 10 * rank,) * 2)))
    told("start", lambda: eig.lanczos(op(), start=np.ones((150, 1 + rank))))
    told("both first", lambda: eig.lanczos(op(piece=slice(0, 150))))
    told("too few", lambda: eig.lanczos(op(piece=slice(150 * rank, 150 * rank + 100))))
    told("beyond", lambda: eig.lanczos(op(piece=slice(150 * rank, 150 + 151 * rank))))
    told("low", lambda: eig.lanczos(op(), low=1.5 if rank else 1))
    told("raises", lambda: eig.lanczos(op(what="raises")))
    told("nan", lambda: eig.lanczos(op(what="nan")))

    def callback(*_: Any) -> bool:
        if rank == 0:
            raise ArithmeticError("this process only")
        return False

    told("callback", lambda: eig.lanczos(op(), callback=callback))
    told("stop", lambda: eig.lanczos(op(), callback=(lambda *_: True) if rank else None))
    told("sums", lambda: op().reduce(np.ones(2 + rank)))
    told("trace", lambda: eig.trace(op()))
    told("density", lambda: eig.density(op(), steps=10 + rank))
    told("no sums", lambda: eig.lanczos(op(reduce=None)))
    found["after"] = eig.lanczos(op(), low=2, high=2).eigenvalues  # nobody is out of step
    return found


def refused(call: Any) -> str:
    try:
        call()
    except (TypeError, ValueError, RuntimeError) as error:
        return f"{type(error).__name__}: {error}"
    return "none"


def of_a_model(rank: int) -> dict[str, Any]:
    params, (x, y) = weights(HIDDEN[rank]), data()

    def loss() -> Any:
        outputs = all_reduce(local(params, x), group=dist.group.WORLD)
        return (outputs - y).square().sum(1).mean()

    H = curvature.from_torch(loss, params, group=dist.group.WORLD, sharded=True, lower_bound=0.0)
    P = H.in_pieces()
    V = np.random.default_rng(2).standard_normal((H.shape[0], 3))
    parts = P @ V[P.piece]
    single = P @ V[P.piece, 0]
    pairs, lowest = eig.lanczos(P, low=2, high=2), critical.classify(P, method="lanczos")
    down = P.at(P.theta - 0.1 * P.gradient())
    point = critical.classify(P, method="lanczos", gradient_tolerance=1e9)
    wrong = [
        refused(lambda: P @ np.ones(len(P.theta) + rank)),
        refused(lambda: critical.classify(P, method="dense")),
        refused(lambda: critical.classify(P, method="lanczos", delta=0.1 + 0.1 * rank)),
        refused(lambda: critical.escape(P, lowest)),
        refused(lambda: eig.diagonal(P)),
    ]
    return {
        "eigenvalues": pairs.eigenvalues,
        "kinds": np.array([str(lowest.kind), str(point.kind)]),
        "counts": np.array([point.inertia.positive, point.inertia.negative]),
        "bound": np.array([lowest.lowest_bound.bound if lowest.lowest_bound else 0.0]),
        "gradient norm": np.array([point.gradient.norm]),
        "losses": np.array([P.loss(), P.loss(P.theta), down.loss(), P.error()]),
        "dense": H.dense(),
        "own products": parts,
        "own expected": (H @ V)[P.piece],
        "own single": single,
        "own rows": pairs.eigenvectors,
        "own sizes": np.array([len(P.theta), len(pairs.eigenvectors), len(point.eigenvectors)]),
        "own wrong": np.array(wrong),
        "own label": np.array([repr(P)]),
    }


if __name__ == "__main__":
    job, rank, world, place = sys.argv[1], *map(int, sys.argv[2:4]), sys.argv[4]
    torch.set_num_threads(1)
    meet(globals()[job], rank, world, place)
