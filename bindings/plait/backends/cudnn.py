"""cuDNN, which computes convolutions, attention and recurrent layers on CUDA devices: `enabled`, `benchmark`,
`benchmark_limit`, `deterministic`, `allow_tf32`.

`benchmark`: try the algorithms of a convolution (at most `benchmark_limit`; 0: all) when it is first met, and
keep the fastest. `deterministic`: only those that give the same bits at each run. `allow_tf32`: float32
convolutions and recurrent layers by the tensor cores, with 10 bits of mantissa.

>>> plait.backends.cudnn.benchmark = True
>>> plait.backends.cudnn.benchmark
True
>>> plait.backends.cudnn.benchmark = False
"""

from __future__ import annotations

from .. import _C
from ._flags import add_properties, changed, switch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import Any

    enabled: bool
    benchmark: bool
    benchmark_limit: int
    deterministic: bool
    allow_tf32: bool

_cuda = _C._cuda

add_properties(
    __name__,
    enabled=switch("cudnn_enabled", "May cuDNN be used?"),
    benchmark=switch("cudnn_benchmark", "Try the algorithms, and keep the fastest?"),
    benchmark_limit=property(
        lambda self: _cuda.get_benchmark_limit(),
        lambda self, limit: _cuda.set_benchmark_limit(limit),
        doc="How many algorithms are tried; 0: all.",
    ),
    deterministic=switch("cudnn_deterministic", "Only algorithms that give the same bits at each run?"),
    allow_tf32=switch("allow_tf32_conv", "float32 convolutions and recurrent layers by TF32?"),
)


def is_available() -> bool:
    """Is there cuDNN, and a CUDA device for it?"""
    return version() is not None


def version() -> int | None:
    """The version of cuDNN, 91900 for 9.19.0; None where there is none."""
    found = _cuda.library_version("cudnn") if _cuda.device_count() else 0
    return found or None


def is_acceptable(tensor: Any) -> bool:
    """Could cuDNN compute with this tensor?"""
    return (
        tensor.is_cuda
        and tensor.dtype in (_C.float16, _C.bfloat16, _C.float32, _C.float64)
        and _cuda.get_switch("cudnn_enabled")
        and is_available()
    )


def set_flags(
    _enabled: bool | None = None,
    _benchmark: bool | None = None,
    _benchmark_limit: int | None = None,
    _deterministic: bool | None = None,
    _allow_tf32: bool | None = None,
) -> tuple[bool, bool, int, bool, bool]:
    """Sets what is not None; returns what was."""
    names = ("cudnn_enabled", "cudnn_benchmark", "cudnn_deterministic", "allow_tf32_conv")
    on, tried, exact, tf32 = (_cuda.get_switch(name) for name in names)
    limit = _cuda.get_benchmark_limit()
    for name, value in zip(names, (_enabled, _benchmark, _deterministic, _allow_tf32)):
        if value is not None:
            _cuda.set_switch(name, value)
    if _benchmark_limit is not None:
        _cuda.set_benchmark_limit(_benchmark_limit)
    return on, tried, limit, exact, tf32


def flags(
    enabled: bool = False,
    benchmark: bool = False,
    benchmark_limit: int = 10,
    deterministic: bool = False,
    allow_tf32: bool = True,
) -> AbstractContextManager[None]:
    """The switches for the length of a `with`."""
    return changed(
        __name__,
        enabled=enabled,
        benchmark=benchmark,
        benchmark_limit=benchmark_limit,
        deterministic=deterministic,
        allow_tf32=allow_tf32,
    )
