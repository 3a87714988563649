"""segment_reduce: NumPy's reductions of the slices, derivatives against finite differences, what it refuses."""

from itertools import pairwise

import numpy as np
import plait
import pytest
from cuda_device import needs_cuda

F64 = plait.float64
NUMPY = {"sum": np.sum, "mean": np.mean, "prod": np.prod, "max": np.max, "min": np.min}
EMPTY = {"sum": 0.0, "mean": np.nan, "prod": 1.0, "max": -np.inf, "min": np.inf}


@pytest.fixture(autouse=True, params=["cpu", pytest.param("cuda", marks=needs_cuda)])
def device(request):
    plait.set_default_device(request.param)
    yield request.param
    plait.set_default_device("cpu")


def expected(x, offsets, reduce, initial):
    def one(part):
        if initial is None:
            return NUMPY[reduce](part, axis=0) if len(part) else np.full(part.shape[1:], EMPTY[reduce])
        if reduce == "mean":
            return (part.sum(0) + initial) / max(len(part), 1)
        return NUMPY[reduce](np.concatenate([np.full((1, *part.shape[1:]), initial), part]), axis=0)

    return np.stack([one(x[b:e]) for b, e in pairwise(offsets)])


@pytest.mark.parametrize("reduce", NUMPY)
@pytest.mark.parametrize("initial", [None, 0.5])
@pytest.mark.parametrize("shape", [(7,), (7, 3), (7, 0)])
def test_segments_along_the_first_axis(reduce, initial, shape):
    x = np.random.default_rng(0).normal(size=shape)
    lengths = [2, 0, 4, 1]
    want = expected(x, np.cumsum([0, *lengths]), reduce, initial)
    for given in ({"lengths": plait.tensor(lengths)}, {"offsets": plait.tensor([0, 2, 2, 6, 7]).int()}):
        got = plait.segment_reduce(plait.tensor(x), reduce, initial=initial, **given)
        assert got.dtype is F64
        np.testing.assert_allclose(got.cpu(), want)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_dtypes_and_strides(dtype):
    x = plait.arange(24.0).reshape(4, 6).to(getattr(plait, dtype)).mT
    assert not x.is_contiguous()
    got = plait.segment_reduce(x, "max", lengths=plait.tensor([1, 5]))
    assert got.dtype is x.dtype and got.tolist() == [[0, 6, 12, 18], [5, 11, 17, 23]]


def test_another_axis_has_segments_of_its_own():
    x = np.random.default_rng(1).normal(size=(2, 5, 3))
    lengths = plait.tensor([[1, 4, 0], [2, 2, 1]])
    for axis in (1, -2):
        got = plait.segment_reduce(plait.tensor(x), "sum", lengths=lengths, axis=axis)
        want = [expected(x[0], [0, 1, 5, 5], "sum", None), expected(x[1], [0, 2, 4, 5], "sum", None)]
        np.testing.assert_allclose(got.cpu(), np.stack(want))


def test_what_no_segment_covers():
    x = plait.tensor([1.0, 2.0, 3.0, 4.0])
    assert plait.segment_reduce(x, "sum", offsets=plait.tensor([1, 2, 3])).tolist() == [2, 3]
    assert plait.segment_reduce(x, "sum", lengths=plait.tensor([1, 1]), unsafe=True).tolist() == [1, 2]
    assert plait.segment_reduce(plait.tensor([1.0, float("nan")]), "max", lengths=plait.tensor([2])).isnan().all()


@pytest.mark.parametrize("reduce", NUMPY)
def test_derivatives(reduce):
    x = plait.tensor(np.random.default_rng(2).normal(size=(6, 2)), requires_grad=True)
    lengths = plait.tensor([3, 1, 2])

    def f(x):
        return plait.segment_reduce(x, reduce, lengths=lengths, initial=0.75 if reduce != "max" else -9.0)

    assert plait.autograd.gradcheck(f, [x])


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({}, ValueError, "one of lengths and offsets, got neither"),
        ({"lengths": [3], "offsets": [0, 3]}, ValueError, "got both"),
        ({"lengths": [1, 1]}, ValueError, r"size of data along axis 0, 3, got sums 2"),
        ({"lengths": [4, -1]}, ValueError, "at least 0"),
        ({"lengths": [[3]]}, ValueError, r"shape \('n',\).*got \(1, 1\)"),
        ({"lengths": [3.0]}, TypeError, "integer dtype, got plait.float32"),
        ({"offsets": []}, (TypeError, ValueError), "offset"),
        ({"lengths": [3], "axis": 1}, IndexError, "axis from -1 to 0"),
        ({"lengths": [3], "reduce": "median"}, ValueError, "'sum', 'mean'.*'median'"),
        ({"indices": [0, 0, 1]}, NotImplementedError, "lengths or offsets"),
    ],
)
def test_refusals(options, error, match):
    given = {k: plait.tensor(v) if isinstance(v, list) else v for k, v in options.items()}
    with pytest.raises(error, match=match):
        plait.segment_reduce(plait.ones(3), given.pop("reduce", "sum"), **given)


@pytest.mark.parametrize("reduce", ["max", "min"])
def test_the_gradient_of_nan_is_that_of_the_elements_which_are(reduce):
    nan = float("nan")
    x = plait.tensor([1.0, nan, 3.0, 4.0, nan, nan], requires_grad=True)
    out = plait.segment_reduce(x, reduce, lengths=plait.tensor([1, 2, 1, 2]))
    np.testing.assert_equal(out.tolist(), [1, nan, 4, nan])
    out.sum().backward()
    assert x.grad.tolist() == [1, 1, 0, 1, 0.5, 0.5]


def test_integers_are_refused():
    with pytest.raises(TypeError, match="floating dtype"):
        plait.segment_reduce(plait.arange(3), "sum", lengths=plait.tensor([3]))


def test_rows_of_sparse_formats(device):
    rows, columns = plait.tensor([0, 0, 2, 5]), plait.tensor([1, 3, 0, 2])
    begins = plait._convert_indices_from_coo_to_csr(rows, 7)
    assert begins.dtype is plait.int64 and begins.tolist() == [0, 2, 2, 3, 3, 3, 4, 4]
    assert plait._convert_indices_from_coo_to_csr(rows.int(), 7, out_int32=True).dtype is plait.int32
    both = plait._convert_indices_from_csr_to_coo(begins, columns)
    assert both.tolist() == [rows.tolist(), columns.tolist()]
    turned = plait._convert_indices_from_csr_to_coo(begins, columns, transpose=True, out_int32=True)
    assert turned.dtype is plait.int32 and turned.tolist() == [columns.tolist(), rows.tolist()]
    assert plait._convert_indices_from_coo_to_csr(rows[:0], 2).tolist() == [0, 0, 0]
    with pytest.raises(TypeError, match="a vector of int64 or int32"):
        plait._convert_indices_from_coo_to_csr(rows.float(), 7)
    x = plait.tensor([3.0, 1.0, 2.0])
    assert plait._segment_reduce(x, "amax", lengths=plait.tensor([2, 1])).tolist() == [3, 2]
