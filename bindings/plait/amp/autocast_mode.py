"""autocast: regions that compute in a lower precision."""

from __future__ import annotations

import functools
import warnings

import plait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = [
    "autocast",
    "custom_bwd",
    "custom_fwd",
    "get_autocast_dtype",
    "is_autocast_available",
    "is_autocast_enabled",
]

_DTYPES = {"cpu": plait.bfloat16, "cuda": plait.float16}


def _known(who: str, device_type: str) -> str:
    if not isinstance(device_type, str):
        raise ValueError(f"{who}: expected device_type as a str, got {type(device_type).__name__}")
    if device_type not in _DTYPES:
        raise RuntimeError(f"{who}: expected device_type 'cpu' or 'cuda', got '{device_type}'")
    return device_type


def is_autocast_available(device_type: str) -> bool:
    """Can an autocast region be active on this type of device? Not yet on any."""
    _known("is_autocast_available", device_type)
    return False


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """Are we in an active autocast region?

    >>> plait.is_autocast_enabled()
    False
    """
    if device_type is not None:
        _known("is_autocast_enabled", device_type)
    return False


def get_autocast_dtype(device_type: str) -> plait.dtype:
    """The dtype in which an autocast region of this type of device would compute.

    >>> plait.get_autocast_dtype("cpu")
    plait.bfloat16
    """
    return _DTYPES[_known("get_autocast_dtype", device_type)]


class autocast:
    """A region, or a function as a decorator, in which ops choose a lower precision.

    plait has no autocast layer yet. A disabled region does nothing; one for 'cuda' without CUDA warns and is
    disabled, as in PyTorch; an enabled one for the CPU raises NotImplementedError.

    >>> with plait.autocast("cpu", enabled=False):
    ...     (plait.ones(2, 2) @ plait.ones(2, 2)).dtype
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
        self.fast_dtype = get_autocast_dtype(device_type) if dtype is None else dtype
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
        if enabled:
            raise NotImplementedError(
                f"autocast: there is no autocast layer for '{device_type}' yet; compute in one dtype with "
                f"model.to({self.fast_dtype}), or pass enabled=False"
            )
        self._enabled = enabled
        self._cache_enabled = bool(cache_enabled)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return False

    def __call__(self, function: Callable) -> Callable:
        """The function, called within the region."""

        @functools.wraps(function)
        def within(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return within


def custom_fwd(
    fwd: Callable | None = None, *, device_type: str = "cuda", cast_inputs: plait.dtype | None = None
) -> Callable:
    """Marks the forward of an autograd.Function for autocast regions. Outside of them, so always yet, it
    is called as it is."""
    _known("custom_fwd", device_type)
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)
    return fwd


def custom_bwd(bwd: Callable | None = None, *, device_type: str = "cuda") -> Callable:
    """Marks the backward of an autograd.Function for autocast regions; see custom_fwd."""
    _known("custom_bwd", device_type)
    return functools.partial(custom_bwd, device_type=device_type) if bwd is None else bwd
