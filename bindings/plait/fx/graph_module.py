"""Modules made of graphs of programs, which plait does not record: see plait.fx."""

from .._missing import placeholders

_USER_PRESERVED_ATTRIBUTES_KEY = "_user_preserved_attributes"

__getattr__ = placeholders(
    __name__, ("GraphModule", "_CodeOnlyModule", "_copy_attr"), "plait records no graphs"
)
