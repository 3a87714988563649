"""The cross-entropy that brings its gradient along, on both devices, against float64 formulas of NumPy."""

import numpy as np
import plait
import plait.nn.functional as F
import pytest
from cuda_device import needs_cuda

DEVICES = ["cpu", pytest.param("cuda", marks=needs_cuda)]
TOLERANCE = {"float64": 1e-13, "float32": 3e-6, "float16": 2e-3, "bfloat16": 1e-2}
IGNORED = -100


def reference(x, target, weight, smoothing, reduction):
    """Loss and gradient of the logits."""
    rows, classes = x.shape
    keep = target != IGNORED
    safe = np.where(keep, target, 0)
    w = np.ones(classes) if weight is None else weight
    lse = np.log(np.exp(x - x.max(1, keepdims=True)).sum(1, keepdims=True)) + x.max(1, keepdims=True)
    q = np.full((rows, classes), smoothing / classes) * w
    q[np.arange(rows), safe] += (1 - smoothing) * w[safe]
    q *= keep[:, None]
    divisor = (w[safe] * keep).sum() if reduction == "mean" else 1.0
    return (q * (lse - x)).sum() / divisor, (q.sum(1, keepdims=True) * np.exp(x - lse) - q) / divisor


def sample(rows, classes, dtype, device, seed=0):
    rng = np.random.default_rng(seed)
    x = plait.tensor(rng.normal(size=(rows, classes)) * 3).to(getattr(plait, dtype)).to(device)
    target = rng.integers(0, classes, rows)
    if rows > 2:
        target[rows // 2] = IGNORED
    weight = plait.tensor(rng.uniform(0.5, 2, classes)).to(getattr(plait, dtype)).to(device)
    return x.requires_grad_(), plait.tensor(target).to(device), weight


def wide(t):
    return t.detach().cpu().double().numpy()


# All in one block; rows in the cache, in shared memory beside another row, alone in it, and too long for it; rows
# that begin at odd addresses.
SIZES = [
    (1, 1),
    (1, 2),
    (64, 10),
    (700, 3),
    (5, 257),
    (40, 1000),
    (3000, 10),
    (3, 8192),
    (3, 33_001),
    (2, 60_000),
]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("rows, classes", SIZES)
def test_values(rows, classes, dtype, device):
    for smoothing, weighted, reduction in [
        (0.0, False, "mean"),
        (0.1, True, "mean"),
        (0.1, False, "sum"),
        (0.0, True, "sum"),
    ]:
        x, target, weight = sample(rows, classes, dtype, device)
        loss = F.cross_entropy(
            x, target, weight if weighted else None, reduction=reduction, label_smoothing=smoothing
        )
        loss.backward()
        expected, gradient = reference(
            wide(x), target.cpu().numpy(), wide(weight) if weighted else None, smoothing, reduction
        )
        np.testing.assert_allclose(wide(loss), expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
        scale = np.abs(gradient).max() or 1
        np.testing.assert_allclose(
            wide(x.grad) / scale, gradient / scale, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype]
        )


@pytest.mark.parametrize("device", DEVICES)
def test_incoming_gradients(device):
    x, target, _ = sample(7, 300, "float64", device)
    _, gradient = reference(wide(x), target.cpu().numpy(), None, 0.0, "mean")
    loss = F.cross_entropy(x, target)
    for _ in range(2):  # a graph that is kept gives the same again
        (grad,) = plait.autograd.grad(loss, x, retain_graph=True)
        np.testing.assert_allclose(wide(grad), gradient, atol=1e-14)
        grad.zero_()  # what a caller does to it is nobody else's matter
    (grad,) = plait.autograd.grad(loss * 3, x)
    np.testing.assert_allclose(wide(grad), 3 * gradient, atol=1e-14)
    with pytest.raises(RuntimeError, match="freed by an earlier backward"):
        loss.backward()


@pytest.mark.parametrize("device", DEVICES)
def test_second_derivative(device):
    x, target, weight = sample(4, 5, "float64", device)
    weight = weight.detach()

    def loss(t):
        return F.cross_entropy(t, target, weight, label_smoothing=0.1).square()

    assert plait.autograd.gradcheck(loss, (x,))
    assert plait.autograd.gradgradcheck(loss, (x,))


@pytest.mark.parametrize("device", DEVICES)
def test_more_dimensions(device):
    x = plait.randn(2, 5, 3, 4, device=device, dtype=plait.float64).requires_grad_()
    target = plait.randint(0, 5, (2, 3, 4), device=device)
    F.cross_entropy(x, target).backward()
    rows = wide(x).transpose(0, 2, 3, 1).reshape(-1, 5)
    _, gradient = reference(rows, target.cpu().numpy().reshape(-1), None, 0.0, "mean")
    np.testing.assert_allclose(wide(x.grad), gradient.reshape(2, 3, 4, 5).transpose(0, 3, 1, 2), atol=1e-14)


def test_without_data():
    x = plait.empty(5, 10, device="meta").requires_grad_()
    target = plait.empty(5, dtype=plait.int64, device="meta")
    F.cross_entropy(x, target).backward()
    (F.cross_entropy(x, target) * 2).backward()
    assert x.grad.is_meta and x.grad.shape == (5, 10)


@pytest.mark.parametrize("device", DEVICES)
def test_all_rows_ignored(device):
    x = plait.randn(3, 4, device=device).requires_grad_()
    loss = F.cross_entropy(x, plait.full((3,), IGNORED, device=device))
    loss.backward()
    assert loss.isnan() and not x.grad.any()


@pytest.mark.parametrize("device", DEVICES)
def test_no_rows(device):
    x = plait.zeros(0, 4, device=device).requires_grad_()
    target = plait.zeros(0, dtype=plait.int64, device=device)
    total = F.cross_entropy(x, target, reduction="sum")
    total.backward()
    assert total == 0 and x.grad.shape == (0, 4)
    assert F.cross_entropy(x, target).isnan()


@pytest.mark.parametrize("device", DEVICES)
def test_float16_is_scaled_before_it_is_rounded(device):
    """Of a mean over many rows, float16 could not hold the gradients that loss scaling is there for."""
    x = plait.zeros(4096, 64, device=device, dtype=plait.float16).requires_grad_()
    (F.cross_entropy(x, plait.zeros(4096, dtype=plait.int64, device=device)).float() * 2048).backward()
    np.testing.assert_allclose(wide(x.grad)[:, 1:], 2048 / 4096 / 64, rtol=1e-3)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_autocast(device, dtype):
    """The loss is float32's of the same logits, and so is its gradient, also where it is scaled; no copy in float32."""
    for weighted, reduction in [(False, "mean"), (True, "mean"), (False, "none")]:
        x, target, weight = sample(40, 300, dtype, device)
        if device == "cuda":
            plait.cuda.reset_peak_memory_stats()
            before = plait.cuda.memory_allocated()
        with plait.autocast(device, x.dtype):
            loss = F.cross_entropy(x, target, weight if weighted else None, reduction=reduction)
        assert loss.dtype is plait.float32
        (loss.mean() * 32768).backward()
        if device == "cuda":
            assert plait.cuda.max_memory_allocated() - before < 1.5 * x.nbytes
        wide_x = x.detach().float().requires_grad_()
        expected = F.cross_entropy(wide_x, target, weight.float() if weighted else None, reduction=reduction)
        (expected.mean() * 32768).backward()
        np.testing.assert_allclose(wide(loss), wide(expected), rtol=3e-6, atol=1e-6)
        rounding = 2.0**-8 if dtype == "bfloat16" else 2.0**-11
        np.testing.assert_allclose(wide(x.grad), wide(wide_x.grad), rtol=2 * rounding, atol=1e-4)
    probabilities = plait.softmax(x.detach().float(), 1)
    with plait.autocast(device, x.dtype):
        assert F.cross_entropy(x, probabilities).dtype is plait.float32


@needs_cuda
def test_backward_needs_no_memory():
    x, target, _ = sample(64, 1024, "float32", "cuda")
    loss = F.cross_entropy(x, target)
    plait.cuda.synchronize()
    plait.cuda.reset_peak_memory_stats()
    before = plait.cuda.memory_allocated()
    (grad,) = plait.autograd.grad(loss, x)
    assert plait.cuda.max_memory_allocated() - before < x.nbytes // 16
    np.testing.assert_allclose(wide(grad).sum(1), 0, atol=1e-6)


@pytest.mark.parametrize("device", DEVICES)
def test_scale(device):
    for dtype in TOLERANCE:
        x = plait.randn(3, 1001, device=device).to(getattr(plait, dtype))
        factor = plait.tensor(0.5, device=device, dtype=plait.float32)
        for layout in (x, x.t(), x[:, 1:], x[:, ::2], x.expand(2, 3, 1001)):
            np.testing.assert_array_equal(wide(plait._scale(layout, factor)), wide(layout) * 0.5)
        y = x.clone()
        assert plait._scale_(y, plait.ones(1, device=device, dtype=x.dtype)) is y and plait.equal(y, x)
        plait._scale_(y[:, 1:], factor)
        np.testing.assert_array_equal(wide(y), np.concatenate([wide(x)[:, :1], wide(x)[:, 1:] * 0.5], 1))
    x = plait.randn(4, device=device, dtype=plait.float64).requires_grad_()
    factor = plait.tensor(3.0, device=device, dtype=plait.float64).requires_grad_()
    assert plait.autograd.gradcheck(plait._scale, (x, factor))
    with pytest.raises(ValueError, match=r"_scale: expected a factor of one element, got shape \(2,\)"):
        plait._scale(x, plait.ones(2, device=device, dtype=plait.float64))
    with pytest.raises(TypeError, match="_scale: expected a floating factor, got int64"):
        plait._scale(x, plait.tensor(1, device=device))


@pytest.mark.parametrize("classes", [1, 2, 3, 4, 7, 15, 16, 17])
@pytest.mark.parametrize("rows", [1, 15, 16, 63, 64, 65, 300])
def test_rows_of_few_classes(rows: int, classes: int) -> None:
    rng = np.random.default_rng(rows * classes)
    x = rng.normal(size=(rows, classes)) * 4
    target = rng.integers(0, classes, rows)
    target[rows // 2] = -100
    upper = rng.normal(size=(rows, classes))
    shifted = x - x.max(1, keepdims=True)
    p = np.exp(shifted) / np.exp(shifted).sum(1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    kept = target != -100
    picked = np.where(kept, -log_p[np.arange(rows), np.where(kept, target, 0)], 0)
    one_hot = (np.arange(classes) == target[:, None]) * 1.0
    for dtype, tolerance in ((plait.float64, 1e-12), (plait.float32, 2e-5), (plait.bfloat16, 6e-2)):
        logits = plait.tensor(x, dtype=dtype, requires_grad=True)
        near = {"rtol": tolerance, "atol": tolerance}
        for function, value, gradient in (
            (plait.softmax, p, p * (upper - (upper * p).sum(1, keepdims=True))),
            (plait.log_softmax, log_p, upper - p * upper.sum(1, keepdims=True)),
        ):
            y = function(logits, 1)
            np.testing.assert_allclose(y.detach().double().numpy(), value, **near)
            (grad,) = plait.autograd.grad(y, logits, plait.tensor(upper, dtype=dtype))
            np.testing.assert_allclose(grad.double().numpy(), gradient, **near)
        classes_of = plait.tensor(target)
        losses = F.cross_entropy(logits, classes_of, reduction="none")
        np.testing.assert_allclose(losses.detach().double().numpy(), picked, **near)
        (grad,) = plait.autograd.grad(losses.sum(), logits)
        np.testing.assert_allclose(grad.double().numpy(), (p - one_hot) * kept[:, None], **near)
        if kept.any():
            loss = F.cross_entropy(logits, classes_of)
            np.testing.assert_allclose(float(loss), picked.sum() / kept.sum(), **near)
            (grad,) = plait.autograd.grad(loss, logits)
            np.testing.assert_allclose(
                grad.double().numpy(), (p - one_hot) * kept[:, None] / kept.sum(), **near
            )


@pytest.mark.parametrize("classes", [3, 40])
def test_rows_that_are_not_finite(classes: int) -> None:
    infinity = float("inf")
    x = np.zeros((20, classes))
    x[0, 0], x[1, :], x[2, 1], x[3, 2] = infinity, -infinity, -infinity, float("nan")
    logits = plait.tensor(x, requires_grad=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = np.log(np.exp(x).sum(1)) - x[:, 1]
    losses = F.cross_entropy(logits, plait.ones(20, dtype=plait.int64), reduction="none")
    np.testing.assert_allclose(losses.detach().numpy(), expected)
    y = plait.softmax(logits, 1).detach().numpy()
    assert np.isnan(y[[0, 1, 3]]).any(1).all() and np.isfinite(y[[2, *range(4, 20)]]).all()
