"""How gradients travel: `ddp.register_comm_hook(None, bf16_compress_hook)` sends half as many bytes.

The state of a hook is the group to average over; None is the one of all processes.
"""

from __future__ import annotations

import plait

from .... import distributed as dist

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ....futures import Future

__all__ = [
    "allreduce_hook",
    "bf16_compress_hook",
    "bf16_compress_wrapper",
    "fp16_compress_hook",
    "fp16_compress_wrapper",
]


def _averaged(group: Any, tensor: plait.Tensor) -> Future:
    tensor.div_(dist.get_world_size(group))
    work = dist.all_reduce(tensor, group=group, async_op=True)
    assert work is not None
    return work.get_future().then(lambda future: future.value()[0])


def allreduce_hook(process_group: Any, bucket: Any) -> Future:
    """The average, as without a hook."""
    return _averaged(process_group, bucket.buffer())


def _compressed(group: Any, bucket: Any, dtype: Any) -> Future:
    buffer = bucket.buffer()
    return _averaged(group, buffer.to(dtype)).then(lambda future: buffer.copy_(future.value()))


def fp16_compress_hook(process_group: Any, bucket: Any) -> Future:
    """The average in float16."""
    return _compressed(process_group, bucket, plait.float16)


def bf16_compress_hook(process_group: Any, bucket: Any) -> Future:
    """The average in bfloat16."""
    return _compressed(process_group, bucket, plait.bfloat16)


def _wrapper(hook: Callable[[Any, Any], Future], dtype: Any) -> Callable[[Any, Any], Future]:
    def compressed(state: Any, bucket: Any) -> Future:
        buffer = bucket.buffer()
        bucket.set_buffer(buffer.to(dtype))

        def back(future: Future) -> plait.Tensor:
            value = future.value()
            return buffer.copy_(value[0] if isinstance(value, (list, tuple)) else value)

        return hook(state, bucket).then(back)

    return compressed


def fp16_compress_wrapper(hook: Callable[[Any, Any], Future]) -> Callable[[Any, Any], Future]:
    """The hook, given gradients in float16."""
    return _wrapper(hook, plait.float16)


def bf16_compress_wrapper(hook: Callable[[Any, Any], Future]) -> Callable[[Any, Any], Future]:
    """The hook, given gradients in bfloat16."""
    return _wrapper(hook, plait.bfloat16)
