"""Gathering, scattering, sorting, searching."""

import numpy as np

from .core import ALL, INTS, NUMBERS, REAL, REAL_NUMBERS, Sample, T, Tol, is_float, op

S = Sample


def indexed(name, samples, ref, dtypes=ALL, out="first", **options):
    # Indices do not take the place of values: an expanded self would only be a smaller one, an expanded
    # index has ties.
    op(name, samples, ref, dtypes, out=out, expand=False, **options)


def along(x, dim, index):
    """A tuple that addresses, for every place of `index`, the element at that index of dimension `dim`."""
    where = list(np.indices(index.shape))
    where[dim] = index
    return tuple(where)


def unique_index(g, *shape, dim, high):
    """No index twice along `dim`: the result does not depend on an order of writing."""
    moved = [shape[d] for d in range(len(shape)) if d != dim % len(shape)]
    rows = np.stack([g.rng.permutation(high)[: shape[dim]] for _ in range(int(np.prod(moved)))], -1)
    return T(np.moveaxis(rows.reshape(shape[dim], *moved), 0, dim), "int64")


indexed(
    "gather",
    lambda g: [
        S(g(3, 4), 1, g.index(3, 2, high=4)),
        S(g(3, 4), 0, g.index(2, 3, high=3)),
        S(g(2, 3, 4), -1, g.index(2, 2, 5, high=4)),
        S(g(4), 0, g.index(6, high=4)),
        S(g(), 0, g.index(high=1)),
        S(g(3, 4), 0, g.index(0, 4, high=3)),
        S(g(300, 200), 1, g.index(300, 150, high=200)).big(),
    ],
    lambda x, d, i: x[along(x, d, i)] if x.ndim else x,
)


def scatter_samples(g):
    yield S(g(3, 5), 1, unique_index(g, 3, 2, dim=1, high=5), g(3, 2))
    yield S(
        g(3, 5), 0, unique_index(g, 2, 4, dim=0, high=3), g(2, 5)
    ).nograd()  # PyTorch wants src of index's shape for a gradient
    yield S(g(5), 0, unique_index(g, 3, dim=0, high=5), g(3))
    yield S(g(3, 5), 1, unique_index(g, 3, 2, dim=1, high=5), g.number(2.5, 1))
    yield S(g(3, 5), 1, g.index(0, 2, high=5), g(3, 2)).nograd()
    yield S(g(2, 3, 4), -2, unique_index(g, 2, 2, 4, dim=1, high=3), g(2, 2, 4))


def scatter(x, d, i, src):
    out = x.copy()
    values = src if np.ndim(src) else np.full(i.shape, src)
    out[along(x, d, i)] = values[tuple(slice(n) for n in i.shape)]
    return out


indexed("scatter", scatter_samples, scatter)


def scatter_add_samples(g):
    yield S(g(3, 5), 1, g.index(3, 4, high=5), g(3, 4))
    yield S(g(3, 5), 0, g.index(7, 5, high=3), g(7, 5))
    yield S(g(5), 0, g.index(9, high=5), g(9))
    yield S(g(5), 0, g.index(0, high=5), g(0))
    yield S(g(2, 3, 4), -1, g.index(2, 3, 6, high=4), g(2, 3, 6))
    yield S(g(), 0, g.index(high=1), g())


def scatter_add(x, d, i, src):
    out = np.atleast_1d(x.copy())
    i, src = np.atleast_1d(i), np.atleast_1d(src)
    np.add.at(out, along(out, d, i), src[tuple(slice(n) for n in i.shape)])
    return out.reshape(x.shape)


# Terms are added one after another, in the dtype itself.
ADDED = Tol(4, 8, half=(4, 6), floor=1)
indexed("scatter_add", scatter_add_samples, scatter_add, tol=ADDED)


def scatter_reduce_samples(g):
    for r in ("sum", "prod", "mean", "amax", "amin"):
        draw = (lambda *s: g.distinct(*s)) if r[0] == "a" else (lambda *s: g(*s, low=1, high=2))
        if r == "mean" and g.dtype == "bool":
            continue
        yield S(draw(3, 5), 1, g.index(3, 4, high=5), draw(3, 4), r)
        yield S(draw(3, 5), 0, g.index(5, 5, high=3), draw(5, 5), r, include_self=False)


def scatter_reduce(x, d, i, src, reduce, *, include_self=True):
    out, count = x.copy(), np.zeros(x.shape, np.int64) + (1 if include_self else 0)
    for where in np.ndindex(*i.shape):
        target = list(where)
        target[d] = i[where]
        target = tuple(target)
        v, n = src[where], count[target]
        a = out[target]
        out[target] = (
            v
            if n == 0
            else a + v
            if reduce in ("sum", "mean")
            else a * v
            if reduce == "prod"
            else max(a, v)
            if reduce == "amax"
            else min(a, v)
        )
        count[target] += 1
    if reduce == "mean":
        touched = np.maximum(count, 1)
        out = out / touched if out.dtype.kind == "f" else np.floor_divide(out, touched)
    return out


indexed(
    "scatter_reduce",
    scatter_reduce_samples,
    scatter_reduce,
    REAL_NUMBERS,
    tol=ADDED,
    gradgrad=False,
    note="ties",
)


def pick_rows(x, d, i):
    return np.take(x, i, d) if x.ndim else x.reshape(1)[i].reshape(())


indexed(
    "index_select",
    lambda g: [
        S(g(5, 3), 0, g.index(4, high=5)),
        S(g(2, 5), 1, g.index(7, high=5)),
        S(g(2, 3, 4), -1, g.index(2, high=4, dtype="int32")),
        S(g(5, 3), 0, g.index(0, high=5)),
        S(g(), 0, T([0], "int64")),
        S(g(500, 300), 0, g.index(700, high=500)).big(),
    ],
    pick_rows,
)


def index_add(x, d, i, src, *, alpha=1):
    out = np.moveaxis(x.copy(), d, 0)
    np.add.at(out, i, (alpha * np.moveaxis(src, d, 0)).astype(x.dtype))
    return np.moveaxis(out, 0, d)


def index_copy(x, d, i, src):
    out = np.moveaxis(x.copy(), d, 0)
    out[i] = np.moveaxis(src, d, 0)
    return np.moveaxis(out, 0, d)


indexed(
    "index_add",
    lambda g: [
        S(g(5, 3), 0, g.index(4, high=5), g(4, 3)),
        S(g(2, 5), 1, g.index(7, high=5), g(2, 7)),
        S(g(5, 3), 0, g.index(4, high=5), g(4, 3), alpha=2),
        S(g(5), -1, g.index(3, high=5), g(3)),
        S(g(5, 3), 0, g.index(0, high=5), g(0, 3)),
    ],
    index_add,
    ALL,
    tol=ADDED,
)
indexed(
    "index_copy",
    lambda g: [
        S(g(5, 3), 0, T([4, 0, 2], "int64"), g(3, 3)),
        S(g(2, 5), 1, T([1, 3], "int64"), g(2, 2)),
        S(g(5), -1, T([2], "int64"), g(1)),
    ],
    index_copy,
)


def index_fill(x, d, i, value):
    out = np.moveaxis(x.copy(), d, 0)
    out[i] = value
    return np.moveaxis(out, 0, d)


indexed(
    "index_fill",
    lambda g: [
        S(g(5, 3), 0, T([4, 0], "int64"), g.number(1.5, 1)),
        S(g(2, 5), 1, T([1, 3, 1], "int64"), 0),
        S(g(5), -1, T([2], "int64"), 1),
        S(g(5, 3), 0, T([1], "int64"), g()),
    ],
    index_fill,
)


def index_put_samples(g):
    yield S(g(5, 3), [T([0, 3], "int64")], g(2, 3))
    yield S(g(5, 3), [T([0, 3], "int64"), T([1, 2], "int64")], g(2))
    yield S(g(5, 3), [T([0, 3], "int64")], g(3))
    yield S(g(5, 3), [T([1, 1, 4], "int64")], g(3, 3), True)
    yield S(g(5, 3), [g.mask(5, 3)], g())
    yield S(g(5, 3), [T([True, False, True, False, False], "bool")], g(2, 3))
    yield S(g(5, 3), [T([[0], [3]], "int64"), T([0, 2], "int64")], g(2, 2))
    yield S(g(5, 3, 2), [None, T([0, 2], "int64")], g(5, 2, 2))


def index_put(x, indices, values, accumulate=False):
    out = x.copy()
    where = tuple(slice(None) if i is None else i for i in indices)
    if accumulate:
        np.add.at(out, where, values)
    else:
        out[where] = values
    return out


indexed("index_put", index_put_samples, index_put, tol=ADDED)
indexed(
    "index",
    lambda g: [
        S(g(5, 3), [T([0, 3, -1], "int64")]),
        S(g(5, 3), [None, T([0, 2], "int64")]),
        S(g(5, 3), [T([[0], [3]], "int64"), T([0, 2], "int64")]),
        S(g(5, 3), [g.mask(5, 3)]),
        S(g(5, 3), [g.mask(5)]),
        S(g(5, 3, 2), [T([0, 1], "int64"), None, T([1, 0], "int64")]),
    ],
    lambda x, i: x[tuple(slice(None) if j is None else j for j in i)],
    call=lambda lib, x, i: x[tuple(slice(None) if j is None else j for j in i)],
    data_shape="mask",
)

# ---- masks
indexed(
    "masked_select",
    lambda g: [
        S(g(3, 4), g.mask(3, 4)),
        S(g(3, 4), g.mask(4)),
        S(g(4), g.mask(3, 4)),
        S(g(), g.mask()),
        S(g(0, 3), g.mask(3)),
        S(g(300, 400), g.mask(300, 400)).big(),
    ],
    lambda x, m: np.broadcast_arrays(x, m)[0][np.broadcast_arrays(x, m)[1]],
    data_shape=True,
)


def masked_scatter(x, m, src):
    x, m = (a.copy() for a in np.broadcast_arrays(x, m))
    x[m] = src.reshape(-1)[: m.sum()]
    return x


indexed(
    "masked_scatter",
    lambda g: [S(g(3, 4), g.mask(3, 4), g(12)), S(g(3, 4), g.mask(4), g(4, 4)), S(g(0, 4), g.mask(4), g(0))],
    masked_scatter,
)
indexed(
    "take",
    lambda g: [
        S(g(3, 4), g.index(5, high=12)),
        S(g(3, 4), g.index(2, 3, high=12, low=-12)),
        S(g(3, 4), g.index(0, high=12)),
        S(g(), T([0, 0], "int64")),
    ],
    np.take,
)
indexed(
    "take_along_dim",
    lambda g: [
        S(g(3, 4), g.index(3, 2, high=4), 1),
        S(g(3, 4), g.index(1, 4, high=3), 0),
        S(g(3, 1), g.index(1, 4, high=1), 1),
        S(g(3, 4), g.index(6, high=12)),
        S(g(3, 4), g.index(3, 2, low=-4, high=4), 1),
        S(g(3, 4), g.index(6, low=-12, high=12)),
    ],
    lambda x, i, d=None: (
        np.take_along_axis(x.reshape(-1), i.reshape(-1), 0)
        if d is None
        else np.take_along_axis(
            *[
                np.broadcast_to(
                    a, [max(n, m) if k != d else a.shape[k] for k, (n, m) in enumerate(zip(x.shape, i.shape))]
                )
                for a in (x, i)
            ],
            d,
        )
    ),
)


def nonzero(x, *, as_tuple=False):
    return tuple(np.nonzero(np.atleast_1d(x))) if as_tuple else np.argwhere(x)


indexed(
    "nonzero",
    lambda g: [
        S(g(3, 4, low=-1, high=1)),
        S(g(5)),
        S(g()),
        S(g(0, 3)),
        S(g(3, 4, low=-1, high=1), as_tuple=True),
        S(g(301, 400, low=0, high=1)).big(),
    ],
    nonzero,
    out="int64",
    grad=False,
    data_shape=True,
)


# ---- order
def order_samples(g, stable=True):
    yield S(g.distinct(3, 5))
    yield S(g.distinct(3, 5), 0)
    yield S(g.distinct(3, 5), -1, True)
    yield S(g.distinct(7), dim=0, descending=True)
    yield S(g.distinct())
    yield S(g.distinct(0, 3))
    if stable:
        yield S(g(40, low=0, high=3), dim=0, stable=True).nograd()
        yield S(g(40, low=0, high=3), dim=0, descending=True, stable=True).nograd()
    if is_float(g.dtype):
        yield S(T([2, np.nan, -np.inf, np.inf, 1], g.dtype)).nograd()
        yield S(
            g(30, 2000, dtype=g.dtype if g.dtype[0] == "f" and g.dtype != "float16" else "float64"),
            dim=1,
            stable=True,
        ).big()


def ordering(x, dim=-1, descending=False, *, stable=False):
    if x.ndim == 0:
        return np.int64(0)
    if descending:  # the first of equals stays first; NaN counts as the largest
        return x.shape[dim] - 1 - np.flip(np.argsort(np.flip(x, dim), dim, kind="stable"), dim)
    return np.argsort(x, dim, kind="stable")


def sort(x, dim=-1, descending=False, *, stable=False):
    index = ordering(x, dim, descending)
    return (np.take_along_axis(x, index, dim) if x.ndim else x), index


indexed("sort", order_samples, sort, REAL, out=("first", "int64"), note="bool ties")
indexed("argsort", order_samples, ordering, REAL, out="int64", grad=False, note="bool ties")


def topk_samples(g):
    yield S(g.distinct(3, 6), 2)
    yield S(g.distinct(6, 3), 3, 0)
    yield S(g.distinct(3, 6), 2, -1, False)
    yield S(g.distinct(6), 6, dim=0, largest=True, sorted=True)
    yield S(g.distinct(6), 0)
    yield S(g.distinct(), 1)
    if is_float(g.dtype):
        yield S(T([2, np.nan, 1], g.dtype), 2).nograd()
    if g.dtype in ("float32", "float64", "int32", "int64"):
        yield S(T(g.rng.permutation(9000).reshape(3, 3000), g.dtype), 17).big()


def topk(x, k, dim=-1, largest=True, sorted=True):
    if x.ndim == 0:
        return x, np.int64(0)
    index = np.take(ordering(x, dim, largest), np.arange(k), dim)
    return np.take_along_axis(x, index, dim), index


indexed("topk", topk_samples, topk, REAL_NUMBERS, out=("first", "int64"))


def kthvalue(x, k, dim=-1, keepdim=False):
    if x.ndim == 0:
        return x, np.int64(0)
    index = np.take(np.argsort(x, dim), [k - 1], dim)
    value = np.take_along_axis(x, index, dim)
    return (value, index) if keepdim else (value.squeeze(dim), index.squeeze(dim))


indexed(
    "kthvalue",
    lambda g: [
        S(g.distinct(3, 5), 2),
        S(g.distinct(3, 5), 1, 0),
        S(g.distinct(3, 5), 5, -1, True),
        S(g.distinct(7), 4),
        S(g.distinct(), 1),
    ],
    kthvalue,
    REAL_NUMBERS,
    out=("first", "int64"),
)


def edges(g, n):
    t = g.distinct(n)
    return T(np.sort(t.array), t.dtype, diff=False)


def searchsorted_samples(g):
    yield S(edges(g, 6), g(3, 4))
    yield S(edges(g, 6), g(3, 4), right=True)
    yield S(edges(g, 6), g(4), side="right")
    yield S(edges(g, 6), edges(g, 6))
    yield S(edges(g, 6), g(4), out_int32=True)
    yield S(edges(g, 6), g())
    yield S(T(np.sort(g.distinct(2, 5).array, -1), g.dtype), g(2, 3))


def searchsorted(a, v, *, out_int32=False, right=False, side=None):
    side = side or ("right" if right else "left")
    if a.ndim == 1:
        return np.searchsorted(a, v, side)
    return np.stack([np.searchsorted(x, y, side) for x, y in zip(a, v)])


def int32_out(s):
    return "int32" if s.kwargs.get("out_int32") else "int64"


indexed("searchsorted", searchsorted_samples, searchsorted, REAL_NUMBERS, out=int32_out, grad=False)
indexed(
    "bucketize",
    lambda g: [
        S(g(3, 4), edges(g, 6)),
        S(g(3, 4), edges(g, 6), right=True),
        S(g(), edges(g, 6)),
        S(g(4), edges(g, 6), out_int32=True),
    ],
    lambda v, a, *, out_int32=False, right=False: np.searchsorted(a, v, "right" if right else "left"),
    REAL_NUMBERS,
    out=int32_out,
    grad=False,
)


# ---- sets
def unique_samples(g):
    yield S(T(np.round(g(12, low=0, high=4).array), g.dtype))
    x = T(np.round(g(3, 5, low=0, high=3).array), g.dtype)
    yield S(x, return_inverse=True)
    yield S(x, return_counts=True)
    yield S(x, return_inverse=True, return_counts=True)
    yield S(g(0))
    rows = T(np.round(g(6, 2, low=0, high=1).array), g.dtype)
    yield S(rows, dim=0)
    yield S(rows, return_inverse=True, return_counts=True, dim=0)


def unique(x, sorted=True, return_inverse=False, return_counts=False, dim=None):
    return np.unique(x, return_inverse=return_inverse, return_counts=return_counts, axis=dim)


indexed(
    "unique",
    unique_samples,
    unique,
    REAL,
    out=lambda s: ("first", "int64", "int64")[
        : 1 + s.kwargs.get("return_inverse", False) + s.kwargs.get("return_counts", False)
    ],
    grad=False,
    data_shape=True,
)


# ---- embedding
def one_hot_samples(g):
    yield S(g.index(5, high=4))
    yield S(g.index(5, high=4), 6)
    yield S(g.index(2, 3, high=4), num_classes=4)
    yield S(g.index(high=4), 4)
    yield S(g.index(0, high=4), 3)


op(
    "one_hot",
    one_hot_samples,
    lambda x, num_classes=-1: np.eye(num_classes if num_classes > 0 else x.max() + 1, dtype=np.int64)[x],
    ("int64",),
    out="int64",
    grad=False,
    expand=False,
    data_shape="classes",
)
indexed(
    "embedding",
    lambda g: [
        S(g(7, 3), g.index(5, high=7)),
        S(g(7, 3), g.index(2, 4, high=7)),
        S(g(7, 3), g.index(high=7)),
        S(g(7, 3), g.index(0, high=7)),
        S(g(7, 3), g.index(4, high=7, dtype="int32")),
        S(g(500, 64), g.index(40, 100, high=500)).big(),
    ],
    lambda w, i: w[i],
    ALL,
    tol=Tol(grad=400),
)
indexed(
    "trace",
    lambda g: [S(g(3, 3)), S(g(3, 5)), S(g(0, 0)), S(g(1, 4))],
    lambda x: np.trace(x.astype(np.int64) if x.dtype.kind in "iu" else x),
    NUMBERS,
    out=lambda s: "int64" if s.args[0].dtype in INTS else s.args[0].dtype,
    tol=Tol(4, 2),
)
