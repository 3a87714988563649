"""What libraries ask about PyTorch's tensors that take part in its dispatcher: plait has none."""

from __future__ import annotations

from .._missing import placeholders

__all__ = ["is_traceable_wrapper_subclass"]


def is_traceable_wrapper_subclass(t: object) -> bool:
    """Does the object wrap tensors that a compiler may look into? Never.

    >>> is_traceable_wrapper_subclass(plait.ones(2))
    False
    """
    return False


__getattr__ = placeholders(
    __name__,
    ("TorchDispatchMode", "return_and_correct_aliasing"),
    "plait.overrides.TorchFunctionMode sees every call of a public function",
)
