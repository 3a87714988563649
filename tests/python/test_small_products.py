"""Batches of small matrices, whose products are computed side by side: NumPy is the oracle."""

import numpy as np
import plait
import pytest

DTYPES = ("uint8", "int8", "int16", "int32", "int64", "float32", "float64", "complex64", "float16")
SHAPES = [(3, 3, 3), (1, 4, 1), (2, 1, 5), (5, 6, 1), (4, 8, 4), (16, 3, 2), (6, 6, 6), (7, 7, 5), (3, 0, 3)]


def close(got, expected, k):
    """Sums of k products of whole numbers: exact but where a dtype has too few digits."""
    assert got.shape == expected.shape
    if expected.dtype.kind in "iu":
        assert np.array_equal(got, expected)
    else:
        np.testing.assert_allclose(got, expected, rtol=2e-3 if expected.dtype == "float16" else 1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_batches_of_every_layout(dtype, shape):
    m, k, n = shape
    rng = np.random.default_rng(0)
    make = lambda *sizes: rng.integers(0, 30, sizes).astype(dtype)  # noqa: E731
    for count in (1, 7, 8, 15, 16, 17, 100):
        a, b = make(count, m, k), make(count, k, n)
        expected = np.matmul(a, b)
        ours_a, ours_b = plait.tensor(a), plait.tensor(b)
        close((ours_a @ ours_b).numpy(), expected, k)
        turned = [plait.tensor(np.ascontiguousarray(x.swapaxes(1, 2))).transpose(1, 2) for x in (a, b)]
        close((turned[0] @ turned[1]).numpy(), expected, k)
        spread = plait.tensor(np.repeat(a, 2, 0))[::2]
        close((spread @ ours_b).numpy(), expected, k)
        close((ours_a[:1].expand(count, m, k) @ ours_b).numpy(), np.matmul(a[:1], b), k)
        close((ours_a @ ours_b[:1].expand(count, k, n)).numpy(), np.matmul(a, b[:1]), k)


@pytest.mark.parametrize("dtype", ["int16", "float32", "float64"])
@pytest.mark.parametrize("threads", [1, 2])
def test_batches_of_several_dimensions(dtype, threads):
    rng = np.random.default_rng(1)
    a, b = (
        rng.integers(-200, 200, (5, 1, 1000, 3, 4)).astype(dtype),
        rng.integers(-200, 200, (1, 3, 1000, 4, 2)).astype(dtype),
    )
    before = plait.get_num_threads()
    plait.set_num_threads(threads)
    try:
        close((plait.tensor(a) @ plait.tensor(b)).numpy(), np.matmul(a, b), 4)
    finally:
        plait.set_num_threads(before)


def test_sums_and_factors():
    """baddbmm: what was in the sum is read, and not where beta is 0."""
    rng = np.random.default_rng(2)
    a, b, c = rng.random((40, 3, 4)), rng.random((40, 4, 2)), rng.random((40, 3, 2))
    ours = [plait.tensor(x) for x in (c, a, b)]
    for alpha, beta in ((1, 1), (2.5, 1), (1, 0.5), (-1, 3)):
        expected = beta * c + alpha * np.matmul(a, b)
        np.testing.assert_allclose(
            plait.baddbmm(*ours, alpha=alpha, beta=beta).numpy(), expected, rtol=1e-13, atol=1e-14
        )
    of_nan = plait.full((40, 3, 2), float("nan"), dtype=plait.float64)
    np.testing.assert_allclose(plait.baddbmm(of_nan, *ours[1:], beta=0).numpy(), np.matmul(a, b), rtol=1e-13)
    out = plait.zeros(40, 2, 3, dtype=plait.float64).transpose(1, 2)
    plait.bmm(*ours[1:], out=out)
    np.testing.assert_allclose(out.numpy(), np.matmul(a, b), rtol=1e-13)


def test_numbers_that_are_not_finite_stay_in_their_matrix():
    a, b = np.ones((20, 2, 2)), np.ones((20, 2, 2))
    a[3, 0, 0], b[11, 1, 1] = np.nan, np.inf
    got = (plait.tensor(a) @ plait.tensor(b)).numpy()
    np.testing.assert_array_equal(got, np.matmul(a, b))
