"""Attention on CUDA against float64 NumPy: what the sweep's small samples do not reach. Lengths around the tiles of
queries and keys (32 to 128), depths around theirs (64, 128) and beyond, masks of any layout, heads that share keys, rows
without keys, and that the scores are never in memory.
"""

import numpy as np
import plait
import pytest
from cuda_device import needs_cuda
from opinfo.bridge import Bridge, mismatch
from opinfo.core import EPS, Tol

pytestmark = needs_cuda

CPU = Bridge(plait)
DTYPES = ("float32", "float64", "float16", "bfloat16")
# Errors allowed, in units of eps, against the sums of the absolute values of the terms. Scores of size 4 or so have
# absolute errors of some eps, which exponentials turn into relative ones. The 16-bit floats round the weights and the
# derivatives of scores once before the second product, and the result once, by half an eps each.
UNITS = {"float32": 16, "float64": 16, "float16": 1.5, "bfloat16": 1.5}
ULPS = Tol(8, 0, half=(4, 0), floor=1)


def oracle(q, k, v, mask=None, is_causal=False, scale=None):
    """The result, the weights, the logarithms of their sums; heads repeated."""
    k, v = (np.repeat(x, q.shape[1] // k.shape[1], 1) for x in (k, v))
    s = q @ k.swapaxes(-1, -2) * (q.shape[-1] ** -0.5 if scale is None else scale)
    if is_causal:
        mask = np.tril(np.ones(s.shape[-2:], bool))
    if mask is not None:
        s = np.where(mask, s, -np.inf) if mask.dtype == bool else s + mask
    top = s.max(-1, keepdims=True, initial=-np.inf)
    w = np.exp(s - np.where(np.isinf(top), 0, top))
    total = w.sum(-1, keepdims=True)
    with np.errstate(divide="ignore"):
        lse = np.where(total == 0, np.inf, np.log(total) + top)[..., 0]
    w /= np.where(total == 0, 1, total)
    return w @ v, w, lse


def backward_oracle(q, k, v, w, out, grad, scale=None):
    """The derivatives, and the sums of the absolute values of their terms; of the result, too."""
    shape, group = k.shape[:2], q.shape[1] // k.shape[1]
    k, v = (np.repeat(x, group, 1) for x in (k, v))
    scale = q.shape[-1] ** -0.5 if scale is None else scale

    def parts(q, k, v, out, grad, ds):
        dk, dv = (
            (x.swapaxes(-1, -2) @ y).reshape(*shape, group, -1, y.shape[-1]).sum(2) for x, y in ((ds, q), (w, grad))
        )
        return out, ds @ k, dk, dv

    def row_sums(x, y):
        return (x * y).sum(-1, keepdims=True)

    exact = parts(q, k, v, out, grad, scale * w * (grad @ v.swapaxes(-1, -2) - row_sums(grad, out)))
    q, k, v, grad = (np.abs(x) for x in (q, k, v, grad))
    out = w @ v
    return exact, parts(q, k, v, out, grad, abs(scale) * w * (grad @ v.swapaxes(-1, -2) + row_sums(grad, out)))


def tensors(rng, dtype, batch, heads, key_heads, length, keys, depth, value_depth):
    """query, key, value and a gradient, on the CPU."""
    shapes = ((heads, length, depth), (key_heads, keys, depth), (key_heads, keys, value_depth))
    return [
        plait.tensor(rng.standard_normal((batch, *shape))).to(getattr(plait, dtype))
        for shape in (*shapes, (heads, length, value_depth))
    ]


def check(q, k, v, grad, mask=None, *, to_cuda=lambda x: x.cuda(), **options):
    """Result and derivatives; `mask` is a tensor of the CPU or None, `to_cuda` decides how the others are laid out."""
    dtype = CPU.name(q.dtype)
    group = {"enable_gqa": True} if q.shape[1] != k.shape[1] else {}
    leaves = [to_cuda(x).detach().requires_grad_() for x in (q, k, v)]
    there = None if mask is None else mask if mask.device.type == "cuda" else mask.cuda()
    out = plait.scaled_dot_product_attention(*leaves, there, **options, **group)
    out.backward(to_cuda(grad))
    whole = None if mask is None else mask.cpu().numpy() if mask.dtype == plait.bool else CPU.array(mask)
    arrays = [CPU.array(x) for x in (q, k, v)]
    want, weights, _ = oracle(*arrays, whole, **options)
    exact, sizes = backward_oracle(*arrays, weights, want, CPU.array(grad), options.get("scale"))
    results = (out, *(x.grad for x in leaves))
    for name, got, want, size in zip(("out", "dq", "dk", "dv"), results, exact, sizes):
        assert got.dtype == q.dtype and got.device.type == "cuda" and got.shape == want.shape
        error = np.abs(CPU.array(got) - want)
        # Below 2^-14 float16 has no more digits: what is that small counts as an eps of 0.01.
        allowed = EPS[dtype] * (UNITS[dtype] * size + 0.01)
        worst = np.unravel_index((error - allowed).argmax(), error.shape) if error.size else None
        assert (error <= allowed).all(), (name, worst, error[worst], allowed[worst])
    return out


LENGTHS = ((1, 1), (1, 129), (129, 1), (31, 33), (32, 64), (63, 65), (64, 31), (65, 128), (128, 63), (193, 130))


@pytest.mark.parametrize("is_causal", (False, True))
@pytest.mark.parametrize("dtype", DTYPES)
def test_lengths(dtype, is_causal):
    rng = np.random.default_rng(0)
    for length, keys in LENGTHS:
        check(*tensors(rng, dtype, 2, 1, 1, length, keys, 16, 16), is_causal=is_causal)


DEPTHS = ((1, 1), (3, 5), (8, 63), (64, 8), (65, 64), (24, 129), (128, 128), (130, 16), (16, 300), (257, 70))


@pytest.mark.parametrize("depth,value_depth", DEPTHS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_depths(dtype, depth, value_depth):
    rng = np.random.default_rng(1)
    check(*tensors(rng, dtype, 1, 2, 2, 37, 70, depth, value_depth))
    check(*tensors(rng, dtype, 1, 2, 1, 70, 35, depth, value_depth), is_causal=True)


MASKS = {
    "keys": (70,),
    "pairs": (40, 70),
    "batches": (2, 1, 1, 70),
    "heads": (4, 40, 1),
    "all": (2, 4, 40, 70),
    "queries": (2, 1, 40, 1),
    "number": (),
}


def layouts(mask):
    """Ways to lay out a mask, with its elements."""
    yield mask
    if mask.dim() < 2:
        return
    yield mask.transpose(-1, -2).contiguous().transpose(-1, -2)
    yield plait.stack([mask, mask], -1)[..., 0]
    yield mask[..., :1, :].expand(mask.shape)


@pytest.mark.parametrize("kind", ("bool", "added"))
@pytest.mark.parametrize("shape", MASKS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_masks(dtype, shape, kind):
    rng = np.random.default_rng(2)
    given = tensors(rng, dtype, 2, 4, 2, 40, 70, 16, 24)
    values = rng.standard_normal(MASKS[shape])
    if kind == "bool":
        mask = plait.tensor(values > -0.5)
    else:
        mask = plait.tensor(np.where(values > 1.5, -np.inf, values)).to(getattr(plait, dtype))
    for laid_out in layouts(mask.cuda()):
        check(*given, laid_out)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_mask_around_the_tiles(dtype):
    rng = np.random.default_rng(3)
    for length, keys in ((1, 1), (65, 31), (129, 65)):
        given = tensors(rng, dtype, 1, 2, 1, length, keys, 72, 8)
        check(*given, plait.tensor(rng.random((length, keys)) > 0.3))


def test_a_float32_mask_of_16_bit_queries():
    rng = np.random.default_rng(4)
    q, k, v, _ = tensors(rng, "float16", 1, 1, 1, 5, 7, 8, 8)
    mask = plait.tensor(rng.integers(-2, 3, (5, 7))).to(plait.float32)
    out = plait.scaled_dot_product_attention(q.cuda(), k.cuda(), v.cuda(), mask.cuda())
    want, *_ = oracle(*(CPU.array(x) for x in (q, k, v)), CPU.array(mask))
    assert mismatch(CPU.array(out), want, "float16", ULPS) is None


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_without_keys(dtype):
    """They are zero, and so are their gradients; their sums are infinite as on the CPU."""
    rng = np.random.default_rng(5)
    given = tensors(rng, dtype, 1, 2, 1, 70, 66, 16, 16)
    seen = rng.random((70, 66)) > 0.5
    seen[[0, 33, 69]] = False
    seen[:, 65] = False
    for mask in (plait.tensor(seen), plait.tensor(np.where(seen, 0, -np.inf)).to(getattr(plait, dtype))):
        out = check(*given, mask)
        assert not CPU.array(out)[:, :, [0, 33, 69]].any()
    q, k, v, _ = (x.cuda() for x in given)
    _, lse = plait._C.ops["_attention"](q, k, v, plait.tensor(seen).cuda(), False, 0.25)
    *_, want = oracle(*(CPU.array(x) for x in given[:3]), seen, scale=0.25)
    name = "float64" if dtype == "float64" else "float32"
    assert CPU.name(lse.dtype) == name and np.isinf(want[:, :, 33]).all()
    assert mismatch(CPU.array(lse), want, name, ULPS) is None


@pytest.mark.parametrize("dtype", DTYPES)
def test_few_queries_of_many_keys(dtype):
    """Blocks share the keys; some shares have none that count."""
    rng = np.random.default_rng(13)
    for length, keys, value_depth in ((1, 1500, 16), (3, 1025, 7)):
        given = tensors(rng, dtype, 1, 2, 1, length, keys, 16, value_depth)
        check(*given)
        check(*given, is_causal=True)
        mask = np.zeros((2, 1, keys), bool)
        mask[0, 0, 600:700] = True
        check(*given, plait.tensor(mask))
        q, k, v, _ = (x.cuda() for x in given)
        out, lse = plait._C.ops["_attention"](q, k, v, plait.tensor(mask).cuda(), False, 0.25)
        assert not CPU.array(out)[:, 1].any()
        *_, want = oracle(*(CPU.array(x) for x in given[:3]), mask, scale=0.25)
        name = "float64" if dtype == "float64" else "float32"
        assert mismatch(CPU.array(lse), want, name, ULPS) is None


def test_hidden_keys_may_hold_anything():
    """A bool mask, and the causal one, hide scores that are infinite or not a number."""
    q, k, v, _ = (x.cuda() for x in tensors(np.random.default_rng(6), "float32", 1, 1, 1, 3, 4, 8, 8))
    mask = plait.tensor([True, True, True, False]).cuda()
    clean = plait.scaled_dot_product_attention(q, k, v, mask)
    for bad in (float("nan"), float("inf")):
        k[:, :, 3] = bad
        assert plait.equal(plait.scaled_dot_product_attention(q, k, v, mask), clean)
        assert bool(plait.isfinite(plait.scaled_dot_product_attention(q, k, v, is_causal=True)).all())
    assert bool(plait.isnan(plait.scaled_dot_product_attention(q, k * float("nan"), v)).all())


LAYOUTS = {
    "rows between heads": lambda x: x.cuda().transpose(1, 2).contiguous().transpose(1, 2),
    "every other element": lambda x: plait.stack([x.cuda(), x.cuda()], -1)[..., 0],
    "columns": lambda x: x.cuda().mT.contiguous().mT,
    "not aligned": lambda x: plait.cat([x.cuda()[..., -1:], x.cuda()], -1)[..., 1:],
    "part of longer rows": lambda x: plait.cat([x.cuda(), x.cuda()], -1)[..., : x.shape[-1]],
    "one batch for all": lambda x: x.cuda()[:1].expand(x.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_layouts(dtype, layout):
    rng = np.random.default_rng(7)
    for depth, value_depth in ((16, 8), (5, 3)):
        q, k, v, grad = tensors(rng, dtype, 2, 2, 2, 34, 66, depth, value_depth)
        if layout == "one batch for all":
            q, k, v, grad = (x[:1].expand(x.shape) for x in (q, k, v, grad))
        check(q, k, v, grad, to_cuda=LAYOUTS[layout])


@pytest.mark.parametrize("dtype", ("float32", "bfloat16"))
def test_scales(dtype):
    rng = np.random.default_rng(8)
    given = tensors(rng, dtype, 1, 1, 1, 20, 80, 16, 16)
    for scale in (0.0, -0.5, 1.0):
        check(*given, scale=scale)


@pytest.mark.parametrize("dtype", ("float32", "float16"))
def test_large_scores(dtype):
    """Exponentials of thousands: one key has all of the weight."""
    rng = np.random.default_rng(9)
    q, k, v, _ = tensors(rng, dtype, 1, 1, 1, 70, 70, 16, 16)
    out = plait.scaled_dot_product_attention(q.cuda(), k.cuda(), v.cuda(), scale=1000.0)
    want, *_ = oracle(*(CPU.array(x) for x in (q, k, v)), scale=1000.0)
    # Scores of 1e4 are off by 1e4 eps, the weights by as much.
    assert mismatch(CPU.array(out), want, dtype, Tol(0, 2e5, half=(1, 2), floor=1)) is None


def test_nothing():
    def shapes(*sizes):
        q, k, v, grad = (x.cuda().requires_grad_() for x in tensors(np.random.default_rng(0), "float32", *sizes))
        out = plait.scaled_dot_product_attention(q, k, v)
        out.backward(grad.detach())
        return out, q, k, v

    for sizes in ((0, 2, 2, 3, 4, 8, 8), (1, 2, 2, 0, 4, 8, 8), (1, 2, 2, 3, 0, 8, 8), (1, 2, 2, 3, 4, 8, 0)):
        out, *leaves = shapes(*sizes)
        assert out.shape == (sizes[0], sizes[1], sizes[3], sizes[6])
        for x in (out, *(leaf.grad for leaf in leaves)):
            assert not CPU.array(x).any()
    # Vectors of no elements: all keys weigh the same.
    out, _, _, v = shapes(1, 2, 2, 3, 4, 0, 8)
    np.testing.assert_allclose(CPU.array(out), np.broadcast_to(CPU.array(v).mean(2, keepdims=True), out.shape), 1e-6, 1e-6)


@pytest.mark.parametrize("dtype", ("float32", "bfloat16"))
def test_results_do_not_change_from_run_to_run(dtype):
    given = [x.cuda() for x in tensors(np.random.default_rng(10), dtype, 1, 4, 2, 130, 130, 16, 16)]

    def run():
        leaves = [x.detach().requires_grad_() for x in given[:3]]
        out = plait.scaled_dot_product_attention(*leaves, is_causal=True, enable_gqa=True)
        out.backward(given[3])
        return [out, *(x.grad for x in leaves)]

    for a, b in zip(run(), run()):
        assert plait.equal(a, b)


def test_second_derivatives():
    x = plait.tensor(np.random.default_rng(11).standard_normal((3, 1, 1, 3, 2))).cuda().requires_grad_()

    def attend(x):
        return plait.scaled_dot_product_attention(x[0], x[1], x[2], is_causal=True)

    assert plait.autograd.gradcheck(attend, (x,)) and plait.autograd.gradgradcheck(attend, (x,))


@pytest.mark.parametrize("dtype,length", (("float32", 1024), ("bfloat16", 512)))
def test_scores_are_never_in_memory(dtype, length):
    """They would be 4 MiB of float32 at 1024; masks are read where they are."""
    q, k, v, grad = (x.cuda() for x in tensors(np.random.default_rng(12), dtype, 1, 1, 1, length, length, 8, 8))
    mask = plait.ones((1, length), dtype=plait.bool, device="cuda").expand(length, length)
    for x in (q, k, v):
        x.requires_grad_()
    for options in ({}, {"is_causal": True}, {"attn_mask": mask}):
        plait.cuda.synchronize()
        before = plait.cuda.memory_allocated()
        plait.cuda.reset_peak_memory_stats()
        plait.scaled_dot_product_attention(q, k, v, **options).backward(grad)
        plait.cuda.synchronize()
        used = plait.cuda.max_memory_allocated() - before
        assert used < length * length * 4 / 8, options
