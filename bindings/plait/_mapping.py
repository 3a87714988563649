"""Tensor methods that call a Python function for each element: slow, for what no op does."""

from __future__ import annotations

from . import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._C import Tensor


def _check(who: str, tensors: tuple[Any, ...]) -> None:
    self = tensors[0]
    for t in tensors:
        if not isinstance(t, _C.Tensor):
            raise TypeError(f"{who}: expected a Tensor, got {type(t).__name__}")
        if not t.is_cpu:
            raise TypeError(f"{who}: works on CPU tensors alone, got one on {t.device}; use .cpu()")
        if t.dtype is not self.dtype:
            raise TypeError(f"{who}: expected tensors of one dtype, got {self.dtype} and {t.dtype}")
        if t.requires_grad and _C.is_grad_enabled():
            raise RuntimeError(
                f"{who}: records no gradients, but got a tensor that requires grad; use .detach()"
            )


def _written(who: str, self: Tensor, values: list[Any]) -> Tensor:
    if not self.is_complex() and any(isinstance(value, complex) for value in values):
        raise TypeError(f"{who}: the function gave a complex number for a tensor of {self.dtype}")
    return self.copy_(_C._tensor_from_data(values, self.dtype, None, False, True).view(self.shape))


def apply_(self: Tensor, callable: Callable[[Any], Any]) -> Tensor:
    """Replaces each element of a CPU tensor by what the function gives for it, converted to the tensor's
    dtype; returns the tensor. It records no gradients.

    >>> plait.tensor([1.0, 2.0]).apply_(lambda x: x + 1)
    tensor([2., 3.])
    """
    _check("apply_", (self,))
    return _written("apply_", self, [callable(x) for x in self.flatten().tolist()])


def map_(self: Tensor, tensor: Tensor, callable: Callable[[Any, Any], Any]) -> Tensor:
    """Replaces each element by callable(element, that of `tensor`), which is broadcast to self's shape. Both
    are CPU tensors of one dtype. It records no gradients.

    >>> plait.tensor([1.0, 2.0]).map_(plait.tensor(3.0), lambda a, b: a * b)
    tensor([3., 6.])
    """
    _check("map_", (self, tensor))
    given = zip(self.flatten().tolist(), tensor.expand(self.shape).flatten().tolist())
    return _written("map_", self, [callable(*both) for both in given])


def map2_(self: Tensor, x: Tensor, y: Tensor, callable: Callable[[Any, Any, Any], Any]) -> Tensor:
    """Replaces each element by callable(element, that of x, that of y), as `map_` does with one tensor.

    >>> plait.zeros(2).map2_(plait.tensor([1.0, 2.0]), plait.tensor(3.0), lambda a, x, y: a + x * y)
    tensor([3., 6.])
    """
    _check("map2_", (self, x, y))
    given = zip(*(t.expand(self.shape).flatten().tolist() for t in (self, x, y)))
    return _written("map2_", self, [callable(*all_) for all_ in given])
