"""Tools for tests: assert_close compares by dtype, make_tensor makes samples, opcheck tests ops."""

from __future__ import annotations

import plait

from ._opcheck import OpCheckError, opcheck

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["OpCheckError", "assert_allclose", "assert_close", "make_tensor", "opcheck"]

# rtol and atol by dtype, as PyTorch has them; a complex dtype has those of its parts, others compare exactly.
_TOLERANCES = {
    "float16": (1e-3, 1e-5),
    "bfloat16": (1.6e-2, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "complex64": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
    "complex128": (1e-7, 1e-7),
}


class _Options:
    """What assert_close was asked for."""

    allow_subclasses: bool
    rtol: float | None
    atol: float | None
    equal_nan: bool
    check_device: bool
    check_dtype: bool
    check_layout: bool
    check_stride: bool

    def __init__(self, **options: Any):
        self.__dict__.update(options)

    def tolerances(self, *names: str) -> tuple[float, float]:
        if self.rtol is not None and self.atol is not None:
            return self.rtol, self.atol
        pairs = [_TOLERANCES.get(name, (0.0, 0.0)) for name in names]
        return max(r for r, _ in pairs), max(a for _, a in pairs)


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Asserts |actual - expected| <= atol + rtol |expected| in every element; infinities must be equal.

    Takes tensors, NumPy arrays, numbers, and sequences or mappings of them. Without `rtol` and `atol` (give
    both or none) they follow from the dtype: float16 1e-3 and 1e-5, bfloat16 1.6e-2 and 1e-5, float32 1.3e-6
    and 1e-5, float64 and Python floats 1e-7 and 1e-7, integers and bools 0. Raises AssertionError that says
    how many elements differ and where most; `msg` replaces it, or makes a new one of it.

    >>> plait.testing.assert_close(plait.tensor([1.0]), plait.tensor([1.0 + 1e-7]))
    """
    if (rtol is None) != (atol is None):
        raise ValueError(f"assert_close: give both rtol and atol, or none; got rtol={rtol}, atol={atol}")
    options = _Options(
        allow_subclasses=allow_subclasses,
        rtol=rtol,
        atol=atol,
        equal_nan=equal_nan,
        check_device=check_device,
        check_dtype=check_dtype,
        check_stride=check_stride,
    )
    problem = _compare(actual, expected, "", options)
    if problem is not None:
        raise AssertionError(problem if msg is None else msg(problem) if callable(msg) else msg)


def assert_allclose(
    actual: Any,
    expected: Any,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    msg: str = "",
) -> None:
    """The former `assert_close`: looser, NaN equals NaN, dtypes may differ, lists stand for tensors.

    >>> plait.testing.assert_allclose(plait.tensor([1.0, float("nan")]), [1.00001, float("nan")])
    """
    if not isinstance(actual, plait.Tensor):
        actual = plait.tensor(actual)
    if not isinstance(expected, plait.Tensor):
        expected = plait.tensor(expected, dtype=actual.dtype)
    if rtol is None and atol is None:
        former = {plait.float16: (1e-3, 1e-3), plait.float32: (1e-4, 1e-5), plait.float64: (1e-5, 1e-8)}
        pairs = [former.get(t.dtype, (0.0, 0.0)) for t in (actual, expected)]
        rtol, atol = max(r for r, _ in pairs), max(a for _, a in pairs)
    assert_close(
        actual,
        expected,
        rtol=rtol,
        atol=atol,
        equal_nan=equal_nan,
        check_dtype=False,
        msg=msg or None,
    )


def _compare(actual: Any, expected: Any, where: str, options: _Options) -> str | None:
    """What is wrong, or None."""
    place = f"\nThe failure is in item {where}" if where else ""
    if _is_tensor_like(actual) and _is_tensor_like(expected):
        if not options.allow_subclasses and type(actual) is not type(expected):
            return f"Types differ: {type(actual).__name__} and {type(expected).__name__}.{place}"
        problem = _compare_tensors(plait.as_tensor(actual), plait.as_tensor(expected), options)
        return None if problem is None else problem + place
    if isinstance(actual, (int, float, complex)) and isinstance(expected, (int, float, complex)):
        if options.check_dtype and type(actual) is not type(expected):
            return (
                f"Types of the numbers differ: {type(actual).__name__} and {type(expected).__name__}.{place}"
            )
        problem = _compare_numbers(actual, expected, options)
        return None if problem is None else problem + place
    if isinstance(actual, dict) and isinstance(expected, dict):
        if actual.keys() != expected.keys():
            missing, extra = expected.keys() - actual.keys(), actual.keys() - expected.keys()
            return (
                f"The keys of the mappings differ: missing {list(missing)}, unexpected {list(extra)}.{place}"
            )
        for key in actual:
            problem = _compare(actual[key], expected[key], f"{where}[{key!r}]", options)
            if problem is not None:
                return problem
        return None
    if isinstance(actual, (list, tuple)) and isinstance(expected, (list, tuple)):
        if len(actual) != len(expected):
            return f"The lengths of the sequences differ: {len(actual)} and {len(expected)}.{place}"
        for i, (a, e) in enumerate(zip(actual, expected)):
            problem = _compare(a, e, f"{where}[{i}]", options)
            if problem is not None:
                return problem
        return None
    if actual is None and expected is None:
        return None
    if _is_tensor_like(actual) != _is_tensor_like(expected) and not options.check_dtype:
        number = expected if _is_tensor_like(actual) else actual
        if isinstance(number, (int, float, complex)):
            return _compare_tensors(plait.as_tensor(actual), plait.as_tensor(expected), options)
    return f"Cannot compare {type(actual).__name__} with {type(expected).__name__}.{place}"


def _is_tensor_like(value: Any) -> bool:
    return isinstance(value, plait.Tensor) or type(value).__module__ == "numpy"


def _compare_numbers(a: Any, e: Any, options: _Options) -> str | None:
    names = {int: "int64", bool: "bool", float: "float64", complex: "complex128"}
    rtol, atol = options.tolerances(names.get(type(a), "float64"), names.get(type(e), "float64"))
    if a == e or (options.equal_nan and a != a and e != e):
        return None
    difference = abs(a - e)
    if difference <= atol + rtol * abs(e) and difference != float("inf"):
        return None
    return (
        f"Numbers are not close: got {a!r}, expected {e!r}; difference {difference:.6g}, allowed "
        f"{atol + rtol * abs(e):.3g} (rtol={rtol}, atol={atol})."
    )


def _compare_tensors(a: Any, e: Any, options: _Options) -> str | None:
    if a.shape != e.shape:
        return f"The shapes of the tensors differ: {tuple(a.shape)} and {tuple(e.shape)}."
    if options.check_device and a.device != e.device:
        return f"The devices of the tensors differ: {a.device} and {e.device}; try check_device=False."
    if options.check_dtype and a.dtype != e.dtype:
        return f"The dtypes of the tensors differ: {a.dtype} and {e.dtype}; try check_dtype=False."
    if options.check_stride and a.stride() != e.stride():
        return f"The strides of the tensors differ: {tuple(a.stride())} and {tuple(e.stride())}."
    rtol, atol = options.tolerances(*(str(t.dtype).rpartition(".")[2] for t in (a, e)))
    with plait.no_grad():
        a, e = a.detach().cpu(), e.detach().cpu()
        inexact = [t for t in (a, e) if t.is_floating_point() or t.is_complex()]
        if inexact or rtol or atol:
            wide = plait.complex128 if any(t.is_complex() for t in (a, e)) else plait.float64
        else:
            wide = plait.int64  # float64 would not tell large integers apart
        a, e = a.to(wide), e.to(wide)
        close = a == e
        if wide is plait.int64:
            difference = (a - e).abs().to(plait.float64)
        else:
            difference = (a - e).abs()
            close = close | ((difference <= atol + rtol * e.abs()) & difference.isfinite())
        if options.equal_nan and wide is not plait.int64:
            close = close | (a.isnan() & e.isnan())
        if bool(close.all()):
            return None
        bad = ~close
        count, total = int(bad.sum()), a.numel()
        lines = ["Tensors are not close."]
        lines.append(f"Mismatched elements: {count} / {total} ({100 * count / total:.1f}%)")
        nan_last = plait.where(bad, difference.nan_to_num(nan=float("inf")), plait.zeros_like(difference))
        for name, values, allowed in (
            ("absolute", nan_last, atol),
            ("relative", plait.where(bad, nan_last / e.abs().to(plait.float64), nan_last), rtol),
        ):
            flat = int(values.reshape(-1).nan_to_num(nan=float("inf")).argmax())
            index = _index(tuple(a.shape), flat)
            found = float(values.reshape(-1)[flat])
            lines.append(
                f"Greatest {name} difference: {found:.6g} at index {index} (up to {allowed:.3g} allowed)"
            )
        first = _index(tuple(a.shape), int(bad.reshape(-1).to(plait.uint8).argmax()))
        lines.append(f"First mismatch at index {first}: got {a[first].item()}, expected {e[first].item()}")
        return "\n".join(lines)


def _index(shape: tuple, flat: int) -> tuple[int, ...]:
    index = []
    for n in reversed(shape):
        flat, i = divmod(flat, n)
        index.append(i)
    return tuple(reversed(index))


def make_tensor(
    *shape: Any,
    dtype: Any,
    device: Any = "cpu",
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> Any:
    """A tensor of random values, uniform in [low, high).

    Without bounds: bool 0 and 1, uint8 0 to 9, other integers -9 to 9, floating and complex parts -9 to 9.
    `noncontiguous` gives a view with gaps; `exclude_zero` replaces zeros by the smallest positive value.

    >>> t = plait.testing.make_tensor(2, 3, dtype=plait.int32, low=0, high=5)
    >>> tuple(t.shape), bool((t < 5).all())
    ((2, 3), True)
    """
    if len(shape) == 1 and not isinstance(shape[0], int):
        shape = tuple(shape[0])
    if noncontiguous and memory_format is not None:
        raise ValueError("make_tensor: noncontiguous and memory_format exclude each other")
    name = str(dtype).rpartition(".")[2]
    default = {"bool": (0, 2), "uint8": (0, 10)}.get(name, (-9, 10) if "int" in name else (-9, 9))
    low = default[0] if low is None else low
    high = default[1] if high is None else high
    if not low <= high:
        raise ValueError(f"make_tensor: low should be at most high, got low={low}, high={high}")
    floating = name.startswith(("float", "bfloat", "complex"))
    if floating:
        size = (*shape, 2) if name.startswith("complex") else shape
        result = plait.rand(size, dtype=plait.float64) * (high - low) + low
        result = plait.view_as_complex(result) if name.startswith("complex") else result
    else:
        top = int(high) if int(high) == high else int(high) + 1
        bottom = int(low) if int(low) == low or low < 0 else int(low) + 1
        result = plait.randint(bottom, max(top, bottom + 1), shape, dtype=plait.int64)
    result = result.to(dtype).to(device)
    if exclude_zero:
        smallest = plait.finfo(dtype).tiny if floating else 1
        result = plait.where(result == 0, plait.full_like(result, smallest), result)
    if noncontiguous and result.numel() > 1:
        result = plait.stack([result, result], -1)[..., 0]
    if memory_format is not None:
        result = result.contiguous(memory_format=memory_format)
    return result.detach().requires_grad_(requires_grad) if floating else result
