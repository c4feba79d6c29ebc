"""Optimizers of saddlescape.torch move: to torch's and back, into files, copies and processes."""

from __future__ import annotations

import copy
import io
import pickle

import pytest

torch = pytest.importorskip("torch")

from saddlescape import torch as st  # noqa: E402
from torch_samples import (  # noqa: E402 - only where torch is there
    CASES,
    NAMES,
    OURS_ALONE,
    Walk,
    fingerprint,
    give_gradients,
    groups,
    parameters,
    same_bits,
    through_a_file,
)


def handed_over(opt, make, params):
    """A new optimizer that goes on where `opt` is; other arguments: the loaded ones count."""
    after = make([{"params": params[:1]}, {"params": params[1:], "lr": 0.7}], lr=0.3)
    after.load_state_dict(through_a_file(opt.state_dict()))
    return after


@pytest.mark.parametrize("order", ["torch, ours, torch", "ours, torch, ours"])
@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_state_moves_in_mid_run(name, arguments, order, in_double):
    mixed, whole = parameters(), parameters()
    makers = [getattr({"torch": torch.optim, "ours": st}[who], name) for who in order.split(", ")]
    opt = makers[0](groups(mixed), **arguments)
    reference = getattr(torch.optim, name)(groups(whole), **arguments)
    walk = Walk(mixed)
    for step in range(60):
        if step in (20, 40):
            opt = handed_over(opt, makers[step // 20], mixed)
        give_gradients(step, mixed, whole)
        opt.step()
        reference.step()
        walk.went(mixed)
    assert walk.close(mixed, whole)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_nothing_is_lost_on_the_way(name, arguments, dtype):
    params = parameters(dtype)
    opt = getattr(torch.optim, name)(groups(params), **arguments)
    for step in range(5):
        give_gradients(step, params)
        opt.step()
    first = through_a_file(opt.state_dict())
    for make in (getattr(st, name), getattr(torch.optim, name), getattr(st, name)):
        opt = handed_over(opt, make, params)
    last = opt.state_dict()
    assert last["param_groups"] == first["param_groups"]
    for number, entry in first["state"].items():
        assert list(last["state"][number]) == list(entry)
        for key, value in entry.items():
            mine = last["state"][number][key]
            # PyTorch loads all but "step" in the type of the parameter: exact, as it is wider.
            assert mine.dtype == (value.dtype if key == "step" else dtype)
            assert torch.equal(mine, value.to(mine.dtype))


@pytest.mark.parametrize(("name", "arguments"), [*CASES, *((n, {}) for n in OURS_ALONE)])
def test_copies_and_files_continue_bit_for_bit(name, arguments):
    ours = parameters()
    opt = getattr(st, name)(groups(ours), check_finite=False, **arguments)
    for step in range(5):
        give_gradients(step, ours)
        opt.step()
    whole = io.BytesIO()
    torch.save(opt, whole)
    whole.seek(0)
    copies = [
        copy.deepcopy(opt),
        pickle.loads(pickle.dumps(opt)),  # noqa: S301 - our own
        torch.load(whole, weights_only=False),
    ]
    loaded = parameters()
    for p, q in zip(loaded, ours, strict=True):
        p.data.copy_(q.data)
    fresh = getattr(st, name)(groups(loaded), **arguments)
    fresh.load_state_dict(through_a_file(opt.state_dict()))
    for step in range(5, 9):
        give_gradients(step, ours)
        opt.step()
    for other in [*copies, fresh]:
        twins = [p for group in other.param_groups for p in group["params"]]
        for step in range(5, 9):
            give_gradients(step, twins)
            other.step()
        assert same_bits(twins, ours)
    assert [c.check_finite for c in copies] == [False] * 3
    assert fresh.check_finite


def test_a_copy_stands_on_its_own():
    model = torch.nn.Linear(3, 2)
    opt = st.Adam(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.StepLR(opt, 1, 0.5)
    twin, twins_opt, twins_schedule = copy.deepcopy((model, opt, schedule))
    assert twins_opt.param_groups[0]["params"][0] is twin.weight
    assert twins_schedule.optimizer is twins_opt
    before = twin.weight.detach().clone()
    model(torch.ones(3)).sum().backward()
    opt.step()
    schedule.step()
    assert torch.equal(twin.weight, before)
    assert len(twins_opt.state) == 0
    assert (opt.param_groups[0]["lr"], twins_opt.param_groups[0]["lr"]) == (0.05, 0.1)


def test_state_dict_hooks():
    params = parameters()
    opt = st.Adam(params)
    give_gradients(0, params)
    opt.step()
    seen = []
    opt.register_state_dict_pre_hook(seen.append)
    opt.register_state_dict_post_hook(lambda _, state: {**state, "epoch": 3})
    saved = through_a_file(opt.state_dict())
    assert seen == [opt]
    assert saved["epoch"] == 3

    def halve(_, state):
        state["param_groups"][0]["lr"] = 0.5
        return state

    other = st.Adam(params)
    other.register_load_state_dict_pre_hook(halve)
    other.register_load_state_dict_post_hook(lambda o: seen.append(o.param_groups[0]["lr"]))
    other.load_state_dict(saved)
    assert seen == [opt, 0.5]
    assert torch.equal(other.state[params[0]]["exp_avg"], opt.state[params[0]]["exp_avg"])


def test_state_dicts_of_an_older_torch_load():
    params = parameters()
    opt = st.NAdam(params, lr=0.5)
    give_gradients(0, params)
    opt.step()
    old = copy.deepcopy(opt.state_dict())
    for key in ("maximize", "decoupled_weight_decay"):
        del old["param_groups"][0][key]
    for entry in old["state"].values():
        entry["step"] = 1  # numbers, before they were tensors
        entry["mu_product"] = float(entry["mu_product"])
    opt.load_state_dict(old)
    give_gradients(1, params)
    opt.step()
    assert opt.state[params[0]]["step"] == 2


def test_sgd_that_torch_saved_before_its_first_buffer():
    params = parameters()
    opt = st.SGD(params, momentum=0.9)
    state = {i: {"momentum_buffer": None} for i in range(len(params))}
    opt.load_state_dict({**opt.state_dict(), "state": state})
    give_gradients(0, params)
    opt.step()
    assert torch.equal(opt.state[params[0]]["momentum_buffer"], params[0].grad)


@pytest.mark.parametrize("name", [*NAMES, *OURS_ALONE])
def test_checkpoints_of_torch_distributed(name):
    # It makes the states of a new optimizer with a step at rate 0, and names them.
    from torch.distributed.checkpoint import state_dict as dcp

    torch.manual_seed(0)
    model, twin = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    twin.load_state_dict(model.state_dict())
    opt, fresh = (getattr(st, name)(m.parameters(), lr=0.1) for m in (model, twin))
    for step in range(3):
        give_gradients(step, list(model.parameters()))
        opt.step()
    saved = through_a_file(dcp.get_optimizer_state_dict(model, opt))
    twin.load_state_dict(model.state_dict())
    dcp.set_optimizer_state_dict(twin, fresh, saved)
    assert same_bits(twin.parameters(), model.parameters())
    for step in range(3, 5):
        give_gradients(step, list(model.parameters()), list(twin.parameters()))
        opt.step()
        fresh.step()
    assert same_bits(twin.parameters(), model.parameters())


def changed(**entry):
    """A change of the first group; None takes out."""

    def change(saved):
        for key, value in entry.items():
            saved["param_groups"][0][key] = value
            if value is None:
                del saved["param_groups"][0][key]

    return change


LACKS = "which adam keeps; load a state of that rule, or none"
WRONG = [
    (changed(betas=(0.9, 2.0)), "betas[1]: 2.0, expected"),
    (changed(betas=(0.9,)), "betas: 1 numbers, expected two"),
    (changed(lr=None), "param_groups[0]: has no 'lr', which Adam keeps"),
    (changed(lr=float("nan")), "lr: nan, expected a finite number"),
    (changed(lr=torch.ones(2)), "lr: shape (2,), expected one number"),
    (changed(capturable=True), "capturable: True, expected False: capture() makes steps"),
    (lambda s: s["state"][0].pop("step"), "state_dict: has no 'step', which Adam keeps"),
    (lambda s: s["state"][3].pop("exp_avg"),
     f"state of param_groups[0]['params'][3]: has no 'exp_avg', {LACKS}"),
    (lambda s: s["state"][3].update(exp_avg_sq=torch.ones(12)),
     "state of param_groups[0]['params'][3]['exp_avg_sq']: shape (12,), expected (3, 2, 2)"),
    (lambda s: s["param_groups"].append({"params": []}), "loaded state dict has a different number "
     "of parameter groups"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "text"), WRONG, ids=[row[1] for row in WRONG])
def test_a_wrong_state_dict_is_refused_whole(change, text):
    params = parameters()
    opt = st.Adam(params, lr=0.25)
    give_gradients(0, params)
    opt.step()
    before = fingerprint(opt), opt.state, opt.param_groups, dict(opt.param_groups[0])
    wrong = copy.deepcopy(opt.state_dict())
    change(wrong)
    with pytest.raises((TypeError, ValueError)) as caught:
        opt.load_state_dict(wrong)
    assert str(caught.value).startswith(text)
    assert fingerprint(opt) == before[0]
    assert opt.state is before[1]
    assert opt.param_groups is before[2]
    assert opt.param_groups[0] == before[3]
    opt.step()


@pytest.mark.parametrize("name", NAMES)
def test_states_of_other_rules_are_refused_at_once(name):
    params = parameters()
    # But for those of rules that keep the same.
    keeping = {"SGD": {"momentum": 0.9}}
    opt = getattr(st, name)(params, lr=0.25, **keeping.get(name, {}))
    give_gradients(0, params)
    opt.step()
    before = fingerprint(opt)
    keeps = {key for key in opt.state[params[0]] if key != "step"}
    for other in NAMES:
        twins = parameters()
        give_gradients(0, twins)
        theirs = getattr(torch.optim, other)(twins, **keeping.get(other, {}))
        theirs.step()
        if keeps <= set(theirs.state[twins[0]]):
            continue
        with pytest.raises(ValueError, match=r"load a state of that rule, or none$"):
            opt.load_state_dict(copy.deepcopy(theirs.state_dict()))
        assert fingerprint(opt) == before
    opt.step()
