"""topk of rows of every length is the front of a sorted row: the same numbers, from the same places."""

import numpy as np
import plait
import pytest

LENGTHS = (1, 5, 31, 32, 33, 64, 127, 128, 129, 200, 1000, 5003)
DTYPES = ("float32", "float64", "int64", "int32", "uint8", "bool", "bfloat16")


def rows(rng, n, dtype):
    """Many equal numbers, few, none but one; with NaN and infinities."""
    a = np.concatenate([rng.integers(0, 60, (3, n)), rng.standard_normal((2, n)) * 50, np.ones((1, n))])
    x = plait.from_numpy(a).to(dtype)
    if dtype.is_floating_point:
        x[0, rng.integers(n)] = np.nan
        x[1, rng.integers(n)] = np.inf
        x[3, rng.integers(n)] = -np.inf
        x[4] = x[4].masked_fill(plait.from_numpy(rng.random(n) < 0.9), np.nan)
    return x


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
def test_front_of_the_sorted_row(dtype, largest):
    rng = np.random.default_rng(3)
    for n in LENGTHS:
        x = rows(rng, n, getattr(plait, dtype))
        ordered, places = x.sort(1, descending=largest)
        for k in sorted({k for k in (1, 2, 7, 40, n // 2 + 1, n) if k <= n}):
            values, indices = x.topk(k, 1, largest)
            np.testing.assert_array_equal(values.double().numpy(), ordered[:, :k].double().numpy())
            assert indices.tolist() == places[:, :k].tolist()
            unordered = x.topk(k, 1, largest, sorted=False).indices.sort(1).values
            assert unordered.tolist() == places[:, :k].sort(1).values.tolist()
