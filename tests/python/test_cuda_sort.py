"""Orders on CUDA at sizes where the ways to sort change: a warp, a block, many blocks; with ties, NaN, infinities and
both zeros. All agree with the CPU, indices included."""

import numpy as np
import plait
import pytest
from cuda_device import needs_cuda

pytestmark = needs_cuda

CUDA = "cuda"
FLOATS = ("float16", "bfloat16", "float32", "float64")
DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", *FLOATS)
# Where one kernel ends and the next begins.
SHAPES = [((200, 3), 0), ((3, 33), 1), ((2, 257), 1), ((2, 1025, 2), 1), ((2, 2049), 1), ((2, 4097), 1)]


def numbers(shape, dtype, ties):
    rng = np.random.default_rng(3)
    if dtype == "bool":
        return plait.from_numpy(rng.random(shape) < 0.3)
    if dtype not in FLOATS:
        info = np.iinfo(dtype)
        low, high = (0, 5) if ties else (info.min, info.max)
        return plait.from_numpy(rng.integers(low, high, shape, dtype=dtype, endpoint=True))
    x = rng.standard_normal(shape) * 3
    if ties:
        x = np.round(x)
    which = rng.random(shape)
    x[which < 0.01], x[which > 0.99], x[(which > 0.5) & (which < 0.52)] = np.nan, np.inf, -0.0
    return plait.from_numpy(x).to(getattr(plait, dtype))


def assert_same(cuda, cpu):
    for a, b in zip(cuda, cpu):
        assert a.device.type == CUDA
        a, b = (t.cpu().float() if t.dtype == plait.bfloat16 else t.cpu() for t in (a, b))
        np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.parametrize(("shape", "dim"), SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_orders(shape, dim, dtype):
    x = numbers(shape, dtype, ties=shape[dim] % 2 == 0)
    t, n = x.to(CUDA), shape[dim]
    assert_same(plait.sort(t, dim), plait.sort(x, dim))
    assert_same(plait.sort(t, dim, True), plait.sort(x, dim, True))
    for k in (1, n // 9 + 1, n // 2):
        assert_same(plait.topk(t, k, dim), plait.topk(x, k, dim))
        assert_same(plait.topk(t, k, dim, False), plait.topk(x, k, dim, False))
    for k in (1, n // 2 + 1, n):
        assert_same(plait.kthvalue(t, k, dim), plait.kthvalue(x, k, dim))
    assert_same(plait.median(t, dim), plait.median(x, dim))
    assert_same(plait.nanmedian(t, dim), plait.nanmedian(x, dim))


@pytest.mark.parametrize("dtype", ["float32", "int64", "bfloat16"])
def test_rows_that_many_blocks_share(dtype):
    x = numbers((2, 90000), dtype, ties=dtype == "int64")
    t = x.to(CUDA)
    for k in (1, 500, 5000):
        assert_same(plait.topk(t, k), plait.topk(x, k))
    values, indices = plait.topk(t, 700, sorted=False)
    assert_same([plait.gather(t, 1, indices)], [values.cpu()])
    assert_same([plait.sort(indices)[0]], [plait.sort(plait.topk(x, 700)[1])[0]])
    assert_same(plait.kthvalue(t, 45001), plait.kthvalue(x, 45001))
    assert_same(plait.median(t, 1), plait.median(x, 1))


def test_all_rows_are_sorted_at_once():
    for dtype in ("float32", "int64"):  # keys with the row, and two sorts
        x = numbers((20, 5000), dtype, ties=True)
        assert_same(plait.sort(x.to(CUDA)), plait.sort(x))
        assert_same(plait.sort(x.to(CUDA).reshape(2, 5000, 10), 1), plait.sort(x.reshape(2, 5000, 10), 1))


def test_unordered_results_and_layouts():
    x = numbers((30, 50), "float32", ties=True)
    values, indices = (
        plait.empty(50, 30, device=CUDA).mT,
        plait.empty(50, 30, dtype=plait.int64, device=CUDA).mT,
    )
    plait.sort(x.to(CUDA), 1, out=(values, indices))
    assert_same([values, indices], plait.sort(x, 1))
    assert_same(plait.sort(x.to(CUDA).mT, 1), plait.sort(x.mT, 1))


# ---- distinct values, places


@pytest.mark.parametrize("dtype", DTYPES)
def test_distinct_values(dtype):
    for shape in [(0,), (1,), (7, 11), (9000,)]:
        x = numbers(shape, dtype, ties=True)
        options = {"return_inverse": True, "return_counts": True}
        assert_same(plait.unique(x.to(CUDA), **options), plait.unique(x, **options))


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32"])
def test_distinct_slices(dtype):
    rng = np.random.default_rng(5)
    for shape, dim in [((60, 1), 0), ((300, 3), 0), ((5, 40, 2), 1), ((50, 37), 0)]:
        x = plait.from_numpy(rng.integers(0, 2, shape)).to(getattr(plait, dtype))
        if dtype == "float32":
            x[0] = float("nan")
        options = {"return_inverse": True, "return_counts": True, "dim": dim}
        assert_same(plait.unique(x.to(CUDA), **options), plait.unique(x, **options))


@pytest.mark.parametrize("dtype", ["int8", "float16", "float32", "int64"])
def test_places_in_sequences(dtype):
    edges = plait.sort(numbers((4, 300), dtype, ties=True), 1)[0]
    values = numbers((4, 900), dtype, ties=True)
    for right in (False, True):
        for narrow in (False, True):
            options = {"right": right, "out_int32": narrow}
            assert_same(
                [plait.searchsorted(edges.to(CUDA), values.to(CUDA), **options)],
                [plait.searchsorted(edges, values, **options)],
            )
            assert_same(
                [plait.bucketize(values.to(CUDA), edges[1].to(CUDA), **options)],
                [plait.bucketize(values, edges[1], **options)],
            )
    shuffled = numbers((300,), dtype, ties=False)
    order = plait.argsort(shuffled)
    assert_same(
        [plait.searchsorted(shuffled.to(CUDA), values.to(CUDA), sorter=order.to(CUDA))],
        [plait.searchsorted(shuffled, values, sorter=order)],
    )
