"""plait.linalg on both devices: values against NumPy and SciPy, first and second derivatives by differences,
PyTorch.
"""

import itertools

import numpy as np
import plait
import pytest
import scipy.linalg
from cuda_device import needs_cuda
from plait import linalg

RNG = np.random.default_rng(0)
SQUARE = [(3, 3), (2, 3, 3), (2, 1, 4, 4), (1, 1)]
SHAPES = [*SQUARE, (4, 2), (2, 4), (3, 2, 4), (3, 4, 2)]


@pytest.fixture(autouse=True, params=["cpu", pytest.param("cuda", marks=needs_cuda)])
def device(request):
    plait.set_default_device(request.param)
    yield request.param
    plait.set_default_device("cpu")


def t(x, grad=True):
    return plait.tensor(np.asarray(x), dtype=plait.float64, requires_grad=grad)


def general(shape):
    """Matrices whose singular values lie apart."""
    u, _, vh = np.linalg.svd(RNG.normal(size=shape), full_matrices=False)
    s = np.arange(1, u.shape[-1] + 1) * 0.7 + 0.5
    return (u * s) @ vh


def symmetric(shape, positive=False):
    q, _ = np.linalg.qr(RNG.normal(size=shape))
    values = np.arange(shape[-1]) - (0 if positive else 1.2) + 0.5
    return (q * values) @ q.swapaxes(-1, -2)


def check(function, *arrays, second=True):
    inputs = [t(a) for a in arrays]
    assert plait.autograd.gradcheck(function, inputs)
    if second and not inputs[0].is_cuda:  # the same ops there, and the same derivatives
        assert plait.autograd.gradgradcheck(function, inputs)


@pytest.mark.parametrize("shape", SQUARE)
def test_inverse_and_determinants(shape):
    a = general(shape)
    np.testing.assert_allclose(linalg.inv(t(a)).detach().cpu().numpy(), np.linalg.inv(a), rtol=1e-9)
    np.testing.assert_allclose(linalg.det(t(a)).detach().cpu().numpy(), np.linalg.det(a), rtol=1e-9)
    sign, log = linalg.slogdet(t(a))
    np.testing.assert_allclose(sign.cpu().numpy(), np.linalg.slogdet(a)[0])
    np.testing.assert_allclose(log.detach().cpu().numpy(), np.linalg.slogdet(a)[1], rtol=1e-9)
    for function in (linalg.inv, linalg.det, lambda x: linalg.slogdet(x).logabsdet):
        check(function, a)
    for n in (-2, 0, 1, 2, 5):
        ours = linalg.matrix_power(t(a), n).detach().cpu().numpy()
        np.testing.assert_allclose(ours, np.linalg.matrix_power(a, n), rtol=1e-8, atol=1e-12)
    check(lambda x: linalg.matrix_power(x, 3), a)
    f32 = plait.tensor(a, dtype=plait.float32)
    for function in (linalg.inv, linalg.det):
        assert function(f32).dtype is plait.float32


def test_singular_determinants():
    for a in (np.array([[1.0, 2.0], [2.0, 4.0]]), np.zeros((3, 3)), np.diag([0.0, 2.0, 3.0])):
        x = t(a)
        det = linalg.det(x)
        assert abs(det.item()) < 1e-12
        det.backward()
        n = len(a)
        minors = [[np.linalg.det(np.delete(np.delete(a, i, 0), j, 1)) for j in range(n)] for i in range(n)]
        signs = (-1.0) ** np.add.outer(np.arange(n), np.arange(n))
        np.testing.assert_allclose(x.grad.cpu().numpy(), signs * minors, atol=1e-10)
    sign, log = linalg.slogdet(plait.zeros(2, 2))
    assert sign.item() == 0 and log.item() == -np.inf
    assert plait.logdet(-plait.eye(3)).isnan() and plait.logdet(plait.eye(2)).item() == 0


@pytest.mark.parametrize("shape", SQUARE)
@pytest.mark.parametrize("left", [True, False])
def test_solve(shape, left):
    n = shape[-1]
    a = general(shape)
    b = RNG.normal(size=(*shape[:-2], n, 2) if left else (*shape[:-2], 2, n))
    x = linalg.solve(t(a), t(b), left=left).detach().cpu().numpy()
    np.testing.assert_allclose(a @ x if left else x @ a, b, rtol=1e-8, atol=1e-10)
    check(lambda p, q: linalg.solve(p, q, left=left), a, b)
    for upper in (True, False):
        for unit in (True, False):
            triangle = np.triu(a) if upper else np.tril(a)
            if unit:
                triangle = triangle - triangle * np.eye(n) + np.eye(n)
            else:
                a = a + 3 * np.eye(n)
                triangle = triangle + 3 * np.eye(n)

            def f(p, q, upper=upper, unit=unit):
                return linalg.solve_triangular(p, q, upper=upper, left=left, unitriangular=unit)

            x = f(t(a), t(b)).detach().cpu().numpy()
            np.testing.assert_allclose(triangle @ x if left else x @ triangle, b, rtol=1e-8, atol=1e-10)
            check(f, a, b, second=n < 4)


def test_solve_vectors_and_batches():
    a, b = general((2, 3, 3)), RNG.normal(size=(2, 3))
    x = linalg.solve(t(a), t(b)).detach().cpu().numpy()
    np.testing.assert_allclose(x, np.linalg.solve(a, b[..., None])[..., 0], rtol=1e-9)
    np.testing.assert_allclose(linalg.solve(t(a), t(b[0])).shape, (2, 3))
    wide = RNG.normal(size=(4, 1, 3, 2))
    x = linalg.solve(t(a), t(wide)).detach().cpu().numpy()
    np.testing.assert_allclose(x, np.linalg.solve(a, wide), rtol=1e-9)
    check(linalg.solve, a, wide, second=False)
    assert linalg.solve(plait.zeros(0, 0), plait.zeros(0, 2)).shape == (0, 2)


def test_triangular_solution_is_as_exact_as_substitution():
    a = np.tril(RNG.normal(size=(60, 60)), -1) * 0.1 + np.diag(10.0 ** RNG.uniform(-4, 4, 60))
    b = RNG.normal(size=(60, 3))
    ours = linalg.solve_triangular(t(a), t(b), upper=False).detach().cpu().numpy()
    np.testing.assert_allclose(ours, scipy.linalg.solve_triangular(a, b, lower=True), rtol=1e-9)


@pytest.mark.parametrize("shape", SQUARE)
def test_cholesky_and_eigh(shape):
    a = symmetric(shape, positive=True)
    np.testing.assert_allclose(linalg.cholesky(t(a)).detach().cpu().numpy(), np.linalg.cholesky(a), atol=1e-12)
    upper = linalg.cholesky(t(a), upper=True).detach().cpu().numpy()
    np.testing.assert_allclose(upper, np.linalg.cholesky(a).swapaxes(-1, -2), atol=1e-12)
    check(lambda x: linalg.cholesky((x + x.mT) / 2), a)
    a = symmetric(shape)
    for uplo in ("L", "U"):
        values, vectors = linalg.eigh(t(a), uplo)
        np.testing.assert_allclose(values.detach().cpu().numpy(), np.linalg.eigvalsh(a, uplo), atol=1e-12)
        again = (vectors * values.unsqueeze(-2)) @ vectors.mT
        np.testing.assert_allclose(again.detach().cpu().numpy(), a, atol=1e-12)

    def without_signs(x):
        values, vectors = linalg.eigh((x + x.mT) / 2)
        return values, vectors**2

    check(without_signs, a)
    check(lambda x: linalg.eigvalsh((x + x.mT) / 2), a)


@pytest.mark.parametrize("shape", SHAPES)
def test_qr_and_svd(shape):
    a = general(shape)
    q, r = linalg.qr(t(a))
    np.testing.assert_allclose((q @ r).detach().cpu().numpy(), a, atol=1e-12)
    expected_q, expected_r = np.linalg.qr(a)
    np.testing.assert_allclose(q.detach().cpu().numpy(), expected_q, atol=1e-10)
    np.testing.assert_allclose(r.detach().cpu().numpy(), expected_r, atol=1e-10)
    check(lambda x: tuple(linalg.qr(x)), a)
    only = linalg.qr(t(a), "r")
    assert only.Q.numel() == 0
    np.testing.assert_allclose(only.R.detach().cpu().numpy(), expected_r, atol=1e-10)
    full = linalg.qr(t(a, False), "complete")
    assert full.Q.shape[-2:] == (shape[-2], shape[-2])
    np.testing.assert_allclose((full.Q @ full.R).cpu().numpy(), a, atol=1e-12)

    u, s, vh = linalg.svd(t(a), full_matrices=False)
    np.testing.assert_allclose(((u * s.unsqueeze(-2)) @ vh).detach().cpu().numpy(), a, atol=1e-12)
    np.testing.assert_allclose(s.detach().cpu().numpy(), np.linalg.svd(a)[1], rtol=1e-10)
    np.testing.assert_allclose(linalg.svdvals(t(a)).detach().cpu().numpy(), np.linalg.svd(a)[1], rtol=1e-10)

    def without_signs(x):
        u, s, vh = linalg.svd(x, full_matrices=False)
        return u**2, s, vh**2, u @ vh

    check(without_signs, a)
    u, s, vh = linalg.svd(t(a, False))
    assert u.shape[-1] == shape[-2] and vh.shape[-2] == shape[-1]
    old = plait.svd(t(a, False))
    np.testing.assert_allclose(((old.U * old.S.unsqueeze(-2)) @ old.V.mT).cpu().numpy(), a, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_pinv_and_lstsq(shape):
    a = general(shape)
    np.testing.assert_allclose(linalg.pinv(t(a)).detach().cpu().numpy(), np.linalg.pinv(a), atol=1e-10)
    check(linalg.pinv, a)
    b = RNG.normal(size=(*shape[:-1], 2))
    found = linalg.lstsq(t(a), t(b), driver="gelsd")
    assert linalg.lstsq(t(a), t(b)).singular_values.numel() == 0
    np.testing.assert_allclose(found.solution.detach().cpu().numpy(), np.linalg.pinv(a) @ b, atol=1e-10)
    assert (found.rank == min(shape[-2:])).all()
    check(lambda p, q: linalg.lstsq(p, q).solution, a, b, second=False)
    if len(shape) == 2:
        theirs = np.linalg.lstsq(a, b)
        np.testing.assert_allclose(found.residuals.detach().cpu().numpy(), theirs[1], atol=1e-10)
        np.testing.assert_allclose(found.singular_values.cpu().numpy(), theirs[3], rtol=1e-10)
        vector = linalg.lstsq(t(a), t(b[:, 0])).solution
        np.testing.assert_allclose(vector.detach().cpu().numpy(), found.solution.detach().cpu().numpy()[:, 0])


@pytest.mark.parametrize("scale", [0.0, 0.1, 1.0, 20.0])
def test_matrix_exp(scale):
    a = RNG.normal(size=(2, 4, 4)) * scale
    expected = np.stack([scipy.linalg.expm(x) for x in a])
    size = np.abs(expected).max()
    np.testing.assert_allclose(
        linalg.matrix_exp(t(a)).detach().cpu().numpy(), expected, rtol=1e-9, atol=1e-11 * size
    )
    if scale <= 1:
        check(linalg.matrix_exp, a)
    assert linalg.matrix_exp(plait.full((2, 2), float("nan"))).isnan().all()
    assert linalg.matrix_exp(plait.zeros(0, 3, 3)).shape == (0, 3, 3)


@pytest.mark.parametrize("dtype", [plait.float16, plait.bfloat16])
def test_matrix_exp_of_16_bits(dtype):
    a = plait.tensor([[0.5, 1.0], [-1.0, 0.25]], dtype=dtype, requires_grad=True)
    wide = linalg.matrix_exp(a.detach().float())
    result = linalg.matrix_exp(a)
    assert result.dtype is dtype and plait.equal(result, wide.to(dtype))  # rounded once
    result.sum().backward()
    assert a.grad.dtype is dtype


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 5, 3)])
def test_householder_product(shape):
    a = RNG.normal(size=shape)
    flat = a.reshape(-1, *shape[-2:])
    raw = [np.linalg.qr(x, "raw") for x in flat]
    h = np.stack([r[0].T for r in raw]).reshape(shape)
    tau = np.stack([r[1] for r in raw]).reshape(*shape[:-2], shape[-1])
    ours = linalg.householder_product(t(h), t(tau)).detach().cpu().numpy()
    np.testing.assert_allclose(ours, np.linalg.qr(a)[0], atol=1e-12)
    check(linalg.householder_product, h, tau)
    with pytest.raises(ValueError, match="m >= n >= k"):
        linalg.householder_product(t(h), t(np.concatenate([tau, tau], -1)))


def test_rank_deficient():
    a = np.outer([1.0, 2.0, 3.0], [1.0, 0.5])
    np.testing.assert_allclose(linalg.pinv(t(a)).detach().cpu().numpy(), np.linalg.pinv(a), atol=1e-12)
    assert linalg.matrix_rank(t(a)).item() == 1 and linalg.matrix_rank(plait.zeros(2, 3)).item() == 0
    assert linalg.lstsq(t(a), t(np.ones((3, 1)))).residuals.numel() == 0
    assert linalg.pinv(plait.zeros(0, 3)).shape == (3, 0)


@pytest.mark.parametrize("ord", [2, 1, 3, 0.5, 0, -1, -2, np.inf, -np.inf])
@pytest.mark.parametrize("dim", [None, 0, -1, (0, 2)])
@pytest.mark.parametrize("keepdim", [False, True])
def test_vector_norm(ord, dim, keepdim):
    x = RNG.normal(size=(2, 3, 4))
    x[0, 0, 0] = 1.5
    axes = tuple(range(3)) if dim is None else (dim,) if isinstance(dim, int) else dim
    kept = [i for i in range(3) if i not in [a % 3 for a in axes]]
    flat = x.transpose(*kept, *[a % 3 for a in axes]).reshape(*[x.shape[i] for i in kept], -1)
    expected = np.linalg.norm(flat, ord, -1) if kept else np.linalg.norm(flat.ravel(), ord)
    if keepdim:
        expected = np.asarray(expected).reshape([x.shape[i] if i in kept else 1 for i in range(3)])
    np.testing.assert_allclose(
        linalg.vector_norm(t(x), ord, dim, keepdim).detach().cpu().numpy(), expected, rtol=1e-9
    )
    check(lambda v: linalg.vector_norm(v, ord, dim, keepdim), x, second=False)


@pytest.mark.parametrize("ord", ["fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf])
@pytest.mark.parametrize("keepdim", [False, True])
def test_matrix_norm(ord, keepdim):
    x = RNG.normal(size=(3, 4))
    expected = np.linalg.norm(x, ord, (0, 1), keepdim)
    np.testing.assert_allclose(linalg.matrix_norm(t(x), ord, keepdim=keepdim).detach().cpu().numpy(), expected)
    np.testing.assert_allclose(linalg.norm(t(x), ord, keepdim=keepdim).detach().cpu().numpy(), expected)
    check(lambda v: linalg.matrix_norm(v, ord), x, second=False)
    y = RNG.normal(size=(2, 3, 4))
    for dim in ((0, 1), (2, 0), (-1, -2)):
        expected = np.linalg.norm(y, ord, dim, keepdim)
        ours = linalg.norm(t(y), ord, dim, keepdim).detach().cpu().numpy()
        np.testing.assert_allclose(ours, expected, rtol=1e-9)


@pytest.mark.parametrize("ord", [0, 1, 2, 3, np.inf, -1, -2, -3, -np.inf])
def test_vector_norm_of_infinities_and_nan(ord):
    for pair in itertools.product([np.inf, -np.inf, 0.0, np.nan, 1.0], repeat=2):
        with np.errstate(all="ignore"):
            expected = np.linalg.norm(np.array(pair), ord)
        ours = linalg.vector_norm(plait.tensor(pair, dtype=plait.float64), ord).item()
        np.testing.assert_allclose(ours, expected, rtol=1e-15)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (2, 0, 3)])
def test_matrix_norms_of_nothing(shape):
    x = plait.ones(shape)
    for ord in ("fro", "nuc", 1, 2, np.inf):
        assert plait.equal(linalg.matrix_norm(x, ord), plait.zeros(shape[:-2]))
        assert linalg.matrix_norm(x, ord, keepdim=True).shape == (*shape[:-2], 1, 1)


def test_norm_without_order():
    x = RNG.normal(size=(2, 3, 4))
    np.testing.assert_allclose(linalg.norm(t(x)).item(), np.sqrt((x**2).sum()))
    np.testing.assert_allclose(linalg.norm(t(x), dim=1).detach().cpu().numpy(), np.linalg.norm(x, axis=1))
    assert linalg.norm(plait.ones(3), dtype=plait.float64).dtype is plait.float64
    assert linalg.vector_norm(plait.tensor(-2.0)).item() == 2


def test_products():
    a, b = RNG.normal(size=(2, 3)), RNG.normal(size=(2, 3))
    np.testing.assert_allclose(linalg.vecdot(t(a), t(b)).detach().cpu().numpy(), (a * b).sum(1))
    np.testing.assert_allclose(linalg.cross(t(a), t(b)).detach().cpu().numpy(), np.cross(a, b))
    np.testing.assert_allclose(linalg.matmul(t(a), t(b).T).detach().cpu().numpy(), a @ b.T)
    assert linalg.diagonal(plait.ones(2, 3, 3), offset=1).shape == (2, 2)


def test_methods_and_old_names():
    a = general((3, 3))
    for name, theirs in (
        ("inverse", np.linalg.inv(a)),
        ("det", np.linalg.det(a)),
        ("pinverse", np.linalg.pinv(a)),
    ):
        np.testing.assert_allclose(getattr(t(a, False), name)().cpu().numpy(), theirs, rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(getattr(plait, name)(t(a, False)).cpu().numpy(), theirs, rtol=1e-8, atol=1e-12)
    spd = symmetric((3, 3), positive=True)
    np.testing.assert_allclose(plait.cholesky(t(spd, False)).cpu().numpy(), np.linalg.cholesky(spd), atol=1e-12)
    np.testing.assert_allclose(t(spd, False).logdet().item(), np.linalg.slogdet(spd)[1])
    np.testing.assert_allclose(t(a, False).matrix_power(2).cpu().numpy(), a @ a, atol=1e-12)
    assert plait.qr(t(a, False)).R.shape == (3, 3) and plait.slogdet(t(a, False)).sign.item() in (1, -1)
    assert plait.svd(t(a, False), compute_uv=False).U.abs().sum().item() == 0
    turned = t(a, False).T
    np.testing.assert_allclose(linalg.inv(turned).cpu().numpy(), np.linalg.inv(a.T), rtol=1e-9)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: linalg.inv(plait.zeros(2, 2)), linalg.LinAlgError, "singular"),
        (lambda: linalg.solve(plait.zeros(2, 2), plait.ones(2)), RuntimeError, "singular"),
        (lambda: linalg.cholesky(-plait.eye(2)), linalg.LinAlgError, "positive definite"),
        (lambda: linalg.inv(plait.ones(2, 3)), ValueError, "square"),
        (lambda: linalg.inv(plait.ones(2)), ValueError, "2 dimensions"),
        (lambda: linalg.inv(plait.ones(2, 2).half()), TypeError, "float32, float64, complex64 or complex128"),
        (lambda: linalg.inv([[1.0]]), TypeError, "Tensor"),
        (lambda: linalg.solve(plait.eye(2), plait.ones(3, 1)), ValueError, "do not fit"),
        (lambda: linalg.solve(plait.eye(2), plait.ones(2).double()), TypeError, "one dtype"),
        (lambda: linalg.solve(plait.eye(2), plait.ones(2), left=False), ValueError, "vector"),
        (lambda: linalg.solve(plait.ones(2, 2, 2), plait.ones(3, 2, 1)), ValueError, "broadcast"),
        (lambda: linalg.qr(plait.ones(2, 2), "economic"), ValueError, "reduced"),
        (lambda: linalg.qr(plait.ones(3, 2, requires_grad=True), "complete"), linalg.LinAlgError, "reduced"),
        (lambda: linalg.eigh(plait.eye(2), "X"), ValueError, "UPLO"),
        (lambda: linalg.lstsq(plait.ones(3, 2), plait.ones(2, 1)), ValueError, "do not fit"),
        (lambda: linalg.matrix_norm(plait.ones(2, 2), 5), ValueError, "fro"),
        (lambda: linalg.matrix_norm(plait.ones(2)), ValueError, "two different"),
        (lambda: linalg.vector_norm(plait.ones(2), "fro"), TypeError, "matrix_norm"),
        (lambda: linalg.vector_norm(plait.ones(2, dtype=plait.int64)), TypeError, "floating"),
        (lambda: linalg.norm(plait.ones(2, 2, 2), 2), ValueError, "1 or 2"),
        (lambda: linalg.norm(plait.ones(2, 2, 2), 1, (0, 1, 2)), ValueError, "1 or 2"),
        (lambda: linalg.vector_norm(plait.tensor([1j]), dtype=plait.float32), TypeError, "complex dtype"),
        (lambda: linalg.matrix_power(plait.ones(2, 3), 2), ValueError, "square"),
    ],
)
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_as_pytorch():
    torch = pytest.importorskip("torch")
    a, b = general((2, 3, 3)), RNG.normal(size=(2, 3, 2))
    spd = symmetric((2, 3, 3), positive=True)
    cases = [
        (lambda la, x: la.inv(x), (a,)),
        (lambda la, x: la.det(x), (a,)),
        (lambda la, x: la.slogdet(x)[1], (a,)),
        (lambda la, x: la.cholesky(x), (spd,)),
        (lambda la, x: la.eigh(x)[0], (spd,)),
        (lambda la, x: la.eigh(x)[1] ** 2, (spd,)),
        (lambda la, x: la.svd(x, full_matrices=False)[0] ** 2, (a,)),
        (lambda la, x: la.qr(x)[0], (a,)),
        (lambda la, x, y: la.solve(x, y), (a, b)),
        (lambda la, x, y: la.lstsq(x, y)[0], (a, b)),
        (lambda la, x: la.pinv(x), (a,)),
        (lambda la, x: la.norm(x, 2, (1, 2)), (a,)),
    ]
    for function, arrays in cases:
        ours, theirs = [t(x) for x in arrays], [torch.tensor(x, requires_grad=True) for x in arrays]
        p, q = function(linalg, *ours), function(torch.linalg, *theirs)
        np.testing.assert_allclose(p.detach().cpu().numpy(), q.detach().cpu().numpy(), rtol=1e-8, atol=1e-10)
        w = RNG.normal(size=tuple(q.shape))
        (p * plait.tensor(w)).sum().backward()
        (q * torch.tensor(w)).sum().backward()
        for x, y in zip(ours, theirs):
            np.testing.assert_allclose(x.grad.cpu().numpy(), y.grad.cpu().numpy(), rtol=1e-7, atol=1e-9)
