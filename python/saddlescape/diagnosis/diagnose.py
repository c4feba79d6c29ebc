"""Judge a run: look at its losses and at the curvature where it ended, ask every rule."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from saddlescape import _check
from saddlescape.critical import classify
from saddlescape.critical.point import CriticalPoint
from saddlescape.curvature import NetworkCurvature, WeightedCurvature, trained_loss
from saddlescape.curvature.penalty import LARGEST
from saddlescape.diagnosis.case import Case, history_of
from saddlescape.diagnosis.diagnosis import Diagnosis
from saddlescape.diagnosis.records import counted
from saddlescape.diagnosis.rules import RULES
from saddlescape.diagnosis.saturation import measured
from saddlescape.metrics import latest_trend
from saddlescape.net import MLP
from saddlescape.train import Run, RunOutcome

__all__ = ["diagnose", "examine", "judge", "subject_of"]

Operator = NetworkCurvature | WeightedCurvature


def diagnose(run: Run, *, curvature: bool = True, seed: int = 0) -> Diagnosis:
    """Say why a run stands where it stands.

    The loss that is judged, with its gradient and Hessian, is the one that was trained: with the
    run's weights of samples and its penalties, over all its samples; as in prediction, where
    dropout does nothing and batch normalisation takes its averages. Where early stopping put the
    best epoch's parameters back, the steps up to there are judged. All of it is computed on the
    CPU: of a network on a CUDA device a copy is brought there.

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

    Raises
    ------
    TypeError, ValueError
        Naming the argument.

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
    seed = _check.integer("seed", seed, low=0)
    run = replace(run, net=run.net.to("cpu"))
    operator, point = examine(run, seed) if curvature else (None, None)
    return judge(run, operator, point)


def examine(run: Run, seed: int) -> tuple[Operator | None, CriticalPoint | None]:
    """Compute the curvature where a run ended; None and None where numbers are beyond computing."""
    operator = trained_loss(
        run.net, run.X, run.y, sample_weight=run.sample_weight, l1=run.l1, l2=run.l2
    )
    return (None, None) if operator is None else (operator, classify(operator, seed=seed))


def judge(run: Run, operator: Operator | None, point: CriticalPoint | None) -> Diagnosis:
    """Ask every rule, with the curvature that is already there."""
    gradient = along = None
    floor = 0.0
    if operator is not None:
        gradient = operator.gradient()
        squared = float(gradient @ gradient)
        along = float(gradient @ (operator @ gradient)) / squared if squared > 0 else None
        floor = operator.lower_bound or 0.0
    latest = latest_trend(history_of(run).loss, floor=floor, noisy=not run.full_batch)
    saturation = measured(run.net, run.X, run.sample_weight)
    case = Case(run, latest, point, gradient, along, saturation)
    found = [finding for rule in RULES if (finding := rule(case)) is not None]
    found.sort(key=lambda finding: -finding.weight)
    # "Not stuck" and "too early to tell" answer the question or are silent.
    found = found[:1] + [finding for finding in found[1:] if finding.rule != "falling"]
    return Diagnosis(
        verdict=found[0].verdict if found else "cannot tell",
        findings=tuple(found),
        not_checked=_not_checked(run, point),
        point=point,
        history=run.history,
        subject=subject_of(run),
        step=run.restored,
        saturation=saturation,
    )


def subject_of(run: Run) -> str:
    """Describe the network, the data and the training in a line."""
    size = "full batch" if run.full_batch else f"batches of {run.batch_size}"
    rates = history_of(run)["learning_rate"]
    rates = rates[np.isfinite(rates)]  # a failed step has none
    rate = f", lr {rates[-1]:g}" if rates.size else ""
    weighted = "" if run.sample_weight is None else "weighted "
    penalties = "".join(f", {name} {x:g}" for name, x in (("l1", run.l1), ("l2", run.l2)) if x)
    text = (
        f"{network_text(run.net)} on {counted(len(run.X), weighted + 'sample')}, "
        f"{run.optimizer.rule}{rate}{penalties}, {size}, {counted(run.history.steps, 'step')}"
    )
    if run.restored is None:
        return text
    led = counted(run.restored, "step")
    return f"{text}; its parameters are those after {led}, the best epoch's"


def network_text(net: MLP) -> str:
    """``64-16-10 tanh, cross_entropy, 1,210 parameters``."""
    widths = "-".join(str(n) for n in net.sizes)
    return f"{widths} {net.activation}, {net.loss_name}, {counted(net.parameters, 'parameter')}"


def _not_checked(run: Run, point: CriticalPoint | None) -> tuple[str, ...]:
    missing = list(point.not_checked) if point is not None else [_without(run)]
    validated = "validation_loss" in run.history
    why = "the losses of the validation data are recorded, not judged"
    missing.append(f"overfitting ({why if validated else 'no validation data'})")
    if run.restored is not None:
        later = counted(run.history.steps - run.restored, "step")
        missing.append(f"the {later} after step {run.restored:,}, where they led")
    if run.net.dropout > 0 or run.net.normalisation == "batch":
        missing.append("the loss of training (it is judged as in prediction)")
    if not run.full_batch:
        missing.append("how much of the last losses' movement is noise of the batches")
    return tuple(missing)


def _without(run: Run) -> str:
    last = run.history.tail("gradient_norm", 1)
    if run.outcome is RunOutcome.NOT_FINITE or not (last < LARGEST).all():
        return "curvature at the end (where a run diverged it may be too large to compute)"
    return "curvature at the end"
