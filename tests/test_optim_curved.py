"""AdaHessian and Sophia: their papers' algorithms, estimates of the diagonal beside gradients."""

from __future__ import annotations

import numpy as np
import pytest

import saddlescape as ss
from oracle import curved_rules
from saddlescape import _core, curvature, eig, optim

CLASSES = {"adahessian": optim.AdaHessian, "sophia": optim.Sophia}
ARGUMENTS = {
    "adahessian": [
        {},
        {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-2, "weight_decay": 0.1},
        {"hessian_power": 0.5, "block_size": 5},
        {"hessian_power": 0, "block_size": 37},
        {"block_size": 2},
        {"maximize": True},
    ],
    "sophia": [
        {},
        {"lr": 0.1, "betas": (0.5, 0.9), "rho": 1.0, "eps": 0.1, "weight_decay": 0},
        {"lr": 0.01, "rho": 10.0, "weight_decay": 0.5},
        {"lr": 0.01, "rho": 10.0, "maximize": True},
    ],
}
CASES = [(name, arguments) for name, rows in ARGUMENTS.items() for arguments in rows]


def samples(n=37, steps=60, every=1, dtype=np.float64, seed=0):
    """Gradients, and estimates of both signs in every so many steps."""
    rng = np.random.default_rng(seed)
    scale = np.exp(rng.normal(size=n))
    grads = [(rng.normal(size=n) * scale).astype(dtype) for _ in range(steps)]
    rows = [(scale + rng.normal(size=n)).astype(dtype) for _ in range(steps)]
    return grads, [row if t % every == 0 else None for t, row in enumerate(rows)]


@pytest.mark.parametrize("every", [1, 7])
@pytest.mark.parametrize(("name", "arguments"), CASES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_follows_its_paper(dtype, name, arguments, every):
    theta = np.random.default_rng(1).normal(size=37).astype(dtype)
    grads, estimates = samples(every=every, dtype=dtype)
    real = np.float64 if dtype == np.float32 else np.longdouble
    expected = getattr(curved_rules, name)(theta, grads, estimates, real, **arguments)
    opt = CLASSES[name](theta, **arguments)
    travelled = np.abs(expected[0])
    # As test_optim_rules: 60 roundings at the size of what is added, here all the same way where
    # steps are clipped: 60 times half a last place.
    tolerance = 4e-6 if dtype == np.float32 else 1e-14
    for t, (g, d) in enumerate(zip(grads, estimates, strict=True), start=1):
        opt.step(g, hessian_diagonal=d)
        travelled = travelled + np.abs(expected[t] - expected[t - 1])
        assert (np.abs(theta - expected[t]) / travelled).max() < tolerance, t
    assert opt.steps == 60
    assert opt.rule == name


@pytest.mark.parametrize("name", CLASSES)
def test_the_same_bits_wherever_an_element_lies(name):
    grads, estimates = samples(n=4099, steps=5, every=2, dtype=np.float32)
    start = np.random.default_rng(2).normal(size=4099).astype(np.float32)
    isa, threads = _core.isa(), ss.info()["threads"]
    try:
        found = []
        for which in ("x86-64-v2", "x86-64-v3", isa):
            for count in (1, 2):
                _core.force_isa(which)
                ss.set_threads(count)
                theta = start.copy()
                opt = CLASSES[name](theta)
                for g, d in zip(grads, estimates, strict=True):
                    opt.step(g, hessian_diagonal=d)
                found.append(theta.tobytes())
    finally:
        _core.force_isa(isa)
        ss.set_threads(threads)
    cuts = [1, 100, 2050]
    parts = [part.copy() for part in np.split(start, cuts)]
    opt = CLASSES[name](parts)
    for g, d in zip(grads, estimates, strict=True):
        cut = None if d is None else np.split(d, cuts)
        opt.step(np.split(g, cuts), hessian_diagonal=cut)
    found.append(np.concatenate(parts).tobytes())
    assert len(set(found)) == 1


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("every", [1, 4])
def test_continues_from_its_state(name, every):
    grads, estimates = samples(every=every)
    whole = np.ones(37)
    opt = CLASSES[name](whole)
    for g, d in zip(grads[:11], estimates[:11], strict=True):
        opt.step(g, hessian_diagonal=d)
    theta, saved = whole.copy(), opt.state_dict()
    assert "hessian_diagonal" not in saved["state"]
    assert saved["carried"][0][0] == sum(d is not None for d in estimates[:11])
    other = CLASSES[name](theta, lr=9.0)
    other.load_state_dict(saved)
    for g, d in zip(grads[11:], estimates[11:], strict=True):
        opt.step(g, hessian_diagonal=d)
        other.step(g, hessian_diagonal=d)
    assert theta.tobytes() == whole.tobytes()
    before = opt.state_dict()
    with pytest.raises(ValueError, match="names"):
        other.load_state_dict({**saved, "state": {}})
    assert str(opt.state_dict()) == str(before)


def test_groups_have_their_own_arguments():
    a, b, c = (np.ones(3) for _ in range(3))
    groups = [{"params": [a, b], "block_size": 3}, {"params": c, "lr": 0.5, "hessian_power": 0}]
    opt = optim.AdaHessian(groups, lr=1.0, eps=0)
    g, d = np.ones(3), np.array([1.0, 2.0, 6.0])
    opt.step([[g, g], g], hessian_diagonal=[[d, d], d])
    assert np.allclose(a, 1 - 1 / 3)  # the mean of the three
    assert np.array_equal(a, b)
    assert np.allclose(c, 0.5)


@pytest.mark.parametrize("name", CLASSES)
def test_parameters_without_a_gradient_stand_still(name):
    a, b = np.ones(3), np.ones(3)
    opt = CLASSES[name]([a, b], weight_decay=0)
    g, d = np.ones(3), np.full(3, 2.0)
    opt.step([g, None], hessian_diagonal=[d, None])
    assert (a < 1).all()
    assert (b == 1).all()
    opt.step([g, None])  # what stands still needs no estimate
    with pytest.raises(ValueError, match=r"None in the first step of params\[1\]"):
        opt.step([g, g])
    opt.step([g, g], hessian_diagonal=[d, d])
    opt.step([g, g])
    assert opt.state_dict()["carried"][:, 0].tolist() == [2, 1]
    assert opt.steps == 4


@pytest.mark.parametrize("dtype", ["bfloat16"])
@pytest.mark.parametrize("name", CLASSES)
def test_narrow_parameters_with_master_weights(name, dtype):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    grads, estimates = samples(steps=5, dtype=np.float32)
    start = np.random.default_rng(3).normal(size=37).astype(getattr(ml_dtypes, dtype))
    wide, narrow = start.astype(np.float32), start.copy()
    opt, other = CLASSES[name](wide), CLASSES[name](narrow, master_weights=True)
    for g, d in zip(grads, estimates, strict=True):
        opt.step(g, hessian_diagonal=d)
        other.step(g, hessian_diagonal=d)
    assert other.master_weights.tobytes() == wide.tobytes()
    with pytest.raises(ValueError, match="'hessian_diagonal' needs full precision"):
        CLASSES[name](narrow, state_dtype="8bit")


E = np.ones(2)
NAN = np.array([1.0, np.nan])
MISUSE = [
    ({"hessian_diagonal": None}, ValueError, "hessian_diagonal: None in the first step of"),
    ({"hessian_diagonal": np.ones(3)}, ValueError, "hessian_diagonal: shape (3,), expected (2,)"),
    ({"hessian_diagonal": np.ones(2, int)}, TypeError, "hessian_diagonal: dtype int64, expected"),
    ({"hessian_diagonal": NAN}, ValueError, "hessian_diagonal: nan at (1,), expected finite"),
    ({"hessian_diagonal": E * 1e300}, ValueError, "hessian_diagonal: 1e+300 at (0,), expected fin"),
    ({"hessian_diagonal": E, "grads": NAN.astype(np.float32)}, ValueError, "grads: NaN"),
    ({"hessian_diagonal": E, "grads": np.ones(3, np.float32)}, ValueError, "grads: shape (3,)"),
    ({"hessian_diagonal": E, "grad_scale": 0.0}, ValueError, "grad_scale: 0.0, expected a finite"),
]  # fmt: skip


@pytest.mark.parametrize(("step", "error", "text"), MISUSE)
@pytest.mark.parametrize("name", CLASSES)
def test_a_refused_step_changes_nothing(name, step, error, text):
    theta = np.ones(2, np.float32)
    opt = CLASSES[name](theta)
    before = str(opt.state_dict())
    with pytest.raises(error) as caught:
        opt.step(**{"grads": E.astype(np.float32), **step})
    assert str(caught.value).startswith(text)
    assert (theta == 1).all()
    assert str(opt.state_dict()) == before
    assert all((array == 0).all() for arrays in opt._core.buffers for array in arrays)


LISTS = [
    (np.ones(2), "hessian_diagonal: ndarray, expected a list of 2 arrays"),
    ([np.ones(2)], "hessian_diagonal: 1, expected a list of 2 arrays"),
    ([np.ones(2), np.ones(3)], "hessian_diagonal[1]: shape (3,), expected (2,)"),
    (
        eig.diagonal(np.eye(4)),
        "hessian_diagonal: Estimate, expected a list of 2 arrays: pass its .value, cut to their "
        "shapes",
    ),
]


@pytest.mark.parametrize(("rows", "text"), LISTS)
def test_lists_of_estimates_are_checked(rows, text):
    opt = optim.Sophia([np.ones(2), np.ones(2)])
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - looked at below
        opt.step([E, E], hessian_diagonal=rows)
    assert str(caught.value) == text
    # Nor is the estimate kept that came before the wrong one.
    assert all((array == 0).all() for arrays in opt._core.buffers for array in arrays)


@pytest.mark.parametrize("name", CLASSES)
def test_an_estimate_of_ours_is_not_its_value(name):
    theta, estimate = np.ones(2), eig.diagonal(np.diag([3.0, 5.0]))
    opt = CLASSES[name](theta)
    with pytest.raises(TypeError) as caught:
        opt.step(np.ones(2), hessian_diagonal=estimate)
    said = "hessian_diagonal: Estimate, expected an array of real numbers: pass its .value"
    assert str(caught.value) == said
    assert (theta == 1).all()
    opt.step(np.ones(2), hessian_diagonal=estimate.value)  # as it says
    assert (theta < 1).all()


CONSTRUCTORS = [
    (optim.AdaHessian, {"hessian_power": 1.5}, "hessian_power: 1.5, expected a number >= 0"),
    (optim.AdaHessian, {"block_size": 0}, "block_size: 0, expected an integer of at least 1"),
    (optim.AdaHessian, {"eps": -1}, "eps: -1, expected a finite number >= 0"),
    (optim.AdaHessian, {"betas": (1.0, 0.5)}, "betas[0]: 1.0, expected a number >= 0 and < 1"),
    (optim.Sophia, {"rho": -1}, "rho: -1, expected a finite number >= 0"),
    (optim.Sophia, {"weight_decay": np.inf}, "weight_decay: inf, expected a finite number >= 0"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "arguments", "text"), CONSTRUCTORS)
def test_arguments_are_checked(make, arguments, text):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - looked at below
        make(np.ones(2), **arguments)
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize("name", CLASSES)
def test_a_step_left_out_keeps_everything(name):
    theta = np.ones(2)
    opt = CLASSES[name](theta, non_finite="skip")
    opt.step(E, found_inf=True, hessian_diagonal=E)
    opt.step(NAN, hessian_diagonal=E)
    assert (theta == 1).all()
    assert (opt.skipped, opt.steps) == (2, 0)
    with pytest.raises(ValueError, match="None in the first step"):
        opt.step(E)


def test_flat_and_steep_curvature_are_the_extremes_of_sophia():
    """The authors' ``sign(m) min(|m| / (rho h), 1)``: a clipped step, a Newton step, a sign."""
    theta = np.zeros(4)
    g, h = np.array([1.0, -1.0, 3.0, 0.0]), np.array([0.5, 10.0, -1.0, 0.0])
    opt = optim.Sophia(theta, 0.1, (0.0, 0.0), rho=1.0, eps=0, weight_decay=0)
    opt.step(g, hessian_diagonal=h)
    assert np.allclose(theta, [-0.1, 0.01, -0.1, 0.0], rtol=1e-15)


def test_ravines_are_left_behind():
    """Condition 1e4: with the exact diagonal both go down it as fast as down a bowl."""
    steep = np.array([1e4, 1.0])
    for opt_class, arguments in (
        (optim.AdaHessian, {"lr": 0.3, "betas": (0.5, 0.9)}),
        (optim.Sophia, {"lr": 0.3, "betas": (0.5, 0.0), "rho": 1.0, "weight_decay": 0}),
    ):
        theta = np.array([1.0, 1.0])
        opt = opt_class(theta, **arguments)
        for _ in range(60):
            opt.step(steep * theta, hessian_diagonal=steep)
        assert np.abs(theta).max() < 1e-4
    plain = np.array([1.0, 1.0])
    opt = optim.SGD(plain, lr=1e-4)
    for _ in range(60):
        opt.step(steep * plain)
    assert plain[1] > 0.99


def digits(loss="cross_entropy"):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    y = (X @ rng.normal(size=(4, 3))).argmax(axis=1)
    return ss.MLP((4, 6, 3), loss=loss, dtype="float64"), X, y


def test_estimates_are_right_on_average():
    """Means of 4,000 estimates against the exact diagonals, five standard errors of each entry."""
    net, X, y = digits()
    H = curvature.of(net, X[:20], y[:20])
    generator = np.random.default_rng(1)
    for draw, exact in (
        (lambda: curvature.hutchinson_diagonal(H, generator), np.diag(H.dense())),
        (
            lambda: curvature.bartlett_diagonal(net, X[:20], generator),
            np.diag(H.gauss_newton()),
        ),
    ):
        found = np.stack([draw() for _ in range(4000)])
        error = found.std(axis=0) / np.sqrt(len(found))
        assert (np.abs(found.mean(axis=0) - exact) <= 5 * error + 1e-14).all()
    more = curvature.hutchinson_diagonal(H, generator, probes=2000)
    assert np.linalg.norm(more - np.diag(H.dense())) < 0.1 * np.linalg.norm(H.dense())


@pytest.mark.parametrize("estimate", ["hutchinson", "bartlett"])
def test_a_network_learns(estimate):
    net, X, y = digits()
    generator = np.random.default_rng(2)
    optimizers = [optim.Sophia(net.theta, lr=0.02), optim.AdaHessian(net.theta, lr=0.05)]
    opt = optimizers[0] if estimate == "bartlett" else optimizers[1]
    start = net.loss(X, y)
    for t in range(150):
        diagonal = None
        if t % 10 == 0 and estimate == "bartlett":
            diagonal = curvature.bartlett_diagonal(net, X, generator)
        elif estimate == "hutchinson":
            diagonal = curvature.hutchinson_diagonal(curvature.of(net, X, y), generator)
        opt.step(net.gradient(X, y), hessian_diagonal=diagonal)
    assert net.loss(X, y) < 0.5 * start


def test_estimates_refuse_what_they_can_not_use():
    net, X, y = digits("mse")
    generator = np.random.default_rng(0)
    with pytest.raises(ValueError, match="net: loss 'mse', expected 'cross_entropy'"):
        curvature.bartlett_diagonal(net, X, generator)
    with pytest.raises(TypeError, match="net: str, expected an MLP"):
        curvature.bartlett_diagonal("net", X, generator)
    H = curvature.of(net, X, y)
    with pytest.raises(TypeError, match="generator: int, expected a numpy"):
        curvature.hutchinson_diagonal(H, 0)
    with pytest.raises(ValueError, match="probes: 0, expected an integer of at least 1"):
        curvature.hutchinson_diagonal(H, generator, probes=0)


def test_they_have_no_name_for_training():
    for name in CLASSES:
        with pytest.raises(ValueError, match=f"name: '{name}', expected one of"):
            optim.create(name, np.ones(2))
