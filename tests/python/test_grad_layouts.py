"""Gradients that lie where the ops before want them: nothing is copied on the way back through splits, views and
transpositions before attention."""

import numpy as np
import plait
import plait.nn.functional as F
import pytest
from cuda_device import IS_EMULATED, needs_cuda

DEVICES = ["cpu", pytest.param("cuda", marks=needs_cuda)]
BATCH, LENGTH, HEADS, DEPTH = 2, 33, 3, 8
WIDTH = HEADS * DEPTH


def by_split(qkv):
    return [p.view(BATCH, LENGTH, HEADS, DEPTH).transpose(1, 2) for p in qkv.split(WIDTH, 2)]


def by_chunk(qkv):
    return [p.reshape(BATCH, LENGTH, HEADS, DEPTH).transpose(1, 2) for p in qkv.chunk(3, -1)]


def by_unbind(qkv):
    return qkv.reshape(BATCH, LENGTH, 3, HEADS, DEPTH).permute(2, 0, 3, 1, 4).unbind(0)


def by_narrow(qkv):
    parts = qkv.view(BATCH, LENGTH, 3 * HEADS, DEPTH).transpose(1, 2)
    return [parts[:, i * HEADS : (i + 1) * HEADS] for i in range(3)]


def expected(qkv, g):
    """The gradient by NumPy."""
    q, k, v = np.moveaxis(qkv.reshape(BATCH, LENGTH, 3, HEADS, DEPTH), (2, 3), (0, 2))
    scores = q @ np.swapaxes(k, -1, -2) / np.sqrt(DEPTH)
    scores = np.where(np.tril(np.ones((LENGTH, LENGTH), bool)), scores, -np.inf)
    p = np.exp(scores - scores.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    dp = g @ np.swapaxes(v, -1, -2)
    ds = p * (dp - (dp * p).sum(-1, keepdims=True)) / np.sqrt(DEPTH)
    grads = np.stack([ds @ k, np.swapaxes(ds, -1, -2) @ q, np.swapaxes(p, -1, -2) @ g])
    return np.moveaxis(grads, (0, 2), (2, 3)).reshape(qkv.shape)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("parts", [by_split, by_chunk, by_unbind, by_narrow])
def test_attention_of_one_product(parts, dtype, device):
    rng = np.random.default_rng(0)
    values, upper = rng.normal(size=(BATCH, LENGTH, 3 * WIDTH)), rng.normal(size=(BATCH, HEADS, LENGTH, DEPTH))
    qkv = plait.tensor(values).to(getattr(plait, dtype)).to(device).requires_grad_()
    g = plait.tensor(upper).to(qkv.dtype).to(device)
    places = []
    q, k, v = parts(qkv * 1)
    for part in (q, k, v):
        part.register_hook(lambda grad: places.append(grad.data_ptr()))
    F.scaled_dot_product_attention(q, k, v, is_causal=True).backward(g)
    got = qkv.grad.cpu().double().numpy()
    want = expected(qkv.detach().cpu().double().numpy(), g.cpu().double().numpy())
    np.testing.assert_allclose(got, want, atol=2e-5 if dtype == "float32" else 0.06)
    first, second, third = sorted(places)
    assert second - first == third - second == WIDTH * qkv.itemsize  # side by side, as the product's gradient wants it


@pytest.mark.parametrize("parts", [by_split, by_unbind])
def test_without_data(parts):
    qkv = plait.empty(BATCH, LENGTH, 3 * WIDTH, device="meta").requires_grad_()
    F.scaled_dot_product_attention(*parts(qkv), is_causal=True).sum().backward()
    assert qkv.grad.is_meta and qkv.grad.shape == qkv.shape
    layer = plait.nn.Linear(3, 4, device="meta")
    layer(plait.empty(2, 3, device="meta")).sum().backward()
    assert layer.weight.grad.shape == (4, 3) and layer.bias.grad.shape == (4,)


@pytest.mark.parametrize("device", DEVICES)
def test_separate_projections(device):
    """Three tensors: each gradient lies as its tensor does, so that its transposition is contiguous again."""
    x = [plait.randn(BATCH, LENGTH, WIDTH, device=device).requires_grad_() for _ in range(3)]
    heads = [t.view(BATCH, LENGTH, HEADS, DEPTH).transpose(1, 2) for t in x]
    strides = []
    for t in heads:
        t.register_hook(lambda grad: strides.append(grad.stride()))
    F.scaled_dot_product_attention(*heads).sum().backward()
    assert strides == [heads[0].stride()] * 3


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", ["split", "unbind"])
def test_parts_that_do_not_make_a_whole(name, device):
    """In another order, overlapping, or of different tensors: copied together."""
    whole = plait.arange(24.0, device=device).view(4, 6)

    def grads_of(grads):
        x = plait.zeros(4, 6, device=device).requires_grad_()
        parts = x.split(2) if name == "split" else x.unbind(0)
        plait.autograd.backward(parts, grads)
        return x.grad.cpu().numpy()

    rows = list(whole.split(2)) if name == "split" else list(whole.unbind(0))
    np.testing.assert_array_equal(grads_of(rows), whole.cpu().numpy())
    reverse = plait.cat(rows[::-1]) if name == "split" else plait.stack(rows[::-1])
    np.testing.assert_array_equal(grads_of(rows[::-1]), reverse.cpu().numpy())
    same = plait.cat([rows[0]] * len(rows)) if name == "split" else plait.stack([rows[0]] * len(rows))
    np.testing.assert_array_equal(grads_of([rows[0]] * len(rows)), same.cpu().numpy())
    others = [r.clone() for r in rows]
    np.testing.assert_array_equal(grads_of(others), whole.cpu().numpy())
    assert plait.equal(whole, plait.arange(24.0, device=device).view(4, 6))


@pytest.mark.parametrize("device", DEVICES)
def test_accumulated_parts_do_not_write_into_each_other(device):
    """What comes out as one piece is added to where it is used twice; the caller's gradients stay as they are."""
    whole = plait.ones(4, 6, device=device)
    x = plait.zeros(4, 6, device=device).requires_grad_()
    y = x * 1
    parts = y.split(2)
    plait.autograd.backward([*parts, y * 2], [*whole.split(2), plait.ones(4, 6, device=device)])
    assert (x.grad == 3).all() and (whole == 1).all()
    x.grad += 1
    assert (whole == 1).all()


@pytest.mark.parametrize("device", DEVICES)
def test_linear_grads(device):
    for dtype, tolerance in [("float64", 1e-12), ("float32", 1e-5), ("bfloat16", 2e-2), ("float16", 2e-3)]:
        x = plait.randn(5, 7, 16, device=device).to(getattr(plait, dtype)).requires_grad_()
        layer = plait.nn.Linear(16, 24, device=device, dtype=x.dtype)
        g = plait.randn(5, 7, 24, device=device).to(x.dtype)
        layer(x).backward(g)
        rows, grads = x.detach().cpu().double().numpy().reshape(-1, 16), g.cpu().double().numpy().reshape(-1, 24)
        weight, bias = layer.weight.grad.cpu().double().numpy(), layer.bias.grad.cpu().double().numpy()
        np.testing.assert_allclose(weight, grads.T @ rows, rtol=tolerance, atol=20 * tolerance)
        np.testing.assert_allclose(bias, grads.sum(0), rtol=tolerance, atol=20 * tolerance)
    x = plait.randn(4, 3, device=device, dtype=plait.float64).requires_grad_()
    g = plait.randn(4, 2, device=device, dtype=plait.float64).requires_grad_()
    assert plait.autograd.gradcheck(plait._linear_grads, (g, x))
    w = plait.randn(2, 3, device=device, dtype=plait.float64).requires_grad_()
    assert plait.autograd.gradgradcheck(F.linear, (x, w, g.detach()[0].clone().requires_grad_()))
    for rows, width in [(0, 3), (4, 0)]:
        weight, bias = plait._linear_grads(plait.ones(rows, 2, device=device), plait.ones(rows, width, device=device))
        assert weight.shape == (2, width) and bias.tolist() == [rows, rows]
    g, x = plait.randn(9, 5, device=device), plait.randn(9, 7, device=device)
    for dtype in (plait.bfloat16, plait.float16):
        weight, bias = plait._linear_grads(g.to(dtype), x.to(dtype), True, plait.float32)
        rows, grads = x.to(dtype).double().cpu().numpy(), g.to(dtype).double().cpu().numpy()
        assert weight.dtype is bias.dtype is plait.float32
        if device == "cuda":
            np.testing.assert_allclose(weight.cpu(), grads.T @ rows, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(bias.cpu(), grads.sum(0), rtol=1e-5, atol=1e-5)
    weight, bias = plait._linear_grads(g, x, False)
    assert weight.shape == (5, 7) and bias.shape == (0,)
    with pytest.raises(TypeError, match="_linear_grads: expected dtype to be that of self, float64, or float32 for 16-bit"):
        plait._linear_grads(g.double(), x.double(), True, plait.float32)
    with pytest.raises(ValueError, match=r"_linear_grads: expected self \(rows, out\) and input \(rows, in\)"):
        plait._linear_grads(plait.ones(4, 2, device=device), plait.ones(3, 2, device=device))


def weight_grad_of(g, x, kernel, stride, padding, groups):
    """The gradient of a 2d convolution's weight, from patches of x."""
    x = np.pad(x, [(0, 0), (0, 0), *[(p, p) for p in padding]])
    patches = np.lib.stride_tricks.sliding_window_view(x, kernel, axis=(2, 3))[:, :, :: stride[0], :: stride[1]]
    parts = zip(np.split(g, groups, axis=1), np.split(patches, groups, axis=1), strict=True)
    return np.concatenate([np.einsum("noyx,ncyxhw->ochw", a, b) for a, b in parts])


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("device", DEVICES)
def test_conv_weight_grads_in_float32(device, channels_last):
    """Asked for float32, a GPU does not round the sums to 16 bits first."""
    layout = plait.channels_last if channels_last else plait.contiguous_format
    for dtype, rounding in [(plait.bfloat16, 2**-8), (plait.float16, 2**-11)]:
        for groups, stride, padding in [(1, [1, 1], [0, 0]), (2, [2, 1], [1, 2]), (4, [1, 3], [1, 0])]:
            x = plait.randn(3, 4, 7, 6, device=device).to(dtype).contiguous(memory_format=layout)
            y = F.conv2d(x, plait.ones(8, 4 // groups, 3, 2, device=device, dtype=dtype), None, stride, padding, 1, groups)
            g = plait.randn(y.shape, device=device).to(dtype).contiguous(memory_format=layout)
            args = (g, x, [3, 2], stride, padding, [1, 1], groups)
            expected = weight_grad_of(
                g.double().cpu().numpy(), x.double().cpu().numpy(), (3, 2), stride, padding, groups
            )
            wide, same = plait._conv_weight_grad(*args, plait.float32), plait._conv_weight_grad(*args)
            assert wide.dtype is plait.float32 and same.dtype is dtype and wide.shape == expected.shape
            tolerance = 1e-5 if device == "cuda" and IS_EMULATED else 2 * rounding
            np.testing.assert_allclose(wide.cpu(), expected, rtol=tolerance, atol=tolerance)
            np.testing.assert_allclose(same.float().cpu(), expected, rtol=2 * rounding, atol=2 * rounding)
    with pytest.raises(TypeError, match="_conv_weight_grad: expected dtype to be that of self, float32, or float32 for 16"):
        plait._conv_weight_grad(g.float(), x.float(), *args[2:], plait.float64)


@pytest.mark.parametrize("device", DEVICES)
def test_convolution_in_a_region_gives_float32_gradients(device):
    layer = plait.nn.Conv2d(4, 8, 3, stride=2, padding=1, groups=2, device=device)
    x = plait.randn(2, 4, 9, 8, device=device)
    with plait.autocast(device, dtype=plait.bfloat16):
        y = layer(x)
    g = plait.randn(y.shape, device=device).to(y.dtype)
    y.backward(g)
    grads, rows = g.double().cpu().numpy(), x.bfloat16().double().cpu().numpy()
    expected = weight_grad_of(grads, rows, (3, 3), (2, 2), (1, 1), 2)
    assert layer.weight.grad.dtype is layer.bias.grad.dtype is plait.float32
    tolerance = 1e-5 if device == "cuda" and IS_EMULATED else 2e-2
    np.testing.assert_allclose(layer.weight.grad.cpu(), expected, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(layer.bias.grad.cpu(), grads.sum((0, 2, 3)), rtol=tolerance, atol=tolerance)
