"""Parameter and Buffer: tensors that a Module registers when they are assigned to one of its attributes."""
# ruff: noqa: D102 - `forward` is what the docstring of its class describes

from __future__ import annotations

import plait
from plait import Tensor
from plait._C import _make_subclass

from ..overrides import _disabled_torch_function_impl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "Buffer",
    "Parameter",
    "UninitializedBuffer",
    "UninitializedParameter",
    "UninitializedTensorMixin",
    "is_lazy",
]


def _rebuild(cls: type[Tensor], data: Tensor, requires_grad: bool, attributes: dict[str, Any]) -> Tensor:
    """What pickle calls: the subclass over `data` with its Python attributes."""
    result = _make_subclass(cls, data, requires_grad)
    result.__dict__.update(attributes)
    return result


def _plain_data(who: str, data: object) -> Tensor:
    if data is None:
        return plait.empty(0)
    if not isinstance(data, Tensor):
        raise TypeError(
            f"{who}: data should be a Tensor or None, got {type(data).__name__}; try {who}(plait.tensor(...))"
        )
    return data


class _Kept(Tensor):
    """What Parameter and Buffer share: copies and pickles keep the class, `requires_grad` and attributes.
    Results of ops are plain tensors.
    """

    __torch_function__ = staticmethod(_disabled_torch_function_impl)  # type: ignore[assignment]

    def __deepcopy__(self, memo: dict) -> Tensor:
        known = memo.get(id(self))
        if known is not None:
            return known
        result = _make_subclass(type(self), self.detach().clone(), self.requires_grad)
        memo[id(self)] = result
        if self.__dict__:
            from copy import deepcopy

            result.__dict__.update(deepcopy(self.__dict__, memo))
        return result

    def __reduce_ex__(self, protocol: int):
        return _rebuild, (type(self), self.detach(), self.requires_grad, dict(self.__dict__))


class Parameter(_Kept):
    """A tensor that a Module lists in `parameters()` when it is assigned to an attribute.

    Args: `data`, the tensor whose storage the parameter shares (None: an empty one); `requires_grad`.
    Raises TypeError where `data` is no tensor, RuntimeError where it requires grad but is not floating point
    or complex.

    >>> p = plait.nn.Parameter(plait.ones(2))
    >>> p.requires_grad, p.is_leaf
    (True, True)
    """

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True):
        return _make_subclass(cls, _plain_data(cls.__name__, data), requires_grad)


class Buffer(_Kept):
    """A tensor that a Module registers as a buffer when it is assigned to an attribute.

    Args: `data` (None: an empty tensor); `persistent`, whether it is part of the `state_dict`.

    >>> m = plait.nn.Module()
    >>> m.mean = plait.nn.Buffer(plait.zeros(3))
    >>> list(m.state_dict())
    ['mean']
    """

    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True):
        data = _plain_data(cls.__name__, data)
        result = _make_subclass(cls, data, data.requires_grad)
        result.persistent = persistent
        return result

    def __repr__(self) -> str:
        return "Buffer containing:\n" + super().__repr__()


class UninitializedTensorMixin:
    """What UninitializedParameter and UninitializedBuffer share: no shape until `materialize`."""

    cls_to_become: type

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Becomes a parameter (or buffer) of this shape, whose values are undefined; device and dtype stay as
        they are unless given.
        """
        t: Any = self
        with plait.no_grad():
            t.data = plait.empty(tuple(shape), device=device or t.device, dtype=dtype or t.dtype)
        t.__class__ = self.cls_to_become

    @property
    def shape(self) -> Any:
        """Raises: there is none yet."""
        raise RuntimeError(
            f"{type(self).__name__}: the shape is not known before the first forward of its module; run a "
            "batch through the module first, or load a state_dict"
        )

    def share_memory_(self) -> Any:
        """Raises: there is no memory yet."""
        raise RuntimeError(f"{type(self).__name__}: there is no memory to share before the first forward")

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __deepcopy__(self, memo: dict) -> Any:
        known = memo.get(id(self))
        if known is None:
            t: Any = self
            known = memo[id(self)] = type(t)(requires_grad=t.requires_grad, device=t.device, dtype=t.dtype)
        return known

    def __reduce_ex__(self, protocol: int):
        t: Any = self
        return _uninitialized, (type(t), t.requires_grad, str(t.device), t.dtype)


def _uninitialized(cls: type, requires_grad: bool, device: str, dtype: Any) -> Any:
    return cls(requires_grad=requires_grad, device=device, dtype=dtype)


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A parameter of a lazy module, whose shape the first input tells.

    >>> p = plait.nn.UninitializedParameter()
    >>> p.materialize((2, 3))
    >>> type(p).__name__, p.shape
    ('Parameter', plait.Size([2, 3]))
    """

    cls_to_become = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None):
        return _make_subclass(cls, plait.empty(0, device=device, dtype=dtype), requires_grad)


class UninitializedBuffer(UninitializedTensorMixin, Tensor):
    """A buffer of a lazy module, whose shape the first input tells."""

    cls_to_become = Tensor

    def __new__(cls, requires_grad: bool = False, device: Any = None, dtype: Any = None):
        return _make_subclass(cls, plait.empty(0, device=device, dtype=dtype), requires_grad)


def is_lazy(param: Any) -> bool:
    """Has this parameter or buffer no shape yet?

    >>> plait.nn.parameter.is_lazy(plait.nn.LazyLinear(2).weight)
    True
    """
    return isinstance(param, UninitializedTensorMixin)
