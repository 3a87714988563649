"""The managers of gradient recording under the name of PyTorch's module."""

from __future__ import annotations

from contextlib import contextmanager

from .._grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["enable_grad", "inference_mode", "no_grad", "set_grad_enabled", "set_multithreading_enabled"]


@contextmanager
def set_multithreading_enabled(mode: bool) -> Iterator[None]:
    """A context manager that changes nothing: backward runs in the thread that calls it."""
    yield
