"""Losses with kernels of their own over classes (margins, ctc): sums by hand, recursion in ops, derivatives."""

import numpy as np
import plait
import pytest
from cuda_device import needs_cuda
from plait.nn import functional as F
from scipy import special


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def array(t):
    return t.detach().numpy()


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_cuda)])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_margins_of_classes(rng, device, dtype):
    """Sums by hand; derivatives of the input and of the weights; classes that are none."""
    rows, classes = 6, 5
    tolerance = {"float64": 1e-12, "float32": 1e-5, "float16": 1e-2}[dtype]
    given = plait.tensor(rng.normal(size=(rows, classes)), device=device, dtype=getattr(plait, dtype))
    weights = plait.tensor(rng.uniform(size=classes), device=device, dtype=getattr(plait, dtype))
    x, w = array(given.double().cpu()), array(weights.double().cpu())
    label = rng.integers(0, classes, rows)
    labels = rng.integers(-1, classes, (rows, classes))
    t, ts = plait.tensor(label, device=device), plait.tensor(labels, device=device)
    for p in (1, 2):
        expected = [
            w[j] * sum(max(0, 0.7 - r[j] + r[i]) ** p for i in range(classes) if i != j) / classes
            for r, j in zip(x, label, strict=True)
        ]
        ours = F.multi_margin_loss(given, t, p, 0.7, weights, reduction="none")
        np.testing.assert_allclose(array(ours.double().cpu()), expected, rtol=tolerance, atol=tolerance)
    expected = []
    for r, row in zip(x, labels, strict=True):
        listed = list(row[: np.argmax(row < 0)] if (row < 0).any() else row)
        others = [i for i in range(classes) if i not in listed]
        expected.append(sum(max(0, 1 - r[j] + r[i]) for j in listed for i in others) / classes)
    ours = F.multilabel_margin_loss(given, ts, reduction="none")
    np.testing.assert_allclose(array(ours.double().cpu()), expected, rtol=tolerance, atol=tolerance)
    if dtype == "float64":
        leaves = [given.clone().requires_grad_(), weights.clone().requires_grad_()]
        for p in (1, 2):
            assert plait.autograd.gradcheck(lambda a, b, p=p: F.multi_margin_loss(a, t, p, 0.7, b), leaves)
        assert plait.autograd.gradgradcheck(lambda a, b: F.multi_margin_loss(a, t, 2, 0.7, b), leaves)
        assert plait.autograd.gradcheck(lambda a: F.multilabel_margin_loss(a, ts), leaves[:1])
    if device == "cpu":
        for call in (lambda: F.multi_margin_loss(given, t + classes), lambda: F.multilabel_margin_loss(given, ts + classes + 1)):
            with pytest.raises(IndexError, match="margin_loss: expected classes from 0 to 4 in target, got"):
                call()


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_cuda)])
def test_ctc_of_many_samples(rng, device):
    """Kernels and the recursion in ops agree, and both with differences; targets of any form, some without an alignment."""
    from plait.nn._ctc import _by_steps

    steps, samples, classes = 9, 5, 4
    logp = plait.tensor(special.log_softmax(rng.normal(size=(steps, samples, classes)), 2), device=device)
    targets = plait.tensor([[1, 2, 2], [3, 3, 3], [1, 1, 0], [2, 0, 0], [1, 2, 3]], device=device)
    reach, sizes = [9, 7, 3, 0, 1], [3, 3, 2, 0, 3]
    x, y = (logp.clone().requires_grad_() for _ in range(2))
    losses = F.ctc_loss(x, targets, reach, sizes, reduction="none")
    by_ops = _by_steps(y, targets, reach, sizes, 0)
    assert losses.isinf().tolist() == [False, False, False, False, True]
    np.testing.assert_allclose(array(losses.cpu()), array(by_ops.cpu()), rtol=1e-12)
    weights = plait.tensor([1.0, 2.0, 3.0, 4.0, 0.0], dtype=plait.float64, device=device)
    losses.backward(weights)
    by_ops.backward(weights)
    np.testing.assert_allclose(array(x.grad.cpu()), array(y.grad.cpu()), rtol=1e-10, atol=1e-14)
    listed = plait.cat([row[:size] for row, size in zip(targets, sizes, strict=True)])
    for dtype, tolerance in ((plait.float64, 1e-12), (plait.float32, 1e-5), (plait.float16, 1e-2)):
        again = F.ctc_loss(logp.to(dtype), listed.int(), reach, sizes, reduction="none")
        assert again.dtype is dtype
        np.testing.assert_allclose(array(again.double().cpu()), array(losses.cpu()), rtol=tolerance)
    few = logp[:4, :2].clone().requires_grad_()
    for blank in (0, 3):
        def loss(p, blank=blank):
            return F.ctc_loss(p, targets[:2, :2] % 3, [4, 3], [2, 1], blank=blank)

        assert plait.autograd.gradcheck(loss, [few])
        assert plait.autograd.gradgradcheck(loss, [few])
    with pytest.raises(IndexError):
        F.ctc_loss(logp, targets + 9, reach, sizes).item()


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_cuda)])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("shape", [(5,), (1, 3), (2500, 4), (3, 4, 7), (2, 3, 41, 29), (0, 3), (4, 3, 0)])
@pytest.mark.parametrize("weighted", [False, True])
def test_negative_log_likelihoods(rng, device, dtype, shape, weighted):
    """Each term by NumPy, in any layout of the input, the target and the gradient; ignored rows hold NaN."""
    to = {"device": device, "dtype": getattr(plait, dtype)}
    dim = min(1, len(shape) - 1)
    classes, rest = shape[dim], shape[:dim] + shape[dim + 1 :]
    target = rng.integers(0, classes, rest)
    ignored = rng.uniform(size=rest) < 0.2
    x = plait.tensor(rng.normal(size=shape), **to)
    w = plait.tensor(rng.uniform(0.5, 2, classes), **to)
    upper = plait.tensor(rng.normal(size=rest), **to)
    values, weights, ups = (array(t.double().cpu()) for t in (x, w, upper))
    kept = np.where(ignored, 0, weights[target] if weighted else 1.0)
    at = np.expand_dims(target, dim)
    terms = -np.take_along_axis(values, at, dim).squeeze(dim) * kept
    gradient = np.zeros(shape)
    np.put_along_axis(gradient, at, np.expand_dims(-ups * kept, dim), dim)
    x[plait.tensor(np.broadcast_to(np.expand_dims(ignored, dim), shape).copy(), device=device)] = float("nan")
    rtol = {"float64": 1e-14, "float32": 2e-7, "float16": 1e-3, "bfloat16": 8e-3}[dtype]
    t = plait.tensor(np.where(ignored, -7, target), device=device)
    back = lambda v: tuple(range(v.dim() - 1, -1, -1))  # noqa: E731
    turned = lambda v: v.permute(back(v)).contiguous().permute(back(v))  # noqa: E731
    spread = lambda v: plait.stack([v, v], -1)[..., 0]  # noqa: E731
    for layout in (lambda v: v, turned, spread):
        leaf = layout(x).detach().requires_grad_()
        loss = F.nll_loss(leaf, layout(t), w if weighted else None, ignore_index=-7, reduction="none")
        np.testing.assert_allclose(array(loss.double().cpu()), terms, rtol=rtol)
        loss.backward(layout(upper))
        np.testing.assert_allclose(array(leaf.grad.double().cpu()), gradient, rtol=rtol)


def test_derivatives_of_negative_log_likelihoods(rng):
    x, w = plait.tensor(rng.normal(size=(3, 4, 5)), requires_grad=True), plait.tensor(rng.uniform(1, 2, 4), requires_grad=True)
    t = plait.tensor(rng.integers(0, 4, (3, 5)))
    t[1, 2] = -100
    for reduction in ("none", "sum", "mean"):
        f = lambda x, w: F.nll_loss(x, t, w, reduction=reduction)  # noqa: E731
        assert plait.autograd.gradcheck(f, (x, w))
        assert plait.autograd.gradgradcheck(f, (x, w))
    rows = x.detach().transpose(1, 2)
    together = plait.func.vmap(lambda x, t: F.nll_loss(x, t, w.detach()))(rows, t)
    alone = plait.stack([F.nll_loss(a, b, w.detach()) for a, b in zip(rows, t, strict=True)])
    np.testing.assert_allclose(array(together), array(alone), rtol=1e-14)


def test_a_class_out_of_range_far_behind():
    t = plait.zeros(100_000, dtype=plait.int64)
    t[77_777] = 4
    x = plait.zeros(100_000, 4, requires_grad=True)
    with pytest.raises(IndexError, match="target 4 at position 77777 is out of range for 4 classes"):
        F.nll_loss(x, t)
