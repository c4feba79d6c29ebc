"""`saddlescape spectrum DIR`: the Hessian's eigenvalues where training ended."""

from __future__ import annotations

import argparse
import textwrap
from itertools import pairwise
from typing import Any

import numpy as np

from saddlescape import _core, _options, critical, eig
from saddlescape._extras import require
from saddlescape._live import LiveLine
from saddlescape.cli.folder import Folder
from saddlescape.cli.record import Record
from saddlescape.cli.resume import add_place
from saddlescape.cli.status import DONE
from saddlescape.critical.classify import DENSE_LIMIT
from saddlescape.critical.statement import statement
from saddlescape.curvature import NetworkCurvature, WeightedCurvature, trained_loss
from saddlescape.curvature.penalty import LARGEST
from saddlescape.data import DataError
from saddlescape.net import MLP
from saddlescape.net.store import description
from saddlescape.train.weights import class_weights

__all__ = ["TEXT", "add"]

TEXT = "say what kind of point a run ended at, from the eigenvalues of the Hessian"

_DECADES, _ESTIMATED = 4, 3  # below the largest eigenvalue, that the table tells apart

Operator = NetworkCurvature | WeightedCurvature


def add(command: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_place(command)
    add = command.add_argument
    text = "how many eigenvalues of each end"
    add("--ends", type=_options.count, default=5, metavar="N", help=text)
    text = "Lanczos steps of each probe of the density"
    add("--steps", type=_options.count, default=100, metavar="N", help=text)
    text = "random vectors of the density"
    add("--probes", type=_options.count, default=4, metavar="N", help=text)
    text = "of the random vectors"
    add("--seed", type=_options.seed, default=0, metavar="N", help=text)
    add("--threads", type=_options.count, metavar="N", help="how many threads compute")
    command.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    report = require("saddlescape.report", "app")
    folder = Folder(given.folder)
    record, net = folder.read(), folder.network()
    if given.threads is not None:
        _core.set_threads(given.threads)
    X, y = folder.material(record, given.data).training
    if X.shape[1] != net.sizes[0]:
        raise DataError(f"{folder.model}: {net.sizes[0]} inputs, the data have {X.shape[1]}")
    H = _hessian(folder, record, net, X, y)
    with LiveLine() as line:
        line.show("eigenvalues at both ends ...")
        ends = eig.lanczos(H, low=given.ends, high=given.ends, seed=given.seed)
        line.show("density ...")
        density = eig.density(H, steps=given.steps, probes=given.probes, seed=given.seed)
        line.show("verdict ...")
        point = critical.classify(H, seed=given.seed)
    title = f"{record.arguments['data']}: {record.target}"
    files = report.write_density(density, ends, folder.path, title)
    about = f"{description(net)}, {net.parameters:,} parameters, {len(X):,} training samples"
    print("\n".join([*textwrap.wrap(about, 80), "", *_ends(ends), "", *_table(density), ""]))
    print("\n".join([*_inertia(point), *_verdict(point), *_notes(record.arguments, H), ""]))
    print("\n".join(str(file) for file in files))
    return DONE


def _hessian(folder: Folder, record: Record, net: MLP, X: np.ndarray, y: np.ndarray) -> Operator:
    """Return the curvature of the loss that was trained: weighted, with its penalties."""
    head = f"{folder.model}: no curvature to compute where a run diverged: "
    if not np.isfinite(net.theta).all():
        raise DataError(f"{head}a parameter is not finite")
    asked = record.arguments
    weight = class_weights(asked["class_weight"], y if record.classes else None, net.sizes[-1])
    H = trained_loss(net, X, y, sample_weight=weight, l1=asked["l1"], l2=asked["l2"])
    if H is None:
        raise DataError(f"{head}loss or gradient are beyond {LARGEST:g}")
    return H


def _ends(ends: eig.EigResult) -> list[str]:
    count, n = len(ends.eigenvalues), len(ends.eigenvectors)
    how = (
        f"{ends.outcome.name.lower()}: {count} of {n:,}, {ends.products:,} products; probability "
        f"that one is missing {ends.missing:.1e}"
    )
    return ["THE ENDS OF THE SPECTRUM, by Lanczos", *_indented(how), *str(ends).splitlines()[1:]]


def _table(density: eig.Density) -> list[str]:
    """Return the share of the eigenvalues by sign and decade, with its interval."""
    largest = float(np.abs(density.nodes).max())
    exact = len(density.known) == density.n
    how = "exact" if exact else f"estimated by {density.products:,} products"
    lines = [
        f"WHERE ALL {density.n:,} EIGENVALUES LIE ({how})",
        f"  {'from':>10}  {'to':>10}  {'share':>8}  {'number':>7}"
        + ("" if exact else "  share, 95 % interval"),
    ]
    decades = _DECADES if exact else _ESTIMATED
    steps = [largest * 10.0**-k for k in range(1, decades + 1)]
    edges = [-np.inf, *(-edge for edge in steps), *reversed(steps), np.inf]
    for low, high in pairwise(edges):
        mass = density.mass(low, np.nextafter(high, -np.inf) if high < np.inf else high)
        if mass.high == 0:
            continue
        # an estimate may lie outside of its interval, which knows that counts are whole numbers
        share = min(max(mass.value, mass.low), mass.high)
        span = "" if exact else f"  {100 * mass.low:.2f} to {100 * mass.high:.2f} %"
        lines.append(
            f"  {_edge(low):>10}  {_edge(high):>10}  {100 * share:6.2f} %  "
            f"{share * density.n:7.0f}{span}"
        )
    return lines


def _edge(value: float) -> str:
    return "" if np.isinf(value) else f"{value:.2e}"


def _inertia(point: critical.CriticalPoint) -> list[str]:
    if point.spectrum is None:
        text = (
            f"not counted: {point.inertia.n:,} parameters, the Hessian is assembled up to "
            f"{DENSE_LIMIT:,}"
        )
        return _labelled("signs", text)
    return _labelled("signs", f"certified: {point.inertia}")


def _verdict(point: critical.CriticalPoint) -> list[str]:
    gradient = (
        f"|g| = {point.gradient.norm:.3g}, counts as zero up to {point.gradient.threshold:.1e}"
    )
    kind = str(point.kind).replace("_", " ")
    return [
        *_labelled("gradient", gradient),
        *_labelled("VERDICT", f"{kind}. {statement(point)}"),
        *_labelled("remedy", point.remedy),
    ]


def _notes(arguments: dict[str, Any], H: Operator) -> list[str]:
    lines = []
    if arguments["class_weight"]:
        lines += _labelled("note", f"with --class-weight {arguments['class_weight']}, as trained")
    if arguments["l2"]:
        text = f"with --l2 {arguments['l2']:g}, as trained: on the diagonal, for each weight"
        lines += _labelled("note", text)
    if arguments["l1"]:
        lines += _labelled("note", f"with --l1 {arguments['l1']:g}, as trained: in the gradient")
    if arguments["dropout"]:
        lines += _labelled("note", "without dropout, as in prediction")
    if H.silent:
        lines += _labelled("note", f"not seen by second derivatives: {H.silent}")
    return lines


def _labelled(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        text, 80, initial_indent=f"{label:<13}", subsequent_indent=" " * 13, break_on_hyphens=False
    )


def _indented(text: str) -> list[str]:
    return textwrap.wrap(text, 80, initial_indent="  ", subsequent_indent="  ")
