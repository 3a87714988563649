"""Indexing, masks, joining and rearranging on CUDA where the samples of the sweep are too small: many blocks,
repeated indices, odd alignments, bad indices; against the CPU and NumPy."""

from contextlib import contextmanager

import numpy as np
import plait
import pytest
from cuda_device import needs_cuda

pytestmark = needs_cuda

CUDA = "cuda"
DTYPES = [
    "bool",
    "uint8",
    "int16",
    "int32",
    "int64",
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "complex128",
]


def rng():
    return np.random.default_rng(7)


def numbers(shape, dtype, spread=4):
    """Whole numbers of few values: sums of them are exact in every dtype, in any order."""
    x = rng().integers(-spread, spread, shape)
    return plait.from_numpy(x.astype("int64")).to(getattr(plait, dtype))


def indices(shape, bound):
    return plait.from_numpy(rng().integers(0, bound, shape))


@contextmanager
def deterministic():
    plait.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        plait.use_deterministic_algorithms(False)


def array(x):
    x = x.detach().cpu()
    return (x.float() if x.dtype == plait.bfloat16 else x).numpy()


def assert_same(cuda, cpu):
    assert cuda.device.type == CUDA
    np.testing.assert_array_equal(array(cuda), array(cpu))


def on_cuda(value):
    if isinstance(value, plait.Tensor):
        return value.to(CUDA)
    return [on_cuda(v) for v in value] if isinstance(value, (list, tuple)) else value


def check(function, *args):
    """The same call on both devices."""
    assert_same(function(*on_cuda(list(args))), function(*args))


# ---- reading


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("width", [1, 3, 64])
def test_rows_are_selected(dtype, width):
    x, index = numbers((300, width), dtype), indices(2000, 300)
    check(plait.index_select, x, 0, index)
    check(plait.index_select, x, 0, index.int())
    check(lambda t, i: t[i], x, index.reshape(40, 50) - 300)
    check(lambda t, i: t.mT.index_select(1, i), x, index)


def test_several_index_tensors():
    x = numbers((4, 5, 6, 7, 3, 2), "float32")
    i, j = indices((9, 1), 4), indices(8, 5)
    check(lambda t, i, j: t[i, j], x, i, j)
    check(lambda t, i, j: t[:, j, :, i], x, i, j)  # not adjacent: the index goes to the front
    check(lambda t, i, j: t[..., i % 2], x, i, j)
    # More than a kernel takes: some are folded into offsets.
    six = [indices(11, size) for size in x.shape]
    check(lambda t, *index: t[index], x, *six)
    check(lambda t, *index: t.index_put(list(index), plait.ones(11).to(t.device), accumulate=True), x, *six)
    with pytest.raises(IndexError, match=r"index: index 6 is out of range for dimension 2 with size 6"):
        x.to(CUDA)[tuple(on_cuda([*six[:2], six[2] * 0 + 6, *six[3:]]))].cpu()


def test_many_dimensions():
    """More dimensions than a kernel walks, none of which merge."""
    x = numbers((2,) * 16, "int32").permute(*range(15, -1, -2), *range(14, -1, -2))
    check(lambda t, i: t[:, i], x, indices(3, 2))
    check(lambda t, i: t.flip((0, 3, 7)), x, 0)


def test_cpu_indices_and_lists():
    x = numbers((5, 4), "float32").to(CUDA)
    assert_same(x[[3, 1]], x.cpu()[[3, 1]])
    assert_same(x[np.array([0, 2]), 1], x.cpu()[[0, 2], 1])
    assert_same(x[plait.tensor([True, False, True, False, True])], x.cpu()[[0, 2, 4]])
    x[[0, 1]] = [9.0, 8.0, 7.0, 6.0]
    assert_same(x[0], plait.tensor([9.0, 8.0, 7.0, 6.0]))


# ---- writing


@pytest.mark.parametrize("dtype", DTYPES)
def test_repeated_indices_are_added(dtype):
    index = indices(3000, 50)
    for shape in [(50,), (50, 3), (50, 64)]:
        x, source = numbers(shape, dtype), numbers((3000, *shape[1:]), dtype, 1)
        for context in (contextmanager(lambda: iter([None])), deterministic):
            with context():
                check(lambda t, i, s: t.index_add(0, i, s), x, index, source)
                check(lambda t, i, s: t.index_put([i], s, accumulate=True), x, index, source)
                if len(shape) == 1:
                    check(lambda t, i, s: t.scatter_add(0, i, s), x, index, source)


@pytest.mark.parametrize("dtype", [d for d in DTYPES if not d.startswith("complex")])
@pytest.mark.parametrize("reduce", ["sum", "prod", "mean", "amax", "amin"])
def test_scatter_reduce(dtype, reduce):
    if (dtype, reduce) == ("bool", "mean"):
        with pytest.raises(TypeError, match="bools have no mean"):
            index = indices((2, 2), 2).to(CUDA)
            index.bool().scatter_reduce(0, index, index.bool(), "mean")
        return
    x, source = numbers((40, 7), dtype), numbers((90, 7), dtype, 2)
    index = indices((90, 7), 40)
    for include_self in (True, False):
        check(lambda t, i, s: t.scatter_reduce(0, i, s, reduce, include_self=include_self), x, index, source)


def test_nan_wins_in_extremes():
    source = plait.tensor([1.0, float("nan"), 3.0, -1.0])
    for dtype in (plait.float16, plait.float32, plait.float64):
        out = plait.zeros(2, dtype=dtype).to(CUDA)
        index = plait.tensor([0, 0, 1, 1]).to(CUDA)
        for reduce, other in (("amax", 3.0), ("amin", -1.0)):
            got = out.scatter_reduce(0, index, source.to(dtype).to(CUDA), reduce).tolist()
            assert np.isnan(got[0]) and got[1] == other


def test_products_of_complex_numbers():
    x, source = numbers((5,), "complex128"), numbers((20,), "complex128", 2)
    check(lambda t, i, s: t.scatter(0, i, s, reduce="multiply"), x, indices(20, 5), source)


def test_in_order_the_last_one_stays():
    index, many = indices(500, 20), plait.arange(1500.0).reshape(500, 3)
    with deterministic():
        check(lambda t, i, s: t.index_copy(0, i, s), plait.zeros(20, 3), index, many)
        check(lambda t, i, s: t.index_put([i], s), plait.zeros(20, 3), index, many)
        check(
            lambda t, i, s: t.index_put([i.expand(4, 500), i % 3], s[:, 0]), plait.zeros(20, 3), index, many
        )
        check(lambda t, i, s: t.scatter(1, i.reshape(5, 100) % 7, s[:100, 0].expand(5, 100)),
              plait.zeros(5, 7), index, many)  # fmt: skip


def test_in_order_sums_have_the_bits_of_the_cpu():
    source = plait.from_numpy(rng().standard_normal((4000, 5)).astype("float32"))
    index = indices(4000, 30)
    with deterministic():
        for dtype in (plait.float32, plait.bfloat16):
            check(
                lambda t, i, s: t.index_add(0, i, s), plait.zeros(30, 5, dtype=dtype), index, source.to(dtype)
            )
        check(lambda t, i, s: t.scatter_add(0, i, s),
              plait.zeros(30, 5), index.reshape(-1, 1).expand(4000, 5), source)  # fmt: skip
        windows = plait.from_numpy(rng().standard_normal((50, 8)).astype("float32"))
        grads = []
        for device in ("cpu", CUDA):
            base = plait.zeros(57, device=device, requires_grad=True)
            base.as_strided((50, 8), (1, 1)).backward(windows.to(device))
            grads.append(base.grad)
        assert_same(grads[1], grads[0])


# ---- what is refused


def test_bad_indices_are_reported_when_the_host_waits():
    x = plait.zeros(4, 6, device=CUDA)
    ones = plait.ones(1, 6, device=CUDA)

    def index(*values):
        return plait.tensor(values).to(CUDA)

    cases = [
        (
            lambda: x.index_select(0, index(4)),
            r"index_select: index 4 .* dimension 0 with size 4; expected 0 to 3",
        ),
        (lambda: x.index_select(1, index(-1)), r"index_select: index -1 .* dimension 1 with size 6"),
        (lambda: x[index(-5)], r"index: index -5 .* size 4; expected -4 to 3"),
        (lambda: x.take(index(24)), r"take: index 24"),
        (lambda: x.gather(1, index(6).reshape(1, 1)), r"gather: index 6 is out of range for dimension 1"),
        (lambda: x.index_add(0, index(9), ones), r"index_add: index 9"),
        (lambda: x.index_copy(0, index(9), ones), r"index_copy: index 9"),
        (lambda: x.index_fill(0, index(-2), 1.0), r"index_fill: index -2"),
        (lambda: x.scatter(0, index(7).reshape(1, 1), 1.0), r"scatter: index 7"),
        (lambda: plait.embedding(x, index(11)), r"embedding: index 11"),
    ]
    for call, message in cases:
        call()  # does not wait
        with pytest.raises(IndexError, match=message):
            plait.cuda.synchronize()
    x.index_add_(0, index(9), ones)
    with pytest.raises(IndexError):
        x.cpu()
    assert array(x).sum() == 0  # the access was skipped, and the device goes on


def test_what_masks_and_repeats_refuse():
    x, mask = plait.zeros(3, device=CUDA), plait.tensor([True, False, True]).to(CUDA)
    two = plait.tensor([1, 2]).to(CUDA)
    cases = [
        (
            lambda: x.masked_scatter(mask, plait.ones(1, device=CUDA)),
            "the mask selects 2 elements, source has only 1",
        ),
        (
            lambda: x.index_put([mask], plait.ones(3, device=CUDA)),
            "3 values cannot be broadcast to the 2 elements",
        ),
        (lambda: plait.one_hot(two, 2), "one_hot: expected classes from 0 to 1 for 2 classes, got 2"),
        (lambda: plait.repeat_interleave(two - 2), "expected repeats of 0 or more, got -1"),
        (lambda: plait.repeat_interleave(two, output_size=5), "output_size is 5, the repeats sum to 3"),
    ]
    for call, message in cases:
        with pytest.raises(ValueError, match=message):
            call()
            plait.cuda.synchronize()


# ---- embedding


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64", "complex64"])
@pytest.mark.parametrize("width", [1, 5, 16, 200])
def test_embedding_gradient_by_sorting(dtype, width):
    """So many rows that they are sorted; some occur thousands of times, across many tiles."""
    count, rows = 9000, 400
    many = rng().zipf(1.4, count) % rows
    many[2000:5000] = 17
    index = plait.from_numpy(many.astype("int64"))
    grad = numbers((count, width), dtype, 1)
    expected = np.zeros((rows, width), "complex128")
    np.add.at(expected, many, np.asarray(grad.to(plait.complex128).numpy()))
    for padding, by_frequency in ((None, False), (17, False), (3, True)):
        weight = plait.zeros(rows, width, dtype=grad.dtype, device=CUDA, requires_grad=True)
        out = plait.embedding(weight, index.to(CUDA).reshape(90, 100), padding, by_frequency)
        out.backward(grad.to(CUDA).reshape(90, 100, width))
        want = expected.copy()
        if by_frequency:
            want /= np.maximum(np.bincount(many, minlength=rows), 1)[:, None]
        if padding is not None:
            want[padding] = 0
        got = array(weight.grad.to(plait.complex128))
        eps = {"float32": 1e-6, "bfloat16": 2.0**-8, "float64": 1e-14, "complex64": 1e-6}[dtype]
        # By frequency each term is rounded before the sum.
        room = eps * np.abs(want) + (
            eps * np.sqrt(np.bincount(many, minlength=rows))[:, None] if by_frequency else 0
        )
        assert (np.abs(got - want) <= room + 1e-300).all(), np.abs(got - want).max()


def test_embedding_gradient_twice():
    for padding, by_frequency in ((None, False), (1, True)):
        results = []
        for device in ("cpu", CUDA):
            weight = plait.arange(12.0).reshape(4, 3).to(device).requires_grad_()
            index = plait.tensor([1, 0, 3, 3, 1]).to(device)
            out = plait.embedding(weight, index, padding, by_frequency)
            scale = plait.arange(15.0).reshape(5, 3).to(device).requires_grad_()
            (grad,) = plait.autograd.grad(out, weight, scale, create_graph=True)
            grad.square().sum().backward()
            results.append((grad.detach(), scale.grad))
        for cuda, cpu in zip(results[1], results[0]):
            np.testing.assert_allclose(array(cuda), array(cpu), rtol=1e-6)


# ---- masks


@pytest.mark.parametrize("n", [1, 4095, 4096, 70001])
@pytest.mark.parametrize("density", [0.0, 0.3, 1.0])
def test_masks_of_many_tiles(n, density):
    bits = rng().random(n) < density
    mask, x = plait.from_numpy(bits), plait.arange(n)
    for dtype in (plait.uint8, plait.int64, plait.complex128):
        assert_same(
            x.to(dtype).to(CUDA).masked_select(mask.to(CUDA)), plait.from_numpy(np.arange(n)[bits]).to(dtype)
        )
    np.testing.assert_array_equal(array(mask.to(CUDA).nonzero())[:, 0], np.flatnonzero(bits))
    expected = np.arange(n)
    expected[bits] = -np.arange(1, bits.sum() + 1)
    source = -plait.arange(1, n + 1)
    assert_same(x.to(CUDA).masked_scatter(mask.to(CUDA), source.to(CUDA)), plait.from_numpy(expected))
    y = x.to(CUDA).clone()
    y[mask.to(CUDA)] = source[: int(bits.sum())].to(CUDA)
    assert_same(y, plait.from_numpy(expected))


def test_positions_in_many_dimensions():
    x = (rng().random((7, 1, 11, 13, 5)) < 0.2).astype("float32")
    np.testing.assert_array_equal(array(plait.from_numpy(x).to(CUDA).nonzero()), np.argwhere(x))
    turned = plait.from_numpy(x).to(CUDA).permute(4, 2, 0, 1, 3)
    np.testing.assert_array_equal(array(turned.nonzero()), np.argwhere(x.transpose(4, 2, 0, 1, 3)))
    assert plait.zeros((), device=CUDA).nonzero().shape == (0, 0)
    assert plait.ones((), device=CUDA).nonzero().shape == (1, 0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_value_is_written_by_mask_without_waiting(dtype):
    x, rows = numbers((60, 5, 7), dtype), plait.from_numpy(rng().random((60, 5)) < 0.5)

    def write(t, mask):
        t = t.clone()
        t[mask] = 1
        t[:, :, mask[:7, 0]] = 0
        t.transpose(0, 2)[:, mask.mT] = t[0, 0, 0]
        return t

    check(write, x, rows)


# ---- joining


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "complex128"])
@pytest.mark.parametrize("dim", [0, 1, 2])
def test_many_tensors_are_joined(dtype, dim):
    """More than one launch takes, of all alignments, some empty or strided."""
    parts = []
    for i, size in enumerate(rng().integers(0, 5, 150)):
        shape = [3, 4, 5]
        shape[dim] = int(size)
        part = numbers(shape, dtype)
        parts.append(part.mT.contiguous().mT if i % 7 == 3 else part)
    check(lambda *t: plait.cat(t, dim), *parts)
    same = [numbers((3, 4), dtype) + i for i in range(70)]
    check(lambda *t: plait.stack(t, dim), *same)
    check(lambda *t: plait.cat(t), *[numbers(int(n), dtype) for n in (5000, 1, 3, 12345, 16)])


def test_mixed_dtypes_and_layouts_are_joined():
    a, b = numbers((2, 3, 8, 8), "float32"), numbers((2, 5, 8, 8), "int16")
    last = plait.channels_last
    check(lambda s, t: plait.cat([s, t], 1), a, b)
    joined = plait.cat([a.to(CUDA).to(memory_format=last), a.to(CUDA).to(memory_format=last)], 1)
    assert joined.is_contiguous(memory_format=last)
    assert_same(joined, plait.cat([a, a], 1))
    out = plait.empty(8, 16, device=CUDA).mT
    plait.cat([a[0, 0].to(CUDA), a[0, 1].to(CUDA)], 0, out=out)
    assert_same(out, plait.cat([a[0, 0], a[0, 1]], 0))


# ---- other places


@pytest.mark.parametrize("dtype", ["uint8", "float16", "int32", "complex128"])
def test_shifts(dtype):
    x = numbers((3, 40, 96), dtype)
    for widths in [(1, 2), (16, 16), (-3, 5), (0, 0, 7, 1), (4, -2, -2, 2, 1, 0), (96, 0, 0, 0, 2, 3)]:
        check(lambda t: plait.pad(t, widths, value=3), x)
        check(lambda t: plait.pad(t.transpose(0, 2), widths, value=3), x)
    for shifts, dims in [((5,), (2,)), ((-32, 7), (2, 1)), ((100, 1, -1), (1, 0, 2))]:
        check(lambda t: plait.roll(t, shifts, dims), x)
        check(lambda t: plait.roll(t.mT, shifts, dims), x)
    check(lambda t: plait.flip(t[:, ::2], (0, 2)), x)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize(
    "widths", [(2, 3), (5, 0, 0, 4), (3, -2, -1, 4), (-1, 1, 1, -1), (-2, -1, 0, 0, 2, 1)]
)
def test_pads_and_their_gradients(mode, widths):
    x, results = numbers((2, 3, 7, 9), "float64"), []
    for device in ("cpu", CUDA):
        t = x.to(device).requires_grad_()
        out = plait.pad(t, widths, mode)
        grad = plait.arange(out.numel(), dtype=plait.float64).reshape(out.shape).to(device).requires_grad_()
        (first,) = plait.autograd.grad(out, t, grad, create_graph=True)
        (second,) = plait.autograd.grad(first, grad, first.detach())
        results.append((out.detach(), first.detach(), second))
    for cuda, cpu in zip(*reversed(results)):
        assert_same(cuda, cpu)


@pytest.mark.parametrize("dtype", ["bool", "float16", "float32", "complex128"])
def test_triangles(dtype):
    for shape in [(5, 7), (64, 64), (3, 2, 33, 16), (1, 40), (40, 1)]:
        x = numbers(shape, dtype)
        for diagonal in (-50, -3, 0, 2, 15, 100):
            check(lambda t: plait.tril(t, diagonal), x)
            check(lambda t: plait.triu(t, diagonal), x)
            check(lambda t: plait.tril(t.mT, diagonal), x)


def test_repeats():
    x, counts = numbers((3, 500), "float32"), plait.from_numpy(rng().integers(0, 4, 500))
    check(lambda t, n: plait.repeat_interleave(t, n, 1), x, counts)
    total = int(counts.sum())
    check(lambda t, n: plait.repeat_interleave(t, n.int(), 1, output_size=total), x, counts)
    # So many that their sums take several blocks.
    many = plait.from_numpy(rng().integers(0, 3, 40000))
    np.testing.assert_array_equal(
        array(plait.repeat_interleave(many.to(CUDA))), np.repeat(np.arange(40000), many.numpy())
    )
