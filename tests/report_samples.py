"""Investigations made up for the report's tests: known by heart, or plausible, never trained."""

from __future__ import annotations

from typing import Any

import numpy as np

from saddlescape.critical import CriticalPoint, Escape, EscapeOutcome, GradientCheck, Kind, Probe
from saddlescape.diagnosis import Diagnosis, Event, Evidence, Finding, Investigation
from saddlescape.eig import Inertia
from saddlescape.train.history import History


def inertia(positive: int, negative: int, undetermined: int, tolerance: float) -> Any:
    return Inertia(
        positive=positive,
        negative=negative,
        undetermined=undetermined,
        tolerance=tolerance,
        error_bound=tolerance / 10,
    )


def point(kind: str, norm: float, signs: Any, eigenvalues: Any, **more: Any) -> Any:
    """Make a point; `more` overrides any field."""
    values = np.asarray(eigenvalues, dtype=np.float64)
    fields: dict[str, Any] = {
        "kind": Kind(kind),
        "gradient": GradientCheck(
            norm=norm, threshold=2e-6, gap=None, gap_threshold=1e-6, flatness=None,
            small=norm <= 2e-6,
        ),
        "inertia": signs,
        "eigenvalues": values,
        "residuals": np.full(values.size, 3.1e-16),
        "eigenvectors": np.zeros((2, values.size)),
        "spectrum": values,
        "assembly_error": 8.9e-16,
        "solver_error": 4.4e-16,
        "criticality_error": 0.0,
        "probe": None,
        "loss": 1.0,
        "method": "dense",
        "products": 2,
        "seconds": 0.00123,
        "not_checked": ("whether another minimum lies lower",),
        "remedy": "escape along the most negative curvature",
    }  # fmt: skip
    return CriticalPoint(**{**fields, **more})


def surface(w1: Any, w2: Any) -> Any:
    """The lectures' network: one weight after another, one sample, ``L = (1 - w1 w2)^2``."""
    return (1.0 - np.asarray(w1) * np.asarray(w2)) ** 2


def two_weights(title: str = "Two weights from the origin") -> Any:
    """Gradient descent that sits at the origin for 20 steps, escapes, and runs down the valley."""
    history, path = History(["loss", "gradient_norm"]), []
    w = np.zeros(2)
    for step in range(60):
        if step == 20:
            w = np.array([0.62, 0.81])
        g = -2 * (1 - w[0] * w[1]) * w[::-1]
        history.append(loss=float(surface(*w)), gradient_norm=float(np.linalg.norm(g)))
        w = w - 0.08 * g
        path.append(w.copy())
    steps = np.geomspace(0.01, 2.4, 12)
    drop = 1 - surface(steps / np.sqrt(2), steps / np.sqrt(2))
    saddle = point("saddle", 0.0, inertia(1, 1, 0, 1.3e-15), [-2.0, 2.0])
    escape = Escape(
        direction=np.array([0.62, 0.81]), step=1.0, curvature=-2.0, predicted_drop=1.0,
        measured_drop=0.752, loss_before=1.0, loss_after=0.248,
        trace=np.column_stack([steps, steps**2, drop]), outcome=EscapeOutcome.ESCAPED,
        theta=np.array([0.62, 0.81]), point=saddle,
    )  # fmt: skip
    end = point(
        "degenerate_minimum", 3.4e-9, inertia(1, 0, 1, 2.7e-15), [1.1e-17, 4.0], loss=1e-13,
        probe=Probe(directions=8, evaluations=160, drop=0.0, noise=1e-16, direction=None, step=0.0),
    )  # fmt: skip
    finding = Finding(
        rule="critical point", verdict="degenerate_minimum",
        statement="The gradient has vanished (|g| = 3.4e-09); of 2 eigenvalues 1 is certified "
        "positive and 1 can't be told from zero.",
        evidence=(
            Evidence(quantity="gradient norm", value="3.4e-09", basis="full batch, float64"),
            Evidence(quantity="n+, n-, n?", value="1, 0, 1", basis="certified to 2.7e-15"),
            Evidence(quantity="lowest eigenvalue", value="1.1e-17", basis="residual 3.1e-16"),
        ),
        remedy="None needed: the loss is at its lower bound.", weight=10,
    )  # fmt: skip
    also = Finding(
        rule="data", verdict="one sample", statement="The data hold 1 sample for 2 parameters.",
        evidence=(Evidence(quantity="samples", value="1", basis="counted"),),
        remedy="Expect a valley of minima.", weight=1,
    )  # fmt: skip
    diagnosis = Diagnosis(
        verdict="degenerate_minimum", findings=(finding, also),
        not_checked=("whether the valley is flat beyond the probe",),
        point=end, history=history, subject="1-1-1 linear network",
    )  # fmt: skip
    return Investigation(
        title=title,
        subject="L = (1 - w1 w2)^2, gradient descent with lr 0.08 from (0, 0)",
        notes=("One sample: x = 1, y = 1.",),
        history=history,
        events=(
            Event(step=20, kind="stall", text="The loss stood at 1 for 20 steps."),
            Event(step=20, kind="escape", text="A step of 1 along (0.62, 0.81): loss 1 to 0.248."),
            Event(step=60, kind="end", text="The gradient has vanished."),
        ),
        points=((20, saddle), (60, end)),
        escapes=((20, escape),),
        metrics=(Evidence(quantity="loss", value="1e-13", basis="on the one sample"),),
        diagnosis=diagnosis,
        path=np.array(path),
        surface=surface,
    )


def _digits_history() -> History:
    rng = np.random.default_rng(0)
    history = History(["loss", "gradient_norm", "validation_loss"])
    for step in range(600):
        if step < 200:
            loss, norm = np.log(10), 1.7e-9
        else:
            t = step - 200
            loss = 0.02 + 2.28 * np.exp(-t / 60) * (1 + 0.03 * rng.standard_normal())
            norm = 1.2 * np.exp(-t / 110) * t / 20 * (1 + 0.1 * rng.random()) + 1e-4
        seen = {"validation_loss": loss * 1.2} if step % 20 == 19 else {}
        history.append(loss=float(loss), gradient_norm=float(norm), **seen)
    return history


def digits(title: str = "Handwritten digits, all weights zero") -> Any:
    """A 64-16-10 network (1210 parameters) at a planted saddle, then near the bottom."""
    rng = np.random.default_rng(1)
    low, high = 10.0 ** rng.uniform(-3, -1.2, 144), 10.0 ** rng.uniform(-3, 0.3, 160)
    before = np.sort(np.concatenate([-low, rng.normal(0, 2e-15, 906), high]))
    after = np.sort(
        np.concatenate([10.0 ** rng.uniform(-13, 0.9, 900), rng.normal(0, 2e-14, 290),
                        -(10.0 ** rng.uniform(-9, -5, 20))])
    )  # fmt: skip
    saddle = point(
        "saddle", 1.7e-9, inertia(160, 144, 906, 1e-13), before[[0, -1]], spectrum=before,
        loss=float(np.log(10)), seconds=0.81, products=1210,
    )  # fmt: skip
    end = point(
        "not_critical", 3.2e-3, inertia(900, 20, 290, 4e-13), after[[0, -1]], spectrum=after,
        loss=0.021, seconds=0.84, products=1210,
    )  # fmt: skip
    finding = Finding(
        rule="critical point", verdict="still_falling",
        statement="The loss is still falling: |g| = 0.0032, threshold 2e-06.",
        evidence=(
            Evidence(quantity="gradient norm", value="0.0032", basis="full batch, 1437 samples"),
            Evidence(quantity="lowest eigenvalue", value=f"{after[0]:.3e}",
                     basis="dense, residual 3.1e-16; off by at most 1.3e-15"),
        ),
        remedy="Train on.", weight=5,
    )  # fmt: skip
    history = _digits_history()
    steps = np.geomspace(1e-3, 4, 14)
    lowest = float(before[0])
    predicted = -0.5 * lowest * steps**2
    escape = Escape(
        direction=np.ones(1210) / np.sqrt(1210), step=float(steps[-2]), curvature=lowest,
        predicted_drop=float(predicted[-2]), measured_drop=float(predicted[-2]) * 0.82,
        loss_before=float(np.log(10)), loss_after=float(np.log(10) - predicted[-2] * 0.82),
        trace=np.column_stack([steps, predicted, predicted / (1 + 0.02 * steps**2)]),
        outcome=EscapeOutcome.ESCAPED, theta=np.zeros(1210), point=saddle,
    )  # fmt: skip
    return Investigation(
        title=title,
        subject="64-16-10 tanh network, cross-entropy, 1437 training samples, sgd lr 0.5",
        notes=("3 constant columns were left out.", "Features standardised on the training data."),
        history=history,
        events=(
            Event(step=196, kind="stall", text="The loss stood at log 10 = 2.303 for 196 steps."),
            Event(step=200, kind="escape", text="A step along the most negative curvature."),
            Event(step=600, kind="end", text="200 epochs were done."),
        ),
        points=((196, saddle), (600, end)),
        escapes=((200, escape),),
        metrics=(
            Evidence(quantity="accuracy, test", value="96.1 %", basis="346 of 360 right"),
            Evidence(quantity="accuracy, training", value="99.8 %", basis="1434 of 1437 right"),
        ),
        diagnosis=Diagnosis(
            verdict="still_falling", findings=(finding,),
            not_checked=("other minima", "float32 rounding in the gradient"),
            point=end, history=history, subject="64-16-10 tanh network on digits",
        ),
        path=None,
        surface=None,
    )  # fmt: skip


def few_eigenvalues(title: str = "A larger network, both ends of its spectrum") -> Any:
    """The same as digits, but at the end only six eigenvalues are known, with residuals."""
    base = digits(title)
    values = np.array([-0.4, -1e-3, 2e-5, 0.9, 2.2, 7.5])
    ends = point(
        "degenerate_saddle", 1e-7, inertia(3, 2, 20000, 1e-5), values, spectrum=None,
        residuals=np.array([0.1, 4e-4, 5e-5, 0.2, 0.3, 1e-3]), method="lanczos", products=88,
    )  # fmt: skip
    fields = {k: getattr(base, k) for k in (
        "subject", "notes", "history", "events", "metrics", "diagnosis", "escapes")}  # fmt: skip
    return Investigation(title=title, points=((600, ends),), path=None, surface=None, **fields)


SAMPLES = {"two weights": two_weights, "digits": digits, "few eigenvalues": few_eigenvalues}


def fields_of(sample: Any) -> dict[str, Any]:
    """Take an investigation apart, to change it."""
    return {name: getattr(sample, name) for name in (
        "title", "subject", "notes", "history", "events", "points", "escapes", "metrics",
        "diagnosis", "path", "surface")}  # fmt: skip
