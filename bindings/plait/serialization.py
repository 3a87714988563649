"""save and load: any picklable object with tensors, in one file that is written whole or not at all.

Note [The file]
    A zip archive without compression. `plait/data.pkl` is a pickle in which each tensor is a persistent id
    (storage, dtype, sizes, strides, offset, ...); `plait/data/<n>` holds the raw little-endian bytes of
    storage n, so tensors that share a storage still share it after loading. The bytes start at multiples of
    64 in the file, so that they can be mapped into memory as they are (`load(..., mmap=True)`).
Note [What load trusts]
    A pickle is a program. By default (`weights_only=True`) it may only build containers, numbers, strings and
    tensors with their attributes; every other class or function is refused by name. Sizes and offsets are
    checked against the storage.
"""

from __future__ import annotations

import contextlib
from typing import Any

import plait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MAP_LOCATION = Any
"""The type of load's map_location: a device, its name, a dict of them or a function."""

__all__ = ["add_safe_globals", "clear_safe_globals", "get_safe_globals", "load", "safe_globals", "save"]

DEFAULT_PROTOCOL = 2
"""The pickle protocol that PyTorch writes by default; plait.save takes 5."""

_ROOT = "plait/"
_VERSION = "1"
_ALIGNMENT = 64

_DTYPES = (
    "bool",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "complex64",
    "complex128",
    "float8_e4m3fn",
    "float8_e5m2",
)

_SAFE = {
    "builtins": (
        "bool",
        "bytes",
        "complex",
        "dict",
        "float",
        "frozenset",
        "int",
        "list",
        "set",
        "slice",
        "str",
        "tuple",
    ),
    "collections": ("Counter", "OrderedDict", "defaultdict", "deque"),
    "plait.serialization": ("_restore_subclass", "_with_attributes"),
}
_user_safe: dict[str, Any] = {}


def add_safe_globals(safe_globals: Iterable[Any]) -> None:
    """Lets `load(weights_only=True)` use these classes and functions; only add what may be called with any
    argument. An entry may be a pair of the object and the full name that files have for it.
    """
    for entry in safe_globals:
        if isinstance(entry, tuple):
            obj, name = entry
        else:
            obj, name = entry, f"{entry.__module__}.{entry.__qualname__}"
        _user_safe[name] = obj


def get_safe_globals() -> list[Any]:
    """What `add_safe_globals` has added."""
    return list(_user_safe.values())


def clear_safe_globals() -> None:
    """Takes back what `add_safe_globals` has added."""
    _user_safe.clear()


class safe_globals:
    """A context in which `load(weights_only=True)` may use these classes and functions.

    >>> import datetime
    >>> with plait.serialization.safe_globals([datetime.date]):
    ...     plait.serialization.get_safe_globals()
    [<class 'datetime.date'>]
    >>> plait.serialization.get_safe_globals()
    []
    """

    def __init__(self, safe_globals: Iterable[Any]):
        self._objects = list(safe_globals)

    def __enter__(self) -> None:
        self._before = dict(_user_safe)
        add_safe_globals(self._objects)

    def __exit__(self, *_exc: object) -> None:
        _user_safe.clear()
        _user_safe.update(self._before)


def _dtype_name(dtype: Any) -> str:
    return str(dtype).rpartition(".")[2]


def _name(f: Any) -> str:
    import os

    if isinstance(f, (str, os.PathLike)):
        return repr(os.fspath(f))
    return repr(getattr(f, "name", type(f).__name__))


# ---- save


class _Storages:
    """The storages met while pickling, each once; keeps the tensors alive, so that addresses stay unique."""

    def __init__(self) -> None:
        self.tensors: list[Any] = []
        self.keys: dict[tuple, int] = {}
        self.indices: dict[int, int] = {}
        self.alive: list[Any] = []

    def describe(self, t: Any) -> tuple:
        """The persistent id of a tensor."""
        index = self.indices.get(id(t))
        if index is None:
            index = self.indices[id(t)] = len(self.alive)
            self.alive.append(t)
        kind = "parameter" if isinstance(t, plait.nn.Parameter) else "tensor"
        shape, stride = tuple(int(n) for n in t.shape), tuple(int(n) for n in t.stride())
        if t.is_meta:  # it has no data
            return (kind, index, 0, 0, _dtype_name(t.dtype), shape, stride, 0, "meta", bool(t.requires_grad))
        address, nbytes, *_ = plait._C._storage_info(t)
        # Storages without bytes may share the null address; they have nothing to share.
        key = (str(t.device), address, nbytes) if nbytes else ("empty", index, 0)
        number = self.keys.get(key)
        if number is None:
            number = self.keys[key] = len(self.tensors)
            self.tensors.append(t)
        place = (number, nbytes, _dtype_name(t.dtype), shape, stride, int(t.storage_offset()))
        return (kind, index, *place, str(t.device), bool(t.requires_grad))


def _bytes_of(t: Any) -> memoryview:
    """All bytes of a tensor's storage."""
    if t.device.type != "cpu":
        itemsize = t.element_size()
        t = t.detach().as_strided((t.untyped_storage().nbytes() // itemsize,), (1,), 0).cpu()
    return plait._C._storage_bytes(t)


def _with_attributes(t: Any, attributes: dict) -> Any:
    if not isinstance(t, plait.Tensor):
        raise RuntimeError(f"plait.load: the file is damaged: attributes for a {type(t).__name__}")
    t.__dict__.update(attributes)
    return t


def _restore_subclass(cls: type, base: Any, attributes: dict) -> Any:
    return _with_attributes(base.as_subclass(cls), attributes)


def _pickled(obj: Any, protocol: int) -> tuple[bytes, _Storages]:
    import io
    import pickle

    storages = _Storages()
    exact = (plait.Tensor, plait.nn.Parameter)
    described: set[int] = set()  # tensors whose attributes are written

    class Pickler(pickle.Pickler):
        def persistent_id(self, value: Any) -> tuple | None:
            kind = type(value)
            if kind in exact:
                return None if value.__dict__ and id(value) not in described else storages.describe(value)
            if kind is plait.dtype:
                return ("dtype", _dtype_name(value))
            if kind is plait.device:
                return ("device", str(value))
            if kind is plait.Size:
                return ("size", tuple(value))
            return None

        def reducer_override(self, value: Any) -> Any:
            if type(value) in exact:
                described.add(id(value))
                return _with_attributes, (value, dict(value.__dict__))
            if isinstance(value, plait.Tensor):
                base = value.detach().as_subclass(plait.Tensor).requires_grad_(value.requires_grad)
                return _restore_subclass, (type(value), base, dict(getattr(value, "__dict__", {})))
            return NotImplemented

    buffer = io.BytesIO()
    Pickler(buffer, protocol).dump(obj)
    return buffer.getvalue(), storages


def _write_archive(file: Any, data: bytes, storages: _Storages) -> None:
    import sys
    from zipfile import ZIP64_LIMIT, ZipFile, ZipInfo

    if sys.byteorder != "little":
        raise RuntimeError("plait.save: the format is little-endian and this machine is not")

    with ZipFile(file, "w") as archive:

        def write(name: str, content: Any, size: int) -> None:
            info = ZipInfo(_ROOT + name)  # a fixed date: equal objects make equal files
            info.file_size = size
            zip64 = size * 1.05 > ZIP64_LIMIT
            assert archive.fp is not None  # open while the archive is
            start = archive.fp.tell() + 30 + len(info.filename) + (20 if zip64 else 0)
            padding = -(start + 4) % _ALIGNMENT
            # An extra field of a private kind ("PT"), a header and zeros, moves the data to the boundary.
            info.extra = b"PT" + padding.to_bytes(2, "little") + bytes(padding)
            with archive.open(info, "w", force_zip64=zip64) as entry:
                entry.write(content)

        write("data.pkl", data, len(data))
        write("version", _VERSION.encode(), len(_VERSION))
        write("byteorder", b"little", 6)
        for number, t in enumerate(storages.tensors):
            content = _bytes_of(t)
            write(f"data/{number}", content, content.nbytes)


def _write_atomically(f: Any, write: Callable[[Any], None], who: str) -> None:
    """Calls `write(file)` on a temporary file beside the path `f`, which then takes its place."""
    import os
    import stat

    path = os.path.realpath(os.fspath(f))
    try:
        special = not stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        special = False
    if os.path.isdir(path):
        raise IsADirectoryError(f"{who}: {_name(f)} is a folder; give the name of a file")
    if special:  # a device or a pipe: there is nothing to rename over
        with open(path, "wb") as file:
            write(file)
        return
    folder, base = os.path.split(path)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"{who}: the folder {folder!r} of {_name(f)} does not exist; make it first")
    temporary = os.path.join(folder, f".{base[:100]}.{os.getpid()}-{os.urandom(4).hex()}.tmp")
    try:
        with open(temporary, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)  # the new name itself
        except OSError:
            pass  # some file systems cannot; the content is safe
        finally:
            os.close(handle)


def save(
    obj: Any,
    f: Any,
    pickle_module: Any = None,
    pickle_protocol: int = 5,
    _use_new_zipfile_serialization: bool = True,
) -> None:
    """Writes `obj` to `f`, a path or a binary file; see Note [The file].

    A path is written atomically: to a temporary file in the same folder, flushed to the disk, then renamed,
    so that a crash leaves the previous file as it was. A view brings its whole storage along; `clone()` it to
    save only its own part. Raises FileNotFoundError when the folder does not exist, PicklingError (or what
    the object raises) for something that cannot be pickled; then nothing is left behind. `pickle_module` and
    `_use_new_zipfile_serialization` are taken and change nothing.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "model.pt")
    >>> plait.save({"w": plait.ones(2), "epoch": 3}, path)
    >>> plait.load(path)
    {'w': tensor([1., 1.]), 'epoch': 3}
    """
    import os

    data, storages = _pickled(obj, pickle_protocol)
    if isinstance(f, (str, os.PathLike)):
        _write_atomically(f, lambda file: _write_archive(file, data, storages), "plait.save")
    elif hasattr(f, "write"):
        _write_archive(f, data, storages)
    else:
        raise TypeError(f"plait.save: f should be a path or a file open for writing, got {type(f).__name__}")


# ---- load


def load(
    f: Any,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool = True,
    mmap: bool = False,
) -> Any:
    """Reads what `save`, or PyTorch's `torch.save`, wrote to `f`, a path or a binary file.

    Args:
        map_location: where tensors go: a device or its name, a dict from saved device to new one, or a
            function of (storage, saved device name) as in PyTorch; None puts them where they were.
        weights_only: refuses everything but data, see Note [What load trusts]; False runs whatever the file
            says.
        mmap: maps the file instead of reading it: pages come when touched, changes stay in memory. Paths
            only; the checksums of tensors are not verified.

    Raises RuntimeError for a file that is truncated, damaged or of another kind, UnpicklingError for a
    refused class.

    >>> import io
    >>> file = io.BytesIO()
    >>> plait.save([plait.tensor([1, 2])], file)
    >>> _ = file.seek(0)
    >>> plait.load(file)
    [tensor([1, 2])]
    """
    import os

    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as file:
            return _load(file, _name(f), map_location, weights_only, mmap)
    if not hasattr(f, "read"):
        raise TypeError(f"plait.load: f should be a path or a file open for reading, got {type(f).__name__}")
    if mmap:
        raise ValueError("plait.load: mmap=True needs a path, got a file object")
    if not (hasattr(f, "seek") and hasattr(f, "seekable") and f.seekable()):
        import io

        f = io.BytesIO(f.read())
    return _load(f, _name(f), map_location, weights_only, mmap)


def _load(file: Any, name: str, map_location: Any, weights_only: bool, use_mmap: bool) -> Any:
    import io
    from zipfile import ZipFile

    start = file.tell()
    head = file.read(4)
    file.seek(start)
    if not head:
        raise RuntimeError(f"plait.load: {name} is empty")
    if head[:1] == b"\x80":
        from ._torch_files import LEGACY_START, load_legacy

        legacy = file.read(len(LEGACY_START)) == LEGACY_START
        file.seek(start)
        if legacy:
            reader = _Reader(file, None, name, map_location, False)
            return _readable(
                name, lambda: load_legacy(reader, lambda f, pids: _unpickle(f, pids, name, weights_only))
            )
    try:
        archive = ZipFile(file)
        names = set(archive.namelist())
        ours = _ROOT + "data.pkl" in names
        version = archive.read(_ROOT + "version").decode() if ours else ""
        data = archive.read(_ROOT + "data.pkl") if ours else b""
    except Exception as error:  # zipfile has no one error for what may be wrong with a file
        if head[:2] != b"PK":
            what = "is not a file that plait.save wrote"
            if head[:1] == b"\x80":
                what += " (it looks like a bare pickle; read it with the pickle module if you trust it)"
            raise RuntimeError(f"plait.load: {name} {what}") from error
        raise RuntimeError(
            f"plait.load: {name} is truncated or damaged ({error}); copy it again or use an earlier one"
        ) from error
    if not ours:
        root = next((entry[: -len("data.pkl")] for entry in names if entry.endswith("/data.pkl")), None)
        if root is not None and root.count("/") == 1:
            from ._torch_files import load_archive

            reader = _Reader(file, archive, name, map_location, use_mmap)
            return _readable(
                name,
                lambda: load_archive(
                    reader, root, lambda data, pids: _unpickle(io.BytesIO(data), pids, name, weights_only)
                ),
            )
        raise RuntimeError(f"plait.load: {name} is a zip file, but not one that plait.save wrote")
    if version != _VERSION:
        raise RuntimeError(
            f"plait.load: {name} has format version {version}, this plait reads version {_VERSION}; update it"
        )
    reader = _Reader(file, archive, name, map_location, use_mmap)
    return _readable(name, lambda: _unpickle(io.BytesIO(data), reader, name, weights_only))


def _readable(name: str, read: Callable[[], Any]) -> Any:
    """What `read` gives; says which file is damaged where its pickle makes no sense."""
    import pickle

    try:
        return read()
    except pickle.UnpicklingError as error:
        if "plait.load" in str(error):
            raise
        raise RuntimeError(f"plait.load: {name} is damaged: its pickle cannot be read ({error})") from error


def _unpickle(file: Any, objects: Any, name: str, weights_only: bool) -> Any:
    """The next object of a pickle file; `objects.object` makes what persistent ids stand for."""
    import pickle

    class Unpickler(pickle.Unpickler):
        def persistent_load(self, pid: Any) -> Any:
            return objects.object(pid)

        def find_class(self, module: str, qualname: str) -> Any:
            if module == "__builtin__":  # Python 2's name of it, which older protocols write
                module = "builtins"
            if module.partition(".")[0] in ("torch", "_codecs"):
                from ._torch_files import find

                found = find(module, qualname)
                if found is not None:
                    return found
                if module != "_codecs":
                    module = "plait" + module.removeprefix("torch")
            if not weights_only:
                return super().find_class(module, qualname)
            if qualname in _SAFE.get(module, ()):
                return super().find_class(module, qualname)
            full = f"{module}.{qualname}"
            if full in _user_safe:
                return _user_safe[full]
            raise pickle.UnpicklingError(
                f"plait.load: {name} asks for {full}, which weights_only=True refuses, because calling it "
                "could run any code. If you trust who made the file, allow this one by "
                f"plait.serialization.add_safe_globals([{qualname}]), or everything by weights_only=False"
            )

    return Unpickler(file).load()


class _Reader:
    """Makes tensors of persistent ids; each storage is read, and moved, once."""

    def __init__(self, file: Any, archive: Any, name: str, map_location: Any, use_mmap: bool):
        self.file = file
        self.archive = archive
        self.name = name
        self.map_location = map_location
        self.storages: dict[int, Any] = {}
        self.moved: dict[tuple, Any] = {}
        self.tensors: dict[int, Any] = {}
        self.map = None
        if use_mmap:
            import mmap

            self.map = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))

    def damaged(self, why: str) -> Exception:
        return RuntimeError(f"plait.load: {self.name} is damaged: {why}")

    def object(self, pid: Any) -> Any:
        if isinstance(pid, tuple) and len(pid) == 2 and pid[0] == "dtype" and pid[1] in _DTYPES:
            return getattr(plait, pid[1])
        if isinstance(pid, tuple) and len(pid) == 2 and pid[0] == "device":
            return plait.device(pid[1])
        if isinstance(pid, tuple) and len(pid) == 2 and pid[0] == "size":
            return plait.Size(pid[1])
        if isinstance(pid, tuple) and len(pid) == 10 and pid[0] in ("tensor", "parameter"):
            index = pid[1]
            if index not in self.tensors:
                self.tensors[index] = self.tensor(*pid)
            return self.tensors[index]
        raise self.damaged(f"unknown reference {pid!r}")

    def tensor(
        self,
        kind: str,
        index: int,
        number: int,
        nbytes: int,
        dtype: str,
        sizes: tuple,
        strides: tuple,
        offset: int,
        device: str,
        requires_grad: bool,
    ) -> Any:
        numbers = (number, nbytes, offset, *sizes, *strides)
        if (
            dtype not in _DTYPES
            or len(sizes) != len(strides)
            or not all(type(n) is int and n >= 0 for n in numbers)
        ):
            raise self.damaged(
                f"a tensor of dtype {dtype!r}, sizes {sizes}, strides {strides}, offset {offset}"
            )
        real = getattr(plait, dtype)
        if device == "meta":
            from ._copies import empty_strided

            t = empty_strided(sizes, strides, dtype=real, device=device)
            return self.finished(kind, t, requires_grad)
        itemsize = real.itemsize
        last = offset + sum((n - 1) * step for n, step in zip(sizes, strides))
        if 0 not in sizes and (last + 1) * itemsize > nbytes:
            raise self.damaged(
                f"a tensor of sizes {sizes}, strides {strides}, offset {offset} does not fit in a storage "
                f"of {nbytes} "
                "bytes"
            )
        storage = self.storage(number, nbytes)
        place = self.destination(storage, device)
        if place == "cpu":
            t = plait._C._tensor_on_storage(storage, real, sizes, strides, offset)
        else:
            key = (number, dtype, place)
            if key not in self.moved:
                flat = plait._C._tensor_on_storage(storage, real, (nbytes // itemsize,), (1,), 0)
                self.moved[key] = flat.to(place)
            t = self.moved[key].as_strided(sizes, strides, offset)
        return self.finished(kind, t, requires_grad)

    def finished(self, kind: str, t: Any, requires_grad: bool) -> Any:
        if kind == "parameter":
            return plait.nn.Parameter(t, requires_grad=requires_grad)
        return t.requires_grad_(True) if requires_grad else t

    def storage(self, number: int, nbytes: int) -> Any:
        """The bytes of a storage as a tensor of uint8: one for all tensors that share it."""
        storage = self.storages.get(number)
        if storage is None:
            buffer = self.read(number, nbytes)
            # What was read into a tensor is taken as it is; a part of a mapped file is borrowed.
            owner: Any = buffer.obj
            own = isinstance(owner, plait.Tensor) and owner.nbytes == nbytes
            storage = owner if own else plait._C._storage_from_buffer(buffer, aligned=True)
            self.storages[number] = storage
        if storage.nbytes != nbytes:
            raise self.damaged(f"storage {number} has {storage.nbytes} bytes where {nbytes} are expected")
        return storage

    def read(self, number: int, nbytes: int) -> memoryview:
        return self.entry(f"{_ROOT}data/{number}", f"storage {number}", nbytes)

    def entry(self, path: str, what: str, nbytes: int) -> memoryview:
        """The bytes of an entry of the archive."""
        from zlib import crc32

        try:
            info = self.archive.getinfo(path)
        except KeyError:
            raise self.damaged(f"{what} is missing") from None
        if info.compress_type != 0 or info.file_size != nbytes:
            raise self.damaged(f"{what} has {info.file_size} bytes where {nbytes} are expected")
        length = self.file.seek(0, 2)
        header = b""
        if 0 <= info.header_offset < length:
            self.file.seek(info.header_offset)
            header = self.file.read(30)
        skip = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        begin = info.header_offset + 30 + skip
        if len(header) < 30 or begin + nbytes > length:
            raise self.damaged(f"{what} is cut off")
        if self.map is not None:
            return self.map[begin : begin + nbytes]
        buffer = plait._C._storage_bytes(plait.empty((nbytes,), dtype=plait.uint8, device="cpu"))
        self.file.seek(begin)
        filled = 0
        while filled < nbytes:
            part = self._readinto(buffer[filled:])
            if part <= 0:
                raise self.damaged(f"{what} is cut off after {filled} of {nbytes} bytes")
            filled += part
        if crc32(buffer) != info.CRC:
            raise self.damaged(f"the checksum of {what} is wrong")
        return buffer

    def _readinto(self, buffer: memoryview) -> int:
        if hasattr(self.file, "readinto"):
            return self.file.readinto(buffer)
        part = self.file.read(buffer.nbytes)
        buffer[: len(part)] = part
        return len(part)

    def destination(self, storage: Any, saved: str) -> str:
        where: Any = self.map_location
        if where is None:
            where = saved
        elif isinstance(where, dict):
            where = where.get(saved, saved)
        elif callable(where):
            function: Callable = where
            result = function(storage, saved)
            where = saved if result is None else getattr(result, "device", result)
        where = str(where)
        if where != "cpu" and self.map_location is None:
            try:
                plait.empty((0,), device=where)
            except Exception as error:
                raise RuntimeError(
                    f"plait.load: {self.name} holds tensors of device {saved!r}, which is not there "
                    f"({error}); "
                    "try map_location='cpu'"
                ) from error
        return where
