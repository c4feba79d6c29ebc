"""Judge a run: look at its losses and at the curvature where it ended, ask every rule."""

from __future__ import annotations

import numpy as np

from saddlescape import _check
from saddlescape.critical import classify
from saddlescape.critical.point import CriticalPoint
from saddlescape.curvature import NetworkCurvature
from saddlescape.curvature import of as curvature_of
from saddlescape.diagnosis.case import Case
from saddlescape.diagnosis.diagnosis import Diagnosis
from saddlescape.diagnosis.rules import RULES
from saddlescape.metrics import trend
from saddlescape.net import MLP
from saddlescape.train import Run

__all__ = ["diagnose", "subject_of"]


def diagnose(run: Run, *, curvature: bool = True, seed: int = 0) -> Diagnosis:
    """Say why a run stands where it stands.

    Parameters
    ----------
    run : Run
        What `train` returned.
    curvature : bool
        Whether to compute curvature at the end, over all samples; without it only the recorded
        numbers are judged.
    seed : int
        Of random start vectors and probes.

    Returns
    -------
    Diagnosis
        Prints as a block of text, shows as a card in a notebook, saves as HTML.

    Examples
    --------
    >>> import numpy as np, saddlescape as ss
    >>> net = ss.MLP((1, 1, 1), activation="linear", loss="mse", bias=False, init="zeros")
    >>> run = ss.train(net, np.ones((1, 1)), np.ones((1, 1)), optimizer="sgd", lr=0.1,
    ...                batch_size="full", epochs=30)
    >>> ss.diagnose(run).verdict
    'saddle'
    """
    if not isinstance(run, Run):
        raise TypeError(f"run: {type(run).__name__}, expected what saddlescape.train returns")
    _check.flag("curvature", curvature)
    finite = bool(np.isfinite(run.net.theta).all())
    operator = curvature_of(run.net, run.X, run.y) if curvature and finite else None
    point = (
        None if operator is None else classify(operator, seed=_check.integer("seed", seed, low=0))
    )
    return judge(run, operator, point)


def judge(run: Run, operator: NetworkCurvature | None, point: CriticalPoint | None) -> Diagnosis:
    """Ask every rule, with the curvature that is already there."""
    gradient = along = None
    floor = 0.0
    if operator is not None:
        gradient = operator.gradient()
        squared = float(gradient @ gradient)
        along = float(gradient @ (operator @ gradient)) / squared if squared > 0 else None
        floor = operator.lower_bound
    case = Case(run, trend(run.history.loss, floor=floor), point, gradient, along)
    found = [finding for rule in RULES if (finding := rule(case)) is not None]
    found.sort(key=lambda finding: -finding.weight)
    return Diagnosis(
        verdict=found[0].verdict if found else "cannot tell",
        findings=tuple(found),
        not_checked=_not_checked(run, point),
        point=point,
        history=run.history,
        subject=subject_of(run),
    )


def subject_of(run: Run) -> str:
    """Describe the network, the data and the training in a line."""
    size = "full batch" if run.full_batch else f"batches of {run.batch_size}"
    rates = run.history["learning_rate"]
    rate = f", lr {rates[-1]:g}" if len(rates) and np.isfinite(rates[-1]) else ""
    return (
        f"{network_text(run.net)} on {len(run.X):,} samples, {run.optimizer.rule}{rate}, {size}, "
        f"{run.history.steps:,} steps"
    )


def network_text(net: MLP) -> str:
    """``64-16-10 tanh, cross_entropy, 1,210 parameters``."""
    widths = "-".join(str(n) for n in net.sizes)
    return f"{widths} {net.activation}, {net.loss_name}, {net.parameters:,} parameters"


def _not_checked(run: Run, point: CriticalPoint | None) -> tuple[str, ...]:
    missing = list(point.not_checked) if point is not None else ["curvature at the end"]
    if "validation_loss" not in run.history:
        missing.append("overfitting (no validation data)")
    if not run.full_batch:
        missing.append("how much of the last losses' movement is noise of the batches")
    return tuple(missing)
