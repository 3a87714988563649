"""Structures from outside, sound and unsound ones mixed: buffers, DLPack, pickled tensors, state dicts, schemas.

Each is taken, or raises one of Python's usual errors; nothing is read beyond its end.
"""

import ctypes
import pickle
import random

import numpy as np
import plait
import plait.library
import pytest
from plait import _C
from plait._tensor import _rebuild

pytestmark = pytest.mark.filterwarnings("ignore:.*read-only:UserWarning")

REFUSALS = (
    ValueError,
    TypeError,
    RuntimeError,
    IndexError,
    OverflowError,
    KeyError,
    AttributeError,
    BufferError,
)
INTEGERS = [0, 1, 2, 3, 7, -1, -2, 1 << 31, 1 << 40, 1 << 62, -(1 << 62), (1 << 63) - 1, -(1 << 63)]
DTYPES = [plait.float32, plait.uint8, plait.bool, plait.complex128, plait.bfloat16, plait.int64, None, 3, "x"]


@pytest.fixture
def source():
    seed = random.randrange(1 << 30)
    print("seed", seed)
    return random.Random(seed)


def counted(attempts):
    """How many attempts were taken, and how many refused."""
    taken = refused = 0
    for attempt in attempts:
        try:
            result = attempt()
        except REFUSALS:
            refused += 1
            continue
        taken += 1
        if isinstance(result, plait.Tensor) and not result.is_meta and all(s < 1000 for s in result.shape):
            result.tolist()
    return taken, refused


def integers(source, count):
    return [source.choice(INTEGERS[:5] if source.random() < 0.7 else INTEGERS) for _ in range(count)]


def test_pickled_tensors_and_views_of_storages(source):
    def attempts():
        for _ in range(1500):
            n = source.randrange(4)
            sizes, strides = integers(source, n), integers(source, source.choice([n, n, n, n + 1]))
            dtype, data = source.choice(DTYPES), bytes(source.randrange(40))
            cls = source.choice([plait.Tensor, plait.nn.Parameter, int])
            attributes = source.choice([None, {}, {"a": 1}, 3])
            device = source.choice(["cpu", "cpu", "meta", "cuda:99", 3])
            offset, base = source.choice(INTEGERS), plait.ones(source.choice([0, 1, 5]))
            yield lambda: _rebuild(
                cls, data, dtype, sizes, strides, source.choice([0, 1]), attributes, device
            )
            yield lambda: _C._tensor_on_storage(base, dtype, sizes, strides, offset)
            yield lambda: base.as_strided(sizes, strides, offset)

    taken, refused = counted(attempts())
    assert taken > 100 and refused > 1000
    # Where there is nothing to read, the place of it has to be within the storage, or at its end.
    assert plait.ones(5).as_strided((0,), (1,), 5).tolist() == []
    for offset in (-1, 6, 1 << 62, -(1 << 62)):
        with pytest.raises(ValueError):
            plait.ones(5).as_strided((0,), (1,), offset)


def test_buffers(source):
    take = [plait.as_tensor, plait.tensor, plait.from_numpy]
    types = [
        ctypes.c_float,
        ctypes.c_int8,
        ctypes.c_longdouble,
        ctypes.c_wchar,
        ctypes.c_void_p,
        ctypes.c_bool,
    ]
    dtypes = ["<f4", "<i8", "|b1", "<c16", "<f2", ">f4", "|V3", "<U3", "<M8[s]", "|S2"]

    def attempts():
        for _ in range(500):
            f = source.choice(take)
            array = (source.choice(types) * source.choice([0, 1, 3]))()
            yield lambda: f(array)
            yield lambda: f((ctypes.c_int16 * 3 * source.choice([0, 2]))())
            dtype, count, offset = (
                source.choice(DTYPES),
                source.choice([-1, *INTEGERS]),
                source.choice(INTEGERS),
            )
            yield lambda: plait.frombuffer(array, dtype=dtype, count=count, offset=offset)
            kind, step = np.dtype(source.choice(dtypes)), source.randrange(8)
            # At any address, so that elements need not lie at multiples of their size.
            view = np.frombuffer(bytearray(200), np.uint8)[step : step + kind.itemsize * 6].view(kind)
            yield lambda: f(view)
            shape, strides = (
                (source.choice([0, 1, 4]), source.choice([0, 3])),
                source.choice([(0, 4), (4, 0), (-4, 4), (3, 4)]),
            )
            base = np.zeros(64, "<f4")[32:]
            yield lambda: f(np.lib.stride_tricks.as_strided(base, shape, strides))
            part = memoryview(bytearray(24)).cast(source.choice("bBhHiIlLqQfdcn?"))[
                :: source.choice([1, 2, -1])
            ]
            yield lambda: f(part)

    taken, refused = counted(attempts())
    assert taken > 300 and refused > 300
    assert plait.as_tensor((ctypes.c_int16 * 3 * 2)((1, 2, 3), (4, 5, 6))).tolist() == [[1, 2, 3], [4, 5, 6]]


class DLTensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int),
        ("device_id", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("byte_offset", ctypes.c_uint64),
        ("context", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
    ]


CAPSULE_NAME = b"dltensor"


def capsule(tensor):
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    return new(ctypes.addressof(tensor), CAPSULE_NAME, None)


def test_dlpack(source):
    memory, kept = ctypes.create_string_buffer(4096), []

    def attempts():
        for _ in range(1500):
            sizes, strides = (
                (ctypes.c_int64 * 70)(*integers(source, 70)),
                (ctypes.c_int64 * 70)(*integers(source, 70)),
            )
            tensor = DLTensor(
                ctypes.addressof(memory) if source.random() < 0.9 else None,
                source.choice([1, 1, 1, 2, 3, 99]),
                source.choice([0, 0, 0, -1, 300]),
                source.choice([0, 1, 2, 3, -1, 65, 1 << 30, -(1 << 31)]),
                source.choice([0, 1, 2, 2, 4, 5, 6, 99]),
                source.choice([8, 32, 32, 64, 1, 0, 128]),
                source.choice([1, 1, 1, 4]),
                ctypes.addressof(sizes) if source.random() < 0.9 else None,
                ctypes.addressof(strides) if source.random() < 0.7 else None,
            )
            kept.append((tensor, sizes, strides))
            yield lambda: plait.from_dlpack(capsule(tensor)).shape

    taken, refused = counted(attempts())
    assert taken > 20 and refused > 500
    sizes = (ctypes.c_int64 * 2)(3, 1 << 62)
    for ndim, shape, text in [
        (-1, sizes, "up to 64 dimensions"),
        (2, None, "and their sizes"),
        (2, sizes, "from_dlpack"),
    ]:
        tensor = DLTensor(
            ctypes.addressof(memory), 1, 0, ndim, 2, 32, 1, ctypes.addressof(shape) if shape else None
        )
        with pytest.raises(ValueError, match=text):
            plait.from_dlpack(capsule(tensor))


def test_state_dicts(source):
    model = plait.nn.Sequential(plait.nn.Linear(2, 3), plait.nn.BatchNorm1d(3))
    optimizer = plait.optim.Adam(model.parameters())
    model(plait.ones(4, 2)).sum().backward()
    optimizer.step()
    values = [
        None,
        3,
        "x",
        [],
        {},
        plait.ones(1),
        np.ones(3),
        b"",
        object(),
        float("nan"),
        plait.ones(3, 2, device="meta"),
    ]

    def resume(state):
        other = plait.optim.Adam(model.parameters())
        other.load_state_dict(state)
        other.step()

    def attempts():
        for _ in range(400):
            state = model.state_dict()
            state[source.choice(list(state))] = source.choice(values)
            yield lambda: model.load_state_dict(state, strict=source.random() < 0.5) and None
            yield (
                lambda: model.load_state_dict(source.choice([None, 3, [1], {1: 2}, {(): 1}, "abc"])) and None
            )
            saved = optimizer.state_dict()
            if source.random() < 0.5:
                saved["state"][source.choice([0, 1, 99, "x"])] = source.choice(
                    [*values, {"step": 1, "exp_avg": source.choice(values)}]
                )
            else:
                saved["param_groups"] = source.choice(
                    [*values, [{}], [{"params": [0]}], [{"params": source.choice(values)}]]
                )
            yield lambda: resume(saved)

    _, refused = counted(attempts())
    assert refused > 300


def test_schemas(source):
    parts = [
        "f",
        "(",
        ")",
        "->",
        "Tensor",
        "int",
        "float[]",
        "x",
        "?",
        "=",
        "1",
        ",",
        "*",
        "[",
        "]",
        "bool",
        "'a'",
        "::",
        "é",
        "\0",
    ]
    parts += ["a" * 50, "Tensor(a!)", "(a!)", " ", "-", "None", "True", "1e999", "9" * 40, "[1,", "Scalar"]

    def attempts():
        for i in range(1500):
            text = "".join(source.choices(parts, k=source.randrange(1, 14)))
            if source.random() < 0.4:
                text = (
                    f"fuzz{i}("
                    + "".join(source.choices(parts, k=source.randrange(6)))
                    + ") -> "
                    + source.choice(parts)
                )
            yield lambda: plait.library.define(f"fuzzed_schemas::{text}")

    _, refused = counted(attempts())
    assert refused > 1000


def test_pickles_of_tensors_with_flipped_bits(source):
    raw = pickle.dumps({"a": plait.arange(12).reshape(3, 4), "b": plait.ones(3, requires_grad=True)})

    class Reader(pickle.Unpickler):
        """A damaged stream may name any function: here, plait's only."""

        def find_class(self, module, name):
            if not module.startswith("plait"):
                raise ValueError("not plait's")
            return super().find_class(module, name)

    import io

    for _ in range(1500):
        damaged = bytearray(raw)
        for _ in range(source.randrange(1, 4)):
            damaged[source.randrange(len(damaged))] ^= 1 << source.randrange(8)
        try:
            Reader(io.BytesIO(damaged)).load()
        except (*REFUSALS, pickle.UnpicklingError, EOFError, ImportError, MemoryError):
            pass
