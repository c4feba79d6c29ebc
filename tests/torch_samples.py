"""Twin parameters, gradients and a bound for the tests of saddlescape.torch; odd operations."""

from __future__ import annotations

import functools
import io

import pytest

torch = pytest.importorskip("torch")

# A small set: one for each rule, with what it keeps.
CASES = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("Adagrad", {"lr": 0.5, "lr_decay": 0.1, "initial_accumulator_value": 0.3}),
    ("Adadelta", {"lr": 0.5, "weight_decay": 0.01}),
    ("RMSprop", {"weight_decay": 0.01}),
    ("RMSprop", {"momentum": 0.5, "centered": True, "eps": 1e-3}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.01}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.01, "decoupled_weight_decay": True}),
    ("Adam", {"lr": 0.1, "amsgrad": True}),
    ("AdamW", {"lr": 0.1}),
    ("AdamW", {"lr": 0.1, "amsgrad": True, "weight_decay": 0.1}),
    ("Adamax", {"lr": 0.1, "weight_decay": 0.01}),
    ("NAdam", {"lr": 0.1, "weight_decay": 0.01, "decoupled_weight_decay": True}),
    ("RAdam", {"lr": 0.1, "weight_decay": 0.01}),
    ("Rprop", {"lr": 0.1}),
    ("ASGD", {"lr": 0.1, "lambd": 0.01, "t0": 20, "weight_decay": 0.01}),
    ("Adafactor", {"lr": 0.1, "weight_decay": 0.01}),
]
NAMES = sorted({name for name, _ in CASES})
OURS_ALONE = ["AdEMAMix", "Adan", "LAMB", "LARS", "Lion", "ScheduleFreeAdamW"]
SHAPES = [(5, 7), (11,), (), (3, 2, 2)]
ROWS, WIDTH = 37, 19  # of a table whose gradients are sparse

# PyTorch warns once that it does not check; its own optimizers make such tensors too.
torch.sparse.check_sparse_tensor_invariants.disable()


def parameters(dtype=None, seed=0, shapes=SHAPES):
    generator = torch.Generator().manual_seed(seed)
    dtype = dtype or torch.get_default_dtype()
    return [torch.randn(s, generator=generator, dtype=dtype).requires_grad_() for s in shapes]


@functools.cache
def gradient(step, i, shape, dtype):
    generator = torch.Generator().manual_seed(1000 * i + step)
    g = torch.randn(shape, generator=generator, dtype=dtype)
    g[g > 1.28] = 0
    return g


def give_gradients(step, *lists):
    """Set the same gradients in every list; a tenth is 0, the second tensor has none at times."""
    for i, twins in enumerate(zip(*lists, strict=True)):
        for p in twins:
            none = i == 1 and step % 7 == 3
            p.grad = None if none else gradient(step, i, p.shape, p.dtype).clone()


def sparse(step, dtype, shape=(ROWS, WIDTH), coalesced=False, entries=11):
    """Some rows, some of them more than once; none at all in each ninth step."""
    generator = torch.Generator().manual_seed(step)
    count = 0 if step % 9 == 4 else entries
    rows = torch.randint(shape[0], (1, count), generator=generator)
    values = torch.randn((count, *shape[1:]), generator=generator, dtype=dtype)
    gradient = torch.sparse_coo_tensor(rows, values, shape, check_invariants=True)
    return gradient.coalesce() if coalesced else gradient


def groups(params):
    return [{"params": params[:1]}, {"params": params[1:], "lr": 0.03}]


def flat(params):
    return torch.cat([p.detach().flatten() for p in params])


class Walk:
    """What ours and torch's may differ by after `steps` steps, from the numbers they added.

    Both do the same sums in another order (lerp, two divisions instead of one), so a step differs
    by some ulp of the largest of parameter and update. An error in a moment lives on in later
    updates, at most in all of them: 16 ulp for each step so far, of |p| and the distance travelled.
    The largest seen is a ninth of that in double; in float32, where torch rounds eta and mu_product
    too and RMSprop's variance is a difference, a third.
    """

    def __init__(self, params):
        self.steps = 0
        self.before = flat(params)
        self.travelled = self.before.abs()

    def went(self, params):
        now = flat(params)
        self.steps += 1
        self.travelled += (now - self.before).abs()
        self.before = now

    def ratio(self, ours, theirs):
        """The largest difference, as a part of the bound."""
        difference = (flat(ours) - flat(theirs)).abs()
        ulp = torch.finfo(difference.dtype).eps
        return float((difference / (16 * self.steps * ulp * self.travelled)).max())

    def close(self, ours, theirs):
        return self.ratio(ours, theirs) <= 1


def same_bits(ours, theirs):
    return all(torch.equal(p, q) for p, q in zip(ours, theirs, strict=True))


def through_a_file(state_dict):
    """Save and load, as data without code."""
    file = io.BytesIO()
    torch.save(state_dict, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def fingerprint(opt):
    params = [p for group in opt.param_groups for p in group["params"]]
    values = [*params, *(v for p in params for v in opt.state.get(p, {}).values())]
    return [bits(v) for v in values], len(opt.state)


def bits(value):
    """A tensor's bytes, and a number as it is: zeros of two signs differ."""
    if not isinstance(value, torch.Tensor):
        return repr(value)
    return value.detach().clone().view(-1).view(torch.uint8).numpy().tobytes()


class Once(torch.autograd.Function):
    """x^3 with a backward pass that PyTorch is told not to differentiate."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        return g * 3 * ctx.saved_tensors[0] ** 2


class _Same(torch.autograd.Function):
    """x itself, in forward mode too."""

    @staticmethod
    def forward(_ctx, x):
        return x.clone()

    @staticmethod
    def jvp(_ctx, t):
        return t.clone()


class _Refusing(_Same):
    @staticmethod
    def backward(_ctx, _g):
        raise RuntimeError("derivative for this kernel is not implemented")


class Raises(_Same):
    """x itself, with a backward pass whose own one raises."""

    @staticmethod
    def backward(_ctx, g):
        return _Refusing.apply(g)
