"""How samples become a batch: default_collate stacks what can be stacked, through nested containers."""

from __future__ import annotations

import re

import plait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["default_collate", "default_convert"]

np_str_obj_array_pattern = re.compile(r"[SaUO]")
"""The NumPy dtypes of text and of objects, which become no tensors."""


def _is_numpy(value: Any) -> bool:
    return type(value).__module__ == "numpy"


def _rebuild(like: Any, items: dict) -> Any:
    """A mapping of the type of `like`; a plain dict if that type has other ideas of its constructor."""
    if type(like) is dict:
        return items
    try:
        from copy import copy

        clone = copy(like)
        clone.update(items)
        return clone
    except (TypeError, AttributeError):
        return items


def default_convert(data: Any) -> Any:
    """NumPy arrays and scalars in `data`, through containers, as tensors; the rest as it is.

    >>> plait.utils.data.default_convert({"a": "text", "b": 3})
    {'a': 'text', 'b': 3}
    """
    if isinstance(data, plait.Tensor):
        return data
    if _is_numpy(data):
        return data if data.dtype.kind in "SUO" else plait.as_tensor(data)
    if isinstance(data, (str, bytes, int, float)):
        return data
    if hasattr(data, "keys") and hasattr(data, "__getitem__"):
        return _rebuild(data, {key: default_convert(data[key]) for key in data})
    if isinstance(data, tuple):
        if hasattr(data, "_fields"):
            return type(data)(*(default_convert(d) for d in data))
        return [default_convert(d) for d in data]
    if isinstance(data, list):
        return [default_convert(d) for d in data]
    return data


def default_collate(batch: Any) -> Any:
    """A list of samples as one batch, with a new first dimension.

    Tensors and NumPy arrays are stacked; ints, bools and floats (as float64) become a tensor; strings and
    bytes a list; mappings, named tuples, tuples and lists are collated item by item, tuples as lists.
    TypeError for anything else, ValueError or RuntimeError for samples that do not fit together; both say
    where in the sample.

    >>> plait.utils.data.default_collate([{"x": 1, "name": "a"}, {"x": 2, "name": "b"}])
    {'x': tensor([1, 2]), 'name': ['a', 'b']}
    """
    return _collate(list(batch), "")


def collate_tensor_fn(batch: Any, *, collate_fn_map: Any = None) -> plait.Tensor:
    """Tensors of one shape, stacked."""
    return plait.stack(list(batch))


default_collate_fn_map: dict[Any, Any] = {}
"""What `default_collate` does with further types: a function of (list of samples, collate_fn_map=this dict)
for a type, or a tuple of types. The type of the first sample is looked up first, then its base classes.
"""


def _registered(kind: type, table: dict[Any, Any]) -> Any:
    if kind in table:
        return table[kind]
    return next((f for types, f in table.items() if issubclass(kind, types)), None)


def collate(batch: Any, *, collate_fn_map: dict[Any, Any] | None = None) -> Any:
    """`default_collate` with functions for further types, as in `default_collate_fn_map`.

    >>> from plait.utils.data.collate import collate
    >>> collate([1, 2], collate_fn_map={int: lambda batch, collate_fn_map: sum(batch)})
    3
    """
    return _collate(list(batch), "", default_collate_fn_map if collate_fn_map is None else collate_fn_map)


def _collate(batch: list, where: str, table: dict[Any, Any] | None = None) -> Any:
    if not batch:
        raise ValueError("default_collate: the batch is empty; expected at least one sample")
    first = batch[0]
    table = default_collate_fn_map if table is None else table
    if table:
        function = _registered(type(first), table)
        if function is not None:
            return function(batch, collate_fn_map=table)
    place = f" at sample{where}" if where else ""
    if isinstance(first, plait.Tensor):
        shape = first.shape
        for i, t in enumerate(batch):
            if not isinstance(t, plait.Tensor) or t.shape != shape:
                got = tuple(t.shape) if isinstance(t, plait.Tensor) else type(t).__name__
                raise RuntimeError(
                    f"default_collate: tensors{place} should have one shape, got {tuple(shape)} in sample "
                    f"0 and {got} in sample {i}; give the DataLoader a collate_fn that pads them"
                )
        return plait.stack(batch)
    if _is_numpy(first):
        if first.dtype.kind in "SUO":
            raise TypeError(f"default_collate: cannot make tensors of NumPy dtype {first.dtype}{place}")
        import numpy as np

        if first.shape == ():
            return plait.from_numpy(np.array(batch))
        return _collate([plait.as_tensor(a) for a in batch], where, table)
    if isinstance(first, float):
        return plait.tensor(batch, dtype=plait.float64)
    if isinstance(first, int):
        return plait.tensor(batch)
    if isinstance(first, (str, bytes)):
        return batch
    if hasattr(first, "keys") and hasattr(first, "__getitem__"):
        items = {}
        for key in first:
            try:
                column = [sample[key] for sample in batch]
            except KeyError:
                missing = next(i for i, sample in enumerate(batch) if key not in sample)
                raise KeyError(f"default_collate: sample {missing} has no key {key!r}{place}") from None
            items[key] = _collate(column, f"{where}[{key!r}]", table)
        return _rebuild(first, items)
    if isinstance(first, (tuple, list)):
        size = len(first)
        for i, sample in enumerate(batch):
            if len(sample) != size:
                raise RuntimeError(
                    f"default_collate: sequences{place} should have one length, got {size} in sample 0 and "
                    f"{len(sample)} in sample {i}; give the DataLoader a collate_fn of your own"
                )
        columns = [_collate(list(column), f"{where}[{k}]", table) for k, column in enumerate(zip(*batch))]
        return type(first)(*columns) if hasattr(first, "_fields") else columns
    raise TypeError(
        "default_collate: samples should hold tensors, NumPy arrays, numbers, strings, dicts, tuples or "
        f"lists; got {type(first).__name__}{place}; give the DataLoader a collate_fn"
    )
