"""The layout of tensors: all of plait's are strided."""

from __future__ import annotations


class layout:
    """The kind of a tensor's memory layout."""

    def __repr__(self):
        return "plait.strided"


strided = layout()
