"""Switches of CUDA's kernels: `matmul.allow_tf32`, the kinds of attention, cuFFT's plans."""

from __future__ import annotations

import contextlib

from .. import _C
from ._flags import switch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_cuda = _C._cuda


class _Matmul:
    """Switches of matrix products. `allow_tf32`: float32 products by the tensor cores, with 10 bits of
    mantissa. `allow_..._reduced_precision_reduction`: partial sums of products of 16-bit floats may be
    rounded to 16 bits. `allow_fp16_accumulation`: products of float16 may be summed in float16.

    >>> plait.backends.cuda.matmul.allow_tf32
    False
    """

    allow_tf32 = switch("allow_tf32_matmul", "float32 products by TF32?")
    allow_fp16_reduced_precision_reduction = switch(
        "allow_fp16_reduced_precision", "Partial sums of float16 products in float16?"
    )
    allow_bf16_reduced_precision_reduction = switch(
        "allow_bf16_reduced_precision", "Partial sums of bfloat16 products in bfloat16?"
    )
    allow_fp16_accumulation = switch("allow_fp16_accumulation", "Sums of float16 products in float16?")

    @property
    def fp32_precision(self) -> str:
        """'tf32' where TF32 is allowed, else 'ieee'."""
        return "tf32" if _cuda.get_switch("allow_tf32_matmul") else "ieee"

    @fp32_precision.setter
    def fp32_precision(self, precision: str) -> None:
        if precision not in ("tf32", "ieee", "none"):
            raise ValueError(
                f"backends.cuda.matmul.fp32_precision: expected 'ieee', 'tf32' or 'none', got '{precision}'"
            )
        _cuda.set_switch("allow_tf32_matmul", precision == "tf32")


matmul = _Matmul()


class _PlanCache:
    """cuFFT's plans for the transforms that one device met (the current one, unless `[device]` says which).

    `size`: how many are kept; `max_size`: how many may be, which may be set; the one used longest ago goes
    first. `clear()` gives them back. A plan that a graph has captured is kept for the graph.

    Raises RuntimeError where there is no CUDA device.
    """

    __slots__ = ("_device",)

    def __init__(self, device: Any = None) -> None:
        self._device = device

    def __getitem__(self, device: Any) -> _PlanCache:
        return _PlanCache(device)

    def _index(self) -> int:
        from ..cuda._devices import index_of

        return index_of("cufft_plan_cache", self._device)

    @property
    def size(self) -> int:
        """The number of plans that are kept."""
        return _cuda.plan_cache_size("cufft", self._index())

    @property
    def max_size(self) -> int:
        """The number of plans that may be kept; 0: none."""
        return _cuda.plan_cache_max_size("cufft", self._index())

    @max_size.setter
    def max_size(self, size: int) -> None:
        if not isinstance(size, int) or size < 0:
            raise ValueError(f"cufft_plan_cache.max_size: expected a number of at least 0, got {size}")
        _cuda.set_plan_cache_max_size("cufft", self._index(), size)

    def clear(self) -> None:
        """Gives back all plans."""
        _cuda.clear_plan_cache("cufft", self._index())

    def __repr__(self) -> str:
        which = "" if self._device is None else f"[{self._device!r}]"
        return f"plait.backends.cuda.cufft_plan_cache{which}"


cufft_plan_cache = _PlanCache()


def is_built() -> bool:
    """Has this build a CUDA library? (Whether it finds a device is `plait.cuda.is_available()`.)"""
    import os

    folder = os.path.join(os.path.dirname(_C.__file__), "lib")
    return os.path.exists(os.path.join(folder, "libplait_cuda.so"))


def flash_sdp_enabled() -> bool:
    """May attention use flash kernels?"""
    return _cuda.get_switch("attention_flash")


def enable_flash_sdp(enabled: bool) -> None:
    """Whether attention may use flash kernels."""
    _cuda.set_switch("attention_flash", enabled)


def mem_efficient_sdp_enabled() -> bool:
    """May attention use memory-efficient kernels?"""
    return _cuda.get_switch("attention_mem_efficient")


def enable_mem_efficient_sdp(enabled: bool) -> None:
    """Whether attention may use memory-efficient kernels."""
    _cuda.set_switch("attention_mem_efficient", enabled)


def math_sdp_enabled() -> bool:
    """May attention be computed by its formula?"""
    return _cuda.get_switch("attention_math")


def enable_math_sdp(enabled: bool) -> None:
    """Whether attention may be computed by its formula."""
    _cuda.set_switch("attention_math", enabled)


def cudnn_sdp_enabled() -> bool:
    """May attention use cuDNN?"""
    return _cuda.get_switch("attention_cudnn")


def enable_cudnn_sdp(enabled: bool) -> None:
    """Whether attention may use cuDNN."""
    _cuda.set_switch("attention_cudnn", enabled)


@contextlib.contextmanager
def sdp_kernel(
    enable_flash: bool = True,
    enable_math: bool = True,
    enable_mem_efficient: bool = True,
    enable_cudnn: bool = True,
) -> Iterator[None]:
    """The kinds of attention for the length of a `with`; the former form of nn.attention.sdpa_kernel."""
    wanted = {
        "attention_flash": enable_flash,
        "attention_math": enable_math,
        "attention_mem_efficient": enable_mem_efficient,
        "attention_cudnn": enable_cudnn,
    }
    before = {name: _cuda.get_switch(name) for name in wanted}
    for name, on in wanted.items():
        _cuda.set_switch(name, on)
    try:
        yield
    finally:
        for name, on in before.items():
            _cuda.set_switch(name, on)
