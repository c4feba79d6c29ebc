"""Training steps beside their rivals as a table: ours and a rival in turns, medians of ratios.

OMP_NUM_THREADS=2 python bench/compare_train.py

writes its section of bench/RESULTS.md.
"""

from __future__ import annotations

import datetime
import importlib.util
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

import bench_train
import bench_train_steps as steps
import saddlescape as ss

ROUNDS = 15
REST = 0.02  # seconds, in which the other side's idle threads go to sleep
TITLE = "## Training steps"


def seconds(call: Callable[[], Any]) -> float:
    time.sleep(REST)
    call()
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def in_turns(ours: Callable[[], Any], rival: Callable[[], Any]) -> tuple[float, float, float]:
    """Return both medians, and the median of ours / rival."""
    pairs = np.array([(seconds(ours), seconds(rival)) for _ in range(ROUNDS)])
    return (*np.median(pairs, axis=0), float(np.median(pairs[:, 0] / pairs[:, 1])))


def sgemm_rate() -> float:
    """Return the operations per second of NumPy's float32 product of this run."""
    A = np.random.default_rng(0).standard_normal((2048, 2048)).astype(np.float32)
    out = np.empty_like(A)
    times = []
    for _ in range(9):
        start = time.perf_counter()
        np.matmul(A, A, out=out)
        times.append(time.perf_counter() - start)
    return 2 * 2048**3 / min(times)


def rows() -> Iterator[str]:
    rate = sgemm_rate()
    yield (
        "| network | rival | its step | ours | ours / rival | wanted | Gflop/s | "
        f"of sgemm's {rate / 1e9:.0f} | MB |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for case, (sizes, n, wanted) in steps.CASES.items():
        for name, (packages, make) in steps.RIVALS.items():
            if any(importlib.util.find_spec(package) is None for package in packages):
                continue
            ours, rival = steps.agreed(sizes, n, make)
            mine, theirs, ratio = in_turns(ours.run, rival.run)
            work = steps.flops(sizes, n) * ours.steps / mine
            yield (
                f"| {case} | {name} | {1e6 * theirs / ours.steps:.1f} us | "
                f"{1e6 * mine / ours.steps:.2f} us | **1/{1 / ratio:.1f}** | 1/{1 / wanted:.2g} | "
                f"{work / 1e9:.0f} | {work / rate:.2f} | {steps.moved(sizes) / 1e6:.2f} |"
            )


def epochs(count: int = 10) -> str:
    """Compare epochs of scikit-learn's classifier, as a person calls both."""
    from sklearn.neural_network import MLPClassifier

    X, y = bench_train.samples()
    rival = MLPClassifier((32,), activation="relu", alpha=0.0, batch_size=32, max_iter=count)

    def ours() -> ss.Run:
        net = ss.MLP((64, 32, 10), activation="relu", seed=1)
        return ss.train(net, X, y, batch_size=32, epochs=count)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # so few epochs are all that is asked of it
        ends = rival.fit(X, y).loss_, ours().history.loss[-56:].mean()
        assert abs(ends[0] - ends[1]) < 0.5 * ends[0], ends
        mine, theirs, ratio = in_turns(ours, lambda: rival.fit(X, y))
    return (
        f"An epoch of {count} over the digits, 64-32-10, batch 32: scikit-learn "
        f"{1e3 * theirs / count:.2f} ms, ours {1e3 * mine / count:.3f} ms, {1 / ratio:.1f} times."
    )


def digits() -> str:
    """Time whole trainings to the accuracy that is wanted."""
    times, accuracies = [], []
    for seed in range(10):
        start = time.perf_counter()
        run, held = bench_train.trained_digits(seed)
        times.append(time.perf_counter() - start)
        accuracies.append(ss.metrics.accuracy(run.net, *held))
    assert np.median(accuracies) >= 0.97, accuracies
    return (
        f"Digits, 64-64-10 relu, Adam, {bench_train.DIGITS_EPOCHS} epochs, 10 seeds: test accuracy "
        f"{np.median(accuracies):.4f} (median; least {min(accuracies):.4f}) after "
        f"{1e3 * np.median(times):.0f} ms (median; most {1e3 * max(times):.0f} ms)."
    )


def write(lines: list[str]) -> None:
    """Put the section in the place of the one that is there, or behind all others."""
    path = Path(__file__).parent / "RESULTS.md"
    before, _, after = path.read_text().partition(f"\n{TITLE}\n")
    _, mark, others = after.partition("\n## ")
    path.write_text(before + "\n" + "\n".join([TITLE, "", *lines]) + "\n" + mark + others)


def main() -> None:
    """Measure everything and write the section."""
    info = ss.info()
    lines = [
        f"{datetime.date.today()} · made by `OMP_NUM_THREADS=2 python bench/compare_train.py`: "
        f"forward, backward, Adam, float32, {info['threads']} threads, {info['isa']}; medians of "
        f"{ROUNDS} rounds in turns. Ours records loss, gradient norm, angle, update norm and rate "
        "of every step, the rivals nothing. MB: what a step cannot but move; sgemm: NumPy's in the "
        "same run.",
        "",
    ]
    for line in rows():
        sys.stdout.write(line + "\n")
        lines.append(line)
    for line in (epochs(), digits()):
        sys.stdout.write(line + "\n")
        lines += ["", line]
    write(lines)


if __name__ == "__main__":
    main()
