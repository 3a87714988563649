"""Quantiles, covariances, spectrograms and the small functions composed of ops, against NumPy and SciPy."""

import itertools
import warnings

import numpy as np
import plait
import pytest
from cuda_device import needs_cuda
from scipy import linalg

RNG = np.random.default_rng(0)


def t(x, **kwargs):
    return plait.tensor(x, dtype=plait.float64, **kwargs)


@pytest.mark.parametrize("method", ["linear", "lower", "higher", "midpoint", "nearest"])
@pytest.mark.parametrize("dim", [None, 0, 1, -1])
@pytest.mark.parametrize("keepdim", [False, True])
def test_quantile(method, dim, keepdim):
    x = RNG.normal(size=(5, 4, 3))
    for q in (0.0, 0.3, 1.0, np.array([0.1, 0.5, 0.75])):
        expected = np.quantile(x, q, axis=dim, keepdims=keepdim, method=method)
        ours = plait.quantile(
            t(x), t(q) if isinstance(q, np.ndarray) else q, dim, keepdim, interpolation=method
        )
        np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-12)
        with_nan = x.copy()
        with_nan[0, 1, 2] = with_nan[3, 3, 0] = np.nan
        expected = np.quantile(with_nan, q, axis=dim, keepdims=keepdim, method=method)
        ours = plait.quantile(
            t(with_nan), t(q) if isinstance(q, np.ndarray) else q, dim, keepdim, interpolation=method
        )
        np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-12)
        with_nan[:, 0, 0] = np.nan
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's, of slices without numbers
            expected = np.nanquantile(with_nan, q, axis=dim, keepdims=keepdim, method=method)
        ours = plait.nanquantile(
            t(with_nan), t(q) if isinstance(q, np.ndarray) else q, dim, keepdim, interpolation=method
        )
        np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-12)


def test_quantile_of_one_element_its_gradient_and_errors():
    assert plait.tensor(3.0).quantile(0.2).item() == 3
    assert plait.tensor(3.0).quantile(0.2, dim=0).shape == ()
    assert plait.tensor(3.0).quantile(0.2, dim=0, keepdim=True).shape == ()
    assert plait.tensor(3.0).nanquantile(plait.tensor([0.2, 0.4]), 0, True).shape == (2,)
    assert plait.tensor([3.0]).quantile(plait.tensor([0.2, 0.4]), 0, True).shape == (2, 1)
    x = t(RNG.normal(size=(4, 3)), requires_grad=True)
    assert plait.autograd.gradcheck(lambda x: x.quantile(t([0.2, 0.55]), 0), [x])
    with pytest.raises(RuntimeError, match=r"\[0, 1\]"):
        x.quantile(1.5)
    with pytest.raises(RuntimeError, match="float32 or float64"):
        plait.arange(3).quantile(0.5)
    with pytest.raises(RuntimeError, match="empty"):
        plait.ones(0).quantile(0.5)
    with pytest.raises(RuntimeError, match="interpolation"):
        x.quantile(0.5, interpolation="cubic")
    with pytest.raises(IndexError):
        x.quantile(0.5, 2)


@pytest.mark.parametrize("correction", [0, 1, 2])
def test_cov_and_corrcoef(correction):
    x = RNG.normal(size=(3, 7))
    f, a = RNG.integers(1, 4, 7), RNG.uniform(0.5, 2, 7)
    for fw, aw in itertools.product((None, f), (None, a)):
        ours = plait.cov(
            t(x),
            correction=correction,
            fweights=None if fw is None else plait.tensor(fw),
            aweights=None if aw is None else t(aw),
        )
        np.testing.assert_allclose(
            ours.numpy(), np.cov(x, ddof=correction, fweights=fw, aweights=aw), rtol=1e-10
        )
    z = x + 1j * RNG.normal(size=x.shape)
    np.testing.assert_allclose(plait.cov(plait.tensor(z)).numpy(), np.cov(z), rtol=1e-10)
    np.testing.assert_allclose(plait.corrcoef(t(x)).numpy(), np.corrcoef(x), rtol=1e-10)
    np.testing.assert_allclose(plait.corrcoef(plait.tensor(z)).numpy(), np.corrcoef(z), rtol=1e-10)
    np.testing.assert_allclose(t(x[0]).cov().numpy(), np.cov(x[0]), rtol=1e-10)
    assert t(x[0]).corrcoef().item() == 1
    with pytest.raises(RuntimeError, match="aweights"):
        plait.cov(t(x), aweights=t(a[:3]))
    with pytest.raises(RuntimeError, match="2 dimensions"):
        plait.cov(t(x)[None])


def test_small_functions():
    a, b = RNG.normal(size=4), RNG.normal(size=3)
    m = RNG.normal(size=(4, 3))
    np.testing.assert_allclose(plait.ger(t(a), t(b)).numpy(), np.outer(a, b))
    np.testing.assert_allclose(
        plait.addr(t(m), t(a), t(b), beta=2, alpha=3).numpy(), 2 * m + 3 * np.outer(a, b)
    )
    nan = t(np.full((4, 3), np.nan))
    np.testing.assert_allclose(plait.addr(nan, t(a), t(b), beta=0).numpy(), np.outer(a, b))
    x = np.array([np.inf, -np.inf, np.nan, 0.0, 1.0])
    for name in ("isposinf", "isneginf", "isreal"):
        np.testing.assert_array_equal(getattr(plait, name)(t(x)).numpy(), getattr(np, name)(x))
    assert plait.isreal(plait.tensor([1 + 0j, 1j])).tolist() == [True, False]
    y = np.array([np.inf, -np.inf, 1.0, 3.0, -2000.0])
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(plait.logaddexp2(t(x), t(y)).numpy(), np.logaddexp2(x, y))
    np.testing.assert_allclose(
        plait.ldexp(t(a), plait.tensor([1, -2, 10, 0])).numpy(), np.ldexp(a, [1, -2, 10, 0])
    )
    np.testing.assert_allclose(plait.float_power(plait.tensor([2, 3]), -1).numpy(), [0.5, 1 / 3])
    np.testing.assert_allclose(plait.vander(t(a), 3).numpy(), np.vander(a, 3))
    np.testing.assert_allclose(plait.vander(t(a), increasing=True).numpy(), np.vander(a, increasing=True))
    for r, again in itertools.product((0, 1, 2, 3), (False, True)):
        make = itertools.combinations_with_replacement if again else itertools.combinations
        assert plait.combinations(t(a), r, again).tolist() == ([list(c) for c in make(a, r)] if r else [])
    indices = RNG.integers(0, 24, (2, 5))
    for ours, theirs in zip(
        plait.unravel_index(plait.tensor(indices), (2, 3, 4)),
        np.unravel_index(indices, (2, 3, 4)),
        strict=True,
    ):
        np.testing.assert_array_equal(ours.numpy(), theirs)
    assert plait.range(0, 1, 0.25).tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert plait.range(3, 1, -1).tolist() == [3, 2, 1]
    assert plait.dist(t(a), t(a[::-1].copy()), 1).item() == pytest.approx(np.abs(a - a[::-1]).sum())


def test_splits():
    x = RNG.normal(size=(4, 6, 2))
    for name, parts in (("hsplit", 3), ("hsplit", [1, 4]), ("vsplit", 2), ("vsplit", [3]), ("dsplit", 2)):
        ours, theirs = getattr(t(x), name)(parts), getattr(np, name)(x, parts)
        assert len(ours) == len(theirs)
        for o, e in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(o.numpy(), e)
    with pytest.raises(RuntimeError, match="equal parts"):
        plait.vsplit(t(x), 3)
    with pytest.raises(RuntimeError, match="3 dimensions"):
        plait.dsplit(t(x[0]), 1)
    for rank in range(5):
        assert plait.atleast_3d(plait.ones((2,) * rank)).shape == np.atleast_3d(np.ones((2,) * rank)).shape


def test_matrices():
    a = RNG.normal(size=(3, 4, 4))
    a = a @ a.transpose(0, 2, 1) + np.eye(4)
    b = RNG.normal(size=(3, 4, 2))
    lower = np.linalg.cholesky(a)
    for upper in (False, True):
        factor = t(lower.transpose(0, 2, 1).copy() if upper else lower)
        np.testing.assert_allclose(
            plait.cholesky_solve(t(b), factor, upper).numpy(), np.linalg.solve(a, b), rtol=1e-9
        )
        np.testing.assert_allclose(
            plait.cholesky_inverse(factor, upper).numpy(), np.linalg.inv(a), rtol=1e-9, atol=1e-12
        )
    shapes = [(2, 30), (30, 3), (3, 40), (40, 5)]
    matrices = [RNG.normal(size=s) for s in shapes]
    np.testing.assert_allclose(
        plait.chain_matmul(*map(t, matrices)).numpy(), np.linalg.multi_dot(matrices), rtol=1e-10
    )
    x = RNG.normal(size=(3, 4, 2)) * 3
    for p in (1, 2, np.inf):
        ours = plait.renorm(t(x), p, 1, 2.0).numpy()
        for i in range(4):
            norm = linalg.norm(x[:, i].ravel(), p)
            np.testing.assert_allclose(ours[:, i], x[:, i] * min(1, 2 / norm), rtol=1e-6)


@pytest.mark.parametrize("shape", [(3, 3), (7, 3), (3, 7), (2, 2, 2), (0, 3)])
def test_fill_diagonal(shape):
    for wrap in (False, True):
        x = np.zeros(shape)
        if x.size:
            np.fill_diagonal(x, 5, wrap=wrap)
        np.testing.assert_array_equal(plait.zeros(shape).fill_diagonal_(5, wrap).numpy(), x)
    x = plait.zeros(4, 6)[:, ::2].fill_diagonal_(1)
    assert x.sum().item() == 3 and x.diagonal().tolist() == [1, 1, 1]


def test_names_of_tensors():
    x = plait.ones(2, 2)
    assert not (x.is_xpu or x.is_mps or x.is_nested or x.is_conj() or x.is_shared())
    assert x.to_dense() is x and x.resolve_conj() is x and x.ndimension() == 2
    assert plait.is_signed(x) and not plait.tensor([True]).is_signed()
    assert plait.tensor([2]).is_nonzero() and not plait.tensor(0.0).is_nonzero()
    assert plait.typename(x) == "plait.FloatTensor" and plait.typename(3) == "int"
    y = plait.tensor([1.0, -2.0])
    assert y.clone().multiply_(2).tolist() == [2, -4]
    assert y.clone().greater_(0).tolist() == [1, 0]
    assert y.unique_consecutive().tolist() == [1, -2]
    z = plait.tensor([[1 + 2j, 3j]])
    assert z.mH.tolist() == [[1 - 2j], [-3j]]
    with pytest.raises(NotImplementedError, match="Queue"):
        x.share_memory_()


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_cuda)])
@pytest.mark.parametrize("shape", [(9,), (4, 7), (3, 2, 6), (0, 3), (5, 0), (1,)])
def test_unique_consecutive(shape, device):
    a = np.random.default_rng(1).integers(0, 2, shape)
    x = plait.tensor(a, device=device)
    for dim in (None, *range(-1, len(shape))):
        rows = a.reshape(-1) if dim is None else np.moveaxis(a, dim, 0)
        runs = [[*run] for _, run in itertools.groupby(range(len(rows)), lambda i: rows[i].tolist())]
        values, inverse, counts = x.unique_consecutive(True, True, dim)
        expected = rows[[run[0] for run in runs]]
        np.testing.assert_array_equal(values.cpu().numpy(), expected if dim is None else np.moveaxis(expected, 0, dim))
        assert counts.tolist() == [len(run) for run in runs]
        places = np.array([k for k, run in enumerate(runs) for _ in run], np.int64)
        np.testing.assert_array_equal(inverse.cpu().numpy(), places.reshape(shape if dim is None else -1))
        assert plait.equal(plait.unique_consecutive(x, dim=dim), values)


def test_one_variable_has_a_variance_not_a_matrix():
    x = RNG.normal(size=(1, 6))
    assert plait.cov(t(x)).shape == plait.corrcoef(t(x)).shape == ()
    np.testing.assert_allclose(plait.cov(t(x)).item(), np.cov(x), rtol=1e-12)
    np.testing.assert_allclose(plait.corrcoef(t(x)).item(), 1)
