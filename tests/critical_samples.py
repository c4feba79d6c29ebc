"""Operators, networks and searches that several tests of saddlescape.critical start from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import saddlescape as ss
from oracle.linear_networks import baldi_hornik
from oracle.points import Planted
from saddlescape import curvature

both = pytest.mark.parametrize("method", ["gradient_norm", "saddle_free_newton"])
LINEAR = baldi_hornik(4, 2, 3)


def written(p: Planted, theta: Any = None) -> curvature.FunctionCurvature:
    """The function with its written derivatives, at its point or at another one."""
    at = p.theta if theta is None else np.asarray(theta, dtype=np.float64)
    return curvature.from_functions(p.loss, p.gradient, p.hessian, at, p.lower_bound)


def linear_net(theta: np.ndarray) -> ss.MLP:
    """A deep linear network for the data of `LINEAR`."""
    net = ss.MLP(LINEAR.sizes, activation="linear", loss="mse", bias=False, dtype="float64")
    net.theta = theta
    return net


def inflection(steep: float = 1.0) -> Planted:
    """``x + x^3 / 3 + steep y^2``: |g| is least at 0, where g = (1, 0) and H g = 0."""
    return Planted(
        "inflection",
        lambda t: float(t[0] + t[0] ** 3 / 3 + steep * t[1] ** 2),
        lambda t: np.array([1 + t[0] ** 2, 2 * steep * t[1]]),
        lambda t: np.diag([2 * t[0], 2 * steep]),
        np.array([0.7, 0.3]),
        "",
        "",
        (0, 0, 0),
    )
