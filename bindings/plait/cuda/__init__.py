"""CUDA devices: which there are, which one is current, their streams, memory, graphs and random numbers.

The CUDA library is loaded when it is first asked for. Where there is none, or no device, `is_available()`
says no, `why_unavailable()` says why, and asking for a device raises RuntimeError.

A thread has a current device (0 at first) and, for each device, a current stream, where its kernels go. They
run behind the back of the program: what waits for them is a copy to the host (`.cpu()`, `.item()`, printing),
`synchronize()`, a stream's or an event's. There, too, an index that was out of range raises its IndexError.
"""

from __future__ import annotations

from .. import _C
from .._C import OutOfMemoryError
from ._devices import (
    can_device_access_peer,
    current_device,
    device,
    device_count,
    device_of,
    get_device_capability,
    get_device_name,
    get_device_properties,
    init,
    ipc_collect,
    is_available,
    is_bf16_supported,
    is_initialized,
    is_tf32_supported,
    set_device,
    synchronize,
    why_unavailable,
)
from .graphs import (
    CUDAGraph,
    graph,
    graph_pool_handle,
    is_current_stream_capturing,
    make_graphed_callables,
)
from .memory import (
    caching_allocator_alloc,
    caching_allocator_delete,
    empty_cache,
    get_per_process_memory_fraction,
    host_memory_stats,
    max_memory_allocated,
    max_memory_cached,
    max_memory_reserved,
    mem_get_info,
    memory_allocated,
    memory_cached,
    memory_reserved,
    memory_snapshot,
    memory_stats,
    memory_summary,
    reset_accumulated_memory_stats,
    reset_max_memory_allocated,
    reset_max_memory_cached,
    reset_peak_memory_stats,
    set_per_process_memory_fraction,
)
from .random import (
    get_rng_state,
    get_rng_state_all,
    initial_seed,
    manual_seed,
    manual_seed_all,
    seed,
    seed_all,
    set_rng_state,
    set_rng_state_all,
)
from .streams import (
    Event,
    ExternalStream,
    Stream,
    StreamContext,
    current_stream,
    default_stream,
    set_stream,
    stream,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_CudaDeviceProperties = _C._cuda._CudaDeviceProperties

__all__ = [
    "CUDAGraph",
    "Event",
    "ExternalStream",
    "OutOfMemoryError",
    "Stream",
    "StreamContext",
    "caching_allocator_alloc",
    "caching_allocator_delete",
    "can_device_access_peer",
    "current_device",
    "current_stream",
    "default_stream",
    "device",
    "device_count",
    "device_of",
    "empty_cache",
    "get_device_capability",
    "get_device_name",
    "get_device_properties",
    "get_per_process_memory_fraction",
    "get_rng_state",
    "get_rng_state_all",
    "graph",
    "graph_pool_handle",
    "host_memory_stats",
    "init",
    "initial_seed",
    "ipc_collect",
    "is_available",
    "is_bf16_supported",
    "is_current_stream_capturing",
    "is_initialized",
    "is_tf32_supported",
    "make_graphed_callables",
    "manual_seed",
    "manual_seed_all",
    "max_memory_allocated",
    "max_memory_cached",
    "max_memory_reserved",
    "mem_get_info",
    "memory_allocated",
    "memory_cached",
    "memory_reserved",
    "memory_snapshot",
    "memory_stats",
    "memory_summary",
    "reset_accumulated_memory_stats",
    "reset_max_memory_allocated",
    "reset_max_memory_cached",
    "reset_peak_memory_stats",
    "seed",
    "seed_all",
    "set_device",
    "set_per_process_memory_fraction",
    "set_rng_state",
    "set_rng_state_all",
    "set_stream",
    "stream",
    "synchronize",
    "why_unavailable",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in ("amp", "comm", "nccl", "nvtx"):
        return import_module(f"{__name__}.{name}")
    if name == "compile_kernel":
        return import_module(f"{__name__}._nvrtc").compile_kernel
    from .._legacy_tensors import _DTYPES, constructor

    if name in _DTYPES:
        return constructor(name, "cuda")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'; see dir(plait.cuda)")


def __dir__() -> list[str]:
    return sorted({*globals(), "amp", "comm", "compile_kernel", "nccl", "nvtx"})
