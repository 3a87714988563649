"""Operands whose elements lie apart, backwards or repeat, for each size of element: NumPy is the oracle."""

import numpy as np
import plait
import pytest

DTYPES = ("bool", "uint8", "int16", "float16", "int32", "float32", "int64", "float64", "complex64", "complex128")
LENGTHS = (0, 1, 2, 7, 16, 33, 257, 2500)
# The last elements are the storage's: nothing behind them may be read.
LAYOUTS = {
    "every second": lambda x: x[..., 1::2],
    "every third": lambda x: x[..., 2::3],
    "flipped": lambda x: x[..., ::-1],
    "flipped, every second": lambda x: x[..., ::-2],
    "repeated": lambda x: np.broadcast_to(x[..., :1], x.shape),
    "of a row": lambda x: x.T[: x.shape[1] // 2].T,
}


def values(dtype, *shape):
    rng = np.random.default_rng(7)
    x = rng.integers(0, 2 if dtype == "bool" else 100, shape)
    return (x + 1j * x[..., ::-1] if dtype.startswith("complex") else x).astype(dtype)


def tensor(x):
    """A tensor with the strides of x, on a copy of its memory."""
    base = x
    while base.base is not None:
        base = base.base
    offset = (x.__array_interface__["data"][0] - base.__array_interface__["data"][0]) // x.itemsize
    strides = [s // x.itemsize for s in x.strides]
    if min(strides, default=0) >= 0:
        return plait.tensor(base.ravel()).as_strided(x.shape, strides, offset)
    flips = [d for d, s in enumerate(strides) if s < 0]
    return tensor(np.flip(x, flips)).flip(flips)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_functions_of_strided_operands(dtype, layout):
    for n in LENGTHS:
        base = values(dtype, 3, n)
        x = LAYOUTS[layout](base)
        if x.size == 0:
            continue
        ours = tensor(x)
        assert np.array_equal(ours.clone().numpy(), x), n
        assert np.array_equal((ours == ours).numpy(), x == x), n
        assert np.array_equal(plait.where(ours.bool(), ours, ours[..., :1]).numpy(), np.where(x != 0, x, x[..., :1])), n
        assert np.array_equal((ours * ours[..., :1]).numpy(), x * x[..., :1]), n
        assert np.array_equal(ours.to(plait.complex128).numpy(), x.astype("complex128")), n
        if not dtype.startswith("complex"):
            assert np.array_equal(plait.maximum(ours, tensor(np.ascontiguousarray(x[:1]))).numpy(), np.maximum(x, x[:1])), n


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("step", [2, 3])
def test_strided_results(dtype, step):
    """In place and as out=, where what lies between the results stays."""
    for n in LENGTHS[2:]:
        base, other = values(dtype, 3, n), values(dtype, 3, n)[:, ::step]
        expected = base.copy()
        expected[:, ::step] = expected[:, ::step] * other
        ours = plait.tensor(base)
        ours[:, ::step].mul_(plait.tensor(np.ascontiguousarray(other)))
        assert np.array_equal(ours.numpy(), expected), n
        ours = plait.tensor(base)
        plait.mul(plait.tensor(np.ascontiguousarray(base[:, ::step])), tensor(other), out=ours[:, ::step])
        assert np.array_equal(ours.numpy(), expected), n


def test_gather_from_a_transposed_tensor():
    """Its loop reads around the elements that it is given."""
    x = np.random.default_rng(0).random((4, 100, 100), dtype=np.float32)
    index = np.random.default_rng(1).integers(0, 4, (4, 100, 100))
    for source in (plait.tensor(x).transpose(1, 2), plait.tensor(np.repeat(x, 2, 2)).transpose(1, 2)[:, ::2]):
        expected = np.take_along_axis(x.transpose(0, 2, 1), index, 0)
        assert np.array_equal(plait.gather(source, 0, plait.tensor(index)).numpy(), expected)


@pytest.mark.parametrize("threads", [1, 3])
def test_rows_of_every_length(threads):
    """Ranges of threads begin and end amid rows, and amid each of the dimensions around them."""
    shapes = [(3, 5, 7, 11, 13), (2, 3, 17, 1201), (50, 41, 1, 43), (7, 5003, 3), (3, 1, 40001), (120011,)]
    rng = np.random.default_rng(3)
    before = plait.get_num_threads()
    plait.set_num_threads(threads)
    try:
        for shape in shapes:
            x = rng.integers(-9, 9, shape)
            for repeated in range(len(shape) + 1):
                y = rng.integers(-9, 9, [1 if d == repeated else n for d, n in enumerate(shape)])
                assert np.array_equal((plait.tensor(x) - plait.tensor(y)).numpy(), x - y), (shape, repeated)
                z = np.swapaxes(rng.integers(-9, 9, np.swapaxes(x, 0, -1).shape), 0, -1)
                assert np.array_equal((tensor(z) - plait.tensor(y)).numpy(), z - y), (shape, repeated)
    finally:
        plait.set_num_threads(before)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("threads", [1, 2])
def test_short_rows(dtype, threads):
    """Rows that are gathered before the loop and scattered behind it, in each kind of operand."""
    before = plait.get_num_threads()
    plait.set_num_threads(threads)
    try:
        for n in (1, 2, 3, 4, 5, 8, 9, 15, 16, 17, 31, 64, 65):
            lead = (3, 3000 // n + 1)  # one row more than pieces of whole rows hold
            base, other = values(dtype, *lead, n + 1), values(dtype, *lead, n + 2)[..., ::-1]
            operands = {
                "dense rows": base[..., :n],
                "backwards": other[..., :n],
                "one row": base[0, 0, :n],
                "a row for each panel": base[:, :1, :n],
                "one for each row": base[..., :1],
                "one": base[0, 0, :1],
                "columns": np.ascontiguousarray(np.moveaxis(base[..., :n], -1, 0)).transpose(1, 2, 0),
            }
            x = operands["dense rows"]
            for name, y in operands.items():
                assert np.array_equal((tensor(x) * tensor(y)).numpy(), x * y), (n, name)
                assert np.array_equal(tensor(np.broadcast_to(y, x.shape)).clone().numpy(), np.broadcast_to(y, x.shape)), (n, name)
                assert np.array_equal((tensor(y) == tensor(x)).numpy(), y == x), (n, name)
                expected = base.copy()
                expected[..., :n] = x * y
                ours = plait.tensor(base)
                ours[..., :n].mul_(tensor(y))
                assert np.array_equal(ours.numpy(), expected), (n, name)
                expected[..., 1:] = y
                ours[..., 1:] = tensor(y)
                assert np.array_equal(ours.numpy(), expected), (n, name)
    finally:
        plait.set_num_threads(before)
