"""Forms of view functions whose results have memory of their own, and of functions that give memory."""

from __future__ import annotations

from . import _C
from ._layout import strided
from ._out import with_out

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from ._C import Tensor

_ops = _C.ops

_VIEWS = (
    "alias",
    "as_strided",
    "diagonal",
    "expand",
    "narrow",
    "permute",
    "select",
    "split",
    "split_with_sizes",
    "squeeze",
    "t",
    "transpose",
    "unbind",
    "unfold",
    "unsqueeze",
    "view",
    "view_as_complex",
    "view_as_real",
)

__all__ = [
    *(f"{name}_copy" for name in _VIEWS),
    "as_strided_scatter",
    "empty_permuted",
    "empty_strided",
    "nonzero_static",
    "unsafe_chunk",
    "unsafe_split",
]


def _alias(input: Tensor) -> Tensor:
    return input


def _copied(name: str) -> Callable[..., Any]:
    def copy(input: Tensor, *args: Any, **kwargs: Any) -> Any:
        if name == "alias":
            return _alias(input, *args, **kwargs).clone()
        view = getattr(input, name, None)
        result = view(*args, **kwargs) if view is not None else _ops[name](input, *args, **kwargs)
        return result.clone() if isinstance(result, _C.Tensor) else tuple(t.clone() for t in result)

    copy.__name__ = copy.__qualname__ = f"{name}_copy"
    copy.__doc__ = f"As `{name}`, but a copy: it shares no memory with the input."
    return with_out(copy)


for _name in _VIEWS:
    globals()[f"{_name}_copy"] = _copied(_name)


def as_strided_scatter(
    input: Tensor, src: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
) -> Tensor:
    """A copy of input with src in place of its elements input.as_strided(size, stride, storage_offset). What
    lies between them in input's memory is no part of the result.

    >>> plait.as_strided_scatter(plait.zeros(2, 2), plait.ones(2), (2,), (3,), 0)
    tensor([[1., 0.],
            [0., 1.]])
    """
    offset = input.storage_offset()
    if input.is_contiguous() and offset == 0:
        out = input.clone()
        out.as_strided(size, stride, storage_offset).copy_(src)
        return out
    # Sizes and strides are those of input's memory: which of its elements stand where?
    reach = 1 + offset + sum((n - 1) * step for n, step in zip(input.shape, input.stride()) if n)
    number = _ops["full"]((reach,), -1, device=input.device)
    each = _ops["arange"](input.numel(), device=input.device).reshape(input.shape)
    number.as_strided(input.shape, input.stride(), offset).copy_(each)
    start = offset if storage_offset is None else storage_offset
    at = number.as_strided(size, stride, start).reshape(-1)
    inside = at >= 0
    values = src.expand(tuple(size)).reshape(-1)[inside].to(input.dtype)
    return input.reshape(-1).index_put((at[inside],), values).reshape(input.shape)


def nonzero_static(input: Tensor, *, size: int, fill_value: int = -1) -> Tensor:
    """The first `size` rows of nonzero(input), filled up with `fill_value` where there are fewer.

    >>> plait.nonzero_static(plait.tensor([0, 3]), size=2)
    tensor([[ 1],
            [-1]])
    """
    if size < 0:
        raise ValueError(f"nonzero_static: expected size of at least 0, got {size}")
    found = _ops["nonzero"](input)[:size]
    return _ops["constant_pad_nd"](found, (0, 0, 0, size - found.shape[0]), fill_value)


def unsafe_chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """As `chunk`; its results may be changed in place while gradients are recorded."""
    return tuple(t.clone() for t in input.chunk(chunks, dim))


def unsafe_split(input: Tensor, split_size: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """As `split`; its results may be changed in place while gradients are recorded."""
    return tuple(t.clone() for t in input.split(split_size, dim))


def empty_strided(
    size: Sequence[int],
    stride: Sequence[int],
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor of given sizes and strides, not initialised.

    >>> plait.empty_strided((2, 3), (1, 2)).stride()
    (1, 2)
    """
    if layout not in (None, strided):
        raise ValueError(f"empty_strided: expected a strided layout, got {layout}")
    if len(size) != len(stride):
        raise ValueError(
            f"empty_strided: expected a stride for each size, got {list(size)} and {list(stride)}"
        )
    span = 1
    for n, s in zip(size, stride):
        if n < 0 or s < 0:
            raise ValueError(
                f"empty_strided: expected sizes and strides >= 0, got {list(size)} and {list(stride)}"
            )
        span += (n - 1) * s
    if 0 in size:
        span = 0
    flat = _ops["empty"]((span,), dtype=dtype, device=device)
    if pin_memory:
        flat = flat.pin_memory()
    result = flat.as_strided(size, stride).detach()
    return result.requires_grad_() if requires_grad else result


def new_empty_strided(self: Tensor, size: Sequence[int], stride: Sequence[int], **options: Any) -> Tensor:
    """As `empty_strided`, of self's dtype and device unless given."""
    options.setdefault("dtype", self.dtype)
    options.setdefault("device", self.device)
    return empty_strided(size, stride, **options)


def empty_permuted(size: Sequence[int], physical_layout: Sequence[int], **options: Any) -> Tensor:
    """A dense tensor, not initialised, whose dimensions lie in memory in the given order, outermost first.

    >>> plait.empty_permuted((2, 3, 5), (0, 2, 1)).stride()
    (15, 1, 3)
    """
    rank = len(size)
    places = [-1] * rank  # of the dimensions, in memory
    for place, d in enumerate(physical_layout):
        if 0 <= d < rank:
            places[d] = place
    if -1 in places or len(physical_layout) != rank:
        raise ValueError(
            "empty_permuted: expected physical_layout to be an order of the dimensions 0 to "
            f"{rank - 1}, got {tuple(physical_layout)}"
        )
    requires_grad = options.pop("requires_grad", False)
    result = _ops["empty"]([size[d] for d in physical_layout], **options).permute(places).detach()
    return result.requires_grad_() if requires_grad else result
