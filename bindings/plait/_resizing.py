"""Methods that give a tensor another size or other memory, in place: as_strided_, resize_, resize_as_, set_.

A storage never grows: where it is too small, the tensor moves to a larger one, and tensors that shared the
former one keep it.
"""

from __future__ import annotations

import math

from . import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ._C import Tensor

_ops = _C.ops

__all__ = ["as_strided_", "resize_", "resize_as_", "set_"]


def _check(who: str, tensor: Tensor) -> None:
    if tensor.requires_grad and (who != "set_" or _C.is_grad_enabled()):
        raise RuntimeError(
            f"{who}: a tensor that requires grad cannot get another size or memory: its gradient would not "
            f"follow; use .detach().{who}(...), or assign to .data"
        )
    if tensor._base is not None:
        raise RuntimeError(
            f"{who}: self of shape {tuple(tensor.shape)} is a view, which stays one; use "
            f".detach().{who}(...)"
        )


def _reach(size: Sequence[int], strides: Sequence[int]) -> int:
    """How many elements of memory they span."""
    if 0 in size:
        return 0
    return 1 + sum((n - 1) * step for n, step in zip(size, strides))


def _on_storage(holder: Tensor, like: Tensor, size: Any, strides: Any, offset: int) -> Tensor:
    return _C._tensor_on_storage(holder, like.dtype, list(size), list(strides), offset)


def resize_(self: Tensor, *size: Any, memory_format: Any = None) -> Tensor:
    """Gives self another size, contiguous or in `memory_format`, and returns it. Its memory stays, with what
    is there, if it is large enough; else self moves to a larger one, where what was there comes first and the
    rest is not initialised, and views of the former memory keep that.

    A tensor that requires grad, or is a view, raises RuntimeError.

    >>> plait.tensor([1, 2, 3, 4]).resize_(2, 2)
    tensor([[1, 2],
            [3, 4]])
    """
    wanted = tuple(size[0]) if len(size) == 1 and isinstance(size[0], (tuple, list)) else size
    if tuple(self.shape) == wanted and memory_format is None:
        return self
    _check("resize_", self)
    model = _ops["empty"](wanted, dtype=self.dtype, device="meta")
    if memory_format is not None:
        model = model.contiguous(memory_format=memory_format)
    if self.is_meta:
        self.data = model
        return self
    strides, offset = model.stride(), self.storage_offset()
    count = _reach(wanted, strides)
    room = _C._storage_info(self)[1] // self.element_size()
    holder = self
    if count and offset + count > room:
        holder = _ops["empty"]((offset + count,), dtype=self.dtype, device=self.device)
        holder[:room].copy_(_on_storage(self, self, (room,), (1,), 0))
    self.data = _on_storage(holder, self, wanted, strides, offset)
    return self


def as_strided_(
    self: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
) -> Tensor:
    """As `as_strided`, but self takes that size and those strides, and is returned; its memory stays. A view,
    or a tensor with a history, takes only what has all of its elements.

    >>> plait.arange(4).as_strided_((2, 2), (1, 2))
    tensor([[0, 2],
            [1, 3]])
    """
    if self.requires_grad or self._base is not None:
        return _C._view_in_place("as_strided", _ops["as_strided"], self, size, stride, storage_offset)
    self.data = _ops["as_strided"](self, size, stride, storage_offset)
    return self


def resize_as_(
    self: Tensor, the_template: Tensor, *, memory_format: Any = None
) -> Tensor:
    """`self.resize_(the_template.shape)`, see `Tensor.resize_`. With memory_format=plait.preserve_format in
    the template's format.

    >>> plait.arange(4).resize_as_(plait.empty(2, 1))
    tensor([[0],
            [1]])
    """
    if memory_format is _C.preserve_format:
        last = {4: _C.channels_last, 5: _C.channels_last_3d}.get(the_template.dim())
        kept = last is not None and the_template.is_contiguous(memory_format=last)
        memory_format = last if kept and not the_template.is_contiguous() else None
    return resize_(self, tuple(the_template.shape), memory_format=memory_format)


def set_(
    self: Tensor,
    source: Any = None,
    storage_offset: int = 0,
    size: Sequence[int] | None = None,
    stride: Sequence[int] | None = None,
) -> Tensor:
    """Lets self stand for the memory of `source`, a tensor of its dtype or a storage, and returns it:
    all of it, or `size` elements from `storage_offset` on. Without source for none.

    A tensor that requires grad raises RuntimeError except within `no_grad()`, and a view always; another
    dtype or device raises TypeError.

    >>> x, y = plait.zeros(4), plait.empty(0)
    >>> y.set_(x, 1, (2,)).fill_(5.0)
    tensor([5., 5.])
    >>> x
    tensor([0., 5., 5., 0.])
    """
    from .storage import TypedStorage, UntypedStorage

    _check("set_", self)
    if isinstance(source, TypedStorage):
        if source.dtype is not self.dtype:
            raise TypeError(
                f"set_: expected a storage of {self.dtype}, got one of {source.dtype}; convert self first"
            )
        source = source.untyped()
    if source is None:
        self.data = self.new_empty((0,))
        return self
    if not isinstance(source, (_C.Tensor, UntypedStorage)):
        raise TypeError(
            f"set_: expected source as a Tensor or an UntypedStorage, got {type(source).__name__}"
        )
    whole = isinstance(source, _C.Tensor)
    holder: Any = source if isinstance(source, _C.Tensor) else source._tensor
    if holder.device != self.device or (whole and holder.dtype is not self.dtype):
        raise TypeError(
            f"set_: expected source of dtype {self.dtype} on {self.device}, got {holder.dtype} on "
            f"{holder.device}; convert self first"
        )
    if size is None:
        if storage_offset or stride is not None:
            raise TypeError("set_: expected a size beside storage_offset and stride, got none")
        if whole:
            self.data = holder.detach()
            return self
        size = (_C._storage_info(holder)[1] // self.element_size(),)
    if stride is None:
        stride = [math.prod(size[d + 1 :]) for d in range(len(size))]
    self.data = _on_storage(holder, self, size, stride, storage_offset)
    return self
