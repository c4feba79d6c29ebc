"""Arrays of other libraries: updated in place through every protocol, or refused by name."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref

import numpy as np
import pytest

from saddlescape import optim

VERSIONED = np.lib.NumpyVersion(np.__version__) >= "2.1.0"  # DLPack 1.0 from NumPy itself
COPY_FREE = "expected a dense C-contiguous CPU array of float32, float64, bfloat16 or float16"
WRITABLE = "read-only, expected a writable array (it is updated in place)"
OWN = "gave a copy, expected its own memory (it is updated in place)"


class Interface:
    """Speaks `__array_interface__` and nothing else."""

    def __init__(self, array):
        self.array = array

    @property
    def __array_interface__(self):
        return self.array.__array_interface__


class Pack:
    """Speaks DLPack 1.0."""

    device = (1, 0)

    def __init__(self, array):
        self.array = array

    def __dlpack_device__(self):
        return self.device

    def __dlpack__(self, *, max_version=None, copy=None):
        return self.array.__dlpack__(max_version=max_version, copy=copy)


class OldPack(Pack):
    """Speaks DLPack as it was before 1.0: no word of reading or writing."""

    def __dlpack__(self, *, stream=None):
        return self.array.__dlpack__()


class CopyingPack(Pack):
    def __dlpack__(self, *, max_version=None, copy=None):
        return self.array.__dlpack__(max_version=max_version, copy=True)


class Elsewhere(Pack):
    device = (8, 0)

    def __dlpack__(self, **_):
        raise AssertionError("asked for, though it is on another device")


class Broken(Pack):
    def __dlpack__(self, **_):
        raise BufferError("not today\nand not tomorrow")


class Tensor:
    """PyTorch's before it had DLPack's exchange functions."""

    def __init__(self, array):
        self.array = array

    def detach(self):
        return self

    def numpy(self):
        return self.array

    def data_ptr(self):
        return self.array.ctypes.data


class CopyingTensor(Tensor):
    def numpy(self):
        return self.array.copy()


WRITERS = [Interface, Tensor, *([Pack] if VERSIONED else [])]
READERS = [*WRITERS, OldPack, *([CopyingPack] if VERSIONED else [])]


def numbers(*shape, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("writer", WRITERS)
def test_in_place_with_the_same_bits_as_numpy(writer, reader, dtype):
    # 4097 crosses a vector, 0 has no memory at all, () no dimension.
    shapes = [(4097,), (0, 3), (), (1, 5, 7)]
    ours = [numbers(*shape, dtype=dtype) for shape in shapes]
    theirs = [array.copy() for array in ours]
    a = optim.Adam(ours, lr=0.1)
    b = optim.Adam([writer(array) for array in theirs], lr=0.1)
    for t in range(3):
        grads = [numbers(*shape, dtype=dtype, seed=t + 1) for shape in shapes]
        copies = [g.copy() for g in grads]
        a.step(grads)
        b.step([reader(g) for g in grads])
        assert all((g == c).all() for g, c in zip(grads, copies, strict=True))
    assert [x.tobytes() for x in ours] == [x.tobytes() for x in theirs]
    assert b.steps == 3


@pytest.mark.parametrize("writer", WRITERS)
def test_a_single_array_is_no_list(writer):
    theta = np.ones(3)
    source = writer(theta)
    opt = optim.SGD(source, lr=0.5)
    assert opt.params is source
    opt.step(np.ones(3))
    assert theta.tolist() == [0.5] * 3


@pytest.mark.parametrize("writer", WRITERS)
def test_memory_lives_as_long_as_the_optimizer(writer):
    opt = optim.SGD([writer(np.ones(50_000))], lr=0.5)
    gone = weakref.ref(opt.params[0])
    gc.collect()
    opt.step([np.ones(50_000)])
    assert (opt.params[0].array == 0.5).all()
    del opt
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("reader", READERS)
def test_a_gradient_is_let_go_after_the_step(reader):
    gradient = np.ones(3)
    gone = weakref.ref(gradient)
    opt = optim.SGD(np.ones(3))
    opt.step(reader(gradient))
    del gradient
    gc.collect()
    assert gone() is None


def read_only(array):
    array.flags.writeable = False
    return array


DTYPES = "expected float32, float64, bfloat16 or float16"
LONG, WHOLE = np.ones(3, np.longdouble), np.ones(3, np.int64)
PLANE = np.ones((4, 6), np.float32)
HERE = f"{__name__}."
PARAMS = [
    (Interface(LONG), TypeError, f"params: dtype float128, {DTYPES}"),
    (Interface(PLANE.T), ValueError, "params: strides (4, 24), expected a C-contiguous array; copy "
     "it with np.ascontiguousarray"),
    (Interface(read_only(np.ones(3))), ValueError, f"params: {WRITABLE}"),
    (Tensor(WHOLE), TypeError, f"params: dtype int64, {DTYPES}"),
    (CopyingTensor(np.ones(3)), ValueError, f"params: {HERE}CopyingTensor {OWN}"),
    (Elsewhere(np.ones(3)), ValueError, f"params: {HERE}Elsewhere on device (8, 0) (DLPack's "
     "device type 8), expected memory of the CPU; move it there and keep it there"),
    (Broken(np.ones(3)), TypeError, f"params: {HERE}Broken on device (1, 0) can't be read in "
     f"place (not today), {COPY_FREE}"),
    (OldPack(np.ones(3)), TypeError, f"params: {HERE}OldPack on device (1, 0) does not say whether "
     "it may be written to (DLPack before 1.0), expected one that does; give a NumPy view of it"),
]  # fmt: skip
PACKED = [
    (Pack(np.ones(3, complex)), TypeError, f"params: dtype complex128, {DTYPES}"),
    (Pack(np.ones(3, np.uint8)), TypeError, f"params: dtype uint8, {DTYPES}"),
    (Pack(np.ones(3, bool)), TypeError, f"params: dtype bool, {DTYPES}"),
    (Pack(PLANE.T), ValueError, "params: strides (4, 24), expected a C-contiguous array; make it "
     "one, as .contiguous() does"),
    (Pack(PLANE[:, ::2]), ValueError, "params: strides (24, 8), expected a C-contiguous array; "
     "make it one, as .contiguous() does"),
    (Pack(read_only(np.ones(3))), ValueError, f"params: {WRITABLE}"),
    (CopyingPack(np.ones(3)), ValueError, f"params: {HERE}CopyingPack on device (1, 0) {OWN}"),
    (Pack(np.array([1, np.nan])), ValueError, "params: NaN at (1,), expected finite numbers"),
]  # fmt: skip


@pytest.mark.parametrize(("params", "error", "text"), PARAMS + PACKED * VERSIONED)
def test_refused_parameters(params, error, text):
    with pytest.raises(error) as caught:
        optim.Adam(params)
    assert str(caught.value) == text


def test_refused_gradients_change_nothing():
    params = [np.ones(3), np.ones((2, 3))]
    opt = optim.SGD(params)
    bad = [
        (Interface(np.ones((3, 2))), ValueError, "grads[1]: shape (3, 2), expected (2, 3)"),
        (Interface(np.float32([[1] * 3] * 2)), TypeError,
         "grads[1]: dtype float32, expected float64"),
        (Tensor(params[0]), ValueError, "grads[1]: shape (3,), expected (2, 3)"),
        (Elsewhere(np.ones((2, 3))), ValueError, f"grads[1]: {HERE}Elsewhere on device (8, 0) "
         "(DLPack's device type 8), expected memory of the CPU; move it there and keep it there"),
        (Interface(np.full((2, 3), np.inf)), ValueError,
         "grads[1]: infinite at (0, 0), expected finite numbers"),
    ]  # fmt: skip
    for gradient, error, text in bad:
        with pytest.raises(error) as caught:
            opt.step([np.ones(3), gradient])
        assert str(caught.value) == text
    assert all((p == 1).all() for p in params)
    assert opt.steps == 0


def test_memory_is_shared_across_protocols():
    theta = np.ones(8)
    with pytest.raises(ValueError, match=r"params\[1\]: shares memory with params\[0\]"):
        optim.SGD([theta, Interface(theta[4:])])
    opt = optim.SGD([theta])
    with pytest.raises(ValueError, match=r"grads\[0\]: shares memory with params\[0\]"):
        opt.step([Interface(theta)])


@pytest.mark.parametrize("writer", WRITERS)
def test_a_parameter_that_moved_is_refused(writer):
    source = writer(np.ones(3))
    opt = optim.SGD([source])
    for other in (np.ones(3), np.ones(4)):
        source.array = other
        with pytest.raises(ValueError, match="moved") as caught:
            opt.step([np.ones(3)])
        assert str(caught.value) == (
            "params[0]: was moved or resized since the optimizer was made, make a new optimizer"
        )
        assert (other == 1).all()


@pytest.mark.parametrize("reader", READERS)
def test_states_of_other_libraries_load(reader):
    opt, donor = optim.Adam([np.ones(3)]), optim.Adam([np.ones(3)])
    donor.step([np.arange(3.0)])
    saved = donor.state_dict()
    state = {name: [reader(a) for a in arrays] for name, arrays in saved["state"].items()}
    opt.load_state_dict({**saved, "state": state})
    for name, arrays in opt.state_dict()["state"].items():
        assert (arrays[0] == saved["state"][name][0]).all()


# PyTorch's own tensors.


def test_torch_tensors_in_place():
    torch = pytest.importorskip("torch")
    weight = torch.nn.Parameter(torch.ones(5, 7))
    bias = torch.zeros((), requires_grad=True)
    twins = [np.ones((5, 7), np.float32), np.zeros((), np.float32)]
    a, b = optim.AdamW([weight, bias]), optim.AdamW(twins)
    for t in range(3):
        grads = [numbers(5, 7, seed=t), numbers(seed=t + 9)]
        a.step([torch.from_numpy(grads[0]), torch.from_numpy(grads[1])])
        b.step(grads)
    assert weight.detach().numpy().tobytes() == twins[0].tobytes()
    assert bias.detach().numpy().tobytes() == twins[1].tobytes()
    assert weight.requires_grad
    optim.SGD(twins[0], lr=1.0).step(weight)  # a gradient may be anything that is readable
    assert (twins[0] == 0).all()


def test_torch_tensors_that_are_refused():
    torch = pytest.importorskip("torch")
    ones = torch.ones(4, 6)
    table = [
        (ones.to("meta"), TypeError, "params: torch.Tensor on device meta can't be read in place "
         f"(Cannot pack tensors on meta), {COPY_FREE}"),
        (ones.to_sparse(), TypeError, "params: torch.Tensor on device cpu of layout "
         "torch.sparse_coo can't be read in place (Cannot access data pointer of Tensor that "
         f"doesn't have storage), {COPY_FREE}"),
        (ones.cfloat(), TypeError, f"params: dtype complex64, {DTYPES}"),
        (ones.t(), ValueError, "params: strides (4, 24), expected a C-contiguous array; make it "
         "one, as .contiguous() does"),
        (ones[:, ::2], ValueError, "params: strides (24, 8), expected a C-contiguous array; make "
         "it one, as .contiguous() does"),
        (torch._neg_view(ones), ValueError, "params: torch.Tensor on device cpu is a negated "
         "view, expected plain memory; give .resolve_neg()"),
        (torch.tensor([1.0, torch.nan]), ValueError,
         "params: NaN at (1,), expected finite numbers"),
    ]  # fmt: skip
    for tensor, error, text in table:
        with pytest.raises(error) as caught:
            optim.Adam(tensor)
        assert str(caught.value) == text
    weight = torch.ones(3, requires_grad=True)
    opt = optim.SGD(weight)
    for bad in (ones[0, :3].double(), ones[0, :3].to("meta"), weight, torch.ones(6)[::2]):
        with pytest.raises((TypeError, ValueError), match=r"^grads: "):
            opt.step(bad)
    assert (weight == 1).all()


def test_torch_tensor_that_moved():
    torch = pytest.importorskip("torch")
    weight = torch.ones(3, requires_grad=True)
    opt = optim.SGD([weight])
    weight.data = torch.ones(3)
    with pytest.raises(ValueError, match=r"^params\[0\]: was moved or resized"):
        opt.step([torch.ones(3)])
    weight.data = torch.ones(3).double()
    with pytest.raises(TypeError, match=r"^params\[0\]: dtype float64, expected float32"):
        opt.step([torch.ones(3)])


def test_without_torch_one_line_says_what_to_install():
    script = "import sys\nsys.modules['torch'] = None\nimport saddlescape.torch"
    result = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode != 0
    assert result.stderr.splitlines()[-1] == (
        "ImportError: torch is needed for this: pip install 'saddlescape[torch]'"
    )
