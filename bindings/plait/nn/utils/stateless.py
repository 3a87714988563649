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

_ABSENT: Any = object()  # where a module has nothing of a name


@contextmanager
def _reparametrize_module(
    module: Module, parameters_and_buffers: dict[str, Tensor], tie_weights: bool = False, strict: bool = False
) -> Iterator[None]:
    """Within the block the module has the given tensors; what it puts in their places goes into the dict."""
    given = _replacements(module, parameters_and_buffers, tie_weights, strict)
    before = [(table, key, table.get(key, _ABSENT)) for table, key, _ in given.values()]
    try:
        for table, key, value in given.values():
            table[key] = value
        yield
    finally:
        for name in parameters_and_buffers:
            table, key, value = given[name]
            parameters_and_buffers[name] = table.get(key, value)
        for table, key, value in before:
            if value is _ABSENT:
                table.pop(key, None)
            else:
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

    Tied parameters change together unless `tie_weights` is False. What the module assigns to these names goes
    into the dict. Names may be those of other attributes, too, which are there during the call; `strict`
    wants the names of all parameters and buffers and no others. Raises KeyError for names of submodules that
    are not there, of attributes that are no tensors and, with `strict`, for unknown and missing ones;
    ValueError where tied parameters are given different tensors.

    >>> m = plait.nn.Linear(1, 1, bias=False)
    >>> plait.nn.utils.functional_call(m, {"weight": plait.full((1, 1), 3.0)}, plait.ones(1, 1))
    tensor([[3.]])
    """
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    with _reparametrize_module(module, parameters_and_buffers, tie_weights, strict):
        return module(*args, **(kwargs or {}))


def _replacements(
    module: Module, parameters_and_buffers: dict[str, Tensor], tie_weights: bool, strict: bool
) -> dict[str, tuple[dict, str, Tensor]]:
    """The table, the key in it and the new tensor, by name."""
    slots: dict[str, tuple[dict, str]] = {}
    twins: dict[int, list[str]] = {}
    above: set[Module] = set()  # a module may hold one that holds it

    def visit(prefix: str, owner: Module) -> None:  # named_modules would take longer than a small call
        for table in (owner._parameters, owner._buffers):
            for name, value in table.items():
                full = prefix + name
                slots[full] = (table, name)
                if value is not None:
                    twins.setdefault(id(value), []).append(full)
        above.add(owner)
        for name, child in owner._modules.items():
            if child is not None and child not in above:
                visit(f"{prefix}{name}.", child)
        above.discard(owner)

    visit("", module)
    unknown = []
    for name in parameters_and_buffers:
        if name not in slots:
            slot = _slot(module, name, strict)
            if slot is None:
                unknown.append(name)
            else:
                slots[name] = slot
    if unknown:
        raise KeyError(f"functional_call: {type(module).__name__} has no parameter or buffer named {unknown}")
    given = dict(parameters_and_buffers)
    if tie_weights:
        for name, value in parameters_and_buffers.items():
            table, key = slots[name]
            for twin in twins.get(id(table.get(key)), ()):
                if given.setdefault(twin, value) is not value:
                    raise ValueError(
                        f"functional_call: {name!r} and {twin!r} are one tensor of the module; given were "
                        "two; give one, or pass tie_weights=False"
                    )
    missing = [name for name in slots if name not in given] if strict else []
    if missing:
        raise KeyError(f"functional_call: with strict=True these names are missing: {missing}")
    return {name: (*slots[name], value) for name, value in given.items()}


def _slot(module: Module, name: str, strict: bool) -> tuple[dict, str] | None:
    """Where the tensor of a name stands, on any way through modules that hold each other, or would stand."""
    path, _, key = name.rpartition(".")
    owner = module
    for part in path.split(".") if path else ():
        child = owner._modules.get(part)
        if child is None:
            return None
        owner = child
    for table in (owner._parameters, owner._buffers):
        if key in table:
            return table, key
    if strict or (hasattr(owner, key) and not isinstance(vars(owner).get(key), Tensor)):
        return None
    return vars(owner), key
