"""Parts of an operator: a layer, a tensor, any choice of parameters, of every kind of operator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.linalg import aslinearoperator

import saddlescape as ss
from oracle import points
from saddlescape import critical, curvature, eig
from saddlescape.curvature import Curvature
from test_curvature import network

SIZES = (3, 4, 5, 2)


def sample(n: int = 9, seed: int = 0) -> np.ndarray:
    A = np.random.default_rng(seed).standard_normal((n, n))
    return A + A.T


def kinds() -> dict[str, Any]:
    f = points.quadratic(9, 3)
    A = sample()
    return {
        "network": curvature.of(*network(SIZES)),
        "functions": curvature.from_functions(f.loss, f.gradient, f.hessian, f.theta),
        "gradient": curvature.from_gradient(f.gradient, f.theta, f.loss),
        "matrix": curvature.from_matrix(A, np.arange(9.0)),
        "operator": curvature.from_operator(aslinearoperator(A), np.arange(9.0)),
        "sparse": curvature.from_operator(csr_array(A)),
        "block": curvature.from_matrix(sample(20)).block(slice(3, 12)),
    }


CHOICES = [
    slice(2, 5),
    slice(None),
    [1, 3, 8],
    [8, 0],
    np.array([4]),
]


@pytest.mark.parametrize("name", kinds())
@pytest.mark.parametrize("which", CHOICES, ids=str)
def test_a_block_is_that_part_of_everything(name: str, which: Any) -> None:
    H = kinds()[name]
    part = H.block(which)
    chosen = np.arange(H.shape[0])[which]
    k = len(chosen)
    assert isinstance(part, Curvature)
    assert part.shape == (k, k)
    assert np.array_equal(part.theta, H.theta[chosen])
    assert np.array_equal(part.gradient(), H.gradient()[chosen])
    assert np.array_equal(part.indices, chosen)
    before = part.dense()  # without the whole
    whole = H.dense()[np.ix_(chosen, chosen)]
    # Differences of gradients are good to their own error, all others to a few roundings.
    allowed = 4 * H.error() if name == "gradient" else 1e-13 * np.linalg.norm(H.dense())
    assert np.linalg.norm(before - whole) <= allowed
    assert np.array_equal(before, before.T)
    V = np.random.default_rng(0).standard_normal((k, 3))
    assert np.linalg.norm(part @ V - whole @ V) <= allowed * np.linalg.norm(V) + 1e-300
    assert np.linalg.norm(part @ V[:, 0] - whole @ V[:, 0]) <= allowed * np.linalg.norm(V) + 1e-300
    assert (part @ V[:, :0]).shape == (k, 0)
    assert part.error() >= 0
    assert np.allclose(H.block(which).dense(), whole, rtol=0, atol=allowed)  # the whole is known


@pytest.mark.parametrize("name", ["network", "functions", "gradient"])
def test_the_loss_along_some_parameters(name: str) -> None:
    H = kinds()[name]
    part = H.block([5, 2])
    moved = H.theta.copy()
    moved[[5, 2]] = 0.25, -0.5
    assert part.loss() == H.loss()
    assert part.loss(np.array([0.25, -0.5])) == H.loss(moved)
    assert part.lower_bound == H.lower_bound
    with pytest.raises(ValueError, match=r"theta: shape \(3,\), expected \(2,\)"):
        part.loss(np.zeros(3))


def test_layers_of_a_network() -> None:
    net, X, Y = network(SIZES)
    H = curvature.of(net, X, Y)
    assert list(H.slices) == ["0.weight", "0.bias", "1.weight", "1.bias", "2.weight", "2.bias"]
    assert H.layers == {f"{i}": (f"{i}.weight", f"{i}.bias") for i in range(3)}
    for i, (weights, bias) in enumerate(net.layers()):
        assert np.array_equal(H.block(f"{i}.weight").theta, weights.ravel())
        assert np.array_equal(H.block(f"{i}.bias").theta, bias)
        # assembled by the layer alone, with the same bits as the network's own
        assert np.array_equal(H.block(str(i)).dense(), net.hessian(X, Y, layer=i + 1))
        two = H.block([f"{i}.bias", f"{i}.weight"])
        assert np.array_equal(two.theta, np.r_[bias, weights.ravel()])
        assert list(two.slices) == [f"{i}.weight", f"{i}.bias"]
        assert np.array_equal(two.block(f"{i}.bias").theta, bias)
    flat = curvature.of(ss.MLP(SIZES, bias=False), X, np.zeros(len(X), int))
    assert flat.layers == {"0": ("0.weight",), "1": ("1.weight",), "2": ("2.weight",)}


def test_pieces_of_neighbouring_layers_are_assembled_from_both() -> None:
    H = curvature.of(*network(SIZES))
    chosen = np.arange(10, 24)  # from the first into the second layer
    fresh = curvature.of(*network(SIZES))
    assert np.array_equal(fresh.block(chosen).dense(), fresh.dense()[10:24, 10:24])
    assert np.allclose(H.block(chosen).dense(), H.dense()[10:24, 10:24], rtol=0, atol=1e-14)


def test_blocks_are_taken_wherever_an_operator_is() -> None:
    H = curvature.of(*network(SIZES))
    part = H.block("1")
    spectrum = np.linalg.eigvalsh(part.dense())
    result = eig.lanczos(part, low=2, high=2)
    assert np.allclose(result.eigenvalues, spectrum[[0, 1, -2, -1]], atol=1e-6)
    assert critical.classify(part).kind == critical.Kind.NOT_CRITICAL
    assert eig.trace(part, products=len(spectrum) + 1).value == pytest.approx(spectrum.sum())


MISUSE = [
    ("3.weight", ValueError, "which: '3.weight', expected 0.weight, 0.bias, 1.weight"),
    ("0.w", ValueError, "which: '0.w', expected 0.weight"),
    ([], ValueError, "which: no parameters, expected at least one"),
    ([1, 1], ValueError, "which: a parameter twice"),
    (["0", "0.bias"], ValueError, "which: a parameter twice"),
    ([-1], ValueError, "which: -1, expected 0 to 52"),
    ([53], ValueError, "which: 53, expected 0 to 52"),
    ([0.5], TypeError, "which: list, expected a name, a list of names, a slice"),
    (np.eye(2, dtype=int), TypeError, "which: ndarray, expected a name"),
    (np.ones(3, bool), ValueError, "which: 3 flags, expected 53"),
    (None, TypeError, "which: NoneType, expected a name"),
]


@pytest.mark.parametrize(("which", "error", "text"), MISUSE)
def test_misuse_is_refused(which: Any, error: type[Exception], text: str) -> None:
    H = curvature.of(*network(SIZES))
    with pytest.raises(error) as caught:
        H.block(which)
    assert str(caught.value).startswith(text)
    with pytest.raises(ValueError, match="expected places: nothing has a name"):
        curvature.from_matrix(np.eye(2)).block("0")


def test_a_mask_chooses() -> None:
    H = curvature.from_matrix(sample())
    mask = np.arange(9) % 2 == 0
    assert np.array_equal(H.block(mask).dense(), H.dense()[::2, ::2])


def test_torch_parameters_by_name() -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    model = model.double()
    x = torch.randn(5, 3, dtype=torch.float64)
    H = curvature.from_torch(lambda: model(x).square().mean(), model.named_parameters())
    assert H.layers == {"0": ("0.weight", "0.bias"), "2": ("2.weight", "2.bias")}
    part = H.block("2.weight")
    assert np.array_equal(part.theta, model[2].weight.detach().numpy().ravel())
    alone = curvature.from_torch(lambda: model(x).square().mean(), [model[2].weight]).dense()
    assert np.allclose(part.dense(), alone, rtol=0, atol=1e-15)
    by_mapping = curvature.from_torch(lambda: model(x).square().mean(), {"w": model[2].weight})
    assert by_mapping.slices == {"w": slice(0, 8)}
    unnamed = curvature.from_torch(lambda: model(x).square().mean(), model.parameters())
    assert list(unnamed.slices) == ["0", "1", "2", "3"]
    twice = [("w", model[0].weight), ("w", model[2].weight)]
    with pytest.raises(ValueError, match="params: the name 'w' twice"):
        curvature.from_torch(lambda: model(x).square().mean(), twice)


def test_jax_parameters_by_path() -> None:
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        params = {"body": [{"w": np.ones((2, 2)), "b": np.zeros(2)}], "head": np.ones(2)}

        def loss(p: Any) -> Any:
            return (jax.numpy.tanh(p["body"][0]["w"] @ p["head"] + p["body"][0]["b"]) ** 2).sum()

        H = curvature.from_jax(loss, params)
        assert list(H.slices) == ["body.0.b", "body.0.w", "head"]
        assert H.layers == {"body.0": ("body.0.b", "body.0.w"), "head": ("head",)}
        assert np.allclose(H.block("body").dense(), H.dense()[:6, :6], rtol=0, atol=1e-15)
        assert np.array_equal(H.block("head").theta, np.ones(2))
        assert list(curvature.from_jax(lambda t: t**2, 1.0).slices) == ["params"]
