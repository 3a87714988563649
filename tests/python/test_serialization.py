"""save and load, and the safetensors format."""

import collections
import io
import json
import os
import pickle
import random
import zipfile

import numpy as np
import plait
import pytest
from plait import nn
from plait.utils import safetensors

DTYPES = [
    "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64",
    "complex64", "complex128",
]  # fmt: skip


def sample(name):
    """Six values of a dtype that show byte order and precision."""
    base = plait.tensor([0.0, 1.0, 2.5, 100.25, 7.0, 3.0], dtype=plait.float64)
    t = base.to(getattr(plait, name))
    return t * (1 + 2j) if t.is_complex() else t


def round_trip(obj, **options):
    file = io.BytesIO()
    plait.save(obj, file)
    file.seek(0)
    return plait.load(file, **options)


def same(a, b):
    assert a.dtype == b.dtype
    assert a.shape == b.shape
    assert a.tolist() == b.tolist()


@pytest.mark.parametrize("name", DTYPES)
def test_every_dtype_comes_back(name, tmp_path):
    t = sample(name)
    for mmap in (False, True):
        plait.save({"t": t, "matrix": t.reshape(2, 3)}, tmp_path / "x.pt")
        got = plait.load(tmp_path / "x.pt", mmap=mmap)
        same(got["t"], t)
        same(got["matrix"], t.reshape(2, 3))


def test_shapes_and_strides_come_back():
    t = plait.arange(24, dtype=plait.float32).reshape(2, 3, 4)
    cases = [
        t,
        t.transpose(0, 2),
        t[:, 1],
        t[1, 2, 3],
        t[..., ::2],
        plait.empty(0),
        plait.ones(2, 0, 3),
        plait.ones(1).expand(5),
    ]
    for case, got in zip(cases, round_trip(cases)):
        same(got, case)
        assert got.stride() == case.stride()
        assert got.storage_offset() == case.storage_offset()


def test_views_share_their_storage_and_objects_their_identity():
    base = plait.zeros(10)
    got = round_trip({"base": base, "part": base[2:5], "again": base, "other": plait.zeros(3)})
    assert got["again"] is got["base"]
    got["part"].fill_(1)
    assert got["base"].tolist() == [0, 0, 1, 1, 1, 0, 0, 0, 0, 0]
    assert got["other"].tolist() == [0, 0, 0]
    base.fill_(9)
    assert got["base"][0].item() == 0


def test_loaded_tensors_are_writable_and_mapped_ones_do_not_write_to_the_file(tmp_path):
    path = tmp_path / "x.pt"
    plait.save(plait.zeros(4), path)
    before = path.read_bytes()
    for mmap in (False, True):
        t = plait.load(path, mmap=mmap)
        t.add_(1)
        assert t.tolist() == [1, 1, 1, 1]
    assert path.read_bytes() == before


@pytest.mark.parametrize("mmap", [False, True])
def test_loaded_tensors_that_share_memory_see_each_others_writes(tmp_path, mmap):
    """Their numbers, and that there was a write: backward must notice it."""
    path = tmp_path / "x.pt"
    base = plait.ones(4)
    plait.save([base, base[1:3]], path)
    whole, part = plait.load(path, mmap=mmap)
    w = plait.ones(4, requires_grad=True)
    y = (w * whole).sum()
    part.add_(1)
    assert whole.tolist() == [1, 2, 2, 1] and whole._version == part._version
    with pytest.raises(RuntimeError, match="modified by an in-place operation"):
        y.backward()


def test_nested_objects_come_back():
    obj = {
        "numbers": [1, 2.5, 1 + 2j, True, None, 10**40],
        "text": ("a", b"b"),
        "sets": ({1, 2}, frozenset([3])),
        "ordered": collections.OrderedDict(x=plait.ones(1)),
        "default": collections.defaultdict(list, a=[1]),
        "counter": collections.Counter([1, 1, 2]),
        "dtype": plait.bfloat16,
        "device": plait.device("cpu"),
        "size": plait.ones(2, 3).shape,
        5: "int key",
    }
    got = round_trip(obj)
    ones = got["ordered"].pop("x")
    obj["ordered"].pop("x")
    assert got == obj
    assert ones.tolist() == [1]
    assert [type(v) for v in got.values()] == [type(v) for v in obj.values()]
    assert got["dtype"] is plait.bfloat16


def test_requires_grad_and_parameters():
    w = plait.nn.Parameter(plait.ones(2))
    frozen = plait.nn.Parameter(plait.ones(1), requires_grad=False)
    x = plait.ones(3).requires_grad_()
    got = round_trip([w, frozen, x, x.detach()])
    assert [type(t) is plait.nn.Parameter for t in got] == [True, True, False, False]
    assert [t.requires_grad for t in got] == [True, False, True, False]
    assert all(t.is_leaf for t in got)


def test_model_and_optimizer_checkpoint(tmp_path):
    w = plait.nn.Parameter(plait.ones(3))
    opt = plait.optim.AdamW([w], lr=0.1)
    schedule = plait.optim.lr_scheduler.MultiStepLR(opt, [2, 3])
    for _ in range(2):
        w.grad = plait.ones(3)
        opt.step()
        schedule.step()
    path = tmp_path / "checkpoint.pt"
    plait.save(
        {"w": w, "opt": opt.state_dict(), "schedule": schedule.state_dict(), "rng": plait.get_rng_state()},
        path,
    )
    got = plait.load(path)
    other = plait.optim.AdamW([got["w"]], lr=0.5)
    schedule2 = plait.optim.lr_scheduler.MultiStepLR(other, [9])
    other.load_state_dict(got["opt"])
    schedule2.load_state_dict(got["schedule"])
    plait.set_rng_state(got["rng"])
    for p, o, s in ((w, opt, schedule), (got["w"], other, schedule2)):
        for _ in range(2):
            p.grad = plait.ones(3)
            o.step()
            s.step()
    assert got["w"].tolist() == w.tolist()
    assert schedule2.get_last_lr() == schedule.get_last_lr()


def test_map_location():
    for where in (None, "cpu", plait.device("cpu"), {"cuda:0": "cpu"}, lambda storage, saved: storage):
        assert round_trip(plait.ones(2), map_location=where).tolist() == [1, 1]


class Tagged(plait.Tensor):
    pass


def test_subclasses_of_tensor_keep_their_class_and_attributes():
    t = plait.arange(6).reshape(2, 3).t().as_subclass(Tagged)
    t.tag = "mine"
    with pytest.raises(pickle.UnpicklingError, match="Tagged"):
        round_trip(t)
    with plait.serialization.safe_globals([Tagged]):
        assert type(round_trip(t)) is Tagged
    got = round_trip([t, t], weights_only=False)
    assert type(got[0]) is Tagged
    assert got[0] is got[1]
    assert (got[0].tag, got[0].tolist(), got[0].stride()) == ("mine", t.tolist(), t.stride())


def test_attributes_of_tensors_are_kept():
    x, p = plait.arange(3), nn.Parameter(plait.ones(2))
    x.note, p.axis, p.of = ["text", x], 1, {"x": x}
    got = round_trip([x, p, x])
    assert got[0] is got[2] is got[0].note[1] is got[1].of["x"]
    assert got[0].tolist() == [0, 1, 2] and got[0].note[0] == "text"
    assert type(got[1]) is nn.Parameter and got[1].requires_grad and got[1].axis == 1
    assert x.note[1] is x


def test_tensors_on_the_meta_device():
    t = plait.empty(2, 3, dtype=plait.float16, device="meta").t()
    for got in (*round_trip([t, nn.Parameter(t)], map_location="cpu"), pickle.loads(pickle.dumps(t))):
        assert got.is_meta and got.dtype is t.dtype and got.shape == t.shape
    assert round_trip(t).stride() == t.stride()
    assert isinstance(round_trip(nn.Parameter(t)), nn.Parameter)


# ---- The file


def test_tensors_start_at_multiples_of_64(tmp_path):
    path = tmp_path / "x.pt"
    plait.save([plait.full((n,), n, dtype=plait.uint8) for n in range(1, 20)], path)
    raw = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        entries = [i for i in archive.infolist() if "/data/" in i.filename]
        assert len(entries) == 19
        for info in entries:
            skip = int.from_bytes(raw[info.header_offset + 26 : info.header_offset + 28], "little")
            skip += int.from_bytes(raw[info.header_offset + 28 : info.header_offset + 30], "little")
            start = info.header_offset + 30 + skip
            assert start % 64 == 0
            assert info.compress_type == zipfile.ZIP_STORED
            assert raw[start : start + info.file_size] == bytes([info.file_size]) * info.file_size


def test_large_entries_are_aligned_and_come_back(tmp_path, monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1000)  # instead of 2 GiB
    path = tmp_path / "x.pt"
    tensors = [plait.arange(n) for n in (3, 500, 1000)]
    plait.save(tensors, path)
    raw = path.read_bytes()
    for t, got in zip(tensors, plait.load(path)):
        same(got, t)
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist()[3:]:
            lengths = raw[info.header_offset + 26 : info.header_offset + 30]
            skip = int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
            assert (info.header_offset + 30 + skip) % 64 == 0


@pytest.mark.parametrize("mmap", [False, True])
def test_entries_of_other_writers_begin_anywhere(tmp_path, mmap):
    path, moved = tmp_path / "x.pt", tmp_path / "y.pt"
    tensors = [plait.arange(n).to(dtype) for n in (1, 3, 9) for dtype in (plait.int16, plait.float64, plait.complex64)]
    plait.save(tensors, path)
    starts = set()
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(moved, "w") as copy:
        for n, info in enumerate(archive.infolist()):
            copy.writestr(info.filename, archive.read(info))
            copy.writestr("x" * (n + 1), b"")
            starts.add((copy.infolist()[-2].header_offset + 30 + len(info.filename)) % 8)
    assert len(starts) > 3
    for t, got in zip(tensors, plait.load(moved, mmap=mmap)):
        same(got, t)
        assert got.data_ptr() % got.itemsize == 0


def test_equal_objects_make_equal_files():
    files = []
    for _ in range(2):
        file = io.BytesIO()
        plait.save({"a": plait.arange(5), "b": [1]}, file)
        files.append(file.getvalue())
    assert files[0] == files[1]


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "x.pt"
    plait.save(1, path)
    with pytest.raises(Exception, match=r"lambda|local"):
        plait.save({"f": lambda: 0}, path)

    def crash(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(OSError, match="disk full"):
        plait.save(2, path)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["x.pt"]
    assert plait.load(path) == 1
    plait.save(3, path)
    assert plait.load(path) == 3


def test_permissions_and_links(tmp_path):
    real, link = tmp_path / "real.pt", tmp_path / "link.pt"
    plait.save(1, real)
    mask = os.umask(0)
    os.umask(mask)
    assert real.stat().st_mode & 0o777 == 0o666 & ~mask
    link.symlink_to(real)
    plait.save(2, link)
    assert link.is_symlink()
    assert plait.load(real) == 2
    plait.save(3, os.devnull)
    assert not os.path.isfile(os.devnull)


def test_places_that_do_not_work(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist; make it first"):
        plait.save(1, tmp_path / "no" / "x.pt")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        plait.save(1, tmp_path)
    with pytest.raises(TypeError, match="path or a file open for writing, got int"):
        plait.save(1, 3)
    with pytest.raises(FileNotFoundError):
        plait.load(tmp_path / "no.pt")
    with pytest.raises(ValueError, match="mmap=True needs a path"):
        plait.load(io.BytesIO(), mmap=True)


def test_streams_without_seek():
    class OneWay(io.RawIOBase):
        def __init__(self, data=b""):
            self.data, self.position = bytearray(data), 0

        def readable(self):
            return True

        def writable(self):
            return True

        def write(self, b):
            self.data += b
            return len(b)

        def readinto(self, b):
            part = self.data[self.position : self.position + len(b)]
            b[: len(part)] = part
            self.position += len(part)
            return len(part)

    out = OneWay()
    plait.save({"a": plait.arange(100)}, out)
    assert plait.load(OneWay(out.data))["a"].tolist() == list(range(100))


# ---- Trust


class Evil:
    def __reduce__(self):
        return os.system, ("echo should never run",)


class Config:
    def __init__(self):
        self.size = 3


def test_other_classes_are_refused_by_name(capfd):
    with pytest.raises(pickle.UnpicklingError, match=r"asks for .*system, which weights_only=True refuses"):
        round_trip({"x": Evil()})
    assert "should never" not in capfd.readouterr().out
    with pytest.raises(pickle.UnpicklingError, match=r"add_safe_globals\(\[Config\]\).*weights_only=False"):
        round_trip(Config())
    assert round_trip(Config(), weights_only=False).size == 3
    plait.serialization.add_safe_globals([Config])
    try:
        assert round_trip(Config()).size == 3
    finally:
        plait.serialization.clear_safe_globals()
    with pytest.raises(pickle.UnpicklingError):
        round_trip(Config())
    for trusted in (getattr, eval, open, __import__, print):
        with pytest.raises(pickle.UnpicklingError):
            round_trip(trusted)


def archive_with(pid, storage=bytes(16)):
    buffer = io.BytesIO()

    class P(pickle.Pickler):
        def persistent_id(self, obj):
            return pid if obj is Evil else None

    P(buffer, 5).dump(Evil)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("plait/data.pkl", buffer.getvalue())
        archive.writestr("plait/version", "1")
        archive.writestr("plait/data/0", storage)
    file.seek(0)
    return file


def test_a_file_cannot_reach_outside_of_its_storage():
    good = ["tensor", 0, 0, 16, "float32", (4,), (1,), 0, "cpu", False]
    assert plait.load(archive_with(tuple(good))).tolist() == [0, 0, 0, 0]
    for position, value in [
        (5, (5,)), (5, (-1,)), (5, (2**62,)), (6, (2,)), (6, (-1,)), (6, (1, 1)), (7, 1), (7, -1), (3, 32),
        (2, 1), (4, "object"), (4, "save"), (5, (2.0,)), (0, "code"),
    ]:  # fmt: skip
        bad = list(good)
        bad[position] = value
        with pytest.raises(RuntimeError, match=r"plait.load: .* is (truncated or )?damaged"):
            plait.load(archive_with(tuple(bad)))


# ---- Damage


def test_truncated_and_damaged_files_say_so(tmp_path):
    path = tmp_path / "x.pt"
    plait.save({"a": plait.arange(50), "b": "text"}, path)
    raw = path.read_bytes()
    for cut in (1, 3, 40, len(raw) // 2, len(raw) - 1):
        path.write_bytes(raw[:cut])
        with pytest.raises(
            RuntimeError, match=r"x.pt' is (truncated or damaged|not a file that plait.save wrote)"
        ):
            plait.load(path)
    path.write_bytes(b"")
    with pytest.raises(RuntimeError, match="is empty"):
        plait.load(path)
    path.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(RuntimeError, match="looks like a bare pickle"):
        plait.load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.txt", "hello")
    with pytest.raises(RuntimeError, match=r"zip file, but not one that plait.save wrote"):
        plait.load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", "hello")
    with pytest.raises(RuntimeError, match=r"is damaged: its pickle cannot be read"):
        plait.load(path)


def test_no_flipped_bit_goes_unnoticed():
    file = io.BytesIO()
    plait.save({"a": plait.arange(20), "b": plait.ones(3)}, file)
    raw = file.getvalue()
    seed = random.randrange(2**32)
    rng = random.Random(seed)
    for _ in range(600):
        damaged = bytearray(raw)
        position, bit = rng.randrange(len(raw)), rng.randrange(8)
        damaged[position] ^= 1 << bit
        try:
            got = plait.load(io.BytesIO(damaged))
        except (RuntimeError, pickle.UnpicklingError):
            continue
        # unnoticed only where it does not matter: paddings, dates, attributes
        assert got["a"].tolist() == list(range(20)), f"seed {seed}, byte {position}, bit {bit}"
        assert got["b"].tolist() == [1, 1, 1], f"seed {seed}, byte {position}, bit {bit}"


# ---- safetensors


def test_safetensors_round_trip(tmp_path):
    path = tmp_path / "x.safetensors"
    tensors = {name: sample(name) for name in DTYPES if name != "complex128"}
    tensors["view"] = plait.arange(12).reshape(3, 4).t()[1:]
    tensors["scalar"] = plait.tensor(3.5)
    tensors["empty"] = plait.empty(0, 4)
    tensors["parameter"] = plait.nn.Parameter(plait.ones(2))
    safetensors.save_file(tensors, path, metadata={"format": "pt"})
    got = safetensors.load_file(path)
    assert got.keys() == tensors.keys()
    for name, t in tensors.items():
        same(got[name], t)
    assert safetensors.load_metadata(path) == {"format": "pt"}
    again = safetensors.load(safetensors.save(tensors))
    same(again["view"], tensors["view"])
    assert safetensors.load(safetensors.save({})) == {}
    got["view"].zero_()
    assert safetensors.load_file(path)["view"].tolist() == tensors["view"].tolist()


def test_safetensors_layout_is_the_published_one():
    raw = safetensors.save({"a": plait.tensor([1, 2], dtype=plait.uint8), "b": plait.tensor([1.0])})
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    assert length % 8 == 0
    assert header == {
        "b": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
        "a": {"dtype": "U8", "shape": [2], "data_offsets": [4, 6]},
    }
    assert raw[8 + length :] == np.float32(1).tobytes() + b"\x01\x02"


def test_safetensors_errors(tmp_path):
    path = tmp_path / "x.safetensors"
    with pytest.raises(TypeError, match="'a' should be a Tensor, got int"):
        safetensors.save({"a": 1})
    with pytest.raises(ValueError, match="no dtype for 'a'"):
        safetensors.save({"a": sample("complex128")})
    with pytest.raises(TypeError, match="metadata should map str to str"):
        safetensors.save({}, metadata={"a": 1})
    raw = safetensors.save({"a": plait.arange(4), "b": plait.ones(2)})
    length = int.from_bytes(raw[:8], "little")

    def with_header(change):
        header = json.loads(raw[8 : 8 + length])
        change(header)
        text = json.dumps(header).encode()
        return len(text).to_bytes(8, "little") + text + raw[8 + length :]

    damaged = [
        b"",
        raw[:5],
        raw[:-1],
        raw + b"x",
        b"\xff" * 8 + raw[8:],
        raw[:8] + b"?" * length + raw[8 + length :],
        with_header(lambda h: h["a"].update(data_offsets=[0, 40])),
        with_header(lambda h: h["a"].update(data_offsets=[8, 40])),
        with_header(lambda h: h["a"].update(shape=[-4])),
        with_header(lambda h: h["a"].update(dtype="F8")),
        with_header(lambda h: h["a"].pop("shape")),
        with_header(lambda h: h.update(a=3)),
    ]
    for data in damaged:
        with pytest.raises(RuntimeError, match=r"safetensors.load"):
            safetensors.load(data)
        path.write_bytes(data)
        with pytest.raises(RuntimeError, match=r"safetensors.load"):
            safetensors.load_file(path)


def test_safetensors_package_agrees(tmp_path):
    package = pytest.importorskip("safetensors.numpy")
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    arrays = {
        "a": np.arange(6, dtype=np.int16).reshape(2, 3),
        "b": np.array(1.5),
        "c": np.array([True, False]),
    }
    package.save_file(arrays, theirs)
    safetensors.save_file({name: plait.tensor(a) for name, a in arrays.items()}, ours)
    for name, a in package.load_file(ours).items():
        np.testing.assert_array_equal(a, arrays[name])
        np.testing.assert_array_equal(safetensors.load_file(theirs)[name].numpy(), arrays[name])
