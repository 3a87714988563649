"""Transposed operands, whose tiles are turned in registers, and gradients that are views of other gradients."""

import numpy as np
import plait
import pytest

DTYPES = ["bool", "uint8", "int16", "float16", "bfloat16", "int32", "float32", "int64", "float64", "complex64", "complex128"]
SHAPES = [(1, 1), (1, 40), (3, 5), (8, 8), (16, 16), (17, 33), (31, 64), (64, 65), (129, 7), (7, 300)]


def numbers(shape, dtype):
    """Every element differs from its neighbours, in any dtype."""
    n = int(np.prod(shape))
    base = plait.arange(n) * 37 % 251
    return (base % 2 if dtype == "bool" else base).to(getattr(plait, dtype)).reshape(shape)


def exact(t):
    return t.float().numpy() if t.dtype == plait.bfloat16 else t.numpy()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_copy_of_a_transposed_tensor(dtype, shape):
    x = numbers(shape, dtype)
    got = x.T.contiguous()
    assert got.is_contiguous()
    np.testing.assert_array_equal(exact(got), np.ascontiguousarray(exact(x).T))
    batch = plait.stack([x, x.flip(0)])
    np.testing.assert_array_equal(exact(batch.transpose(1, 2).contiguous()), exact(batch).transpose(0, 2, 1))
    np.testing.assert_array_equal(exact(batch.permute(2, 0, 1).contiguous()), exact(batch).transpose(2, 0, 1))
    part = x[: shape[0] // 2 + 1, shape[1] // 3 :]  # a window: rows with gaps
    np.testing.assert_array_equal(exact(part.T.contiguous()), exact(part).T)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32", "float64", "complex64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_arithmetic_with_a_transposed_operand(dtype, shape):
    x, y = numbers(shape, dtype), numbers(shape[::-1], dtype)
    a, b = x.numpy(), y.numpy()
    np.testing.assert_array_equal((x + y.T).numpy(), a + b.T)
    np.testing.assert_array_equal((x.T * y).numpy(), a.T * b)
    out = plait.empty(shape[::-1], dtype=x.dtype).T
    plait.add(x, y.T, out=out)
    np.testing.assert_array_equal(out.numpy(), a + b.T)
    z = x.clone()
    z.copy_(y.T)
    np.testing.assert_array_equal(z.numpy(), b.T)


@pytest.mark.parametrize(
    "make",
    [
        lambda a, b: a.reshape(6) + b.reshape(6),
        lambda a, b: a.T.reshape(6) + b.flatten(),
        lambda a, b: (a + b).reshape(6),
        lambda a, b: plait.cat([a.reshape(6)[:3], b.reshape(6)[3:]]),
        lambda a, b: (a.unsqueeze(0) + b.unsqueeze(0)).view(6),
        lambda a, b: a.expand(2, 2, 3).sum(0).reshape(6) + b.reshape(6),
    ],
)
def test_gradients_do_not_share_memory(make):
    """The first gradient of a leaf is taken over, not copied: never one that somebody else sees."""
    a, b = (plait.randn(2, 3, requires_grad=True) for _ in range(2))
    given = plait.randn(6)
    kept = given.clone()
    make(a, b).backward(given)
    before = b.grad.clone()
    a.grad.fill_(100)
    assert plait.equal(b.grad, before) and plait.equal(given, kept)
    b.grad.fill_(200)
    assert a.grad.tolist() == [[100] * 3] * 2 and plait.equal(given, kept)


def test_a_retained_gradient_is_its_own():
    x = plait.randn(6, requires_grad=True)
    y = x * 2
    y.retain_grad()
    y.reshape(2, 3).sum(0).backward(plait.ones(3))
    x.grad.fill_(5)
    assert y.grad.tolist() == [1] * 6


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(64, 3), (8, 5, 33, 31), (2, 4, 256, 256)])
def test_statistics_of_batch_norm(dtype, shape):
    """Far from zero, where a sum of squares would lose every digit of the variance."""
    x = plait.randn(shape, dtype=getattr(plait, dtype)) * 0.5 + 1000
    norm = plait.nn.BatchNorm2d(shape[1]) if len(shape) == 4 else plait.nn.BatchNorm1d(shape[1])
    norm = norm.to(x.dtype)
    norm.momentum = 1.0
    norm(x)
    axes = (0, *range(2, len(shape)))
    want = x.double().numpy()
    tolerance = 1e-6 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(norm.running_mean.numpy(), want.mean(axis=axes), rtol=tolerance)
    variance = 2e-4 if dtype == "float32" else 1e-9
    np.testing.assert_allclose(norm.running_var.numpy(), want.var(axis=axes, ddof=1), rtol=variance)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rows, pitch, step", [(1, 4, 1), (40, 4, 1), (1000, 5, 2), (333, 33, 1), (997, 8, 3), (129, 3, 3), (200, 65, 1), (50, 1000, 7)])
def test_reductions_of_few_columns_with_gaps(dtype, rows, pitch, step):
    """What lies between the columns is no part of the results; the last row's memory may end with its last column."""
    columns = min(3, (pitch + step - 1) // step)
    last = (rows - 1) * pitch + (columns - 1) * step + 1
    memory = numbers((last,), dtype)
    part = memory.as_strided((rows, columns), (pitch, step))
    if dtype == "float16":
        memory %= 32  # sums in range
    dense = exact(part.contiguous())
    if dtype in ("float16", "bfloat16", "float32", "float64"):
        used = np.zeros(last, bool)
        used[np.arange(rows)[:, None] * pitch + np.arange(columns) * step] = True
        memory[plait.from_numpy(~used)] = float("nan")
    want = dense.sum(0, dtype=np.complex128 if dtype.startswith("complex") else np.float64)
    got = part.sum(0)
    tolerance = {"float16": 1e-3, "bfloat16": 4e-3, "float32": 1e-6}.get(dtype, 1e-14)
    np.testing.assert_allclose(exact(got), want, rtol=tolerance)
    if not dtype.startswith("complex"):
        np.testing.assert_array_equal(exact(part.amax(0)), dense.max(0))
        np.testing.assert_array_equal(exact(part.any(0)), dense.any(0))
        np.testing.assert_array_equal(exact(part.argmax(0)), dense.argmax(0))
