"""Reductions of many rows of a few elements, which are taken as columns: against NumPy, whatever lies between the elements."""

import numpy as np
import plait
import pytest

ROWS = 333
SIZES = (2, 3, 7, 8, 15, 16, 31, 32, 47, 48, 96, 97)
LAYOUTS = {
    "contiguous": lambda x: x,
    "with gaps": lambda x: np.concatenate([x, x[:, :1]], 1)[:, :-1],
    "every second": lambda x: np.repeat(x, 2, 1)[:, ::2],
    "of two dimensions": lambda x: np.ascontiguousarray(x.T).T.reshape(3, -1, x.shape[1]).swapaxes(0, 1),
}
EXACT = {
    "amax": np.max, "amin": np.min, "argmax": np.argmax, "argmin": np.argmin, "all": np.all, "any": np.any,
    "count_nonzero": np.count_nonzero,
}  # fmt: skip
ROUNDED = {
    "sum": np.sum, "nansum": np.nansum, "prod": np.prod, "mean": np.mean, "std": lambda x, axis: np.std(x, axis, ddof=1),
    "norm": lambda x, axis: np.sqrt(np.sum(x * x, axis)),
}  # fmt: skip


def in_plait(x, dtype):
    """With the strides that x has in NumPy."""
    base = x if x.base is None else x.base
    return plait.as_strided(plait.tensor(base.reshape(-1)).to(dtype), x.shape, [s // x.itemsize for s in x.strides])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16", "int64", "int32", "uint8", "bool"])
def test_against_numpy(dtype, layout):
    rng = np.random.default_rng(0)
    for n in SIZES:
        x = LAYOUTS[layout](rng.integers(0, 4, (ROWS, n)).astype(np.float64) / 2 if "float" in dtype else rng.integers(0, 3, (ROWS, n)))
        tensor = in_plait(x, getattr(plait, dtype))
        assert tensor.stride() == tuple(s // x.itemsize for s in x.strides)
        x = x != 0 if dtype == "bool" else x
        axis = x.ndim - 1
        for name, reference in EXACT.items():
            if dtype == "bool" and name.startswith("arg"):
                continue
            np.testing.assert_array_equal(getattr(plait, name)(tensor, axis).double().numpy(), reference(x, axis), err_msg=f"{name} {n}")
        if "float" not in dtype:
            np.testing.assert_array_equal(tensor.sum(axis).numpy(), x.sum(axis))
            np.testing.assert_array_equal(tensor.prod(axis).numpy(), x.prod(axis))
            continue
        tolerance = {"float64": 1e-14, "float32": 1e-6, "float16": 2e-3, "bfloat16": 8e-3}[dtype]
        for name, reference in ROUNDED.items():
            got = getattr(plait, name)(tensor, dim=axis).double().numpy()
            np.testing.assert_allclose(got, reference(x, axis), rtol=tolerance, atol=tolerance, err_msg=f"{name} {n}")


@pytest.mark.parametrize("n", SIZES)
def test_nan_and_ties(n):
    rng = np.random.default_rng(1)
    x = rng.integers(0, 3, (ROWS, n)).astype(np.float32)
    x[::5, rng.integers(n)] = np.nan
    x[::15, rng.integers(n)] = np.inf
    tensor = plait.tensor(x)
    np.testing.assert_array_equal(tensor.amax(1).numpy(), x.max(1))
    np.testing.assert_array_equal(tensor.amin(1).numpy(), x.min(1))
    for largest, (values, places) in ((True, tensor.max(1)), (False, tensor.min(1))):
        np.testing.assert_array_equal(values.numpy(), x.max(1) if largest else x.min(1))
        np.testing.assert_array_equal(places.numpy(), x.argmax(1) if largest else x.argmin(1))
    np.testing.assert_array_equal(tensor.nansum(1).numpy(), np.nansum(x, 1))


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("n", SIZES)
def test_complex(n, dtype):
    rng = np.random.default_rng(2)
    x = rng.integers(-2, 3, (ROWS, n)) + 1j * rng.integers(-2, 3, (ROWS, n))
    tensor = plait.tensor(x).to(getattr(plait, dtype))
    np.testing.assert_array_equal(tensor.sum(1).numpy(), x.sum(1))
    few = x[:, :3]
    np.testing.assert_array_equal(tensor[:, :3].prod(1).numpy(), few.prod(1))


def test_several_threads():
    x = np.random.default_rng(3).standard_normal((100_003, 3)).astype(np.float32)
    tensor, threads = plait.tensor(x), plait.get_num_threads()
    try:
        results = []
        for count in (1, 2):
            plait.set_num_threads(count)
            results.append((tensor.sum(1), tensor.max(1)[1], tensor.std(1)))
    finally:
        plait.set_num_threads(threads)
    for a, b in zip(*results, strict=True):
        assert plait.equal(a, b)
    np.testing.assert_allclose(results[0][0].numpy(), x.sum(1), rtol=1e-5, atol=1e-6)
