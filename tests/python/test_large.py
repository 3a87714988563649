"""What runs another way on large or long operands: results stored past the caches, rows read in parts."""

import math

import numpy as np
import plait
import pytest

BYTES = 20 << 20  # of an operand: with its result too much for a last cache of up to 53 MiB
rng = np.random.default_rng(0)


def numbers(dtype, count):
    """Integers that every dtype holds and that add and multiply without rounding."""
    small = rng.integers(0, 3, 4096).astype(dtype)
    return np.resize(small, count)


@pytest.mark.parametrize("dtype", ["int8", "int16", "float32", "float64", "complex128"])
@pytest.mark.parametrize("offset", [0, 1, 37])
def test_stored_past_the_caches(dtype, offset):
    count = BYTES // np.dtype(dtype).itemsize + 13
    a, b = numbers(dtype, count), numbers(dtype, count)
    out = plait.full((count + 64,), 7, dtype=getattr(plait, dtype))
    x, y = plait.from_numpy(a), plait.from_numpy(b)
    plait.add(x, y, out=out[offset : offset + count])
    got = out.numpy()
    assert np.array_equal(got[offset : offset + count], a + b)
    assert (got[:offset] == 7).all() and (got[offset + count :] == 7).all()
    assert np.array_equal((x * 2).numpy(), a * np.asarray(2, dtype))


@pytest.mark.parametrize("columns", [40, 64, 1000, 1025])
def test_broadcast_rows_stored_past_the_caches(columns):
    rows = BYTES // 4 // columns + 3
    a, row = numbers("float32", rows * columns).reshape(rows, columns), numbers("float32", columns)
    x = plait.from_numpy(a)
    assert np.array_equal((x + plait.from_numpy(row)).numpy(), a + row)
    column = numbers("float32", rows)[:, None]
    assert np.array_equal((x * plait.from_numpy(column)).numpy(), a * column)
    # Gaps between the rows of the result: what lies there is left alone.
    out = plait.full((rows, columns + 3), 7.0)
    plait.add(x, plait.from_numpy(row), out=out[:, 1 : columns + 1])
    got = out.numpy()
    assert np.array_equal(got[:, 1 : columns + 1], a + row)
    assert (got[:, :1] == 7).all() and (got[:, columns + 1 :] == 7).all()


def test_transposed_and_in_place_operands_larger_than_the_caches():
    n = math.isqrt(BYTES // 4) + 5
    a, b = (numbers("float32", n * n).reshape(n, n) for _ in range(2))
    x, y = plait.from_numpy(a.copy()), plait.from_numpy(b)
    assert np.array_equal((x + y.T).numpy(), a + b.T)
    assert np.array_equal(y.T.contiguous().numpy(), b.T)
    assert np.array_equal((y > x).numpy(), b > a)
    x += y.T
    assert np.array_equal(x.numpy(), a + b.T)
    x.mul_(x)
    assert np.array_equal(x.numpy(), (a + b.T) ** 2)


LENGTHS = [1, 5, 127, 128, 129, 1023, 1024, 1030, 2047, 4096, 5000, 8191, 8192, 8200, 12289, 40000]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [1, 3, 4, 7])
def test_sums_of_long_rows_are_exact_to_rounding(dtype, rows):
    tensor, epsilon = getattr(plait, dtype), np.finfo(dtype).eps
    for n in LENGTHS:
        a = rng.standard_normal((rows, n)).astype(dtype)
        magnitude = np.array([math.fsum(abs(v) for v in row) for row in a.tolist()])
        want = np.array([math.fsum(row) for row in a.tolist()])
        x = plait.from_numpy(a)
        # Lanes of at most 64 elements in the dtype itself, merged in double.
        bound = 64 * epsilon * magnitude
        assert (np.abs(x.sum(1).numpy() - want) <= bound + epsilon * np.abs(want)).all(), n
        apart = plait.from_numpy(np.ascontiguousarray(a[:, ::-1])).flip(1)[:, : n // 2 + 1]
        half = np.array([math.fsum(row) for row in a[:, : n // 2 + 1].tolist()])
        assert (np.abs(apart.sum(1).numpy() - half) <= bound + epsilon * np.abs(half)).all(), n
        assert x.sum(1).dtype == tensor


def test_sum_of_many_terms_loses_nothing():
    a = rng.random(10_000_001, np.float32)
    assert plait.from_numpy(a).sum().item() == pytest.approx(a.astype(np.float64).sum(), rel=1.2e-7)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "int64", "float32"])
def test_other_reductions_of_long_rows(dtype):
    for n in LENGTHS:
        a = numbers(dtype, 5 * n).reshape(5, n)
        x = plait.from_numpy(a)
        assert np.array_equal(x.sum(1).numpy(), a.sum(1, dtype="float32" if dtype == "float32" else None))
        assert np.array_equal(x.amax(1).numpy(), a.max(1)) and np.array_equal(x.amin(1).numpy(), a.min(1))
        assert np.array_equal(x.any(1).numpy(), a.any(1)) and np.array_equal(x.all(1).numpy(), a.all(1))
        assert np.array_equal(plait.count_nonzero(x, 1).numpy(), np.count_nonzero(a, 1))


@pytest.mark.parametrize("n", [130, 5000, 8192, 9001])
@pytest.mark.parametrize("place", [0, 1, -1, "middle"])
def test_nan_and_infinity_of_a_long_row_reach_the_result(n, place):
    a = rng.standard_normal((5, n)).astype(np.float32)
    at = n // 2 if place == "middle" else place
    a[1, at], a[3, at] = np.nan, np.inf
    x = plait.from_numpy(a)
    assert np.array_equal(np.isnan(x.sum(1).numpy()), [False, True, False, False, False])
    assert np.array_equal(np.isnan(x.amax(1).numpy()), [False, True, False, False, False])
    assert x.sum(1)[3].item() == np.inf and x.amax(1)[3].item() == np.inf
    assert np.array_equal(x.nansum(1).numpy()[3:4], [np.inf])


@pytest.mark.parametrize("n", [1, 31, 1023, 1024, 1025, 5000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_softmax_of_long_rows(n, dtype):
    a = (rng.standard_normal((3, n)) * 20).astype(dtype)
    exact = a.astype(np.longdouble)
    power = np.exp(exact - exact.max(1, keepdims=True))
    total = power.sum(1, keepdims=True)
    x, epsilon = plait.from_numpy(a), float(np.finfo(dtype).eps)
    want = (power / total).astype(np.float64)
    # The argument's rounding counts as often as the argument is large.
    limit = 80 * epsilon * want + np.finfo(dtype).tiny
    assert (np.abs(x.softmax(1).numpy() - want) <= limit).all()
    logs = (exact - exact.max(1, keepdims=True) - np.log(total)).astype(np.float64)
    assert np.abs(x.log_softmax(1).numpy() - logs).max() <= 160 * epsilon
    target = plait.zeros(3, dtype=plait.int64)
    loss = plait.nn.functional.cross_entropy(x, target).item()
    assert loss == pytest.approx(-logs[:, 0].mean(), rel=80 * epsilon, abs=80 * epsilon)


def test_softmax_of_infinities():
    inf = math.inf
    rows = [[-inf, 0.0, -inf], [-inf] * 3, [inf, 0.0, 1.0], [0.0, math.nan, 1.0], [-200.0, 0.0, -95.0]]
    got = plait.tensor(rows).softmax(1).numpy()
    assert got[0].tolist() == [0.0, 1.0, 0.0]
    assert np.isnan(got[1]).all() and np.isnan(got[2]).any() and np.isnan(got[3]).all()
    assert got[4, 0] == 0 and got[4, 1] == 1
    # A result below the normal numbers is rounded, not dropped.
    assert got[4, 2] == pytest.approx(math.exp(-95.0), abs=2e-45)
    entropy = plait.nn.functional.cross_entropy
    assert entropy(plait.tensor([[-inf, 0.0]]), plait.tensor([1])).item() == 0
    assert entropy(plait.tensor([[-inf, 0.0]]), plait.tensor([0])).item() == inf
    assert math.isnan(entropy(plait.tensor([[inf, 0.0]]), plait.tensor([0])).item())


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint8", "float16"])
@pytest.mark.parametrize("largest", [True, False])
def test_topk_of_a_long_row(dtype, largest):
    for n, k in [(5000, 1), (5001, 30), (70_000, 50), (4099, 64)]:
        a = (rng.standard_normal(n) * 40).astype(dtype) if dtype != "uint8" else numbers(dtype, n)
        if dtype.startswith("float"):
            a[n // 3] = a[n - 1] = np.nan  # larger than all numbers
            a[7] = -0.0
        values, places = plait.from_numpy(a).topk(k, largest=largest)
        order = np.argsort(a, kind="stable")  # NaN last
        want = a[order[::-1][:k]] if largest else a[order[:k]]
        assert np.array_equal(values.numpy(), want, equal_nan=dtype.startswith("float"))
        assert len(set(places.tolist())) == k
        assert np.array_equal(a[places.numpy()], want, equal_nan=dtype.startswith("float"))
