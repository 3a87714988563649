"""Which devices there are, and which one is current."""

from __future__ import annotations

from .. import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_cuda = _C._cuda


def index_of(who: str, device: Any) -> int:
    """The index of a CUDA device given as an index, a string, a `plait.device`, or None for the current one.
    Raises ValueError for a device of another kind."""
    if device is None:
        return _cuda.current_device()
    if isinstance(device, int) and not isinstance(device, bool):
        if device < 0:
            raise ValueError(f"cuda.{who}: expected the index of a device, got {device}")
        return device
    given = device if isinstance(device, _C.device) else _C.device(device)
    if given.type != "cuda":
        raise ValueError(f"cuda.{who}: expected a CUDA device, got '{given}'")
    return _cuda.current_device() if given.index is None else given.index


def why_unavailable() -> str:
    """Why there is no CUDA device, and what can be done; empty where there is one."""
    return _cuda.reason()


def is_available() -> bool:
    """Can tensors be put on a CUDA device? The first call loads the CUDA library.

    >>> plait.cuda.is_available() == (plait.cuda.device_count() > 0)
    True
    """
    return _cuda.device_count() > 0


def device_count() -> int:
    """The number of CUDA devices; 0 without any."""
    return _cuda.device_count()


def init() -> None:
    """Loads the CUDA library now; otherwise the first use does. Raises RuntimeError where there is no
    device."""
    _cuda.current_device()


def is_initialized() -> bool:
    """Is there a CUDA device that can be used? (The library is loaded by asking.)"""
    return is_available()


def current_device() -> int:
    """The index of the calling thread's current device. Raises RuntimeError where there is none."""
    return _cuda.current_device()


def set_device(device: Any) -> None:
    """Makes a device the current one of the calling thread; `with plait.cuda.device(i)` does it for a while.

    A negative index changes nothing. Raises RuntimeError where there is no such device.
    """
    if isinstance(device, int) and device < 0:
        return
    _cuda.set_device(index_of("set_device", device))


class device:
    """The current device for the length of a `with`; a negative index or None changes nothing.

    ```python
    with plait.cuda.device(1):
        x = plait.zeros(3, device="cuda")  # on cuda:1
    ```
    """

    def __init__(self, device: Any):
        negative = isinstance(device, int) and device < 0
        self.idx = -1 if device is None or negative else index_of("device", device)
        self.prev_idx = -1

    def __enter__(self) -> device:
        if self.idx >= 0:
            self.prev_idx = _cuda.current_device()
            if self.prev_idx != self.idx:
                _cuda.set_device(self.idx)
        return self

    def __exit__(self, *error: object) -> None:
        if self.idx >= 0 and self.prev_idx != self.idx:
            _cuda.set_device(self.prev_idx)


class device_of(device):
    """The device of a tensor for the length of a `with`; a tensor on the CPU changes nothing."""

    def __init__(self, obj: Any):
        super().__init__(obj.get_device() if getattr(obj, "is_cuda", False) else -1)


def get_device_properties(device: Any = None) -> Any:
    """What there is to know of a device: name, major and minor (its compute capability), total_memory
    (bytes), multi_processor_count, L2_cache_size, shared_memory_per_block, and more."""
    return _cuda.properties(index_of("get_device_properties", device))


def get_device_name(device: Any = None) -> str:
    """The name of a device."""
    return get_device_properties(device).name


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """The compute capability of a device: (9, 0) for Hopper."""
    properties = get_device_properties(device)
    return properties.major, properties.minor


def can_device_access_peer(device: Any, peer_device: Any) -> bool:
    """Can a device read the memory of another one by itself?"""
    who = "can_device_access_peer"
    return _cuda.can_access_peer(index_of(who, device), index_of(who, peer_device))


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Does the current device compute in bfloat16? Older ones than Ampere do it by way of float32, which
    counts unless `including_emulation` is False. False without a device."""
    return is_available() and (including_emulation or get_device_capability()[0] >= 8)


def is_tf32_supported() -> bool:
    """Has the current device tensor cores for TF32? False without a device."""
    return is_available() and get_device_capability()[0] >= 8


def synchronize(device: Any = None) -> None:
    """Waits for all streams of a device (the current one unless given), and raises what kernels reported."""
    _cuda.synchronize(index_of("synchronize", device))


def ipc_collect() -> None:
    """Frees memory that was shared with other processes: plait shares none, so there is nothing to free."""
