"""Layers that learn from their first input how many features or channels it has.

The first call gives the parameters their shapes and values, and the module becomes an ordinary one: a
LazyLinear becomes a Linear. Make the optimiser afterwards, or before with these same parameters: they keep
their identity.
"""
# ruff: noqa: D102

from __future__ import annotations

import plait
from plait import Tensor

from ..parameter import UninitializedBuffer, UninitializedParameter, is_lazy
from .batchnorm import BatchNorm1d, BatchNorm2d, BatchNorm3d, _NormBase
from .conv import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
    _ConvNd,
)
from .instancenorm import InstanceNorm1d, InstanceNorm2d, InstanceNorm3d, _InstanceNorm
from .linear import Linear
from .module import Module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = [
    "LazyBatchNorm1d",
    "LazyBatchNorm2d",
    "LazyBatchNorm3d",
    "LazyConv1d",
    "LazyConv2d",
    "LazyConv3d",
    "LazyConvTranspose1d",
    "LazyConvTranspose2d",
    "LazyConvTranspose3d",
    "LazyInstanceNorm1d",
    "LazyInstanceNorm2d",
    "LazyInstanceNorm3d",
    "LazyLinear",
]


def _materialize(t: Any, shape: tuple[int, ...]) -> None:
    t.materialize(shape)


class LazyModuleMixin(Module):
    """What makes a module lazy: a subclass makes its parameters UninitializedParameter, gives
    `initialize_parameters(*args)`, which the first call runs, and `cls_to_become`, the class it then takes
    on.

    >>> class Scale(plait.nn.modules.lazy.LazyModuleMixin):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.weight = plait.nn.UninitializedParameter()
    ...     def initialize_parameters(self, x):
    ...         if self.has_uninitialized_params():
    ...             _materialize(self.weight, x.shape[-1:])
    ...             plait.nn.init.ones_(self.weight)
    ...     def forward(self, x):
    ...         return x * self.weight
    >>> Scale()(plait.tensor([1.0, 2.0]))
    tensor([1., 2.], grad_fn=<MulBackward0>)
    """

    cls_to_become: type | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The module's call; the first one initialises the parameters."""
        if "_initialized" not in vars(self):
            self._infer_parameters(args, kwargs)
            if "_initialized" not in vars(self):  # it is of another class now
                return self(*args, **kwargs)
        return super().__call__(*args, **kwargs)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Gives the parameters their shapes and values; takes what `forward` takes. Subclasses define it."""
        raise NotImplementedError(
            f"{type(self).__name__}: define initialize_parameters(self, *args), which the first call runs"
        )

    def has_uninitialized_params(self) -> bool:
        """Is there a parameter or buffer of the module itself without a shape?"""
        return any(map(is_lazy, (*self._parameters.values(), *self._buffers.values())))

    def _infer_parameters(self, args: tuple, kwargs: dict) -> None:
        self.initialize_parameters(*args, **kwargs)
        if self.has_uninitialized_params():
            raise RuntimeError(
                f"{type(self).__name__}.initialize_parameters has left parameters or buffers without a shape"
            )
        if self.cls_to_become is not None:
            self.__class__ = self.cls_to_become  # type: ignore[assignment]
        else:
            vars(self)["_initialized"] = True

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        lazy = [name for name, t in self._buffers.items() if is_lazy(t)]
        super()._apply(fn, recurse)
        for (
            name
        ) in lazy:  # what `fn` gave is an ordinary empty tensor, on the right device and of the right dtype
            t = self._buffers[name]
            self._buffers[name] = UninitializedBuffer(device=t.device, dtype=t.dtype)
        return self

    def _save_to_state_dict(self, destination: dict, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        for name, t in (*self._parameters.items(), *self._buffers.items()):
            if is_lazy(t) and prefix + name in destination:
                destination[prefix + name] = t  # not detached: that would be an empty tensor

    def _load_member(self, name: str, key: str, own: Tensor, given: Any, assign: bool) -> str | None:
        if is_lazy(own):
            if is_lazy(given):
                return None
            if isinstance(given, Tensor):
                own.materialize(given.shape)  # type: ignore[attr-defined]
        elif is_lazy(given):
            return (
                f"{key} has no shape in the state_dict, which is that of a lazy module before its first call"
            )
        return super()._load_member(name, key, own, given, assign)


class _Lazy(LazyModuleMixin):
    """Of the layers here: `_size` names the attribute that is learnt."""

    _size = "in_features"

    def reset_parameters(self) -> None:
        if not self.has_uninitialized_params() and getattr(self, self._size) != 0:
            super().reset_parameters()  # type: ignore[misc]


class LazyLinear(_Lazy, Linear):
    """Linear whose `in_features` is the last size of its first input.

    >>> m = plait.nn.LazyLinear(3)
    >>> m(plait.zeros(2, 5)).shape, m
    (plait.Size([2, 3]), Linear(in_features=5, out_features=3, bias=True))
    """

    cls_to_become = Linear

    def __init__(self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None):
        super().__init__(0, 0, False)
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_features = out_features
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def initialize_parameters(self, input: Tensor) -> None:
        loaded = not self.has_uninitialized_params()
        self.in_features = input.shape[-1]
        if not loaded:
            with plait.no_grad():
                if is_lazy(self.weight):
                    _materialize(self.weight, (self.out_features, self.in_features))
                if is_lazy(self.bias):
                    _materialize(self.bias, (self.out_features,))
            self.reset_parameters()


class _LazyConv(_Lazy, _ConvNd):
    _size = "in_channels"

    def __init__(
        self,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        *args: Any,
        device: Any = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        # Positions after `padding` are those of the class to become.
        names = (
            ("output_padding", "groups", "bias", "dilation", "padding_mode")
            if self._transposed
            else ("dilation", "groups", "bias", "padding_mode")
        )
        if len(args) > len(names):
            raise TypeError(
                f"{type(self).__name__}: at most {4 + len(names)} positional arguments, got {4 + len(args)}"
            )
        options = {**dict(zip(names, args)), **kwargs}
        bias, groups = options.pop("bias", True), options.pop("groups", 1)
        super().__init__(0, 0, kernel_size, stride, padding, bias=False, groups=1, **options)
        if groups <= 0 or out_channels % groups:
            raise ValueError(
                f"{type(self).__name__}: out_channels should be divisible by groups, got {out_channels} and "
                f"{groups}"
            )
        self.groups, self.out_channels = groups, out_channels
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def initialize_parameters(self, input: Tensor, *args: Any, **kwargs: Any) -> None:
        loaded = not self.has_uninitialized_params()
        who, n = type(self).__name__, self._dims
        if input.dim() not in (n + 1, n + 2):
            raise ValueError(
                f"{who}: expected an input of {n + 1} or {n + 2} dimensions, got shape {tuple(input.shape)}"
            )
        self.in_channels = channels = input.shape[-n - 1]
        if channels % self.groups:
            raise ValueError(
                f"{who}: in_channels should be divisible by groups, got {channels} and {self.groups}"
            )
        if loaded:
            return
        first = (channels, self.out_channels) if self._transposed else (self.out_channels, channels)
        if is_lazy(self.weight):
            _materialize(self.weight, (first[0], first[1] // self.groups, *self.kernel_size))
        if is_lazy(self.bias):
            _materialize(self.bias, (self.out_channels,))
        self.reset_parameters()


class _LazyNorm(_Lazy, _NormBase):
    _size = "num_features"

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ):
        super().__init__(0, eps, momentum, False, False)
        self.affine, self.track_running_stats = affine, track_running_stats
        if affine:
            self.weight = UninitializedParameter(device=device, dtype=dtype)
            if bias:
                self.bias = UninitializedParameter(device=device, dtype=dtype)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(device=device, dtype=dtype)
            self.running_var = UninitializedBuffer(device=device, dtype=dtype)
            self.num_batches_tracked = plait.zeros((), dtype=plait.int64, device=device)

    def reset_running_stats(self) -> None:
        if not self.has_uninitialized_params() and self.num_features != 0:
            super().reset_running_stats()

    def initialize_parameters(self, input: Tensor) -> None:
        loaded = not self.has_uninitialized_params()
        self._check_input_dim(input)
        lone = isinstance(self, _InstanceNorm) and input.dim() != self._input_dims[-1]
        self.num_features = input.shape[0 if lone else 1]
        if loaded:
            return
        for t in (self.weight, self.bias, self.running_mean, self.running_var):
            if is_lazy(t):
                _materialize(t, (self.num_features,))
        self.reset_parameters()


class LazyConv1d(_LazyConv, Conv1d):
    """Conv1d whose `in_channels` is that of its first input.

    >>> plait.nn.LazyConv1d(4, 3)(plait.zeros(2, 3, 5)).shape
    plait.Size([2, 4, 3])
    """

    cls_to_become = Conv1d


class LazyConv2d(_LazyConv, Conv2d):
    """Conv2d whose `in_channels` is that of its first input.

    >>> plait.nn.LazyConv2d(4, 3)(plait.zeros(2, 3, 5, 5)).shape
    plait.Size([2, 4, 3, 3])
    """

    cls_to_become = Conv2d


class LazyConv3d(_LazyConv, Conv3d):
    """Conv3d whose `in_channels` is that of its first input.

    >>> plait.nn.LazyConv3d(4, 3)(plait.zeros(2, 3, 5, 5, 5)).shape
    plait.Size([2, 4, 3, 3, 3])
    """

    cls_to_become = Conv3d


class LazyConvTranspose1d(_LazyConv, ConvTranspose1d):
    """ConvTranspose1d whose `in_channels` is that of its first input.

    >>> plait.nn.LazyConvTranspose1d(4, 3)(plait.zeros(2, 3, 5)).shape
    plait.Size([2, 4, 7])
    """

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyConv, ConvTranspose2d):
    """ConvTranspose2d whose `in_channels` is that of its first input.

    >>> plait.nn.LazyConvTranspose2d(4, 3)(plait.zeros(2, 3, 5, 5)).shape
    plait.Size([2, 4, 7, 7])
    """

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(_LazyConv, ConvTranspose3d):
    """ConvTranspose3d whose `in_channels` is that of its first input.

    >>> plait.nn.LazyConvTranspose3d(4, 3)(plait.zeros(2, 3, 5, 5, 5)).shape
    plait.Size([2, 4, 7, 7, 7])
    """

    cls_to_become = ConvTranspose3d


class LazyBatchNorm1d(_LazyNorm, BatchNorm1d):
    """BatchNorm1d whose `num_features` is the number of channels of its first input."""

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(_LazyNorm, BatchNorm2d):
    """BatchNorm2d whose `num_features` is the number of channels of its first input."""

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(_LazyNorm, BatchNorm3d):
    """BatchNorm3d whose `num_features` is the number of channels of its first input."""

    cls_to_become = BatchNorm3d


class LazyInstanceNorm1d(_LazyNorm, InstanceNorm1d):
    """InstanceNorm1d whose `num_features` is the number of channels of its first input."""

    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(_LazyNorm, InstanceNorm2d):
    """InstanceNorm2d whose `num_features` is the number of channels of its first input."""

    cls_to_become = InstanceNorm2d


class LazyInstanceNorm3d(_LazyNorm, InstanceNorm3d):
    """InstanceNorm3d whose `num_features` is the number of channels of its first input."""

    cls_to_become = InstanceNorm3d
