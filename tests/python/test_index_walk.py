"""Indexing of tensors in every layout: gather, scatter, rows and several index tensors against NumPy."""

from __future__ import annotations

import itertools

import numpy as np
import plait
import pytest

SHAPES = [
    (7,),
    (300, 3),
    (3, 300),
    (40, 33),
    (5, 1, 4),
    (4, 70, 5),
    (2, 3, 4, 5),
    (1, 1),
    (9000, 2),
    (2, 9000),
]
DTYPES = [plait.float32, plait.bfloat16, plait.float16, plait.int8, plait.int64, plait.complex64, plait.bool]


def laid_out(x: plait.Tensor, layout: str) -> plait.Tensor:
    """The same elements elsewhere in memory."""
    if layout == "turned":
        return x.permute(*reversed(range(x.dim()))).contiguous().permute(*reversed(range(x.dim())))
    if layout == "apart":
        return x.repeat_interleave(2, -1)[..., ::2]
    return x


def values(rng: np.random.Generator, shape: tuple[int, ...], dtype: plait.dtype) -> plait.Tensor:
    return plait.tensor(rng.integers(-4, 5, shape)).to(dtype)


def as_array(x: plait.Tensor) -> np.ndarray:
    if x.dtype in (plait.bfloat16, plait.float16):
        x = x.float()
    return x.numpy().copy()


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest):
    before = plait.get_num_threads()
    plait.set_num_threads(request.param)
    yield request.param
    plait.set_num_threads(before)


def indices(rng: np.random.Generator, shape: tuple[int, ...], dim: int, form: str) -> plait.Tensor:
    """Shorter than the table in the other dimensions, longer along `dim`, or the same in all other dimensions."""
    if form == "slices":
        own = [1] * len(shape)
        own[dim] = shape[dim] + 2
        full = list(shape)
        full[dim] = own[dim]
        return plait.tensor(rng.integers(0, shape[dim], own)).expand(*full)
    sizes = [max(1, n - 1) if form == "short" else n for n in shape]
    sizes[dim] = {"short": max(1, shape[dim] // 2), "one": 1}.get(form, shape[dim] + 3)
    index = plait.tensor(rng.integers(0, shape[dim], sizes))
    return index.to(plait.int32) if form == "int32" else laid_out(index, form)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("form", ["long", "short", "one", "slices", "turned", "apart", "int32"])
def test_gather(shape: tuple[int, ...], form: str, threads: int) -> None:
    rng = np.random.default_rng(0)
    for dim, dtype, layout in itertools.product(range(len(shape)), DTYPES, ["plain", "turned", "apart"]):
        x = laid_out(values(rng, shape, dtype), layout)
        index = indices(rng, shape, dim, form)
        part = as_array(x)[tuple(slice(None) if d == dim else slice(n) for d, n in enumerate(index.shape))]
        np.testing.assert_array_equal(
            as_array(x.gather(dim, index)), np.take_along_axis(part, index.numpy(), dim)
        )


REDUCES = {"sum": np.add, "prod": np.multiply, "amax": np.maximum, "amin": np.minimum}


def places(index: plait.Tensor, dim: int) -> tuple[np.ndarray, ...]:
    grid = list(np.indices(tuple(index.shape)))
    grid[dim] = index.numpy()
    return tuple(grid)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("form", ["long", "short", "one", "slices", "turned", "apart", "int32"])
def test_scatter(shape: tuple[int, ...], form: str, threads: int) -> None:
    rng = np.random.default_rng(1)
    for dim, dtype, layout in itertools.product(
        range(len(shape)), [plait.float32, plait.int64], ["plain", "turned", "apart"]
    ):
        x = laid_out(values(rng, shape, dtype), layout)
        index = indices(rng, shape, dim, form)
        src = laid_out(values(rng, tuple(n + 1 for n in index.shape), dtype), layout)
        used = as_array(src)[tuple(slice(n) for n in index.shape)]
        for reduce, ufunc in REDUCES.items():
            expected = as_array(x)
            with np.errstate(over="ignore"):
                ufunc.at(expected, places(index, dim), used)
            np.testing.assert_allclose(
                as_array(x.scatter_reduce(dim, index, src, reduce)), expected, rtol=1e-5
            )
            np.testing.assert_allclose(
                as_array(x.clone().scatter_reduce_(dim, index, src, reduce)), expected, rtol=1e-5
            )
        expected = as_array(x)
        expected[places(index, dim)] = used  # the last of those that meet stays
        np.testing.assert_array_equal(as_array(x.scatter(dim, index, src)), expected)
        written = laid_out(x.clone(), layout)
        written.scatter_(dim, index, src)
        np.testing.assert_array_equal(as_array(written), expected)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_rows(shape: tuple[int, ...], dtype: plait.dtype, threads: int) -> None:
    rng = np.random.default_rng(2)
    for dim, layout in itertools.product(range(len(shape)), ["plain", "turned", "apart"]):
        x = laid_out(values(rng, shape, dtype), layout)
        index = rng.integers(0, shape[dim], shape[dim] + 3)
        np.testing.assert_array_equal(
            as_array(x.index_select(dim, plait.tensor(index))), as_array(x).take(index, dim)
        )
        where = (slice(None),) * dim + (index,)
        np.testing.assert_array_equal(
            as_array(x[(slice(None),) * dim + (plait.tensor(index),)]), as_array(x)[where]
        )
        source = laid_out(values(rng, tuple(as_array(x)[where].shape), dtype), layout)
        expected = as_array(x)
        if dtype == plait.bool:
            np.logical_or.at(expected, where, as_array(source))
        else:
            np.add.at(expected, where, as_array(source))
        np.testing.assert_array_equal(as_array(x.index_add(dim, plait.tensor(index), source)), expected)


@pytest.mark.parametrize("dtype", [plait.float32, plait.int8, plait.complex64], ids=str)
@pytest.mark.parametrize("layout", ["plain", "turned", "apart"])
def test_several_index_tensors(dtype: plait.dtype, layout: str, threads: int) -> None:
    rng = np.random.default_rng(3)
    x = laid_out(values(rng, (6, 7, 8, 50), dtype), layout)

    def index(n: int, *shape: int) -> np.ndarray:
        return rng.integers(-n, n, shape)

    every = slice(None)
    forms: list[tuple[object, ...]] = [
        (index(6, 5), index(7, 5)),
        (every, index(7, 3, 1), index(8, 1, 4)),
        (index(6, 2), every, index(8, 2)),
        (every, every, index(8, 40, 2), index(50, 1, 2)),
        (index(6, 900), index(7, 900), index(8, 900), index(50, 900)),
        (index(6), every, index(8)),
        (index(6, 0), index(7, 0)),
        (every, index(7, 9), every, index(50, 9)),
    ]
    for form in forms:
        ours = tuple(plait.tensor(i) if isinstance(i, np.ndarray) else i for i in form)
        expected = as_array(x)[form]
        np.testing.assert_array_equal(as_array(x[ours]), expected)
        y = x.clone()
        y[ours] = 3
        array = as_array(x)
        array[form] = 3
        np.testing.assert_array_equal(as_array(y), array)
        added = values(rng, expected.shape, dtype)
        array = as_array(x)
        np.add.at(array, form, as_array(added))
        tensors = [None if isinstance(i, slice) else plait.tensor(i) for i in form]
        np.testing.assert_array_equal(as_array(plait.index_put(x, tensors, added, accumulate=True)), array)


def test_indices_that_are_out_of_range_are_named() -> None:
    x = plait.zeros(4, 5)
    for bad in (5, -1):
        index = plait.zeros(4, 3, dtype=plait.int64)
        index[2, 1] = bad
        with pytest.raises(
            IndexError, match=f"gather: index {bad} is out of range for dimension 1 with size 5"
        ):
            x.gather(1, index)
        with pytest.raises(
            IndexError, match=f"scatter: index {bad} is out of range for dimension 1 with size 5"
        ):
            x.scatter(1, index, 1.0)
        with pytest.raises(IndexError, match=f"index {bad} is out of range for dimension 0 with size 4"):
            x.scatter_add(0, plait.tensor([[bad]]).expand(1, 5), plait.ones(1, 5))
    with pytest.raises(
        IndexError, match="index -6 is out of range for dimension 1 with size 5; expected -5 to 4"
    ):
        x[plait.tensor([0, 1]), plait.tensor([-5, -6])]
    with pytest.raises(IndexError, match="index 4 is out of range for dimension 0 with size 4"):
        x[plait.tensor([0, 4]), plait.tensor([0, 1])] = 1
    assert not x.any()


def test_a_tensor_without_dimensions_counts_as_one_of_a_single_dimension(threads: int) -> None:
    x, one, at = plait.arange(5.0), plait.tensor(2.0), plait.tensor(3)
    assert x.gather(0, at).tolist() == 3 and x.gather(0, at).shape == ()
    assert one.gather(0, plait.tensor([0, 0, 0])).tolist() == [2, 2, 2]
    assert one.gather(-1, plait.tensor(0)).tolist() == 2
    for src in (plait.tensor(7.0), plait.tensor([7.0]), plait.tensor([7.0, 8.0])):
        assert x.scatter(0, at, src).tolist() == [0, 1, 2, 7, 4]
        assert x.scatter_add(0, at, src).tolist() == [0, 1, 2, 10, 4]
        assert x.scatter_reduce(0, at, src, "prod").tolist() == [0, 1, 2, 21, 4]
        assert x.clone().scatter_(0, at, src).tolist() == [0, 1, 2, 7, 4]
        assert one.scatter(0, plait.tensor([0]), src).tolist() == 7
        assert one.scatter_add(0, plait.tensor(0), src).tolist() == 9
    assert x.scatter(0, at, 9.0).tolist() == [0, 1, 2, 9, 4]
    y = x.clone().requires_grad_()
    y.gather(0, at).backward()
    assert y.grad.tolist() == [0, 0, 0, 1, 0]
    z = one.clone().requires_grad_()
    z.gather(0, plait.tensor([0, 0])).sum().backward()
    assert z.grad.item() == 2
    for wrong in (
        lambda: x.scatter(0, plait.tensor([1, 2]), plait.tensor(7.0)),
        lambda: x.scatter(0, at, plait.ones(0)),
        lambda: plait.ones(5, 2).scatter(0, at, plait.ones(1, 1)),
        lambda: plait.ones(5, 2).gather(0, at),
    ):
        with pytest.raises(ValueError):
            wrong()
    with pytest.raises(IndexError):
        x.gather(0, plait.tensor(5))
    with pytest.raises(IndexError):
        one.scatter(0, plait.tensor(1), one)


def test_maximum_keeps_nan() -> None:
    x = plait.zeros(3, 20)
    src = plait.full((1, 20), float("nan"))
    for index in (plait.tensor([[1]]).expand(1, 20), plait.ones(1, 20, dtype=plait.int64)):
        for reduce in ("amax", "amin"):
            out = x.scatter_reduce(0, index, src, reduce)
            assert out[1].isnan().all() and not out[0].any()
            assert out.scatter_reduce(0, index, plait.ones(1, 20), reduce)[1].isnan().all()
