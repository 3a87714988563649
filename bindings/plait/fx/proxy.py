"""What stands for values in graphs of programs, which plait does not record: see plait.fx."""

from .._missing import placeholders

__getattr__ = placeholders(
    __name__, ("Attribute", "GraphAppendingTracer", "Proxy", "TracerBase"), "plait records no graphs"
)
