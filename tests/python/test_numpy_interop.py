"""Arrays in and out: NumPy, the buffer protocol, DLPack."""

import array
import operator

import numpy as np
import plait
import pytest
from opinfo.core import ALL

NUMPY = [d for d in ALL if d != "bfloat16"]


@pytest.mark.parametrize("dtype", NUMPY)
def test_from_numpy_shares(dtype):
    a = np.zeros((2, 3), dtype)
    x = plait.from_numpy(a)
    assert x.dtype is getattr(plait, dtype) and x.shape == (2, 3)
    a[0, 1] = 1
    assert x[0, 1].item() == 1
    x[1, 2] = 1
    assert a[1, 2] == 1


@pytest.mark.parametrize("dtype", NUMPY)
def test_numpy_shares(dtype):
    x = plait.zeros((2, 3), dtype=getattr(plait, dtype))
    a = x.numpy()
    assert a.dtype == dtype and a.shape == (2, 3)
    x[0, 0] = 1
    assert a[0, 0] == 1
    a[1, 1] = 1
    assert x[1, 1].item() == 1


def test_layouts_pass_without_a_copy():
    a = np.arange(24.0).reshape(2, 3, 4)
    for view in (a.T, a[:, ::2], a[1:, :, 1:3], a.transpose(1, 0, 2), a[0, 0, 0:0]):
        x = plait.from_numpy(view)
        assert x.shape == view.shape and np.array_equal(x.numpy(), view)
        if view.size:
            assert x.data_ptr() == view.ctypes.data
            assert tuple(s * 8 for s in x.stride()) == view.strides
    x = plait.arange(24).reshape(2, 3, 4).permute(2, 0, 1)[1:]
    assert np.array_equal(x.numpy(), np.arange(24).reshape(2, 3, 4).transpose(2, 0, 1)[1:])
    assert np.shares_memory(x.numpy(), x.numpy())


def test_what_cannot_come_in():
    with pytest.raises(ValueError, match=r"(?i)negative"):
        plait.from_numpy(np.arange(4)[::-1])
    assert plait.tensor(np.arange(4)[::-1]).tolist() == [3, 2, 1, 0], "a copy can"
    for bad in (
        np.array(["text"]),
        np.array([None]),
        np.zeros(2, "datetime64[s]"),
        np.zeros(2, [("a", "f4")]),
        np.zeros(1, "longdouble"),
    ):
        with pytest.raises(TypeError, match=r"(?i)dtype|type"):
            plait.from_numpy(bad)
    with pytest.raises(TypeError):
        plait.from_numpy([1, 2])
    swapped = np.arange(3, dtype=">i4")
    try:
        assert plait.tensor(swapped).tolist() == [0, 1, 2]
    except (TypeError, ValueError) as e:
        assert "byte" in str(e).lower()


@pytest.mark.parametrize("dtype", ["float16", "int32", "float64", "complex64", "complex128"])
def test_memory_that_begins_in_the_midst_of_an_element(dtype):
    raw = bytearray(range(97))
    odd = np.frombuffer(raw, np.uint8)[1:]
    array = odd.view(dtype)
    with pytest.raises(ValueError, match=f"multiple of .* {dtype}|{dtype} at a multiple of"):
        plait.from_numpy(array)
    with pytest.raises(ValueError, match="multiple of"):
        plait.from_dlpack(array)
    with pytest.raises(ValueError, match="multiple of"):
        plait.frombuffer(memoryview(raw)[1:], dtype=getattr(plait, dtype), count=2)
    flat = plait.from_numpy(odd)
    with pytest.raises(ValueError, match="clone"):
        flat.view(getattr(plait, dtype))
    for copied in (plait.tensor(array), flat.clone().view(getattr(plait, dtype))):
        assert copied.data_ptr() % 16 == 0 and np.array_equal(copied.numpy(), array, equal_nan=True)
    assert plait.from_numpy(array[:0]).shape == (0,)


def test_read_only_arrays():
    a = np.zeros(3)
    a.flags.writeable = False
    try:
        with pytest.warns(UserWarning, match=r"(?i)writ"):
            plait.from_numpy(a)
    except (ValueError, TypeError) as e:
        assert "writ" in str(e).lower() or "read" in str(e).lower()


def test_what_cannot_go_out():
    with pytest.raises(RuntimeError, match=r"detach"):
        plait.ones(1, requires_grad=True).numpy()
    with pytest.raises(TypeError, match=r"(?i)bfloat16"):
        plait.ones(1, dtype=plait.bfloat16).numpy()
    with pytest.raises((RuntimeError, TypeError, NotImplementedError), match=r"(?i)meta"):
        plait.ones(1, device="meta").numpy()


def test_memory_lives_as_long_as_either():
    a = plait.arange(1000).numpy()
    x = plait.from_numpy(np.arange(1000))
    for _ in range(50):
        plait.full((1000,), -1)
        np.full(1000, -1)
    assert a.sum() == x.sum().item() == 499500


def test_array_protocol():
    x = plait.tensor([[1.0, 2.0]])
    assert np.array_equal(np.asarray(x), [[1, 2]]) and np.asarray(x).dtype == np.float32
    assert np.asarray(x, dtype=np.float64).dtype == np.float64
    assert np.shares_memory(np.asarray(x), x.numpy()) and not np.shares_memory(np.array(x), x.numpy())
    assert np.concatenate([x, x]).shape == (2, 2)
    with pytest.raises(RuntimeError, match="detach"):
        np.asarray(plait.ones(1, requires_grad=True))
    assert np.asarray(plait.tensor(5)).shape == ()


def test_numpy_on_the_left():
    x = plait.tensor([1.0, 2.0])
    for left in (np.float32(2), np.float64(2), np.int64(2)):
        y = left * x
        assert isinstance(y, plait.Tensor) and y.tolist() == [2, 4] and y.dtype is plait.float32
        assert (x * left).tolist() == [2, 4]


def test_buffer_protocol():
    x = plait.tensor([[1, 2], [3, 4]], dtype=plait.int32)
    m = memoryview(x)
    assert m.format == "i" and m.shape == (2, 2) and m.tolist() == [[1, 2], [3, 4]] and not m.readonly
    m[0, 0] = 9
    assert x[0, 0].item() == 9
    y = plait.frombuffer(array.array("f", [1, 2, 3]), dtype=plait.float32)
    assert y.tolist() == [1, 2, 3]
    assert plait.frombuffer(
        bytearray(b"\x01\x02\x03\x04"), dtype=plait.uint8, count=2, offset=1
    ).tolist() == [2, 3]
    with pytest.raises(ValueError):
        plait.frombuffer(bytearray(3), dtype=plait.float32)
    with pytest.raises((ValueError, BufferError, TypeError)):
        memoryview(plait.ones(2, dtype=plait.bfloat16))
    with pytest.raises((ValueError, BufferError, RuntimeError)):
        memoryview(plait.ones(2, requires_grad=True))


def test_tensors_of_buffers():
    assert plait.tensor(array.array("d", [1, 2])).tolist() == [1, 2]
    assert plait.tensor(memoryview(np.arange(3))).tolist() == [0, 1, 2]


@pytest.mark.parametrize("dtype", ALL)
def test_dlpack_round_trip(dtype):
    x = plait.ones((2, 3), dtype=getattr(plait, dtype)).t()
    y = plait.from_dlpack(x)
    assert (
        y.dtype is x.dtype and y.shape == (3, 2) and y.stride() == x.stride() and y.data_ptr() == x.data_ptr()
    )
    assert plait.utils.dlpack.from_dlpack(plait.utils.dlpack.to_dlpack(x)).data_ptr() == x.data_ptr()


def test_dlpack_with_numpy():
    a = np.arange(6.0).reshape(2, 3)
    x = plait.from_dlpack(a)
    x[0, 0] = 7
    assert a[0, 0] == 7
    b = np.from_dlpack(plait.arange(4))
    assert b.tolist() == [0, 1, 2, 3]
    assert plait.ones(1).__dlpack_device__() == (1, 0)


def test_dlpack_errors():
    with pytest.raises((RuntimeError, BufferError), match=r"(?i)grad"):
        plait.ones(1, requires_grad=True).__dlpack__()
    capsule = plait.ones(1).__dlpack__()
    plait.from_dlpack(capsule)
    with pytest.raises((RuntimeError, ValueError, TypeError, BufferError)):
        plait.from_dlpack(capsule)
    with pytest.raises((RuntimeError, ValueError, TypeError, AttributeError)):
        plait.from_dlpack(object())
    unused = plait.ones(1000).__dlpack__()
    del unused  # its deleter runs once


def test_indexing_with_arrays():
    x = plait.arange(6).reshape(2, 3)
    assert x[np.array([1, 0])].tolist() == [[3, 4, 5], [0, 1, 2]]
    assert x[np.array([True, False])].tolist() == [[0, 1, 2]]
    assert x[np.int64(1), np.int32(2)].item() == 5
    x[np.array([0])] = 9
    assert x[0].tolist() == [9, 9, 9]
    for index in (
        np.s_[1],
        np.s_[:, 1:],
        np.s_[..., -1],
        np.s_[None, 0],
        np.s_[0, ::2],
        np.s_[[1, 0], [0, 2]],
        np.s_[:, [2, 0]],
    ):
        assert np.array_equal(x[index].numpy(), x.numpy()[index]), index


def test_indexing_like_numpy():
    rng = np.random.default_rng(5)
    a = rng.integers(0, 100, (4, 5, 6))
    x = plait.from_numpy(a)
    parts = [
        slice(None),
        slice(1, 3),
        slice(None, None, 2),
        1,
        -1,
        None,
        Ellipsis,
        [0, 2],
        np.array([[1], [3]]),
        slice(5, 1),
    ]
    tried = 0
    for _ in range(400):
        index = tuple(parts[i] for i in rng.integers(0, len(parts), rng.integers(1, 5)))
        if sum(i is Ellipsis for i in index) > 1 or sum(not (i is None or i is Ellipsis) for i in index) > 3:
            continue
        if any(isinstance(i, int) for i in index) and any(isinstance(i, (list, np.ndarray)) for i in index):
            continue  # to NumPy an integer beside an array is an array too, to PyTorch it selects first
        try:
            want = a[index]
        except IndexError:
            with pytest.raises(IndexError):
                x[tuple(plait.tensor(i) if isinstance(i, np.ndarray) else i for i in index)]
            continue
        got = x[tuple(plait.tensor(i) if isinstance(i, np.ndarray) else i for i in index)]
        assert got.shape == want.shape and np.array_equal(got.numpy(), want), index
        tried += 1
    assert tried > 100


OPERATORS = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "eq", "ne", "lt", "le", "gt", "ge"]


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_take_arrays_on_either_side(name):
    """A comparison above all: where neither side knows the other, Python says False without a word."""
    function = getattr(operator, name)
    t = plait.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    for a in (np.array([3.0, 2.0, 1.0]), np.array([3, 2, 1], dtype=np.int32), np.array(2.0)[None][::-1]):
        for got, want in ((function(t, a), function(t.numpy(), a)), (function(a, t), function(a, t.numpy()))):
            assert type(got) is plait.Tensor
            np.testing.assert_allclose(got.numpy(), want, rtol=1e-6)


def test_products_with_arrays():
    t, a = plait.arange(6.0).reshape(2, 3), np.arange(6.0, dtype=np.float32).reshape(3, 2)
    assert (t @ a).tolist() == (t.numpy() @ a).tolist()
    assert (a @ t).tolist() == (a @ t.numpy()).tolist()


def test_gradients_pass_operators_with_arrays():
    x = plait.ones(3, requires_grad=True)
    (x * np.array([1.0, 2.0, 3.0], dtype=np.float32)).sum().backward()
    assert x.grad.tolist() == [1, 2, 3]


def test_arrays_of_other_dtypes_are_refused_by_name():
    with pytest.raises(TypeError, match="no plait dtype"):
        plait.ones(1) == np.array(["a"])


def test_an_array_added_in_place_makes_a_new_tensor():
    x = before = plait.ones(2)
    x += np.array([1.0, 2.0])
    assert x.dtype is plait.float64 and x.tolist() == [2, 3] and before.tolist() == [1, 1]


def test_functions_of_numpy_give_tensors():
    t = plait.tensor([0.0, 1.0, 4.0])
    for got, want in (
        (np.sqrt(t), [0, 1, 2]),
        (np.maximum(t, 1), [1, 1, 4]),
        (np.isnan(t), [False] * 3),
        (np.add.reduce(t), 5),
    ):
        assert type(got) is plait.Tensor and got.tolist() == want


def test_lists_of_numpy_scalars_have_their_dtype():
    cases = [
        ([np.float64(1), 2], plait.float64),
        ([1.0, np.float64(2)], plait.float64),
        ([[np.float64(1)], [2]], plait.float64),
        ([np.float32(1), 2.0], plait.float32),
        ([np.float16(1)], plait.float16),
        ([np.int32(1)], plait.int32),
        ([np.int8(1), np.int16(2)], plait.int16),
        ([np.int32(1), 2], plait.int64),
        ([np.bool_(True)], plait.bool),
        ([np.complex64(1)], plait.complex64),
        ([np.uint16(1)], plait.int64),
        ([plait.tensor(1, dtype=plait.int8), 2], plait.int64),
        ([plait.tensor(1.0, dtype=plait.float64), 2], plait.float64),
    ]
    for data, dtype in cases:
        assert plait.tensor(data).dtype is dtype, data
        assert plait.as_tensor(data).dtype is dtype, data
    assert plait.tensor([np.float64(1)], dtype=plait.float16).dtype is plait.float16


@pytest.mark.parametrize("kind", [np.int32, np.uint8, lambda n: np.array(n), lambda n: plait.tensor(n)])
def test_sizes_of_arrays_without_dimensions(kind):
    two, three = kind(2), kind(3)
    assert plait.zeros(two, three).shape == (2, 3)
    assert plait.zeros([two, three]).shape == (2, 3)
    assert plait.arange(6).reshape(two, three).sum(dim=kind(1)).tolist() == [3, 12]
