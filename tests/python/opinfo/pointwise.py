"""Elementwise functions of one tensor."""

import numpy as np
import scipy.special as sp

from .core import (
    ALL,
    BOOL,
    COMPLEX,
    FLOAT_COMPLEX,
    FLOATS,
    INTS,
    NUMBERS,
    REAL,
    REAL_NUMBERS,
    SIGNED,
    Sample,
    T,
    Tol,
    is_float,
    largest,
    op,
)

S = Sample


def quiet(f):
    def wrapped(*args, **kwargs):
        with np.errstate(all="ignore"):
            return f(*args, **kwargs)

    return wrapped


def unary(name, ref, dtypes=FLOATS, low=-3.0, high=3.0, special=True, extra=None, nonzero=False, **options):
    def samples(g):
        draw = (lambda *s: g.nonzero(*s)) if nonzero else (lambda *s: g(*s, low=low, high=high))
        yield S(draw(3, 5))
        yield S(draw())
        yield S(draw(0, 3))
        yield S(draw(2, 3, 4))
        yield S(draw(37))
        yield S(draw(70001)).big()
        if special:
            v = g.special()
            yield S(v if special != "numbers" else T(v.array[~np.isnan(v.array)], v.dtype, False)).nograd()
        if extra:
            yield from extra(g)

    def exact(x):
        # Functions of integers are those of their float32 values; NumPy would compute small ones in float16.
        out = options.get("out", "promote")
        whole = (
            isinstance(out, str) and out not in ("promote", "first", "real", "bool") and x.dtype.kind in "iub"
        )
        return ref(x.astype(np.float32).astype(np.float64) if whole else x)

    op(name, samples, quiet(exact), dtypes, **options)


FLOAT_OUT = {"out": "float", "dtypes": (*REAL, *COMPLEX)}  # integers in, float32 out
REAL_FLOAT = {"out": "float", "dtypes": REAL}


def complex_safe(real, of_complex):
    return lambda x: of_complex(x) if np.iscomplexobj(x) else real(x)


def sign(x):
    return x if x.dtype == bool else np.sign(x)


# ---- rounding, signs, simple arithmetic
unary("neg", np.negative, NUMBERS)
unary("abs", np.abs, NUMBERS, out="real", nonzero=True)
unary("sign", sign, REAL, special="numbers")  # NumPy and PyTorch differ on NaN
unary(
    "square",
    lambda x: x if x.dtype == bool else np.square(x),
    ALL,
    out=lambda s: "int64" if s.args[0].dtype == "bool" else "first",
)
unary("reciprocal", lambda x: 1 / x.astype(np.result_type(x, np.float64)), nonzero=True, **FLOAT_OUT)
for _name, _f in [("floor", np.floor), ("ceil", np.ceil), ("round", np.rint), ("trunc", np.trunc)]:
    unary(_name, lambda x, f=_f: x if x.dtype.kind in "iu" else f(x), REAL_NUMBERS)
unary("frac", lambda x: x - np.trunc(x), FLOATS)

# ---- exponentials, logarithms, powers
unary("exp", np.exp, **FLOAT_OUT)
unary("exp2", np.exp2, **REAL_FLOAT)
unary("expm1", np.expm1, **REAL_FLOAT)
unary("log", np.log, low=0.25, **FLOAT_OUT, tol=Tol(4, 1))
unary("log2", lambda x: np.log2(x), low=0.25, **REAL_FLOAT, tol=Tol(4, 1))
unary("log10", np.log10, low=0.25, **REAL_FLOAT, tol=Tol(4, 1))
unary("log1p", np.log1p, low=-0.75, **REAL_FLOAT)
unary("sqrt", np.sqrt, low=0.25, **FLOAT_OUT)
unary("rsqrt", lambda x: 1 / np.sqrt(x), low=0.25, **REAL_FLOAT)

# ---- trigonometry. Near its zeros a float32 sine of a float32 argument keeps its ulps only with extra
# reduction: acc=1.
unary("sin", np.sin, **FLOAT_OUT, tol=Tol(4, 1))
unary("cos", np.cos, **FLOAT_OUT, tol=Tol(4, 1))
unary("tan", np.tan, low=-1.3, high=1.3, special=False, **FLOAT_OUT, tol=Tol(8, 1))
# Of whole numbers it is exactly 0; the oracle rounds pi x.
unary(
    "sinc",
    complex_safe(lambda x: np.where(x == np.round(x), x == 0, np.sinc(x)), np.sinc),
    nonzero=True,
    special=False,
    **FLOAT_OUT,
    tol=Tol(8, 4),
)
unary("asin", np.arcsin, low=-0.9, high=0.9, **REAL_FLOAT)
unary("acos", np.arccos, low=-0.9, high=0.9, **REAL_FLOAT)
unary("atan", np.arctan, **REAL_FLOAT)
unary("sinh", np.sinh, **FLOAT_OUT, tol=Tol(8))
unary("cosh", np.cosh, **FLOAT_OUT, tol=Tol(8))
unary("tanh", np.tanh, special=False, **FLOAT_OUT, tol=Tol(8))
unary("asinh", np.arcsinh, **REAL_FLOAT, tol=Tol(8))
unary("acosh", np.arccosh, low=1.25, **REAL_FLOAT, tol=Tol(8))
unary("atanh", np.arctanh, low=-0.9, high=0.9, **REAL_FLOAT, tol=Tol(8))
unary("deg2rad", np.deg2rad, **REAL_FLOAT)
unary("rad2deg", np.rad2deg, **REAL_FLOAT)

op(
    "frexp",
    lambda g: [S(g(3, 5)), S(g()), S(g(0, 3)), S(g.nonzero(37)), S(g(70001)).big()],
    np.frexp,
    FLOATS,
    out=("first", "int32"),
)

# ---- special functions. lgamma and digamma have zeros inside the range, where only the absolute error is
# small.
unary("erf", sp.erf, **REAL_FLOAT)
unary("erfc", sp.erfc, **REAL_FLOAT, tol=Tol(24))
unary("erfinv", sp.erfinv, low=-0.9, high=0.9, **REAL_FLOAT, tol=Tol(8))
unary("special_entr", sp.entr, low=0.25, special=False, **REAL_FLOAT, tol=Tol(8, 4))
unary(
    "lgamma",
    lambda x: np.where(np.isinf(x), np.inf, sp.gammaln(x)),
    low=0.25,
    high=6,
    **REAL_FLOAT,
    tol=Tol(8, 8),
)
unary(
    "digamma",
    lambda x: np.where((x == 0), -np.inf * np.copysign(1, x), sp.digamma(x)),
    low=0.25,
    high=6,
    special=False,
    **REAL_FLOAT,
    tol=Tol(8, 8),
)
# Bessel functions: the recurrences give second derivatives of the same kind, so a relative error of some ulps in
# double is asked of all; float32 results are double's, rounded.
unary("i0", sp.i0, **REAL_FLOAT, tol=Tol(4))
unary("special_i0e", sp.i0e, **REAL_FLOAT, tol=Tol(4))
unary("special_i1", sp.i1, nonzero=True, **REAL_FLOAT, tol=Tol(4))
unary("special_i1e", sp.i1e, nonzero=True, **REAL_FLOAT, tol=Tol(4))
unary("special_bessel_j0", sp.j0, special=False, **REAL_FLOAT, tol=Tol(8, 8))
unary("special_bessel_j1", sp.j1, nonzero=True, special=False, **REAL_FLOAT, tol=Tol(8, 8))
unary("special_bessel_y0", sp.y0, low=0.25, special=False, **REAL_FLOAT, tol=Tol(16, 8))
unary("special_bessel_y1", sp.y1, low=0.25, special=False, **REAL_FLOAT, tol=Tol(16, 8))
# Of K, SciPy's errors reach 9 ulps between 0.25 and 2 (against 40 digits), ours 5: test_special_blocks.py has exact values.
unary("special_modified_bessel_k0", sp.k0, low=0.25, **REAL_FLOAT, tol=Tol(12))
unary("special_modified_bessel_k1", sp.k1, low=0.25, **REAL_FLOAT, tol=Tol(8))
unary("special_scaled_modified_bessel_k0", sp.k0e, low=0.25, special=False, **REAL_FLOAT, tol=Tol(8))
unary("special_scaled_modified_bessel_k1", sp.k1e, low=0.25, special=False, **REAL_FLOAT, tol=Tol(8))
unary(
    "special_spherical_bessel_j0", lambda x: sp.spherical_jn(0, x), nonzero=True, special=False, **REAL_FLOAT, tol=Tol(8, 4)
)
unary("special_erfcx", sp.erfcx, **REAL_FLOAT, tol=Tol(8))
unary("special_log_ndtr", sp.log_ndtr, **REAL_FLOAT, tol=Tol(8))

unary(
    "sigmoid",
    lambda x: sp.expit(x) if not np.iscomplexobj(x) else 1 / (1 + np.exp(-x)),
    special=False,
    **FLOAT_OUT,
    tol=Tol(8),
)


def logit_samples(g):
    yield S(g(3, 5, low=0.05, high=0.95))
    yield S(g(low=0.05, high=0.95))
    yield S(g(0))
    yield S(g(4, 3, low=-0.5, high=1.5), 0.125).nograd()
    yield S(g(4, 3, low=0.3, high=0.7), eps=0.125)


op(
    "logit",
    logit_samples,
    quiet(lambda x, eps=None: sp.logit(x if eps is None else np.clip(x, eps, 1 - eps))),
    REAL,
    out="float",
    tol=Tol(8, 4),
)

# ---- activations
ACT = Tol(8, 2, half=(1, 1))  # products and differences of a few rounded terms
unary("relu", lambda x: np.where(np.isnan(x), x, np.maximum(x, 0)), REAL_NUMBERS, nonzero=True)
unary("relu6", lambda x: np.clip(x, 0, 6), REAL_NUMBERS, high=9)
unary("mish", lambda x: x * np.tanh(np.logaddexp(0, x)), special=False, tol=ACT)
unary(
    "softsign", lambda x: x / (1 + np.abs(x)), NUMBERS, special=False, out="float", tol=Tol(4, 1, half=(3, 1))
)  # half: two roundings
unary("hardsigmoid", lambda x: np.clip(x / 6 + 0.5, 0, 1), low=-5, high=5, special=False, tol=ACT)
unary("hardswish", lambda x: x * np.clip(x + 3, 0, 6) / 6, low=-5, high=5, special=False, tol=ACT)
unary("logsigmoid", lambda x: -np.logaddexp(0, -x), special=False, tol=ACT)
unary("tanhshrink", lambda x: x - np.tanh(x), NUMBERS, special=False, out="float", tol=Tol(8, 2, half=(1, 1), floor=1))
unary("silu", complex_safe(lambda x: x * sp.expit(x), lambda x: x / (1 + np.exp(-x))), FLOAT_COMPLEX, special=False, tol=ACT)
unary(
    "selu",
    lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0))),
    special=False,
    nonzero=True,
    tol=ACT,
)


def with_args(name, ref, *calls, low=-3.0, high=3.0, dtypes=FLOATS, **options):
    """`calls` are (args, kwargs) after the tensor."""

    def samples(g):
        for i, (args, kwargs) in enumerate(calls):
            shape = [(3, 5), (2, 3, 4), (), (0, 2)][i % 4]
            yield S(
                g.nonzero(*shape, high=high) if low == -3.0 else g(*shape, low=low, high=high),
                *args,
                **kwargs,
            )
        args, kwargs = calls[-1]
        yield S(g.nonzero(71, high=high), *args, **kwargs)
        yield S(g(), *calls[0][0], **calls[0][1])
        yield S(g(0, 2), *calls[0][0], **calls[0][1])

    op(name, samples, quiet(ref), dtypes, **options)


with_args(
    "leaky_relu",
    lambda x, negative_slope=0.01: np.where(x > 0, x, x * negative_slope),
    ((), {}),
    ((0.2,), {}),
    ((), {"negative_slope": -0.5}),
    tol=ACT,
)
with_args(
    "elu",
    lambda x, alpha=1.0: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
    ((), {}),
    ((0.5,), {}),
    ((), {"alpha": 2.0}),
    tol=ACT,
)
with_args(
    "celu",
    lambda x, alpha=1.0: np.maximum(x, 0) + np.minimum(0, alpha * np.expm1(x / alpha)),
    ((), {}),
    ((0.5,), {}),
    ((), {"alpha": 2.0}),
    tol=ACT,
)


def gelu(x, approximate="none"):
    if approximate == "tanh":
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * sp.erfc(-x / np.sqrt(2))


with_args("gelu", gelu, ((), {}), ((), {"approximate": "tanh"}), ((), {"approximate": "none"}), tol=ACT)
with_args(
    "softplus",
    lambda x, beta=1.0, threshold=20.0: np.where(x * beta > threshold, x, np.logaddexp(0, x * beta) / beta),
    ((), {}),
    ((2.0,), {}),
    ((0.5, 1.0), {}),
    ((), {"beta": 3, "threshold": 5}),
    tol=ACT,
)
with_args(
    "hardtanh",
    lambda x, min_val=-1.0, max_val=1.0: np.clip(x, min_val, max_val),
    ((), {}),
    ((-2, 2), {}),
    ((), {"min_val": -1, "max_val": 2}),
    dtypes=(*SIGNED, *FLOATS),
)
with_args(
    "threshold",
    lambda x, t, v: np.where(x > t, x, np.asarray(v, x.dtype)),
    ((1, 2), {}),
    ((-1, 0), {}),
    ((0, -7), {}),
    dtypes=(*SIGNED, *FLOATS),
)
with_args(
    "softshrink",
    lambda x, lambd=0.5: np.where(x > lambd, x - lambd, np.where(x < -lambd, x + lambd, 0)),
    ((), {}),
    ((1.0,), {}),
    ((0,), {}),
)
with_args(
    "hardshrink", lambda x, lambd=0.5: np.where(np.abs(x) > lambd, x, 0), ((), {}), ((1.0,), {}), ((0,), {})
)


def prelu_samples(g):
    yield S(g.nonzero(3, 4), g(4, low=0.1, high=0.6))
    yield S(g.nonzero(2, 3, 2), g(1, low=0.1, high=0.6))
    yield S(g.nonzero(2, 3, 2, 2), g(3, low=0.1, high=0.6))
    yield S(g.nonzero(5), g(1))
    yield S(g(), g(1))
    yield S(g(0, 3), g(3))


def prelu(x, w):
    w = w.reshape([-1] + [1] * (x.ndim - 2)) if x.ndim >= 2 else w.reshape(()) if w.size == 1 else w
    return np.where(x > 0, x, x * w)


op("prelu", prelu_samples, prelu, expand=False)

# ---- tests of values
unary("isnan", np.isnan, ALL, out="bool", grad=False)
unary("isinf", np.isinf, ALL, out="bool", grad=False)
unary("isfinite", np.isfinite, ALL, out="bool", grad=False)
unary(
    "signbit",
    lambda x: x < 0 if x.dtype.kind in "iu" else np.zeros_like(x) if x.dtype == bool else np.signbit(x),
    REAL,
    out="bool",
    grad=False,
    special="numbers",
)  # a NaN has no sign worth keeping
unary("logical_not", np.logical_not, ALL, out="bool", grad=False)
unary("bitwise_not", np.bitwise_not, (*BOOL, *INTS), grad=False)


def nan_to_num_samples(g):
    yield S(g(3, 4))
    yield S(g())
    yield S(g(0, 2))
    yield S(g.special()).nograd()
    yield S(g.special(), nan=1.0).nograd()
    if is_float(g.dtype):
        yield S(g.special(), 0.5, 2.0, -4.0).nograd()
        yield S(g.special(), posinf=8.0).nograd()


def nan_to_num(x, nan=None, posinf=None, neginf=None, *, self_dtype):
    if x.dtype.kind == "c":
        part = "float32" if self_dtype == "complex64" else "float64"
        return nan_to_num(x.real, nan, posinf, neginf, self_dtype=part) + 1j * nan_to_num(
            x.imag, nan, posinf, neginf, self_dtype=part
        )
    if x.dtype.kind != "f":
        return x
    top = largest(self_dtype)
    x = np.where(np.isnan(x), 0.0 if nan is None else nan, x)
    x = np.where(np.isposinf(x), top if posinf is None else posinf, x)
    return np.where(np.isneginf(x), -top if neginf is None else neginf, x)


op("nan_to_num", nan_to_num_samples, nan_to_num, (*BOOL, *INTS, *FLOATS, *COMPLEX), ref_dtype=True)

# ---- complex numbers
unary("real", np.real, COMPLEX, out="real", view=True)
unary("imag", np.imag, COMPLEX, out="real", view=True)
unary("conj", lambda x: np.conj(x), ALL)
unary(
    "angle",
    # Of 8-bit integers NumPy makes float16.
    lambda x: np.angle(x) if np.iscomplexobj(x) else np.where(np.isnan(x), x, np.angle(x.astype(np.result_type(x, np.float32)))),
    (*REAL, *COMPLEX),
    out=lambda s: {"complex64": "float32", "complex128": "float64"}.get(
        s.args[0].dtype, s.args[0].dtype if is_float(s.args[0].dtype) else "float32"
    ),
    nonzero=True,
    special=False,
    tol=Tol(4, 1),
)
unary("view_as_real", lambda x: np.stack([x.real, x.imag], -1), COMPLEX, out="real", view=True)


def pairs_samples(g):
    yield S(g(3, 2))
    yield S(g(2))
    yield S(g(2, 3, 2))


op(
    "view_as_complex",
    pairs_samples,
    lambda x: x[..., 0] + 1j * x[..., 1],
    ("float32", "float64"),
    out=lambda s: {"float32": "complex64"}.get(s.args[0].dtype, "complex128"),
    view=True,
    expand=False,
    note="layout",
)
