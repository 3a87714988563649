"""finfo and iinfo: the limits of dtypes."""

from __future__ import annotations

from . import _C

_FLOATS = {  # bits, eps, max, smallest normal
    "float8_e4m3fn": (8, 2.0**-3, 448.0, 2.0**-6),
    "float8_e5m2": (8, 2.0**-2, 57344.0, 2.0**-14),
    "float16": (16, 2.0**-10, 65504.0, 2.0**-14),
    "bfloat16": (16, 2.0**-7, (2 - 2.0**-7) * 2.0**127, 2.0**-126),
    "float32": (32, 2.0**-23, (2 - 2.0**-23) * 2.0**127, 2.0**-126),
    "float64": (64, 2.0**-52, (2 - 2.0**-52) * 2.0**1023, 2.0**-1022),
}
_FLOATS["complex64"], _FLOATS["complex128"] = _FLOATS["float32"], _FLOATS["float64"]
_DIGITS = {"float8_e4m3fn": 0, "float8_e5m2": 0, "float16": 3, "bfloat16": 2, "float32": 6, "float64": 15}
_DIGITS["complex64"], _DIGITS["complex128"] = _DIGITS["float32"], _DIGITS["float64"]


class finfo:
    """The limits of a floating dtype: bits, eps, max, min, tiny, smallest_normal, resolution.

    >>> plait.finfo(plait.float32).eps
    1.1920928955078125e-07
    """

    def __init__(self, type=None):
        dtype = type or _C.get_default_dtype()
        if not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError(f"finfo: expected a floating dtype, got {dtype}; use iinfo")
        self.bits, self.eps, self.max, self.tiny = _FLOATS[dtype.name]
        self.min, self.smallest_normal = -self.max, self.tiny
        self.resolution = 10.0 ** -_DIGITS[dtype.name]
        self.dtype = dtype.name

    def __repr__(self):
        fields = f"resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}"
        return f"finfo({fields}, smallest_normal={self.tiny:g}, dtype={self.dtype})"


class iinfo:
    """The limits of an integer dtype: bits, max, min.

    >>> plait.iinfo(plait.int8).max
    127
    """

    def __init__(self, type):
        if type.is_floating_point or type.is_complex or type is _C.bool:
            raise TypeError(f"iinfo: expected an integer dtype, got {type}; use finfo")
        self.bits = type.itemsize * 8
        signed = type.is_signed
        self.max = 2 ** (self.bits - signed) - 1
        self.min = -(2 ** (self.bits - 1)) if signed else 0
        self.dtype = type.name

    def __repr__(self):
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"
