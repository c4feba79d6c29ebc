"""The eigen-solvers on arrays of a device: the CPU's tables again, with the CPU in its place."""

from __future__ import annotations

import re

import numpy as np
import pytest

from device_samples import NEEDS_DEVICE, NEEDS_STAND_IN, Interface, OldPack, Pack, to_device
from oracle import spectra
from saddlescape import _backend, eig

pytestmark = NEEDS_DEVICE

KNOWN = list(spectra.all_known())
by_name = pytest.mark.parametrize("known", KNOWN, ids=lambda k: k.name)
ITERATED = [k for k in KNOWN if k.n in (1, 2, 3, 5, 7, 8, 21, 33, 50, 65, 105, 129, 201)]
iterated = pytest.mark.parametrize("known", ITERATED, ids=lambda k: k.name)
ULP = 2.0**-52


class OnDevice:
    """A device's operator: it wants and gives arrays of the device, and says so."""

    device = "cuda:0"

    def __init__(self, A, dtype="float64"):
        self.A, self.dtype, self.shape = A, np.dtype(dtype), A.shape
        self.seen = []

    def __matmul__(self, V):
        self.seen.append((type(V).__name__, V.shape, str(V.dtype)))
        return to_device((self.A @ V.numpy()).astype(self.dtype))


def there(A, dtype="float64"):
    return to_device(np.ascontiguousarray(A, dtype=dtype))


# ---- Dense ---------------------------------------------------------------------------------------


@by_name
def test_pairs_pass_lapacks_ratios(known: spectra.Known) -> None:
    A, n = known.A, known.n
    values, vectors = eig.eigh(there(A))
    assert type(values).__name__ == type(vectors).__name__ == "DeviceArray"
    w, V = values.numpy(), vectors.numpy()
    allowed = 60 * n * ULP  # LAPACK's own threshold
    assert np.abs(A - V * w @ V.T).sum(axis=0).max() <= allowed * max(
        np.abs(A).sum(axis=0).max(), np.finfo(float).tiny
    )
    assert np.abs(np.eye(n) - V @ V.T).sum(axis=0).max() <= allowed
    assert np.abs(eig.eigvalsh(there(A)).numpy() - w).max() <= allowed * known.norm


@by_name
def test_counts_are_right_or_undetermined(known: spectra.Known) -> None:
    counts = eig.inertia(there(known.A))
    positive, negative, zero = known.counts
    assert counts.positive <= positive
    assert counts.negative <= negative
    assert counts.undetermined >= zero
    assert counts.n == known.n
    near = np.count_nonzero(np.abs(known.eigenvalues) <= counts.tolerance + known.stored)
    assert counts.undetermined <= near
    assert 0 <= counts.error_bound <= counts.tolerance <= 1e-8 * known.norm


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_no_wrong_count_in_200_planted(first: int) -> None:
    for seed in range(first, first + 50):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(1, 40))
        sizes = 10.0 ** rng.uniform(-14, 0, n) * rng.choice([-1, 1, 1, 0], n)
        known = spectra.planted(np.sort(sizes), seed=seed)
        counts = eig.inertia(there(known.A))
        positive, negative, _ = known.counts
        assert counts.positive <= positive, seed
        assert counts.negative <= negative, seed
        clear = np.abs(known.eigenvalues) > counts.tolerance + known.stored
        assert counts.positive + counts.negative >= np.count_nonzero(clear), seed


@pytest.mark.parametrize("scale", [1e-150, 1e-100, 1.0, 1e100, 1e150])
def test_scale_changes_nothing(scale: float) -> None:
    known = spectra.planted([-3, -1e-3, 0, 0, 1e-9, 1, 7], seed=3)
    counts = eig.inertia(there(known.A * scale))
    assert (counts.positive, counts.negative, counts.undetermined) == (3, 2, 2)
    assert counts.error_bound < 1e-12 * scale


@pytest.mark.parametrize("tolerance", [1e-8, 0.5, 2.0, 7.5])
def test_a_tolerance_moves_the_border(tolerance: float) -> None:
    d = np.array([-3, -1, -0.1, 0, 0.1, 1, 7])
    counts = eig.inertia(there(spectra.planted(d).A), tolerance)
    assert (counts.positive, counts.negative) == ((d > tolerance).sum(), (d < -tolerance).sum())


def test_empty() -> None:
    A = there(np.empty((0, 0)))
    assert eig.eigvalsh(A).shape == (0,)
    assert [part.shape for part in eig.eigh(A)] == [(0,), (0, 0)]
    assert eig.inertia(A).n == 0


@pytest.mark.parametrize(("low", "high"), [(0, 0), (1, 0), (0, 2), (3, 2), (4, 3), (7, 0)])
def test_the_ends_of_a_spectrum(low: int, high: int) -> None:
    A = spectra.planted(np.arange(7.0) - 2).A
    values, vectors = eig.eigh(there(A), low=low, high=high)
    exact = np.arange(7.0) - 2
    np.testing.assert_allclose(
        values.numpy(), np.concatenate([exact[:low], exact[7 - high :]]), atol=1e-13
    )
    assert vectors.shape == (7, low + high)
    V = vectors.numpy()
    np.testing.assert_allclose(A @ V, V * values.numpy(), atol=1e-13)


def test_float32_is_computed_in_float64() -> None:
    A = spectra.planted(np.linspace(-1, 1, 40)).A.astype(np.float32)
    A = (A + A.T) / 2
    values = eig.eigvalsh(there(A, "float32"))
    assert values.dtype == np.float64
    np.testing.assert_allclose(values.numpy(), eig.eigvalsh(A), atol=1e-14)


@pytest.mark.parametrize("wrapped", [Interface, Pack, OldPack], ids=lambda w: w.__name__)
def test_arrays_by_protocol(wrapped: type) -> None:
    A = wrapped(there(spectra.rosser().A))
    A.shape = (8, 8)
    np.testing.assert_allclose(eig.eigvalsh(A).numpy(), spectra.rosser().eigenvalues, atol=1e-10)
    counts = eig.inertia(A)
    assert (counts.positive, counts.negative, counts.undetermined) == (6, 1, 1)


def with_value(value: float) -> np.ndarray:
    A = np.eye(3)
    A[1, 2] = value
    return A


REFUSED = [
    (with_value(np.nan), ValueError, "A: NaN at (1, 2), expected finite numbers"),
    (with_value(np.inf), ValueError, "A: infinite at (1, 2), expected finite numbers"),
    (with_value(-np.inf), ValueError, "A: -infinite at (1, 2), expected finite numbers"),
    (with_value(1.0), ValueError, "A: not symmetric, |A[2, 1] - A[1, 2]| = 1 is its largest"),
    (np.zeros((2, 3)), ValueError, "A: shape (2, 3), expected (n, n)"),
    (np.zeros(4), ValueError, "A: shape (4,), expected (n, n)"),
    (np.zeros(()), ValueError, "A: shape (), expected (n, n)"),
    (np.eye(3, dtype=np.int64), TypeError, "A: dtype int64, expected float32 or float64"),
]


@pytest.mark.parametrize("solve", [eig.eigvalsh, eig.eigh, eig.inertia], ids=lambda f: f.__name__)
@pytest.mark.parametrize(("A", "error", "message"), REFUSED, ids=[m for *_, m in REFUSED])
def test_refused(solve, A: np.ndarray, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        solve(to_device(A))


@pytest.mark.parametrize("solve", [eig.eigvalsh, eig.inertia], ids=lambda f: f.__name__)
def test_nothing_is_overwritten_there(solve) -> None:
    with pytest.raises(TypeError, match="overwrite: int, expected True or False"):
        solve(there(np.eye(3)), overwrite=1)
    with pytest.raises(ValueError, match="overwrite: True with A on a CUDA device"):
        solve(there(np.eye(3)), overwrite=True)


@pytest.mark.parametrize("solve", [eig.eigvalsh, eig.eigh], ids=lambda f: f.__name__)
def test_an_eigenvalue_beyond_float64_is_refused(solve) -> None:
    with pytest.raises(ValueError, match="an eigenvalue is beyond the range of float64"):
        solve(there(np.full((3, 3), 1.7e308)))


# ---- From products -------------------------------------------------------------------------------


@iterated
@pytest.mark.parametrize(("low", "high", "block"), [(1, 1, 1), (3, 2, 3), (0, 4, 1)])
@pytest.mark.parametrize("kind", ["matrix", "operator"])
def test_both_ends(known: spectra.Known, kind: str, low: int, high: int, block: int) -> None:
    A = there(known.A) if kind == "matrix" else OnDevice(known.A)
    result = eig.lanczos(A, low=low, high=high, block=block)
    k, n = min(low + high, known.n), known.n
    assert result.outcome is eig.Outcome.CONVERGED
    assert type(result.eigenvectors).__name__ == "DeviceArray"
    V, w = result.eigenvectors.numpy(), result.eigenvalues
    assert V.shape == (n, k)
    exact = known.eigenvalues
    wanted = exact if k == n else np.concatenate([exact[:low], exact[n - high :]])
    allowed = result.bounds + known.stored + 1e-13 * known.norm
    assert np.all(np.abs(w - wanted) <= allowed + (1e-6 * known.norm if k < n else 0))
    left = np.linalg.norm(known.A @ V - V * w, axis=0)
    assert np.all(left <= result.residuals * (1 + 1e-6) + 1e-14 * known.norm)
    np.testing.assert_allclose(V.T @ V, np.eye(k), atol=1e-10)
    assert repr(result)


def test_the_operator_gets_what_it_says() -> None:
    A = spectra.planted(np.linspace(-1, 1, 50)).A
    wide, narrow = OnDevice(A), OnDevice(A, "float32")
    eig.lanczos(wide, block=3)
    eig.lanczos(narrow, tol=1e-3)
    assert ("DeviceArray", (50, 3), "float64") in wide.seen
    assert set(narrow.seen) == {("DeviceArray", (50,), "float32")}


def test_the_same_bits_on_each_run_and_the_cpus_pairs() -> None:
    A = spectra.planted(spectra.outliers(201)).A
    one, two, cpu = eig.lanczos(there(A)), eig.lanczos(there(A)), eig.lanczos(A)
    assert one.products == two.products
    np.testing.assert_array_equal(one.eigenvalues, two.eigenvalues)
    np.testing.assert_array_equal(one.eigenvectors.numpy(), two.eigenvectors.numpy())
    np.testing.assert_allclose(one.eigenvalues, cpu.eigenvalues, rtol=1e-9)


@pytest.mark.parametrize("form", ["array", "vector", "device", "float32"])
def test_a_start_saves_products(form: str) -> None:
    A = spectra.planted(np.linspace(0, 1, 300) ** 3).A
    cold = eig.lanczos(there(A))
    V = cold.eigenvectors
    start = {
        "array": V.numpy(),
        "vector": there(V.numpy().sum(axis=1)),
        "device": V,
        "float32": there(V.numpy(), "float32"),
    }[form]
    warm = eig.lanczos(there(A), start=start)
    assert warm.products < cold.products
    np.testing.assert_allclose(warm.eigenvalues, cold.eigenvalues, atol=1e-9)


def test_callback_and_budget() -> None:
    A = there(spectra.planted(np.linspace(0, 1, 300)).A)
    seen = []
    stopped = eig.lanczos(A, callback=lambda *now: seen.append(now) or len(seen) == 2)
    assert stopped.outcome is eig.Outcome.STOPPED
    assert len(seen) == 2
    assert eig.lanczos(A, max_products=30).outcome is eig.Outcome.BUDGET


@pytest.mark.parametrize("kind", ["matrix", "operator"])
def test_density(kind: str) -> None:
    d = np.concatenate([np.linspace(-1, 1, 300), [20.0, 30.0]])
    A = spectra.planted(np.sort(d)).A
    op = there(A) if kind == "matrix" else OnDevice(A)
    found, cpu = eig.density(op, steps=40), eig.density(A, steps=40)
    np.testing.assert_allclose(found.known, cpu.known, atol=1e-9)
    assert found.products == cpu.products
    share = found.negative_mass()
    assert share.low < 150 / 302 < share.high
    whole = eig.density(there(A[:9, :9]), steps=9)
    np.testing.assert_allclose(np.sort(whole.nodes), np.linalg.eigvalsh(A[:9, :9]), atol=1e-12)


@pytest.mark.parametrize("method", ["xtrace", "hutchinson"])
@pytest.mark.parametrize("block", [1, 4])
@pytest.mark.parametrize("kind", ["matrix", "operator"])
def test_trace(kind: str, method: str, block: int) -> None:
    A = spectra.planted(0.7 ** np.arange(150.0)[::-1]).A
    op = there(A) if kind == "matrix" else OnDevice(A)
    found = eig.trace(op, products=60, method=method, block=block, seed=1)
    cpu = eig.trace(A, products=60, method=method, block=block, seed=1)
    assert found.products == cpu.products
    assert found.value == pytest.approx(cpu.value, abs=1e-9)
    assert found.standard_error == pytest.approx(cpu.standard_error, abs=1e-9)
    exact = eig.trace(op, products=200, method=method, block=block)
    assert exact.value == pytest.approx(np.trace(A), abs=1e-12)
    assert exact.standard_error == 0


def test_the_diagonal_is_the_cpus() -> None:
    with pytest.raises(TypeError, match="op: on a CUDA device, expected one in the host's memory"):
        eig.diagonal(there(np.eye(30)), products=40)


@pytest.mark.parametrize("solve", [eig.lanczos, eig.density, eig.trace], ids=lambda f: f.__name__)
def test_another_device_is_refused(solve) -> None:
    op = OnDevice(np.eye(30))
    op.device = "cuda:3"
    with pytest.raises(ValueError, match="op: on cuda:3, expected the current device, cuda:0"):
        solve(op)
    op.device = "cuda"
    solve(op)


class Wrong(OnDevice):
    def __init__(self, product):
        super().__init__(np.eye(30))
        self.product = product

    def __matmul__(self, V):
        return self.product(V)


FAULTS = [
    (lambda V: V.numpy(), TypeError, "op @ V: ndarray, expected an array on the device, as V is"),
    (lambda V: to_device(V.numpy()[:-1]), ValueError, "op @ V: shape (29,), expected (30,)"),
    (lambda V: to_device(V.numpy().astype("int64")), TypeError, "op @ V: dtype int64"),
    (lambda V: to_device(V.numpy() * np.nan), ValueError, "op: product 1 holds NaN"),
    (lambda V: to_device(np.roll(V.numpy(), 1)), ValueError, "op: not symmetric"),
    (lambda _: 1 / 0, ZeroDivisionError, "division"),
]


@pytest.mark.parametrize(("product", "error", "message"), FAULTS, ids=[m for *_, m in FAULTS])
def test_products_refused(product, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        eig.lanczos(Wrong(product))


@pytest.mark.parametrize("solve", [eig.lanczos, eig.density, eig.trace], ids=lambda f: f.__name__)
@pytest.mark.parametrize(("A", "error", "message"), REFUSED, ids=[m for *_, m in REFUSED])
def test_matrices_refused(solve, A: np.ndarray, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message.replace("A", "op").replace("NopN", "NaN"))):
        solve(to_device(A))


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (np.full(30, np.nan), "start: NaN or an infinite number, expected finite ones"),
        (np.ones(29), "start: shape (29,), expected (30,) or (30, k)"),
        (np.ones((30, 0)), "start: shape (30, 0), expected (30,) or (30, k)"),
    ],
)
def test_starts_refused(start: np.ndarray, message: str) -> None:
    for given in (start, to_device(start)):
        with pytest.raises(ValueError, match=re.escape(message)):
            eig.lanczos(there(np.eye(30)), start=given)


# ---- Streams, faults: with the stand-in that counts ----------------------------------------------

SOLVES = [eig.eigvalsh, eig.eigh, eig.inertia, eig.lanczos, eig.density, eig.trace]
every_solver = pytest.mark.parametrize("solve", SOLVES, ids=lambda f: f.__name__)


@NEEDS_STAND_IN
@every_solver
def test_a_matrix_comes_after_its_stream_and_is_done_with(solve) -> None:
    hosted = _backend.cuda("a test").hosted
    own = there(spectra.planted(np.linspace(-1, 1, 60)).A)
    elsewhere = Interface(own, stream=1 << 20)
    elsewhere.shape, elsewhere.stream = own.shape, "a stream in its library's own words"
    for A, expected in ((own, False), (elsewhere, True)):
        hosted.reset()
        result = solve(A)
        told = hosted.counts()
        assert (told["follows"] > 0) is expected
        assert told["waits"] > 0  # its memory may be written anew
    pack = Pack(own)
    pack.shape = own.shape
    solve(pack)
    assert set(pack.streams) == {1}  # the default one
    made = result if isinstance(result, tuple) else (getattr(result, "eigenvectors", result),)
    for array in made if solve in (eig.eigvalsh, eig.eigh, eig.lanczos) else ():
        assert array.__cuda_array_interface__["stream"] == 1


class InStreams(OnDevice):
    """Works in a stream of its own, and asks for the vectors in another."""

    stream = 1 << 20

    def __matmul__(self, V):
        self.seen.append(V.__cuda_array_interface__["stream"])
        return Interface(to_device(self.A @ V.numpy()), stream=1 << 21)


@NEEDS_STAND_IN
@pytest.mark.parametrize("solve", [eig.lanczos, eig.density, eig.trace], ids=lambda f: f.__name__)
def test_products_come_after_theirs(solve) -> None:
    hosted = _backend.cuda("a test").hosted
    op = InStreams(spectra.planted(np.linspace(-1, 1, 60)).A)
    hosted.reset()
    result = solve(op)
    assert set(op.seen) == {1 << 20}
    assert hosted.counts()["follows"] >= len(op.seen)
    if solve is eig.lanczos:
        assert result.eigenvectors.__cuda_array_interface__["stream"] == 1 << 20


@NEEDS_STAND_IN
@every_solver
def test_out_of_memory_says_what_for(solve) -> None:
    A = there(spectra.planted(np.linspace(-1, 1, 60)).A)
    hosted = _backend.cuda("a test").hosted
    hosted.limit(hosted.counts()["used"] + 1000)
    try:
        with pytest.raises(MemoryError, match="bytes wanted for"):
            solve(A)
    finally:
        hosted.limit(None)
    solve(A)
