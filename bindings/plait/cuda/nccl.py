"""NCCL, NVIDIA's library for communication between GPUs; `plait.distributed` is how programs use it."""

from __future__ import annotations

from .. import _C
from .._missing import placeholders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .. import Tensor

__all__ = ["is_available", "version"]


def version() -> tuple[int, int, int]:
    """The version that is loaded, (2, 28, 9); loads it. Raises RuntimeError where there is none."""
    code = _C._cuda.library_version("nccl") if _C._cuda.device_count() else 0
    if not code:
        raise RuntimeError(
            "cuda.nccl.version: there is no NCCL, or no GPU to use it with; try: pip install "
            "nvidia-nccl-cu13, and see plait.cuda.why_unavailable()"
        )
    if code < 10000:  # 2.8 and before
        return code // 1000, code // 100 % 10, code % 100
    return code // 10000, code // 100 % 100, code % 100


def is_available(tensors: Iterable[Tensor]) -> bool:
    """Could NCCL work on these tensors: contiguous ones, each on a GPU of its own?"""
    devices: set[int] = set()
    for t in tensors:
        if not t.is_cuda or not t.is_contiguous() or t.get_device() in devices:
            return False
        devices.add(t.get_device())
    return bool(_C._cuda.device_count() and _C._cuda.library_version("nccl"))


__getattr__ = placeholders(
    __name__,
    ("all_gather", "all_reduce", "broadcast", "init_rank", "reduce", "reduce_scatter", "unique_id"),
    "several GPUs of one process do not form a group; start a process for each GPU (python -m "
    "plait.distributed.run) and use plait.distributed",
)
