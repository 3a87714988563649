"""Reductions, scans, softmax and norms on CUDA against NumPy in float64: the sizes, layouts and values at which
their kernels change their ways (whole vectors or single elements, one block or several, registers or passes)."""

import numpy as np
import plait
import pytest
from cuda_device import needs_cuda

pytestmark = needs_cuda

FLOATS = {"float64": 1e-14, "float32": 2e-6, "float16": 2e-3, "bfloat16": 1.6e-2}  # relative, of results
SIZES = [1, 3, 31, 33, 257, 1000, 1024, 4099]


def numbers(shape, seed=0, low=-2.0, high=2.0):
    return np.random.default_rng(seed).uniform(low, high, shape)


def on_cuda(values, dtype="float32"):
    return plait.tensor(values, dtype=plait.float64).to("cuda").to(getattr(plait, dtype))


def host(tensor):
    return tensor.to("cpu").to(plait.float64).numpy()


def close(got, want, dtype="float32", scale=1.0):
    tolerance = FLOATS[dtype]
    np.testing.assert_allclose(host(got), want, rtol=tolerance * scale, atol=tolerance * scale)


# ---- layouts: what is reduced may lie anyhow


LAYOUTS = {
    "contiguous": lambda x: x,
    "transposed": lambda x: x.transpose(0, 2).contiguous().transpose(0, 2),
    "permuted": lambda x: x.permute(1, 2, 0).contiguous().permute(2, 0, 1),
    "every other": lambda x: x.repeat(1, 1, 2)[:, :, : x.shape[2]],
    "offset": lambda x: plait.cat([x[:, :, :1], x], 2)[:, :, 1:],
    "expanded": lambda x: x[:, :1].expand(x.shape[0], x.shape[1], x.shape[2]),
}
DIMS = [None, 0, 1, 2, (0, 1), (0, 2), (1, 2), (0, 1, 2)]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int64", "uint8", "complex64"])
def test_sums_over_any_dimensions(layout, dtype):
    for shape in [(3, 5, 7), (2, 16, 40), (9, 1, 33), (1, 64, 24)]:
        values = np.round(numbers(shape, 1, 0, 9))
        x = LAYOUTS[layout](on_cuda(values).to(getattr(plait, dtype)))
        want = x.to("cpu").numpy() if dtype != "bfloat16" else host(x)
        for dim in DIMS:
            got = (x.sum() if dim is None else x.sum(dim)).to("cpu")
            got = got.to(plait.float64).numpy() if dtype == "bfloat16" else got.numpy()
            reference = want.astype(np.int64) if dtype == "uint8" else want
            expected = reference.sum(dim)
            np.testing.assert_allclose(got, expected, rtol=FLOATS.get(dtype, 1e-6), err_msg=f"{shape} {dim}")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_extremes_over_any_dimensions(layout):
    for shape in [(3, 5, 7), (2, 16, 40), (1, 64, 24)]:
        x = LAYOUTS[layout](on_cuda(np.round(numbers(shape, 2) * 3)))
        want = host(x)
        for dim in DIMS[1:]:
            close(x.amax(dim), want.max(dim))
            close(x.amin(dim), want.min(dim))
            assert (x.to(plait.bool).any(dim).to("cpu").numpy() == (want != 0).any(dim)).all()
            assert (x.to(plait.bool).all(dim).to("cpu").numpy() == (want != 0).all(dim)).all()
        for dim in range(3):
            values, indices = x.max(dim)
            close(values, want.max(dim))
            assert (indices.to("cpu").numpy() == want.argmax(dim)).all(), "the first of equals"
            assert (x.argmin(dim).to("cpu").numpy() == want.argmin(dim)).all()
        assert x.argmax().item() == want.reshape(-1).argmax()


# ---- lengths: rows of any length, that begin anywhere


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n", SIZES)
def test_row_lengths(dtype, n):
    for rows in (1, 3, 70):
        x = on_cuda(numbers((rows, n), n), dtype)
        want = host(x)
        close(x.sum(1), want.sum(1), dtype, np.sqrt(n))
        close(x.mean(1), want.mean(1), dtype)
        close(x.amax(1), want.max(1), dtype)
        close(plait.linalg.vector_norm(x, dim=1) if hasattr(plait.linalg, "vector_norm") else x.norm(2, 1),
              np.sqrt((want**2).sum(1)), dtype)
        if n > 1:
            close(x.var(1), want.var(1, ddof=1), dtype, 2)
        top = want.max(1, keepdims=True)
        close(x.logsumexp(1), np.log(np.exp(want - top).sum(1)) + top[:, 0], dtype, 4)


def test_many_elements_for_one_result():
    """Several blocks work on a result, and the last merges their parts."""
    values = numbers(3_000_001, 5)
    x = on_cuda(values)
    want = host(x)
    for _ in range(3):  # the counters are left at zero
        close(x.sum() / 1e3, want.sum() / 1e3)
        assert x.argmax().item() == want.argmax()
        close(x.var(correction=0), want.var())
        assert (x > 0).sum().item() == (want > 0).sum()
    close(x[1:].mean(), want[1:].mean())


def test_many_rows_for_few_columns():
    x = on_cuda(numbers((60_000, 24), 6))
    want = host(x)
    close(x.sum(0) / 100, want.sum(0) / 100)
    close(x.var(0), want.var(0, ddof=1))
    _, indices = x.max(0)
    assert (indices.to("cpu").numpy() == want.argmax(0)).all()


def test_sums_do_not_change_from_run_to_run():
    x = on_cuda(numbers((4_000, 513), 7))
    for f in (plait.sum, plait.mean, lambda t: plait.sum(t, 0), lambda t: plait.sum(t, 1)):
        first = f(x).to("cpu").numpy()
        assert all((f(x).to("cpu").numpy() == first).all() for _ in range(3))


def test_moments_far_from_zero():
    """Large means cost no digits beyond those that the dtype has lost."""
    values = (1e6 + np.random.default_rng(8).integers(-8, 9, (5, 4096)) / 8).astype(np.float32)
    x = plait.tensor(values).to("cuda")
    close(x.var(1), values.astype(np.float64).var(1, ddof=1), "float32", 50)
    outlier = numbers((2, 5000), 9)
    outlier[:, 0] = 1e4
    y = on_cuda(outlier)
    np.testing.assert_allclose(host(y.var(1)), host(y).var(1, ddof=1), rtol=1e-5)


@pytest.mark.parametrize("layout", ["rows", "columns", "single columns"])
@pytest.mark.parametrize("first", [0.0, 1e4, -3e5])
def test_moments_behind_outliers(layout, first):
    """What a thread starts with tells nothing about the rest."""
    x = numbers((6000, 8), seed=3) + 5
    x[:7] = first
    x = x.astype(np.float32).astype(np.float64)
    axis = 0
    if layout == "rows":
        x, axis = np.ascontiguousarray(x.T), 1
    given = on_cuda(x[:, :1] if layout == "single columns" else x)
    variance, mean = plait.var_mean(given, dim=axis)
    wanted = x[:, :1] if layout == "single columns" else x
    np.testing.assert_allclose(host(variance), wanted.var(axis=axis, ddof=1), rtol=1e-5)
    np.testing.assert_allclose(host(mean), wanted.mean(axis=axis), rtol=1e-5)


def test_moments_of_equal_numbers():
    for dtype in ("float32", "bfloat16", "float16"):
        x = on_cuda(np.full((1003, 24), 0.1), dtype)
        for axis in (0, 1):
            variance, mean = plait.var_mean(x, dim=axis)
            assert (host(variance) <= 1e-15).all(), (dtype, axis)
            assert (host(mean) == host(x)[0, 0]).all()


@pytest.mark.parametrize("where", [0, 1, 40, 2999])
@pytest.mark.parametrize("axis", [0, 1])
def test_moments_of_what_is_not_finite(where, axis):
    x = numbers((3000, 8), seed=4)
    x[where, :4] = [np.nan, np.inf, -np.inf, np.inf]
    x[(where + 1700) % 3000, 3:5] = [-np.inf, np.nan]
    with np.errstate(invalid="ignore"):
        want = x.mean(axis=0)
    variance, mean = plait.var_mean(on_cuda(x if axis == 0 else np.ascontiguousarray(x.T)), dim=axis)
    np.testing.assert_allclose(host(mean), want, rtol=1e-4, atol=1e-5)
    assert np.isnan(host(variance)[:5]).all()
    assert np.isfinite(host(variance)[5:]).all()


def test_special_values():
    inf, nan = float("inf"), float("nan")
    rows = [[1, nan, inf], [-inf, -inf, -inf], [inf, -inf, 0], [inf, inf, 1], [nan, nan, nan], [-inf, 1, 2]]
    x = plait.tensor(rows)
    for t in (x, x.repeat(1, 300), x.repeat(1, 3000)):
        c = t.to("cuda")
        for f in (
            lambda t: t.sum(1), lambda t: t.amax(1), lambda t: t.amin(1), lambda t: t.max(1).indices,
            lambda t: t.min(1).indices, lambda t: t.logsumexp(1), lambda t: t.mean(1), lambda t: t.nansum(1),
            lambda t: t.var(1), lambda t: t.norm(float("inf"), 1), lambda t: plait.softmax(t, 1),
            lambda t: plait.log_softmax(t, 1), lambda t: t.any(1), lambda t: t.cummax(1).values,
            lambda t: t.cummax(1).indices, lambda t: plait.logcumsumexp(t, 1),
        ):
            np.testing.assert_allclose(f(c).to("cpu").numpy(), f(t).numpy(), rtol=1e-5)


def test_extremes_of_integers():
    for dtype in ("uint8", "int8", "int16", "int32", "int64"):
        info = np.iinfo(dtype)
        values = np.random.default_rng(3).integers(info.min, info.max, (7, 333), dtype=dtype, endpoint=True)
        values[2] = info.min
        values[3] = info.max
        x = plait.tensor(values).to("cuda")
        assert (x.amax(1).to("cpu").numpy() == values.max(1)).all()
        assert (x.min(0).values.to("cpu").numpy() == values.min(0)).all()
        assert (x.argmin(1).to("cpu").numpy() == values.argmin(1)).all()
        assert (x.sum(1).to("cpu").numpy() == values.astype(np.int64).sum(1)).all()


# ---- softmax and norms: in registers, in passes, along columns


LONG = [5, 250, 256, 300, 1000, 1024, 5000, 16_384, 16_390, 33_000]


def softmax(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n", LONG)
def test_softmax_of_rows(dtype, n):
    x = on_cuda(numbers((3, n), n, -8, 8), dtype)
    g = on_cuda(numbers((3, n), n + 1), dtype)
    want = softmax(host(x), 1)
    close(plait.softmax(x, 1) * n, want * n, dtype, 4)
    close(plait.log_softmax(x, 1), np.log(want), dtype, 4)
    for log in (False, True):
        y = x.detach().requires_grad_()
        out = (plait.log_softmax if log else plait.softmax)(y, 1)
        out.backward(g)
        o, u = host(out.detach()), host(g)
        expected = u - np.exp(o) * u.sum(1, keepdims=True) if log else o * (u - (u * o).sum(1, keepdims=True))
        close(y.grad * (1 if log else n), expected * (1 if log else n), dtype, 8 * np.sqrt(n) if log else 8)


@pytest.mark.parametrize("shape,dim", [((4, 7, 33), 1), ((600, 9), 0), ((2, 700, 3), 1), ((5, 3, 8, 8), 1)])
def test_softmax_of_columns(shape, dim):
    x = on_cuda(numbers(shape, 4), "float32")
    close(plait.softmax(x, dim), softmax(host(x), dim))
    y = x.requires_grad_()
    plait.log_softmax(y, dim).sum(dim).sum().backward()
    p = softmax(host(x.detach()), dim)
    close(y.grad, 1 - p * shape[dim], scale=shape[dim])


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n", [1, 7, 96, 250, 256, 768, 1024, 2561, 4096, 6000, 8200, 17_000])
@pytest.mark.parametrize("center", [True, False])
def test_layer_norm(dtype, n, center):
    rows = 37
    x, g = (on_cuda(numbers((rows, n), n + i), dtype).requires_grad_(i == 0) for i in range(2))
    w = on_cuda(numbers(n, n + 2), dtype).requires_grad_()
    b = on_cuda(numbers(n, n + 3), dtype).requires_grad_()
    functional = plait.nn.functional
    y = functional.layer_norm(x, (n,), w, b, 1e-3) if center else functional.rms_norm(x, (n,), w, 1e-3)
    y.backward(g)
    xs, gs, ws, bs = (host(t.detach()) for t in (x, g, w, b))
    m = xs.mean(1, keepdims=True) if center else 0
    r = 1 / np.sqrt(((xs - m) ** 2).mean(1, keepdims=True) + 1e-3)
    h, u = (xs - m) * r, gs * ws
    close(y.detach(), h * ws + (bs if center else 0), dtype, 8)
    dx = r * (u - (u.mean(1, keepdims=True) if center else 0) - h * (u * h).mean(1, keepdims=True))
    close(x.grad, dx, dtype, 40)
    close(w.grad, (gs * h).sum(0), dtype, 40)
    if center:
        close(b.grad, gs.sum(0), dtype, 40)


def test_layer_norm_with_wider_weights():
    x = on_cuda(numbers((5, 96), 1), "bfloat16")
    w, b = on_cuda(numbers(96, 2)), on_cuda(numbers(96, 3))
    xs = host(x)
    h = (xs - xs.mean(1, keepdims=True)) / np.sqrt(xs.var(1, keepdims=True) + 1e-5)
    close(plait.layer_norm(x, (96,), w, b), h * host(w) + host(b), "bfloat16", 2)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("classes", [2, 10, 257, 1000, 4097, 50_257])
def test_cross_entropy(dtype, classes):
    rows = 9
    x = on_cuda(numbers((rows, classes), classes, -6, 6), dtype).requires_grad_()
    target = np.random.default_rng(classes).integers(0, classes, rows)
    target[3] = -100
    weight = numbers(classes, 3, 0.5, 2)
    for smoothing in (0.0, 0.1):
        x.grad = None
        loss = plait.nn.functional.cross_entropy(
            x, plait.tensor(target).to("cuda"), on_cuda(weight, dtype), label_smoothing=smoothing, reduction="none"
        )
        loss.sum().backward()
        xs, ws, keep = host(x.detach()), host(on_cuda(weight, dtype)), target != -100
        safe = np.where(keep, target, 0)
        lse = np.log(np.exp(xs - xs.max(1, keepdims=True)).sum(1)) + xs.max(1)
        one = np.zeros_like(xs)
        one[np.arange(rows), safe] = ws[safe]
        q = ((1 - smoothing) * one + smoothing / classes * ws) * keep[:, None]
        close(loss.detach(), (q * (lse[:, None] - xs)).sum(1), dtype, 8)
        want = q.sum(1, keepdims=True) * np.exp(xs - lse[:, None]) - q
        close(x.grad * 10, want * 10, dtype, 8)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize(
    "dtype,classes",  # of a block that shares its multiprocessor, of one that has it alone, beyond its shared memory
    [("bfloat16", 50_257), ("float16", 9000), ("float32", 57_000), ("float32", 60_001), ("float64", 2100), ("float64", 20_001)],
)
def test_cross_entropy_with_its_gradient(dtype, classes, smoothing):
    rows = 5
    x = on_cuda(numbers((rows, classes), classes, -6, 6), dtype).requires_grad_()
    target = np.random.default_rng(classes).integers(0, classes, rows)
    target[3] = -100
    scale = 1000 if dtype == "float16" else 1  # the gradients of a mean vanish there
    loss = plait.nn.functional.cross_entropy(x, plait.tensor(target).to("cuda"), label_smoothing=smoothing) * scale
    loss.backward()
    xs, keep = host(x.detach()), target != -100
    lse = np.log(np.exp(xs - xs.max(1, keepdims=True)).sum(1)) + xs.max(1)
    q = np.full_like(xs, smoothing / classes)
    q[np.arange(rows), np.where(keep, target, 0)] += 1 - smoothing
    q *= keep[:, None] * scale / keep.sum()
    close(loss.detach(), (q * (lse[:, None] - xs)).sum(), dtype, 8)
    want = np.exp(xs - lse[:, None]) * q.sum(1, keepdims=True) - q
    close(x.grad.double() * (classes / scale), want * (classes / scale), dtype, 8)


@pytest.mark.parametrize("counter", ["int64", "int32", "float64"])
def test_batch_norm_counts_its_batches(counter):
    norm = plait.nn.BatchNorm1d(5, device="cuda")
    norm.num_batches_tracked = norm.num_batches_tracked.to(getattr(plait, counter))
    x = on_cuda(numbers((8, 5), 1))
    version = norm.num_batches_tracked._version
    for _ in range(3):
        norm(x)
    assert norm.num_batches_tracked.item() == 3 and norm.num_batches_tracked._version > version
    mean, rest = host(x).mean(0), 0.9**3
    np.testing.assert_allclose(host(norm.running_mean), mean * (1 - rest), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(host(norm.running_var), host(x).var(0, ddof=1) * (1 - rest) + rest, rtol=1e-5)
    norm.eval()(x)
    assert norm.num_batches_tracked.item() == 3
    alone = plait.nn.BatchNorm1d(5, device="cuda")
    alone.running_mean = alone.running_var = None
    alone(x)
    assert alone.num_batches_tracked.item() == 1


def test_bad_targets_are_reported():
    x = on_cuda(numbers((4, 5), 1))
    good = plait.tensor([0, 1, 2, 3]).to("cuda")
    for loss in (plait.nn.functional.cross_entropy, plait.nn.functional.nll_loss):
        with pytest.raises(IndexError, match="target 7 at position 2 is out of range for 5 classes"):
            loss(x, plait.tensor([0, 1, 7, 3]).to("cuda")).item()
        loss(x, good).item()  # the process goes on
    with pytest.raises(ValueError, match=r"expected probabilities between 0 and 1, got 1\.5"):
        plait.nn.functional.binary_cross_entropy(on_cuda([0.5, 1.5]), on_cuda([0.0, 1.0])).item()


# ---- scans


@pytest.mark.parametrize("shape,dim", [((5, 7), 1), ((3, 1000), 1), ((2, 40_001), 1), ((300_000,), 0), ((5, 33, 4), 1),
                                       ((3000, 2), 0), ((3, 0), 1), ((), 0)])
def test_scans(shape, dim):
    values = np.round(numbers(shape, 2) * 8) / 8
    x = on_cuda(values)
    np.testing.assert_allclose(host(x.cumsum(dim)), values.cumsum(dim) if shape else values, rtol=1e-6, atol=1e-5)
    for f in (plait.cummax, plait.cummin):
        for got, want in zip(f(x, dim), f(plait.tensor(values, dtype=plait.float32), dim)):
            assert (got.to("cpu").numpy() == want.numpy()).all()
    near = on_cuda(1 + values / 1000)
    want = np.multiply.accumulate(host(near), dim) if shape else host(near)
    np.testing.assert_allclose(host(near.cumprod(dim)), want, rtol=2e-6)
    if shape and x.numel():
        want = np.logaddexp.accumulate(values, dim)
        np.testing.assert_allclose(host(plait.logcumsumexp(x, dim)), want, rtol=2e-6, atol=1e-6)


def test_sums_of_integers_wrap():
    x = plait.full((3000,), 2**62, dtype=plait.int64)
    assert (x.to("cuda").cumsum(0).to("cpu").numpy() == x.cumsum(0).numpy()).all()
    y = plait.full((5000,), 100, dtype=plait.int32)
    assert (y.to("cuda").cumsum(0, dtype=plait.int8).to("cpu").numpy() == y.cumsum(0, dtype=plait.int8).numpy()).all()


# ---- channels


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("shape", [(3, 8, 5, 7), (2, 16, 8, 8), (70, 24), (4, 6, 1000), (2, 5, 3, 4)])
def test_batch_and_group_norm(dtype, last, shape):
    def make(seed):
        t = on_cuda(numbers(shape, seed), dtype)
        return t.contiguous(memory_format=plait.channels_last) if last and len(shape) == 4 else t

    x, g = make(1), make(2)
    channels = shape[1]
    w, b = on_cuda(numbers(channels, 3), dtype), on_cuda(numbers(channels, 4), dtype)
    functional = plait.nn.functional
    cpu = {}
    for device in ("cuda", "cpu"):
        # The CPU's results are those of float64: both devices round once.
        place = (lambda t: t.detach()) if device == "cuda" else (lambda t: t.detach().to("cpu").to(plait.float64))
        xs, ws, bs = (place(t).requires_grad_() for t in (x, w, b))
        wide = plait.float64 if dtype == "float64" else plait.float32
        running = [place(f(channels, dtype=wide, device="cuda")) for f in (plait.zeros, plait.ones)]
        results = []
        for training in (True, False):
            y = functional.batch_norm(xs, running[0], running[1], ws, bs, training, 0.1, 1e-3)
            results += [y, *plait.autograd.grad(y, (xs, ws, bs), place(g))]
        for groups in (1, channels):
            y = functional.group_norm(xs, groups, ws, bs, 1e-3)
            results += [y, *plait.autograd.grad(y, (xs, ws, bs), place(g))]
        cpu[device] = [*results, *running]
    for i, (got, want) in enumerate(zip(cpu["cuda"], cpu["cpu"])):
        bound = float(abs(host(want.detach())).max()) + 1
        np.testing.assert_allclose(host(got.detach()) / bound, host(want.detach()) / bound, atol=8 * FLOATS[dtype],
                                   err_msg=f"result {i}")


# ---- pools and pictures


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("kernel,stride,padding,dilation", [(2, 2, 0, 1), (3, 2, 1, 1), (3, 1, 1, 2), (5, 3, 2, 1)])
def test_pools(last, kernel, stride, padding, dilation):
    functional = plait.nn.functional
    values = np.round(numbers((2, 8, 17, 13), 1) * 4)  # with equal ones
    x = plait.tensor(values, dtype=plait.float32)
    c = x.to("cuda")
    if last:
        c = c.contiguous(memory_format=plait.channels_last)
    a, b = x.requires_grad_(), c.detach().requires_grad_()
    for f in (
        lambda t: functional.max_pool2d(t, kernel, stride, padding, dilation),
        lambda t: functional.max_pool2d(t, kernel, stride, padding, dilation, ceil_mode=True),
        lambda t: functional.avg_pool2d(t, kernel, stride, padding, ceil_mode=True, count_include_pad=False),
        lambda t: functional.avg_pool2d(t, kernel, stride, padding, divisor_override=3),
        lambda t: functional.adaptive_avg_pool2d(t, (5, 1)),
        lambda t: functional.adaptive_avg_pool2d(t, 1),
        lambda t: functional.adaptive_max_pool2d(t, (4, 7)),
    ):
        want, got = f(a), f(b)
        close(got.detach(), host(want.detach()))
        g = plait.tensor(numbers(tuple(want.shape), 2), dtype=plait.float32)
        close(plait.autograd.grad(got, b, g.to("cuda"))[0], host(plait.autograd.grad(want, a, g)[0]), scale=4)


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(1, 1), (3, 20), (11, 9), (40, 31)])
def test_interpolation(mode, size):
    functional = plait.nn.functional
    x = plait.tensor(numbers((2, 3, 11, 9), 1), dtype=plait.float32)
    a, b = x.requires_grad_(), x.detach().to("cuda").requires_grad_()
    for corners in (None,) if mode.startswith("nearest") else (False, True):
        want, got = (functional.interpolate(t, size, mode=mode, align_corners=corners) for t in (a, b))
        close(got.detach(), host(want.detach()), scale=2)
        g = plait.tensor(numbers(tuple(want.shape), 2), dtype=plait.float32)
        close(plait.autograd.grad(got, b, g.to("cuda"))[0], host(plait.autograd.grad(want, a, g)[0]), scale=20)


# ---- without waiting


def test_products_with_zeros():
    values = np.array([[1.0, 0, 3, 2], [0, 2, 0, 1], [2, 3, 4, 5]])
    a = plait.tensor(values).requires_grad_()
    b = a.detach().to("cuda").requires_grad_()
    for f in (lambda t: t.prod(1).sum(), lambda t: t[0].prod(), lambda t: t[2].prod()):
        want = plait.autograd.grad(f(a), a)[0]
        close(plait.autograd.grad(f(b), b)[0], host(want), "float64")
        (first,) = plait.autograd.grad(f(b), b, create_graph=True)
        (reference,) = plait.autograd.grad(f(a), a, create_graph=True)
        second = plait.autograd.grad(first.sum(), b)[0]
        close(second, host(plait.autograd.grad(reference.sum(), a)[0]), "float64")


def test_histograms():
    values = numbers(20_000, 3)
    x = on_cuda(values)
    want = np.histogram(host(x), 50, (-1.5, 1.5))[0]
    assert (host(plait.histc(x, 50, -1.5, 1.5)) == want).all()
    k = plait.tensor(np.random.default_rng(1).integers(0, 70, 5000))
    w = plait.tensor(numbers(5000, 2))
    assert (k.to("cuda").bincount().to("cpu").numpy() == k.bincount().numpy()).all()
    close(k.to("cuda").bincount(w.to("cuda"), 100), k.bincount(w, 100).numpy(), "float64", 100)
    with pytest.raises(ValueError, match="got -3 at position 1"):
        plait.tensor([1, -3, -4]).to("cuda").bincount()
