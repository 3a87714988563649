"""DataParallel: what PyTorch spreads over the GPUs of a process, on the first of them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import plait
from plait import Tensor

from ...utils._pytree import tree_map
from ..modules.module import Module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any
else:
    Any = object  # as typing.get_type_hints needs it, without the milliseconds that typing takes

__all__ = ["DataParallel", "data_parallel"]


class DataParallel(Module):
    """Calls `module` with inputs moved to the device of its parameters, where that is a GPU.

    PyTorch splits the batch among `device_ids`; plait runs the whole of it on the first of them, with the
    same result, and warns where there are more.

    >>> m = plait.nn.DataParallel(plait.nn.Linear(2, 1))
    >>> m(plait.ones(3, 2)).shape
    plait.Size([3, 1])
    >>> sorted(m.state_dict())
    ['module.bias', 'module.weight']
    """

    def __init__(
        self,
        module: Module,
        device_ids: Sequence[Any] | None = None,
        output_device: Any = None,
        dim: int = 0,
    ):
        super().__init__()
        if device_ids is None:
            device_ids = list(range(plait.cuda.device_count())) if plait.cuda.is_available() else []
        self.module, self.dim = module, dim
        self.device_ids = [device_index(device) for device in device_ids]
        if len(self.device_ids) > 1:
            warnings.warn(
                f"DataParallel: the whole batch runs on the first of the devices {self.device_ids}; give "
                "device_ids=[...] of one",
                stacklevel=2,
            )
            self.device_ids = self.device_ids[:1]
        first = self.device_ids[0] if self.device_ids else None
        self.output_device = first if output_device is None else device_index(output_device)
        if first is not None:
            module.to(f"cuda:{first}")

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """Calls the module."""
        if not self.device_ids:
            return self.module(*inputs, **kwargs)
        inputs, kwargs = moved((inputs, kwargs), self.device_ids[0])
        output = self.module(*inputs, **kwargs)
        return output if self.output_device == self.device_ids[0] else moved(output, self.output_device)


def device_index(device: Any) -> int:
    """The number of a CUDA device."""
    if isinstance(device, int):
        return device
    device = plait.device(device)
    if device.type != "cuda":
        raise ValueError(f"DataParallel: expected CUDA devices, got {device}")
    return 0 if device.index is None else device.index


def moved(tree: Any, index: Any) -> Any:
    """The tensors of a structure, on the device of a number."""

    def move(t: Any) -> Any:
        return t.to(f"cuda:{index}", non_blocking=True) if isinstance(t, Tensor) else t

    return tree_map(move, tree)


def data_parallel(
    module: Module,
    inputs: Any,
    device_ids: Sequence[Any] | None = None,
    output_device: Any = None,
    dim: int = 0,
    module_kwargs: dict[str, Any] | None = None,
) -> Any:
    """DataParallel(module, ...)(*inputs, **module_kwargs)."""
    inputs = inputs if isinstance(inputs, tuple) else (inputs,)
    return DataParallel(module, device_ids, output_device, dim)(*inputs, **(module_kwargs or {}))
