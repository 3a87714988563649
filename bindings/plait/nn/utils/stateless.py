"""Calls of a module with other parameters than its own."""

from __future__ import annotations

from contextlib import contextmanager

from plait import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ..modules.module import Module

__all__ = ["functional_call"]


@contextmanager
def _reparametrize_module(
    module: Module, parameters_and_buffers: dict[str, Tensor], tie_weights: bool = False, strict: bool = False
) -> Iterator[None]:
    """Within the block the module has the given tensors; what it puts in their places goes into the dict."""
    given = _replacements("_reparametrize_module", module, parameters_and_buffers, tie_weights, strict)
    before = [(table, key, table[key]) for table, key, _ in given.values()]
    try:
        for table, key, value in given.values():
            table[key] = value
        yield
    finally:
        for name in parameters_and_buffers:
            table, key, _ = given[name]
            parameters_and_buffers[name] = table[key]
        for table, key, value in before:
            table[key] = value


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
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    given = dict(parameters_and_buffers)
    with _reparametrize_module(module, given, tie_weights, strict):
        return module(*args, **(kwargs or {}))


def _replacements(
    who: str, module: Module, parameters_and_buffers: dict[str, Tensor], tie_weights: bool, strict: bool
) -> dict[str, tuple[dict, str, Tensor]]:
    """The table, the key in it and the new tensor, by name."""
    slots: dict[str, tuple[dict, str]] = {}
    twins: dict[int, list[str]] = {}
    owners = [("", module)]
    for prefix, owner in owners:  # grows; named_modules would take longer than a small call
        for table in (owner._parameters, owner._buffers):
            for name, value in table.items():
                full = prefix + name
                slots[full] = (table, name)
                if value is not None:
                    twins.setdefault(id(value), []).append(full)
        for name, child in owner._modules.items():
            if child is not None:
                owners.append((f"{prefix}{name}.", child))
    unknown = [name for name in parameters_and_buffers if name not in slots]
    if unknown:
        raise KeyError(f"{who}: {type(module).__name__} has no parameter or buffer named {unknown}")
    if strict and len(parameters_and_buffers) != len(slots):
        missing = [name for name in slots if name not in parameters_and_buffers]
        raise KeyError(f"{who}: with strict=True these names are missing: {missing}")
    given = dict(parameters_and_buffers)
    if tie_weights:
        for name, value in parameters_and_buffers.items():
            table, key = slots[name]
            for twin in twins.get(id(table[key]), ()):
                given.setdefault(twin, value)
    return {name: (*slots[name], value) for name, value in given.items()}
