"""TensorBoard's files: TensorFlow's record format, of protocol-buffer messages.

A record is its length (8 bytes), the masked CRC-32C of those, the data, and the masked CRC of the data. A
message is a row of fields: a key, (number << 3) | kind, and a value, whose kind is 0 for a varint, 1 for 8
bytes, 2 for a length and as many bytes, 5 for 4 bytes; tensorboard/compat/proto/*.proto name the numbers.
"""

from __future__ import annotations

import struct
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np

_POLYNOMIAL = 0x82F63B78  # Castagnoli's, reflected


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _table()


def crc32c(data: bytes) -> int:
    """CRC-32C (RFC 3720, appendix B.4).

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def record(data: bytes) -> bytes:
    """The data as one record."""
    length = struct.pack("<Q", len(data))
    return length + _masked(length) + data + _masked(data)


def _varint(value: int) -> bytes:
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def integer(number: int, value: int) -> bytes:
    """An int64, enum or bool field."""
    return _varint(number << 3) + _varint(value)


def double(number: int, value: float) -> bytes:
    """A double field."""
    return _varint(number << 3 | 1) + struct.pack("<d", value)


def single(number: int, value: float) -> bytes:
    """A float field."""
    return _varint(number << 3 | 5) + struct.pack("<f", value)


def data(number: int, value: bytes | str) -> bytes:
    """A bytes, string or message field."""
    value = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def doubles(number: int, values: Iterable[float]) -> bytes:
    """A packed repeated double field."""
    values = list(values)
    return data(number, struct.pack(f"<{len(values)}d", *values))


# ---- messages, by the numbers of event.proto and summary.proto


def event(wall_time: float, step: int | None, content: bytes) -> bytes:
    """Event: wall_time = 1, step = 2; the content is file_version = 3 or summary = 5."""
    return double(1, wall_time) + (b"" if step is None else integer(2, step)) + content


def file_version() -> bytes:
    """What a file begins with."""
    return data(3, "brain.Event:2")


def summary(*values: bytes) -> bytes:
    """Event.summary, a Summary with its values (1)."""
    return data(5, b"".join(data(1, value) for value in values))


def metadata(plugin: str, content: bytes = b"", display_name: str = "") -> bytes:
    """Value.metadata = 9: SummaryMetadata with plugin_data (1: name 1, content 2), display_name 2."""
    plugin_data = data(1, plugin) + (data(2, content) if content else b"")
    return data(9, data(1, plugin_data) + (data(2, display_name) if display_name else b""))


def scalar(tag: str, value: float) -> bytes:
    """Value: tag = 1, simple_value = 2."""
    return data(1, tag) + single(2, value)


def scalar_tensor(tag: str, value: float) -> bytes:
    """Value with tensor = 8 of DT_FLOAT (1), a scalar, float_val = 5: what the new style of scalars is."""
    tensor = integer(1, 1) + data(2, b"") + data(5, struct.pack("<f", value))
    return data(1, tag) + data(8, tensor) + metadata("scalars")


def text(tag: str, value: str) -> bytes:
    """Value with a tensor of DT_STRING (7), one element: shape = 2 (dim 2: size 1), string_val = 8."""
    tensor = integer(1, 7) + data(2, data(2, integer(1, 1))) + data(8, value)
    return data(1, f"{tag}/text_summary") + data(8, tensor) + metadata("text", integer(1, 0))


def histogram(
    tag: str, low: float, high: float, total: float, squares: float, limits: Iterable, counts: Iterable
) -> bytes:
    """Value with histo = 5: min 1, max 2, num 3, sum 4, sum_squares 5, bucket_limit 6, bucket 7."""
    counts = list(counts)
    proto = double(1, low) + double(2, high) + double(3, sum(counts)) + double(4, total) + double(5, squares)
    return data(1, tag) + data(5, proto + doubles(6, limits) + doubles(7, counts))


def image(tag: str, height: int, width: int, channels: int, encoded: bytes) -> bytes:
    """Value with image = 4: height 1, width 2, colorspace 3, encoded_image_string 4."""
    proto = integer(1, height) + integer(2, width) + integer(3, channels) + data(4, encoded)
    return data(1, tag) + data(4, proto)


def audio(tag: str, rate: float, channels: int, frames: int, encoded: bytes) -> bytes:
    """Value with audio = 6: sample_rate 1, num_channels 2, length_frames 3, encoded_audio_string 4, type
    5.
    """
    proto = single(1, rate) + integer(2, channels) + integer(3, frames) + data(4, encoded)
    return data(1, tag) + data(6, proto + data(5, "audio/wav"))


def png(pixels: np.ndarray) -> bytes:
    """The PNG file of (height, width, channels) bytes, of 1, 3 or 4 channels (ISO/IEC 15948)."""
    height, width, channels = pixels.shape
    color = {1: 0, 3: 2, 4: 6}[channels]

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    # Each row begins with its filter: none.
    rows = b"".join(b"\0" + pixels[row].tobytes() for row in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows, 6))
        + chunk(b"IEND", b"")
    )
