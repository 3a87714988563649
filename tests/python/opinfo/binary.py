"""Elementwise functions of two and three tensors."""

import numpy as np
import scipy.special as sp

from .core import (
    ALL,
    BOOL,
    FLOAT_COMPLEX,
    FLOATS,
    INTS,
    NUMBERS,
    REAL,
    REAL_NUMBERS,
    Sample,
    T,
    Tol,
    is_complex,
    is_float,
    op,
)
from .pointwise import quiet
from .promote import result_type

S = Sample

PAIRS = [
    ((3, 4), (3, 4)),
    ((3, 4), (4,)),
    ((3, 1), (1, 4)),
    ((2, 1, 3), (4, 1)),
    ((), (2, 2)),
    ((3,), ()),
    ((), ()),
    ((0, 3), (1, 3)),
    ((67,), (67,)),
]
BIG_PAIRS = [((40, 1100), (40, 1100)), ((40, 1100), (1100,)), ((40, 1100), (40, 1))]


op(
    "complex",
    lambda g: (S(g(*a), g(*b)) for a, b in PAIRS),
    lambda a, b: a + 1j * b,
    ("float32", "float64"),
    out=lambda s: {"float32": "complex64"}.get(s.args[0].dtype, "complex128"),
)


def binary(
    name,
    ref,
    dtypes=NUMBERS,
    scalars=(2, 0.5),
    left=None,
    right=None,
    mixed=True,
    extra=None,
    special=True,
    **options,
):
    def samples(g):
        a = (lambda *s: left(g, *s)) if left else (lambda *s: g(*s))
        b = (lambda *s: right(g, *s)) if right else (lambda *s: g(*s))
        for x, y in PAIRS:
            yield S(a(*x), b(*y))
        for x, y in BIG_PAIRS:
            yield S(a(*x), b(*y)).big()
        for c in scalars:
            if (isinstance(c, float) and is_float(g.dtype)) or isinstance(c, int):
                yield S(a(3, 4), c)
                yield S(a(), c)
        if mixed and g.dtype in ("float32", "int32", "complex64"):
            for other in dtypes:
                if is_complex(other) and g.dtype == "int32":
                    continue
                o = type(g)(7, other)
                yield S(a(3, 4), right(o, 4) if right else o(4))
                yield S(a(3, 4), right(o) if right else o())
                number = a()  # cast to the other's dtype where the category is the same: not negative
                yield S(number.replaced(np.abs(number.array)), right(o, 2, 2) if right else o(2, 2))
        if special and not is_complex(g.dtype):
            v = g.special()
            if special == "numbers":
                v = v.replaced(v.array[~np.isnan(v.array)])
            n = v.array.size
            if n:
                yield S(
                    T(np.repeat(v.array, n), v.dtype, False), T(np.tile(v.array, n), v.dtype, False)
                ).nograd()
        if extra:
            yield from extra(g)

    op(name, samples, quiet(ref), dtypes, **options)


def nonzero(g, *s):
    return g.nonzero(*s)


def positive(g, *s):
    return g.positive(*s)


def common(f):
    """`f` on operands brought to one dtype: NumPy's own rules for small integers differ from PyTorch's."""

    def wrapped(a, b, **kw):
        return f(np.asarray(a), np.asarray(b), **kw)

    return wrapped


def truediv(a, b, rounding_mode=None):
    a, b = np.asarray(a), np.asarray(b)
    if rounding_mode is None:
        return np.true_divide(a.astype(np.result_type(a, np.float64)), b)
    if rounding_mode == "floor":
        return np.floor_divide(a, b)
    if a.dtype.kind in "iub" and b.dtype.kind in "iub":
        q = np.abs(a.astype(np.int64)) // np.abs(b.astype(np.int64))
        return q * np.sign(a.astype(np.int64)) * np.sign(b.astype(np.int64))
    return np.trunc(a / b)


def alpha_samples(g):
    yield S(g(3, 4), g(4), alpha=2)
    yield S(g(3, 4), g(3, 4), alpha=g.number(0.5, 3))
    yield S(g(3), 3, alpha=2)
    if is_complex(g.dtype):
        yield S(g(3), g(3), alpha=1 - 2j)


ADD = Tol(2, 1)  # of a sum of two terms, which may cancel when alpha rounds
op_add = lambda a, b, alpha=1: np.asarray(a) + np.asarray(alpha * b if alpha != 1 else b)  # noqa: E731
binary(
    "add",
    op_add,
    ALL,
    extra=lambda g: alpha_samples(g) if g.dtype != "bool" else (),
    scalars=(2, 0.5, -1),
    tol=ADD,
)
binary(
    "sub",
    lambda a, b, alpha=1: np.asarray(a) - np.asarray(alpha * b if alpha != 1 else b),
    extra=alpha_samples,
    tol=ADD,
)
binary(
    "mul",
    lambda a, b: (
        np.logical_and(a, b)
        if np.asarray(a).dtype == bool and np.asarray(b).dtype == bool
        else np.multiply(a, b)
    ),
    ALL,
    tol=Tol(4, 1),
)


def div_modes(g):
    if is_complex(g.dtype):
        return
    for mode in ("floor", "trunc", None):
        yield S(g(3, 4, low=-9, high=9), g.nonzero(4), rounding_mode=mode)
        yield S(g(3, 4, low=-9, high=9), 2, rounding_mode=mode)


def div_out(s):
    found = result_type(s.args)
    return found if s.kwargs.get("rounding_mode") or found in FLOAT_COMPLEX else "float32"


binary(
    "div",
    truediv,
    ALL,
    right=nonzero,
    extra=lambda g: div_modes(g) if g.dtype != "bool" else (),
    out=div_out,
    special=False,
    tol=Tol(8, 1),
)
binary("true_divide", truediv, ALL, right=nonzero, out="float", special=False, tol=Tol(8, 1))
binary(
    "floor_divide",
    lambda a, b: np.floor_divide(a, b),
    REAL_NUMBERS,
    left=lambda g, *s: g(*s, low=-9, high=9),
    right=nonzero,
    special=False,
    grad=False,
)
binary(
    "remainder",
    lambda a, b: np.remainder(a, b),
    REAL_NUMBERS,
    left=lambda g, *s: g(*s, low=-9, high=9),
    right=nonzero,
    special=False,
    tol=Tol(4, 4, half=(2, 4)),
)
binary(
    "fmod",
    lambda a, b: np.fmod(a, b),
    REAL_NUMBERS,
    left=lambda g, *s: g(*s, low=-9, high=9),
    right=nonzero,
    special=False,
    tol=Tol(4, 4, half=(2, 4)),
)


def pow_ref(a, b):
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype.kind in "iub" and b.dtype.kind in "iub":
        return np.power(a.astype(np.int64), b.astype(np.int64))
    return np.power(a.astype(np.result_type(a, b, np.float64)), b)


def pow_samples(g):
    if is_float(g.dtype) or is_complex(g.dtype):
        for x, y in PAIRS:
            yield S(g.positive(*x), g(*y))
        for e in (2, 3, 0.5, -1, -2, 0, 1, 1.5, -0.5):
            yield S(g.positive(3, 4), e)
        yield S(g.nonzero(4), 2)
        yield S(g.nonzero(4), 3)
        yield S(2.0, g(3))
        yield S(2, g())
        yield S(g.positive(3), T(np.array([1, 2, 3]), "int64"))
    else:
        for x, y in PAIRS:
            yield S(g(*x), g(*y, low=0, high=3))
        for e in (2, 3, 0):
            yield S(g(3, 4), e)
        yield S(2, g(3, low=0, high=3))


op("pow", pow_samples, quiet(pow_ref), NUMBERS, tol=Tol(8, 1))
binary(
    "atan2",
    lambda a, b: np.arctan2(np.asarray(a, float), b),
    REAL,
    left=nonzero,
    right=nonzero,
    scalars=(),
    out="float",
)
binary("hypot", lambda a, b: np.hypot(a, b), FLOATS, left=nonzero, right=nonzero, scalars=(), special=False)


def logaddexp(x, y):
    if not np.iscomplexobj(x) and not np.iscomplexobj(y):
        return np.logaddexp(x, y)
    less = x.real < y.real  # the imaginary part stays near that of the larger one
    top, low = np.where(less, y, x), np.where(less, x, y)
    return top + np.log1p(np.exp(low - top))


def not_opposite(g, *shape):
    """Of complex numbers: whose exponentials do not cancel."""
    return g(*shape, low=-1.5, high=1.5) if is_complex(g.dtype) else g(*shape)


binary(
    "logaddexp",
    logaddexp,
    FLOAT_COMPLEX,
    scalars=(),
    special=False,
    left=not_opposite,
    right=not_opposite,
    tol=Tol(8, 2, floor=1),
)
binary("logaddexp2", np.logaddexp2, FLOATS, scalars=(), special=False, tol=Tol(8, 2))
binary("nextafter", np.nextafter, ("float32", "float64"), scalars=(), mixed=False, grad=False)
binary(
    "copysign",
    lambda a, b: np.copysign(np.asarray(a, float), b),
    REAL,
    left=nonzero,
    right=nonzero,
    scalars=(2, -0.5),
    out="float",
    special="numbers",
)
binary(
    "heaviside",
    lambda a, b: np.where(a == 0, b, np.heaviside(a, 0).astype(np.result_type(a, b))),
    REAL,
    scalars=(),
    mixed=False,
    grad=False,
    special="numbers",
)
binary(
    "xlogy",
    lambda a, b: np.where(np.isnan(np.asarray(b, float)), np.nan, sp.xlogy(a, b)),
    REAL,
    right=positive,
    scalars=(2, 0.5),
    out="float",
    special=False,
    tol=Tol(4, 2),
)
binary(
    "special_xlog1py",
    lambda a, b: np.where(np.isnan(np.asarray(b, float)), np.nan, sp.xlog1py(a, b)),
    REAL,
    right=positive,
    scalars=(2, 0.5),
    out="float",
    special=False,
    tol=Tol(4, 2),
)



def order(g, *s):
    """The first argument of these functions has no derivative here."""
    t = g.positive(*s)
    return T(t.array, t.dtype, False)


def exponent(g, *s):
    t = g(*s, low=1.5, high=6.0) if is_float(g.dtype) else g.positive(*s)
    return T(np.maximum(t.array, 2) if not is_float(g.dtype) and g.dtype != "bool" else t.array, t.dtype, False)


for _name, _f in (("igamma", sp.gammainc), ("igammac", sp.gammaincc)):
    binary(
        _name, _f, FLOATS, left=order, right=positive, scalars=(), mixed=False, out="float", special=False, tol=Tol(32, 4)
    )
binary(
    "special_zeta", sp.zeta, FLOATS, left=exponent, right=positive, scalars=(), mixed=False, out="float", special=False,
    tol=Tol(32, 4),
)

# Ties have no derivative: the samples are distinct.
for _name, _f in [("maximum", np.maximum), ("minimum", np.minimum), ("fmax", np.fmax), ("fmin", np.fmin)]:
    binary(_name, _f, REAL, scalars=(), expand=True)

for _name, _f in [
    ("eq", np.equal),
    ("ne", np.not_equal),
    ("lt", np.less),
    ("le", np.less_equal),
    ("gt", np.greater),
    ("ge", np.greater_equal),
]:
    binary(_name, lambda a, b, f=_f: f(a, b), ALL if _name in ("eq", "ne") else REAL, out="bool", grad=False)
for _name, _f in [
    ("logical_and", np.logical_and),
    ("logical_or", np.logical_or),
    ("logical_xor", np.logical_xor),
]:
    binary(_name, _f, ALL, out="bool", grad=False, scalars=())
for _name, _f in [
    ("bitwise_and", np.bitwise_and),
    ("bitwise_or", np.bitwise_or),
    ("bitwise_xor", np.bitwise_xor),
]:
    binary(_name, _f, (*BOOL, *INTS), grad=False, scalars=(2,))
for _name, _f in [("bitwise_left_shift", np.left_shift), ("bitwise_right_shift", np.right_shift)]:
    binary(_name, _f, INTS, grad=False, right=lambda g, *s: g(*s, low=0, high=3), scalars=(2,), special=False)
for _name, _f in [("gcd", np.gcd), ("lcm", np.lcm)]:
    binary(_name, _f, INTS, grad=False, scalars=(6,), special=False)


# ---- three tensors and bounds
def clamp_samples(g):
    lo, hi = (1, 2) if g.dtype == "uint8" else (-1, 2)
    yield S(g(3, 4), lo, hi)
    yield S(g(3, 4), lo)
    yield S(g(3, 4), None, hi)
    yield S(g(3, 4), min=lo)
    yield S(g(3, 4), max=hi)
    yield S(g(), lo, hi)
    yield S(g(0, 3), lo, hi)
    yield S(g(50001), lo, hi).big()
    yield S(g(3, 4), g(4), g(3, 1))
    yield S(g(3, 4), g(3, 4))
    yield S(g(3, 4), max=g(4))
    yield S(g.special(), lo, hi).nograd()
    if is_float(g.dtype):
        yield S(g(3, 4), -0.5, 0.25)


def clamp(x, min=None, max=None):
    kind = x.dtype
    if min is not None:
        x = np.maximum(x, min)
    if max is not None:
        x = np.minimum(x, max)
    return x.astype(np.result_type(kind, x.dtype) if kind.kind != "f" else np.float64)


op("clamp", clamp_samples, clamp, REAL_NUMBERS, out="first")
op("clip", clamp_samples, clamp, REAL_NUMBERS, out="first")
op(
    "clamp_min",
    lambda g: [S(g(3, 4), 1), S(g(), 1), S(g(0), 1), S(g(3, 4), g(4)), S(g.special(), 1).nograd()],
    lambda x, m: np.maximum(x, m),
    REAL,
)
op(
    "clamp_max",
    lambda g: [S(g(3, 4), 1), S(g(), 1), S(g(0), 1), S(g(3, 4), g(4)), S(g.special(), 1).nograd()],
    lambda x, m: np.minimum(x, m),
    REAL,
)


def where_samples(g):
    yield S(g.mask(3, 4), g(3, 4), g(3, 4))
    yield S(g.mask(3, 1), g(4), g(2, 1, 1))
    yield S(g.mask(), g(), g(2))
    yield S(g.mask(0, 2), g(2), g(1))
    yield S(g.mask(3, 4), g(3, 4), 1)
    yield S(g.mask(3, 4), 0, g(4))
    yield S(g.mask(40, 1100), g(40, 1100), g(1100)).big()
    if is_float(g.dtype):
        yield S(g.mask(3, 4), g(3, 4), float("nan")).nograd()
        yield S(g.mask(3, 4), g(3, 4), g(3, 4, dtype="float64"))
    yield S(g.index(3, 4, high=2))


def where(cond, *args):
    if not args:
        return tuple(np.nonzero(cond))
    return np.where(cond, *args)


def where_out(s):
    return result_type(s.args[1:]) if len(s.args) > 1 else "int64"


def where_call(library, cond, *args):
    return library.where(cond, *args) if args else library.where(cond)


op("where", lambda g: [s for s in where_samples(g) if len(s.args) > 1], where, ALL, out=where_out)


def masked_fill_samples(g):
    yield S(g(3, 4), g.mask(3, 4), g.number(0.5, 1))
    yield S(g(3, 4), g.mask(4), 1)
    yield S(g(3, 4), g.mask(4), 1.75)  # integers take the whole part
    yield S(g(3), g.mask(2, 3), 1)
    yield S(g(), g.mask(), 0)
    yield S(g(0, 3), g.mask(3), 0)
    yield S(g(3, 4), g.mask(3, 1), g())
    if is_float(g.dtype):
        yield S(g(3, 4), g.mask(3, 4), float("-inf")).nograd()


op(
    "masked_fill",
    masked_fill_samples,
    lambda x, m, v: np.where(m, np.asarray(v).astype(x.dtype), x),
    ALL,
    out="first",
)


def lerp_samples(g):
    for a, b in PAIRS:
        yield S(g(*a), g(*b), 0.3)  # no float32
    yield S(g(3, 4), g(3, 4), g(4))
    yield S(g(3, 4), g(4), g(3, 1))
    yield S(g(), g(), g())
    yield S(g(5), g(5), 0.7)


op("lerp", lerp_samples, lambda a, b, w: a + w * (b - a), FLOAT_COMPLEX, tol=Tol(4, 2, half=(1, 1.5)))


def addc_samples(g):
    yield S(g(3, 4), g(3, 4), g.nonzero(3, 4))
    yield S(g(3, 1), g(4), g.nonzero(3, 4), value=2)
    yield S(g(), g(), g.nonzero())
    yield S(g(0, 2), g(2), g.nonzero(1))
    yield S(g(3, 4), g(4), g.nonzero(4), value=g.number(0.5, -1) if g.dtype != "uint8" else 2)


ADDC = Tol(4, 2, half=(1, 1.5))  # a product is rounded, then a sum that may cancel
op("addcmul", addc_samples, lambda x, a, b, value=1: x + value * a * b, NUMBERS, tol=ADDC)
op("addcdiv", addc_samples, lambda x, a, b, value=1: x + value * a / b, FLOAT_COMPLEX, tol=ADDC)
