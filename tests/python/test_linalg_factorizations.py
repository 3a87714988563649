"""Eigenvalues, LU, conditions and products on both devices, against NumPy and SciPy; derivatives against finite differences."""

import math

import numpy as np
import plait
import pytest
import scipy.linalg as sl
from cuda_device import needs_cuda

L = plait.linalg
gradcheck = plait.autograd.gradcheck


@pytest.fixture(autouse=True, params=["cpu", pytest.param("cuda", marks=needs_cuda)])
def device(request):
    plait.set_default_device(request.param)
    yield request.param
    plait.set_default_device("cpu")


def rand(*shape, seed=0):
    return plait.tensor(np.random.default_rng(seed).standard_normal(shape))


@pytest.mark.parametrize("shape", [(4, 4), (2, 3, 3), (1, 1), (0, 3, 3), (0, 0)])
@pytest.mark.parametrize("kind", ["float32", "float64", "complex64", "complex128"])
def test_eig(shape, kind):
    a = rand(*shape)
    if "complex" in kind:
        a = plait.complex(a, rand(*shape, seed=1))
    a = a.to(getattr(plait, kind))
    values, vectors = L.eig(a)
    single = kind in ("float32", "complex64")
    assert values.dtype is vectors.dtype is (plait.complex64 if single else plait.complex128)
    tol = 1e-4 if single else 1e-12
    np.testing.assert_allclose((a.to(values.dtype) @ vectors).cpu().numpy(), (vectors * values.unsqueeze(-2)).cpu().numpy(), atol=tol)
    np.testing.assert_allclose(np.linalg.norm(vectors.cpu().numpy(), axis=-2), 1, rtol=tol)
    want = np.linalg.eigvals(a.cpu().numpy())
    np.testing.assert_allclose(np.sort_complex(L.eigvals(a).cpu().numpy()), np.sort_complex(want), atol=tol)


@pytest.mark.parametrize("complex_", [False, True])
def test_eig_derivatives(complex_):
    a = rand(4, 4, seed=3)
    if complex_:
        a = plait.complex(a, rand(4, 4, seed=4))
    a.requires_grad_()

    def invariant(a):  # the vectors' phases drop out
        values, vectors = L.eig(a)
        return plait.cat([values.abs(), vectors.abs().reshape(-1)])

    assert gradcheck(invariant, (a,))
    assert plait.autograd.gradgradcheck(lambda a: L.eigvals(a).abs(), (a,))
    (values,) = plait.autograd.grad(L.eigvals(a).real.sum(), a)  # the trace
    np.testing.assert_allclose(values.cpu().numpy(), np.eye(4), atol=1e-10)


def test_eig_refuses():
    with pytest.raises(ValueError, match="square"):
        L.eig(plait.zeros(2, 3))
    with pytest.raises(L.LinAlgError):
        L.eig(plait.full((2, 2), math.nan))
    with pytest.raises(TypeError, match="float32, float64, complex64 or complex128"):
        L.eig(plait.zeros(2, 2, dtype=plait.int64))


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5), (2, 3, 4, 4), (1, 1), (0, 3, 3), (200, 150), (3, 130, 130)])
def test_lu(shape):
    a = rand(*shape)
    p, lower, upper = L.lu(a)
    np.testing.assert_allclose((p @ lower @ upper).cpu().numpy(), a.cpu().numpy(), atol=1e-11)
    factors, pivots = L.lu_factor(a)
    assert pivots.dtype is plait.int32
    if len(shape) == 2:
        wp, wl, wu = sl.lu(a.cpu().numpy())
        for got, want in ((p, wp), (lower, wl), (upper, wu)):
            np.testing.assert_allclose(got.cpu().numpy(), want, atol=1e-10)
        if shape[0] == shape[1]:
            wlu, wpiv = sl.lu_factor(a.cpu().numpy())
            np.testing.assert_allclose(factors.cpu().numpy(), wlu, atol=1e-11)
            assert (pivots.cpu().numpy() == wpiv + 1).all()
    for got, want in zip(plait.lu_unpack(factors, pivots), (p, lower, upper)):
        np.testing.assert_allclose(got.cpu().numpy(), want.cpu().numpy(), atol=1e-14)


@pytest.mark.parametrize("shape", [(3, 3), (5, 3), (3, 5), (2, 3, 3)])
def test_lu_derivatives(shape):
    a = rand(*shape, seed=5).requires_grad_()
    assert gradcheck(lambda a: L.lu(a)[1:], (a,))
    assert gradcheck(lambda a: L.lu_factor(a)[0], (a,))
    assert plait.autograd.gradgradcheck(lambda a: L.lu(a)[1:], (a,))


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("adjoint", [True, False])
def test_lu_solve(left, adjoint):
    a, b = rand(2, 4, 4), rand(4, 4, seed=1)
    factors = L.lu_factor(a)
    x = L.lu_solve(*factors, b, left=left, adjoint=adjoint)
    matrix = a.mT if adjoint else a
    np.testing.assert_allclose((matrix @ x if left else x @ matrix).cpu().numpy(), b.expand(2, 4, 4).cpu().numpy(), atol=1e-11)
    a.requires_grad_(), b.requires_grad_()
    assert gradcheck(lambda a, b: L.lu_solve(*L.lu_factor(a), b, left=left, adjoint=adjoint), (a, b))


def test_singular_matrices():
    a = plait.tensor([[[2.0, 1.0], [1.0, 2.0]], [[1.0, 2.0], [2.0, 4.0]], [[1.0, 2.0], [2.0, 1.0]]])
    inverse, info = L.inv_ex(a)
    assert info.tolist() == [0, 2, 0] and inverse[1].isnan().all()
    np.testing.assert_allclose(inverse[0].cpu().numpy(), np.linalg.inv(a[0].cpu().numpy()), rtol=1e-6)
    factor, info = L.cholesky_ex(a)
    assert info.tolist()[0] == 0 and info.tolist()[2] == 2 and factor[2].isnan().all()
    np.testing.assert_allclose(factor[0].cpu().numpy(), np.linalg.cholesky(a[0].cpu().numpy()), rtol=1e-6)
    with pytest.raises(L.LinAlgError):
        L.inv_ex(a, check_errors=True)
    assert L.lu(plait.zeros(2, 2)).U.tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("p", [None, 2, -2, "fro", "nuc", math.inf, -math.inf, 1, -1])
def test_cond(p):
    a = rand(2, 3, 3)
    want = [np.linalg.cond(m, p) for m in a.cpu().numpy()]
    np.testing.assert_allclose(L.cond(a, p).cpu().numpy(), want, rtol=1e-10)


@pytest.mark.parametrize("p", [None, 2, "fro", "nuc", math.inf, -math.inf, 1, -1])
def test_cond_of_singular_matrices(p):
    one = plait.diag(plait.tensor([1.0, 1.0, 0.0]))
    assert L.cond(one, p).item() == math.inf
    both = L.cond(plait.stack([one, plait.eye(3)]), p)
    assert both[0].item() == math.inf and both[1].isfinite()


def test_products():
    a, b, c, d = rand(3, 10), rand(10, 2, seed=1), rand(2, 20, seed=2), rand(20, seed=3)
    np.testing.assert_allclose(L.multi_dot([a, b, c, d]).cpu().numpy(), np.linalg.multi_dot([t.cpu().numpy() for t in (a, b, c, d)]))
    assert L.multi_dot([d, c.mT, b.mT, a.mT]).shape == (3,)
    with pytest.raises(ValueError, match="do not fit"):
        L.multi_dot([a, c])
    t = rand(2, 3, 6)
    np.testing.assert_allclose(L.tensorinv(t, 2).cpu().numpy(), np.linalg.tensorinv(t.cpu().numpy(), 2), rtol=1e-9)
    r = rand(2, 3, seed=5)
    np.testing.assert_allclose(L.tensorsolve(t, r).cpu().numpy(), np.linalg.tensorsolve(t.cpu().numpy(), r.cpu().numpy()), rtol=1e-9)
    u = rand(2, 6, 3)
    want = np.linalg.tensorsolve(u.cpu().numpy(), r.cpu().numpy(), (1,))
    np.testing.assert_allclose(L.tensorsolve(u, r, (1,)).cpu().numpy(), want, rtol=1e-9)
    x = plait.tensor([2.0, 3.0, -1.0])
    np.testing.assert_allclose(L.vander(x, N=4).cpu().numpy(), np.vander(x.cpu().numpy(), 4, increasing=True))


@pytest.mark.parametrize("kind", ["symmetric", "complex symmetric", "hermitian"])
@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("n", [1, 2, 3, 8, 40])
def test_ldl(n, zeros, kind):
    rng = np.random.default_rng(n)
    a = rng.standard_normal((3, n, n)) + (0 if kind == "symmetric" else 1j * rng.standard_normal((3, n, n)))
    hermitian = kind == "hermitian"
    a = a + (a.conj() if hermitian else a).swapaxes(-1, -2)
    if zeros and n > 1:
        a -= a * np.eye(n)  # blocks of order 2
    x = plait.tensor(a).tril() + 7 * plait.ones(n, n, dtype=plait.float64).triu(1)  # which is not read
    factors, pivots = L.ldl_factor(x, hermitian=hermitian)
    routine = {"symmetric": sl.lapack.dsytrf, "complex symmetric": sl.lapack.zsytrf, "hermitian": sl.lapack.zhetrf}[kind]
    for m, got, swaps in zip(a, factors, pivots):
        want, theirs, info = routine(m, lower=1)
        assert info == 0
        np.testing.assert_allclose(got.cpu().numpy(), np.tril(want), atol=1e-10)
        assert swaps.tolist() == theirs.tolist()
    b = rng.standard_normal((3, n, 2)).astype(a.dtype)
    got = L.ldl_solve(factors, pivots, plait.tensor(b), hermitian=hermitian)
    np.testing.assert_allclose(got.cpu().numpy(), np.linalg.solve(a, b), rtol=1e-8, atol=1e-8)
    one = L.ldl_solve(factors, pivots, plait.tensor(b[0]), hermitian=hermitian)
    np.testing.assert_allclose(one.cpu().numpy(), np.linalg.solve(a, b[0]), rtol=1e-8, atol=1e-8)


def test_ldl_refuses():
    a = plait.zeros(2, 2, 2)
    a[0] = plait.eye(2)
    assert L.ldl_factor_ex(a).info.tolist() == [0, 1]
    with pytest.raises(L.LinAlgError, match="singular"):
        L.ldl_factor(a)
    with pytest.raises(L.LinAlgError, match="no gradient"):
        L.ldl_factor(plait.eye(2, requires_grad=True))
    factors, pivots = L.ldl_factor(plait.eye(2))
    with pytest.raises(ValueError, match="do not fit"):
        L.ldl_solve(factors, pivots, plait.ones(3, 1))
    with pytest.raises(ValueError, match="pivots from 1 to 2"):
        L.ldl_solve(factors, pivots - 1, plait.ones(2, 1))
    assert L.ldl_factor(plait.zeros(0, 2, 2)).LD.shape == (0, 2, 2)
    assert L.ldl_solve(plait.zeros(0, 0), plait.zeros(0, dtype=plait.int32), plait.zeros(0, 3)).shape == (0, 3)


def test_tolerances_of_ranks_and_pseudo_inverses():
    random = np.random.default_rng(0)
    u, _ = np.linalg.qr(random.normal(size=(5, 5)))
    a = u @ np.diag([3.0, 1.0, 0.2, 1e-3, 1e-5]) @ u.T
    x = plait.tensor(a)
    for options, rank in [
        ({}, 5),
        ({"atol": 0.5}, 2),
        ({"rtol": 0.1}, 2),
        ({"atol": 1e-4, "rtol": 1e-6}, 4),
        ({"atol": 1e-4, "rtol": 0.05}, 3),
        ({"atol": plait.tensor([0.5, 1e-4])}, [2, 4]),
    ]:
        for hermitian in (False, True):
            ours = plait.linalg.matrix_rank(x, hermitian=hermitian, **options)
            assert ours.tolist() == rank, options
            if isinstance(rank, int):
                inverse = plait.linalg.pinv(x, hermitian=hermitian, **options).cpu()
                expected = u[:, :rank] @ np.diag(1 / np.array([3.0, 1.0, 0.2, 1e-3, 1e-5])[:rank]) @ u[:, :rank].T
                np.testing.assert_allclose(inverse, expected, rtol=1e-6, atol=1e-6)
    assert plait.linalg.matrix_rank(x, 0.5).item() == 2  # tol
    assert plait.equal(plait.linalg.pinv(x, 0.1), plait.linalg.pinv(x, rtol=0.1))
    with pytest.raises(ValueError, match="expected one of them, got both"):
        plait.linalg.pinv(x, 0.1, rtol=0.1)
    with pytest.raises(ValueError, match="expected one of them, got both"):
        plait.linalg.matrix_rank(x, 0.1, atol=0.1)


@pytest.mark.parametrize("rank", [2, 3])
def test_pseudo_inverse_of_a_hermitian_matrix(rank):
    b = (rand(3, rank) + 1j * rand(3, rank, seed=1)).cpu().numpy()

    def inverse(b):
        return plait.linalg.pinv(b @ b.mH, hermitian=True)

    ours = inverse(plait.tensor(b)).cpu()
    np.testing.assert_allclose(ours, np.linalg.pinv(b @ b.conj().T, hermitian=True), rtol=1e-9, atol=1e-9)
    assert plait.autograd.gradcheck(inverse, [plait.tensor(b, requires_grad=True)])


def test_drivers_of_least_squares():
    a, b = rand(4, 3), rand(4, 2, seed=1)
    shapes = {"gels": ((0,), (0,)), "gelsy": ((), (0,)), "gelsd": ((), (3,)), "gelss": ((), (3,))}
    for driver, (rank, values) in shapes.items():
        result = plait.linalg.lstsq(a, b, driver=driver)
        assert (result.rank.shape, result.singular_values.shape) == (rank, values)
        expected = np.linalg.lstsq(a.cpu().numpy(), b.cpu().numpy(), rcond=None)[0]
        np.testing.assert_allclose(result.solution.cpu(), expected)
    with pytest.raises(ValueError, match="expected driver 'gels', 'gelsy', 'gelsd', 'gelss', got 'qr'"):
        plait.linalg.lstsq(a, b, driver="qr")


@pytest.mark.parametrize("complex_", [False, True])
@pytest.mark.parametrize("driver", [None, "gelsd"])
def test_least_squares_of_lower_rank(complex_, driver):
    """The shortest of all solutions; B may have another batch, and no columns."""
    a, b = rand(2, 5, 2), rand(5, 3, seed=1)
    if complex_:
        a, b = a + 1j * rand(2, 5, 2, seed=2), b + 1j * rand(5, 3, seed=3)
    for wide in (False, True):
        m = plait.cat([a, a[..., :1]], -1)
        m = m.mT if wide else m
        c = b[None, :3] if wide else b[None]
        found = plait.linalg.lstsq(m, c, driver=driver)
        assert found.rank.tolist() == [2, 2] and found.residuals.numel() == 0
        np.testing.assert_allclose(found.solution.cpu(), np.linalg.pinv(m.cpu().numpy()) @ c.cpu().numpy(), atol=1e-12)
        assert plait.linalg.lstsq(m, c[..., :0]).solution.shape == (2, m.shape[-1], 0)
    leaves = [x.detach().clone().requires_grad_() for x in (a, b[None])]
    assert plait.autograd.gradcheck(lambda p, q: plait.view_as_real(plait.linalg.lstsq(p, q).solution + 0j), leaves)
    assert plait.autograd.gradgradcheck(lambda p, q: plait.view_as_real(plait.linalg.lstsq(p, q).solution + 0j), leaves)
    with pytest.raises(plait.linalg.LinAlgError, match="the method did not converge"):
        plait.linalg.lstsq(a * float("nan"), b[None])


def test_fewer_reflectors_than_columns():
    a, tau = rand(4, 3), rand(2)
    whole = plait.linalg.householder_product(a, plait.cat([tau, plait.zeros(1, dtype=plait.float64)]))
    assert plait.equal(plait.linalg.householder_product(a, tau), whole)
    one = plait.linalg.householder_product(a, tau[:0])
    np.testing.assert_array_equal(one.cpu(), np.eye(4, 3))


@pytest.mark.parametrize("shape", [(4, 3), (3, 3), (3, 5), (2, 4, 3), (0, 3), (2, 0, 3), (3, 0)])
@pytest.mark.parametrize("kind", ["float32", "float64", "complex64", "complex128"])
def test_reflectors(shape, kind):
    """geqrf and ormqr: Q R = A, and Q as householder_product gives it, on every side."""
    a = rand(*shape)
    if "complex" in kind:
        a = plait.complex(a, rand(*shape, seed=1))
    a = a.to(getattr(plait, kind))
    packed, tau = plait.geqrf(a)
    rows, least = shape[-2], min(shape[-2:])
    assert packed.dtype is tau.dtype is a.dtype
    assert packed.shape == a.shape and tau.shape == (*shape[:-2], least)
    tol = 1e-4 if kind in ("float32", "complex64") else 1e-12

    def close(x, y):
        np.testing.assert_allclose(x.cpu(), y.cpu(), atol=tol)

    close(plait.ormqr(packed, tau, packed.triu()), a)
    if len(shape) == 2 and a.numel():
        name = {"float32": "s", "float64": "d", "complex64": "c", "complex128": "z"}[kind] + "geqrf"
        theirs = getattr(sl.lapack, name)(a.cpu().numpy())
        np.testing.assert_allclose(np.abs(tau.cpu()), np.abs(theirs[1]), atol=tol)
    one = plait.eye(rows, dtype=a.dtype).expand(*shape[:-2], rows, rows)
    q = plait.ormqr(packed, tau, one)
    close(q.mH @ q, one)
    if rows >= shape[-1]:
        close(q[..., : shape[-1]], plait.linalg.householder_product(packed, tau))
    b = plait.complex(rand(*shape[:-2], rows, 2, seed=2), rand(*shape[:-2], rows, 2, seed=3))
    b = (b if "complex" in kind else b.real).to(a.dtype)
    close(plait.ormqr(packed, tau, b), q @ b)
    close(plait.ormqr(packed, tau, b, transpose=True), q.mH @ b)
    close(plait.ormqr(packed, tau, b.mT, left=False), b.mT @ q)
    close(plait.ormqr(packed, tau, b.mT, left=False, transpose=True), b.mT @ q.mH)


def test_reflectors_pass_gradients():
    given = [rand(4, 3), rand(3), rand(4, 2)]
    for options in ({}, {"transpose": True}):
        assert gradcheck(lambda a, t, b, o=options: plait.ormqr(a, t, b, **o), [x.requires_grad_() for x in given])
    assert not plait.geqrf(given[0]).a.requires_grad


def test_reflectors_refuse():
    with pytest.raises(ValueError, match=r"of one batch and dtype, got \(4, 3\)"):
        plait.ormqr(rand(4, 3), rand(3), rand(3, 2))
    with pytest.raises(ValueError, match="of one batch and dtype"):
        plait.ormqr(rand(4, 3), rand(3).float(), rand(4, 2))
    with pytest.raises(TypeError, match="geqrf"):
        plait.geqrf(plait.ones(2, 2, dtype=plait.int64))


@pytest.mark.parametrize("kind", ["float64", "complex128"])
def test_nuclear_norm(kind):
    a = rand(2, 3, 4)
    a = plait.complex(a, rand(2, 3, 4, seed=1)) if "complex" in kind else a
    x = a.cpu().numpy()
    np.testing.assert_allclose(plait.norm(a[0], "nuc").cpu(), np.linalg.norm(x[0], "nuc"))
    np.testing.assert_allclose(a.norm("nuc", (0, 2), True).cpu(), np.linalg.norm(x, "nuc", (0, 2), True))
    assert gradcheck(lambda m: plait.norm(m, "nuc", (-2, -1)), [a.requires_grad_()])
    with pytest.raises(ValueError, match="expected a matrix"):
        plait.norm(a, "nuc")
    with pytest.raises(ValueError, match="matrix_norm"):
        plait._C.ops["norm"](a, "nuc")
