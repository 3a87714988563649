"""New tensors."""

import numpy as np

from .core import ALL, REAL_NUMBERS, D, Sample, T, Tol, is_complex, is_float, op

S = Sample


def default(value):
    """The dtype of a number: PyTorch's defaults."""
    return "bool" if isinstance(value, bool) else "int64" if isinstance(value, int) else "float32"


def given(s, otherwise="float32"):
    return s.kwargs.get("dtype") or (otherwise(s) if callable(otherwise) else otherwise)


def creator(name, samples, ref, dtypes=ALL, out=given, **options):
    op(name, samples, ref, dtypes, out=out, grad=False, expand=False, **options)


SIZES = [(3, 4), (), (0, 2), (5,)]


def sized(g, *more):
    for size in SIZES:
        yield S(size, *more, dtype=D(g.dtype))
    yield S((2, 3), *more)


creator("zeros", sized, lambda size, dtype=None: np.zeros(size))
creator("ones", sized, lambda size, dtype=None: np.ones(size))
creator("empty", sized, None)


def full_samples(g):
    value = True if g.dtype == "bool" else 2.5 if is_float(g.dtype) else 1 - 2j if is_complex(g.dtype) else 7
    yield from sized(g, value)
    yield S((2,), 3)
    yield S((2,), 2.5)
    yield S((2,), True)


def full_out(s):
    return s.kwargs.get("dtype") or ("complex64" if isinstance(s.args[1], complex) else default(s.args[1]))


creator("full", full_samples, lambda size, v, dtype=None: np.full(size, v), out=full_out)


def like_samples(*more):
    def samples(g):
        yield S(g(3, 4), *more)
        yield S(g(), *more)
        yield S(g(0, 2), *more)
        yield S(g(3, 4), *more, dtype=D("float64"))
        yield S(g(3, 4), *more, dtype=D("bool"))

    return samples


def like_out(s):
    return s.kwargs.get("dtype") or s.args[0].dtype


creator("zeros_like", like_samples(), lambda x, dtype=None: np.zeros(x.shape), out=like_out)
creator("ones_like", like_samples(), lambda x, dtype=None: np.ones(x.shape), out=like_out)
creator("empty_like", like_samples(), None, out=like_out)
creator("full_like", like_samples(1), lambda x, v, dtype=None: np.full(x.shape, v), out=like_out)


def new_samples(*more):
    def samples(g):
        yield S(g(2), (3, 4), *more)
        yield S(g(2), (), *more)
        yield S(g(2), (0, 3), *more)
        yield S(g(2), (3,), *more, dtype=D("float64"))

    return samples


def method(name):
    return lambda lib, x, *a, **k: getattr(x, name)(*a, **k)


creator(
    "new_zeros",
    new_samples(),
    lambda x, size, dtype=None: np.zeros(size),
    out=like_out,
    call=method("new_zeros"),
)
creator(
    "new_ones",
    new_samples(),
    lambda x, size, dtype=None: np.ones(size),
    out=like_out,
    call=method("new_ones"),
)
creator("new_empty", new_samples(), None, out=like_out, call=method("new_empty"))
creator(
    "new_full",
    new_samples(1),
    lambda x, size, v, dtype=None: np.full(size, v),
    out=like_out,
    call=method("new_full"),
)


def bounds(values, dtype):
    """As a result of that dtype has them: integers count as such."""
    return [int(v) for v in values] if dtype == "int64" else values


def arange_samples(g):
    yield S(5, dtype=D(g.dtype))
    yield S(2, 9, dtype=D(g.dtype))
    yield S(1, 10, 3, dtype=D(g.dtype))
    yield S(5)
    yield S(1, 7, 2)
    yield S(5, 5)
    yield S(0.5, 3.0, 0.25)
    yield S(3.0)
    if g.dtype != "uint8":
        yield S(5, -4, -2, dtype=D(g.dtype))
    if g.dtype == "int64":  # the bounds count as integers
        yield S(0.9, 5.9, 2.5, dtype=D(g.dtype))
        yield S(2.1, -2.9, -1.0, dtype=D(g.dtype))
    yield S(20000 if g.dtype in ("int32", "int64", "float32", "float64") else 100, dtype=D(g.dtype)).big()


def arange_out(s):
    return s.kwargs.get("dtype") or ("float32" if any(isinstance(a, float) for a in s.args) else "int64")


creator(
    "arange",
    arange_samples,
    lambda *a, dtype=None: np.arange(*bounds(a, dtype), dtype=np.float64),
    REAL_NUMBERS,
    out=arange_out,
)


def linspace_samples(g):
    yield S(0, 10, 6, dtype=D(g.dtype))
    yield S(-3, 3, steps=7, dtype=D(g.dtype)) if g.dtype != "uint8" else S(0, 3, steps=4, dtype=D(g.dtype))
    yield S(2, 2, 4, dtype=D(g.dtype))
    yield S(0, 1, 1, dtype=D(g.dtype))
    yield S(0, 1, 0, dtype=D(g.dtype))
    yield S(0.0, 1.0, 11)
    if g.dtype == "int64":  # the bounds count as integers
        yield S(4.3, -3.9, 8, dtype=D(g.dtype))


# A step is rounded, and multiplied by up to `steps`.
creator(
    "linspace",
    linspace_samples,
    lambda a, b, steps, dtype=None: np.linspace(*bounds((a, b), dtype), steps),
    REAL_NUMBERS,
    tol=Tol(8, 4, half=(1, 1)),
)
creator(
    "logspace",
    lambda g: [S(0, 2, 5, dtype=D(g.dtype)), S(0, 1, 4, 2.0, dtype=D(g.dtype)), S(-1, 1, steps=3)],
    lambda a, b, steps, base=10.0, dtype=None: np.logspace(a, b, steps, base=base),
    ("float32", "float64"),
    tol=Tol(16, 4),
)
creator(
    "eye",
    lambda g: [S(3, dtype=D(g.dtype)), S(3, 5, dtype=D(g.dtype)), S(4, 2), S(0)],
    lambda n, m=None, dtype=None: np.eye(n, m),
)
for _name, _f in [("tril_indices", np.tril_indices), ("triu_indices", np.triu_indices)]:
    creator(
        _name,
        lambda g: [S(3, 4), S(4, 3, 1), S(4, 4, -1), S(3, 4, offset=2), S(0, 3)],
        lambda n, m, offset=0, f=_f: np.stack(f(n, offset, m)),
        ("int64",),
        out="int64",
    )


# ---- copies
def casted(name, call):
    op(
        name,
        lambda g: [S(g(3, 4)), S(g()), S(g(0, 3)), S(g(2, 3, 4))],
        lambda x: x,
        ALL,
        out="first",
        call=call,
    )


casted("clone", lambda lib, x: x.clone())
op(
    "fill",
    lambda g: [S(g(3, 4), 1), S(g(), 1), S(g(0, 2), 0), S(g(3), g())],
    lambda x, v: np.broadcast_to(np.asarray(v).astype(x.dtype), x.shape),
    ALL,
    out="first",
    expand=False,
)
op("zero", lambda g: [S(g(3, 4)), S(g())], np.zeros_like, ALL, out="first", expand=False)


def cast_samples(g):
    """Every dtype into every other, by value: what both hold exactly."""
    values = [0, 1, 1, 0] if g.dtype == "bool" else [0, 1, 2, 100]
    for target in ALL:
        sample = S(T(values, g.dtype), D(target))
        yield (
            sample if target in ("float64", "complex128") else sample.nograd()
        )  # a step of 1e-6 drowns in less
    yield S(g(3, 4), D("complex128")) if is_complex(g.dtype) else S(g(3, 4), D("float32")).nograd()


def cast(x, dtype):
    return x != 0 if dtype == "bool" else x.real if not is_complex(dtype) and np.iscomplexobj(x) else x


op(
    "to",
    cast_samples,
    cast,
    ALL,
    out=lambda s: str(s.args[1]),
    call=lambda lib, x, dtype: x.to(dtype),
    grad_dtypes=("float64",),
    note="cast",
    gradgrad=False,
)


def copy_samples(g):
    yield S(g(3, 4), g(3, 4))
    yield S(g(3, 4), g(4))
    yield S(g(), g())
    yield S(g(0, 3), g(3))
    for other in ("float32", "int64", "bool"):
        yield S(g(3), T([0, 1, 2], other)).nograd()


def copied(x, src):
    src = src != 0 if x.dtype == bool else src
    return np.broadcast_to(src, x.shape).copy()


op(
    "copy",
    copy_samples,
    copied,
    ALL,
    out="first",
    call=lambda lib, x, src: x.clone().copy_(src),
    expand=False,
)
