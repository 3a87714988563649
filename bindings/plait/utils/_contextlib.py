"""Context managers that are decorators too, for libraries that make their own."""

from .._grad_mode import _Mode as _DecoratorContextManager

__all__ = ["_DecoratorContextManager"]
