"""PyTorch's type promotion, written again from its documentation: tensors, then 0-d ones, then numbers."""

from .core import COMPLEX, FLOATS, T

RANK = {
    "bool": 0,
    "uint8": 1,
    "int8": 1,
    "int16": 2,
    "int32": 3,
    "int64": 4,
    "float16": 5,
    "bfloat16": 5,
    "float32": 6,
    "float64": 7,
}


def to_real(dtype):
    return {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)


def to_complex(dtype):
    return "complex128" if dtype in ("float64", "complex128") else "complex64"


def promote(a, b):
    if a == b or b is None:
        return a
    if a is None:
        return b
    if a in COMPLEX or b in COMPLEX:
        real = [to_real(d) if d in COMPLEX else d for d in (a, b)]
        return "complex128" if "float64" in real else "complex64"
    if {a, b} == {"uint8", "int8"}:
        return "int16"
    if {a, b} == {"float16", "bfloat16"}:
        return "float32"
    return max(a, b, key=RANK.__getitem__)


def _category(dtype):
    return 3 if dtype in COMPLEX else 2 if dtype in FLOATS else 0 if dtype == "bool" else 1


def result_type(args):
    """Of the tensors and Python numbers among `args` (nested lists too)."""
    levels = [None, None, None]

    def visit(x):
        if isinstance(x, (list, tuple)):
            for y in x:
                visit(y)
        elif isinstance(x, T):
            level = 0 if x.ndim else 1
            levels[level] = promote(levels[level], x.dtype)
        elif isinstance(x, bool):
            levels[2] = promote(levels[2], "bool")
        elif isinstance(x, int):
            levels[2] = promote(levels[2], "int64")
        elif isinstance(x, float):
            levels[2] = promote(levels[2], "float32")
        elif isinstance(x, complex):
            levels[2] = promote(levels[2], "complex64")

    visit(args)
    result = None
    for lower in levels:
        if result is None or lower is None:
            result = result or lower
        elif _category(lower) > _category(result):
            result = (
                to_complex(result)
                if _category(lower) == 3 and _category(result) == 2
                else promote(result, lower)
            )
    return result or "float32"
