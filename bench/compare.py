"""Time ours and each rival in turns and write bench/RESULTS.md: medians, and medians of ratios.

A shared machine wobbles; two timings a minute apart compare its moods. So each round times both
sides one after the other, and the ratio is taken round by round. A short rest before each lets the
other side's idle threads go to sleep: OpenBLAS's and OpenMP's spin for a while and hold the cores.

    OMP_NUM_THREADS=2 python bench/compare.py
"""

from __future__ import annotations

import datetime
import importlib.metadata
import importlib.util
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path += [str(HERE), str(HERE.parent / "tests")]

import bench_eig  # noqa: E402
import bench_net  # noqa: E402
import bench_optim  # noqa: E402
import saddlescape as ss  # noqa: E402
from oracle.network import one_hot  # noqa: E402

Call = Callable[[], Any]
ROUNDS = 31
REST = 0.03  # seconds
NO_REST = "no rests"


def seconds(call: Call, repeat: int, rest: float) -> float:
    time.sleep(rest)
    call()  # wakes this side's own threads, and warms its cache
    start = time.perf_counter()
    for _ in range(repeat):
        call()
    return (time.perf_counter() - start) / repeat


def in_turns(ours: Call, rival: Call, rest: float) -> tuple[float, float, float, float, float]:
    """Return both medians, and the median and quartiles of rival / ours."""
    once = max(seconds(ours, 1, rest), seconds(ours, 1, rest), 1e-9)
    repeat = max(1, min(200, int(2e-3 / once)))
    longer = max(once, seconds(rival, repeat, rest))
    rounds = ROUNDS if longer < 0.2 else 7 if longer < 3 else 3
    pairs = np.array(
        [(seconds(ours, repeat, rest), seconds(rival, repeat, rest)) for _ in range(rounds)]
    )
    ratios = pairs[:, 1] / pairs[:, 0]
    mine, theirs = np.median(pairs, axis=0)
    return mine, theirs, *np.percentile(ratios, [50, 25, 75])


def has(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def optimizer_cases() -> list[tuple[str, str, Call, Call, str]]:
    cases = []
    rivals = {"NumPy loop": bench_optim.numpy_loop}
    if has("torch"):
        rivals = {"torch fused": bench_optim.torch_fused, **rivals}
    for size, lengths in bench_optim.SIZES.items():
        work = f"{28 * sum(lengths):,} bytes"
        for name, make in rivals.items():
            steps, grads = [], None
            for maker in (bench_optim.unchecked, make):
                params, grads = bench_optim.arrays(lengths)
                expected = bench_optim.first_adam_step(params, grads)
                step = maker(params)
                step(grads)
                for p, q in zip(params, expected, strict=True):
                    np.testing.assert_allclose(p, q, rtol=0, atol=1e-6)
                steps.append(lambda step=step, grads=grads: step(grads))
            cases.append((f"Adam float32, {size}", name, steps[0], steps[1], work))
            if size == "memory" and name == "torch fused":
                cases.append((f"Adam float32, {size}, {NO_REST}", name, *steps, work))
    return cases


def network_cases() -> list[tuple[str, str, Call, Call, str]]:
    cases = []
    for dtype in ("float64", "float32"):
        rng = np.random.default_rng(0)
        net = ss.MLP(bench_net.SIZES, dtype=dtype, seed=1)
        X, y = rng.random((bench_net.N, 64)).astype(dtype), rng.integers(0, 10, bench_net.N)
        Y = one_hot(y, 10).astype(dtype)
        rivals = {"NumPy by hand": bench_net._NumPy(X, Y)}
        if has("jax"):
            rivals["jitted JAX"] = bench_net._Jax(X, Y)
        ours = bench_net._Ours(net, X, y)
        for name, rival in rivals.items():
            cases += product_cases(f"64-32-10, N = 1,797, {dtype}", ours, name, rival, (0, 1, 16))
        if dtype == "float64":
            kept, (name, rival) = bench_net._Kept(net, X, y), [*rivals.items()][-1]
            case = "64-32-10, N = 1,797, an operator of one point"
            cases += product_cases(case, kept, name, rival, (1, 16))
            if has("jax"):
                cases.append(hessian_case(net, X, y, net.theta.copy()))
    return cases


def product_cases(
    case: str, ours: Any, name: str, rival: Any, counts: tuple[int, ...]
) -> list[tuple[str, str, Call, Call, str]]:
    """Gradients (0 vectors) or products with so many vectors, of two sides that agree."""
    cases = []
    theta = ours.net.theta.copy()
    for k in counts:
        V = np.ascontiguousarray(bench_net.V[:, :k].astype(theta.dtype))

        def run(side: Any, k: int = k, V: Any = V) -> Any:
            return side.products(theta, V) if k else side.gradient(theta)

        bench_net.agree(run(ours), run(rival))
        what = f"{k} Hessian product{'s' * (k > 1)}" if k else "gradient"
        flops = bench_net.GRADIENT + k * bench_net.PRODUCT
        cases.append((f"{what}, {case}", name, lambda run=run: run(ours),
                      lambda run=run: run(rival), f"{flops / 1e6:.1f} Mflop"))  # fmt: skip
    return cases


def hessian_case(net: ss.MLP, X: Any, y: Any, theta: Any) -> tuple[str, str, Call, Call, str]:
    import jax

    Y = one_hot(y, 10)

    def loss(t: Any) -> Any:
        W1, b1, W2, b2 = bench_net.parts(t)
        f = jax.numpy.tanh(X @ W1.T + b1) @ W2.T + b2
        return -(Y * jax.nn.log_softmax(f)).sum(axis=1).mean()

    hessian = jax.jit(jax.hessian(loss))
    bench_net.agree(net.hessian(X, y), np.asarray(hessian(theta)))
    flops = len(X) * net.parameters**2
    return (
        "dense Hessian, 64-32-10, N = 1,797",
        "jitted jax.hessian",
        lambda: net.hessian(X, y),
        lambda: np.asarray(hessian(theta)),
        f"{flops / 1e9:.1f} Gflop",
    )


def torch_eigvalsh(A: Any) -> Any:
    import torch

    torch.set_num_threads(int(ss.info()["threads"]))
    return torch.linalg.eigvalsh(torch.from_numpy(A))


def eigen_cases() -> list[tuple[str, str, Call, Call, str]]:
    cases = []
    for n in (500, 1500, 3000, 5000):
        A = bench_eig.symmetric(n)
        values, counts = np.linalg.eigvalsh(A), ss.eig.inertia(A)
        assert np.abs(ss.eig.eigvalsh(A) - values).max() < 1e-11 * np.abs(values).max()
        beyond = np.abs(values) > 1.01 * counts.tolerance
        assert counts.positive + counts.negative >= np.count_nonzero(beyond)
        assert counts.positive <= np.count_nonzero(values > 0)
        in_numpy: tuple[str, Callable[[Any], Any]] = ("NumPy eigvalsh", np.linalg.eigvalsh)
        rows = [("eigenvalues", ss.eig.eigvalsh, *in_numpy)]
        if has("torch"):
            rows.append(("eigenvalues", ss.eig.eigvalsh, "torch eigvalsh (MKL)", torch_eigvalsh))
        rows.append(("certified inertia", ss.eig.inertia, *in_numpy))
        for name, ours, rival_name, rival in rows:
            flops = (2 if ours is ss.eig.inertia else 4) / 3 * n**3
            work = f"{flops / 1e9:.2f} Gflop"
            cases.append((f"{name}, n = {n:,}", rival_name, lambda A=A, f=ours: f(A),
                          lambda A=A, f=rival: f(A), work))  # fmt: skip
    return cases


def lanczos_cases() -> list[tuple[str, str, Call, Call, str]]:
    ours, roofline, moved = bench_eig.lanczos_overhead()
    name = "Lanczos, P = 10^6, 100 steps, a product of 5 ms"
    cases = [(name, "roofline: its reading alone", ours, roofline, f"{moved / 1e9:.0f} GB")]
    if not has("jax"):
        return cases
    for steps in (0, 50, 500):
        for missing, what in ((1e-4, ""), (1.0, ", no check for missing pairs")):
            ours, theirs, counts = bench_eig.network_ends(steps, missing=missing)
            products = f"{counts['saddlescape']} products, rival {counts['arpack']}"
            name = f"3 pairs at each end, P = 2,410, {steps} steps trained{what}"
            cases.append((name, "ARPACK, jitted JAX", ours, theirs, products))
    return cases


def version(package: str) -> str:
    return f"{package} {importlib.metadata.version(package)}" if has(package) else f"no {package}"


def cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def main() -> None:
    """Run every case and write the table."""
    info = ss.info()
    lines = [
        "# Results",
        "",
        f"{datetime.date.today()} · {cpu()}, {info['threads']} threads, {info['isa']} · "
        f"OpenBLAS kernel {info['blas']['kernel']} · {info['compiler']} · "
        f"Python {info['python']}, {version('numpy')}, {version('torch')}, {version('jax')}",
        "",
        "Made by `OMP_NUM_THREADS=2 python bench/compare.py`: ours and the rival in turns, medians "
        f"of up to {ROUNDS} rounds; the ratio is the median of rival / ours with its quartiles, so "
        "above 1 ours is faster. The answers are compared before the clock starts; each side rests "
        f"for {1e3 * REST:.0f} ms before its turn, so that neither waits for the other's idle "
        "threads.",
        "",
        "A rest costs PyTorch's threads more than ours; the row without rests shows both at work.",
        "",
        "| case | ours | rival | time | rival / ours | quartiles | work |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, rival, a, b, work in (
        *optimizer_cases(),
        *network_cases(),
        *eigen_cases(),
        *lanczos_cases(),
    ):
        rest = 0.0 if NO_REST in name else REST
        mine, theirs, ratio, low, high = in_turns(a, b, rest)
        lines.append(
            f"| {name} | {span(mine)} | {rival} | {span(theirs)} | **{ratio:.2f}** | "
            f"{low:.2f} to {high:.2f} | {work} |"
        )
        sys.stdout.write(lines[-1] + "\n")
    path = HERE / "RESULTS.md"
    _, mark, others = path.read_text().partition("\n## ")  # those of the other programs here
    path.write_text("\n".join(lines) + "\n" + mark + others)


def span(time_in_seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if time_in_seconds * scale >= 1:
            return f"{time_in_seconds * scale:.3g} {unit}"
    return f"{time_in_seconds * 1e9:.3g} ns"


if __name__ == "__main__":
    main()
