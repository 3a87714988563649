"""Averages and maxima of windows that lie side by side, over rows of every length about the kernels' vectors and buffers."""

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


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "int32"])
@pytest.mark.parametrize(
    ("size", "kernel", "options"),
    [
        ((6, 10), (3, 2), {}),  # side by side
        ((1, 4100), (1, 4), {}),  # a row longer than the buffer
        ((2, 37), (2, 1), {}),
        ((7, 40), (2, 2), {}),  # that leave a row out
        ((9, 35), 3, {"stride": 2, "padding": 1}),
        ((9, 35), 2, {"dilation": 2, "stride": 3}),
        ((9, 36), 2, {"dilation": 2, "ceil_mode": True}),
        ((5, 6, 7), 2, {}),
        ((300,), 2, {}),
        ((301,), 3, {"stride": 1, "padding": 1}),
    ],
)
def test_maxima_without_their_places(size, kernel, options, dtype):
    """They are those that are recorded, with their places, for a gradient."""
    rng = np.random.default_rng(0)
    x = plait.tensor(rng.normal(size=(2, 3, *size)) * 9).to(getattr(plait, dtype))
    if x.is_floating_point():
        x.view(-1)[::29] = float("nan")
        x.view(-1)[5::31] = float("-inf")
    pool = getattr(F, f"max_pool{len(size)}d")
    values, places = pool(x, kernel, return_indices=True, **options)
    alone = pool(x, kernel, **options)
    plait.testing.assert_close(alone, values, equal_nan=True, rtol=0, atol=0)
    if x.is_floating_point():
        x.requires_grad_()
        y = pool(x, kernel, **options)
        y.backward(plait.ones_like(y))
        counts = (
            plait.zeros_like(x).flatten(2).scatter_add(2, places.flatten(2), plait.ones_like(y).flatten(2))
        )
        assert (x.grad.flatten(2) == counts).all()
