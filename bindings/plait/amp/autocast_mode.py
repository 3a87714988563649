"""autocast: regions in which each op computes in the precision that suits it."""

from __future__ import annotations

import copy
import functools
import warnings

import plait
from plait import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["autocast", "custom_bwd", "custom_fwd"]


def _known(who: str, device_type: str) -> str:
    if not isinstance(device_type, str):
        raise ValueError(f"{who}: expected device_type as a str, got {type(device_type).__name__}")
    if not _C.is_autocast_available(device_type):
        raise RuntimeError(f"{who}: expected device_type 'cpu' or 'cuda', got '{device_type}'")
    return device_type


class autocast:
    """A region, or a function as a decorator, in which ops on a type of device choose their precision.

    Matrix products, convolutions, attention and recurrent layers convert their arguments to `dtype`; losses
    and what else needs float32's range or digits convert theirs to float32; other ops run as they are.
    float64 tensors, integers and tensors on other devices are left alone, and so are in-place and out= forms.
    Parameters are converted once for the outermost region, and again after they were written to.

    device_type: 'cpu' or 'cuda'. dtype: bfloat16 or float16; get_autocast_dtype(device_type) where None,
    which is bfloat16 on the CPU and float16 on CUDA. enabled: False leaves autocast for the region.
    cache_enabled: are converted parameters kept? Pass False around the capture of a CUDA graph, which would
    go on to read the kept ones after the region.

    The state is the thread's. backward() computes in the dtypes that forward chose, within the region or
    after it. With float16, scale the loss (GradScaler).

    >>> model = plait.nn.Linear(4, 2)
    >>> with plait.autocast("cpu", dtype=plait.bfloat16):
    ...     output = model(plait.ones(3, 4))
    ...     loss = plait.nn.functional.mse_loss(output, plait.zeros(3, 2))
    >>> output.dtype, loss.dtype
    (plait.bfloat16, plait.float32)
    >>> loss.backward()
    >>> model.weight.grad.dtype
    plait.float32
    """

    def __init__(
        self,
        device_type: str,
        dtype: plait.dtype | None = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ):
        self.device = _known("autocast", device_type)
        self.fast_dtype = _C.get_autocast_dtype(device_type) if dtype is None else dtype
        self._cache_enabled = _C.is_autocast_cache_enabled() if cache_enabled is None else bool(cache_enabled)
        if enabled and device_type == "cuda" and not plait.cuda.is_available():
            warnings.warn(
                "autocast: device_type is 'cuda', but CUDA is not available. Disabling", stacklevel=2
            )
            enabled = False
        if enabled and self.fast_dtype not in (plait.bfloat16, plait.float16):
            warnings.warn(
                f"autocast: expected dtype bfloat16 or float16, got {self.fast_dtype}. Disabling",
                stacklevel=2,
            )
            enabled = False
        self._enabled = bool(enabled)
        self._before: list[Any] = []  # of the regions that this one was entered in; it may be so again

    def __enter__(self) -> autocast:
        self._before.append(
            _C._enter_autocast(self.device, self._enabled, self.fast_dtype, self._cache_enabled)
        )
        return self

    def __exit__(self, *exc: object) -> None:
        _C._leave_autocast(self._before.pop())

    def __call__(self, function: Callable) -> Callable:
        """The function, called within the region."""
        if not callable(function):
            raise TypeError(
                f"autocast: as a decorator it takes a function, got {type(function).__name__}; as a context "
                "manager: with plait.autocast(device_type): ..."
            )

        @functools.wraps(function)
        def within(*args: Any, **kwargs: Any) -> Any:
            region = copy.copy(self)  # the function may run in several threads
            region._before = []
            with region:
                return function(*args, **kwargs)

        return within


def _converted(value: Any, device_type: str, dtype: plait.dtype) -> Any:
    """Floating tensors on the device, but float64, in the dtype; in lists, tuples and dicts too."""
    if isinstance(value, plait.Tensor):
        takes = (
            value.is_floating_point()
            and value.device.type == device_type
            and value.dtype not in (plait.float64, dtype)
        )
        return value.to(dtype) if takes else value
    if isinstance(value, dict):
        return {key: _converted(item, device_type, dtype) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_converted(item, device_type, dtype) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return value


def custom_fwd(
    fwd: Callable | None = None, *, device_type: str = "cuda", cast_inputs: plait.dtype | None = None
) -> Callable:
    """Decorates the forward of an autograd.Function that is used in autocast regions.

    With `cast_inputs`, floating tensors among the arguments are converted to it and forward runs with
    autocast switched off; without, ops in forward choose their precision as around it. Outside of regions
    nothing changes.

    >>> class Product(plait.autograd.Function):
    ...     @staticmethod
    ...     @plait.amp.custom_fwd(device_type="cpu", cast_inputs=plait.float32)
    ...     def forward(ctx, a, b):
    ...         ctx.save_for_backward(a, b)
    ...         return a @ b
    ...     @staticmethod
    ...     @plait.amp.custom_bwd(device_type="cpu")
    ...     def backward(ctx, grad):
    ...         a, b = ctx.saved_tensors
    ...         return grad @ b.T, a.T @ grad
    >>> with plait.autocast("cpu"):
    ...     Product.apply(plait.ones(2, 2), plait.ones(2, 2)).dtype
    plait.float32
    """
    _known("custom_fwd", device_type)
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)
    function = fwd

    @functools.wraps(function)
    def forward(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        active = _C.is_autocast_enabled(device_type)
        ctx._autocast_dtype = _C.get_autocast_dtype(device_type)
        ctx._autocast_enabled = active and cast_inputs is None
        if cast_inputs is None or not active:
            return function(ctx, *args, **kwargs)
        with autocast(device_type, enabled=False):
            return function(
                ctx,
                *_converted(args, device_type, cast_inputs),
                **_converted(kwargs, device_type, cast_inputs),
            )

    return forward


def custom_bwd(bwd: Callable | None = None, *, device_type: str = "cuda") -> Callable:
    """Decorates the backward of an autograd.Function whose forward has custom_fwd: it runs with autocast as
    forward did."""
    _known("custom_bwd", device_type)
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)
    function = bwd

    @functools.wraps(function)
    def backward(ctx: Any, *grads: Any) -> Any:
        with autocast(device_type, ctx._autocast_dtype, ctx._autocast_enabled):
            return function(ctx, *grads)

    return backward
