"""Calls of a module with other parameters than its own."""

from __future__ import annotations

from plait import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..modules.module import Module

__all__ = ["functional_call"]


def functional_call(
    module: Module,
    parameters_and_buffers: dict[str, Tensor],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """`module(*args, **kwargs)` with the given tensors in the place of the parameters and buffers of those
    names.

    Tied parameters change together unless `tie_weights` is False; `strict` wants every name. Raises KeyError
    for unknown names and, with `strict`, for missing ones.

    >>> m = plait.nn.Linear(1, 1, bias=False)
    >>> plait.nn.utils.functional_call(m, {"weight": plait.full((1, 1), 3.0)}, plait.ones(1, 1))
    tensor([[3.]])
    """
    slots: dict[str, tuple[dict, str]] = {}
    twins: dict[int, list[str]] = {}
    for path, owner in module.named_modules(remove_duplicate=False):
        for table in (owner._parameters, owner._buffers):
            for name, value in table.items():
                full = f"{path}.{name}" if path else name
                slots[full] = (table, name)
                if value is not None:
                    twins.setdefault(id(value), []).append(full)
    unknown = [name for name in parameters_and_buffers if name not in slots]
    if unknown:
        raise KeyError(f"functional_call: {type(module).__name__} has no parameter or buffer named {unknown}")
    if strict and len(parameters_and_buffers) != len(slots):
        missing = [name for name in slots if name not in parameters_and_buffers]
        raise KeyError(f"functional_call: with strict=True these names are missing: {missing}")
    given = dict(parameters_and_buffers)
    if tie_weights:
        for name, value in parameters_and_buffers.items():
            table, key = slots[name]
            for twin in twins.get(id(table[key]), ()):
                given.setdefault(twin, value)
    before = [(slots[name], slots[name][0][slots[name][1]]) for name in given]
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    try:
        for name, value in given.items():
            table, key = slots[name]
            table[key] = value
        return module(*args, **(kwargs or {}))
    finally:
        for (table, key), value in before:
            table[key] = value
