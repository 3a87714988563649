"""What autocast regions do with functions that are written in Python, but count as one op."""

from __future__ import annotations

import functools

from . import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Literal, TypeVar

    F = TypeVar("F", bound=Callable[..., Any])
    Policy = Literal["keep", "lower", "float32", "widest"]


def _floats(values: Any, device_type: str) -> list[_C.Tensor]:
    """The tensors that a region for the device may convert."""
    return [
        t
        for t in values
        if isinstance(t, _C.Tensor)
        and t.device.type == device_type
        and t.is_floating_point()
        and t.dtype is not _C.float64
    ]


def _wanted(policy: Policy, device_type: str, floats: list[_C.Tensor]) -> _C.dtype:
    if policy == "lower":
        return _C.get_autocast_dtype(device_type)
    if policy == "float32":
        return _C.float32
    return functools.reduce(_C.promote_types, [t.dtype for t in floats])


def one_op(cpu: Policy = "keep", cuda: Policy = "keep") -> Callable[[F], F]:
    """Decorates a function that an autocast region treats as it does an op (ops/autocast.h): arguments are
    converted by the policy for their device, and the ops within run as they are.

    >>> @one_op(cpu="float32")
    ... def cube(x):
    ...     return x @ x @ x
    >>> with plait.autocast("cpu"):
    ...     cube(plait.ones(1, 1)).dtype
    plait.float32
    """

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            if not _C._autocast_active():
                return function(*args, **kwargs)
            device_type, policy = "cuda", cuda
            values = [*args, *kwargs.values()]
            if not any(isinstance(t, _C.Tensor) and t.is_cuda for t in values):
                device_type, policy = "cpu", cpu
            enabled = _C.is_autocast_enabled(device_type)
            before = _C._switch_autocast(False)
            try:
                floats = _floats(values, device_type) if enabled and policy != "keep" else []
                if not floats:
                    return function(*args, **kwargs)
                dtype = _wanted(policy, device_type, floats)
                chosen = {id(t) for t in floats if t.dtype is not dtype}

                def converted(value: Any) -> Any:
                    return value.to(dtype) if id(value) in chosen else value

                return function(
                    *[converted(a) for a in args], **{name: converted(a) for name, a in kwargs.items()}
                )
            finally:
                _C._switch_autocast(before)

        return call  # type: ignore[return-value]

    return decorate
