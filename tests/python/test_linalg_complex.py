"""plait.linalg of complex matrices on both devices: values against NumPy and SciPy, first and second derivatives by
differences, PyTorch.
"""

import numpy as np
import plait
import pytest
import scipy.linalg as sl
from cuda_device import needs_cuda
from plait import linalg

RNG = np.random.default_rng(0)
SQUARE = [(3, 3), (2, 3, 3), (1, 1)]
SHAPES = [*SQUARE, (4, 2), (2, 4), (2, 4, 3)]


@pytest.fixture(autouse=True, params=["cpu", pytest.param("cuda", marks=needs_cuda)])
def device(request):
    plait.set_default_device(request.param)
    yield request.param
    plait.set_default_device("cpu")


def numbers(*shape):
    return RNG.normal(size=shape) + 1j * RNG.normal(size=shape)


def general(shape):
    """Matrices whose singular values lie apart."""
    u, _, vh = np.linalg.svd(numbers(*shape), full_matrices=False)
    return (u * (np.arange(1, u.shape[-1] + 1) * 0.7 + 0.5)) @ vh


def hermitian(shape, positive=False):
    q, _ = np.linalg.qr(numbers(*shape))
    values = np.arange(shape[-1]) - (0 if positive else 1.2) + 0.5
    return (q * values) @ dual(q)


def dual(x):
    return x.swapaxes(-1, -2).conj()


def t(x, grad=False):
    return plait.tensor(np.asarray(x), requires_grad=grad)


def n(x):
    return x.detach().cpu().numpy()


def check(function, *arrays, second=True):
    inputs = [t(a, True) for a in arrays]
    assert plait.autograd.gradcheck(function, inputs)
    if second and not inputs[0].is_cuda:  # the same ops there, and the same derivatives
        assert plait.autograd.gradgradcheck(function, inputs)


def close(ours, theirs, tolerance=1e-10):
    assert ours.dtype == plait.tensor(theirs).dtype
    np.testing.assert_allclose(n(ours), theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("shape", SQUARE)
def test_systems_and_determinants(shape):
    a, b = general(shape), numbers(*shape[:-1], 2)
    close(linalg.inv(t(a)), np.linalg.inv(a))
    close(linalg.det(t(a)), np.linalg.det(a))
    for ours, theirs in zip(linalg.slogdet(t(a)), np.linalg.slogdet(a)):
        close(ours, theirs)
    close(linalg.solve(t(a), t(b)), np.linalg.solve(a, b))
    close(linalg.solve(t(a), t(b.swapaxes(-1, -2)), left=False), b.swapaxes(-1, -2) @ np.linalg.inv(a))
    close(linalg.matrix_power(t(a), -2), np.linalg.matrix_power(a, -2))
    for function in (linalg.inv, linalg.det, lambda x: tuple(linalg.slogdet(x))):
        check(function, a)
    check(linalg.solve, a, b)
    check(lambda x, y: linalg.solve(x, y, left=False), a, b.swapaxes(-1, -2), second=False)


def test_singular_determinants():
    a = general((3, 3))
    a[:, 2] = a[:, 0] * 1j
    x = t(a, True)
    det = linalg.det(x)
    assert abs(det.item()) < 1e-12
    det.real.backward()
    minors = [[np.linalg.det(np.delete(np.delete(a, i, 0), j, 1)) for j in range(3)] for i in range(3)]
    signs = (-1.0) ** np.add.outer(np.arange(3), np.arange(3))
    np.testing.assert_allclose(n(x.grad), (signs * minors).conj(), atol=1e-10)


@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 3)])
@pytest.mark.parametrize("upper", [True, False])
@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("unit", [True, False])
def test_triangles(shape, upper, left, unit):
    a = general(shape) + 3 * np.eye(shape[-1])
    b = numbers(*shape[:-2], 3, 2) if left else numbers(*shape[:-2], 2, 3)
    triangle = np.triu(a, int(unit)) if upper else np.tril(a, -int(unit))
    if unit:
        triangle = triangle + np.eye(3)

    def f(x, y):
        return linalg.solve_triangular(x, y, upper=upper, left=left, unitriangular=unit)

    close(f(t(a), t(b)), np.linalg.solve(triangle, b) if left else b @ np.linalg.inv(triangle))
    check(f, a, b)


@pytest.mark.parametrize("shape", SQUARE)
def test_cholesky_and_eigh(shape):
    a = hermitian(shape, positive=True)
    lower = np.linalg.cholesky(a)
    close(linalg.cholesky(t(a)), lower)
    close(linalg.cholesky(t(a), upper=True), dual(lower))
    check(lambda x: linalg.cholesky((x + x.mH) / 2), a)
    a = hermitian(shape)
    for uplo in ("L", "U"):
        values, vectors = linalg.eigh(t(a), uplo)
        close(values, np.linalg.eigvalsh(a, uplo))
        close(linalg.eigvalsh(t(a), uplo), np.linalg.eigvalsh(a, uplo))
        close((vectors * values.unsqueeze(-2)) @ vectors.mH, a)

    def without_phases(x):
        values, vectors = linalg.eigh((x + x.mH) / 2)
        return values, vectors.abs() ** 2

    check(without_phases, a)
    check(lambda x: linalg.eigvalsh((x + x.mH) / 2), a)


@pytest.mark.parametrize("shape", SHAPES)
def test_qr_and_svd(shape):
    a = general(shape)
    for mode in ("reduced", "complete"):
        q, r = linalg.qr(t(a), mode)
        close(q @ r, a)
        close(q.mH @ q, np.broadcast_to(np.eye(q.shape[-1], dtype=complex), (*shape[:-2], q.shape[-1], q.shape[-1])))
        assert n(r.tril(-1)).any() == 0
    close(linalg.qr(t(a), "r").R.abs(), np.abs(np.linalg.qr(a, "r")))
    check(lambda x: tuple(linalg.qr(x)), a)
    for full in (True, False):
        u, s, vh = linalg.svd(t(a), full)
        k = min(shape[-2:])
        close((u[..., :k] * s.unsqueeze(-2)) @ vh[..., :k, :], a)
        close(s, np.linalg.svd(a)[1])
        assert u.shape[-1] == (shape[-2] if full else k) and vh.shape[-2] == (shape[-1] if full else k)
    close(linalg.svdvals(t(a)), np.linalg.svd(a)[1])

    def without_phases(x):
        u, s, vh = linalg.svd(x, full_matrices=False)
        return u.abs() ** 2, s, vh.abs() ** 2, u @ vh

    check(without_phases, a)
    check(lambda x: linalg.svd(x, full_matrices=False).U.abs(), a, second=False)
    check(linalg.svdvals, a)


def test_functions_of_phases_have_no_gradient():
    a = t(general((3, 3)), True)
    for f in (
        lambda x: linalg.svd(x).U.real.sum(),
        lambda x: (linalg.svd(x).U + linalg.svd(x).Vh).real.sum(),
        lambda x: linalg.eigh(x + x.mH).eigenvectors.imag.sum(),
        lambda x: linalg.eig(x).eigenvectors.real.sum(),
    ):
        with pytest.raises(linalg.LinAlgError, match="phases"):
            f(a).backward()


@pytest.mark.parametrize("shape", SHAPES)
def test_pinv_and_lstsq(shape):
    a, b = general(shape), numbers(*shape[:-1], 2)
    close(linalg.pinv(t(a)), np.linalg.pinv(a))
    check(linalg.pinv, a)
    found = linalg.lstsq(t(a), t(b), driver="gelsd")
    close(found.solution, np.linalg.pinv(a) @ b)
    check(lambda p, q: linalg.lstsq(p, q).solution, a, b, second=False)
    if len(shape) == 2:
        theirs = np.linalg.lstsq(a, b)
        close(found.residuals, theirs[1])
        assert found.rank.item() == theirs[2]
        close(found.singular_values, theirs[3])


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5), (2, 3, 3), (2, 70, 70), (0, 3, 3), (3, 0)])
def test_lu(shape):
    a = numbers(*shape)
    p, lower, upper = linalg.lu(t(a))
    close(p @ lower @ upper, a)
    if len(shape) == 2 and a.size:
        for ours, theirs in zip((p.abs(), lower, upper), sl.lu(a)):
            close(ours, theirs)
    packed, pivots = linalg.lu_factor(t(a))
    for ours, theirs in zip(plait.lu_unpack(packed, pivots), (p, lower, upper)):
        np.testing.assert_allclose(n(ours), n(theirs), atol=1e-13)
    if shape[-1] == shape[-2]:
        b = numbers(*shape[:-1], 2)
        close(linalg.lu_solve(packed, pivots, t(b)), np.linalg.solve(a, b), 1e-8)
        close(linalg.lu_solve(packed, pivots, t(b), adjoint=True), np.linalg.solve(dual(a), b), 1e-8)
        c = dual(b).copy()
        close(linalg.lu_solve(packed, pivots, t(c), left=False), dual(np.linalg.solve(dual(a), b)), 1e-8)
    if a.size and a.size < 20:
        check(lambda x: linalg.lu(x)[1:], a)
        check(lambda x: linalg.lu_factor(x)[0], a, second=False)


def test_exponentials_reflectors_norms():
    a = numbers(4, 3)
    square = numbers(3, 3)
    close(linalg.matrix_exp(t(square)), sl.expm(square))
    check(linalg.matrix_exp, square)
    h, tau = np.linalg.qr(a, "raw")
    close(linalg.householder_product(t(h.T), t(tau)), np.linalg.qr(a)[0])
    check(linalg.householder_product, h.T.copy(), tau)
    for ord in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
        close(linalg.matrix_norm(t(a), ord), np.linalg.norm(a, ord))
        close(linalg.cond(t(square), ord), np.linalg.cond(square, ord))
    for ord in (2, 1, 3, 0.5, 0, -1, np.inf, -np.inf):
        close(linalg.vector_norm(t(a), ord, 1), np.linalg.norm(a, ord, 1))
    assert linalg.matrix_rank(t(np.outer(tau, tau))).item() == 1
    check(lambda x: linalg.matrix_norm(x, "nuc"), a)
    close(linalg.multi_dot([t(a), t(square), t(square)]), a @ square @ square)


def test_where_there_is_none():
    good, zero, negative = hermitian((2, 2), True), np.ones((2, 2), complex), -np.eye(2, dtype=complex)
    a = np.stack([good, zero, negative])
    inverse, info = linalg.inv_ex(t(a))
    assert info.tolist() == [0, 2, 0] and np.isnan(n(inverse[1])).all()
    close(inverse[0], np.linalg.inv(good))
    factor, info = linalg.cholesky_ex(t(a))
    assert info.tolist() == [0, 2, 1] and np.isnan(n(factor[2])).all()
    close(factor[0], np.linalg.cholesky(good))
    x, info = linalg.solve_ex(t(a), t(np.ones((3, 2), complex)))
    assert info.tolist() == [0, 2, 0] and np.isnan(n(x[1])).all()
    for f in (linalg.inv, linalg.cholesky, lambda a: linalg.inv_ex(a, check_errors=True)):
        with pytest.raises(linalg.LinAlgError):
            f(t(a))
    # What is well defined has a gradient all the same.
    x = t(a, True)
    linalg.inv_ex(x).inverse[0].abs().sum().backward()
    assert np.isfinite(n(x.grad)).all() and n(x.grad[0]).any() and not n(x.grad[1:]).any()


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_dtypes(dtype):
    real = {"complex64": "float32", "complex128": "float64"}[dtype]
    a = t(hermitian((3, 3), True).astype(dtype))
    for f, kind in (
        (linalg.inv, dtype),
        (linalg.cholesky, dtype),
        (linalg.det, dtype),
        (lambda x: linalg.slogdet(x).logabsdet, real),
        (lambda x: linalg.eigh(x).eigenvalues, real),
        (linalg.eigvalsh, real),
        (linalg.svdvals, real),
        (lambda x: linalg.svd(x).U, dtype),
        (lambda x: linalg.eig(x).eigenvalues, dtype),
        (linalg.pinv, dtype),
        (linalg.matrix_exp, dtype),
        (lambda x: linalg.lu_factor(x).LU, dtype),
        (lambda x: linalg.lstsq(x, x).residuals, real),
    ):
        assert f(a).dtype is getattr(plait, kind)
    with pytest.raises(TypeError, match="one dtype"):
        linalg.solve(a, a.real)


def test_as_pytorch():
    torch = pytest.importorskip("torch")

    def outer(u, s, vh):
        return u @ vh

    a, b, positive = general((2, 3, 3)), numbers(2, 3, 2), hermitian((2, 3, 3), True)
    tall = general((4, 3))
    for function, arrays in (
        (lambda la, x: la.inv(x), (a,)),
        (lambda la, x: la.det(x), (a,)),
        (lambda la, x: la.slogdet(x)[0], (a,)),
        (lambda la, x: la.slogdet(x)[1], (a,)),
        (lambda la, x: abs(la.cholesky(x)), (positive,)),  # its diagonal is real
        (lambda la, x: la.eigh(x)[0], (positive,)),
        (lambda la, x: abs(la.eigh(x)[1]), (positive,)),
        (lambda la, x: (abs(la.eig(x)[1]) ** 3).sum(-1), (a,)),  # in any order
        (lambda la, x: abs(la.svd(x, full_matrices=False)[0]), (tall,)),
        (lambda la, x: outer(*la.svd(x, full_matrices=False)), (tall,)),
        (lambda la, x: la.qr(x)[0], (tall,)),
        (lambda la, x: la.lu(x)[1], (a,)),
        (lambda la, x: la.lu_factor(x)[0], (a,)),
        (lambda la, x, y: la.lu_solve(*la.lu_factor(x), y, adjoint=True), (a, b)),
        (lambda la, x, y: la.solve(x, y), (a, b)),
        (lambda la, x, y: la.solve_triangular(x, y, upper=True), (a, b)),
        (lambda la, x, y: la.lstsq(x, y)[0], (a, b)),
        (lambda la, x: la.pinv(x), (tall,)),
        (lambda la, x: la.matrix_exp(x), (a,)),
        (lambda la, x: la.matrix_norm(x, "nuc"), (a,)),
    ):
        ours, theirs = [t(x, True) for x in arrays], [torch.tensor(x, requires_grad=True) for x in arrays]
        p, q = function(linalg, *ours), function(torch.linalg, *theirs)
        np.testing.assert_allclose(n(p), q.detach().numpy(), rtol=1e-8, atol=1e-10)
        w = numbers(*q.shape) if q.is_complex() else RNG.normal(size=tuple(q.shape))
        p.backward(t(w))
        q.backward(torch.tensor(w))
        for x, y in zip(ours, theirs):
            np.testing.assert_allclose(n(x.grad), y.grad.numpy(), rtol=1e-7, atol=1e-9)


def test_old_names():
    a = general((4, 3))
    u, s, v = plait.svd(t(a))
    close((u * s.unsqueeze(-2)) @ v.mH, a)
    square = general((2, 3, 3))
    close(plait.logdet(t(square)).exp(), np.linalg.det(square))
    lower, b = np.linalg.cholesky(hermitian((3, 3), True)), numbers(3, 2)
    close(plait.cholesky_solve(t(b), t(lower)), np.linalg.solve(lower @ dual(lower), b))
    close(plait.cholesky_inverse(t(dual(lower)), upper=True), np.linalg.inv(lower @ dual(lower)))
    check(plait.logdet, square)
