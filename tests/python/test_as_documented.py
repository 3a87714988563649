"""Calls of PyTorch's documented interface that its own tests make and few programs do: against NumPy and what the
documentation says."""

import numpy as np
import plait
import pytest


def values(*shape, dtype=plait.float32):
    return plait.arange(1, int(np.prod(shape)) + 1, dtype=dtype).reshape(shape)


@pytest.mark.parametrize(
    "index",
    [
        np.s_[np.arange(4), np.arange(4)],
        np.s_[:, [0, 1]],
        np.s_[[0, 1]],
        np.s_[True],
        np.s_[[[0], [1]], [2, 3]],
        np.s_[np.eye(4) > 0],
        np.s_[1:3, [0, 2]],
        np.s_[0, 1:3],
        np.s_[2, 3],
    ],
    ids=str,
)
@pytest.mark.parametrize("ones", [0, 1, 3])
def test_leading_ones_of_assigned_values_are_dropped(index, ones):
    expected = np.zeros((4, 4))
    shape = expected[index].shape
    source = np.arange(1.0, np.prod(shape) + 1).reshape(shape)
    expected[index] = source
    x = plait.zeros(4, 4, dtype=plait.float64)
    given = tuple(plait.tensor(i) if isinstance(i, np.ndarray) else i for i in (index if isinstance(index, tuple) else (index,)))
    v = plait.tensor(source).reshape((1,) * ones + shape).requires_grad_()
    y = x.clone()
    y[given] = v
    np.testing.assert_array_equal(y.detach().numpy(), expected)
    (y * y).sum().backward()
    np.testing.assert_array_equal(v.grad.numpy(), 2 * v.detach().numpy())


def test_values_of_other_shapes_are_refused():
    x = plait.zeros(4, 4)
    with pytest.raises(ValueError, match=r"values of shape \(2, 4\) cannot be broadcast"):
        x[plait.arange(4), plait.arange(4)] = plait.ones(2, 4)


def test_tensors_without_elements_are_contiguous():
    y = plait.ones(2, 3, 4, 5)[:, :, :, 1][:, 1:1, :]
    assert y.stride() == (60, 20, 5) and y.is_contiguous()
    assert plait.ones(3, 4).t()[:0].is_contiguous() and not plait.ones(3, 4).t().is_contiguous()


FACTORIES = {
    "zeros": lambda **k: plait.zeros(2, 3, **k),
    "ones": lambda **k: plait.ones(2, 3, **k),
    "full": lambda **k: plait.full((2, 3), 7, **k),
    "eye": lambda **k: plait.eye(2, 3, **k),
    "arange": lambda **k: plait.arange(1, 6, 2, **k),
    "range": lambda **k: plait.range(0, 4, 2, **k),
    "linspace": lambda **k: plait.linspace(0, 10, 5, **k),
    "logspace": lambda **k: plait.logspace(0, 2, 3, **k),
    "randint": lambda **k: plait.randint(0, 9, (4,), **k),
    "randperm": lambda **k: plait.randperm(5, **k),
    "rand": lambda **k: plait.rand(4, **k),
    "randn": lambda **k: plait.randn(4, **k),
}


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float16", "float32", "float64"])
@pytest.mark.parametrize("name", FACTORIES)
def test_factories_take_the_dtype_of_out(name, dtype):
    dtype = getattr(plait, dtype)
    if name in ("rand", "randn") and not dtype.is_floating_point:
        pytest.skip("numbers of a floating dtype")
    out = plait.empty(0, dtype=dtype)
    plait.manual_seed(0)
    expected = FACTORIES[name](dtype=dtype)
    plait.manual_seed(0)
    assert FACTORIES[name](out=out) is out
    assert out.dtype == dtype and plait.equal(out, expected)


def test_memory_format_of_empty():
    x = plait.empty(2, 3, 4, 5, memory_format=plait.channels_last)
    assert x.stride() == (60, 1, 15, 3)
    assert plait.empty(2, 3, memory_format=plait.contiguous_format).is_contiguous()
    assert plait.empty(2, 3, 4, 4, 4, memory_format=plait.channels_last_3d).is_contiguous(memory_format=plait.channels_last_3d)


def test_integers_are_drawn_from_what_the_dtype_holds():
    plait.manual_seed(0)
    for dtype in (plait.float16, plait.bfloat16, plait.float32, plait.float64):
        most = {2: 2**11, 4: 2**24, 8: 2**53}[plait.empty(0, dtype=dtype).element_size()]
        most = 2**8 if dtype == plait.bfloat16 else most
        x = plait.empty(2000, dtype=dtype).random_(-most, None).double()
        assert -most <= x.min() < -0.9 * most and 0.9 * most < x.max() <= most
    x = plait.empty(2000, dtype=plait.int8).random_(-128, None)
    assert x.min() < -100 and x.max() > 100
    for dtype, low, high in ((plait.uint8, 0, 300), (plait.uint8, -1, 3), (plait.bool, 0, 3), (plait.int8, -129, 0)):
        with pytest.raises(ValueError, match="random_: expected from"):
            plait.empty(4, dtype=dtype).random_(low, high)


def test_sizes_that_stay():
    x = plait.arange(6).reshape(2, 3).t()
    assert x.resize_(3, 2) is x and x.stride() == (1, 3)
    assert x.resize_as_(x) is x
    template = plait.ones(3, 10, 3, 4, 5).contiguous(memory_format=plait.channels_last_3d)
    y = plait.empty(template.numel()).resize_as_(template, memory_format=plait.preserve_format)
    assert y.is_contiguous(memory_format=plait.channels_last_3d)


def test_arguments_left_out_or_empty():
    assert plait.roll(plait.arange(4), 1, None).tolist() == [3, 0, 1, 2]
    assert plait.block_diag().shape == (1, 0)
    assert float(plait.tensor(2 + 0j)) == 2.0
    with pytest.raises(TypeError, match="complex"):
        float(plait.tensor(2 + 1j))
    with pytest.raises(TypeError, match="unravel_index: expected indices of an integer dtype"):
        plait.unravel_index(plait.tensor(0.5), (2, 2))
    for name in ("mT", "H", "mH"):
        with pytest.raises(RuntimeError, match="expected a matrix"):
            getattr(plait.ones(3), name)


def test_asarray_of_capsules_and_of_results():
    x = plait.arange(3.0)
    y = plait.asarray(x.__dlpack__())
    assert y.data_ptr() == x.data_ptr() and y.tolist() == [0, 1, 2]
    result = plait.ones(2, requires_grad=True).clone()
    assert plait.asarray(result) is plait.asarray(result, requires_grad=True) is result
    assert plait.asarray(result, requires_grad=False).grad_fn is None


def test_the_cpu_as_a_device():
    cpu = plait.cpu
    assert (cpu.is_available(), cpu.device_count(), cpu.current_device()) == (True, 1, "cpu")
    cpu.synchronize()
    with cpu.stream(None), cpu.amp.autocast():
        assert (plait.ones(2, 2) @ plait.ones(2, 2)).dtype == plait.bfloat16
