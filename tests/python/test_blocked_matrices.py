"""Decompositions of matrices of several panels on the CPU: errors as Higham bounds them or as LAPACK's, in one thread and in several."""

import functools

import numpy as np
import plait
import pytest
from plait import linalg as L

KINDS = ["float32", "float64", "complex64", "complex128"]
kinds = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(params=[1, 2])
def run(request):
    """Calls a function in so many threads. The oracles have one: those of NumPy, which follow plait's, are slow on busy machines."""
    before = plait.get_num_threads()

    def tell(count):
        plait.set_num_threads(count)
        L.inv(plait.eye(9))

    def call(function, *args, **options):
        tell(request.param)
        try:
            return function(*args, **options)
        finally:
            tell(1)

    tell(1)
    yield call
    tell(before)


def numbers(kind, *shape, seed=0):
    random = np.random.default_rng(seed)
    x = random.normal(size=shape)
    if kind.startswith("complex"):
        x = x + 1j * random.normal(size=shape)
    return x.astype(kind)


@functools.cache
def unitary(kind, n, seed=0):
    return np.linalg.qr(numbers(kind, n, n, seed=seed).astype("complex128" if kind[0] == "c" else "float64"))[
        0
    ]


def conditioned(kind, rows, columns, condition):
    """A matrix with singular values from 1 to 1 / condition."""
    values = np.geomspace(1, 1 / condition, columns)
    return ((unitary(kind, rows, 1)[:, :columns] * values) @ unitary(kind, columns, 2)).astype(kind)


def epsilon(kind):
    return float(np.finfo(kind).eps)


def exact(x):
    """For products without rounding to speak of."""
    x = x.numpy() if isinstance(x, plait.Tensor) else x
    return x.astype(np.complex128 if np.iscomplexobj(x) else np.float64)


def assert_bounded(error, bound, kind, terms):
    """|error| <= gamma |A||B| element by element; of complex products the rounding errors are up to 2 sqrt(2) times as large."""
    factor = (4 if kind.startswith("complex") else 1) * terms * epsilon(kind)
    assert (abs(error) <= factor * bound + np.finfo(kind).tiny).all()


@kinds
@pytest.mark.parametrize("shape", [(65, 65), (300, 200), (130, 300), (60, 200), (200, 60), (3, 150, 100)])
@pytest.mark.parametrize("condition", [None, 1e5])
def test_lu(run, kind, shape, condition):
    a = numbers(kind, *shape)
    if condition and len(shape) == 2 and shape[0] >= shape[1]:
        a = conditioned(kind, *shape, condition)
    p, low, up = (exact(t) for t in run(L.lu, plait.tensor(a)))
    assert abs(low).max() <= 1 + 4 * epsilon(kind) or kind.startswith(
        "complex"
    )  # whose pivots have the largest |re| + |im|
    assert_bounded(p @ low @ up - a, p @ abs(low) @ abs(up), kind, min(shape[-2:]))  # Higham, theorem 9.3


@kinds
@pytest.mark.parametrize("n", [70, 129, 300])
def test_cholesky(run, kind, n):
    x = conditioned(kind, n, n, 100)
    a = exact(x) @ exact(x).conj().T
    a = ((a + a.conj().T) / 2).astype(kind)
    low = exact(run(L.cholesky, plait.tensor(a)))
    assert_bounded(low @ low.conj().T - a, abs(low) @ abs(low).T, kind, n + 1)  # Higham, theorem 10.3
    for k in (0, 64, n // 2, n - 1):
        broken = a.copy()
        broken[k, k] = -1
        assert run(L.cholesky_ex, plait.tensor(broken)).info.item() == k + 1
    assert (run(L.cholesky_ex, plait.tensor(np.stack([a, broken]))).info.numpy() == [0, n]).all()


@kinds
@pytest.mark.parametrize(
    "shape",
    [(64, 64), (65, 65), (300, 300), (515, 515), (500, 130), (400, 40), (130, 400), (40, 300), (3, 150, 90)],
)
@pytest.mark.parametrize("condition", [None, 1e5])
def test_qr(run, kind, shape, condition):
    a = numbers(kind, *shape)
    if condition and len(shape) == 2 and shape[0] >= shape[1]:
        a = conditioned(kind, *shape, condition)
    norm = np.linalg.norm

    def errors(q, r):
        q, r = exact(q), exact(r)
        assert (np.tril(r, -1) == 0).all()
        orthogonal = q.conj().swapaxes(-2, -1) @ q - np.eye(q.shape[-1])
        return norm(q @ r - exact(a)) / norm(exact(a)), norm(orthogonal)

    for mode in ("reduced", "complete"):
        q, r = run(L.qr, plait.tensor(a), mode)
        assert q.numpy().shape[-2:] == (shape[-2], shape[-2] if mode == "complete" else min(shape[-2:]))
        lapack = errors(*np.linalg.qr(exact(a), mode))
        assert all(
            own <= 3 * its * epsilon(kind) / epsilon("float64")
            for own, its in zip(errors(q, r), lapack, strict=True)
        )


@kinds
@pytest.mark.parametrize("columns", [1, 2, 150])
@pytest.mark.parametrize("n", [40, 200])
def test_triangles(run, kind, n, columns):
    a = conditioned(kind, n, n, 10) + 0.5 * np.eye(n, dtype=kind)
    b = numbers(kind, n, columns)
    for upper in (False, True):
        for unit in (False, True):
            triangle = np.triu(a) if upper else np.tril(a)
            if unit:
                np.fill_diagonal(triangle, 1)
            for given in (plait.tensor(a), plait.tensor(np.ascontiguousarray(a.T)).mT):
                x = exact(run(L.solve_triangular, given, plait.tensor(b), upper=upper, unitriangular=unit))
                assert_bounded(triangle @ x - b, abs(triangle) @ abs(x), kind, n)  # Higham, theorem 8.5
                y = exact(
                    run(
                        L.solve_triangular,
                        given,
                        plait.tensor(b).mT,
                        upper=upper,
                        unitriangular=unit,
                        left=False,
                    )
                )
                assert_bounded(y @ triangle - b.T, abs(y) @ abs(triangle), kind, n)


@kinds
def test_what_is_singular(run, kind):
    n = 160
    a = numbers(kind, n, n)
    a[:, 130] = 0
    factors, pivots, info = run(L.lu_factor_ex, plait.tensor(a))
    assert info.item() == 131
    assert (
        np.isfinite(factors.numpy()).all()
        and ((pivots.numpy() >= np.arange(1, n + 1)) & (pivots.numpy() <= n)).all()
    )
    with pytest.raises(L.LinAlgError):
        run(L.solve, plait.tensor(a), plait.tensor(a[:, :1]))
    q, r = run(L.qr, plait.tensor(a))
    np.testing.assert_allclose((q @ r).numpy(), a, atol=n * epsilon(kind))


@kinds
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("place", [(0, 0), (130, 100)])
def test_what_is_not_finite(run, kind, bad, place):
    """Spreads as far as arithmetic takes it, and nothing hangs."""
    a = numbers(kind, 140, 140) + 20 * np.eye(140, dtype=kind)
    a[place] = bad
    given = plait.tensor(a)
    for factor in (
        *run(L.qr, given),
        run(L.lu_factor, given).LU,
        run(L.solve_triangular, given, given, upper=False),
    ):
        assert not np.isfinite(factor.numpy()).all()
    assert run(L.cholesky_ex, given @ given.mH).info.item() > 0
    with pytest.raises(L.LinAlgError):
        run(L.lstsq, given, given)


@pytest.mark.parametrize(
    ("kind", "condition"),
    [(k, c) for k in KINDS for c in (10, 1e3, 1e9) if c < 1e9 or k in ("float64", "complex128")],
)
@pytest.mark.parametrize("shape", [(100, 30), (200, 200), (400, 100), (100, 200), (3, 150, 100)])
def test_least_squares(run, kind, shape, condition):
    """Of conditions far from and near to where columns are exchanged; the full rank is beyond doubt."""
    *batch, rows, columns = shape
    a = conditioned(kind, max(rows, columns), min(rows, columns), condition)
    a = a if rows >= columns else np.ascontiguousarray(a.T)
    b = numbers(kind, rows, 3)
    wanted = np.linalg.lstsq(exact(a), exact(b), rcond=None)[0]
    found = run(L.lstsq, *(plait.tensor(np.broadcast_to(x, (*batch, *x.shape)).copy()) for x in (a, b)))
    assert (found.rank.numpy() == min(rows, columns)).all()
    x = exact(found.solution)
    error = np.linalg.norm(x - wanted, axis=(-2, -1)) / np.linalg.norm(wanted)
    # Higham, theorem 20.1: the square of the condition counts where a residual remains.
    assert (error <= 20 * condition * (condition if rows > columns else 1) * epsilon(kind)).all()
    least = np.linalg.norm(exact(a) @ wanted - b)
    # A residual beyond the least one lies in the range of A, and is as small as a backward error of A makes it.
    own = np.linalg.norm(a @ x - b, axis=(-2, -1))
    assert (own <= least + columns * epsilon(kind) * (np.linalg.norm(x) + np.linalg.norm(b))).all()


@kinds
def test_least_squares_of_lower_rank(run, kind):
    """The shortest solution where columns depend on each other, whether or not a diagonal element of R is exactly zero."""
    basis = numbers(kind, 200, 60)
    b = numbers(kind, 200, 2)
    for a in (
        basis @ numbers(kind, 60, 100),
        np.concatenate([basis, basis], 1),
        np.concatenate([basis, 0 * basis], 1),
    ):
        found = run(L.lstsq, plait.tensor(a), plait.tensor(b))
        assert found.rank.item() == 60
        wanted = np.linalg.pinv(exact(a), rcond=1e-4) @ b
        np.testing.assert_allclose(
            found.solution.numpy(), wanted, atol=2e4 * epsilon(kind) * abs(wanted).max()
        )


@kinds
@pytest.mark.parametrize("power", [-1, 1])
def test_least_squares_near_the_limits(run, kind, power):
    """Of numbers whose squares are none, and of zeros."""
    limits = np.finfo(kind)
    scale = np.dtype(kind).type(limits.tiny * 4 if power < 0 else limits.max / 1e4)
    a, b = conditioned(kind, 150, 80, 10), numbers(kind, 150, 2)
    wanted = np.linalg.lstsq(exact(a), exact(b), rcond=None)[0]
    found = run(L.lstsq, plait.tensor(a * scale), plait.tensor(b * scale))
    assert found.rank.item() == 80
    # Numbers near the smallest one have lost three bits before they are decomposed.
    np.testing.assert_allclose(
        found.solution.numpy(), wanted, rtol=0, atol=2000 * epsilon(kind) * abs(wanted).max()
    )
    zeros = run(L.lstsq, plait.tensor(a), plait.tensor(0 * b))
    assert zeros.rank.item() == 80 and (zeros.solution.numpy() == 0).all()
    nothing = run(L.lstsq, plait.tensor(0 * a), plait.tensor(b))
    assert nothing.rank.item() == 0 and (nothing.solution.numpy() == 0).all()
