"""Memory of CUDA devices: how much there is, who has it, and giving back what is cached.

Freed memory stays with the process, to be handed out again without asking CUDA (which takes tens of
microseconds and may wait for the device). "Allocated" is what live tensors have; "reserved" is that and what
is cached.
"""

from __future__ import annotations

from .. import _C
from ._devices import index_of
from .streams import Stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_cuda = _C._cuda


def mem_get_info(device: Any = None) -> tuple[int, int]:
    """Free and total bytes of a device, as CUDA sees them: what is cached here is not free."""
    return _cuda.memory_info(index_of("mem_get_info", device))


def memory_stats(device: Any = None) -> dict[str, int]:
    """The allocator's statistics, with PyTorch's names: `"{what}.{pool}.{value}"`.

    what: `allocation`, `allocated_bytes` (live tensors); `active`, `active_bytes` (and memory that waits for
    another stream); `requested_bytes` (active, before rounding); `inactive_split`, `inactive_split_bytes`
    (free beside live blocks, so that it cannot be given back); `segment`, `reserved_bytes` (from CUDA). pool:
    `all`, `small_pool` (blocks up to 1 MiB), `large_pool`. value: `current`, `peak`, `allocated` and `freed`
    (sums since the start). And `num_alloc_retries` (allocations that had to empty the cache), `num_ooms`,
    `num_device_alloc`, `num_device_free`. Empty without a device.
    """
    return _cuda.memory_stats(index_of("memory_stats", device)) if _cuda.device_count() else {}


def memory_stats_as_nested_dict(device: Any = None) -> dict[str, Any]:
    """`memory_stats`, by what, pool and value."""
    nested: dict[str, Any] = {}
    for name, value in memory_stats(device).items():
        *path, last = name.split(".")
        at = nested
        for word in path:
            at = at.setdefault(word, {})
        at[last] = value
    return nested


def memory_allocated(device: Any = None) -> int:
    """Bytes in live tensors on a device."""
    return memory_stats(device).get("allocated_bytes.all.current", 0)


def max_memory_allocated(device: Any = None) -> int:
    """The most bytes that were in live tensors since the start, or `reset_peak_memory_stats`."""
    return memory_stats(device).get("allocated_bytes.all.peak", 0)


def memory_reserved(device: Any = None) -> int:
    """Bytes that the process has of a device: live tensors and the cache."""
    return memory_stats(device).get("reserved_bytes.all.current", 0)


def max_memory_reserved(device: Any = None) -> int:
    """The most bytes that the process had since the start, or `reset_peak_memory_stats`."""
    return memory_stats(device).get("reserved_bytes.all.peak", 0)


memory_cached, max_memory_cached = memory_reserved, max_memory_reserved


def reset_peak_memory_stats(device: Any = None) -> None:
    """Peaks begin again at what there is now."""
    if _cuda.device_count():
        _cuda.reset_peak_memory_stats(index_of("reset_peak_memory_stats", device))


reset_max_memory_allocated = reset_max_memory_cached = reset_peak_memory_stats


def reset_accumulated_memory_stats(device: Any = None) -> None:
    """Sums and counts begin again at 0."""
    if _cuda.device_count():
        _cuda.reset_accumulated_memory_stats(index_of("reset_accumulated_memory_stats", device))


def empty_cache() -> None:
    """Gives cached memory of all devices back to CUDA, for other processes and libraries. It makes no more
    memory available to plait, which empties the cache by itself before it raises OutOfMemoryError."""
    _cuda.empty_cache()


def memory_snapshot() -> list[dict[str, Any]]:
    """Every segment of the allocator, with its blocks: address, size, requested_size, state
    (`active_allocated`, `active_pending_free` or `inactive`), and for live blocks above 1 MiB the op, the
    shape and the line of the program that asked for it."""
    return _cuda.memory_snapshot() if _cuda.device_count() else []


def set_per_process_memory_fraction(fraction: float, device: Any = None) -> None:
    """Allows this process a part of a device's memory, 0 to 1; beyond it OutOfMemoryError is raised."""
    index = index_of("set_per_process_memory_fraction", device)
    _cuda.set_memory_fraction(index, float(fraction))


def get_per_process_memory_fraction(device: Any = None) -> float:
    """The part of a device's memory that this process may have."""
    return _cuda.memory_fraction(index_of("get_per_process_memory_fraction", device))


def host_memory_stats() -> dict[str, int]:
    """Page-locked host memory (`Tensor.pin_memory`): bytes in live tensors, their peak, cached bytes, and the
    numbers of allocations, in all and from CUDA."""
    return _cuda.pinned_memory_stats() if _cuda.device_count() else {}


def caching_allocator_alloc(size: int, device: Any = None, stream: Stream | int | None = None) -> int:
    """Memory for another library, from plait's cache: the address of `size` bytes, for use on a stream (the
    current one unless given; a Stream or its handle). To be given back by `caching_allocator_delete`."""
    index = index_of("caching_allocator_alloc", device)
    if stream is None:
        handle = _cuda.current_stream(index)
    else:
        handle = stream.cuda_stream if isinstance(stream, Stream) else int(stream)
    return _cuda.allocate_raw(size, index, handle)


def caching_allocator_delete(mem_ptr: int) -> None:
    """Gives back what `caching_allocator_alloc` gave. Raises ValueError for another address."""
    _cuda.free_raw(mem_ptr)


def _size_text(count: float, width: int = 8) -> str:
    for unit in ("B  ", "KiB", "MiB", "GiB", "TiB"):
        if abs(count) < 10240 or unit == "TiB":
            return f"{int(count):>{width - 1}} {unit}"
        count /= 1024
    raise AssertionError("unreachable")


def memory_summary(device: Any = None, abbreviated: bool = False) -> str:
    """The statistics as a table; `abbreviated` leaves the pools out."""
    stats = memory_stats(device)
    if not stats:
        return "there is no CUDA device"
    index = index_of("memory_summary", device)
    ooms, retries = stats["num_ooms"], stats["num_alloc_retries"]
    columns = ("current", "peak", "allocated", "freed")
    titles = ("Cur Usage", "Peak Usage", "Tot Alloc", "Tot Freed")
    rows = (
        ("Allocated memory", "allocated_bytes", True),
        ("Active memory", "active_bytes", True),
        ("Requested memory", "requested_bytes", True),
        ("GPU reserved memory", "reserved_bytes", True),
        ("Non-releasable memory", "inactive_split_bytes", True),
        ("Allocations", "allocation", False),
        ("Active allocs", "active", False),
        ("GPU reserved segments", "segment", False),
        ("Non-releasable allocs", "inactive_split", False),
    )
    rule = "|" + "=" * 79 + "|"
    lines = [
        rule,
        f"|{f'plait CUDA memory summary, device ID {index}':^79}|",
        f"|{'-' * 79}|",
        f"|{f'CUDA OOMs: {ooms}':^39}|{f'cudaMalloc retries: {retries}':^39}|",
        rule,
        f"|{'Metric':^23}|" + "|".join(f"{title:^13}" for title in titles) + "|",
    ]
    pools = ("all",) if abbreviated else ("all", "large_pool", "small_pool")
    names = {"all": "", "large_pool": "      from large pool", "small_pool": "      from small pool"}
    for title, what, is_bytes in rows:
        lines.append(f"|{'-' * 79}|")
        for pool in pools:
            values = [stats[f"{what}.{pool}.{column}"] for column in columns]
            texts = [_size_text(v) if is_bytes else f"{v:>8}   " for v in values]
            lines.append(f"|{names[pool] or ' ' + title:<23}|" + "|".join(f" {t:^11} " for t in texts) + "|")
    return "\n".join([*lines, rule, ""])
