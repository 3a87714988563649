"""Sums over millions of float32 numbers lose no more digits than short ones."""

import numpy as np
import plait
import plait.nn.functional as F
import pytest

N = 1 << 22


@pytest.fixture(scope="module")
def numbers():
    rng = np.random.default_rng(0)
    return [rng.random(N, dtype=np.float32) + np.float32(1) for _ in range(2)]


REDUCTIONS = {
    "sum": (lambda x, y: x.sum(), lambda x, y: x.sum()),
    "norm": (lambda x, y: x.norm(), lambda x, y: np.sqrt((x * x).sum())),
    "norm of 1": (lambda x, y: x.norm(1), lambda x, y: x.sum()),
    "var": (lambda x, y: x.var(), lambda x, y: x.var(ddof=1)),
    "dot": (lambda x, y: x @ y, lambda x, y: x @ y),
    "dot, odd length": (lambda x, y: x[3:] @ y[3:], lambda x, y: x[3:] @ y[3:]),
    "mv": (lambda x, y: x.view(2, -1) @ y[: N // 2], lambda x, y: x.reshape(2, -1) @ y[: N // 2]),
    "cosine_similarity": (
        lambda x, y: F.cosine_similarity(x, y, 0),
        lambda x, y: x @ y / np.sqrt((x @ x) * (y @ y)),
    ),
    "mse_loss": (F.mse_loss, lambda x, y: ((x - y) ** 2).mean()),
}


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name, numbers):
    function, reference = REDUCTIONS[name]
    x, y = numbers
    want = reference(x.astype(np.float64), y.astype(np.float64))
    np.testing.assert_allclose(function(plait.from_numpy(x), plait.from_numpy(y)).numpy(), want, rtol=1e-6)


@pytest.mark.parametrize("norm", ["layer_norm", "rms_norm", "group_norm"])
def test_norms_of_long_rows(norm, numbers):
    a, g = (n.astype(np.float64) for n in numbers)
    x = plait.from_numpy(numbers[0]).requires_grad_()
    centred = a if norm == "rms_norm" else a - a.mean()
    rstd = 1 / np.sqrt((centred * centred).mean() + 1e-5)
    h = centred * rstd
    if norm == "group_norm":
        y = F.group_norm(x.view(1, 4, -1), 1, eps=1e-5).view(-1)
    else:
        y = getattr(F, norm)(x, (N,), eps=1e-5)
    np.testing.assert_allclose(y.detach().numpy(), h, atol=1e-6, rtol=0)
    y.backward(plait.from_numpy(numbers[1]))
    dx = rstd * (g - (0 if norm == "rms_norm" else g.mean()) - h * (g * h).mean())
    np.testing.assert_allclose(x.grad.numpy(), dx, atol=2e-6 * np.abs(dx).max(), rtol=0)


@pytest.mark.parametrize("dtype", [plait.bfloat16, plait.float16, plait.float32])
@pytest.mark.parametrize("size", [1e-38, 1e-24, 1e-12, 0.0, 1.0, 1e4, 1e17, 1e30, 3e37, np.inf, np.nan])
def test_squares_neither_overflow_nor_vanish(size, dtype):
    """Beside ordinary columns and rows, some of other magnitudes."""
    values = np.random.default_rng(1).standard_normal((300, 200))
    values[:, ::3] *= size
    values[200:] *= size
    x = plait.tensor(values).to(dtype)
    given = x.double().numpy()
    for dim in (None, 0, 1):
        want = plait.tensor(np.sqrt((given * given).sum(dim))).to(dtype)
        tolerance = {plait.bfloat16: 8e-3, plait.float16: 1e-3, plait.float32: 1e-6}[dtype]
        np.testing.assert_allclose(plait.linalg.vector_norm(x, dim=dim).double().numpy(), want.double().numpy(), rtol=tolerance)
