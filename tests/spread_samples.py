"""What each of two processes does in test_curvature_spread: one function for each test."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch.distributed.nn.functional import all_reduce

from saddlescape import critical, curvature, eig
from torch_samples import Once

N = 11
CUTS = {0: slice(0, 7), 1: slice(7, 11)}  # uneven shards of the data
HIDDEN = {0: slice(0, 3), 1: slice(3, 5)}  # uneven shards of the hidden units


def data() -> tuple[Any, Any]:
    g = torch.Generator().manual_seed(0)
    x = torch.randn(N, 3, dtype=torch.float64, generator=g)
    return x, torch.randn(N, 2, dtype=torch.float64, generator=g)


def weights(units: slice = slice(0, 5)) -> list[Any]:
    g = torch.Generator().manual_seed(1)
    first = torch.randn(5, 3, dtype=torch.float64, generator=g)
    last = torch.randn(2, 5, dtype=torch.float64, generator=g)
    return [t.clone().requires_grad_(True) for t in (first[units], last[:, units])]


def local(params: list[Any], x: Any) -> Any:
    return torch.tanh(x @ params[0].T) @ params[1].T


def whole() -> curvature.AutomaticCurvature:
    """The same loss in one process."""
    params, (x, y) = weights(), data()
    return curvature.from_torch(lambda: (local(params, x) - y).square().sum(1).mean(), params)


def shards_of_data(rank: int, **arguments: Any) -> curvature.AutomaticCurvature:
    params, (x, y) = weights(), data()
    x, y = x[CUTS[rank]], y[CUTS[rank]]
    return curvature.from_torch(
        lambda: (local(params, x) - y).square().sum(1).mean(),
        params,
        **{"group": dist.group.WORLD, "weight": len(x), **arguments},
    )


def shards_of_parameters(rank: int) -> curvature.AutomaticCurvature:
    params, (x, y) = weights(HIDDEN[rank]), data()

    def loss() -> Any:
        outputs = all_reduce(local(params, x), group=dist.group.WORLD)
        return (outputs - y).square().sum(1).mean()  # the same in each process

    return curvature.from_torch(loss, params, group=dist.group.WORLD, sharded=True)


def results(H: curvature.AutomaticCurvature) -> dict[str, Any]:
    n = H.shape[0]
    V = np.random.default_rng(2).standard_normal((n, 3))
    pairs = eig.lanczos(H, low=2, high=2)
    point = critical.classify(H)
    return {
        "theta": H.theta,
        "loss": H.loss(),
        "elsewhere": H.loss(H.theta + 0.5),
        "gradient": H.gradient(),
        "products": H @ V,
        "dense": H.dense(),
        "error": H.error(),
        "eigenvalues": pairs.eigenvalues,
        "counts": np.array([point.inertia.positive, point.inertia.negative]),
        "label": np.array([repr(H)]),
        "differences": np.array([str(H.differences)]),
    }


def of_data(rank: int) -> dict[str, Any]:
    return results(shards_of_data(rank))


def of_parameters(rank: int) -> dict[str, Any]:
    return results(shards_of_parameters(rank))


def told(call: Callable[[], Any]) -> dict[str, Any]:
    """Return the error's type and text."""
    try:
        call()
    except (RuntimeError, ValueError, ArithmeticError, TypeError) as error:
        return {"error": np.array([type(error).__name__, str(error)])}
    return {"error": np.array(["none", ""])}


def one_raises_at_once(rank: int) -> dict[str, Any]:
    params = weights()

    def loss() -> Any:
        if rank == 1:
            raise ArithmeticError("this process only")
        return params[0].square().sum()

    return told(lambda: curvature.from_torch(loss, params, group=dist.group.WORLD))


def one_raises_later(rank: int) -> dict[str, Any]:
    params = weights()

    def loss() -> Any:
        if rank == 0 and params[0][0, 0] > 50:
            raise ArithmeticError("this process only")
        return params[0].square().sum()

    H = curvature.from_torch(loss, params, group=dist.group.WORLD)
    found = told(lambda: H.loss(H.theta + 100))
    return {**found, "after": H.loss()}  # nobody is out of step


def one_has_no_second_derivative(rank: int) -> dict[str, Any]:
    params = weights()

    def loss() -> Any:
        return (Once.apply(params[0]) if rank else params[0] ** 3).sum()

    H = curvature.from_torch(loss, params, group=dist.group.WORLD)
    return {
        "dense": H.dense(), "error": H.error(), "theta": H.theta,
        "differences": np.array([str(H.differences)]),
    }  # fmt: skip


def one_has_kinks(rank: int) -> dict[str, Any]:
    params = weights()

    def loss() -> Any:
        return (params[0].abs() if rank else params[0]).pow(2).sum()

    H = curvature.from_torch(loss, params, group=dist.group.WORLD)
    return {"silent": np.array([str(H.silent)]), "dense": H.dense()}


def different_models(rank: int) -> dict[str, Any]:
    w = torch.full((3 + rank,), 1.0 + rank, requires_grad=True)

    def square() -> Any:
        return (w**2).sum()

    return told(lambda: curvature.from_torch(square, [w], group=dist.group.WORLD))


def out_of_step(rank: int) -> dict[str, Any]:
    H = shards_of_data(rank)
    return told(lambda: H @ np.full(H.shape[0], 1.0 + rank))


def no_weight(rank: int) -> dict[str, Any]:
    return told(lambda: shards_of_data(rank, weight=0.0))


def meet(job: Callable[[int], dict[str, Any]], rank: int, world: int, place: str) -> None:
    """Do a job as one of some processes in a group of its own, and leave what it returns."""
    dist.init_process_group(
        "gloo", init_method=f"file://{place}/meet", rank=rank, world_size=world,
        timeout=timedelta(seconds=30),
    )  # fmt: skip
    try:
        np.savez(f"{place}/{rank}.npz", **job(rank))
        dist.barrier()
    finally:
        dist.destroy_process_group()


def main(rank: int) -> None:
    """Run the jobs that are asked for, one after another: torch is imported once."""
    torch.set_num_threads(1)
    for line in sys.stdin:
        job, place = line.split(maxsplit=1)
        meet(globals()[job], rank, 2, place.rstrip("\n"))
        print("done", flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main(int(sys.argv[1]))
