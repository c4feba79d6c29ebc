"""The loss or the gradient became infinite or NaN."""

from __future__ import annotations

from saddlescape.diagnosis.case import Case
from saddlescape.diagnosis.records import Evidence, Finding, counted
from saddlescape.train import RunOutcome

__all__ = ["check"]


def check(case: Case) -> Finding | None:
    """Fire if the run ended on a number that is not finite."""
    if case.run.outcome is not RunOutcome.NOT_FINITE:
        return None
    history = case.run.history
    step = history.steps - 1
    norms = history.gradient_norm
    rates = history["learning_rate"]
    rate = f"{rates[-2]:.3g}" if step else "unknown"
    evidence = [Evidence("step of the first such number", str(step), "exact")]
    if step:
        evidence.append(Evidence("|g| one step before", f"{norms[-2]:.3g}", "batch of that step"))
        evidence.append(Evidence("learning rate", rate, "as the optimizer used it"))
    return Finding(
        rule="non_finite",
        verdict="not finite",
        statement=f"At step {step} the loss or the gradient stopped being a finite number.",
        evidence=tuple(evidence),
        remedy=(
            f"The parameters were put back to {_where(case.run.restored)}. Go on from there with "
            "a learning rate three times smaller, or with the inputs standardised."
        ),
        weight=100,
    )


def _where(restored: int | None) -> str:
    if restored is None:
        return "where the loss was last finite"
    return f"those of the best epoch, after {counted(restored, 'step')}"
