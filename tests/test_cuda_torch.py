"""saddlescape.torch with parameters on a device: the CPU's bits, in mixed lists too.

No CUDA tensor can be made where there is no device: `Hosted` is one of the CPU that says it is
elsewhere, and all behind that is what runs for a real one.
"""

from __future__ import annotations

import io

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from device_samples import NEEDS_STAND_IN  # noqa: E402
from saddlescape import MLP, _backend, eig, optim  # noqa: E402
from saddlescape import torch as st  # noqa: E402
from torch_samples import CASES, OURS_ALONE, gradient, parameters  # noqa: E402

pytestmark = NEEDS_STAND_IN

TYPES = {torch.float32: "<f4", torch.float64: "<f8", torch.float16: "<f2"}
HOSTED_CASES = list(CASES)
HOSTED_CASES += [(name, {"lr": 0.1}) for name in OURS_ALONE]
SPLITS = [(True, True, True, True), (True, False, False, True), (False, True, False, False)]


class Hosted(torch.Tensor):
    is_cuda = True
    __dlpack_c_exchange_api__ = None

    @property
    def __cuda_array_interface__(self):
        step = self.element_size()
        return {
            "shape": tuple(self.shape),
            "typestr": TYPES[self.dtype],
            "data": (self.data_ptr(), False),
            "strides": None if self.is_contiguous() else tuple(step * s for s in self.stride()),
            "version": 3,
        }


@pytest.fixture(autouse=True)
def streams(monkeypatch):
    """The streams that were asked for: PyTorch has none without a device."""
    asked = []
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: asked.append(device) or 2)
    return asked


def hosted(tensor):
    return tensor.detach().clone().as_subclass(Hosted)


def twins(where, dtype=torch.float32):
    """The same parameters on the CPU, and where `where` says."""
    here = parameters(dtype)
    there = [
        (hosted(p) if at else p.detach().clone()).requires_grad_()
        for p, at in zip(here, where, strict=True)
    ]
    return here, there


def give(step, here, there, skip=()):
    for i, (p, q) in enumerate(zip(here, there, strict=True)):
        g = gradient(step, i, tuple(p.shape), p.dtype)
        p.grad = None if i in skip else g.clone()
        q.grad = None if i in skip else (hosted(g) if isinstance(q, Hosted) else g.clone())


def plain(tensor):
    return tensor.detach().as_subclass(torch.Tensor)


def same(here, there, a, b):
    for p, q in zip(here, there, strict=True):
        assert torch.equal(plain(p), plain(q))
        assert a.state.get(p, {}).keys() == b.state.get(q, {}).keys()
        for key, value in a.state.get(p, {}).items():
            other = b.state[q][key]
            if isinstance(value, torch.Tensor):
                assert torch.equal(plain(value), plain(other)), key
            else:
                assert value == other, key


@pytest.mark.parametrize("where", SPLITS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
@pytest.mark.parametrize(("name", "arguments"), HOSTED_CASES)
def test_the_bits_of_the_cpu(name, arguments, dtype, where, streams):
    here, there = twins(where, dtype)
    a, b = getattr(st, name)(here, **arguments), getattr(st, name)(there, **arguments)
    for step in range(4):
        give(step, here, there, skip={1} if step == 2 else ())
        a.step()
        b.step()
    same(here, there, a, b)
    assert set(streams) == {0}


def test_scales_and_overflows():
    here, there = twins(SPLITS[1])
    a, b = st.Adam(here, fused=True), st.Adam(there, fused=True)
    for step, found in enumerate([0.0, 1.0, 0.0]):
        give(step, here, there)
        for opt in (a, b):
            opt.grad_scale, opt.found_inf = torch.tensor(1024.0), torch.tensor(found)
            opt.step()
    same(here, there, a, b)
    assert float(a.state[here[0]]["step"]) == 2


# Rules that a graph can't hold: they look at norms, or compute on the host.
HOST = {"ASGD", "Adafactor", "LAMB", "LARS"}


@pytest.mark.parametrize(
    ("name", "arguments"), [case for case in HOSTED_CASES if case[0] not in HOST]
)
def test_captured_steps_are_steps(name, arguments, in_double):
    # In double, as the device carries it: a step rounds NAdam's product to its state's type.
    here, there = twins(SPLITS[0])
    a, b = getattr(st, name)(here, **arguments), getattr(st, name)(there, **arguments)
    give(0, here, there)
    step = b.capture()
    for _ in range(4):
        a.step()
        step.launch()
    step.read()
    same(here, there, a, b)
    give(1, here, there)  # one of its own behind
    a.step()
    b.step()
    same(here, there, a, b)
    with pytest.raises(RuntimeError, match=r"^the optimizer has stepped or loaded a state on its"):
        step.launch()


def test_a_captured_step_ends_where_a_state_is_loaded():
    _, there = twins(SPLITS[0])
    opt = st.Adam(there)
    give(0, parameters(), there)
    step = opt.capture()
    opt.load_state_dict(opt.state_dict())
    for call in (step.launch, step.read):
        with pytest.raises(RuntimeError, match="loaded a state on its own since"):
            call()


def test_captured_steps_read_numbers_of_the_device():
    here, there = twins(SPLITS[0])
    rate = torch.tensor(0.25)
    a, b = st.Adam(here, lr=0.25, fused=True), st.Adam(there, lr=hosted(rate), fused=True)
    give(0, here, there)
    scale, found = hosted(torch.tensor(1024.0)), hosted(torch.tensor(0.0))
    step = b.capture(grad_scale=scale, found_inf=found)
    for overflowed, lr in [(0.0, 0.25), (1.0, 0.25), (0.0, 0.5)]:
        a.grad_scale, a.found_inf = torch.tensor(1024.0), torch.tensor(overflowed)
        a.param_groups[0]["lr"] = lr
        found.fill_(overflowed)
        b.param_groups[0]["lr"].fill_(lr)
        a.step()
        step.launch()
    step.read()
    same(here, there, a, b)
    assert float(b.state[there[0]]["step"]) == 2


@pytest.mark.parametrize(
    ("name", "where", "error", "text"),
    [
        ("ASGD", SPLITS[0], TypeError, "capture: ASGD writes to its state on the host, expected"),
        ("LAMB", SPLITS[0], ValueError, "rule: one that looks at norms or multiplies matrices can"),
        ("Adam", SPLITS[1], ValueError, "params: not on one CUDA device with gradients, expected"),
    ],
)
def test_what_no_graph_can_hold_is_named(name, where, error, text):
    here, there = twins(where)
    opt = getattr(st, name)(there)
    give(0, here, there)
    with pytest.raises(error) as caught:
        opt.capture()
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize("where", SPLITS)
@pytest.mark.parametrize("bad", range(4))
def test_a_gradient_that_is_not_finite_changes_nothing(where, bad):
    here, there = twins(where)
    a, b = st.Adam(here), st.Adam(there)
    give(0, here, there)
    a.step()
    b.step()
    give(1, here, there)
    there[bad].grad.view(-1)[0] = np.nan
    with pytest.raises(ValueError, match=rf"^param_groups\[0\]\['params'\]\[{bad}\]\.grad: NaN at"):
        b.step()
    same(here, there, a, b)


@pytest.mark.parametrize("where", SPLITS[1:])
@pytest.mark.parametrize("bad", [0, 1, 3])  # of more than one number
def test_a_gradient_that_can_not_be_read_changes_nothing_unchecked_either(where, bad):
    here, there = twins(where)
    a, b = st.Adam(here, check_finite=False), st.Adam(there, check_finite=False)
    give(0, here, there)
    a.step()
    b.step()
    give(1, here, there)
    grad = there[bad].grad
    there[bad].grad = torch.stack([grad, grad], -1)[..., 0]  # every second number
    with pytest.raises(ValueError, match=rf"\[{bad}\]\.grad: strides"):
        b.step()
    same(here, there, a, b)


@pytest.mark.parametrize("where", SPLITS)
@pytest.mark.parametrize(("name", "dtype"), [("Adam", torch.float32), ("Adafactor", torch.float16)])
def test_out_of_memory_changes_nothing(name, dtype, where):
    device = _backend.cuda("a test").hosted
    here, there = twins(where, dtype)
    a, b = getattr(st, name)(here), getattr(st, name)(there)
    give(0, here, there)
    device.limit(device.counts()["used"] + 16)
    try:
        with pytest.raises(MemoryError, match=r"^out of memory: "):
            b.step()
    finally:
        device.limit(None)
    same(here, there, a, b)
    a.step()
    b.step()
    same(here, there, a, b)


def test_narrow_states_are_left_alone_by_a_gradient_that_is_not_finite():
    here, there = twins(SPLITS[0], torch.float16)
    a, b = st.Adafactor(here), st.Adafactor(there)
    give(0, here, there)
    a.step()
    b.step()
    there[1].grad.view(-1)[0] = np.inf
    with pytest.raises(ValueError, match=r"\.grad: inf\w* at"):
        b.step()
    same(here, there, a, b)


def test_everything_runs_in_pytorchs_current_stream(monkeypatch):
    def now(stream):
        monkeypatch.setattr(torch.cuda, "current_stream", lambda _: stream)
        return stream

    def stream_of(array):
        return array.__cuda_array_interface__["stream"]

    def moments():
        (kept,) = opt.state_dict()["state"]["exp_avg"]
        return kept

    hosted_device = _backend.cuda("a test").hosted
    first, second = 1 << 20, 1 << 21
    now(first)
    p, g = hosted(torch.ones(5)), hosted(torch.ones(5))
    opt = optim.Adam(p, lr=0.1)
    opt.step(g)
    assert stream_of(moments()) == first
    now(second)
    hosted_device.reset()
    opt.step(g)
    assert stream_of(moments()) == second
    assert hosted_device.counts()["follows"] >= 1  # after the first one's
    net = MLP((3, 2), loss="mse", device="cuda")
    assert stream_of(net.predict(hosted(torch.ones(4, 3)))) == second
    hosted_device.reset()
    eig.eigvalsh(hosted(torch.eye(3)))
    assert hosted_device.counts()["follows"] == 1


def test_a_saved_state_goes_on():
    here, there = twins(SPLITS[1])
    a, b = st.AdamW(here), st.AdamW(there)
    give(0, here, there)
    a.step()
    b.step()
    file = io.BytesIO()
    torch.save(a.state_dict(), file)
    file.seek(0)
    b.load_state_dict(torch.load(file, weights_only=True))
    for p in there:
        for key in ("exp_avg", "exp_avg_sq"):  # as PyTorch moves a state to its parameter's device
            b.state[p][key] = (hosted if isinstance(p, Hosted) else plain)(b.state[p][key])
    give(1, here, there)
    a.step()
    b.step()
    same(here, there, a, b)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (
            lambda p: p.t(),
            ValueError,
            "param_groups[0]['params'][0]: strides (4, 20), expected",
        ),
        (lambda p: p.to(torch.int64), TypeError, "param_groups[0]['params'][0]: dtype int64, expe"),
    ],
)
def test_parameters_are_checked_where_they_are(make, error, text, monkeypatch):
    monkeypatch.setitem(TYPES, torch.int64, "<i8")
    parameter = make(torch.ones(4, 5)).as_subclass(Hosted)
    with pytest.raises(error) as caught:
        st.SGD([parameter], lr=0.1)
    assert str(caught.value).startswith(text)


def test_sparse_gradients_are_named():
    parameter = hosted(torch.ones(4, 5)).requires_grad_()
    opt = st.SGD([parameter], lr=0.1)
    with pytest.raises(TypeError, match=r"\.grad: .*sparse"):
        opt._batch.step(
            [("sgd", opt._options(0, opt.param_groups[0])[1], "p", [parameter],
              [torch.ones(4, 5).to_sparse()], [{}], [1], None)], True, 1.0,
        )  # fmt: skip


def test_without_the_backend_a_line_says_so(monkeypatch):
    def absent(name):
        raise ModuleNotFoundError(name, name="saddlescape._cuda")

    monkeypatch.setattr(_backend.importlib, "import_module", absent)
    with pytest.raises(RuntimeError, match=r"^param_groups\[0\]\['params'\]\[0\]: saddlescape was"):
        st.SGD([hosted(torch.ones(3))], lr=0.1)
