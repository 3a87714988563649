"""Products that cuBLASLt turns down: refused at the last moment, or without an epilogue for the bias."""

import ctypes

import numpy as np
import plait
import pytest
from cuda_device import EMULATED, IS_EMULATED, needs_cuda

pytestmark = needs_cuda

NOT_SUPPORTED, INVALID = 801, 1  # cudaErrorNotSupported, cudaErrorInvalidValue


@pytest.mark.skipif(not IS_EMULATED, reason="failures are ordered from the emulator")
def test_a_product_that_is_refused_after_all():
    control = ctypes.CDLL(str(EMULATED.parent / "libplait_cudart_emulated.so"))
    rng = np.random.default_rng(0)
    a, b = (rng.uniform(-1, 1, s).astype("float32") for s in ((7, 3, 19), (7, 19, 5)))
    x, y = plait.from_numpy(a).cuda(), plait.from_numpy(b).cuda()
    assert control.plait_emulator_fail_after(b"cublasLtMatmul", 1, NOT_SUPPORTED) == 0
    for _ in range(2):  # our own kernel, from then on
        np.testing.assert_allclose(plait.bmm(x, y).cpu().numpy(), a @ b, rtol=1e-5, atol=1e-6)
    assert control.plait_emulator_fail_after(b"cublasLtMatmul", 1, INVALID) == 0
    with pytest.raises(RuntimeError, match="cublasLtMatmul failed"):
        plait.bmm(x[:, :2].contiguous(), y)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("shape", [(4, 6), (3, 4, 6), (0, 6)])
def test_linear_with_a_bias(dtype, shape):
    rng = np.random.default_rng(1)

    def draw(*size):
        x = rng.uniform(-1, 1, size)
        return (x + 1j * rng.uniform(-1, 1, size) if "complex" in dtype else x).astype(dtype)

    x, w, b = draw(*shape), draw(5, 6), draw(5)
    got = plait.nn.functional.linear(*(plait.from_numpy(t).cuda() for t in (x, w, b)))
    tol = 1e-5 if dtype in ("float32", "complex64") else 1e-12
    np.testing.assert_allclose(got.cpu().numpy(), x @ w.T + b, rtol=tol, atol=tol)
