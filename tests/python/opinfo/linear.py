"""Products of matrices and vectors."""

import numpy as np

from .core import FLOAT_COMPLEX, FLOATS, NUMBERS, Sample, Tol, op

S = Sample
# Sums of products of up to a few hundred terms, in any order; they may cancel. 16-bit results are rounded
# once.
DOT = Tol(8, 16, half=(2, 2), floor=1, grad=400)
PRODUCT = {"dtypes": NUMBERS, "out": "promote", "tol": DOT, "expand": True}


op(
    "mm",
    lambda g: [
        S(g(3, 4), g(4, 2)),
        S(g(1, 4), g(4, 1)),
        S(g(0, 4), g(4, 2)),
        S(g(3, 0), g(0, 2)),
        S(g(70, 65), g(65, 33)).big(),
        S(g(130, 257), g(257, 66)).big(),
    ],
    np.matmul,
    **PRODUCT,
)
op(
    "bmm",
    lambda g: [
        S(g(2, 3, 4), g(2, 4, 2)),
        S(g(0, 3, 4), g(0, 4, 2)),
        S(g(2, 3, 0), g(2, 0, 2)),
        S(g(8, 40, 33), g(8, 33, 20)).big(),
    ],
    np.matmul,
    **PRODUCT,
)
op(
    "mv",
    lambda g: [S(g(3, 4), g(4)), S(g(0, 4), g(4)), S(g(3, 0), g(0)), S(g(300, 200), g(200)).big()],
    np.matmul,
    **PRODUCT,
)
op(
    "dot",
    lambda g: [S(g(5), g(5)), S(g(0), g(0)), S(g(1), g(1)), S(g(5001), g(5001)).big()],
    np.dot,
    **PRODUCT,
)
op("outer", lambda g: [S(g(3), g(4)), S(g(0), g(3)), S(g(1), g(1))], np.outer, **PRODUCT)
op(
    "inner",
    lambda g: [S(g(4), g(4)), S(g(3, 4), g(2, 4)), S(g(), g(2, 3)), S(g(2, 3, 4), g(4))],
    np.inner,
    **PRODUCT,
)


def matmul_samples(g):
    for a, b in [
        ((4,), (4,)),
        ((3, 4), (4,)),
        ((4,), (4, 3)),
        ((3, 4), (4, 2)),
        ((2, 3, 4), (4,)),
        ((4,), (2, 4, 3)),
        ((2, 3, 4), (4, 2)),
        ((3, 4), (2, 4, 2)),
        ((2, 3, 4), (2, 4, 2)),
        ((2, 1, 3, 4), (3, 4, 2)),
        ((5, 1, 3, 4), (1, 2, 4, 2)),
        ((0, 3, 4), (4, 2)),
        ((3, 0), (0, 2)),
        ((1, 1), (1, 1)),
    ]:
        yield S(g(*a), g(*b))
    yield S(g(6, 30, 64), g(64, 48)).big()


op("matmul", matmul_samples, np.matmul, **PRODUCT)


def addmm_like(product, *shapes):
    def samples(g):
        for i, (c, a, b) in enumerate(shapes):
            s = S(g(*c), g(*a), g(*b))
            if i % 3 == 1:
                s.kwargs = {"beta": 2, "alpha": g.number(0.5, 3)}
            elif i % 3 == 2:
                s.kwargs = {"beta": 0}
            yield s

    def ref(c, a, b, *, beta=1, alpha=1):
        out = alpha * product(a, b)
        return (out + beta * c if beta != 0 else out + np.zeros_like(c)).astype(np.result_type(a, c))

    return samples, ref


op(
    "addmm",
    *addmm_like(
        np.matmul,
        ((3, 2), (3, 4), (4, 2)),
        ((2,), (3, 4), (4, 2)),
        ((1, 2), (3, 4), (4, 2)),
        ((), (3, 4), (4, 2)),
        ((3, 2), (3, 0), (0, 2)),
    ),
    **PRODUCT,
)
op("addmv", *addmm_like(np.matmul, ((3,), (3, 4), (4,)), ((1,), (3, 4), (4,)), ((), (3, 4), (4,))), **PRODUCT)
op(
    "addbmm",
    *addmm_like(
        lambda a, b: np.matmul(a, b).sum(0),
        ((3, 2), (5, 3, 4), (5, 4, 2)),
        ((2,), (5, 3, 4), (5, 4, 2)),
        ((3, 2), (5, 3, 4), (5, 4, 2)),
    ),
    **PRODUCT,
)
op(
    "baddbmm",
    *addmm_like(
        np.matmul,
        ((5, 3, 2), (5, 3, 4), (5, 4, 2)),
        ((3, 2), (5, 3, 4), (5, 4, 2)),
        ((1,), (5, 3, 4), (5, 4, 2)),
    ),
    **PRODUCT,
)


def linear_samples(g):
    yield S(g(3, 4), g(2, 4), g(2))
    yield S(g(3, 4), g(2, 4))
    yield S(g(4), g(2, 4), g(2))
    yield S(g(2, 3, 4), g(5, 4), g(5))
    yield S(g(2, 3, 4), g(5, 4), None)
    yield S(g(0, 4), g(2, 4), g(2))
    yield S(g(2, 0), g(3, 0), g(3))
    yield S(g(64, 200), g(100, 200), g(100)).big()


op("linear", linear_samples, lambda x, w, b=None: x @ w.T + (0 if b is None else b), FLOAT_COMPLEX, tol=DOT)


def addmm_activation_samples(g):
    for use_gelu in (False, True):
        yield S(g(5), g(3, 4), g(4, 5), use_gelu=use_gelu)
        yield S(g(3, 5), g(3, 4), g(4, 5), use_gelu=use_gelu)
        yield S(g(5), g(3, 4), g(4, 5), beta=2, alpha=0.5, use_gelu=use_gelu)
        yield S(g(8), g(3, 0), g(0, 8), use_gelu=use_gelu)
        yield S(g(8), g(0, 4), g(4, 8), use_gelu=use_gelu)
        yield S(g(48), g(24, 64), g(64, 48), use_gelu=use_gelu).big()


def addmm_activation(c, a, b, *, beta=1, alpha=1, use_gelu=False):
    x = alpha * (a @ b) + beta * c
    if not use_gelu:
        return np.maximum(x, 0)
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


op("_addmm_activation", addmm_activation_samples, addmm_activation, FLOATS, tol=DOT)


def einsum_samples(g):
    for equation, *shapes in [
        ("ij,jk->ik", (3, 4), (4, 2)),
        ("bij,bjk->bik", (2, 3, 4), (2, 4, 2)),
        ("i,i->", (4,), (4,)),
        ("ij->ji", (3, 4)),
        ("ii->i", (3, 3)),
        ("ii", (3, 3)),
        ("ij->", (3, 4)),
        ("i,j->ij", (3,), (4,)),
        ("...ij,...jk->...ik", (2, 3, 4), (4, 2)),
        ("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 5, 4)),
        ("ij,ij,ij->i", (3, 4), (3, 4), (3, 4)),
        ("ij,jk", (3, 4), (4, 2)),
        ("ij,k->ijk", (2, 3), (2,)),
        ("i...->...", (3, 2)),
    ]:
        yield S(equation, *[g(*s) for s in shapes])


op(
    "einsum",
    einsum_samples,
    lambda e, *xs: np.einsum(e, *xs),
    ("int64", *FLOAT_COMPLEX),
    tol=Tol(8, 16, half=(4, 6), floor=1, grad=400),
    expand=True,
)


def tensordot_samples(g):
    yield S(g(3, 4), g(4, 2), 1)
    yield S(g(2, 3, 4), g(3, 4, 5), 2)
    yield S(g(3, 4), g(2, 3), ([0], [1]))
    yield S(g(2, 3, 4), g(4, 3, 5), dims=([1, 2], [1, 0]))
    yield S(g(3), g(2), 0)
    yield S(g(2, 1), g(4, 3), ([1], [0]))  # a size of 1 goes with any
    yield S(g(2, 4, 3), g(1, 1, 5), dims=([1, 2], [0, 1]))


def tensordot(a, b, dims=2):
    if isinstance(dims, tuple):
        for i, j in zip(*dims):
            n = max(a.shape[i], b.shape[j])
            a = np.broadcast_to(a, [n if d == i else m for d, m in enumerate(a.shape)])
            b = np.broadcast_to(b, [n if d == j else m for d, m in enumerate(b.shape)])
    return np.tensordot(a, b, dims)


op("tensordot", tensordot_samples, tensordot, **PRODUCT)
op(
    "kron",
    lambda g: [S(g(2, 3), g(3, 2)), S(g(3), g(2)), S(g(2), g(2, 3)), S(g(), g(2, 2))],
    np.kron,
    **PRODUCT,
)


def cross(a, b, dim=-1):
    a, b = (np.moveaxis(x, dim, 0) for x in np.broadcast_arrays(a, b))
    out = np.stack([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])
    return np.moveaxis(out, 0, dim)


op(
    "linalg_cross",
    lambda g: [S(g(4, 3), g(4, 3)), S(g(3, 4), g(3, 1), dim=0)],
    cross,
    **PRODUCT,
    call=lambda lib, *args, **options: lib.linalg.cross(*args, **options),
)
op(
    "linalg_vecdot",
    lambda g: [S(g(4, 3), g(4, 3)), S(g(3, 4), g(3, 1), dim=0), S(g(2, 0), g(2, 0))],
    lambda x, y, dim=-1: (np.conj(x) * y).sum(dim),
    FLOAT_COMPLEX,
    out="promote",
    tol=DOT,
    expand=True,
    call=lambda lib, *args, **options: lib.linalg.vecdot(*args, **options),
)
op(
    "cross",
    lambda g: [
        S(g(4, 3), g(4, 3), dim=-1),
        S(g(3, 4), g(3, 4), dim=0),
        S(g(3), g(3), dim=0),
        S(g(4, 3), g(1, 3), dim=1),
    ],
    cross,
    NUMBERS,
    tol=Tol(4, 4, half=(2, 2), floor=1),
)


def cdist_samples(g):
    for p in (2.0, 1.0, 3.0, float("inf")):
        yield S(g(3, 4), g(5, 4), p)
    yield S(g(2, 3, 4), g(2, 5, 4))
    yield S(g(2, 3, 4), g(5, 4))
    yield S(g(0, 4), g(5, 4)).nograd()


def cdist(a, b, p=2.0):
    d = np.abs(a[..., :, None, :] - b[..., None, :, :])
    return d.max(-1, initial=0) if p == np.inf else (d**p).sum(-1) ** (1 / p)


op("cdist", cdist_samples, cdist, ("float32", "float64"), tol=Tol(16, 16), expand=False)


op("vdot", lambda g: [S(g(5), g(5)), S(g(1), g(1)), S(g(0), g(0))], np.vdot, **PRODUCT)
op(
    "bilinear",
    lambda g: [
        S(g(4, 3), g(4, 2), g(5, 3, 2)),
        S(g(4, 3), g(4, 2), g(5, 3, 2), g(5)),
        S(g(3), g(2), g(1, 3, 2)),
        S(g(2, 4, 3), g(2, 4, 2), weight=g(5, 3, 2), bias=g(5)),
    ],
    lambda a, b, weight, bias=0: np.einsum("...i,oij,...j->...o", a, weight, b) + bias,
    FLOATS,
    tol=Tol(8, 16, half=(8, 6), floor=1, grad=400),
)
