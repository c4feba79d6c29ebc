"""How fast a step is, as ratios: ours, torch's and a loop over the same bytes, in one process.

A shared machine wobbles, so every number that counts is a ratio within a round, and what is shown
is the median over the rounds with its quartiles. In a round each side has its turn, in an order
drawn anew. The last one's threads may still be awake and look for work (OpenMP's do), and one's own
cache is cold, so a turn begins with steps that are not timed, for SETTLE seconds and one step at
least; without them ours lost a third where a step takes microseconds, and torch nothing.

`--order blocks` runs all rounds of a side in a row instead. It agrees where a step stays in cache.
From memory it does not: bandwidth on a shared machine moves between 65 and 105 GB/s within seconds,
and blocks then compare two moods (AMSGrad came out at 0.61 of the loop, with quartiles 0.01 apart,
and at 1.00 in turns). Beside busy processes neither is a measure: OpenMP waits for the thread that
is held up, and torch's small steps then took 20 times as long. So the load stands above the table.

    python bench/speed_optim.py                      # everything, some minutes
    python bench/speed_optim.py --cases adam --rounds 31
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path += [str(HERE), str(HERE.parent / "tests")]

import roofline  # noqa: E402
import saddlescape as ss  # noqa: E402
from compare import cpu, span, version  # noqa: E402
from contestants import THREADS, Call  # noqa: E402
from speed_cases import CASES, LARGE, LOOP, Case  # noqa: E402

SETTLE = 0.02  # seconds
AT_LEAST = 2e-3  # seconds: shorter steps are timed many at a time
Times = dict[str, np.ndarray]


def settled(call: Call) -> None:
    end = time.perf_counter() + SETTLE
    call()
    while time.perf_counter() < end:
        call()


def seconds(call: Call, repeat: int) -> float:
    settled(call)
    start = time.perf_counter()
    for _ in range(repeat):
        call()
    return (time.perf_counter() - start) / repeat


def times(calls: dict[str, Call], rounds: int, order: str) -> Times:
    """Return for each side the seconds of a step in each round."""
    repeats = {who: math.ceil(AT_LEAST / seconds(call, 3)) for who, call in calls.items()}
    taken: Times = {who: np.empty(rounds) for who in calls}
    rng, names = np.random.default_rng(0), list(calls)
    turns = [(i, who) for i in range(rounds) for who in rng.permutation(names)]
    if order == "blocks":
        turns = [(i, who) for who in names for i in range(rounds)]
    for i, who in turns:
        taken[who][i] = seconds(calls[who], repeats[who])
    return taken


def absent(who: str) -> str:
    """Why a side can't run here, empty if it can."""
    if who == LOOP and roofline.compiler() is None:
        return "no C++ compiler"
    if who.startswith("torch") and importlib.util.find_spec("torch") is None:
        return "torch is not installed"
    return ""


def rows(case: Case, n: int, rounds: int, order: str) -> Iterator[list[str]]:
    missing = {who: why for who in case.contestants() if (why := absent(who))}
    calls = {who: case.make(who, n) for who in case.contestants() if who not in missing}
    taken = times(calls, rounds, order)
    rivals = [who for who in calls if who not in case.ours]
    if case.best_rival_only:
        slower = sorted((who for who in rivals if who != LOOP), key=lambda w: np.median(taken[w]))
        rivals = [who for who in rivals if who not in slower[1:]]
    work = case.bytes_per_element * case.elements(n)
    for ours in case.ours:
        mine = np.median(taken[ours])
        if case.must_seconds:
            limit = case.must_seconds if ours == next(iter(case.ours)) else 0.0
            yield [case.name, ours, span(mine), "", "", "", "", *must(mine, limit, "<=")]
        for rival in rivals:
            ratios = taken[rival] / taken[ours]
            low, middle, high = np.percentile(ratios, [25, 50, 75])
            limit = case.must.get(rival, 0.0) if ours == next(iter(case.ours)) else 0.0
            yield [
                case.name,
                ours,
                f"{span(mine)}, {work / mine / 1e9:.1f} GB/s",
                rival,
                f"{span(float(np.median(taken[rival])))}",
                f"**{middle:.2f}**",
                f"{low:.2f} to {high:.2f}",
                *must(middle, limit, ">="),
            ]
    for who, why in missing.items():
        yield [case.name, "", "", f"{who} skipped: {why}", *[""] * 5]


def must(value: float, limit: float, sign: str) -> list[str]:
    if not limit:
        return ["", ""]
    reached = value <= limit if sign == "<=" else value >= limit
    text = span(limit) if sign == "<=" else f"{limit:.3g}"
    return [f"{sign} {text}", "yes" if reached else "no"]


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", nargs="+", default=[""], help="parts of names; default: all")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--elements", type=int, default=LARGE, help="of a large tensor")
    parser.add_argument("--order", choices=("turns", "blocks"), default="turns")
    parser.add_argument("--output", type=Path, help="write the table to this file as well")
    parser.add_argument("--list", action="store_true", help="print the cases' names and stop")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    """Measure the cases that were asked for and print a row for each pair of ours and a rival."""
    chosen: Any = arguments(argv)
    cases = [case for case in CASES if any(part in case.name for part in chosen.cases)]
    if chosen.list:
        sys.stdout.write("".join(f"{case.name}\n" for case in cases))
        return
    ss.set_threads(THREADS)
    info = ss.info()
    lines = [
        f"{cpu()}, {THREADS} threads, {info['isa']} · {info['compiler']} · {version('torch')} · "
        f"load {os.getloadavg()[0]:.1f} at the start · a large tensor has {chosen.elements:,} "
        f"elements · {chosen.rounds} rounds in {chosen.order}, medians; rival / ours is above 1 "
        "where ours is faster",
        "",
        "| case | ours | time | rival | time | rival / ours | quartiles | must be | is |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    for case in cases:
        for row in rows(case, chosen.elements, chosen.rounds, chosen.order):
            lines.append(f"| {' | '.join(row)} |")
            sys.stdout.write(lines[-1] + "\n")
            sys.stdout.flush()
    if chosen.output:
        chosen.output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
