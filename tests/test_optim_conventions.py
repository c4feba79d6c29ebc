"""`convention`: each library's own equation, followed with its own buffers and signs."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from oracle.conventions import CONVENTIONS
from saddlescape import optim

STEPS = 60
# Equal to PyTorch's equation, whatever the arguments in the table; all others must differ from it.
SAME = {("SGD", "optax"), ("Adamax", "optax")}
SAME_UNLESS_AMSGRAD = {("Adam", "optax"), ("Adam", "paper"), ("AdamW", "optax")}


def rate(step):
    """Change in every step: the form of momentum shows only then."""
    return 0.05 / (1 + 0.1 * step)


def gradients(seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=37), rng.normal(size=(STEPS, 37)) * np.exp(rng.normal(size=37))


def follow(name, theta, grads, **arguments):
    opt = getattr(optim, name)(theta.copy(), lr=rate, **arguments)
    path = [theta]
    for g in grads:
        opt.step(g)
        path.append(opt.params.copy())
    return np.stack(path)


def far(a, b):
    """The largest distance, relative to how far an element has come."""
    travelled = np.abs(b[0]) + np.abs(np.diff(b, axis=0)).sum(axis=0)
    return (np.abs(a - b) / travelled).max()


@pytest.mark.parametrize(
    ("name", "convention", "equation", "arguments"),
    CONVENTIONS,
    ids=[f"{row[0]}-{row[1]}-{'-'.join(row[3])}" for row in CONVENTIONS],
)
def test_follows_the_librarys_own_equation(name, convention, equation, arguments):
    # 60 steps, each rounded a few times in both: the bound of test_optim_rules.py.
    theta, grads = gradients()
    theirs = equation(theta, grads, lr=lambda t: rate(t - 1), **arguments)
    ours = follow(name, theta, grads, convention=convention, **arguments)
    assert far(ours, theirs) < 1e-14
    same = (name, convention) in SAME or (
        (name, convention) in SAME_UNLESS_AMSGRAD and not arguments.get("amsgrad")
    )
    torchs = follow(name, theta, grads, **arguments)
    assert (far(torchs, theirs) < 1e-14) == same


def test_every_convention_of_every_rule_is_followed():
    rows = {(name, convention) for name, convention, _, _ in CONVENTIONS}
    offered = set()
    for name in optim.__all__:
        cls = getattr(optim, name)
        if "convention" not in inspect.signature(cls).parameters:
            continue
        with pytest.raises(ValueError, match=r"^convention: 'none', expected one of ") as caught:
            cls(np.zeros(3), convention="none")
        names = str(caught.value).split("one of ")[1].split(", ")
        assert names[0] == "torch"
        offered |= {(name, convention) for convention in names[1:]}
    assert rows == offered


def test_a_loaded_state_brings_its_convention():
    theta, grads = gradients()
    a = optim.Adam(theta.copy(), convention="keras", eps=1e-2)
    b = optim.Adam(theta.copy(), convention="lecture", eps=1e-3)
    for g in grads[:30]:
        a.step(g)
    b.params[:] = a.params
    b.load_state_dict(a.state_dict())
    assert b.arguments == a.arguments
    for g in grads[30:]:
        a.step(g)
        b.step(g)
    assert np.array_equal(a.params, b.params)


@pytest.mark.parametrize("psi", [0.0, 1e-300, 1e-9, 4e-3, 1.0, 1e9])
@pytest.mark.parametrize("beta1", [0.0, 0.5, 0.9, 0.999])
def test_nadams_product_is_carried_from_step_to_step(beta1, psi):
    # The next step of a run that is loaded at step t - 1 shows Pi_t and Pi_{t+1}: with m = v = 0
    # and g = 1 the move is lr sqrt(1 - beta2^t) / sqrt(1 - beta2) times a known mix of the two.
    beta2 = 0.5
    t = np.arange(1, 3001)
    mu = beta1 * (1 - 0.5 * 0.96 ** (t * np.longdouble(psi)))
    product = np.cumprod(mu)
    for step in (1, 2, 3, 10, 100, 2999):
        theta = np.zeros(1)
        opt = optim.NAdam(theta, lr=1.0, betas=(beta1, beta2), eps=0, momentum_decay=psi)
        state = opt.state_dict()
        carried = np.array([[product[step - 2] if step > 1 else 0.0, 0.0]], dtype=np.float64)
        opt.load_state_dict(
            {**state, "step": step - 1, "steps": np.array([step - 1]), "carried": carried}
        )
        opt.step(np.ones(1))
        assert opt.state_dict()["carried"][0, 0] == pytest.approx(float(product[step - 1]))
        mix = mu[step] * (1 - beta1) / (1 - product[step])
        mix += (1 - mu[step - 1]) / (1 - product[step - 1])
        expected = -mix * np.sqrt((1 - np.longdouble(beta2) ** step) / (1 - beta2))
        # 1 - Pi cancels three digits where beta1 = 0.999 and psi is large.
        assert theta[0] == pytest.approx(float(expected), rel=1e-12), step
