"""Undetermined eigenvalues and why they are zero: networks built to have so many of each."""

# ruff: noqa: E501 (a case a line)
from __future__ import annotations

import numpy as np
import pytest

import saddlescape as ss
from critical_samples import LINEAR, linear_net
from saddlescape import critical, curvature
from saddlescape.critical import Kind, NullSpace
from saddlescape.critical.null_space import explain
from saddlescape.curvature.invariances import Architecture, directions
from saddlescape.eig import Inertia

pytestmark = pytest.mark.filterwarnings("ignore::saddlescape.curvature.PiecewiseLinearWarning")

INPUTS = "inputs that are zero, constant or depend on each other"
SOFTMAX = "the softmax, which an equal shift of all outputs leaves alone"
DEAD = "dead units, which no sample makes active"
RESCALING = "rescaling, c times the weights into a unit and 1/c times those out of it"
MIXING = "linear units, mixed and unmixed again behind"
DUPLICATES = "duplicate units, between which weight can move"
OUTPUTS = "directions that change no output on the samples, to first order"


def families(net: ss.MLP, X: np.ndarray) -> dict[str, np.ndarray]:
    theta = net.theta.astype(np.float64)
    made = Architecture(net.sizes, net.activation, net.loss_name, net.bias, theta, X)
    return dict(directions(made))


class TestDirections:
    """Invariances are that: the loss itself stays along the curve, or the line, they belong to."""

    def samples(self, d: int = 3, n: int = 9) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(0)
        return rng.standard_normal((n, d)), rng.integers(0, 2, n)

    @pytest.mark.parametrize("bias", [True, False])
    @pytest.mark.parametrize("hidden", [(), (4,), (4, 3)])
    def test_softmax(self, hidden, bias) -> None:
        X, y = self.samples()
        net = ss.MLP((3, *hidden, 2), "tanh", bias=bias, dtype="float64", seed=1)
        V = families(net, X)[SOFTMAX]
        assert V.shape == (net.parameters, net.sizes[-2] + bias)
        H = curvature.of(net, X, y)
        for v in V.T:
            assert H.loss(H.theta + 3 * v) == pytest.approx(H.loss(), rel=1e-12)
        assert np.abs(H @ V).max() < 1e-13

    @pytest.mark.parametrize("bias", [True, False])
    @pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
    def test_rescaling(self, activation, bias) -> None:
        X, y = self.samples()
        net = ss.MLP((3, 4, 5, 2), activation, bias=bias, dtype="float64", seed=1)
        V = families(net, X)[RESCALING]
        assert V.shape == (net.parameters, 9)
        H = curvature.of(net, X, y)
        assert np.abs(V.T @ H.gradient()).max() < 1e-14
        for v in V.T:
            # theta scaled by 1 + t into, by 1 / (1 + t) out of the unit
            t = 0.3
            moved = np.where(v == H.theta, H.theta * (1 + t), H.theta)
            moved = np.where((v == -H.theta) & (v != 0), H.theta / (1 + t), moved)
            assert H.loss(moved) == pytest.approx(H.loss(), rel=1e-12)

    @pytest.mark.parametrize("bias", [True, False])
    def test_mixing(self, bias) -> None:
        X, y = self.samples()
        net = ss.MLP((3, 4, 3, 2), "linear", bias=bias, dtype="float64", seed=1)
        V = families(net, X)[MIXING]
        assert V.shape == (net.parameters, 16 + 9)
        H = curvature.of(net, X, y)
        assert np.abs(V.T @ H.gradient()).max() < 1e-13
        h = 1e-5
        for v in V.T:  # the curve's second order is left
            there = H.loss(H.theta + h * v)
            assert there == pytest.approx(H.loss(), abs=1e-8)

    @pytest.mark.parametrize("n", [2, 4, 50])
    def test_inputs(self, n) -> None:
        rng = np.random.default_rng(0)
        X = rng.standard_normal((n, 5))
        X[:, 1], X[:, 2], X[:, 4] = 0.0, 2.5, X[:, 0] - X[:, 3]
        y = rng.integers(0, 2, n)
        net = ss.MLP((5, 4, 2), "tanh", dtype="float64", seed=1)
        V = families(net, X)[INPUTS]
        rank = np.linalg.matrix_rank(np.column_stack([X, np.ones(n)]))
        assert V.shape == (net.parameters, 4 * (6 - rank))
        assert rank == min(n, 3)
        H = curvature.of(net, X, y)
        for v in V.T:
            assert H.loss(H.theta + v) == pytest.approx(H.loss(), rel=1e-12)

    def test_dead_units(self) -> None:
        X, y = self.samples()
        net = ss.MLP((3, 4, 2), "relu", dtype="float64", seed=1)
        net.layers()[0][1][2] = -100.0
        V = families(net, X)[DEAD]
        assert V.shape == (net.parameters, 3 + 1 + 2)
        H = curvature.of(net, X, y)
        for v in V.T:
            assert H.loss(H.theta + v) == H.loss()
        assert DEAD not in families(ss.MLP((3, 4, 2), "tanh"), X)

    def test_duplicates(self) -> None:
        X, y = self.samples()
        net = ss.MLP((3, 5, 2), "tanh", dtype="float64", seed=1)
        (W, b), _ = net.layers()
        for twin in (3, 4):
            W[twin], b[twin] = W[1], b[1]
        V = families(net, X)[DUPLICATES]
        assert V.shape == (net.parameters, 2 * 2)
        H = curvature.of(net, X, y)
        for v in V.T:
            assert H.loss(H.theta + v) == pytest.approx(H.loss(), rel=1e-14)


class TestCounts:
    def test_a_linear_network_at_each_critical_point(self) -> None:
        """With h triples chosen the critical points are GL(h)'s orbit: h^2 zeros, all explained."""
        for chosen in [(0, 1), (0, 2), (1, 2)]:
            net = linear_net(LINEAR.theta(chosen, seed=0))
            point = critical.classify(curvature.of(net, LINEAR.X, LINEAR.Y))
            assert point.inertia.undetermined == 4
            assert point.null_space == NullSpace(((MIXING, 4),), 0)
            assert "of 4 undetermined eigenvalues: 4 by linear units" in str(point)

    @pytest.mark.parametrize("classes", [2, 3, 5])
    def test_softmax_regression(self, classes) -> None:
        """(C - 1) (d + 1) positive, d + 1 zeros of the shift."""
        rng = np.random.default_rng(0)
        X, y = rng.standard_normal((60, 4)), rng.integers(0, classes, 60)
        net = ss.MLP((4, classes), dtype="float64", seed=0)
        found = critical.find(net, X, y, method="saddle_free_newton")
        point = found.point
        assert point.kind is Kind.DEGENERATE_MINIMUM
        assert (point.inertia.positive, point.inertia.negative) == (5 * (classes - 1), 0)
        assert point.null_space == NullSpace(((SOFTMAX, 5),), 0)

    def test_inputs_without_information(self) -> None:
        rng = np.random.default_rng(0)
        X, y = rng.standard_normal((60, 6)), rng.integers(0, 3, 60)
        X[:, 2], X[:, 5] = 0.0, X[:, 0] + X[:, 1]
        net = ss.MLP((6, 3), dtype="float64", seed=0)
        point = critical.find(net, X, y, method="saddle_free_newton").point
        # 2 lost inputs for each of 3 outputs; the shift's 7, of which 2 are among those
        assert point.null_space == NullSpace(((INPUTS, 6), (SOFTMAX, 5)), 0)

    def test_a_relu_network_that_interpolates(self) -> None:
        """N C positive at a zero loss; dead and rescaled units, and what no output shows."""
        rng = np.random.default_rng(5)
        X = rng.standard_normal((6, 3))
        net = ss.MLP((3, 8, 2), "relu", loss="mse", dtype="float64", seed=3)
        net.layers()[0][1][0] = -50.0
        Y = np.ascontiguousarray(net.predict(X))
        point = critical.classify(curvature.of(net, X, Y))
        counts = point.inertia
        assert point.gradient_norm < 1e-14
        assert (counts.positive, counts.negative) == (12, 0)
        reasons = dict(point.null_space.reasons)
        assert reasons[DEAD] >= 3 + 1 + 2
        assert reasons[RESCALING] >= 1
        assert point.null_space.unexplained == 0
        assert point.null_space.explained == counts.undetermined == net.parameters - 12

    def test_duplicates_at_a_critical_point(self) -> None:
        """One unit of a fitted network split in two: the minimum's twin with a direction more."""
        rng = np.random.default_rng(2)
        X = rng.uniform(-2, 2, (40, 1))
        net = ss.MLP((1, 1, 1), "tanh", loss="mse", dtype="float64")
        net.theta = np.array([1.5, 0.5, 1.0, 0.1])
        Y = np.ascontiguousarray(net.predict(X) + 0.1 * rng.standard_normal((40, 1)))
        found = critical.find(net, X, Y, method="saddle_free_newton")
        assert found.point.kind is Kind.MINIMUM
        net.theta = found.theta
        wide = ss.MLP((1, 2, 1), "tanh", loss="mse", dtype="float64")
        (W, b), (V, c) = wide.layers()
        (W0, b0), (V0, c0) = net.layers()
        W[:], b[:], c[:] = W0[[0, 0]], b0[[0, 0]], c0
        V[:] = V0[:, [0, 0]] * [0.4, 0.6]
        point = critical.classify(curvature.of(wide, X, Y))
        assert point.gradient.small
        assert dict(point.null_space.reasons)[DUPLICATES] == 1
        assert point.inertia.undetermined == 1

    def test_nothing_is_claimed_that_was_not_measured(self) -> None:
        """At a point that is not critical rescaling is no null direction: H v = -(dv/dtheta)^T g."""
        rng = np.random.default_rng(0)
        X, Y = rng.standard_normal((50, 3)), rng.standard_normal((50, 2))
        net = ss.MLP((3, 4, 2), "leaky_relu", loss="mse", dtype="float64", seed=1)
        point = critical.classify(curvature.of(net, X, Y))
        assert point.kind is Kind.NOT_CRITICAL
        assert RESCALING not in dict(point.null_space.reasons)
        assert (
            point.null_space.explained + point.null_space.unexplained == point.inertia.undetermined
        )

    def test_lanczos_explains_nothing(self) -> None:
        X, y = np.random.default_rng(0).standard_normal((20, 6)), np.arange(20) % 2
        H = curvature.of(ss.MLP((6, 4, 2), dtype="float64"), X, y)
        assert critical.classify(H, method="lanczos").null_space is None


class TestOwnDirections:
    """``null_directions`` for losses that are not our networks."""

    VALLEY = curvature.from_functions(
        lambda t: float((1 - t[0] * t[1]) ** 2),
        lambda t: -2 * (1 - t[0] * t[1]) * t[::-1],
        lambda t: np.array(
            [[2 * t[1] ** 2, 4 * t[0] * t[1] - 2], [4 * t[0] * t[1] - 2, 2 * t[0] ** 2]]
        ),
        np.array([2.0, 0.5]),
    )

    def test_counted(self) -> None:
        named = {"scaling": np.array([2.0, -0.5])}
        point = critical.classify(self.VALLEY, null_directions=named)
        assert point.null_space == NullSpace((("scaling", 1),), 0)
        assert "1 by scaling" in str(point)
        assert critical.classify(self.VALLEY).null_space == NullSpace((), 1)

    def test_a_wrong_one_explains_nothing(self) -> None:
        wrong = {"not so": np.array([2.0, 0.5]), "zero": np.zeros(2), "none": np.zeros((2, 0))}
        point = critical.classify(self.VALLEY, null_directions=wrong)
        assert point.null_space == NullSpace((), 1, (("not so", 1),))
        assert "1 unexplained; not flat here: not so (1 dimension)" in " ".join(str(point).split())

    def test_of_a_space_only_what_vanishes_counts(self) -> None:
        both = {"all": np.eye(2)}
        assert critical.classify(self.VALLEY, null_directions=both).null_space == NullSpace(
            (("all", 1),), 0, (("all", 1),)
        )

    def test_each_is_measured_whatever_the_others_explain(self) -> None:
        """Behind a family that explains all, twice, overlapping, of any length."""
        flat, steep = np.array([2.0, -0.5]), np.array([2.0, 0.5])
        named = {
            "flat": flat, "steep": 1e-9 * steep, "again": flat, "mixed": flat + steep,
            "steep twice": np.stack([steep, 3 * steep], axis=1),
        }  # fmt: skip
        found = critical.classify(self.VALLEY, null_directions=named).null_space
        bent = (("steep", 1), ("mixed", 1), ("steep twice", 1))
        assert found == NullSpace((("flat", 1),), 0, bent)
        assert str(found) == (
            "of 1 undetermined eigenvalue: 1 by flat; not flat here: steep (1 dimension), mixed "
            "(1 dimension), steep twice (1 dimension)"
        )

    def test_said_where_no_eigenvalue_is_undetermined(self) -> None:
        H = np.diag([1.0, 2.0, -3.0])
        point = critical.classify(H, null_directions={"two": np.eye(3)[:, :2]})
        assert point.null_space == NullSpace((), 0, (("two", 2),))
        said = "no eigenvalue is undetermined; not flat here: two (2 dimensions)"
        assert said in " ".join(str(point).split())
        assert "not flat" not in str(critical.classify(H))

    def test_no_curvature_along_it_is_not_enough(self) -> None:
        """(1, 1) of the saddle diag(1, -1): v^T H v = 0, but the gradient changes on the way."""
        named = {"asymptote": np.ones(2)}
        point = critical.classify(np.diag([1.0, -1.0]), null_directions=named)
        assert point.null_space == NullSpace((), 0, (("asymptote", 1),))

    @pytest.mark.parametrize(
        ("value", "error", "text"),
        [
            ([1.0, 2.0], TypeError, "null_directions: list, expected a dict of names and (P, k) arrays"),
            ({"a": [1.0, 2.0]}, TypeError, "null_directions['a']: list, expected an array of real numbers"),
            ({"a": np.zeros(2, int)}, TypeError, "null_directions['a']: dtype int64, expected an array of real numbers"),
            ({"a": np.zeros(3)}, ValueError, "null_directions['a']: shape (3,), expected (2,) or (2, k)"),
            ({"a": np.full(2, np.nan)}, ValueError, "null_directions['a']: not finite, expected finite numbers"),
        ],
    )  # fmt: skip
    def test_refused_in_these_words(self, value, error, text) -> None:
        with pytest.raises(error) as caught:
            critical.classify(self.VALLEY, null_directions=value)
        assert str(caught.value) == text

    @pytest.mark.parametrize("seed", range(20))
    def test_never_more_than_there_are(self, seed: int) -> None:
        """Random subspaces of and beyond the null space, overlapping: dimensions add up."""
        rng = np.random.default_rng(seed)
        n, null = 12, 5
        Q = np.linalg.qr(rng.standard_normal((n, n)))[0]
        values = np.r_[np.zeros(null), rng.uniform(1, 2, n - null)]
        H = curvature.from_functions(
            lambda _: 0.0, lambda t: 0 * t, lambda _: (Q * values) @ Q.T, np.zeros(n)
        )
        parts = [
            (str(k), Q[:, :null] @ rng.standard_normal((null, 3)) * 10.0 ** rng.integers(-5, 5))
            for k in range(3)
        ]
        parts.insert(1, ("beyond", rng.standard_normal((n, 4))))
        told = explain(H, Inertia(n - null, 0, null, 1e-10, 1e-12), parts)
        assert told == NullSpace((("0", 3), ("1", 2)), 0)
        twice = [parts[0], ("again", parts[0][1] @ rng.standard_normal((3, 3))), parts[1]]
        told = explain(H, Inertia(n - null, 0, null, 1e-10, 1e-12), twice)
        assert told == NullSpace((("0", 3),), 2)
