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
    """Decorates a function that counts as one op, and that an autocast region treats as it does an op
    (ops/autocast.h): arguments are converted by the policy for their device, and the ops within run as they
    are.

    >>> @one_op(cpu="float32")
    ... def cube(x):
    ...     return x @ x @ x
    >>> with plait.autocast("cpu"):
    ...     cube(plait.ones(1, 1)).dtype
    plait.float32
    """
    policies: dict[str, Policy] = {"cpu": cpu, "cuda": cuda}

    def in_region(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return _call_in_region(policies, function, args, kwargs)

    return lambda function: _C._composite(function, None, in_region)


def _call_in_region(
    policies: dict[str, Policy], function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    values = [*args, *kwargs.values()]
    device_type = "cuda" if any(isinstance(t, _C.Tensor) and t.is_cuda for t in values) else "cpu"
    policy = policies[device_type]
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
