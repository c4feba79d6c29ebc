"""What the optimizers of saddlescape.torch refuse, in what words, and that nothing has changed."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from saddlescape import torch as st  # noqa: E402
from torch_samples import (  # noqa: E402 - only where torch is there
    NAMES,
    OURS_ALONE,
    fingerprint,
    give_gradients,
    groups,
    parameters,
    same_bits,
)

PLACE = "param_groups[1]['params'][2]"
FINITE = "expected finite numbers"
BAD = [
    (lambda g: torch.full_like(g, torch.nan), ValueError, f"{PLACE}.grad: NaN at (0, 0, 0), "
     f"{FINITE}"),
    (lambda g: torch.full_like(g, -torch.inf), ValueError, f"{PLACE}.grad: -infinite at (0, 0, 0), "
     f"{FINITE}"),
    (lambda g: g.transpose(0, 2).contiguous().transpose(0, 2), ValueError,
     f"{PLACE}.grad: strides (4, 12, 24), expected a C-contiguous array"),
    (torch._neg_view, ValueError, f"{PLACE}.grad: torch.Tensor on device cpu is a negated view"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "error", "text"), BAD)
@pytest.mark.parametrize("name", [*NAMES, *OURS_ALONE])
@pytest.mark.parametrize("steps", [0, 2])
def test_a_refused_step_changes_nothing(name, steps, change, error, text):
    params = parameters()
    opt = getattr(st, name)(groups(params))
    for step in range(steps):
        give_gradients(step, params)
        opt.step()
    give_gradients(8, params)
    params[3].grad = change(params[3].grad)
    before = fingerprint(opt)
    with pytest.raises(error) as caught:
        opt.step()
    assert str(caught.value).startswith(text)
    assert fingerprint(opt) == before
    give_gradients(9, params)
    opt.step()
    assert fingerprint(opt) != before


def test_gradients_that_are_not_finite_may_pass():
    params = parameters()
    opt = st.Adam(params, check_finite=False)
    give_gradients(0, params)
    params[3].grad[0] = torch.nan
    opt.step()
    assert params[3][0].isnan().all()
    assert not params[3][1].isnan().any()


ONE = "expected one whole number >= 0"
STATES = [
    ("exp_avg", torch.zeros(12), "['exp_avg']: shape (12,), expected (3, 2, 2)"),
    ("exp_avg", torch.zeros(3, 2, 2).double(), "['exp_avg']: dtype float64, expected float32"),
    ("exp_avg_sq", "exp_avg", "shares memory with "),
    ("exp_avg_sq", "a parameter", "shares memory with "),
    ("step", torch.tensor(1.5), f"['step']: shape (), value 1.500000, {ONE}"),
    ("step", torch.ones(2), f"['step']: shape (2,), value -1.000000, {ONE}"),
    ("exp_avg", None, ": has no 'exp_avg', which adam keeps; load a state of that rule, or none"),
]


@pytest.mark.parametrize(("key", "value", "text"), STATES)
def test_states_that_do_not_fit_are_refused(key, value, text):
    params = parameters()
    opt = st.Adam(params)
    give_gradients(0, params)
    opt.step()
    entry = opt.state[params[3]]
    good = dict(entry)
    entry[key] = {
        "exp_avg": entry["exp_avg"],
        "a parameter": params[0].detach().reshape(-1)[:12].reshape(3, 2, 2),
    }.get(value, value) if isinstance(value, str) else value  # fmt: skip
    if value is None:
        del entry[key]
    before = [p.detach().clone() for p in params]
    with pytest.raises((TypeError, ValueError)) as caught:
        opt.step()
    message = str(caught.value)
    assert text in message
    assert "shares" in text or message.startswith("state of param_groups[0]['params'][3]")
    assert same_bits(params, before)
    entry.update(good)
    opt.step()


@pytest.mark.parametrize(
    ("name", "key"), [("NAdam", "mu_product"), ("ASGD", "eta"), ("ASGD", "mu")]
)
def test_numbers_that_torch_keeps_are_looked_at_first(name, key):
    params = parameters()
    opt = getattr(st, name)(params)
    give_gradients(0, params)
    opt.step()
    entry = opt.state[params[3]]
    good = entry.pop(key)
    place = "state of param_groups[0]['params'][3]"
    lacks = (
        f"{place}: has no '{key}', which {name.lower()} keeps; load a state of that rule, or none"
    )
    table = [
        (None, ValueError, lacks),
        (1.0, TypeError, f"{place}['{key}']: float, expected a tensor"),
        (torch.ones(2), ValueError, f"{place}['{key}']: shape (2,), expected one number"),
    ]
    for value, error, text in table:
        if value is not None:
            entry[key] = value
        before = [p.detach().clone() for p in params], entry["step"].item()
        with pytest.raises(error) as caught:
            opt.step()
        assert str(caught.value) == text
        assert same_bits(params, before[0])
        assert entry["step"] == before[1]
    entry[key] = good
    opt.step()


ONES = torch.ones(2, 3)
REFUSED = [
    ({"params": [ONES.cfloat()]}, TypeError, "dtype complex64, expected "),
    ({"params": [ONES.to("meta")]}, TypeError, "on device meta can't be read in place"),
    ({"params": [ONES.t()]}, ValueError, "strides (4, 12), expected a C-contiguous array"),
    ({"params": [ONES], "betas": (0.9, 1.5)}, ValueError, "betas[1]: 1.5"),
    ({"params": [ONES], "betas": [0.9, torch.ones(3)]}, ValueError, "betas[1]: shape (3,)"),
    ({"params": [ONES], "capturable": True}, ValueError, "capturable: True, expected False"),
    ({"params": [ONES], "differentiable": True}, ValueError, "differentiable: True"),
    ({"params": [ONES], "lr": -1.0}, ValueError, "lr: -1.0"),
    ({"params": [ONES], "lr": "0.1"}, TypeError, "lr: str, expected a finite number"),
    ({"params": [ONES], "lr": torch.ones(2)}, ValueError, "lr: shape (2,), expected one number"),
    ({"params": [ONES], "weight_decay": -1}, ValueError, "weight_decay: -1"),
]


@pytest.mark.parametrize(("group", "error", "text"), REFUSED, ids=[row[2] for row in REFUSED])
def test_refused_groups(group, error, text):
    with pytest.raises(error) as caught:
        st.Adam([dict(group)])
    assert text in str(caught.value)
    opt = st.Adam([torch.ones(3, requires_grad=True)])
    with pytest.raises(error):
        opt.add_param_group(dict(group))
    assert len(opt.param_groups) == 1
    opt.add_param_group({"params": [torch.ones(2, requires_grad=True)], "lr": 0.5})
    assert [g["lr"] for g in opt.param_groups] == [1e-3, 0.5]


MID_RUN = [
    ("lr", float("nan"), ValueError, "lr: nan, expected a finite number"),
    ("lr", None, TypeError, "lr: NoneType, expected a finite number"),
    ("betas", (0.9, -0.1), ValueError, "betas[1]: -0.1"),
    ("maximize", 1, TypeError, "maximize: int, expected True or False"),
    ("amsgrad", True, ValueError, "has no 'max_exp_avg_sq', which amsgrad keeps"),
]


@pytest.mark.parametrize(("key", "value", "error", "text"), MID_RUN)
def test_arguments_that_go_wrong_in_mid_run(key, value, error, text):
    params = parameters()
    opt = st.Adam(groups(params))
    give_gradients(0, params)
    opt.step()
    before = fingerprint(opt)
    good = opt.param_groups[1][key]
    opt.param_groups[1][key] = value
    with pytest.raises(error) as caught:
        opt.step()
    assert text in str(caught.value)
    assert fingerprint(opt) == before
    opt.param_groups[1][key] = good
    opt.step()
