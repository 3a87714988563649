"""Sums, means and maxima of bags of rows, against NumPy."""

from itertools import pairwise

import numpy as np
import plait
import pytest
from cuda_device import needs_cuda
from plait import nn


def array(t):
    return t.detach().cpu().numpy()


def close(actual, expected, rtol=1e-10, atol=1e-12):
    np.testing.assert_allclose(array(actual), expected, rtol=rtol, atol=atol)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_embedding_bag(mode):
    m = nn.EmbeddingBag(7, 3, mode=mode).double()
    w = array(m.weight)
    bags = [[1, 2, 6], [], [4, 4]]
    reduce = {"sum": np.sum, "mean": np.mean, "max": np.max}[mode]
    expected = [reduce(w[b], axis=0) if b else np.zeros(3) for b in bags]
    close(m(plait.tensor([1, 2, 6, 4, 4]), plait.tensor([0, 3, 3])), expected)
    close(m(plait.tensor([[1, 2], [3, 3]])), [reduce(w[[1, 2]], axis=0), w[3] if mode != "sum" else 2 * w[3]])
    p = nn.EmbeddingBag(7, 3, mode=mode, padding_idx=2, _weight=m.weight.detach())
    close(p(plait.tensor([[1, 2, 6]])), [reduce(w[[1, 6]], axis=0)])
    if mode == "sum":
        weighted = m(
            plait.tensor([[1, 2]]), per_sample_weights=plait.tensor([[2.0, -1.0]], dtype=plait.float64)
        )
        close(weighted, [2 * w[1] - w[2]])


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_cuda)])
@pytest.mark.parametrize("mode", ["sum", "mean"])
def test_sums_of_bags(device, mode, rng):
    """Widths about the kernel's sixteen columns; bags of one size and of any, empty ones, padding, weights; and gradients."""
    offsets = plait.tensor([0, 3, 3, 10], device=device)
    for width in (1, 16, 35):
        table = plait.tensor(rng.normal(size=(9, width)), device=device, requires_grad=True)
        flat = plait.tensor(rng.integers(0, 9, 12), device=device)
        factors = (
            plait.tensor(rng.normal(size=12), device=device, requires_grad=True) if mode == "sum" else None
        )
        for indices, starts, padding in (
            (flat.reshape(4, 3), None, None),
            (flat, offsets, None),
            (flat, offsets, 4),
            (flat.reshape(3, 4), None, 4),
        ):

            def f(table, factors, indices=indices, starts=starts, padding=padding):
                each = None if factors is None else factors.reshape(indices.shape)
                bag = plait.nn.functional.embedding_bag
                return bag(indices, table, starts, mode=mode, per_sample_weights=each, padding_idx=padding)

            ends = [0, 3, 3, 10, 12] if starts is not None else range(0, 13, indices.shape[1])
            numbers, rows = array(flat), array(table)
            weights = np.ones(12) if factors is None else array(factors)
            weights = weights * (numbers != padding)
            expected = np.stack([(weights[a:b, None] * rows[numbers[a:b]]).sum(0) for a, b in pairwise(ends)])
            if mode == "mean":
                expected /= np.array([max(1, weights[a:b].sum()) for a, b in pairwise(ends)])[:, None]
            close(f(table, factors), expected)
            half = f(table.detach().half(), None if factors is None else factors.detach().half())
            assert half.dtype == plait.float16
            close(half.double(), expected, atol=0.02)
            if width == 1:
                given = (table,) if factors is None else (table, factors)
                assert plait.autograd.gradcheck(
                    lambda *given: f(*given, *([None] if factors is None else [])), given
                )
                assert plait.autograd.gradgradcheck(
                    lambda *given: f(*given, *([None] if factors is None else [])), given
                )
    m = nn.EmbeddingBag(9, 4, mode=mode, max_norm=0.5)
    assert (m(plait.tensor([[1, 2]])).norm() <= 1.01) and (m.weight[1:3].norm(dim=1) <= 0.51).all()
    with pytest.raises(IndexError, match="embedding_bag: index 9 is out of range"):
        plait.nn.functional.embedding_bag(plait.tensor([[1, 9]]), m.weight, mode=mode)


@pytest.mark.parametrize("padding_idx", [-5, 4])
def test_a_padding_row_that_is_not_there(padding_idx):
    with pytest.raises(ValueError, match=r"padding_idx.*\[-4, 4\)"):
        plait.nn.functional.embedding_bag(
            plait.tensor([[1, 2]]), plait.zeros(4, 2), padding_idx=padding_idx
        )
