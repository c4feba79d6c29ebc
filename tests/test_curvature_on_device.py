"""Products that stay where the parameters are: the same numbers as by way of NumPy.

No CUDA tensor is needed: what is PyTorch's and JAX's own works alike on their CPU, to which an
operator for a device is made here as `on_device` makes it.
"""

from __future__ import annotations

import numpy as np
import pytest

from device_samples import NEEDS_STAND_IN, to_device
from saddlescape import curvature, eig
from saddlescape.curvature.on_device import CurvatureOnDevice
from saddlescape.eig._device import is_device_operator

FORMS = pytest.mark.parametrize("shape", [(), (1,), (3,)], ids=["vector", "one", "three"])
SCALES = pytest.mark.parametrize("scale", [1.0, 1e-200, 1e200, 0.0])


def weights(P: int, shape: tuple[int, ...], scale: float = 1.0) -> np.ndarray:
    return scale * np.random.default_rng(P).standard_normal((P, *shape))


def torch_curvature(dtype: str = "float64"):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    net = net.to(getattr(torch, dtype))
    X = torch.randn(7, 3, dtype=getattr(torch, dtype))
    return curvature.from_torch(lambda: net(X).square().mean(), net.parameters())


@FORMS
@SCALES
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_torch_gives_the_same_numbers(shape: tuple[int, ...], scale: float, dtype: str) -> None:
    H = torch_curvature(dtype)
    there = CurvatureOnDevice(H._engine, H.theta)
    V = weights(H.shape[0], shape, scale)
    product = there @ V  # NumPy lends its memory as a device does
    assert type(product).__name__ == "Tensor"
    assert str(product.dtype) == "torch.float64"
    np.testing.assert_array_equal(product.numpy(), H @ V)


def test_torch_in_forward_mode() -> None:
    H = torch_curvature()
    V = weights(H.shape[0], (2,))
    wanted = H @ V
    H._engine._forward = True
    np.testing.assert_allclose((CurvatureOnDevice(H._engine, H.theta) @ V).numpy(), wanted)


def jax_curvature():
    jax = pytest.importorskip("jax")
    w = {"a": jax.numpy.arange(6.0).reshape(2, 3) / 5, "b": jax.numpy.ones(2)}
    return curvature.from_jax(
        lambda p: jax.numpy.tanh(p["a"].T @ p["b"]).sum() + (p["a"] ** 3).sum(), w
    )


@FORMS
@pytest.mark.parametrize("x64", [True, False])
def test_jax_gives_the_same_numbers(shape: tuple[int, ...], x64: bool) -> None:
    jax = pytest.importorskip("jax")
    with jax.enable_x64(x64):
        H = jax_curvature()
        there = CurvatureOnDevice(H._engine, H.theta)
        assert there.dtype == (np.float64 if x64 else np.float32)
        V = weights(H.shape[0], shape).astype(there.dtype)
        product = there @ V
        assert product.dtype == there.dtype
        np.testing.assert_allclose(np.asarray(product), H @ V, rtol=1e-5 if not x64 else 1e-12)


@pytest.mark.parametrize("make", [torch_curvature, jax_curvature])
def test_parameters_of_the_host_are_refused(make) -> None:
    with pytest.raises(TypeError, match="has parameters on cpu, expected all of them on one CUDA"):
        make().on_device()


def test_differences_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    H = torch_curvature()
    monkeypatch.setattr(type(H._engine), "device", "cuda:0")
    H.differences = "a test"
    with pytest.raises(TypeError, match="computes products by differences"):
        H.on_device()


def test_it_is_an_operator_of_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    H = torch_curvature()
    monkeypatch.setattr(type(H._engine), "device", "cuda:0")
    monkeypatch.setattr(type(H._engine), "stream", None)
    there = H.on_device()
    assert is_device_operator(there)
    assert not is_device_operator(H)
    assert (there.shape, there.device, there.stream) == (H.shape, "cuda:0", None)
    assert "cuda:0" in repr(there)


class There(CurvatureOnDevice):
    """Its products brought to the device that the CPU stands in for: no framework knows of it."""

    def __matmul__(self, V):
        assert type(V).__name__ == "DeviceArray"
        return to_device(np.asarray(super().__matmul__(V)))


@NEEDS_STAND_IN
@pytest.mark.parametrize("make", [torch_curvature, jax_curvature])
def test_from_product_to_ritz_vector_on_the_device(make, monkeypatch: pytest.MonkeyPatch) -> None:
    H = make()
    if make is torch_curvature:
        torch = pytest.importorskip("torch")
        monkeypatch.setattr(torch, "from_dlpack", lambda V: torch.as_tensor(V.numpy()))
    else:
        jnp = pytest.importorskip("jax.numpy")
        monkeypatch.setattr(jnp, "from_dlpack", lambda V: jnp.asarray(V.numpy()))
    monkeypatch.setattr(type(H._engine), "device", "cuda:0")
    monkeypatch.setattr(type(H._engine), "stream", None)
    H.on_device()  # is not refused
    there, near = There(H._engine, H.theta), 1e-9 if make is torch_curvature else 1e-4
    found, own = eig.lanczos(there, low=2, high=2), eig.lanczos(H, low=2, high=2)
    assert type(found.eigenvectors).__name__ == "DeviceArray"
    most = np.abs(own.eigenvalues).max()
    np.testing.assert_allclose(found.eigenvalues, own.eigenvalues, rtol=0, atol=near * most)
    vectors = found.eigenvectors.numpy()
    residual = H @ vectors - vectors * found.eigenvalues
    assert np.abs(residual).max() <= 1e-4 * most
    trace = np.trace(H.dense())
    assert eig.trace(there).value == pytest.approx(trace, rel=near)
    density, known = eig.density(there, steps=4, probes=4), eig.density(H, steps=4, probes=4).known
    assert (density.n, len(density.known)) == (H.shape[0], len(known))
    np.testing.assert_allclose(density.known, known, rtol=0, atol=near * most)
