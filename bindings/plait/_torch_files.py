"""Reads what `torch.save` wrote: its zip archives, and the files of the years before 1.6.

Note [PyTorch's files]
    A zip archive holds `<name>/data.pkl`, a pickle in which each storage is a persistent id
    ("storage", class, key, device, elements), and `<name>/data/<key>`, its bytes. An older file is a row of
    pickles: a magic number, a version, facts about the machine, the object, and the storages' keys; then for
    each key eight bytes of length, and the bytes. Tensors are calls of `torch._utils._rebuild_tensor_v2` and
    its like, for which this module has its own; nothing of PyTorch is imported.
"""

from __future__ import annotations

import plait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["LEGACY_START", "load_archive", "load_legacy"]

_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_START = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The first pickle of an older file: the magic number, in protocol 2."""

_STORAGES = {
    "BFloat16Storage": "bfloat16",
    "BoolStorage": "bool",
    "ByteStorage": "uint8",
    "CharStorage": "int8",
    "ComplexDoubleStorage": "complex128",
    "ComplexFloatStorage": "complex64",
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "IntStorage": "int32",
    "LongStorage": "int64",
    "ShortStorage": "int16",
    "UntypedStorage": "uint8",
}
_DTYPE_NAMES = {*_STORAGES.values(), "float8_e4m3fn", "float8_e5m2"}
_DTYPE_NAMES |= {"double", "float", "half", "int", "long", "short"}


class _StorageType:
    """What a pickle names by `torch.FloatStorage`: the dtype of its elements."""

    def __init__(self, name: str):
        self.name = name
        self.dtype = getattr(plait, _STORAGES[name])


class _Stored:
    """A storage of the file, as a tensor of bytes that the tensors share."""

    def __init__(self, flat: Any, dtype: Any):
        self.flat = flat
        self.dtype = dtype


def _tensor(
    storage: Any,
    offset: Any,
    size: Any,
    stride: Any,
    requires_grad: bool = False,
    backward_hooks: Any = None,
    metadata: Any = None,
    *,
    dtype: Any = None,
) -> Any:
    if not isinstance(storage, _Stored):
        raise RuntimeError(f"a tensor's storage is a {type(storage).__name__}")
    dtype = dtype or storage.dtype
    if storage.flat.is_meta:
        whole = plait.empty((storage.flat.numel() // dtype.itemsize,), dtype=dtype, device="meta")
        made = whole.as_strided(size, stride, offset)
    else:
        made = plait._C._tensor_on_storage(storage.flat, dtype, list(size), list(stride), int(offset))
    return made.requires_grad_() if requires_grad else made


def _tensor_v3(
    storage: Any,
    offset: Any,
    size: Any,
    stride: Any,
    requires_grad: bool,
    backward_hooks: Any,
    dtype: Any,
    metadata: Any = None,
) -> Any:
    return _tensor(storage, offset, size, stride, requires_grad, dtype=dtype)


def _parameter(data: Any, requires_grad: bool = True, backward_hooks: Any = None) -> Any:
    return plait.nn.Parameter(data.detach(), requires_grad=bool(requires_grad))


def _parameter_with_state(data: Any, requires_grad: bool, backward_hooks: Any, state: Any) -> Any:
    made = _parameter(data, requires_grad)
    vars(made).update(state if isinstance(state, dict) else {})
    return made


def _meta_tensor(dtype: Any, size: Any, stride: Any, requires_grad: bool) -> Any:
    from ._copies import empty_strided

    made = empty_strided(size, stride, dtype=dtype, device="meta")
    return made.requires_grad_() if requires_grad else made


def _of_type(function: Callable[..., Any], cls: Any, args: tuple, state: Any) -> Any:
    """A tensor with attributes, perhaps of a subclass."""
    made = function(*args)
    if not isinstance(made, plait.Tensor) or not (isinstance(cls, type) and issubclass(cls, plait.Tensor)):
        raise RuntimeError(f"a tensor's class is {cls!r}, and its data a {type(made).__name__}")
    if type(made) is not cls:
        made = made.as_subclass(cls)
    attributes, slots = state if isinstance(state, tuple) else (state, None)
    vars(made).update(attributes or {})
    for name, value in (slots or {}).items():
        setattr(made, name, value)
    return made


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "torch._tensor._rebuild_from_type_v2": _of_type,
    "torch._utils._rebuild_meta_tensor_no_storage": _meta_tensor,
    "torch.Tensor": plait.Tensor,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_v3,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter_with_state,
    "torch.nn.parameter.Parameter": _parameter,
    "torch.Size": lambda sizes=(): plait.Size(sizes),
    "torch.device": lambda *given: plait.device(*given),
    "torch.serialization._get_layout": lambda name: plait.strided,
    "_codecs.encode": lambda text, encoding="latin1": text.encode("latin1"),  # bytes, in protocol 2
}


def find(module: str, name: str) -> Any:
    """What a name of PyTorch means in a file that is data alone; None where it is no such name.

    >>> find("torch", "float32"), find("os", "system")
    (plait.float32, None)
    """
    if module in ("torch", "torch.storage", "torch.cuda") and name in _STORAGES:
        return _StorageType(name)
    if module == "torch" and name in _DTYPE_NAMES:
        return getattr(plait, name)
    return _FUNCTIONS.get(f"{module}.{name}")


class _Files:
    """Makes storages of persistent ids, each once; `read(key, bytes)` gives the bytes."""

    def __init__(self, reader: Any, read: Callable[[str, int], Any]):
        self.reader = reader
        self.read = read
        self.made: dict[str, Any] = {}

    def object(self, pid: Any) -> Any:
        if isinstance(pid, tuple) and len(pid) == 4 and pid[0] == "module":
            return pid[1]  # a class, and where its source stood
        if not (isinstance(pid, tuple) and len(pid) >= 5 and pid[0] in ("storage", b"storage")):
            raise self.reader.damaged(f"unknown reference {str(pid)[:100]}")
        _, kind, key, where, count = pid[:5]
        if not isinstance(kind, _StorageType) or not isinstance(count, int) or count < 0:
            raise self.reader.damaged(f"a storage of {getattr(kind, 'name', kind)!r} with {count!r} elements")
        key = str(key)
        if key not in self.made:
            content = self.read(key, count * kind.dtype.itemsize)
            place = self.reader.destination(content, str(where))
            empty = content.nbytes == 0
            if empty:
                flat = plait.empty(0, dtype=plait.uint8, device="cpu")
            else:
                flat = plait._C._storage_from_buffer(content, aligned=True)
            self.made[key] = flat if place == "cpu" else flat.to(place)
        return _Stored(self.made[key], kind.dtype)


def _big_endian(reader: Any) -> str:
    return f"plait.load: {reader.name} was written on a big-endian machine; save it on another"


def load_archive(reader: Any, root: str, unpickle: Callable[..., Any]) -> Any:
    """The object in a zip archive whose entries begin with `root`."""
    names = set(reader.archive.namelist())
    try:
        data = reader.archive.read(root + "data.pkl")
        order = reader.archive.read(root + "byteorder") if root + "byteorder" in names else b"little"
    except Exception as error:  # zipfile has no one error for what may be wrong with a file
        raise reader.damaged(str(error)) from error
    if order != b"little":
        raise RuntimeError(_big_endian(reader))
    if root + "constants.pkl" in names:
        raise RuntimeError(
            f"plait.load: {reader.name} is a TorchScript archive, a program; save its state_dict in "
            "PyTorch and load that"
        )
    files = _Files(reader, lambda key, nbytes: reader.entry(f"{root}data/{key}", f"storage {key}", nbytes))
    return unpickle(data, files)


def load_legacy(reader: Any, unpickle: Callable[..., Any]) -> Any:
    """The object in a file of the years before PyTorch 1.6."""
    import struct

    file = reader.file
    for expected in (_MAGIC, 1001, None):  # the magic number, the format, facts about the machine
        found = unpickle(file, None)
        if expected is not None and found != expected:
            raise reader.damaged(f"{expected} was expected at its beginning, not {found!r}")
    if isinstance(found, dict) and found.get("little_endian") is False:
        raise RuntimeError(_big_endian(reader))
    # The bytes follow the object: its storages are made first, and filled when it has been read.
    empty: dict[str, Any] = {}

    def reserve(key: str, nbytes: int) -> Any:
        empty[key] = plait._C._storage_bytes(plait.empty((nbytes,), dtype=plait.uint8, device="cpu"))
        return empty[key]

    files = _Files(reader, reserve)
    result = unpickle(file, files)
    moved = {}
    for key in map(str, unpickle(file, None)):
        content = empty.get(key)
        header = file.read(8)
        if content is None or len(header) != 8:
            raise reader.damaged(f"storage {key} is missing or cut off")
        count = struct.unpack("<q", header)[0]
        if count < 0 or (count and content.nbytes % count) or (content.nbytes and not count):
            raise reader.damaged(f"storage {key} has {count} elements in {content.nbytes} bytes")
        filled = 0
        while filled < content.nbytes:
            part = file.readinto(content[filled:])
            if not part:
                raise reader.damaged(f"storage {key} is cut off after {filled} of {content.nbytes} bytes")
            filled += part
        if files.made[key].device.type != "cpu":
            moved[key] = content
    for key, content in moved.items():
        files.made[key].copy_(plait._C._storage_from_buffer(content))
    return result
