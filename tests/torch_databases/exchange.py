"""Tensors and arguments of PyTorch as plait's, and results of both compared."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import plait
import torch

DTYPES = {
    getattr(torch, name): getattr(plait, name)
    for name in ("float16", "bfloat16", "float32", "float64", "complex64", "complex128", "int8", "int16", "int32", "int64", "uint8", "bool")
}

# Relative and absolute. Both libraries add up in orders of their own, over samples of some hundred elements: that is some tens of
# the dtype's units in the last place, and more where a function's condition is bad (inverses, products of many factors).
TOLERANCES = {
    torch.float16: 6e-3,
    torch.bfloat16: 3e-2,
    torch.float32: 3e-4,
    torch.float64: 1e-8,
    torch.complex64: 5e-4,
    torch.complex128: 1e-8,
}


class Skip(Exception):
    """A sample that says nothing about plait: a layout or a dtype that it does not have by design."""


def dtype_name(dtype: Any) -> str:
    return str(dtype).split(".")[1]


def to_plait(tensor: Any) -> Any:
    """A copy with the same strides in a copy of the whole storage, and the same requires_grad; a Parameter where PyTorch has one."""
    if tensor.layout != torch.strided or tensor.is_quantized:
        raise Skip("layout")
    if tensor.dtype not in DTYPES:
        raise Skip(f"dtype {tensor.dtype}")
    if tensor.dim() > 32:
        raise Skip("more than 32 dimensions")
    data = tensor.detach().resolve_conj().resolve_neg()
    if data.device.type == "meta" or data.numel() == 0:
        copy = plait.empty(tuple(data.shape), dtype=DTYPES[data.dtype], device=data.device.type)
    else:
        flat = data.new_empty(0).set_(data.untyped_storage())
        copy = plait.from_dlpack(flat).clone().as_strided(tuple(data.shape), data.stride(), data.storage_offset())
    copy = copy.detach()
    if isinstance(tensor, torch.nn.Parameter):
        return plait.nn.Parameter(copy, requires_grad=tensor.requires_grad)
    return copy.requires_grad_() if tensor.requires_grad else copy


def converted(value: Any, made: dict[int, Any] | None = None) -> Any:
    """Arguments of a function of PyTorch as arguments of plait's; a tensor that stands in two places stays one tensor."""
    made = {} if made is None else made
    if isinstance(value, torch.Tensor):
        if id(value) not in made:
            made[id(value)] = to_plait(value)
        return made[id(value)]
    if isinstance(value, torch.dtype):
        if value not in DTYPES:
            raise Skip(f"dtype {value}")
        return DTYPES[value]
    if isinstance(value, torch.device):
        return plait.device(str(value))
    if isinstance(value, torch.memory_format):
        return getattr(plait, dtype_name(value))
    if isinstance(value, torch.layout):
        if value is not torch.strided:
            raise Skip(f"layout {value}")
        return plait.strided
    if isinstance(value, torch.Size):
        return plait.Size(value)
    if isinstance(value, torch.Generator):
        return plait.Generator().manual_seed(1)
    if isinstance(value, torch.nn.Module):
        return converted_module(value)
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(converted(x, made) for x in value)
    if isinstance(value, dict):
        return {k: converted(x, made) for k, x in value.items()}
    if isinstance(value, torch.nn.utils.rnn.PackedSequence):
        return plait.nn.utils.rnn.PackedSequence(*(None if x is None else to_plait(x) for x in value))
    if dataclasses.is_dataclass(value) and hasattr(plait.nn, type(value).__name__):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return getattr(plait.nn, type(value).__name__)(**converted(fields, made))
    # A function or class of PyTorch itself: plait's of the same name.
    module = getattr(value, "__module__", None) or ""
    if callable(value) and module.split(".")[0] == "torch":
        return renamed(value, module)
    return value


def renamed(value: Any, module: str) -> Any:
    for owner in (plait, plait.nn, plait.nn.functional, plait.special, plait.linalg):
        if hasattr(owner, value.__name__):
            return getattr(owner, value.__name__)
    raise Skip(f"{module}.{value.__name__}")


def converted_module(module: Any) -> Any:
    """A module without arguments of its own (an activation, a norm of fixed size): plait's by the same repr."""
    raise Skip(f"module {type(module).__name__}")


def leaves(value: Any) -> list[Any]:
    """Tensors, numbers and the rest, in order, out of nested containers."""
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in leaves(item)]
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


def array(tensor: Any) -> Any:
    tensor = tensor.detach().resolve_conj().resolve_neg()
    if dtype_name(tensor.dtype) in ("bfloat16", "float16"):
        tensor = tensor.float()
    return np.asarray(tensor.numpy(force=True))


def difference(theirs: Any, ours: Any, dtype: Any, what: str, *, strides: bool = False) -> str | None:
    """How `ours` differs from `theirs` in structure, dtype, shape or values (and strides), or None."""
    a, b = leaves(theirs), leaves(ours)
    if len(a) != len(b):
        return f"{what}: {len(a)} results, ours {len(b)}"
    for i, (x, y) in enumerate(zip(a, b, strict=True)):
        place = f"{what}[{i}]" if len(a) > 1 else what
        if isinstance(x, torch.Tensor) != isinstance(y, plait.Tensor):
            return f"{place}: {type(x).__name__}, ours {type(y).__name__}"
        found = difference_of_tensors(x, y, dtype, strides) if isinstance(x, torch.Tensor) else difference_of_values(x, y)
        if found:
            return f"{place}: {found}"
    return None


def difference_of_values(x: Any, y: Any) -> str | None:
    if isinstance(x, (bool, int)) and x != y:
        return f"{x}, ours {y}"
    if isinstance(x, float) and not np.isclose(x, y, rtol=1e-6, atol=1e-12, equal_nan=True):
        return f"{x}, ours {y}"
    return None


def difference_of_tensors(x: Any, y: Any, dtype: Any, strides: bool) -> str | None:
    if x.layout != torch.strided:
        return None
    if dtype_name(x.dtype) != dtype_name(y.dtype):
        return f"{x.dtype}, ours {y.dtype}"
    if tuple(x.shape) != tuple(y.shape):
        return f"shape {tuple(x.shape)}, ours {tuple(y.shape)}"
    if strides and x.numel() > 1 and tuple(x.stride()) != tuple(y.stride()):
        # The stride of a dimension of one element means nothing.
        if any(s > 1 and p != q for s, p, q in zip(x.shape, x.stride(), y.stride(), strict=True)):
            return f"strides {tuple(x.stride())}, ours {tuple(y.stride())}, shape {tuple(x.shape)}"
    if x.device.type == "meta":
        return None
    p, q = array(x), array(y)
    if p.dtype.kind not in "fc":
        return None if (p == q).all() else f"values differ: {p.ravel()[:4]}, ours {q.ravel()[:4]}"
    # What was computed from 16-bit floats is as coarse as they are.
    tolerance = max(TOLERANCES[x.dtype], TOLERANCES.get(dtype, 0))
    if np.allclose(p, q, rtol=tolerance, atol=tolerance, equal_nan=True):
        return None
    with np.errstate(all="ignore"):
        gap = np.nanmax(np.abs(p.astype(np.complex128) - q.astype(np.complex128)))
        return f"values differ by {gap:.3g} of {np.nanmax(np.abs(p)):.3g}, NaN {np.isnan(p).sum()}, ours {np.isnan(q).sum()}"


def brief(value: Any) -> str:
    """An argument in few words."""
    if isinstance(value, torch.Tensor):
        strides = "" if value.is_contiguous() else f"/{tuple(value.stride())}"
        return f"{dtype_name(value.dtype)}{tuple(value.shape)}{strides}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(brief, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}={brief(x)}" for k, x in value.items()) + "}"
    return repr(value)[:60]
