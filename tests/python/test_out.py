"""out= and in-place forms of functions that are made of ops (those of ops are tested with their samples)."""

import plait
import pytest

T = plait.tensor
A = T([[4.0, 1.0], [1.0, 3.0]])
V = T([0.5, -1.0, 2.0])
M = T([[1.0, 2.0, 0.5], [0.0, -1.0, 3.0]])
L = plait.linalg.cholesky(A)
FACTORS = plait.linalg.lu_factor(A)
CASES = {
    "alias_copy": lambda **k: plait.alias_copy(M, **k),
    "geqrf": lambda **k: plait.geqrf(M, **k),
    "histogram": lambda **k: plait.histogram(V, 3, **k),
    "index_reduce": lambda **k: plait.index_reduce(M, 1, T([0, 0]), M[:, :2], "prod", **k),
    "lu": lambda **k: plait.lu(A, **k),
    "lu_solve": lambda **k: plait.lu_solve(A, *FACTORS, **k),
    "narrow_copy": lambda **k: plait.narrow_copy(M, 1, 1, 2, **k),
    "norm": lambda **k: plait.norm(M, 2, 1, **k),
    "norm nuc": lambda **k: plait.norm(M, "nuc", **k),
    "ormqr": lambda **k: plait.ormqr(M.mT, V[:2], M.mT, **k),
    "shifted_chebyshev_polynomial_u": lambda **k: plait.special.shifted_chebyshev_polynomial_u(V, 2, **k),
    "legendre_polynomial_p": lambda **k: plait.special.legendre_polynomial_p(V, T([1, 2, 3]), **k),
    "split_copy": lambda **k: plait.split_copy(M, 1, **k),
    "triangular_solve": lambda **k: plait.triangular_solve(M, L, **k),
    "addr": lambda **k: plait.addr(plait.ones(3, 3), V, V, alpha=2, **k),
    "cholesky": lambda **k: plait.cholesky(A, **k),
    "cholesky_inverse": lambda **k: plait.cholesky_inverse(L, **k),
    "cholesky_solve": lambda **k: plait.cholesky_solve(M, L, **k),
    "diff": lambda **k: plait.diff(M, **k),
    "float_power": lambda **k: plait.float_power(T([1.0, 2.0]), 3, **k),
    "ger": lambda **k: plait.ger(V, V, **k),
    "inverse": lambda **k: plait.inverse(A, **k),
    "isin": lambda **k: plait.isin(V, T([2.0]), **k),
    "isneginf": lambda **k: plait.isneginf(V, **k),
    "isposinf": lambda **k: plait.isposinf(V, **k),
    "ldexp": lambda **k: plait.ldexp(V, T([1, 2, 3]), **k),
    "logaddexp2": lambda **k: plait.logaddexp2(V, V, **k),
    "mode": lambda **k: plait.mode(M, **k),
    "mvlgamma": lambda **k: plait.mvlgamma(V.abs() + 1, 2, **k),
    "nanquantile": lambda **k: plait.nanquantile(M, 0.3, 1, **k),
    "nextafter": lambda **k: plait.nextafter(V, V + 1, **k),
    "polar": lambda **k: plait.polar(V, V, **k),
    "quantile": lambda **k: plait.quantile(M, 0.3, 1, **k),
    "renorm": lambda **k: plait.renorm(M, 2, 0, 1.0, **k),
    "sinc": lambda **k: plait.sinc(V, **k),
    "fft.fft": lambda **k: plait.fft.fft(M, **k),
    "fft.irfft2": lambda **k: plait.fft.irfft2(plait.complex(M, M), **k),
    "fft.hfftn": lambda **k: plait.fft.hfftn(plait.complex(M, M), **k),
    "linalg.cond": lambda **k: plait.linalg.cond(A, **k),
    "linalg.cross": lambda **k: plait.linalg.cross(V, V + 1, **k),
    "linalg.det": lambda **k: plait.linalg.det(A, **k),
    "linalg.eig": lambda **k: plait.linalg.eig(A, **k),
    "linalg.eigh": lambda **k: plait.linalg.eigh(A, **k),
    "linalg.eigvalsh": lambda **k: plait.linalg.eigvalsh(A, **k),
    "linalg.inv_ex": lambda **k: plait.linalg.inv_ex(A, **k),
    "linalg.cholesky_ex": lambda **k: plait.linalg.cholesky_ex(A, **k),
    "linalg.ldl_factor": lambda **k: plait.linalg.ldl_factor(A, **k),
    "linalg.lstsq": lambda **k: plait.linalg.lstsq(A, M, **k),
    "linalg.lu": lambda **k: plait.linalg.lu(A, **k),
    "linalg.lu_solve": lambda **k: plait.linalg.lu_solve(*FACTORS, M, **k),
    "linalg.matmul": lambda **k: plait.linalg.matmul(A, M, **k),
    "linalg.matrix_norm": lambda **k: plait.linalg.matrix_norm(A, **k),
    "linalg.matrix_power": lambda **k: plait.linalg.matrix_power(A, 3, **k),
    "linalg.matrix_rank": lambda **k: plait.linalg.matrix_rank(A, **k),
    "linalg.multi_dot": lambda **k: plait.linalg.multi_dot([A, M], **k),
    "linalg.norm": lambda **k: plait.linalg.norm(A, **k),
    "linalg.pinv": lambda **k: plait.linalg.pinv(M, **k),
    "linalg.qr": lambda **k: plait.linalg.qr(A, **k),
    "linalg.slogdet": lambda **k: plait.linalg.slogdet(A, **k),
    "linalg.solve": lambda **k: plait.linalg.solve(A, M, **k),
    "linalg.svd": lambda **k: plait.linalg.svd(M, **k),
    "linalg.svdvals": lambda **k: plait.linalg.svdvals(M, **k),
    "linalg.vecdot": lambda **k: plait.linalg.vecdot(V, V, **k),
    "linalg.vector_norm": lambda **k: plait.linalg.vector_norm(V, **k),
}


def parts(value):
    return [value] if isinstance(value, plait.Tensor) else list(value)


@pytest.mark.parametrize("name", CASES)
def test_out(name):
    call = CASES[name]
    expected = call()
    for make in (plait.empty_like, lambda t: t.new_empty(0)):
        out = [make(t) for t in parts(expected)]
        result = call(out=out[0] if isinstance(expected, plait.Tensor) else tuple(out))
        assert type(result) is type(expected)
        for there, r, e in zip(out, parts(result), parts(expected)):
            assert r is there and r.shape == e.shape and r.dtype == e.dtype
            assert plait.equal(r, e)


def test_out_refuses():
    with pytest.raises(
        plait.ArgumentError, match=r"sinc: out= has shape \(2,\), the result has shape \(3,\)"
    ):
        plait.sinc(V, out=plait.empty(2))
    with pytest.raises(RuntimeError, match=r"linalg\.inv: out= has dtype .*int64"):
        plait.linalg.inv(A, out=plait.empty(2, 2, dtype=plait.int64))
    with pytest.raises(RuntimeError, match="sinc: out= does not record gradients"):
        plait.sinc(V.clone().requires_grad_(), out=plait.empty(3))
    with pytest.raises(TypeError, match=r"linalg\.slogdet: expected 2 tensors for out=, got 1"):
        plait.linalg.slogdet(A, out=plait.empty(()))
    with pytest.raises(RuntimeError, match="on meta"):
        plait.sinc(V, out=plait.empty(3, device="meta"))
    with plait.no_grad():
        assert plait.sinc(V.clone().requires_grad_(), out=plait.empty(3)).shape == (3,)


IN_PLACE = {
    "addr": (plait.ones(3, 3), (V, V)),
    "float_power": (V.double().abs(), (2,)),
    "ldexp": (V, (T([1, 2, 3]),)),
    "mvlgamma": (V.abs() + 1, (2,)),
    "nextafter": (V, (V + 1,)),
    "polygamma": (V.abs(), (1,)),
    "renorm": (M, (2, 0, 1.0)),
    "sgn": (V, ()),
    "sinc": (V, ()),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place(name):
    x, args = IN_PLACE[name]
    expected = getattr(x, name)(*args)
    x = x.clone()
    version = x._version
    assert getattr(x, name + "_")(*args) is x and x._version > version
    assert plait.equal(x, expected)


def test_in_place_records_and_refuses():
    x = T([0.5, 1.5], requires_grad=True)
    y = (x * 1).sinc_()
    y.sum().backward()
    z = T([0.5, 1.5], requires_grad=True)
    z.sinc().sum().backward()
    assert plait.allclose(x.grad, z.grad)
    with pytest.raises(RuntimeError, match="leaf"):
        x.sinc_()
    with pytest.raises(plait.ArgumentError, match=r"addr_: the result has shape \(3, 3\)"):
        plait.ones(3).addr_(V, V)
    with pytest.raises(RuntimeError, match="sinc_: the result has dtype"):
        T([1, 2]).sinc_()


def test_out_does_not_drop_gradients_of_a_list():
    x = plait.ones(2, requires_grad=True)
    for join in (plait.cat, plait.stack):
        out = plait.empty(0)
        with pytest.raises(RuntimeError, match=r"out= does not record gradients"):
            join([plait.zeros(2), x], out=out)
        with plait.no_grad():
            join([plait.zeros(2), x], out=out)
        assert out.flatten().tolist() == [0, 0, 1, 1]
