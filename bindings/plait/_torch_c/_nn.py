"""What modules ask of `torch._C._nn`: the arguments of `Module.to`, and functions of plait.nn.functional."""

from __future__ import annotations

import plait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["_parse_to"]


def _parse_to(*args: Any, **kwargs: Any) -> tuple[Any, Any, bool, Any]:
    """(device, dtype, non_blocking, memory_format) of the arguments of `Module.to`.

    >>> from plait._torch_c import _nn
    >>> _nn._parse_to("cpu", plait.float64)
    (device(type='cpu'), plait.float64, False, None)
    """
    from ..nn.modules.to import options_of_to

    device, dtype, non_blocking, memory_format = options_of_to("Module", args, kwargs)
    return None if device is None else plait.device(device), dtype, non_blocking, memory_format


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    from ..nn import functional

    return getattr(functional, name)
