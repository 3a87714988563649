"""resize_, resize_as_ and set_: who shares memory before and after, what is kept, what is refused."""

import plait
import pytest
from cuda_device import needs_cuda


@pytest.fixture(autouse=True, params=["cpu", pytest.param("cuda", marks=needs_cuda)])
def device(request):
    plait.set_default_device(request.param)
    yield request.param
    plait.set_default_device("cpu")


def test_a_smaller_size_keeps_the_memory():
    x = plait.arange(6.0)
    alias = x.detach()
    assert x.resize_(2, 2) is x
    assert x.tolist() == [[0, 1], [2, 3]] and x.is_contiguous()
    x.fill_(9)
    assert alias.tolist() == [9, 9, 9, 9, 4, 5]
    assert x.resize_((6,)).tolist() == [9, 9, 9, 9, 4, 5], "what was left out is still there"


def test_a_larger_size_moves():
    x = plait.arange(3.0)
    alias = x.detach()
    x.resize_(2, 4)
    assert x.shape == (2, 4) and x.flatten()[:3].tolist() == [0, 1, 2]
    x.fill_(7)
    assert alias.tolist() == [0, 1, 2]


@pytest.mark.parametrize("dtype", ["bool", "int64", "float16", "complex128"])
def test_dtypes_and_sizes_without_elements(dtype):
    x = plait.ones(2, 3, dtype=getattr(plait, dtype))
    assert x.resize_(0).shape == (0,)
    assert x.resize_(2, 0, 5).shape == (2, 0, 5)
    assert x.resize_(()).item() == 1
    assert x.resize_(3, 2).tolist() == plait.ones(3, 2, dtype=x.dtype).tolist()


def test_an_offset_stays():
    x = plait.arange(6)[2:].detach()
    assert x.storage_offset() == 2
    assert x.resize_(2).tolist() == [2, 3] and x.storage_offset() == 2
    assert x.resize_(2, 3).flatten()[:4].tolist() == [2, 3, 4, 5]


def test_memory_formats():
    x = plait.empty(0).resize_((1, 2, 3, 4), memory_format=plait.channels_last)
    assert x.stride() == plait.empty(1, 2, 3, 4).contiguous(memory_format=plait.channels_last).stride()
    y = plait.empty(0).resize_as_(x, memory_format=plait.preserve_format)
    assert y.shape == x.shape and y.stride() == x.stride()
    assert plait.resize_as_(y, plait.empty(4, 6)) is y and y.stride() == (6, 1)


def test_meta():
    assert plait.empty(3, device="meta").resize_(5, 2).shape == (5, 2)


def test_set_shares():
    x, y = plait.arange(6.0), plait.zeros(2)
    assert y.set_(x) is y and y.shape == (6,)
    y[0] = 10
    assert x[0].item() == 10
    y.set_(x, 1, (2, 2), (1, 2))
    assert y.tolist() == [[1, 3], [2, 4]]
    y.set_(x.untyped_storage(), 2, (3,))
    assert y.tolist() == [2, 3, 4]
    assert y.set_(x.untyped_storage()).shape == (6,)
    assert y.set_().shape == (0,)
    version = x._version
    y.set_(x).mul_(2)
    assert x._version > version, "writes through either are seen by the tape"


def test_refusals():
    x = plait.arange(4.0)
    with pytest.raises(RuntimeError, match=r"requires grad.*detach"):
        plait.ones(2, requires_grad=True).resize_(3)
    with pytest.raises(RuntimeError, match=r"is a view.*detach"):
        x[1:].resize_(2)
    with pytest.raises(RuntimeError, match="is a view"):
        x[1:].set_(plait.ones(2))
    with pytest.raises(TypeError, match=r"dtype plait.float32 .*got plait.int64"):
        x.set_(plait.arange(3))
    with pytest.raises(TypeError, match="Tensor or an UntypedStorage, got int"):
        x.set_(3)
    with pytest.raises(TypeError, match="a size beside storage_offset"):
        plait.ones(1).set_(x, 2)
    with pytest.raises(ValueError, match="beyond a storage of 4 elements"):
        plait.ones(1).set_(x, 2, (3,))
    with pytest.raises((ValueError, RuntimeError), match=r"negative|-1"):
        x.resize_(-1)


def test_set_of_a_parameter_without_the_tape():
    p = plait.nn.Parameter(plait.zeros(3))
    other = plait.ones(3)
    with plait.no_grad():
        assert p.set_(other) is p
    assert p.requires_grad and p.is_leaf and p.data_ptr() == other.data_ptr()
    (p * 2).sum().backward()
    assert p.grad.tolist() == [2, 2, 2]
    with pytest.raises(RuntimeError, match="requires grad"):
        p.set_(other)
