"""The old constructors: sizes or data, isinstance by dtype, names in Tensor.type; PyTorch where installed."""

import numpy as np
import plait
import pytest

NAMES = {
    "FloatTensor": "float32",
    "DoubleTensor": "float64",
    "HalfTensor": "float16",
    "BFloat16Tensor": "bfloat16",
    "LongTensor": "int64",
    "IntTensor": "int32",
    "ShortTensor": "int16",
    "CharTensor": "int8",
    "ByteTensor": "uint8",
    "BoolTensor": "bool",
}


@pytest.mark.parametrize("name", NAMES)
def test_data_and_sizes(name):
    make, dtype = getattr(plait, name), getattr(plait, NAMES[name])
    assert make([[0, 1], [1, 0]]).tolist() == [[0, 1], [1, 0]]
    for made, shape in (
        (make([0, 1]), (2,)),
        (make((1, 0, 1)), (3,)),
        (make(np.ones((2, 3))), (2, 3)),
        (make(range(4)), (4,)),
        (make(), (0,)),
        (make(3), (3,)),
        (make(2, 3), (2, 3)),
        (make(0), (0,)),
        (make(plait.Size([2, 4])), (2, 4)),
        (make(size=(2, 4)), (2, 4)),
        (make([plait.tensor(1), plait.tensor(0)]), (2,)),
        (make([1], device="cpu"), (1,)),
        (make(plait.ones(2, 2, dtype=dtype)), (2, 2)),
    ):
        assert made.dtype is dtype and tuple(made.shape) == shape
        assert isinstance(made, make)
        assert made.type() == f"plait.{name}"
    for other in NAMES:
        assert isinstance(make(2), getattr(plait, other)) == (other == name)
    assert not isinstance(3, make) and not isinstance([1, 2], make)
    assert make.dtype is dtype and not make.is_cuda


def test_it_shares_a_tensor_and_copies_an_array():
    source = plait.tensor([1.0, 2.0])
    plait.FloatTensor(source)[0] = 5.0
    assert source.tolist() == [5.0, 2.0]
    array = np.ones(2, dtype=np.float32)
    plait.FloatTensor(array)[0] = 5.0
    assert array.tolist() == [1.0, 1.0]


def test_values_are_converted():
    assert plait.LongTensor([1.7, -1.7]).tolist() == [1, -1]
    assert plait.BoolTensor([2, 0, -1]).tolist() == [True, False, True]


def test_parameters_and_meta():
    assert isinstance(plait.nn.Parameter(plait.ones(2)), plait.FloatTensor)
    assert not isinstance(plait.ones(2, device="meta"), plait.FloatTensor)
    assert not isinstance(plait.ones(2), plait.cuda.FloatTensor)
    assert plait.cuda.FloatTensor.is_cuda


def test_type():
    x = plait.tensor([1.5, 2.5])
    for wanted in ("torch.LongTensor", "plait.LongTensor", plait.LongTensor, plait.int64):
        assert x.type(wanted).dtype is plait.int64 and x.type(wanted).tolist() == [1, 2]
    assert x.type("torch.FloatTensor") is x and x.type(plait.Tensor) is x
    assert x.type(x.type()) is x
    assert plait.nn.Linear(2, 2).type("torch.DoubleTensor").weight.dtype is plait.float64
    assert plait.tensor([1, 2]).new(3).dtype is plait.int64
    assert plait.tensor([1, 2]).new(2, 3).shape == (2, 3)
    assert plait.tensor([1.0, 2]).new([4, 5]).tolist() == [4.0, 5.0]


def test_python_types():
    for kind, dtype in ((int, "int64"), (bool, "bool")):
        assert plait.ones(2).to(kind).dtype is getattr(plait, dtype)
        assert plait.ones(2).type(kind).dtype is getattr(plait, dtype)


def test_numpy_sizes():
    assert plait.FloatTensor(np.int64(2), 3).shape == (2, 3)


def test_aliases():
    x = plait.tensor([-2.0, 0.5, 2.0])
    assert x.clip_(-1, 1) is x and x.tolist() == [-1, 0.5, 1]
    assert plait.legacy_contiguous_format is plait.contiguous_format


def test_default_type():
    try:
        plait.set_default_tensor_type("torch.DoubleTensor")
        assert plait.ones(1).dtype is plait.float64
        assert plait.ones(1).type("torch.Tensor").dtype is plait.float64
    finally:
        plait.set_default_tensor_type(plait.FloatTensor)
    assert plait.ones(1).dtype is plait.float32


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: plait.FloatTensor(plait.ones(2, dtype=plait.float64)), TypeError, "float64"),
        (lambda: plait.FloatTensor(2.5), TypeError, "plait.tensor"),
        (lambda: plait.LongTensor(True), TypeError, "bool"),
        (lambda: plait.LongTensor(1, 2, [3]), TypeError, "list"),
        (lambda: plait.LongTensor("abc"), TypeError, "str"),
        (lambda: plait.LongTensor([1], dtype=plait.int32), TypeError, "dtype"),
        (lambda: plait.FloatTensor(-1), (ValueError, RuntimeError), "-1"),
        (lambda: plait.ones(1).type("LongTensor"), ValueError, "plait.FloatTensor"),
        (lambda: plait.ones(1).type("torch.StrangeTensor"), ValueError, "StrangeTensor"),
        (lambda: plait.set_default_tensor_type(plait.LongTensor), TypeError, "floating"),
        (lambda: plait.FloatTensor([1], device="cuda:9"), RuntimeError, "cuda"),
    ],
)
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()


DATA = [[1.7], [1, 2], [[1], [2]], (2, 3), [], [True, False], np.arange(3.0), np.array(3.0)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("data", DATA, ids=repr)
def test_as_pytorch(name, data):
    torch = pytest.importorskip("torch")
    theirs, ours = getattr(torch, name)(data), getattr(plait, name)(data)
    assert theirs.tolist() == ours.tolist() and tuple(theirs.shape) == tuple(ours.shape)
