"""What the tests know of an op: samples that know no tensor library, an oracle in NumPy, and tolerances.

A sample's tensors are `T`: a NumPy array and the name of a dtype (NumPy has no bfloat16: its values are then
float32 numbers that bfloat16 holds exactly). An oracle sees floats as float64, complex numbers as complex128,
integers and bools as they are.
"""

import zlib
from dataclasses import dataclass, field

import numpy as np

HALF = ("float16", "bfloat16")
FLOATS = (*HALF, "float32", "float64")
COMPLEX = ("complex64", "complex128")
INTS = ("uint8", "int8", "int16", "int32", "int64")
SIGNED = ("int8", "int16", "int32", "int64")
BOOL = ("bool",)
REAL = (*BOOL, *INTS, *FLOATS)
NUMBERS = (*INTS, *FLOATS, *COMPLEX)
REAL_NUMBERS = (*INTS, *FLOATS)
ALL = (*BOOL, *INTS, *FLOATS, *COMPLEX)
FLOAT_COMPLEX = (*FLOATS, *COMPLEX)

# The distance from 1 to the next number.
EPS = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}
EPS |= {"complex64": EPS["float32"], "complex128": EPS["float64"]}
# The smallest positive normal number: below it relative errors mean little.
TINY = {"float16": 2.0**-14, "bfloat16": 2.0**-126, "float32": 2.0**-126, "float64": 2.0**-1022}
TINY |= {"complex64": TINY["float32"], "complex128": TINY["float64"]}


def is_float(dtype):
    return dtype in FLOATS


def is_complex(dtype):
    return dtype in COMPLEX


def is_int(dtype):
    return dtype in INTS


def largest(dtype):
    """The largest finite number of a floating dtype."""
    return {"float16": 65504.0, "bfloat16": 3.3895313892515355e38}.get(dtype) or float(np.finfo(dtype).max)


def round_bfloat16(array):
    """The nearest bfloat16 numbers, ties to even, as float32."""
    array = np.asarray(array, np.float32)
    bits = array.view(np.uint32) if array.ndim else np.frombuffer(array.tobytes(), np.uint32).reshape(())
    rounded = (
        ((bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)).astype(np.uint32).view(np.float32)
    )
    return np.where(np.isnan(array), array, rounded).reshape(array.shape)


def carrier(dtype):
    """The NumPy dtype in which values of `dtype` are kept."""
    return np.dtype("float32" if dtype == "bfloat16" else dtype)


class T:
    """A tensor argument. `diff=False`: no gradient is asked of it although it is floating."""

    __slots__ = ("array", "diff", "dtype")

    def __init__(self, array, dtype=None, diff=True):
        array = np.asarray(array)
        self.dtype = dtype or array.dtype.name
        if self.dtype == "bfloat16":
            array = round_bfloat16(array)
        with np.errstate(all="ignore"):
            self.array = np.array(array, carrier(self.dtype), order="C")
        self.diff = diff and self.dtype in FLOAT_COMPLEX

    @property
    def shape(self):
        return self.array.shape

    @property
    def ndim(self):
        return self.array.ndim

    def oracle(self):
        if is_float(self.dtype):
            return self.array.astype(np.float64)
        if is_complex(self.dtype):
            return self.array.astype(np.complex128)
        return self.array.copy()

    def replaced(self, array):
        return T(array, self.dtype, self.diff)

    def __repr__(self):
        return f"T({self.dtype}{list(self.shape)})"


class D(str):
    """A dtype argument, by name."""

    __slots__ = ()


class Sample:
    """Arguments of one call. `grad=False`: no gradients (kinks, NaN); `large`: only the forward pass."""

    __slots__ = ("args", "grad", "kwargs", "large")

    def __init__(self, *args, **kwargs):
        self.args, self.kwargs, self.grad, self.large = args, kwargs, True, False

    def nograd(self):
        self.grad = False
        return self

    def big(self):
        self.large, self.grad = True, False
        return self

    def map(self, f):
        new = Sample(*map_tree(f, self.args), **map_tree(f, self.kwargs))
        new.grad, new.large = self.grad, self.large
        return new

    def tensors(self):
        found = []
        map_tree(lambda x: found.append(x) if isinstance(x, T) else None, (self.args, self.kwargs))
        return found

    def __repr__(self):
        parts = [repr(a) for a in self.args] + [f"{k}={v!r}" for k, v in self.kwargs.items()]
        return f"({', '.join(parts)})"


def map_tree(f, value):
    """`f` of everything that is not a tuple, list or dict, in order."""
    if isinstance(value, dict):
        return {k: map_tree(f, v) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(map_tree(f, v) for v in value)
    return f(value)


@dataclass(frozen=True)
class Tol:
    """Errors allowed, in units of the result's eps: `ulps` of the exact result, `acc` of the largest one.

    `acc` is for sums of terms that may cancel; where the terms are of size 1 or so, `floor=1` measures
    against 1 at least. `half` replaces both for 16-bit floats: kernels compute them in float32 and round
    once (1); a composite of several ops rounds after each.
    """

    ulps: float = 4
    acc: float = 0
    half: tuple = (1, 0.5)
    floor: float = 0
    grad: float = 200  # of float32 gradients against float64 ones: a backward is a handful of ops


@dataclass
class OpInfo:
    name: str
    samples: object
    ref: object
    dtypes: tuple = FLOATS
    # dtype(s) of the result(s): "promote", "float" (promoted, integers to float32), "first", "real", a
    # name, or f(sample).
    out: object = "promote"
    tol: Tol = field(default_factory=Tol)
    grad: bool = True
    gradgrad: bool = True
    expand: bool = True  # inputs may be broadcast (ties would make the result ambiguous otherwise)
    data_shape: bool = False  # the result's shape depends on data: Meta must refuse
    view: bool = False
    ref_dtype: bool = False  # the oracle takes the first tensor's dtype too, as self_dtype
    call: object = None  # f(library, *args, **kwargs), where it is not library.name(...)
    check: object = None  # f(library): statistics of a random op, whatever an oracle cannot tell
    same_strides_on_meta: bool = True
    grad_dtypes: tuple = ("float64", "complex128")
    note: str = ""

    def run(self, library, *args, **kwargs):
        if self.call:
            return self.call(library, *args, **kwargs)
        return getattr(library, self.name)(*args, **kwargs)

    def make_samples(self, dtype, large=False):
        g = Gen(zlib.crc32(f"{self.name} {dtype}".encode()), dtype)
        return [s for s in self.samples(g) if large or not s.large]

    def expected_dtypes(self, sample, count):
        rule = self.out
        if callable(rule):
            rule = rule(sample)
        if isinstance(rule, str):
            rule = (rule,) * count
        return [resolve_dtype(r, sample) for r in rule]


def resolve_dtype(rule, sample):
    from .promote import result_type, to_real

    if rule == "promote":
        return result_type(sample.args)
    if rule == "float":
        found = result_type(sample.args)
        return found if found in FLOAT_COMPLEX else "float32"
    if rule == "first":
        return sample.tensors()[0].dtype
    if rule == "real":
        return to_real(sample.tensors()[0].dtype)
    return rule


OPS = {}


def op(name, samples, ref, dtypes=FLOATS, **options):
    if name in OPS:
        raise ValueError(f"two OpInfos for {name}")
    OPS[name] = OpInfo(name, samples, ref, dtypes, **options)


class Gen:
    """Draws sample tensors of one dtype; the same seed gives the same ones."""

    def __init__(self, seed, dtype):
        self.rng = np.random.default_rng(seed)
        self.dtype = dtype

    def __call__(self, *shape, low=-3.0, high=3.0, dtype=None, diff=True):
        dtype = dtype or self.dtype
        if dtype == "bool":
            return T(self.rng.random(shape) < 0.5, "bool")
        if is_int(dtype):
            low = max(int(np.ceil(low)), 0) if dtype == "uint8" else int(np.ceil(low))
            return T(self.rng.integers(low, max(int(np.floor(high)), low) + 1, shape), dtype)
        array = self.rng.uniform(low, high, shape)
        if is_complex(dtype):
            array = array + 1j * self.rng.uniform(low, high, shape)
        return T(array, dtype, diff)

    def positive(self, *shape, high=3.0, **kw):
        return self(*shape, low=0.25, high=high, **kw)

    def nonzero(self, *shape, low=0.5, high=3.0, dtype=None):
        """Away from zero, of both signs."""
        dtype = dtype or self.dtype
        t = self(*shape, low=low, high=high, dtype=dtype)
        if dtype in ("bool", "uint8"):
            return T(np.maximum(t.array, 1), dtype)
        return t.replaced(t.array * self.rng.choice([-1, 1], shape))

    def distinct(self, *shape, dtype=None):
        """No two elements alike, far enough apart for finite differences."""
        dtype = dtype or self.dtype
        n = int(np.prod(shape))
        if dtype == "bool":
            return self(*shape, dtype=dtype)
        if dtype == "uint8":
            return T(self.rng.permutation(n).reshape(shape) % 256, dtype)
        if is_int(dtype):
            return T((self.rng.permutation(n) - n // 2).reshape(shape) % 128, dtype)
        array = (self.rng.permutation(n) - n / 2 + 0.25) * min(1.0, 8.0 / max(n, 1))
        return T(array.reshape(shape), dtype)

    def index(self, *shape, high, low=0, dtype="int64"):
        return T(self.rng.integers(low, high, shape), dtype)

    def mask(self, *shape):
        return T(self.rng.random(shape) < 0.5, "bool")

    def special(self):
        """The numbers that kernels forget: signed zeros, infinities, NaN, subnormals, extremes."""
        if is_float(self.dtype):
            top = largest(self.dtype)
            values = [
                0.0,
                -0.0,
                1.0,
                -1.0,
                0.5,
                -0.5,
                1.5,
                -1.5,
                2.5,
                -2.5,
                np.inf,
                -np.inf,
                np.nan,
                top,
                -top,
            ]
            return T(values, self.dtype, diff=False)
        if is_complex(self.dtype):
            return T([0, 1, -1, 1j, -1j, 1 + 1j, 0.5 - 2j, -3 + 0.25j], self.dtype, diff=False)
        if self.dtype == "bool":
            return T([True, False], "bool")
        bounds = np.iinfo(self.dtype)
        return T([0, 1, 2, 3, bounds.max, bounds.min, bounds.max - 1, bounds.min + 1], self.dtype)

    def number(self, *values):
        """The first of `values` that the dtype can take without a change of category."""
        for v in values:
            if isinstance(v, float) and not (is_float(self.dtype) or is_complex(self.dtype)):
                continue
            return v
        return values[-1]
