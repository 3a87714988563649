"""Members of modules by name, for libraries that put other tensors in their places."""

from __future__ import annotations

from plait import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..modules.module import Module

__all__ = ["swap_tensor"]


def swap_tensor(
    module: Module, name: str, tensor: Tensor | None, allow_missing: bool = False
) -> Tensor | None:
    """Puts a tensor (None: nothing) in the place of the parameter, buffer or attribute `name` of the module,
    and returns what was there.

    >>> layer = plait.nn.Linear(1, 1)
    >>> own = swap_tensor(layer, "weight", plait.full((1, 1), 2.0))
    >>> layer.weight, own is swap_tensor(layer, "weight", own)
    (tensor([[2.]]), False)
    """
    for table in (module._parameters, module._buffers):
        if name in table:
            before = table[name]
            if tensor is None:
                del table[name]
            else:
                table[name] = tensor
            return before
    before = getattr(module, name, None)
    if before is None and not allow_missing and not hasattr(module, name):
        raise AttributeError(f"swap_tensor: {type(module).__name__} has no member '{name}'")
    if before is not None and not isinstance(before, Tensor):
        raise TypeError(f"swap_tensor: expected '{name}' to be a tensor, got {type(before).__name__}")
    if tensor is not None:
        setattr(module, name, tensor)
    elif hasattr(module, name):
        delattr(module, name)
    return before
