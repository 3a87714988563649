"""Second names of ops, and small compositions of others. An alias is tried in one dtype of each category."""

import dataclasses

import numpy as np
import scipy.special as sp

from . import binary, conv, pointwise  # noqa: F401  (their ops are named below)
from .core import ALL, FLOAT_COMPLEX, FLOATS, NUMBERS, OPS, REAL, OpInfo, Sample, T, Tol, is_float, op
from .view import joined, moved, view

S = Sample

ALIASES = {
    "absolute": "abs",
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh",
    "concatenate": "cat",
    "conj_physical": "conj",
    "divide": "div",
    "fix": "trunc",
    "greater": "gt",
    "greater_equal": "ge",
    "less": "lt",
    "less_equal": "le",
    "moveaxis": "movedim",
    "multiply": "mul",
    "negative": "neg",
    "not_equal": "ne",
    "subtract": "sub",
    "swapdims": "swapaxes",
}
for _name, _of in ALIASES.items():
    _info = OPS[_of]
    _dtypes = tuple(d for d in ("bool", "int32", "bfloat16", "float64", "complex128") if d in _info.dtypes)
    OPS[_name] = OpInfo(
        **{f.name: getattr(_info, f.name) for f in dataclasses.fields(_info)}
        | {"name": _name, "dtypes": _dtypes}
    )

# ---- elementwise
op("positive", lambda g: [S(g(3, 4)), S(g()), S(g(0, 2))], lambda x: x, NUMBERS, out="first")


def sgn(x):
    if np.iscomplexobj(x):
        size = np.abs(x)
        return np.where(size == 0, 0, x / np.where(size == 0, 1, size))
    return x if x.dtype == bool else np.sign(x)


op(
    "sgn",
    lambda g: [S(g.nonzero(3, 4)), S(g.nonzero()), S(g(0, 2)), S(T([0, 1, 1], g.dtype)).nograd()],
    sgn,
    ALL,
)
op(
    "polygamma",
    lambda g: [S(n, g.positive(3, 4)) for n in (0, 1, 2, 3)] + [S(1, g.positive())],
    lambda n, x: sp.polygamma(n, x),
    FLOATS,
    out=lambda s: s.args[1].dtype,
    tol=Tol(32, 8),
)
op(
    "glu",
    lambda g: [S(g(3, 4)), S(g(4, 3), 0), S(g(2, 3, 6), dim=-1)],
    lambda x, dim=-1: np.split(x, 2, dim)[0] * sp.expit(np.split(x, 2, dim)[1]),
    FLOATS,
    tol=Tol(8, 2, half=(2, 1)),
)


def close_samples(g):
    x = g(3, 4)
    yield S(x, x)
    yield S(x, g(4))
    yield S(g(), g())
    if is_float(g.dtype):
        nan = T([1.0, np.nan, np.inf, 2.0], g.dtype)
        yield S(nan, nan)
        yield S(nan, nan, equal_nan=True)
        yield S(g(5), T(g(5).array, g.dtype), rtol=0.0, atol=4.0)


def isclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False):
    return np.isclose(a.astype(np.float64), b.astype(np.float64), rtol, atol, equal_nan)


op("isclose", close_samples, isclose, REAL, out="bool", grad=False)


def as_tensor_call(name):
    """A Python bool as a tensor, which is what the sweep compares."""

    def call(lib, *args, **kwargs):
        result = getattr(lib, name)(*args, **kwargs)
        assert type(result) is bool
        return lib.tensor(result)

    return call


answer = {"out": "bool", "grad": False, "data_shape": True, "expand": False}
op(
    "allclose",
    close_samples,
    lambda *a, **k: isclose(*a, **k).all(),
    REAL,
    call=as_tensor_call("allclose"),
    **answer,
)


def equal_samples(g):
    x = g(3, 4)
    yield S(x, x)
    yield S(x, g(3, 4))
    yield S(x, g(4, 3))
    yield S(g(0), g(0))


op(
    "equal",
    equal_samples,
    lambda a, b: a.shape == b.shape and (a == b).all(),
    ALL,
    call=as_tensor_call("equal"),
    **answer,
)

# ---- shapes
view("reshape_as", lambda g: [S(g(3, 4), g(2, 6, diff=False))], lambda x, o: x.reshape(o.shape))
joined("column_stack", lambda g: [S([g(3), g(3, 2)]), S([g(2), g(2)])], np.column_stack)
joined(
    "broadcast_tensors",
    lambda g: [S(g(3, 1), g(4)), S(g(2, 3), g())],
    lambda *xs: tuple(np.broadcast_arrays(*xs)),
)
moved("fliplr", lambda g: [S(g(3, 4)), S(g(2, 3, 2))], np.fliplr)
moved("flipud", lambda g: [S(g(3, 4)), S(g(3))], np.flipud)
moved("diagflat", lambda g: [S(g(3)), S(g(2, 2), 1), S(g(3), -1)], np.diagflat)
moved(
    "constant_pad_nd",
    lambda g: [S(g(3, 4), (1, 2)), S(g(3, 4), (1, 0, 2, 1), 1), S(g(3), (-1, 2))],
    lambda x, widths, value=0: OPS["pad"].ref(x, widths, "constant", value),
)


def written(window):
    """x with src written into the window that `window` cuts out."""

    def ref(x, src, *args, **kwargs):
        places = window(np.arange(x.size).reshape(x.shape), *args, **kwargs)
        out = x.reshape(-1).copy()
        out[places.reshape(-1)] = src.reshape(-1)
        return out.reshape(x.shape)

    return ref


moved(
    "diagonal_scatter",
    lambda g: [S(g(3, 4), g(3)), S(g(3, 4), g(2), -1), S(g(2, 3, 4), g(4, 2), 0, 0, 1)],
    written(OPS["diagonal"].ref),
    expand=False,
)
moved(
    "select_scatter",
    lambda g: [S(g(3, 4), g(4), 0, 1), S(g(3, 4), g(3), 1, -1)],
    written(OPS["select"].ref),
    expand=False,
)
moved(
    "slice_scatter",
    lambda g: [S(g(5, 4), g(2, 4), 0, 1, 3), S(g(5, 4), g(5, 2), 1, 0, 4, 2)],
    written(OPS["slice"].ref),
    expand=False,
)
op(
    "argwhere",
    lambda g: [S(g(3, 4, low=-1, high=1)), S(g(0, 3)), S(g(5))],
    np.argwhere,
    FLOAT_COMPLEX,
    out="int64",
    grad=False,
    expand=False,
    data_shape=True,
)
