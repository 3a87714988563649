"""Averages of windows that lie side by side, over rows of every length about the kernels' vectors and buffers."""

import numpy as np
import plait
import pytest
from plait.nn import functional as F


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("columns", [1, 7, 16, 33, 300, 1024, 2050])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows(width, columns, dtype):
    """Both ways, with more rows than one buffer holds; the longest rows go another way."""
    rng = np.random.default_rng(columns)
    rows, height = 5, 3
    x = rng.normal(size=(2, 3, rows * height, columns * width)).astype(dtype)
    t = plait.tensor(x, requires_grad=True)
    y = F.avg_pool2d(t, (height, width))
    expected = x.astype(np.float64).reshape(2, 3, rows, height, columns, width).mean((3, 5))
    tolerance = 4 * np.finfo(dtype).eps
    np.testing.assert_allclose(y.detach().numpy(), expected, rtol=tolerance, atol=tolerance)
    grad = rng.normal(size=y.shape).astype(dtype)
    y.backward(plait.tensor(grad))
    each = np.repeat(np.repeat(grad, height, 2), width, 3) / np.asarray(height * width, dtype)
    np.testing.assert_allclose(t.grad.numpy(), each, rtol=tolerance)
    adaptive = F.adaptive_avg_pool2d(t, (rows, columns))
    np.testing.assert_allclose(adaptive.detach().numpy(), expected, rtol=tolerance, atol=tolerance)
