"""CUDA devices. This build has no CUDA library: `is_available()` says no, and asking for a device raises a
clear error."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn


def is_available() -> bool:
    """Can tensors be put on a CUDA device?

    >>> plait.cuda.is_available()
    False
    """
    return False


def device_count() -> int:
    """The number of CUDA devices."""
    return 0


def is_bf16_supported() -> bool:
    """Does the current CUDA device compute in bfloat16?"""
    return False


def _refuse(name: str) -> NoReturn:
    raise RuntimeError(f"cuda.{name}: this build of plait has no CUDA library; use device='cpu'")


def current_device() -> int:
    """The index of the current CUDA device."""
    _refuse("current_device")


def set_device(device) -> None:
    """Makes a CUDA device the current one."""
    _refuse("set_device")


def synchronize(device=None) -> None:
    """Waits for a CUDA device."""
    _refuse("synchronize")


def empty_cache() -> None:
    """Gives cached memory of CUDA devices back: there is none."""


def manual_seed(seed: int) -> None:
    """Seeds the generator of the current CUDA device: there is none, so nothing happens, as in PyTorch."""


def manual_seed_all(seed: int) -> None:
    """Seeds the generators of all CUDA devices: there are none, so nothing happens, as in PyTorch."""


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "amp":
        return import_module(f"{__name__}.amp")
    if name == "compile_kernel":
        return import_module(f"{__name__}._nvrtc").compile_kernel
    from .._legacy_tensors import _DTYPES, constructor

    if name in _DTYPES:
        return constructor(name, "cuda")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'; see dir(plait.cuda)")
