"""Time the rows of bench/gpu and print them as one Markdown table, fit for bench/RESULTS.md.

Contestants take turns, round by round, with a copy of as many bytes where bytes are what a row is
bound by; figures are medians, ratios medians of the rounds' ratios. ``bash bench/gpu`` builds,
checks and calls this.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path += [str(HERE), str(HERE.parent / "tests")]

import gpu_cases  # noqa: E402
import gpu_machine  # noqa: E402
import saddlescape as ss  # noqa: E402
from compare import cpu, span, version  # noqa: E402
from gpu_cases import Case, Side  # noqa: E402
from gpu_place import Call, Device, Hosted, NotThereError, Place  # noqa: E402

ROUNDS, FEWEST = 31, 3
MEASURE = 0.02  # seconds that one turn should take, at least
COPY_AT_MOST = 4 << 30  # bytes read by the copy beside a row


@dataclass(frozen=True)
class Clock:
    """How long rows may take: `once`, each contestant runs once and no time is kept."""

    end: float
    once: bool

    def left(self) -> float:
        """Return the seconds that are left."""
        return self.end - time.perf_counter()


def out_of_memory() -> tuple[type[BaseException], ...]:
    """What ours, and the library that holds the arrays, raise for want of memory."""
    if "torch" in sys.modules:
        return MemoryError, sys.modules["torch"].OutOfMemoryError
    return (MemoryError,)


def had(make: Callable[[], Side], steps: int) -> Side:
    """Return a side that has taken its first steps; NotThereError where memory lacks."""
    try:
        side = make()
        for _ in range(steps):
            side.call()
        side.numbers()
    except out_of_memory() as error:
        raise NotThereError(f"out of memory: {first_line(error)}") from None
    return side


def rival_had(case: Case, place: Place) -> Side:
    """As `had`; what goes wrong within a rival is no fault of ours, and the row says what."""
    try:
        return had(lambda: case.rival(place), case.steps)
    except ImportError as error:
        raise NotThereError(f"not installed: {error.name or error}") from None
    except RuntimeError as error:
        raise NotThereError(f"failed: {first_line(error)}") from None


def first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120].replace("|", "/")


def agree(case: Case, ours: Side, rival: Side) -> None:
    a, b = np.asarray(ours.numbers(), np.float64), np.asarray(rival.numbers(), np.float64)
    assert a.shape == b.shape, f"{case.name}: {a.shape} and {b.shape}"
    apart = np.abs(a - b)
    error = apart.mean() if case.mean else apart.max()
    allowed = case.tolerance * (1.0 if case.mean else max(1.0, np.abs(b).max()))
    assert error <= allowed, f"{case.name}: {error} apart from {case.rival_name}, at most {allowed}"


def in_turns(calls: list[Callable[[int], float]], clock: Clock, budget: float) -> Any:
    """Return the times (rounds, contestants): as many rounds as fit, three at least."""
    until = min(clock.end, time.perf_counter() + budget)
    once = [min(call(1), call(1)) for call in calls]
    repeats = [max(1, min(200, int(MEASURE / max(each, 1e-7)))) for each in once]
    rows: list[list[float]] = []
    while len(rows) < ROUNDS and (len(rows) < FEWEST or time.perf_counter() < until):
        rows.append([call(n) for call, n in zip(calls, repeats, strict=True)])
    return np.array(rows)


def timer(place: Place, case: Case, call: Call) -> Callable[[int], float]:
    if not case.wall:
        return functools.partial(place.seconds, call)

    def told(repeat: int) -> float:
        """Wait for what the last call returned too: JAX has streams of its own."""
        last: list[Any] = [None]

        def keep() -> None:
            last[0] = call()

        def all_of() -> None:
            for _ in range(repeat):
                keep()
            getattr(last[0], "block_until_ready", lambda: None)()

        return place.wall(all_of, 1) / repeat

    return told


def raced(case: Case, place: Place, clock: Clock) -> str:
    """Return the row's cells behind its name."""
    if clock.left() <= 0:
        raise NotThereError("no time left")
    if case.memory > place.free():
        wanted, free = case.memory / gpu_cases.GIB, place.free() / gpu_cases.GIB
        raise NotThereError(f"memory: {wanted:.0f} GiB wanted, {free:.0f} GiB free")
    ours, why, rival = had(lambda: case.ours(place), case.steps), "", None
    try:
        rival = rival_had(case, place)
    except NotThereError as error:
        why = str(error)
    else:
        agree(case, ours, rival)
    if clock.once:
        return f"ran | {case.rival_name} | {why or 'ran, and agrees'} | | {wanted_of(case)} | | |"
    calls = [timer(place, case, ours.call)]
    calls += [timer(place, case, rival.call)] if rival else []
    copied = min(case.bytes // 2, COPY_AT_MOST) if case.copies else 0
    calls += [functools.partial(place.seconds, place.copying(copied))] if copied else []
    times = in_turns(calls, clock, case.budget)
    mine = float(np.median(times[:, 0]))
    theirs, ratio = why, "-"
    if rival:
        theirs = span(float(np.median(times[:, 1])))
        ratio = f"**{np.median(times[:, 1] / times[:, 0]):.2f}**"
    share = "-"
    if copied:
        share = f"{np.median(case.bytes / times[:, 0] / (2 * copied / times[:, -1])):.2f}"
    return (
        f"{span(mine)} | {case.rival_name} | {theirs} | {ratio} | {wanted_of(case)} | "
        f"{work_of(case, mine)} | {share} |"
    )


def wanted_of(case: Case) -> str:
    copy = f", copy >= {case.copies:.2g}" if case.copies else ""
    return f">= {case.must:.2g}{copy}"


def work_of(case: Case, time_in_seconds: float) -> str:
    if case.bytes:
        return f"{case.bytes:,} bytes, {case.bytes / time_in_seconds / 1e9:,.0f} GB/s"
    return f"{case.flops / 1e9:,.3g} Gflop, {case.flops / time_in_seconds / 1e12:,.3g} Tflop/s"


def bandwidth(place: Place, count: int) -> float:
    """Return the bytes a second of a copy within the device, read and written."""
    copy = place.copying(count)
    return 2 * count / float(np.median([place.seconds(copy, 3) for _ in range(9)]))


def heading(place: Place, given: argparse.Namespace) -> list[str]:
    cuda = ss.info()["cuda"]
    machine = cpu() if given.hosted else f"driver {gpu_machine.driver_version()}"
    clock = (
        "The CPU stands in for a device, at small sizes: no figure here is one of a GPU."
        if given.hosted
        else "Times are the device's, between CUDA events; in rows with JAX, whose streams are its "
        "own, both sides have the host's clock over many calls with one wait at the end."
    )
    rate = 0.0 if given.once else bandwidth(place, 1 << 20 if given.hosted else 4 << 30)
    copy = f" · a copy moves {rate / 1e9:,.0f} GB/s, read and written" if rate else ""
    return [
        f"{datetime.date.today()} · made by `{given.command}` · {cuda['device']}, "
        f"{machine} · {cuda['with']} · Python {ss.info()['python']}, {version('numpy')}, "
        f"{version('torch')}, {version('jax')}{copy} · {given.note}",
        "",
        f"Ours and the rival in turns, medians of up to {ROUNDS} rounds; rival / ours is above 1 "
        "where ours is faster, and the share of the copy's bandwidth is that of a copy in the same "
        f"rounds. The numbers of both sides are compared before the clock starts. {clock}",
        "",
        "| case | ours | rival | its time | rival / ours | must | bytes or operations | of copy |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]


def main() -> None:
    """Race every row, then print the table; a side that disagrees ends this without one."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--hosted", action="store_true")
    options.add_argument("--once", action="store_true")
    options.add_argument("--seconds", type=float, default=300.0)
    options.add_argument("--command", default="python bench/gpu_table.py")
    options.add_argument("--note", default="compute-sanitizer: not asked")
    given = options.parse_args()
    clock = Clock(time.perf_counter() + given.seconds, given.once)
    place: Any = Hosted() if given.hosted else Device()
    lines = heading(place, given)
    for case in gpu_cases.table(hosted=given.hosted):
        sys.stderr.write(f"  {case.name} ({clock.left():.0f} s left)\n")
        place.release()
        try:
            row = raced(case, place, clock)
        except NotThereError as error:
            row = f"- | {case.rival_name} | {error} | - | {wanted_of(case)} | - | - |"
        lines.append(f"| {case.name} | {row}")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
