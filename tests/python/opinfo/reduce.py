"""Reductions, scans, and norms of whole tensors."""

import numpy as np
import scipy.special as sp

from .core import ALL, FLOAT_COMPLEX, FLOATS, REAL, REAL_NUMBERS, D, Sample, T, Tol, is_complex, is_float, op
from .pointwise import quiet

S = Sample


def reduce_samples(draw=None, dims=True, multi=True, empty=True, dtype_arg=False, big=True, empty_grad=True):
    def samples(g):
        d = (lambda *s: draw(g, *s)) if draw else (lambda *s: g(*s))
        yield S(d(3, 4, 2))
        yield S(d())
        yield S(d(7))
        if dims:
            yield S(d(3, 4, 2), 1)
            yield S(d(3, 4, 2), -1, True)
            yield S(d(3, 4, 2), dim=0, keepdim=True)
            yield S(d(), 0)
            yield S(d(3, 1, 2), 1)
            if multi:
                yield S(d(3, 4, 2), (0, 2))
                yield S(d(3, 4, 2), [-1, 0], True)
                yield S(d(2, 3, 4, 2), dim=(1, 2), keepdim=True)
            if empty:
                yield S(d(0, 3), 0) if empty_grad else S(d(0, 3), 0).nograd()
            yield S(d(0, 3), 1)
            if big:
                yield S(d(300, 257), 1).big()
                yield S(d(300, 257), 0).big()
                yield S(d(7, 1000, 13), 1).big()
        if empty:
            yield S(d(0, 3)) if empty_grad else S(d(0, 3)).nograd()
        if big:
            yield S(d(100003)).big()
        if dtype_arg and is_float(g.dtype):
            yield S(d(3, 4, 2), 1, dtype=D("float64"))
            yield S(d(5), dtype=D("float64"))
        elif dtype_arg and not is_complex(g.dtype):  # narrower than what they are summed in
            yield S(d(3, 4, 2), 1, dtype=D(g.dtype))
            yield S(d(5), dtype=D(g.dtype))
            yield S(d(3, 1, 2), 0, True, dtype=D(g.dtype))

    return samples


def axis(dim):
    """PyTorch's dim as NumPy's axis; an empty list means all."""
    if dim is None or (isinstance(dim, (list, tuple)) and len(dim) == 0):
        return None
    return tuple(dim) if isinstance(dim, (list, tuple)) else dim


def at_least_1d(f):
    """NumPy refuses axis 0 of a 0-d array, PyTorch takes it."""

    def wrapped(x, dim=None, *rest, **kw):
        if x.ndim == 0 and dim is not None:
            out = f(x[None], None, *rest, **{k: v for k, v in kw.items() if k != "keepdim"})
            return (
                tuple(np.asarray(o).reshape(()) for o in out)
                if isinstance(out, tuple)
                else np.asarray(out).reshape(())
            )
        return f(x, dim, *rest, **kw)

    return quiet(wrapped)


def sum_out(s):
    d = s.args[0].dtype
    return s.kwargs.get("dtype") or (d if d in FLOAT_COMPLEX else "int64")


# The error of a sum grows with the square root of its length when terms are random; blocked sums stay far
# below. A result near
# zero is measured against the largest of the sums.
SUM = Tol(4, 16, half=(1, 2), floor=1)


def wide(x):
    return x.astype(np.int64) if x.dtype.kind in "iub" else x


op(
    "sum",
    reduce_samples(dtype_arg=True),
    at_least_1d(lambda x, dim=None, keepdim=False, dtype=None: np.sum(wide(x), axis(dim), keepdims=keepdim)),
    ALL,
    out=sum_out,
    tol=SUM,
)
op(
    "nansum",
    lambda g: [
        *reduce_samples()(g),
        *(
            [S(T([1, np.nan, 3], g.dtype)), S(T([[np.nan, 1], [2, 3]], g.dtype), 1)]
            if is_float(g.dtype)
            else []
        ),
    ],
    at_least_1d(lambda x, dim=None, keepdim=False: np.nansum(wide(x), axis(dim), keepdims=keepdim)),
    REAL,
    out=sum_out,
    tol=SUM,
)
op(
    "mean",
    reduce_samples(dtype_arg=True, empty_grad=False),
    at_least_1d(lambda x, dim=None, keepdim=False, dtype=None: np.mean(x, axis(dim), keepdims=keepdim)),
    FLOAT_COMPLEX,
    out=lambda s: s.kwargs.get("dtype") or s.args[0].dtype,
    tol=SUM,
)
op(
    "nanmean",
    lambda g: [
        *reduce_samples(empty_grad=False)(g),
        S(T([1, np.nan, 3], g.dtype)),
        S(T([[np.nan, 1], [2, 3]], g.dtype), 1),
    ],
    at_least_1d(
        lambda x, dim=None, keepdim=False: (
            np.nansum(x, axis(dim), keepdims=keepdim) / np.sum(~np.isnan(x), axis(dim), keepdims=keepdim)
        )
    ),
    FLOATS,
    tol=SUM,
)


def prod_samples(g):
    def draw(g, *s):
        return g.nonzero(*s, low=0.6, high=1.4) if not g.dtype.endswith("t8") else g(*s, low=1, high=1)

    yield from reduce_samples(draw, multi=False, dtype_arg=True, big=False)(g)
    yield S(T([[2, 0, 3], [0, 4, 0]], g.dtype))
    yield S(T([[2, 0, 3], [0, 4, 0], [1, 2, 3]], g.dtype), 1)


op(
    "prod",
    prod_samples,
    at_least_1d(lambda x, dim=None, keepdim=False, dtype=None: np.prod(wide(x), axis(dim), keepdims=keepdim)),
    ALL,
    out=sum_out,
    tol=Tol(32, 1, half=(2, 1)),
)


def distinct(g, *s):
    return g.distinct(*s)


def pick(f, arg):
    """max and min: values alone, values and indices along dim, or elementwise."""

    def wrapped(x, other=None, keepdim=False, dim=None):
        dim = other if dim is None else dim
        if dim is None:
            return f(x)
        if isinstance(dim, np.ndarray):
            return (np.maximum if f is np.max else np.minimum)(x, dim)
        if x.ndim == 0:
            return x, np.int64(0)
        return f(x, dim, keepdims=keepdim), arg(x, dim, keepdims=keepdim)

    return wrapped


def extreme_samples(g):
    yield from (s for s in reduce_samples(distinct, multi=False, empty=False)(g))
    yield S(g(3, 4), g(4))
    if is_float(g.dtype):
        yield S(T([1, np.nan, 3], g.dtype)).nograd()
        yield S(T([[1, np.nan], [2, 3]], g.dtype), 1).nograd()


def extreme_out(s):
    if len(s.args) > 1 and isinstance(s.args[1], T):
        return "promote"
    return ("first", "int64") if len(s.args) > 1 or "dim" in s.kwargs else "first"


for _name, _f, _arg in [("max", np.max, np.argmax), ("min", np.min, np.argmin)]:
    op(_name, extreme_samples, pick(_f, _arg), REAL, out=extreme_out, expand=False)
    op(
        "a" + _name,
        reduce_samples(distinct, empty=False),
        at_least_1d(lambda x, dim=None, keepdim=False, f=_f: f(x, axis(dim), keepdims=keepdim)),
        REAL,
        out="first",
    )
    op(
        "arg" + _name,
        reduce_samples(distinct, multi=False, empty=False),
        at_least_1d(lambda x, dim=None, keepdim=False, f=_arg: f(x, dim, keepdims=keepdim)),
        REAL_NUMBERS,
        out="int64",
        grad=False,
        expand=False,
    )


def aminmax_samples(g):
    yield S(g.distinct(3, 4))
    yield S(g.distinct(3, 4), dim=1)
    yield S(g.distinct(3, 4), dim=0, keepdim=True)
    yield S(g.distinct())


op(
    "aminmax",
    aminmax_samples,
    lambda x, dim=None, keepdim=False: (np.min(x, dim, keepdims=keepdim), np.max(x, dim, keepdims=keepdim)),
    REAL,
    out="first",
)
op(
    "all",
    reduce_samples(),
    at_least_1d(lambda x, dim=None, keepdim=False: np.all(x, axis(dim), keepdims=keepdim)),
    ALL,
    out=lambda s: "uint8" if s.args[0].dtype == "uint8" else "bool",
    grad=False,
)
op(
    "any",
    reduce_samples(),
    at_least_1d(lambda x, dim=None, keepdim=False: np.any(x, axis(dim), keepdims=keepdim)),
    ALL,
    out=lambda s: "uint8" if s.args[0].dtype == "uint8" else "bool",
    grad=False,
)
op(
    "count_nonzero",
    lambda g: [S(g(3, 4)), S(g(3, 4), 1), S(g(3, 4, 2), (0, 2)), S(g(0, 3), 0), S(g())],
    lambda x, dim=None: np.count_nonzero(x, axis(dim)),
    ALL,
    out="int64",
    grad=False,
)


# ---- moments
def var_samples(g):
    yield S(g(3, 4, 2))
    yield S(g(3, 4, 2), 1)
    yield S(g(3, 4, 2), (0, -1), keepdim=True)
    yield S(g(3, 4, 2), dim=1, correction=0)
    yield S(g(3, 4, 2), unbiased=False)
    yield S(g(3, 4, 2), -1, False, True)
    yield S(g(5, 4), dim=0, correction=2)
    yield S(g(3, 1), 1).nograd()  # NaN: one element, one degree of freedom
    yield S(g()).nograd()
    yield S(g(0, 3), 1)
    yield S(
        T(g(40, 1000).array + 100, g.dtype), 1
    ).big()  # a mean far from zero: two passes or Welford are needed
    yield S(g(30011)).big()


def moments(x, dim=None, unbiased=None, keepdim=False, *, correction=None):
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    n = x.size if axis(dim) is None else int(np.prod([x.shape[d] for d in np.atleast_1d(axis(dim))]))
    mean = (
        np.mean(x, axis(dim), keepdims=True)
        if n
        else np.full(np.sum(x, axis(dim), keepdims=True).shape, np.nan)
    )
    c = correction if correction is not None else (0 if unbiased is False else 1)
    squares = np.sum(np.abs(x - mean) ** 2, axis(dim), keepdims=keepdim)
    mean = np.sum(x, axis(dim), keepdims=keepdim) / np.float64(n)
    return squares / np.float64(max(n - c, 0)), mean


for _name, _f, _out in [
    ("var", lambda m: m[0], "real"),
    ("std", lambda m: np.sqrt(m[0]), "real"),
    ("var_mean", lambda m: m, ("real", "first")),
    ("std_mean", lambda m: (np.sqrt(m[0]), m[1]), ("real", "first")),
]:
    op(
        _name,
        var_samples,
        quiet(lambda *a, f=_f, **k: f(moments(*a, **k))),
        FLOAT_COMPLEX,
        out=_out,
        tol=Tol(16, 16, half=(1, 2), floor=1),
    )


def norm_samples(g):
    yield S(g.nonzero(3, 4))
    yield S(g.nonzero(3, 4), 2, 1)
    for p in (1, 2, 3, 0.5, float("inf"), float("-inf"), 0):
        yield S(g.nonzero(3, 4, 2), p, dim=1, keepdim=p == 1)
    yield S(g.nonzero(3, 4), dim=(0, 1))
    yield S(g.nonzero(3, 4), "fro")
    yield S(g.nonzero())
    yield S(g(0, 3), 2, 1)
    yield S(g.nonzero(50021)).big()


def vector_norm(x, p="fro", dim=None, keepdim=False):
    p, a = (2 if p == "fro" else p), np.abs(x)
    if p == np.inf:
        return np.max(a, axis(dim), keepdims=keepdim)
    if p == -np.inf:
        return np.min(a, axis(dim), keepdims=keepdim)
    if p == 0:
        return np.sum(a != 0, axis(dim), keepdims=keepdim).astype(float)
    return np.sum(a**p, axis(dim), keepdims=keepdim) ** (1 / p)


op("norm", norm_samples, quiet(vector_norm), FLOAT_COMPLEX, out="real", tol=Tol(16, 4, half=(2, 2)))


def vector_norm_samples(g):
    for p in (1, 2, 3, 0.5, -1, float("inf"), float("-inf"), 0):
        yield S(g.nonzero(3, 4, 2), p, dim=1, keepdim=p == 1)
    yield S(g.nonzero(3, 4), dim=(0, 1))
    yield S(g.nonzero(3, 4), 3)
    yield S(g.nonzero(), float("inf"))
    yield S(g(0, 3), 2, 1)


op(
    "linalg_vector_norm",
    vector_norm_samples,
    quiet(lambda x, ord=2, dim=None, keepdim=False: vector_norm(x, ord, dim, keepdim)),
    FLOAT_COMPLEX,
    out="real",
    tol=Tol(16, 4, half=(4, 4)),
    call=lambda lib, *args, **options: lib.linalg.vector_norm(*args, **options),
)
op(
    "dist",
    lambda g: [S(g.nonzero(3, 4), g.nonzero(4), p) for p in (1, 2, 3, float("inf"))] + [S(g.nonzero(5), g.nonzero(5))],
    lambda x, y, p=2: vector_norm(x - y, p),
    FLOAT_COMPLEX,
    out="real",
    tol=Tol(16, 4, half=(4, 4)),
)


def renorm(x, p, dim, maxnorm):
    others = tuple(d for d in range(x.ndim) if d != dim % x.ndim)
    norms = vector_norm(x, p, others, True)
    return x * np.where(norms > maxnorm, maxnorm / (norms + 1e-7), 1)


op(
    "renorm",
    lambda g: [S(g.nonzero(3, 4), 2, 0, 1.5), S(g.nonzero(2, 3, 4), 1, -1, 0.5), S(g.nonzero(3, 4), 3.5, 1, 100.0)],
    renorm,
    FLOAT_COMPLEX,
    tol=Tol(16, 8, half=(4, 4)),
)
op(
    "logsumexp",
    lambda g: [
        S(g(3, 4), 1),
        S(g(3, 4, 2), (0, 2)),
        S(g(3, 4), -1, True),
        S(g(), 0),
        S(g(3, 0), 1).nograd(),
        S(g(3, 0), 0).nograd(),
        *([] if is_complex(g.dtype) else [S(T([[1, np.inf], [-np.inf, -np.inf]], g.dtype), 1).nograd()]),
        S(T([[88.0, 88.0], [-100, -101]], g.dtype), 1),
    ],
    at_least_1d(
        lambda x, dim, keepdim=False: (
            sp.logsumexp(x, axis(dim), keepdims=keepdim)
            if x.size
            else np.full(x.sum(axis(dim), keepdims=keepdim).shape, -np.inf)
        )
    ),
    FLOAT_COMPLEX,
    tol=Tol(8, 4, half=(1, 2)),
)


# ---- order statistics
def median_samples(g):
    for shape in ((7,), (3, 4), (3, 5), ()):
        yield S(g.distinct(*shape))
    yield S(g.distinct(3, 4), 1)
    yield S(g.distinct(3, 5), 0, True)
    yield S(g.distinct(3, 5), dim=-1)
    if is_float(g.dtype):
        yield S(T([1, np.nan, 3, 2], g.dtype)).nograd()


def median(x, dim=None, keepdim=False):
    """PyTorch's: the lower of the two middle elements."""
    if dim is None:
        flat = np.sort(x.reshape(-1))
        return (
            np.array(np.nan) if x.dtype.kind == "f" and np.isnan(flat).any() else flat[(flat.size - 1) // 2]
        )
    order = np.take(np.argsort(x, dim), [(x.shape[dim] - 1) // 2], dim)
    values = np.take_along_axis(x, order, dim)
    return (values, order) if keepdim else (values.squeeze(dim), order.squeeze(dim))


def median_out(s):
    return ("first", "int64") if len(s.args) > 1 or s.kwargs else "first"


op("median", median_samples, median, REAL_NUMBERS, out=median_out, expand=False)


def nanmedian_samples(g):
    yield from median_samples(g)
    if is_float(g.dtype):
        yield S(T([[1, np.nan, 3], [np.nan, np.nan, np.nan], [5, 4, 6]], g.dtype), 1).nograd()


def nanmedian(x, dim=None, keepdim=False):
    """The lower median of what is a number; NaN and the first index where nothing is."""
    lines = x.reshape(1, -1) if dim is None else np.moveaxis(x, dim, -1)
    shape = lines.shape[:-1]
    values, places = np.zeros(shape, x.dtype), np.zeros(shape, np.int64)
    for at in np.ndindex(*shape):
        order = np.argsort(lines[at], kind="stable")  # NaN comes last
        numbers = int((~np.isnan(lines[at])).sum())
        places[at] = order[(numbers - 1) // 2] if numbers else 0
        values[at] = lines[at][places[at]]
    if dim is None:
        return values[0]
    return tuple(np.expand_dims(r, dim) if keepdim else r for r in (values, places))


op("nanmedian", nanmedian_samples, nanmedian, REAL_NUMBERS, out=median_out, expand=False)
op(
    "msort",
    lambda g: [S(g.distinct(5, 3)), S(g.distinct(6)), S(g.distinct(0, 3))],
    lambda x: np.sort(x, 0),
    REAL_NUMBERS,
    expand=False,
)


# ---- scans
def scan_samples(draw=None, dtype_arg=True):
    def samples(g):
        d = (lambda *s: draw(g, *s)) if draw else (lambda *s: g(*s))
        yield S(d(3, 4, 2), 1)
        yield S(d(3, 4), -1)
        yield S(d(5), 0)
        yield S(d(), 0)
        yield S(d(0, 3), 0)
        yield S(d(3, 0), 0)
        if dtype_arg and is_float(g.dtype):
            yield S(d(3, 4), dim=0, dtype=D("float64"))

    return samples


def scan(f):
    return lambda x, dim, dtype=None: x.copy() if x.ndim == 0 else f(wide(x), axis=dim)


op(
    "cumsum",
    lambda g: [*scan_samples()(g), S(g(20, 3001), 1).big(), S(g(3001, 20), 0).big()],
    lambda x, dim, dtype=None: wide(scan(np.cumsum)(x, dim)),
    ALL,
    out=sum_out,
    tol=Tol(4, 32, half=(2, 4), floor=1),
)
def running_logsumexp(x, dim):
    if x.ndim == 0 or x.size == 0:
        return x
    return np.log(np.cumsum(np.exp(x), dim)) if np.iscomplexobj(x) else np.logaddexp.accumulate(x, dim)


op(
    "logcumsumexp",
    # Sums of complex exponentials that do not turn around zero: the imaginary part of their logarithm is one.
    scan_samples(lambda g, *s: g(*s, low=-0.7, high=0.7), dtype_arg=False),
    running_logsumexp,
    FLOAT_COMPLEX,
    tol=Tol(8, 8, floor=1),
)
op(
    "cumprod",
    lambda g: [
        *scan_samples(lambda g, *s: g.nonzero(*s, low=0.6, high=1.4))(g),
        S(T([[2, 0, 3, 0], [0, 4, 5, 1]], g.dtype), 1),
    ],
    lambda x, dim, dtype=None: wide(scan(np.cumprod)(x, dim)),
    ALL,
    out=sum_out,
    tol=Tol(8, 2, half=(4, 2)),
)


def running(better):
    def f(x, dim):
        if x.ndim == 0:
            return x.copy(), np.int64(0)
        x = np.moveaxis(x, dim, 0)
        values, indices = x.copy(), np.zeros(x.shape, np.int64)
        for i in range(1, len(x)):
            new = better(x[i], values[i - 1]) | (np.isnan(x[i]) if x.dtype.kind == "f" else False)
            values[i] = np.where(new, x[i], values[i - 1])
            indices[i] = np.where(new, i, indices[i - 1])
        return np.moveaxis(values, 0, dim), np.moveaxis(indices, 0, dim)

    return f


# Of equal elements the last counts.
op(
    "cummax",
    scan_samples(distinct, False),
    running(np.greater_equal),
    REAL,
    out=("first", "int64"),
    expand=False,
)
op(
    "cummin",
    scan_samples(distinct, False),
    running(np.less_equal),
    REAL,
    out=("first", "int64"),
    expand=False,
)


# ---- counting
def bincount_samples(g):
    yield S(g(12, low=0, high=6))
    yield S(g(12, low=0, high=6), minlength=10)
    yield S(g(0))
    yield S(g(12, low=0, high=6), g(12, dtype="float64", diff=False))
    yield S(g(12, low=0, high=6), g(12, dtype="float32", diff=False), 3)


def bincount(x, weights=None, minlength=0):
    return np.bincount(x.astype(np.int64), weights, minlength)


op(
    "bincount",
    bincount_samples,
    bincount,
    ("uint8", "int8", "int16", "int32", "int64"),
    out=lambda s: s.args[1].dtype if len(s.args) > 1 else "int64",
    grad=False,
    data_shape=True,
    tol=Tol(4, 8),
)


def histc_samples(g):
    yield S(g(50), 10)
    yield S(g(50), 5, -2, 2)
    yield S(g(5, 10), bins=4, min=-1, max=3)
    yield S(T([-1.0, 0.0, 0.5, 1.0, 1.0, 2.0], g.dtype), 4, 0, 1)


def histc(x, bins=100, min=0, max=0):
    low, high = (x.min(), x.max()) if min == max else (min, max)
    return np.histogram(x, bins, (low, high))[0].astype(np.float64)


op("histc", histc_samples, histc, ("float32", "float64"), grad=False)
