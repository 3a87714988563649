"""Attention on the CPU against NumPy in float64: every edge of the kernels' blocks of queries and keys."""

import numpy as np
import plait
import pytest

INF = float("inf")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def reference(q, k, v, mask=None, causal=False, scale=None):
    """Output and logarithms of sums; a query that sees no key gives zeros."""
    k, v = (np.repeat(x, q.shape[1] // x.shape[1], 1) for x in (k, v))
    scores = q @ k.swapaxes(-1, -2) * (1 / np.sqrt(q.shape[-1]) if scale is None else scale)
    if causal:
        scores = np.where(np.tril(np.ones(scores.shape[-2:], bool)), scores, -INF)
    if mask is not None:
        scores = np.where(mask, scores, -INF) if mask.dtype == bool else scores + mask
    most = scores.max(-1, keepdims=True, initial=-INF)
    weights = np.exp(scores - np.where(most == -INF, 0, most))
    total = weights.sum(-1, keepdims=True)
    with np.errstate(divide="ignore"):
        lse = np.where(total == 0, INF, np.log(total) + most)[..., 0]
    return weights @ v / np.where(total == 0, 1, total), lse


def check(q, k, v, mask=None, causal=False, scale=None, tolerance=2e-6):
    out, lse = plait._C.ops["_attention"](
        *(plait.tensor(x) for x in (q, k, v)), None if mask is None else plait.tensor(mask), causal,
        1 / q.shape[-1] ** 0.5 if scale is None else scale,
    )  # fmt: skip
    wide = [x.astype(np.float64) for x in (q, k, v)]
    mask = mask if mask is None or mask.dtype == bool else mask.astype(np.float64)
    expected, sums = reference(*wide, mask, causal, scale)
    np.testing.assert_allclose(
        out.numpy(), expected, rtol=0, atol=tolerance * max(1, np.abs(v).max(initial=0))
    )
    np.testing.assert_allclose(lse.numpy(), sums, rtol=1e-5, atol=1e-5)


def heads(rng, batch, count, rows, depth):
    return rng.normal(size=(batch, count, rows, depth)).astype(np.float32)


# Vectors have 4, 8 or 16 lanes, blocks two vectors of queries and 128 keys; six blocks go together, and up to six
# queries go one by one.
@pytest.mark.parametrize("queries", [1, 5, 6, 7, 8, 15, 16, 17, 31, 33, 49, 97, 193, 225])
@pytest.mark.parametrize("keys", [1, 12, 127, 129, 300])
@pytest.mark.parametrize("causal", [False, True])
def test_sizes(queries, keys, causal, rng):
    q, k, v = heads(rng, 1, 2, queries, 24), heads(rng, 1, 2, keys, 24), heads(rng, 1, 2, keys, 13)
    check(q, k, v, causal=causal)


@pytest.mark.parametrize(
    ("depth", "value_depth"), [(1, 1), (3, 80), (80, 3), (64, 64), (17, 130), (0, 5), (5, 0)]
)
@pytest.mark.parametrize("queries", [3, 50])
def test_depths(depth, value_depth, queries, rng):
    q, k, v = (
        heads(rng, 2, 1, queries, depth),
        heads(rng, 2, 1, 140, depth),
        heads(rng, 2, 1, 140, value_depth),
    )
    check(q, k, v, scale=0.2)
    check(q, k, v, causal=True, scale=0.2)


@pytest.mark.parametrize(
    "shape", [(60, 150), (2, 4, 60, 150), (1, 4, 1, 150), (2, 1, 60, 1), (1, 1), (2, 1, 1, 150)]
)
@pytest.mark.parametrize("queries", [2, 60])
def test_masks(shape, queries, rng):
    """Masks of every broadcast, whole rows of nothing among them; key heads that two query heads share."""
    q, k, v = heads(rng, 2, 4, queries, 16), heads(rng, 2, 2, 150, 16), heads(rng, 2, 2, 150, 16)
    shape = tuple(queries if n == 60 else n for n in shape)
    seen = rng.uniform(size=shape) > 0.4
    if shape[-2] > 1:
        seen[..., 1, :] = False
    added = rng.normal(size=shape).astype(np.float32)
    check(q, k, v, seen)
    check(q, k, v, added)
    check(q, k, v, np.where(seen, added, np.float32(-INF)))
    check(q, k, v, added, causal=True, scale=-0.3)
    # As other programs write "does not count".
    check(q, k, v, np.where(seen, np.float32(0), np.finfo(np.float32).min))


def test_masks_of_other_layouts(rng):
    q, k, v = heads(rng, 1, 1, 40, 8), heads(rng, 1, 1, 130, 8), heads(rng, 1, 1, 130, 8)
    added = rng.normal(size=(130, 40)).astype(np.float32)
    for mask in (added, added > 0):
        out = plait.scaled_dot_product_attention(*map(plait.tensor, (q, k, v)), plait.tensor(mask).mT)
        np.testing.assert_allclose(out.numpy(), reference(q, k, v, mask.T)[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("scale", [0.0, -0.5, 40.0])
def test_scales(scale, rng):
    """Without a mask the scale is applied to differences of scores: large ones lose nothing."""
    q, k, v = heads(rng, 1, 2, 37, 8), heads(rng, 1, 2, 70, 8), heads(rng, 1, 2, 70, 8)
    check(q, k, v, scale=scale, tolerance=2e-5 if scale == 40 else 2e-6)
    check(q, k, v, scale=scale, causal=True, tolerance=2e-5 if scale == 40 else 2e-6)


def test_far_scores():
    """Weights that vanish are zero, and so are those of keys that do not count."""
    q, k = np.ones((1, 1, 20, 1), np.float32), np.full((1, 1, 40, 1), -1e4, np.float32)
    k[..., 7, :] = 0
    v = np.full((1, 1, 40, 1), 3e38, np.float32)
    v[..., 7, :] = 2
    out = plait.scaled_dot_product_attention(*map(plait.tensor, (q, k, v)))
    assert (out.numpy() == 2).all()


def test_not_a_number(rng):
    q, k, v = heads(rng, 1, 1, 40, 8), heads(rng, 1, 1, 130, 8), heads(rng, 1, 1, 130, 8)
    k[..., 100, 3] = np.nan
    out = plait.scaled_dot_product_attention(*map(plait.tensor, (q, k, v))).numpy()
    assert np.isnan(out).all()
    seen = np.arange(130) != 100
    out = plait.scaled_dot_product_attention(*map(plait.tensor, (q, k, v)), plait.tensor(seen[None])).numpy()
    assert np.isfinite(out).all()
    out = plait.scaled_dot_product_attention(*map(plait.tensor, (q, k, v)), is_causal=True).numpy()
    assert np.isfinite(out).all()


def test_no_keys(rng):
    q, none = heads(rng, 1, 2, 40, 8), np.zeros((1, 2, 0, 8), np.float32)
    check(q, none, none)
    check(q[:, :, :3], none, none, causal=True)


def test_rows_apart(rng):
    """Heads of one product, read in place."""
    x = rng.normal(size=(2, 70, 3, 4, 24)).astype(np.float32)
    q, k, v = plait.tensor(x).permute(2, 0, 3, 1, 4).unbind(0)
    out = plait.scaled_dot_product_attention(q, k, v, is_causal=True)
    expected = reference(*(x[:, :, i].swapaxes(1, 2).astype(np.float64) for i in range(3)), causal=True)[0]
    np.testing.assert_allclose(out.numpy(), expected, rtol=0, atol=5e-6)


@pytest.mark.parametrize(("dtype", "eps"), [("float16", 2.0**-10), ("bfloat16", 2.0**-7)])
def test_half(dtype, eps, rng):
    q, k, v = (plait.tensor(heads(rng, 1, 2, 50, 16)).to(getattr(plait, dtype)) for _ in range(3))
    out = plait.scaled_dot_product_attention(q, k, v, is_causal=True)
    expected = reference(*(x.double().numpy() for x in (q, k, v)), causal=True)[0]
    np.testing.assert_allclose(out.double().numpy(), expected, rtol=eps, atol=eps)


def reference_grads(q, k, v, grad, mask=None, causal=False, scale=1.0):
    """The derivatives by the product rule, with the weights in memory."""
    group = q.shape[1] // k.shape[1]
    shared = lambda x: x.reshape(x.shape[0], x.shape[1] // group, group, *x.shape[2:]).sum(2)  # noqa: E731
    k, v = (np.repeat(x, group, 1) for x in (k, v))
    eye = np.broadcast_to(np.eye(k.shape[2]), (*k.shape[:2], k.shape[2], k.shape[2]))
    weights = reference(q, k, eye, mask, causal, scale)[0]
    dweights = grad @ v.swapaxes(-1, -2)
    dscores = weights * (dweights - (dweights * weights).sum(-1, keepdims=True)) * scale
    return dscores @ k, shared(dscores.swapaxes(-1, -2) @ q), shared(weights.swapaxes(-1, -2) @ grad)


def check_grads(q, k, v, mask=None, causal=False, scale=0.3):
    grad = np.random.default_rng(1).normal(size=(*q.shape[:3], v.shape[3])).astype(np.float32)
    leaves = [plait.tensor(x, requires_grad=True) for x in (q, k, v)]
    given = None if mask is None else plait.tensor(mask)
    out, _ = plait._C.ops["_attention"](*leaves, given, causal, scale)
    out.backward(plait.tensor(grad))
    wide = [x.astype(np.float64) for x in (q, k, v, grad)]
    for leaf, expected in zip(leaves, reference_grads(*wide, mask, causal, scale), strict=True):
        size = max(1, np.abs(expected).max(initial=0))
        np.testing.assert_allclose(leaf.grad.numpy(), expected, rtol=0, atol=4e-6 * size)


@pytest.mark.parametrize("queries", [1, 5, 16, 17, 33, 64, 129, 140])
@pytest.mark.parametrize("keys", [1, 12, 64, 65, 200])
@pytest.mark.parametrize("causal", [False, True])
def test_grads_of_sizes(queries, keys, causal, rng):
    q, k, v = heads(rng, 1, 2, queries, 24), heads(rng, 1, 2, keys, 24), heads(rng, 1, 2, keys, 13)
    check_grads(q, k, v, causal=causal)


@pytest.mark.parametrize(
    ("depth", "value_depth"), [(1, 1), (3, 80), (80, 3), (64, 64), (17, 130), (0, 5), (5, 0)]
)
def test_grads_of_depths(depth, value_depth, rng):
    q, k, v = heads(rng, 2, 1, 50, depth), heads(rng, 2, 1, 140, depth), heads(rng, 2, 1, 140, value_depth)
    check_grads(q, k, v)
    check_grads(q, k, v, causal=True)


@pytest.mark.parametrize("shape", [(60, 150), (2, 4, 60, 150), (1, 4, 1, 150), (2, 1, 60, 1), (1, 1)])
def test_grads_of_masks(shape, rng):
    q, k, v = heads(rng, 2, 4, 60, 16), heads(rng, 2, 2, 150, 16), heads(rng, 2, 2, 150, 16)
    seen = rng.uniform(size=shape) > 0.4
    if shape[-2] > 1:
        seen[..., 1, :] = False
    added = rng.normal(size=shape).astype(np.float32)
    check_grads(q, k, v, seen)
    check_grads(q, k, v, np.where(seen, added, np.float32(-INF)))
    check_grads(q, k, v, added, causal=True, scale=-0.3)


def test_grads_without_keys(rng):
    q, none = heads(rng, 1, 2, 40, 8), np.zeros((1, 2, 0, 8), np.float32)
    check_grads(q, none, none)
    check_grads(none, q, q)
