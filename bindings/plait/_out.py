"""out= of functions that are written in Python: what ops have by their declaration."""

from __future__ import annotations

from . import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    F = TypeVar("F", bound=Callable[..., Any])


def with_out(function: F) -> F:
    """Decorates a function that counts as one op, and whose last keyword is `out`: the tensor, or the
    tensors, that the results are written to, and which are returned. The function itself never sees it.

    As for ops, an empty tensor is resized, another dtype is converted to where no kind of number is lost, and
    no gradient is recorded.

    >>> out = plait.empty(0)
    >>> plait.sinc(plait.tensor([0.0, 0.5]), out=out) is out
    True
    """

    return _C._composite(function, _call_with_out)


def _call_with_out(function: F, out: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    who = _full_name(function)
    if _C.is_grad_enabled() and _requires_grad([*args, *kwargs.values(), out]):
        raise RuntimeError(
            f"{who}: out= does not record gradients, but one of the arguments requires grad; "
            "drop out=, or call it under plait.no_grad()"
        )
    results = function(*args, **kwargs)
    if isinstance(results, _C.Tensor):
        return _write(who, out, results)
    outs = list(out) if isinstance(out, (tuple, list)) else [out]
    if len(outs) != len(results):
        raise TypeError(f"{who}: expected {len(results)} tensors for out=, got {len(outs)}")
    written = [_write(who, there, result) for there, result in zip(outs, results)]
    return type(results)(*written) if hasattr(results, "_fields") else tuple(written)


def _full_name(function: Callable[..., Any]) -> str:
    module = function.__module__.rpartition(".")[2]
    return f"{module}.{function.__name__}" if module in ("fft", "linalg") else function.__name__


def _requires_grad(values: Any) -> bool:
    return any(
        value.requires_grad
        if isinstance(value, _C.Tensor)
        else isinstance(value, (list, tuple)) and _requires_grad(value)
        for value in values
    )


def _write(who: str, out: Any, result: _C.Tensor) -> _C.Tensor:
    if not isinstance(out, _C.Tensor):
        raise TypeError(f"{who}: expected out= to be a Tensor, got {type(out).__name__}")
    if out.device != result.device:
        raise RuntimeError(f"{who}: out= is on {out.device}, the result is on {result.device}")
    if not _C.can_cast(result.dtype, out.dtype):
        raise RuntimeError(
            f"{who}: out= has dtype {out.dtype}, which the result of dtype {result.dtype} cannot "
            "be written into"
        )
    if out.shape != result.shape:
        if out.numel():
            raise _C.ArgumentError(
                f"{who}: out= has shape {tuple(out.shape)}, the result has shape {tuple(result.shape)}; "
                "give an empty tensor to have it resized"
            )
        out.data = out.new_empty(result.shape)
    return out.copy_(result)
