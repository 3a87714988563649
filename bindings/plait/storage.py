"""UntypedStorage: the bytes behind tensors."""

from __future__ import annotations

from . import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from typing import Any

    from ._C import Tensor

__all__ = ["UntypedStorage"]


class UntypedStorage:
    """The bytes that tensors are views of: `UntypedStorage(n)` makes n of them, `x.untyped_storage()` gives
    those of a tensor. A slice is another view of the same bytes, not a copy.

    >>> s = plait.tensor([1, 2], dtype=plait.int16).untyped_storage()
    >>> s.nbytes(), s.tolist(), s[2:].tolist()
    (4, [1, 0, 2, 0], [2, 0])
    >>> plait.asarray(s[2:], dtype=plait.uint8).view(plait.int16)
    tensor([2], dtype=plait.int16)
    """

    def __init__(self, size: Tensor | int = 0, *, device: Any = None):
        if isinstance(size, _C.Tensor):
            self._tensor = size.detach()
        else:
            self._tensor = _C.ops["empty"]((size,), dtype=_C.uint8, device=device)

    @classmethod
    def from_file(
        cls, filename: str | os.PathLike[str], shared: bool = False, nbytes: int = 0
    ) -> UntypedStorage:
        """The first `nbytes` bytes of a file (0: all of it), mapped: read when they are touched. What is
        written goes to the file where `shared`, and to this process alone otherwise.

        Raises OSError where the file cannot be opened, ValueError where it is shorter than `nbytes`.
        """
        import mmap
        import os

        with open(filename, "r+b" if shared else "rb") as file:
            there = os.fstat(file.fileno()).st_size
            if shared and there < nbytes:
                file.truncate(nbytes)
            elif there < nbytes:
                raise ValueError(
                    f"UntypedStorage.from_file: {filename!r} has {there} bytes, {nbytes} were asked for; "
                    "shared=True makes a file longer"
                )
            size = nbytes or there
            if size == 0:
                return cls(0)
            access = mmap.ACCESS_WRITE if shared else mmap.ACCESS_COPY
            return cls(_C._storage_from_buffer(mmap.mmap(file.fileno(), size, access=access)))

    def _bytes(self) -> Tensor:
        return _C._tensor_on_storage(self._tensor, _C.uint8, [self.nbytes()], [1], 0)

    def data_ptr(self) -> int:
        """The address of the first byte."""
        _C._let_out(self._tensor)
        return _C._storage_info(self._tensor)[0]

    def nbytes(self) -> int:
        """The number of bytes."""
        return _C._storage_info(self._tensor)[1]

    def size(self) -> int:
        """The number of bytes."""
        return self.nbytes()

    def __len__(self) -> int:
        return self.nbytes()

    def element_size(self) -> int:
        """1."""
        return 1

    def untyped(self) -> UntypedStorage:
        """This storage."""
        return self

    def tolist(self) -> list[int]:
        """The bytes, as numbers."""
        return self._bytes().tolist()

    def __iter__(self) -> Iterator[int]:
        return iter(self.tolist())

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            if index.step not in (None, 1):
                raise ValueError(f"UntypedStorage: a slice has no step, got {index.step}")
            return _Part(self._bytes()[index])
        return self._bytes()[index].item()

    def __setitem__(self, index: Any, value: Any) -> None:
        self._bytes()[index] = value

    def clone(self) -> UntypedStorage:
        """A copy."""
        return UntypedStorage(self._bytes().clone())

    def cpu(self) -> UntypedStorage:
        """This storage, or a copy of it on the CPU."""
        return self if self._tensor.is_cpu else UntypedStorage(self._bytes().cpu())

    def is_shared(self) -> bool:
        """False: no storage is shared between processes."""
        return False

    @property
    def device(self) -> _C.device:
        """Where the bytes are."""
        return self._tensor.device

    @property
    def is_cuda(self) -> bool:
        """Are they on a GPU?"""
        return self._tensor.is_cuda

    @property
    def _cdata(self) -> int:
        return _C._storage_info(self._tensor)[3]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UntypedStorage) and (self._cdata, len(self)) == (other._cdata, len(other))

    def __hash__(self) -> int:
        return hash(self._cdata)


class _Part(UntypedStorage):
    """A slice of a storage."""

    def _bytes(self) -> Tensor:
        return self._tensor

    def data_ptr(self) -> int:
        return self._tensor.data_ptr()

    def nbytes(self) -> int:
        return self._tensor.numel()
