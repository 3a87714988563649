"""Logs for TensorBoard, read back by the format's own rules: the checksums, the fields, the PNG by Pillow."""

import io
import struct

import numpy as np
import plait
import pytest
from plait.utils.tensorboard import SummaryWriter
from plait.utils.tensorboard import _records as records


def fields(data):
    """The fields of a message: [(number, value)]."""
    at, found = 0, []

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        kind = key & 7
        if kind == 0:
            value = varint()
        else:
            size = {1: 8, 5: 4}.get(kind) or varint()
            value = data[at : at + size]
            at += size
        found.append((key >> 3, value))
    return found


def reference_crc(data):
    """CRC-32C bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def events(folder):
    """The events of the folder's file: [(step, {number: value} of the summary's value)]."""
    (file,) = folder.glob("events.out.tfevents.*")
    data, found = file.read_bytes(), []
    while data:
        (size,) = struct.unpack("<Q", data[:8])
        for part, crc in ((data[:8], data[8:12]), (data[12 : 12 + size], data[12 + size : 16 + size])):
            unmasked = (struct.unpack("<I", crc)[0] - 0xA282EAD8) & 0xFFFFFFFF
            assert (unmasked << 15 | unmasked >> 17) & 0xFFFFFFFF == reference_crc(part)
        event = dict(fields(data[12 : 12 + size]))
        assert abs(struct.unpack("<d", event[1])[0]) > 0
        if 5 in event:
            (value,) = [dict(fields(value)) for number, value in fields(event[5]) if number == 1]
            found.append((event.get(2), value))
        else:
            assert event[3] == b"brain.Event:2"
        data = data[16 + size :]
    return found


def test_checksum():
    assert records.crc32c(b"") == 0
    assert records.crc32c(b"123456789") == 0xE3069283  # the check value of the CRC's catalogue
    assert records.crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4


def test_scalars_of_all_kinds(tmp_path):
    with SummaryWriter(tmp_path) as writer:
        for step, value in enumerate([1, 2.5, plait.tensor([3.0], requires_grad=True), np.float64(4)]):
            writer.add_scalar("loss", value, step)
        writer.add_scalar("late", plait.tensor(5.0, dtype=plait.bfloat16), 1 << 40)
        with pytest.raises(ValueError, match="one element"):
            writer.add_scalar("loss", plait.ones(2))
    found = events(tmp_path)
    assert [struct.unpack("<f", value[2])[0] for _, value in found] == [1, 2.5, 3, 4, 5]
    assert [step for step, _ in found] == [0, 1, 2, 3, 1 << 40]
    assert found[0][1][1] == b"loss"


def test_histogram(tmp_path):
    x = np.concatenate([np.random.default_rng(0).normal(size=500), [0.0, 1e-3, np.nan, np.inf]])
    with SummaryWriter(tmp_path) as writer:
        writer.add_histogram("w", plait.tensor(x), 3)
        writer.add_histogram("w", x, 4, bins=[-10, 0, 10])
        writer.add_histogram("w", x, 5, bins=np.linspace(-10, 10, 101), max_bins=10)
        with pytest.raises(ValueError, match="finite"):
            writer.add_histogram("w", [np.nan])
    finite = x[np.isfinite(x)]
    for step, value in events(tmp_path):
        parts = dict(fields(value[5]))
        low, high, number, total, squares = (struct.unpack("<d", parts[i])[0] for i in range(1, 6))
        limits, counts = np.frombuffer(parts[6]), np.frombuffer(parts[7])
        assert (low, high, number) == (finite.min(), finite.max(), finite.size)
        np.testing.assert_allclose([total, squares], [finite.sum(), (finite**2).sum()])
        assert counts[0] == 0 and counts.sum() == finite.size and (np.diff(limits) > 0).all()
        # bucket i holds the values between limit i - 1 and limit i
        expected = np.histogram(finite, limits)[0]
        np.testing.assert_array_equal(counts[1:], expected)
        assert len(limits) <= (1500, 3, 11)[step - 3]


def test_images(tmp_path):
    image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    several = rng.uniform(-0.2, 1.2, (9, 1, 2, 3))
    with SummaryWriter(tmp_path) as writer:
        writer.add_image("a", pixels, dataformats="HWC")
        writer.add_image("a", plait.tensor(pixels.transpose(2, 0, 1)))
        writer.add_image("gray", pixels[..., 0], dataformats="HW")
        writer.add_images("many", plait.tensor(several))
        with pytest.raises(ValueError, match="dataformats"):
            writer.add_image("a", pixels, dataformats="CH")
        with pytest.raises(ValueError, match="channels"):
            writer.add_image("a", np.zeros((2, 4, 4)))
    shown = []
    for _, value in events(tmp_path):
        parts = dict(fields(value[4]))
        array = np.asarray(image.open(io.BytesIO(parts[4])))
        assert array.shape[:2] == (parts[1], parts[2])
        shown.append(array)
    np.testing.assert_array_equal(shown[0], pixels)
    np.testing.assert_array_equal(shown[1], pixels)
    np.testing.assert_array_equal(shown[2], pixels[..., 0])
    bytes_ = (several.clip(0, 1) * 255).astype(np.uint8)
    assert shown[3].shape == (4, 24)
    np.testing.assert_array_equal(shown[3][:2, 21:], bytes_[7, 0])
    np.testing.assert_array_equal(shown[3][2:, :3], bytes_[8, 0])
    assert (shown[3][2:, 3:] == 0).all()


def test_text_groups_of_scalars_and_going_on_after_close(tmp_path):
    writer = SummaryWriter(str(tmp_path))
    writer.add_text("note", "**bold** ü", 1)
    writer.add_scalars("group/x", {"a": 1.0, "b": 2.0}, 7)
    writer.close()
    writer.add_scalar("after", 1.0)
    writer.close()
    (first, second) = events(tmp_path)
    tensor = dict(fields(first[1][8]))
    assert tensor[8].decode() == "**bold** ü" and first[1][1] == b"note/text_summary"
    assert second[1][1] == b"after" and second[0] is None
    for name, value in (("a", 1.0), ("b", 2.0)):
        ((step, found),) = events(tmp_path / f"group_x_{name}")
        assert step == 7 and struct.unpack("<f", found[2])[0] == value


def test_what_tensorboard_reads(tmp_path):
    module = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with SummaryWriter(tmp_path) as writer:
        writer.add_scalar("loss", 0.5, 3)
        writer.add_scalar("new", 0.25, 3, new_style=True)
        writer.add_text("note", "hello", 1)
    accumulator = module.EventAccumulator(str(tmp_path))
    accumulator.Reload()
    (loss,) = accumulator.Scalars("loss")
    assert (loss.step, loss.value) == (3, 0.5)
    (new,) = accumulator.Tensors("new")
    assert list(new.tensor_proto.float_val) == [0.25]
    (note,) = accumulator.Tensors("note/text_summary")
    assert list(note.tensor_proto.string_val) == [b"hello"]
