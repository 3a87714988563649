"""Masked reductions: NumPy's masked arrays, and PyTorch's torch.masked where it is installed."""

import numpy as np
import plait
import pytest

RNG = np.random.default_rng(5)
X = RNG.normal(size=(4, 5, 3))
MASK = RNG.uniform(size=(4, 5, 3)) < 0.6
MASK[0, 0] = False  # a row in which nothing counts
MASK[:, 1, 1] = False
DIMS = [None, 0, 1, -1, (0, 2), (0, 1, 2)]


def ours(name, x, *args, mask=MASK, **kwargs):
    return getattr(plait.masked, name)(plait.tensor(x), *args, mask=plait.tensor(mask), **kwargs)


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("name", ["sum", "prod", "amax", "amin", "mean", "var", "std"])
def test_reductions(name, dim):
    array = np.ma.array(X, mask=~MASK)
    options = {"ddof": 1} if name in ("var", "std") else {}
    axis = dim if dim is not None else (0, 1, 2)
    # NumPy's product, maximum and minimum of masked arrays take one axis: the others in turn.
    expected = array
    if name in ("prod", "amax", "amin"):
        method = {"prod": "prod", "amax": "max", "amin": "min"}[name]
        for a in sorted((axis,) if isinstance(axis, int) else axis, reverse=True):
            expected = getattr(expected, method)(axis=a)
    else:
        expected = getattr(array, name)(axis=axis, **options)
    empty = {"sum": 0.0, "prod": 1.0, "amax": -np.inf, "amin": np.inf}.get(name, np.nan)
    expected = np.ma.filled(expected, empty) if np.ma.isMaskedArray(expected) else expected
    count = MASK.sum(axis=axis)
    if name in ("var", "std"):
        expected = np.where(count < 2, np.nan, expected)
    result = ours(name, X, dim).numpy()
    np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-14)
    kept = ours(name, X, dim, keepdim=True)
    shape = [1 if dim is None or i in np.arange(3)[np.atleast_1d(dim)] else n for i, n in enumerate(X.shape)]
    assert tuple(kept.shape) == tuple(shape)
    everything = getattr(plait.masked, name)(plait.tensor(X), dim)
    np.testing.assert_allclose(everything.numpy(), ours(name, X, dim, mask=np.ones_like(MASK)).numpy(), rtol=1e-12)


@pytest.mark.parametrize("name", ["argmax", "argmin", "cumsum", "cumprod", "softmax", "log_softmax", "softmin"])
def test_along_a_dimension(name):
    mask = MASK.copy()
    mask[:, 0] = mask[:, :, 0] = mask[0] = True
    x = plait.tensor(X)
    fill = {"argmax": -np.inf, "argmin": np.inf, "cumsum": 0, "cumprod": 1, "softmin": np.inf}.get(name, -np.inf)
    whole = np.where(mask, X, fill)
    for dim in (0, 1, 2):
        result = ours(name, X, dim, mask=mask).numpy()
        if name.startswith(("arg", "cum")):
            expected = getattr(np, name)(whole, axis=dim)
        else:
            powers = np.exp(-whole if name == "softmin" else whole)
            expected = powers / powers.sum(axis=dim, keepdims=True)
            if name == "log_softmax":
                with np.errstate(divide="ignore"):
                    expected = np.log(expected)
        np.testing.assert_allclose(result, expected, rtol=1e-12)
        assert not np.isnan(result).any()
    assert getattr(plait.masked, name)(x, 1).shape == (X.shape if not name.startswith("arg") else (4, 3))


def test_norms_medians_and_sums_of_exponentials():
    for order in (0, 1, 2, 3.5, np.inf, -np.inf):
        result = ours("norm", X, order, 1).numpy()
        fill = np.inf if order < 0 else 0
        expected = np.linalg.norm(np.moveaxis(np.where(MASK, X, fill), 1, -1), ord=None, axis=-1)
        expected = np.apply_along_axis(lambda v, p=order: np.linalg.norm(v, p), 1, np.where(MASK, X, fill))
        np.testing.assert_allclose(result, expected, rtol=1e-12)
    some = MASK.copy()
    some[0, 0, 0] = some[:, 0, 1] = True
    expected = np.log((np.exp(X) * some).sum(axis=(0, 1)))
    np.testing.assert_allclose(ours("logsumexp", X, (0, 1), mask=some).numpy(), expected, rtol=1e-12)
    odd = np.zeros((4, 5, 3), bool)
    odd[:, [0, 2, 4]] = True
    expected = np.ma.median(np.ma.array(X, mask=~odd), axis=1)
    np.testing.assert_allclose(ours("median", X, 1, mask=odd).numpy(), expected)
    assert np.isnan(ours("median", X, 2).numpy()[0, 0])
    unit = ours("normalize", X, 2.0, 1)
    np.testing.assert_allclose(plait.masked.norm(unit, 2, 1).numpy().round(12), np.where(MASK.any(1), 1.0, 0.0))
    assert (unit.numpy()[~MASK] == 0).all()


def test_dtypes_and_gradients():
    x, mask = plait.tensor([3, 5, 8]), plait.tensor([True, False, True])
    assert plait.masked.mean(x, mask=mask).item() == 5.5
    assert plait.masked.sum(x, mask=mask).dtype is plait.int64
    assert plait.masked.amax(x, mask=~mask & mask).item() == plait.iinfo(plait.int64).min
    assert plait.masked.mean(x, mask=mask, dtype=plait.float64).dtype is plait.float64
    for name in ("sum", "mean", "var", "prod", "logsumexp"):
        leaf = plait.tensor(X[1], requires_grad=True)
        reduce = getattr(plait.masked, name)
        assert plait.autograd.gradcheck(lambda v, f=reduce: f(v, 0, mask=plait.tensor(MASK[2] | MASK[1])), [leaf])


def test_errors():
    x = plait.ones(2, 3)
    with pytest.raises(TypeError, match=r"masked\.sum: expected mask as a bool Tensor, got a Tensor of plait\.float32"):
        plait.masked.sum(x, mask=x)
    with pytest.raises(ValueError, match=r"mask of shape \(2,\) does not broadcast to the input's \(2, 3\)"):
        plait.masked.mean(x, mask=plait.tensor([True, False]))
    with pytest.raises(TypeError, match=r"masked\.median: a mask goes with floats"):
        plait.masked.median(plait.tensor([1, 2]), mask=plait.tensor([True, False]))
    with pytest.raises(TypeError, match="expected input as a Tensor, got list"):
        plait.masked.amax([1.0])


def test_as_pytorch():
    torch = pytest.importorskip("torch")
    for name in plait.masked.__all__:
        args = {"norm": (3.0, 1), "normalize": (2.0, 1), "logaddexp": ()}.get(name, (1,))
        x, mask = torch.tensor(X), torch.tensor(MASK)
        expected = getattr(torch.masked, name)(x, *args, mask=mask).numpy()
        result = ours(name, X, *args).numpy()
        # PyTorch leaves what the mask excludes undefined in results of the input's shape.
        if result.shape == X.shape:
            result, expected = result[MASK], expected[MASK]
        counts = MASK.any(1)
        if name.startswith("arg"):
            result, expected = result[counts], expected[counts]
        np.testing.assert_allclose(result, expected, rtol=1e-10, err_msg=name)


def test_of_a_single_number():
    x = plait.tensor(3.0)
    for mask in (None, plait.tensor(True)):
        for name in ("sum", "prod", "mean", "amax"):
            assert getattr(plait.masked, name)(x, -1, mask=mask).item() == 3
    assert plait.masked.prod(plait.tensor(True)).dtype is plait.int64
    with pytest.raises(IndexError, match="between -1 and 0, got 1"):
        plait.masked.sum(x, 1)


def test_corrections():
    x, mask = plait.tensor([1.0, 9.0, 2.0, 6.0]), plait.tensor([True, False, True, True])
    for correction in (0, 1, 1.5):
        expected = np.var([1, 2, 6], ddof=correction)
        np.testing.assert_allclose(plait.masked.var(x, correction=correction, mask=mask), expected, rtol=1e-6)
        np.testing.assert_allclose(plait.masked.std(x, correction=correction, mask=mask), expected**0.5, rtol=1e-6)
    with pytest.raises(ValueError, match="expected one of them, got both"):
        plait.masked.var(x, None, True, correction=1)
