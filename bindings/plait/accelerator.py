"""The device beside the CPU, whatever its kind: CUDA's where there is one."""

from __future__ import annotations

from . import _C, cuda

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "current_accelerator",
    "current_device_idx",
    "current_device_index",
    "current_stream",
    "device_count",
    "device_index",
    "empty_cache",
    "get_memory_info",
    "is_available",
    "max_memory_allocated",
    "max_memory_reserved",
    "memory_allocated",
    "memory_reserved",
    "memory_stats",
    "reset_accumulated_memory_stats",
    "reset_peak_memory_stats",
    "set_device_idx",
    "set_device_index",
    "set_stream",
    "synchronize",
]


def is_available() -> bool:
    """Is there an accelerator?

    >>> plait.accelerator.is_available() == (plait.accelerator.device_count() > 0)
    True
    """
    return cuda.is_available()


def current_accelerator(check_available: bool = False) -> _C.device | None:
    """The accelerator's device, without an index; None where there is none.

    >>> (plait.accelerator.current_accelerator() is None) == (not plait.accelerator.is_available())
    True
    """
    return _C.device("cuda") if cuda.is_available() else None


def device_count() -> int:
    """The number of accelerators."""
    return cuda.device_count()


def _needed(name: str) -> None:
    if not is_available():
        raise RuntimeError(f"accelerator.{name}: there is no accelerator; use device='cpu'")


def current_device_index() -> int:
    """The index of the current accelerator. Raises RuntimeError where there is none."""
    _needed("current_device_index")
    return cuda.current_device()


def set_device_index(device: Any) -> None:
    """Makes an accelerator the current one. Raises RuntimeError where there is none."""
    _needed("set_device_index")
    cuda.set_device(device)


current_device_idx, set_device_idx = current_device_index, set_device_index


def synchronize(device: Any = None) -> None:
    """Waits for an accelerator. Raises RuntimeError where there is none."""
    _needed("synchronize")
    cuda.synchronize(device)


def empty_cache() -> None:
    """Gives cached memory of the accelerator back."""
    cuda.empty_cache()


def current_stream(device: Any = None) -> cuda.Stream:
    """The calling thread's current stream of an accelerator. Raises RuntimeError where there is none."""
    _needed("current_stream")
    return cuda.current_stream(device)


def set_stream(stream: cuda.Stream) -> None:
    """Makes a stream the calling thread's current one, and its device the current accelerator."""
    _needed("set_stream")
    cuda.set_stream(stream)


class device_index:
    """The current accelerator for the length of a `with`; None changes nothing."""

    def __init__(self, device: int | None):
        self._guard = cuda.device(device)

    def __enter__(self) -> None:
        self._guard.__enter__()

    def __exit__(self, *error: object) -> None:
        self._guard.__exit__(*error)


def memory_stats(device_index: Any = None, /) -> dict[str, int]:
    """See plait.cuda.memory_stats."""
    return cuda.memory_stats(device_index)


def memory_allocated(device_index: Any = None, /) -> int:
    """Bytes in live tensors on an accelerator."""
    return cuda.memory_allocated(device_index)


def max_memory_allocated(device_index: Any = None, /) -> int:
    """The most bytes that were in live tensors."""
    return cuda.max_memory_allocated(device_index)


def memory_reserved(device_index: Any = None, /) -> int:
    """Bytes that the process has of an accelerator: live tensors and the cache."""
    return cuda.memory_reserved(device_index)


def max_memory_reserved(device_index: Any = None, /) -> int:
    """The most bytes that the process had."""
    return cuda.max_memory_reserved(device_index)


def reset_peak_memory_stats(device_index: Any = None, /) -> None:
    """Peaks begin again at what there is now."""
    cuda.reset_peak_memory_stats(device_index)


def reset_accumulated_memory_stats(device_index: Any = None, /) -> None:
    """Sums and counts begin again at 0."""
    cuda.reset_accumulated_memory_stats(device_index)


def get_memory_info(device_index: Any = None, /) -> tuple[int, int]:
    """Free and total bytes of an accelerator. Raises RuntimeError where there is none."""
    _needed("get_memory_info")
    return cuda.mem_get_info(device_index)
