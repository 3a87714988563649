"""Histograms: NumPy is the oracle."""

import numpy as np
import plait
import pytest
from cuda_device import needs_cuda

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("density", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("bins", "limits"), [(7, None), (5, (-1.0, 0.5)), (np.array([-2.0, -0.5, 0.0, 0.25, 3.0]), None), (1, None)]
)
def test_histogram(bins, limits, weighted, density):
    x, w = RNG.normal(size=(20, 10)), RNG.uniform(size=(20, 10))
    options = {"weights": w} if weighted else {}
    hist, edges = np.histogram(x, bins, limits, density=density, **options)
    ours = plait.histogram(
        plait.tensor(x),
        plait.tensor(bins) if isinstance(bins, np.ndarray) else bins,
        range=limits,
        weight=plait.tensor(w) if weighted else None,
        density=density,
    )
    np.testing.assert_allclose(ours.hist, hist, rtol=1e-12)
    np.testing.assert_allclose(ours.bin_edges, edges, rtol=1e-12, atol=1e-15)


def test_samples_at_the_edges():
    x = plait.tensor([0.0, 1.0, 1.0, 2.0, 3.0, -1.0, float("nan")])
    assert x.histogram(2, range=(0.0, 2.0)).hist.tolist() == [1, 3]
    assert plait.histogram(plait.ones(4), 3).hist.tolist() == [0, 4, 0]
    assert plait.histogram(plait.ones(0), 2).bin_edges.tolist() == [0, 0.5, 1]


@pytest.mark.parametrize("density", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_histogramdd(weighted, density):
    x, w = RNG.normal(size=(50, 3)), RNG.uniform(size=50)
    limits = [(-1.0, 1.0), (-2.0, 2.0), (0.0, 1.0)]
    options = {"weights": w} if weighted else {}
    hist, edges = np.histogramdd(x, (2, 3, 4), limits, density=density, **options)
    ours = plait.histogramdd(
        plait.tensor(x.reshape(10, 5, 3)),
        [2, 3, 4],
        range=[v for pair in limits for v in pair],
        weight=plait.tensor(w.reshape(10, 5)) if weighted else None,
        density=density,
    )
    np.testing.assert_allclose(ours.hist, hist, rtol=1e-12)
    for a, b in zip(ours.bin_edges, edges):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)
    own = [plait.tensor(e) for e in edges]
    again = plait.histogramdd(plait.tensor(x), own, density=density).hist
    np.testing.assert_allclose(again, np.histogramdd(x, edges, density=density)[0], rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: plait.histogram(plait.arange(3), 2), TypeError, "expected a floating dtype"),
        (lambda: plait.histogram(plait.ones(3), 0), ValueError, "at least one bin"),
        (lambda: plait.histogram(plait.ones(3), plait.ones(1)), ValueError, "two elements or"),
        (lambda: plait.histogram(plait.ones(3), 2, range=(1.0, 0.0)), ValueError, "rising order"),
        (lambda: plait.histogram(plait.ones(3), 2, range=(1.0,)), ValueError, "two numbers for range, got 1"),
        (lambda: plait.histogram(plait.tensor([float("inf")]), 2), ValueError, "finite range"),
        (lambda: plait.histogram(plait.ones(3), plait.arange(3.0), range=(0.0, 1.0)), ValueError, "only with"),
        (lambda: plait.histogram(plait.ones(3), 2, weight=plait.ones(2)), ValueError, "for each sample"),
        (lambda: plait.histogramdd(plait.ones(3, 2), [2]), ValueError, "for 2 coordinates"),
        (lambda: plait.histogramdd(plait.tensor(1.0), 2), ValueError, r"shape \(..., N\)"),
    ],
)
def test_errors(call, error, match):
    with pytest.raises(error, match=match):
        call()


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_cuda)])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_bins_of_any_width(device, dtype):
    """Numbers at the edges and past them, edges of any distances, no points."""
    edges = [np.array([0.0, 0.5, 4.0, 4.5]), np.array([-1.0, 0.0, 64.0])]
    x = RNG.integers(-4, 20, (200, 2)) / 4
    x[:3] = [[4.5, 64], [0, -1], [4.0, 0.0]]
    points, own = (plait.tensor(v, dtype=getattr(plait, dtype), device=device) for v in (x, x[:0]))
    given = [plait.tensor(e, dtype=getattr(plait, dtype), device=device) for e in edges]
    assert plait.histogramdd(points, given).hist.tolist() == np.histogramdd(x, edges)[0].tolist()
    assert plait.histogramdd(own, given).hist.sum().item() == 0
    assert plait.histogramdd(own, 2).hist.shape == (2, 2)
