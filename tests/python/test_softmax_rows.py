"""softmax, log_softmax and cross_entropy of rows of every length, among them those that no vector fits."""

import numpy as np
import plait
import plait.nn.functional as F
import pytest

LENGTHS = [*range(1, 36), 47, 63, 64, 65, 100, 127, 129, 511, 512, 513, 1030]


def softmax(a):
    with np.errstate(invalid="ignore"):
        e = np.exp(a - a.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def log_softmax(a):
    with np.errstate(invalid="ignore"):
        shifted = a - a.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


def sample(n, rows, dtype):
    rng = np.random.default_rng(n * 100 + rows)
    x = plait.from_numpy(rng.standard_normal((rows, n)) * 4).to(dtype)
    return x, x.double().numpy()


@pytest.mark.parametrize("dtype", [plait.float32, plait.float64, plait.bfloat16], ids=str)
@pytest.mark.parametrize("rows", [1, 2, 35])
def test_every_length(rows, dtype):
    tolerance = {plait.float32: 1e-6, plait.float64: 1e-14, plait.bfloat16: 8e-3}[dtype]
    for n in LENGTHS:
        x, a = sample(n, rows, dtype)
        np.testing.assert_allclose(x.softmax(1).double().numpy(), softmax(a), atol=tolerance, rtol=tolerance)
        log = log_softmax(a)
        np.testing.assert_allclose(x.log_softmax(1).double().numpy(), log, atol=tolerance * 40, rtol=tolerance)
        target = plait.arange(rows) % n
        want = -log[np.arange(rows), target.numpy()]
        leaf = x.clone().requires_grad_()
        loss = F.cross_entropy(leaf, target, reduction="none")
        np.testing.assert_allclose(loss.detach().double().numpy(), want, atol=tolerance * 40, rtol=tolerance)
        loss.sum().backward()
        np.testing.assert_allclose(
            leaf.grad.double().numpy(), softmax(a) - np.eye(n)[target.numpy()], atol=tolerance * 2, rtol=0
        )


@pytest.mark.parametrize("n", [5, 16, 20, 64, 100, 600])
def test_rows_with_infinities_and_nan(n):
    """As exp(x - max) / sum gives; a row tells nothing of its neighbours."""
    x, a = sample(n, 40, plait.float32)
    inf = np.inf
    a[1, :] = -inf
    a[3, 1:] = -inf
    a[4, n - 1] = -inf
    a[6, 0] = np.nan
    a[8, n - 1] = np.nan
    a[10, n // 2] = inf
    a[12] = -1e30
    a[13, ::2] = -500.0
    a[14, ::2] = -95.0 + a[14].max()  # results below the normal numbers
    x = plait.from_numpy(a.astype(np.float32))
    a = x.double().numpy()
    want, log = softmax(a), log_softmax(a)
    assert np.isnan(want[[1, 6, 8, 10]]).any(1).all() and not np.isnan(want[[0, 2, 3, 4, 5, 7, 9, 11, 12]]).any()
    np.testing.assert_allclose(x.softmax(1).numpy(), want, rtol=3e-6, atol=1e-44)
    np.testing.assert_allclose(x.log_softmax(1).numpy(), log, rtol=1e-5, atol=2e-6)
    with np.errstate(divide="ignore"):
        top = a.max(1, where=~np.isnan(a), initial=-inf)
        shift = np.where(np.isfinite(top), top, 0)
        lse = np.log(np.exp(a - shift[:, None]).sum(1)) + shift
    loss = F.cross_entropy(x, plait.zeros(40, dtype=plait.int64), reduction="none")
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(loss.numpy(), lse - a[:, 0], rtol=1e-5, atol=2e-6)


def test_memory_around_the_rows_is_left_alone():
    whole = plait.full((50, 30), 7.0)
    x, a = sample(17, 20, plait.float32)
    memory = plait.full((20 * 17 + 40,), 7.0)
    out = memory[20 : 20 + 20 * 17].view(20, 17)
    plait.softmax(x, 1, out=out)
    np.testing.assert_allclose(out.numpy(), softmax(a), rtol=2e-6)
    assert (memory[:20] == 7).all() and (memory[-20:] == 7).all()
    part = whole[10:30, 5:22]
    part.copy_(x)
    part.copy_(part.softmax(1))
    np.testing.assert_allclose(part.numpy(), softmax(a), rtol=2e-6)
    assert (whole[:, :5] == 7).all() and (whole[:, 22:] == 7).all()


def test_rows_of_nothing():
    x = plait.zeros(3, 0, requires_grad=True)
    ignored = plait.full((3,), -100)
    assert x.softmax(1).shape == x.log_softmax(1).shape == (3, 0)
    assert x.logsumexp(1).tolist() == [-np.inf] * 3
    loss = F.cross_entropy(x, ignored, reduction="sum")
    loss.backward()
    assert loss.item() == 0 and x.grad.shape == (3, 0)
    assert np.isnan(F.cross_entropy(x, ignored).item())
    for dtype in (plait.float32, plait.bfloat16):
        none = plait.zeros(0, 4, dtype=dtype, requires_grad=True)
        weight = plait.ones(4, dtype=dtype, requires_grad=True)
        (F.layer_norm(none.softmax(1), (4,), weight).sum()).backward()
        assert none.grad.shape == (0, 4) and weight.grad.tolist() == [0] * 4
