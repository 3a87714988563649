"""Views and shapes: results that show the same memory, and joining and repeating."""

import numpy as np

from .core import ALL, Sample, T, op
from .promote import result_type

S = Sample


def view(name, samples, ref, dtypes=ALL, view=True, **options):
    # A view moves no bit: the result is exact, the dtype stays.
    op(name, samples, ref, dtypes, out="first", view=view, **options)


def size_arg(*size):
    return size[0] if len(size) == 1 and isinstance(size[0], (tuple, list)) else size


view(
    "view",
    lambda g: [
        S(g(3, 4), (2, 6)),
        S(g(3, 4), (-1,)),
        S(g(), (1, 1)),
        S(g(0, 3), (3, 0)),
        S(g(2, 3, 4), (6, -1)),
        S(g(3, 4), (12,)),
        S(g(1), ()),
    ],
    lambda x, size: x.reshape(size),
    call=lambda lib, x, size: x.view(size),
    note="strict",
    same_strides_on_meta=True,
)
view(
    "reshape",
    lambda g: [
        S(g(3, 4), (2, 6)),
        S(g(3, 4), (-1,)),
        S(g(), (1, 1)),
        S(g(0, 3), (3, 0)),
        S(g(2, 3, 4), (6, -1)),
        S(g(1), ()),
    ],
    lambda x, size: x.reshape(size),
)
view(
    "view_as",
    lambda g: [S(g(3, 4), g(2, 6, diff=False)), S(g(), g(1, diff=False))],
    lambda x, o: x.reshape(o.shape),
    call=lambda lib, x, o: x.view_as(o),
    note="strict",
)
view("ravel", lambda g: [S(g(3, 4)), S(g()), S(g(0, 2)), S(g(2, 3, 2))], lambda x: x.reshape(-1))
view(
    "expand",
    lambda g: [
        S(g(3, 1), (3, 4)),
        S(g(3, 1), (2, -1, 4)),
        S(g(), (2, 2)),
        S(g(4), (3, 4)),
        S(g(1, 0), (5, 0)),
        S(g(1), (0,)),
    ],
    lambda x, size: np.broadcast_to(
        x, [x.shape[i - len(size) + x.ndim] if n == -1 else n for i, n in enumerate(size)]
    ),
    call=lambda lib, x, size: x.expand(size),
)
view(
    "expand_as",
    lambda g: [S(g(3, 1), g(3, 4, diff=False)), S(g(), g(2, diff=False))],
    lambda x, o: np.broadcast_to(x, o.shape),
    call=lambda lib, x, o: x.expand_as(o),
)
view("broadcast_to", lambda g: [S(g(3, 1), (3, 4)), S(g(), (2, 2)), S(g(3, 1), (2, 3, 1))], np.broadcast_to)
view(
    "permute",
    lambda g: [S(g(2, 3, 4), (2, 0, 1)), S(g(2, 3), (-1, 0)), S(g(), ()), S(g(0, 3), (1, 0))],
    lambda x, d: np.transpose(x, d),
)
view(
    "transpose",
    lambda g: [S(g(2, 3, 4), 0, 2), S(g(2, 3), -1, 0), S(g(), 0, -1), S(g(4), 0, 0), S(g(0, 3), 0, 1)],
    lambda x, a, b: x if x.ndim == 0 else np.swapaxes(x, a, b),
)
view("swapaxes", lambda g: [S(g(2, 3, 4), 0, 2), S(g(2, 3), -1, 0)], np.swapaxes)
view(
    "movedim",
    lambda g: [S(g(2, 3, 4), 0, 2), S(g(2, 3, 4), (0, 1), (2, 0)), S(g(2, 3), -1, 0)],
    lambda x, a, b: np.moveaxis(x, a, b),
)
view("t", lambda g: [S(g(2, 3)), S(g(4)), S(g()), S(g(0, 2))], np.transpose)
view("T", lambda g: [S(g(2, 3)), S(g(0, 2))], np.transpose, call=lambda lib, x: x.T)
view("mT", lambda g: [S(g(2, 3)), S(g(4, 2, 3))], lambda x: np.swapaxes(x, -1, -2), call=lambda lib, x: x.mT)


def squeeze(x, dim=None):
    dims = range(x.ndim) if dim is None else dim if isinstance(dim, (tuple, list)) else (dim,)
    return x.squeeze(tuple(d for d in dims if x.ndim and x.shape[d] == 1))


view(
    "squeeze",
    lambda g: [
        S(g(3, 1, 4, 1)),
        S(g(3, 1, 4), 1),
        S(g(3, 1), -1),
        S(g(3, 4), 0),
        S(g(3, 1, 1), (1, 2)),
        S(g(), 0),
        S(g(1)),
    ],
    squeeze,
)
view(
    "unsqueeze",
    lambda g: [S(g(3, 4), 1), S(g(3, 4), -1), S(g(3), 0), S(g(), 0), S(g(0, 2), 2)],
    np.expand_dims,
)


def flatten(x, start_dim=0, end_dim=-1):
    x = np.atleast_1d(x)
    a, b = start_dim % x.ndim, end_dim % x.ndim
    return x.reshape(*x.shape[:a], int(np.prod(x.shape[a : b + 1])), *x.shape[b + 1 :])


view(
    "flatten",
    lambda g: [
        S(g(2, 3, 4)),
        S(g(2, 3, 4), 1),
        S(g(2, 3, 4, 2), 1, 2),
        S(g(2, 3, 4), 0, -2),
        S(g()),
        S(g(0, 3)),
    ],
    flatten,
)
view(
    "unflatten",
    lambda g: [S(g(2, 6), 1, (2, 3)), S(g(6, 2), 0, (-1, 2)), S(g(4, 12), -1, (2, 3, 2))],
    lambda x, d, s: x.reshape(
        *x.shape[: d % x.ndim],
        *[n if n != -1 else x.shape[d] // -int(np.prod(s)) for n in s],
        *x.shape[d % x.ndim + 1 :],
    ),
)
view(
    "select",
    lambda g: [S(g(3, 4), 0, 1), S(g(3, 4), 1, -1), S(g(2, 3, 4), -2, 2), S(g(3), 0, 0)],
    lambda x, d, i: np.take(x, i, d),
)
view(
    "narrow",
    lambda g: [S(g(5, 4), 0, 1, 3), S(g(5, 4), -1, 2, 2), S(g(5), 0, 5, 0), S(g(5, 4), 0, -2, 2)],
    lambda x, d, a, n: np.take(
        x,
        np.arange(a % x.shape[d] if a != x.shape[d] else a, (a % x.shape[d] if a != x.shape[d] else a) + n),
        d,
    ),
)


def slicing(x, dim=0, start=None, end=None, step=1):
    index = [slice(None)] * x.ndim
    index[dim] = slice(start, end, step)
    return x[tuple(index)]


view(
    "slice",
    lambda g: [
        S(g(5, 4), 0, 1, 4),
        S(g(5, 4), 1, 0, 100, 2),
        S(g(6, 4), 0, -3),
        S(g(6), 0, 4, 2),
        S(g(6), 0, None, -1, 3),
    ],
    slicing,
)


def as_strided(x, size, stride, storage_offset=0):
    index = storage_offset + sum(
        np.arange(n).reshape([-1 if i == j else 1 for j in range(len(size))]) * s
        for i, (n, s) in enumerate(zip(size, stride))
    )
    return x.reshape(-1)[index] if size else x.reshape(-1)[storage_offset]


view(
    "as_strided",
    lambda g: [
        S(g(12), (3, 4), (4, 1)),
        S(g(12), (2, 2), (1, 2), 1),
        S(g(12), (3, 3), (2, 1)),
        S(g(3, 4), (2, 3), (0, 1)),
        S(g(4), (), (), 2),
    ],
    as_strided,
    expand=False,
    note="layout",
    call=lambda lib, x, size, stride, storage_offset=0: lib.as_strided(x, size, stride, storage_offset),
)
view(
    "unfold",
    lambda g: [S(g(7), 0, 3, 2), S(g(3, 8), 1, 4, 1), S(g(3, 8), -1, 2, 3), S(g(3, 4), 0, 3, 1)],
    lambda x, d, n, s: np.swapaxes(np.lib.stride_tricks.sliding_window_view(x, n, d), 0, 0)[
        tuple([slice(None)] * (d % x.ndim) + [slice(None, None, s)])
    ],
    call=lambda lib, x, *a: x.unfold(*a),
)
view(
    "diagonal",
    lambda g: [
        S(g(3, 4)),
        S(g(3, 4), 1),
        S(g(3, 4), -2),
        S(g(2, 3, 4), 0, 1, 2),
        S(g(2, 3, 4), offset=1, dim1=0, dim2=-1),
        S(g(3, 3), 5),
    ],
    lambda x, offset=0, dim1=0, dim2=1: np.diagonal(x, offset, dim1, dim2),
)
view("detach", lambda g: [S(g(3, 4)), S(g())], lambda x: x, grad=False, call=lambda lib, x: x.detach())
view("alias", lambda g: [S(g(3, 4)), S(g())], lambda x: x)
view(
    "contiguous",
    lambda g: [S(g(3, 4)), S(g()), S(g(0, 2))],
    lambda x: x,
    call=lambda lib, x: x.contiguous(),
    view=False,
)

# ---- several views
view(
    "unbind",
    lambda g: [S(g(3, 4)), S(g(3, 4), 1), S(g(2, 3, 2), -2), S(g(3))],
    lambda x, dim=0: tuple(np.moveaxis(x, dim, 0)),
)


def split(x, size, dim=0):
    points = np.cumsum(size)[:-1] if isinstance(size, (list, tuple)) else range(size, x.shape[dim], size)
    return tuple(np.split(x, points, dim))


view(
    "split",
    lambda g: [S(g(5, 4), 2), S(g(5, 4), 3, 1), S(g(5, 4), [2, 3]), S(g(5, 4), [1, 0, 3], dim=1), S(g(4), 9)],
    split,
)
view("split_with_sizes", lambda g: [S(g(5, 4), [2, 3]), S(g(5, 4), [1, 0, 3], 1)], split)


def chunk(x, chunks, dim=0):
    return split(x, max(-(-x.shape[dim] // chunks), 1), dim)


view("chunk", lambda g: [S(g(7, 4), 3), S(g(7, 4), 2, 1), S(g(5), 4), S(g(4), 9)], chunk)
view(
    "tensor_split",
    lambda g: [S(g(7, 4), 3), S(g(7, 4), 2, 1), S(g(7), (2, 5)), S(g(2), 4), S(g(3, 7), (1, 3), -1)],
    lambda x, n, dim=0: (
        tuple(np.array_split(x, n, dim)) if isinstance(n, int) else tuple(np.split(x, n, dim))
    ),
)

# ---- joining


def joined(name, samples, ref, **options):
    op(
        name,
        samples,
        ref,
        ALL,
        out=lambda s: result_type([a for a in s.args if not isinstance(a, int)]),
        expand=False,
        **options,
    )


def cat_samples(g):
    yield S([g(2, 3), g(1, 3), g(4, 3)])
    yield S([g(2, 3), g(2, 1)], 1)
    yield S([g(2, 3), g(2, 3)], dim=-1)
    yield S([g(3)])
    yield S([g(0), g(2)])
    yield S([g(0, 3), g(2, 3)])
    yield S([g(2, 3), g(2, 3, dtype="float32"), g(2, 3, dtype="int64")]).nograd()
    yield S([g(60, 300), g(41, 300)]).big()


joined("cat", cat_samples, lambda xs, dim=0: np.concatenate(xs, dim))
joined("concat", cat_samples, lambda xs, dim=0: np.concatenate(xs, dim))
joined(
    "stack",
    lambda g: [
        S([g(2, 3), g(2, 3)]),
        S([g(2, 3), g(2, 3), g(2, 3)], 1),
        S([g(), g()]),
        S([g(2, 3), g(2, 3)], dim=-1),
        S([g(0, 2)]),
    ],
    lambda xs, dim=0: np.stack(xs, dim),
)
joined("hstack", lambda g: [S([g(2, 3), g(2, 1)]), S([g(2), g(3)]), S([g(), g()])], np.hstack)
joined("vstack", lambda g: [S([g(2, 3), g(1, 3)]), S([g(3), g(3)]), S([g(), g()])], np.vstack)
joined(
    "dstack",
    lambda g: [S([g(2, 3, 1), g(2, 3, 2)]), S([g(2, 3), g(2, 3)]), S([g(3), g(3)]), S([g(), g()])],
    np.dstack,
)
joined(
    "meshgrid",
    lambda g: [
        S([g(3), g(2)], indexing="ij"),
        S([g(3), g(2), g(4)], indexing="ij"),
        S([g(3), g(2)], indexing="xy"),
        S([g(), g(2)], indexing="ij"),
    ],
    lambda xs, indexing="ij": tuple(np.meshgrid(*xs, indexing=indexing)),
    view=True,
)


def cartesian(*xs):
    return np.stack([m.reshape(-1) for m in np.meshgrid(*xs, indexing="ij")], -1) if len(xs) > 1 else xs[0]


joined("cartesian_prod", lambda g: [S(g(3), g(2)), S(g(2), g(3), g(2)), S(g(3))], cartesian)

# ---- repeating and turning


def moved(name, samples, ref, dtypes=ALL, **options):
    op(name, samples, ref, dtypes, out="first", **options)


def tile(x, reps):
    reps = size_arg(reps)
    return np.tile(x, reps)


moved(
    "repeat",
    lambda g: [S(g(2, 3), (2, 1)), S(g(3), (2, 2)), S(g(), (3,)), S(g(2, 3), (0, 2)), S(g(2, 1), (1, 1, 3))],
    tile,
    call=lambda lib, x, r: x.repeat(r),
)
moved("tile", lambda g: [S(g(2, 3), (2, 1)), S(g(3), (2, 2)), S(g(), (3,)), S(g(2, 3), (2,))], tile)


def repeat_interleave_samples(g):
    yield S(g(2, 3), 2)
    yield S(g(2, 3), 2, 1)
    yield S(g(3), T([1, 0, 2], "int64"))
    yield S(g(2, 3), T([1, 0, 2], "int64"), dim=1)
    yield S(g(2, 3), T([2, 1], "int64"), 0)
    yield S(g(), 3)


moved(
    "repeat_interleave",
    repeat_interleave_samples,
    lambda x, r, dim=None: np.repeat(x, r, dim),
    note="repeats",
    expand=False,
)
moved(
    "flip",
    lambda g: [S(g(3, 4), (0,)), S(g(3, 4), (0, 1)), S(g(2, 3, 2), (-1, 0)), S(g(0, 2), (0,)), S(g(3), (0,))],
    np.flip,
)
moved(
    "roll",
    lambda g: [S(g(3, 4), 1), S(g(3, 4), 2, 1), S(g(3, 4), (1, -1), (0, 1)), S(g(5), -7), S(g(0, 2), 1, 0)],
    lambda x, s, d=None: np.roll(x, s, d),
)
moved(
    "rot90",
    lambda g: [S(g(3, 4)), S(g(3, 4), 2), S(g(2, 3, 4), -1, (0, 2)), S(g(3, 4), 5, (1, 0))],
    lambda x, k=1, dims=(0, 1): np.rot90(x, k, dims),
)
moved("tril", lambda g: [S(g(3, 4)), S(g(4, 3), 1), S(g(2, 3, 3), -1), S(g(0, 3))], np.tril)
moved("triu", lambda g: [S(g(3, 4)), S(g(4, 3), 1), S(g(2, 3, 3), -1), S(g(0, 3))], np.triu)
moved(
    "diag", lambda g: [S(g(3)), S(g(3), 1), S(g(3), -2), S(g(3, 4)), S(g(3, 4), 1), S(g(4, 3), -1)], np.diag
)


def diag_embed(x, offset=0, dim1=-2, dim2=-1):
    n = x.shape[-1] + abs(offset)
    out = np.zeros((*x.shape[:-1], n, n), x.dtype)
    i = np.arange(x.shape[-1])
    out[..., i + max(-offset, 0), i + max(offset, 0)] = x
    return np.moveaxis(out, (-2, -1), (dim1, dim2))


moved(
    "diag_embed",
    lambda g: [
        S(g(3)),
        S(g(2, 3), 1),
        S(g(2, 3), -1),
        S(g(2, 3), 0, 0, 2),
        S(g(2, 3), offset=1, dim1=-1, dim2=0),
    ],
    diag_embed,
)
