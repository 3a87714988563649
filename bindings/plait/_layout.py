"""The layout of tensors: all of plait's are strided. The others are there for programs that compare."""

from __future__ import annotations


class layout:
    """The kind of a tensor's memory layout.

    >>> plait.zeros(2).layout == plait.strided
    True
    """

    def __init__(self, name: str):
        self._name = name

    def __repr__(self):
        return f"plait.{self._name}"

    def __reduce__(self) -> str:
        return self._name


strided = layout("strided")
sparse_coo, sparse_csr, sparse_csc, sparse_bsr, sparse_bsc, jagged = map(
    layout, ("sparse_coo", "sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc", "jagged")
)
