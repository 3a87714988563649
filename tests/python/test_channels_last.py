"""Kernels that take channels-last tensors as they lie give what they give for contiguous ones, gradients too."""

import itertools

import numpy as np
import plait
import plait.nn.functional as F
import pytest

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
}


def pool(x, kind):
    return getattr(F, f"{kind}_pool{x.ndim - 2}d")


def run(case, x, w, b, gradient):
    leaves = [t.detach().requires_grad_() for t in (x, w, b)]
    y = CASES[case](*leaves)
    y.backward(gradient(y.shape))
    return [y.detach()] + [leaf.grad for leaf in leaves]


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
