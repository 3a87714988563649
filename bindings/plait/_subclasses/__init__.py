"""PyTorch's tensors without data; plait's are on the device "meta"."""

from . import fake_tensor

__all__ = ["fake_tensor"]


def __getattr__(name: str):
    return getattr(fake_tensor, name)
