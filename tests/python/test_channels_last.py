"""Kernels that take channels-last tensors as they lie give what they give for contiguous ones, gradients too."""

import itertools

import numpy as np
import plait
import plait.nn.functional as F
import pytest
from cuda_device import needs_cuda

SHAPES = [(4, 6, 5, 7), (1, 2, 9, 3), (3, 70, 4, 4), (2, 6, 40, 31), (2, 3, 4, 3, 5)]


def vectors(shape, dtype):
    rng = np.random.default_rng(5)
    return [plait.from_numpy(rng.standard_normal(shape[1])).to(dtype) for _ in range(2)]


CASES = {
    "batch_norm": lambda x, w, b: F.batch_norm(x, None, None, w, b, True),
    "batch_norm, no weight": lambda x, w, b: F.batch_norm(x, None, None, None, None, True),
    "group_norm": lambda x, w, b: F.group_norm(x, x.shape[1] // (3 if x.shape[1] % 3 == 0 else 2), w, b),
    "group_norm of one": lambda x, w, b: F.group_norm(x, 1, w, None),
    "instance_norm": lambda x, w, b: F.instance_norm(x, weight=w, bias=b),
    "max_pool 2": lambda x, w, b: pool(x, "max")(x, 2),
    "max_pool 3": lambda x, w, b: pool(x, "max")(x, 3, 2, 1),
    "avg_pool 2": lambda x, w, b: pool(x, "avg")(x, 2),
    "avg_pool 3": lambda x, w, b: pool(x, "avg")(x, 3, 2, 1),
    "pad": lambda x, w, b: F.pad(x, (1, 2, 0, 1)),
    "pad channels": lambda x, w, b: F.pad(x, (0, 1) * (x.ndim - 2) + (2, 1, 1, 0), value=3.0),
    "pad by less": lambda x, w, b: F.pad(x, (-1, 2, 1, -1), value=-1.0),
    "pad reflect": lambda x, w, b: F.pad(x, (1, 2, 2, 0), mode="reflect"),
    "pad replicate": lambda x, w, b: F.pad(x, (1, 2, 3, -1), mode="replicate"),
    "pad circular": lambda x, w, b: F.pad(x, (1, 2, -1, 1), mode="circular"),
    "channel_shuffle": lambda x, w, b: F.channel_shuffle(x, 3 if x.shape[1] % 3 == 0 else 2),
}


def pool(x, kind):
    return getattr(F, f"{kind}_pool{x.ndim - 2}d")


def run(case, x, w, b, gradient):
    leaves = [t.detach().requires_grad_() for t in (x, w, b)]
    y = CASES[case](*leaves)
    y.backward(gradient(y.shape))
    return [y.detach()] + [leaf.grad for leaf in leaves]


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_cuda)])
def test_pixels(device):
    x = plait.arange(2.0 * 8 * 4 * 6, device=device).reshape(2, 8, 4, 6)
    last = x.contiguous(memory_format=plait.channels_last)
    for shuffle in (F.pixel_shuffle, F.pixel_unshuffle):
        given = shuffle(last, 2)
        assert given.is_contiguous(memory_format=plait.channels_last)
        assert given.tolist() == shuffle(x, 2).tolist()
    assert F.pixel_unshuffle(F.pixel_shuffle(last, 2), 2).tolist() == x.tolist()


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_cuda)])
@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
def test_pads(mode, device):
    x = plait.arange(2.0 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    last = x.to(device).contiguous(memory_format=plait.channels_last).requires_grad_()
    want = np.pad(x.numpy(), ((0, 0), (0, 0), (1, 3), (2, 1)), {"replicate": "edge", "circular": "wrap"}.get(mode, mode))
    y = F.pad(last, (2, 1, 1, 3), mode=mode)
    assert y.is_contiguous(memory_format=plait.channels_last) and not y.is_contiguous()
    np.testing.assert_array_equal(y.detach().cpu().numpy(), want)
    y.backward(y.detach())
    assert last.grad.is_contiguous(memory_format=plait.channels_last)
    plain = x.to(device).requires_grad_()
    F.pad(plain, (2, 1, 1, 3), mode=mode).backward(y.detach().contiguous())
    assert last.grad.tolist() == plain.grad.tolist()


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("case, shape", list(itertools.product(CASES, SHAPES)))
def test_same_as_contiguous(case, shape, dtype):
    dtype = getattr(plait, dtype)
    rng = np.random.default_rng(3)
    plain = plait.from_numpy(rng.standard_normal(shape) * 2 + 3).to(dtype)
    last = plain.contiguous(memory_format=plait.channels_last_3d if len(shape) == 5 else plait.channels_last)
    assert not last.is_contiguous()
    w, b = vectors(shape, dtype)
    g = {}

    def gradient(size):
        if size not in g:
            g[size] = plait.from_numpy(np.random.default_rng(4).standard_normal(size)).to(dtype)
        return g[size]

    expected, given = run(case, plain, w, b, gradient), run(case, last, w, b, gradient)
    assert not given[0].is_contiguous() and given[0].permute(0, *range(2, len(shape)), 1).is_contiguous()
    # Sums over up to 2,480 elements, in another order.
    tolerance = {plait.float32: 2e-5, plait.float64: 1e-13, plait.float16: 4e-3}[dtype]
    for a, e in zip(given, expected):
        assert (a is None) == (e is None)
        if e is not None:
            scale = max(1.0, float(e.abs().max()))
            np.testing.assert_allclose(a.double().numpy(), e.double().numpy(), atol=tolerance * scale, rtol=0)
