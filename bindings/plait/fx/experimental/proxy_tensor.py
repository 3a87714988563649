"""The mode in which PyTorch traces tensors, which plait has not."""

from __future__ import annotations

from ..._missing import placeholders

__all__ = ["get_proxy_mode"]


def get_proxy_mode() -> None:
    """The mode that is tracing: none, ever."""


__getattr__ = placeholders(__name__, ("ProxyTorchDispatchMode", "make_fx"), "plait records no graphs")
