"""Decompositions and triangular systems of matrices around the sizes at which they are computed by blocks, and
by kernels for the blocks on the diagonal: against SciPy and NumPy, in the layouts that these read as they lie.
"""

import numpy as np
import plait
import pytest
import scipy.linalg
from plait import linalg

SIZES = [9, 12, 16, 17, 31, 32, 33, 48, 63, 64, 65, 100, 130]
DTYPES = ["float32", "float64", "complex128"]
EXACT = {"float32": 2e-4, "float64": 1e-11, "complex128": 1e-11}


def numbers(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=shape)
    return (x + 1j * rng.normal(size=shape) if dtype.startswith("complex") else x).astype(dtype)


def positive(n, dtype, batch=()):
    a = numbers((*batch, n, n), dtype)
    return a @ a.conj().swapaxes(-1, -2) / n + np.eye(n, dtype=dtype)


def close(ours, expected, dtype):
    scale = max(np.abs(expected).max(), 1.0)
    np.testing.assert_allclose(ours.numpy(), expected, rtol=0, atol=EXACT[dtype] * scale)


def in_layout(array, layout):
    """The same numbers: row by row, column by column, or every second one of larger memory."""
    x = plait.tensor(array)
    if layout == "columns":
        return x.mT.contiguous().mT
    if layout == "gaps":
        wide = plait.zeros(*x.shape[:-1], 2 * x.shape[-1], dtype=x.dtype)
        wide[..., ::2] = x
        return wide[..., ::2]
    return x


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
def test_cholesky(n, dtype):
    a = positive(n, dtype, (3,))
    close(linalg.cholesky(plait.tensor(a)), np.linalg.cholesky(a), dtype)
    upper = linalg.cholesky(plait.tensor(a), upper=True)
    close(upper, np.linalg.cholesky(a).conj().swapaxes(-1, -2), dtype)


@pytest.mark.parametrize("n", [12, 32, 70])
def test_cholesky_says_which_minor_is_not_positive(n):
    a = positive(n, "float64", (n,))
    for k in range(n):
        a[k, k, k] = -1
    assert linalg.cholesky_ex(plait.tensor(a))[1].tolist() == list(range(1, n + 1))
    a[n // 2, n // 2, n // 2] = np.nan
    assert linalg.cholesky_ex(plait.tensor(a))[1][n // 2].item() == n // 2 + 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [*((n, n) for n in SIZES), (9, 30), (30, 9), (64, 20), (20, 64), (65, 32), (64, 50), (50, 64)])
def test_lu(shape, dtype):
    a = numbers((2, *shape), dtype)
    p, lower, upper = linalg.lu(plait.tensor(a))
    close(p.to(lower.dtype) @ lower @ upper, a, dtype)
    assert plait.equal(lower, lower.tril()) and plait.equal(upper, upper.triu())
    assert lower.abs().max().item() <= (1 if dtype != "complex128" else 2**0.5) + 1e-6
    packed, pivots = linalg.lu_factor(plait.tensor(a))
    for i in range(2):
        theirs, order = scipy.linalg.lu_factor(a[i])
        if dtype != "float32":
            assert (pivots[i].numpy() - 1).tolist() == order.tolist()
            close(packed[i], theirs, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [9, 20, 32, 50, 70])
def test_lu_takes_the_first_of_equal_pivots(n, dtype):
    """Sums and differences of small integers are exact: as SciPy has them to the last bit."""
    rng = np.random.default_rng(n)
    lower = np.tril(np.ones((n, n), dtype))[rng.permutation(n)]
    packed, pivots = linalg.lu_factor(plait.tensor(lower))
    theirs, order = scipy.linalg.lu_factor(lower)
    assert (pivots.numpy() - 1).tolist() == order.tolist()
    np.testing.assert_array_equal(packed.numpy(), theirs)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [10, 32, 40, 64])
def test_singular_matrices(n, dtype):
    a = numbers((n, n), dtype)
    a[:, 5] = 0
    factors, _, info = linalg.lu_factor_ex(plait.tensor(a))
    assert info.item() == 6
    p, lower, upper = plait.lu_unpack(factors, linalg.lu_factor_ex(plait.tensor(a))[1])
    close(p.to(lower.dtype) @ lower @ upper, a, dtype)
    with pytest.raises(linalg.LinAlgError):
        linalg.inv(plait.tensor(a))


@pytest.mark.parametrize("n", [12, 40])
def test_infinities_stay_in_their_columns(n):
    a = numbers((n, n), "float64")
    a[0, -1] = np.inf
    factors, pivots, _ = linalg.lu_factor_ex(plait.tensor(a))
    theirs, order = scipy.linalg.lu_factor(a, check_finite=False)
    assert (pivots.numpy() - 1).tolist() == order.tolist()
    close(factors[:, :-1], theirs[:, :-1], "float64")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("unit", [False, True])
@pytest.mark.parametrize("n", SIZES)
def test_triangles(n, unit, upper, dtype):
    a = numbers((n, n), dtype) / n
    np.fill_diagonal(a, 1 + np.arange(n) % 3)
    layouts = ["rows", "columns", "gaps"]
    for i, columns in enumerate([1, 2, 7, 16, 33, 70]):
        b = numbers((n, columns), dtype, columns)
        options = {"lower": not upper, "unit_diagonal": unit}
        expected = scipy.linalg.solve_triangular(a, b, **options)
        turned = scipy.linalg.solve_triangular(a, b, trans=1, **options)
        for j, of_a in enumerate(layouts):
            of_b = layouts[(i + j) % 3]
            m, x = in_layout(a, of_a), in_layout(b, of_b)
            close(linalg.solve_triangular(m, x, upper=upper, unitriangular=unit), expected, dtype)
            # X A^T = B^T, and with the transpose in A's place
            right = {"left": False, "unitriangular": unit}
            close(linalg.solve_triangular(m, in_layout(b.T, of_b), upper=upper, **right), turned.T, dtype)
            close(linalg.solve_triangular(m.mT, x, upper=not upper, unitriangular=unit), turned, dtype)


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("columns", [1, 3, 40])
def test_triangles_with_diagonals_at_the_limits(columns, upper):
    """1 / d is infinite, or not a normal number, where x / d is one."""
    for d in (1e-40, 3e38):
        a = np.diag(np.full(20, d, "float32"))
        b = np.full((20, columns), d, "float32")
        np.testing.assert_array_equal(linalg.solve_triangular(plait.tensor(a), plait.tensor(b), upper=upper).numpy(), np.ones((20, columns)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [9, 16, 33, 64, 100])
def test_systems(n, dtype):
    a, b = numbers((3, n, n), dtype), numbers((3, n, 5), dtype, 1)
    residual = plait.tensor(a) @ linalg.solve(plait.tensor(a), plait.tensor(b)) - plait.tensor(b)
    exact = np.linalg.solve(a.astype("complex128"), b)
    scale = np.abs(exact).max() * np.linalg.cond(a).max()
    assert residual.abs().max().item() < EXACT[dtype] * max(scale, 1)
    close(linalg.inv(plait.tensor(positive(n, dtype))), np.linalg.inv(positive(n, dtype)), dtype)
