"""Modules made without initialising their parameters."""

from __future__ import annotations

import inspect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..modules.module import Module

__all__ = ["skip_init"]


def skip_init(module_cls: type[Module], *args: Any, **kwargs: Any) -> Module:
    """`module_cls(*args, **kwargs)` whose parameters and buffers are allocated but not initialised, for
    weights that are loaded anyway. The class must take `device`; raises TypeError where it is no Module.

    >>> plait.nn.utils.skip_init(plait.nn.Linear, 5, 1).weight.shape
    plait.Size([1, 5])
    """
    from ..modules.module import Module

    if not (isinstance(module_cls, type) and issubclass(module_cls, Module)):
        raise TypeError(f"skip_init: expected a subclass of nn.Module, got {module_cls!r}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError(f"skip_init: {module_cls.__name__} takes no device, so it cannot be made on meta")
    final = kwargs.pop("device", "cpu")
    return module_cls(*args, device="meta", **kwargs).to_empty(device=final)
