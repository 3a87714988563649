"""UntypedStorage: the bytes behind tensors. TypedStorage: the same, seen as numbers."""

from __future__ import annotations

from . import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from typing import Any

    from ._C import Tensor

__all__ = ["TypedStorage", "UntypedStorage", "from_file"]


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

    def _contents(self) -> Tensor:
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
        return self._contents().tolist()

    def __iter__(self) -> Iterator[int]:
        return iter(self.tolist())

    def __repr__(self) -> str:
        return f"UntypedStorage(nbytes={self.nbytes()}, device='{self.device}')"

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            if index.step not in (None, 1):
                raise ValueError(f"UntypedStorage: a slice has no step, got {index.step}")
            return _Part(self._contents()[index])
        return self._contents()[index].item()

    def __setitem__(self, index: Any, value: Any) -> None:
        self._contents()[index] = value

    def clone(self) -> UntypedStorage:
        """A copy."""
        return UntypedStorage(self._contents().clone())

    def cpu(self) -> UntypedStorage:
        """This storage, or a copy of it on the CPU."""
        return self if self._tensor.is_cpu else UntypedStorage(self._contents().cpu())

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

    def _contents(self) -> Tensor:
        return self._tensor

    def data_ptr(self) -> int:
        return self._tensor.data_ptr()

    def nbytes(self) -> int:
        return self._tensor.numel()


class TypedStorage:
    """The memory behind a tensor as numbers of its dtype: what `x.storage()` gives. PyTorch has
    deprecated it; `x.untyped_storage()` gives the bytes.

    >>> x = plait.arange(6.0).view(2, 3)
    >>> s = x[1].storage()
    >>> len(s), s[5], s.data_ptr() == x.data_ptr()
    (6, 5.0, True)
    """

    def __init__(self, *, wrap_storage: UntypedStorage, dtype: _C.dtype):
        self._untyped_storage = wrap_storage
        self.dtype = dtype

    def _contents(self) -> Tensor:
        holder = self._untyped_storage._tensor
        return _C._tensor_on_storage(holder, self.dtype, [len(self)], [1], 0)

    def untyped(self) -> UntypedStorage:
        """The bytes."""
        return self._untyped_storage

    def data_ptr(self) -> int:
        """The address of the first byte."""
        return self._untyped_storage.data_ptr()

    def nbytes(self) -> int:
        """The number of bytes."""
        return self._untyped_storage.nbytes()

    def element_size(self) -> int:
        """Bytes for each number."""
        return self.dtype.itemsize

    def size(self) -> int:
        """How many numbers."""
        return self.nbytes() // self.dtype.itemsize

    def __len__(self) -> int:
        return self.size()

    def tolist(self) -> list:
        """The numbers."""
        return self._contents().tolist()

    def __iter__(self) -> Iterator:
        return iter(self.tolist())

    def __getitem__(self, index: int) -> Any:
        if isinstance(index, slice):
            raise TypeError("TypedStorage: only .untyped() has slices, .untyped()[start:stop], of bytes")
        return self._contents()[index].item()

    def __setitem__(self, index: Any, value: Any) -> None:
        self._contents()[index] = value

    def fill_(self, value: Any) -> TypedStorage:
        """Fills it, and returns itself."""
        self._contents().fill_(value)
        return self

    def clone(self) -> TypedStorage:
        """A copy."""
        return TypedStorage(wrap_storage=self._untyped_storage.clone(), dtype=self.dtype)

    def cpu(self) -> TypedStorage:
        """This storage, or a copy of it on the CPU."""
        return TypedStorage(wrap_storage=self._untyped_storage.cpu(), dtype=self.dtype)

    def is_shared(self) -> bool:
        """False: no storage is shared between processes."""
        return False

    @property
    def device(self) -> _C.device:
        """Where the numbers are."""
        return self._untyped_storage.device

    @property
    def is_cuda(self) -> bool:
        """Are they on a GPU?"""
        return self._untyped_storage.is_cuda

    @property
    def _cdata(self) -> int:
        return self._untyped_storage._cdata

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, TypedStorage)
            and self.dtype is other.dtype
            and self._untyped_storage == other._untyped_storage
        )

    def __hash__(self) -> int:
        return hash(self._cdata)

    def __repr__(self) -> str:
        return f"TypedStorage(dtype={self.dtype}, size={len(self)}, device='{self.device}')"


def from_file(
    filename: str | os.PathLike[str],
    shared: bool | None = None,
    size: int = 0,
    *,
    dtype: _C.dtype | None = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """A CPU tensor of `size` elements that lie in a file, which is mapped, not read: see
    `plait.UntypedStorage.from_file`. With `shared` writes go to the file, which is made if need be.

    >>> import tempfile, os
    >>> name = os.path.join(tempfile.mkdtemp(), "numbers")
    >>> plait.from_file(name, shared=True, size=2, dtype=plait.int16).fill_(7)
    tensor([7, 7], dtype=plait.int16)
    >>> plait.from_file(name, size=2, dtype=plait.int16)
    tensor([7, 7], dtype=plait.int16)
    """
    import os

    if device is not None and _C.device(device).type != "cpu":
        raise _C.ArgumentError(f"from_file: files are mapped to the CPU's memory, got device {device}")
    if size < 0:
        raise _C.ArgumentError(f"from_file: expected size of 0 or more, got {size}")
    dtype = dtype or _C.get_default_dtype()
    if shared and not os.path.exists(filename):
        open(filename, "wb").close()
    if size == 0:
        return _C.ops["empty"]((0,), dtype=dtype, requires_grad=requires_grad)
    flat = UntypedStorage.from_file(filename, bool(shared), size * dtype.itemsize)._contents()
    mapped = _C._tensor_on_storage(flat, dtype, [size], [1], 0)
    return (mapped.pin_memory() if pin_memory else mapped).requires_grad_(requires_grad)
