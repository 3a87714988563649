"""The arguments of `Module.to`."""

from __future__ import annotations

import plait
from plait import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def options_of_to(who: str, args: tuple, kwargs: dict[str, Any]) -> tuple[Any, Any, bool, Any]:
    """(device, dtype, non_blocking, memory_format) that `to(*args, **kwargs)` asks for. Raises TypeError for
    arguments that do not fit.
    """
    kwargs = dict(kwargs)
    device, dtype = kwargs.pop("device", None), kwargs.pop("dtype", None)
    non_blocking, memory_format = kwargs.pop("non_blocking", False), kwargs.pop("memory_format", None)
    template = kwargs.pop("tensor", None)
    if kwargs:
        raise TypeError(
            f"{who}.to: unexpected keyword {', '.join(kwargs)}; it takes device, dtype, tensor, "
            "non_blocking, memory_format"
        )
    for position, value in enumerate(args):
        if isinstance(value, plait.dtype):
            dtype = value
        elif isinstance(value, Tensor):
            template = value
        elif isinstance(value, bool):
            non_blocking = value
        elif isinstance(value, (str, int, plait.device)):
            device = value
        elif value is not None:
            raise TypeError(
                f"{who}.to: argument {position + 1} should be a device, a dtype or a tensor, got "
                f"{type(value).__name__}"
            )
    if template is not None:
        device, dtype = template.device, template.dtype
    if isinstance(device, int):
        device = f"cuda:{device}"
    if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
        raise TypeError(
            f"{who}.to: dtype should be a floating point or complex dtype, got {dtype}; use .type(dtype) to "
            "cast everything"
        )

    return device, dtype, bool(non_blocking), memory_format


def parse_to(who: str, args: tuple, kwargs: dict[str, Any]) -> Callable[[Tensor], Tensor]:
    """The function that `to(*args, **kwargs)` applies to each tensor; errors as of `options_of_to`."""
    device, dtype, non_blocking, memory_format = options_of_to(who, args, kwargs)

    def convert(t: Tensor) -> Tensor:
        options: dict[str, Any] = {}
        if device is not None:
            options["device"] = device
            if non_blocking:
                options["non_blocking"] = True
        if dtype is not None and (t.is_floating_point() or t.is_complex()):
            options["dtype"] = dtype
        if memory_format is not None and t.dim() in (4, 5):
            options["memory_format"] = memory_format
        return t.to(**options) if options else t

    return convert
