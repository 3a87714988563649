"""`plait._foreach_add_(tensors, others)` and its kin: one op for each tensor of a list.

The names and arguments are those that optimisers written for PyTorch call. Each tensor is computed by its
own op, so that lists may mix shapes, dtypes and devices, and gradients flow; what plait's own optimisers fuse
over a list (`_fused_adam_`, `_total_norm`, `_foreach_zero_`) are ops of its own.
"""

from __future__ import annotations

from . import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from ._C import Tensor

_ops = _C.ops
_scale_all = _ops["_foreach_mul_"]

BINARY = ("add", "clamp_max", "clamp_min", "div", "maximum", "minimum", "mul", "pow", "sub")
TERNARY = ("addcdiv", "addcmul", "lerp")
UNARY = (
    *("abs", "acos", "asin", "atan", "ceil", "cos", "cosh", "erf", "erfc", "exp", "expm1", "floor", "frac"),
    *("lgamma", "log", "log10", "log1p", "log2", "neg", "reciprocal", "round", "rsqrt", "sigmoid", "sign"),
    *("sin", "sinh", "sqrt", "tan", "tanh", "trunc"),
)
# clamp_max(x, bound) by the names of ops.
_OPS = {"clamp_max": "minimum", "clamp_min": "maximum"}


def _each(who: str, name: str, value: Any, count: int) -> Any:
    """`value` for each of `count` tensors: a list of as many, or one number or tensor for all."""
    if not isinstance(value, (list, tuple)):
        return (value,) * count
    if len(value) != count:
        raise ValueError(
            f"{who}: expected as many of '{name}' as there are tensors, {count}, got {len(value)}"
        )
    return value


def _list(who: str, tensors: Any) -> Sequence[Tensor]:
    if not isinstance(tensors, (list, tuple)) or not all(isinstance(t, _C.Tensor) for t in tensors):
        raise TypeError(f"{who}: expected a list or tuple of Tensors first, got {type(tensors).__name__}")
    return tensors


def _make(name: str, calls: Callable[..., Iterator[tuple[tuple, dict]]], in_place: bool) -> Callable:
    who = f"_foreach_{name}" + "_" * in_place
    op = _ops[_OPS.get(name, name)]
    changed = _ops.get(_OPS.get(name, name) + "_")

    def function(self: Any, *args: Any, **kwargs: Any) -> Any:
        tensors = _list(who, self)
        # All arguments are looked at before the first tensor is changed.
        work = list(zip(tensors, calls(who, len(tensors), *args, **kwargs)))
        if not in_place:
            return tuple(op(t, *a, **k) for t, (a, k) in work)
        for t, (a, k) in work:
            if changed is not None:
                changed(t, *a, **k)
            else:
                t.copy_(op(t, *a, **k))
        return None

    function.__name__ = function.__qualname__ = who
    function.__doc__ = f"{name}{'_' * in_place} of each tensor of the list `self`" + (
        "." if in_place else ", as a tuple."
    )
    return function


def _unary(who: str, count: int) -> Iterator[tuple[tuple, dict]]:
    return iter([((), {})] * count)


def _binary(who: str, count: int, other: Any, *, alpha: Any = 1) -> Iterator[tuple[tuple, dict]]:
    options = {} if alpha == 1 else {"alpha": alpha}
    return (((o,), options) for o in _each(who, "other", other, count))


def _scaled(who: str, count: int, tensor1: Any, tensor2: Any, value: Any = 1) -> Iterator[tuple[tuple, dict]]:
    if isinstance(value, _C.Tensor):  # one number for each, read on the host
        value = value.tolist()
    given = (("tensor1", tensor1), ("tensor2", tensor2), ("value", value))
    parts = (_each(who, name, argument, count) for name, argument in given)
    return (((a, b), {"value": v}) for a, b, v in zip(*parts))


def _lerp(who: str, count: int, tensors1: Any, weight: Any) -> Iterator[tuple[tuple, dict]]:
    ends, weights = _each(who, "tensors1", tensors1, count), _each(who, "weight", weight, count)
    return (((e, w), {}) for e, w in zip(ends, weights))


def _define() -> None:
    takes: dict[str, Callable] = {"addcdiv": _scaled, "addcmul": _scaled, "lerp": _lerp}
    for name in (*UNARY, *BINARY, *TERNARY):
        calls = takes.get(name, _unary if name in UNARY else _binary)
        for in_place in (False, True):
            function = _make(name, calls, in_place)
            globals()[function.__name__] = function


_define()
_loop_mul_ = globals()["_foreach_mul_"]


def _foreach_mul_(self: Any, other: Any) -> None:
    """mul_ of each tensor of the list `self`; by one number for all it is one op over the list.

    >>> import plait
    >>> tensors = [plait.ones(2), plait.ones(1)]
    >>> plait._foreach_mul_(tensors, [2.0, 3.0])
    >>> tensors
    [tensor([2., 2.]), tensor([3.])]
    """
    if isinstance(other, (list, tuple)) or (_C.is_grad_enabled() and any(t.requires_grad for t in self)):
        _loop_mul_(self, other)
    else:
        _scale_all(self, other)


def _foreach_copy_(self: Any, src: Any, non_blocking: bool = False) -> None:
    """copy_ into each tensor of the list `self` from that of `src`."""
    tensors = _list("_foreach_copy_", self)
    for t, s in zip(tensors, _each("_foreach_copy_", "src", _list("_foreach_copy_", src), len(tensors))):
        t.copy_(s, non_blocking)


def _foreach_norm(tensors: Any, ord: float = 2, dtype: _C.dtype | None = None) -> tuple[Tensor, ...]:
    """The norm of order `ord` of each tensor, of `dtype` unless None.

    >>> plait._foreach_norm([plait.tensor([3.0, 4.0]), plait.ones(2, 2)])
    (tensor(5.), tensor(2.))
    """
    from .linalg import vector_norm

    return tuple(vector_norm(t, ord, dtype=dtype) for t in _list("_foreach_norm", tensors))


NAMES = (
    *(f"_foreach_{name}{mark}" for name in (*UNARY, *BINARY, *TERNARY) for mark in ("", "_")),
    "_foreach_copy_",
    "_foreach_norm",
)
