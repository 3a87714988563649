"""Switches of CUDA's libraries: `matmul.allow_tf32`, and the kinds of attention. Without CUDA, no effect."""

from __future__ import annotations

from ._flags import changed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractContextManager


class _Matmul:
    """Switches of matrix products."""

    allow_tf32 = False
    allow_fp16_reduced_precision_reduction = True
    allow_bf16_reduced_precision_reduction = True
    allow_fp16_accumulation = False
    fp32_precision = "none"


matmul = _Matmul()
_attention = {"flash": True, "mem_efficient": True, "math": True, "cudnn": True}


def is_built() -> bool:
    """Has this build a CUDA library?"""
    return False


def flash_sdp_enabled() -> bool:
    """May attention use flash kernels?"""
    return _attention["flash"]


def enable_flash_sdp(enabled: bool) -> None:
    """Whether attention may use flash kernels."""
    _attention["flash"] = enabled


def mem_efficient_sdp_enabled() -> bool:
    """May attention use memory-efficient kernels?"""
    return _attention["mem_efficient"]


def enable_mem_efficient_sdp(enabled: bool) -> None:
    """Whether attention may use memory-efficient kernels."""
    _attention["mem_efficient"] = enabled


def math_sdp_enabled() -> bool:
    """May attention be computed by its formula?"""
    return _attention["math"]


def enable_math_sdp(enabled: bool) -> None:
    """Whether attention may be computed by its formula."""
    _attention["math"] = enabled


def cudnn_sdp_enabled() -> bool:
    """May attention use cuDNN?"""
    return _attention["cudnn"]


def enable_cudnn_sdp(enabled: bool) -> None:
    """Whether attention may use cuDNN."""
    _attention["cudnn"] = enabled


def sdp_kernel(
    enable_flash: bool = True,
    enable_math: bool = True,
    enable_mem_efficient: bool = True,
    enable_cudnn: bool = True,
) -> AbstractContextManager[None]:
    """The kinds of attention for the length of a `with`; the former form of nn.attention.sdpa_kernel."""
    kinds = {"flash": enable_flash, "math": enable_math}
    return changed(_attention, **kinds, mem_efficient=enable_mem_efficient, cudnn=enable_cudnn)
