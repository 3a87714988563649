"""The safetensors format: named tensors and nothing else, readable by many programs.

A file is an 8-byte little-endian header length, a JSON header {name: {"dtype", "shape", "data_offsets"}, ...,
"__metadata__": {text: text}}, and the bytes of the tensors, row-major and little-endian, without gaps
(https://github.com/huggingface/safetensors, "Format").
"""

from __future__ import annotations

import plait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["load", "load_file", "load_metadata", "save", "save_file"]

_NAMES = {
    "bool": "BOOL",
    "uint8": "U8",
    "int8": "I8",
    "int16": "I16",
    "int32": "I32",
    "int64": "I64",
    "float16": "F16",
    "bfloat16": "BF16",
    "float32": "F32",
    "float64": "F64",
    "complex64": "C64",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
}
_DTYPES = {code: name for name, code in _NAMES.items()}
_MAX_HEADER = 100_000_000  # the reference implementation's limit


def _layout(tensors: dict[str, Any], metadata: dict[str, str] | None) -> tuple[bytes, list[Any]]:
    """The header, and the tensors in the order of the file: wide elements first, so that all are aligned."""
    import json

    header: dict[str, Any] = {}
    if metadata is not None:
        for key, value in metadata.items():
            if not isinstance(key, str) or not isinstance(value, str):
                raise TypeError(f"safetensors.save: metadata should map str to str, got {key!r}: {value!r}")
        header["__metadata__"] = dict(metadata)
    codes = {}
    for name, t in tensors.items():
        if not isinstance(name, str) or name == "__metadata__":
            raise ValueError(f"safetensors.save: {name!r} cannot be the name of a tensor")
        if not isinstance(t, plait.Tensor):
            raise TypeError(
                f"safetensors.save: {name!r} should be a Tensor, got {type(t).__name__}; this format "
                "holds tensors by "
                "name only, plait.save takes any object"
            )
        dtype = str(t.dtype).rpartition(".")[2]
        if dtype not in _NAMES:
            raise ValueError(
                f"safetensors.save: the format has no dtype for {name!r} of {t.dtype}; try plait.save"
            )
        codes[name] = _NAMES[dtype]
    ordered = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    offset, blocks = 0, []
    for name in ordered:
        t = tensors[name].detach()
        end = offset + t.numel() * t.element_size()
        header[name] = {
            "dtype": codes[name],
            "shape": [int(n) for n in t.shape],
            "data_offsets": [offset, end],
        }
        offset = end
        blocks.append(t)
    text = json.dumps(header, separators=(",", ":")).encode()
    return text + b" " * (-len(text) % 8), blocks


def _bytes_of(t: Any) -> memoryview:
    t = t.cpu().contiguous()
    size = t.element_size()
    start = t.storage_offset() * size
    return plait._C._storage_bytes(t)[start : start + t.numel() * size]


def save_file(tensors: dict[str, Any], filename: Any, metadata: dict[str, str] | None = None) -> None:
    """Writes named tensors to a file, atomically; tensors that share memory are written once for each name.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "w.safetensors")
    >>> plait.utils.safetensors.save_file({"w": plait.ones(2)}, path)
    >>> plait.utils.safetensors.load_file(path)
    {'w': tensor([1., 1.])}
    """
    from ..serialization import _write_atomically

    header, blocks = _layout(tensors, metadata)

    def write(file: Any) -> None:
        file.write(len(header).to_bytes(8, "little"))
        file.write(header)
        for t in blocks:
            file.write(_bytes_of(t))

    _write_atomically(filename, write, "safetensors.save_file")


def save(tensors: dict[str, Any], metadata: dict[str, str] | None = None) -> bytes:
    """As `save_file`, but returns the bytes of the file."""
    header, blocks = _layout(tensors, metadata)
    return b"".join([len(header).to_bytes(8, "little"), header, *(_bytes_of(t) for t in blocks)])


def _header(read: Any, size: int, name: str) -> tuple[dict[str, Any], int]:
    """The parsed header, and where the data begin. Checks all that the format demands."""
    import json

    def bad(why: str) -> Exception:
        return RuntimeError(f"safetensors.load: {name} is damaged or not a safetensors file: {why}")

    if size < 8:
        raise bad(f"it has {size} bytes, the length of the header alone takes 8")
    length = int.from_bytes(read(8), "little")
    if length > min(size - 8, _MAX_HEADER):
        raise bad(f"a header of {length} bytes in a file of {size}")
    try:
        header = json.loads(read(length))
    except ValueError as error:
        raise bad(f"the header is not JSON ({error})") from error
    if not isinstance(header, dict):
        raise bad("the header is not a JSON object")
    metadata = header.pop("__metadata__", {})
    spans = []
    for key, entry in header.items():
        try:
            dtype, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
            fine = all(type(n) is int and n >= 0 for n in (*shape, begin, end))
        except (TypeError, KeyError, ValueError):
            fine = False
        if not fine:
            raise bad(f"the entry of {key!r} is {entry!r}")
        if dtype not in _DTYPES:
            raise RuntimeError(
                f"safetensors.load: {name}: {key!r} has dtype {dtype!r}; plait reads {', '.join(_DTYPES)}"
            )
        count = 1
        for n in shape:
            count *= n
        if end - begin != count * getattr(plait, _DTYPES[dtype]).itemsize:
            raise bad(f"{key!r} of dtype {dtype} and shape {shape} has {end - begin} bytes")
        spans.append((begin, end))
    position = 0
    for begin, end in sorted(spans):
        if begin != position:
            raise bad(f"the data have a gap or overlap at byte {position}")
        position = end
    if position != size - 8 - length:
        raise bad(f"{size - 8 - length} bytes of data where the header tells of {position}; is it cut off?")
    header["__metadata__"] = metadata
    return header, 8 + length


def _tensors(header: dict[str, Any], buffer: memoryview, device: Any) -> dict[str, Any]:
    result = {}
    for key, entry in header.items():
        if key == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        dtype = getattr(plait, _DTYPES[entry["dtype"]])
        block = plait.empty(tuple(entry["shape"]), dtype=dtype, device="cpu")
        if end > begin:
            plait._C._storage_bytes(block)[: end - begin] = buffer[begin:end]
        result[key] = block if str(device) == "cpu" else block.to(device)
    return result


def load_file(filename: Any, device: Any = "cpu") -> dict[str, Any]:
    """The tensors of a file by name, each with memory of its own. RuntimeError for a damaged file."""
    import os
    from mmap import ACCESS_READ, mmap

    with open(filename, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        header, start = _header(file.read, size, repr(os.fspath(filename)))
        if size == start:
            return _tensors(header, memoryview(b""), device)
        with mmap(file.fileno(), 0, access=ACCESS_READ) as mapped, memoryview(mapped) as view:
            with view[start:] as data:
                return _tensors(header, data, device)


def load(data: bytes, device: Any = "cpu") -> dict[str, Any]:
    """As `load_file`, from the bytes of a file."""
    import io

    header, start = _header(io.BytesIO(data).read, len(data), "the data")
    return _tensors(header, memoryview(data)[start:], device)


def load_metadata(filename: Any) -> dict[str, str]:
    """The `metadata` that `save_file` was given; {} if none."""
    import os

    with open(filename, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        return _header(file.read, size, repr(os.fspath(filename)))[0]["__metadata__"]
