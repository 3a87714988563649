"""Orthogonal polynomials: SciPy is the oracle."""

import cuda_device
import numpy as np
import plait
import pytest
import scipy.special as sp
from plait import special


def third(n, x):
    return sp.eval_chebyu(n, x) - (sp.eval_chebyu(n - 1, x) if n > 0 else 0)


def fourth(n, x):
    return sp.eval_chebyu(n, x) + (sp.eval_chebyu(n - 1, x) if n > 0 else 0)


REFERENCES = {
    "chebyshev_polynomial_t": sp.eval_chebyt,
    "chebyshev_polynomial_u": sp.eval_chebyu,
    "chebyshev_polynomial_v": third,
    "chebyshev_polynomial_w": fourth,
    "hermite_polynomial_h": sp.eval_hermite,
    "hermite_polynomial_he": sp.eval_hermitenorm,
    "laguerre_polynomial_l": sp.eval_laguerre,
    "legendre_polynomial_p": sp.eval_legendre,
    "shifted_chebyshev_polynomial_t": sp.eval_sh_chebyt,
    "shifted_chebyshev_polynomial_u": sp.eval_sh_chebyu,
    "shifted_chebyshev_polynomial_v": lambda n, x: third(n, 2 * x - 1),
    "shifted_chebyshev_polynomial_w": lambda n, x: fourth(n, 2 * x - 1),
}
X = np.linspace(-1, 1, 9)


@pytest.mark.parametrize("name", REFERENCES)
def test_as_scipy(name):
    ours, reference = getattr(special, name), REFERENCES[name]
    for n in (0, 1, 2, 5, 9):
        np.testing.assert_allclose(ours(plait.tensor(X), n), reference(n, X), rtol=1e-9, atol=1e-9)
    degrees = np.array([[3], [0], [6], [1]])
    expected = np.stack([reference(int(n), X) for n in degrees[:, 0]])
    np.testing.assert_allclose(ours(plait.tensor(X), plait.tensor(degrees)), expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(ours(0.5, plait.tensor([2.0, 3.0])), [reference(n, 0.5) for n in (2, 3)], rtol=1e-5)
    assert not ours(plait.tensor(X), -1).any()
    assert ours(plait.tensor([2]), 1).dtype is plait.float32
    assert plait.autograd.gradcheck(lambda x: ours(x, 4), [plait.tensor(X, requires_grad=True)])


@pytest.mark.parametrize("name", REFERENCES)
def test_derivatives_of_all_orders(name):
    ours = getattr(special, name)
    inside = plait.tensor(np.linspace(0.1, 0.9, 5), requires_grad=True)  # of the shifted ones, too
    degrees = plait.tensor([[0], [1], [2], [3], [6]])
    assert plait.autograd.gradgradcheck(lambda x: ours(x, degrees), [inside])
    # n + 1 points determine a polynomial of degree n, and so its derivatives.
    for n in (0, 1, 3, 5):
        reference = np.polynomial.Polynomial.fit(X, REFERENCES[name](n, X), n) if n else np.polynomial.Polynomial([1.0])
        x = plait.tensor(X, requires_grad=True)
        y = ours(x, n)
        for order in range(1, n + 2):
            (y,) = plait.autograd.grad(y.sum(), [x], create_graph=True)
            expected = reference.deriv(order)(X)
            np.testing.assert_allclose(y.detach(), expected, rtol=1e-8, atol=1e-7 * max(1, np.abs(expected).max()))


def test_dtypes_shapes_and_degrees():
    ours = special.legendre_polynomial_p
    assert ours(plait.ones(2, 1), plait.zeros(3, dtype=plait.float64)).dtype is plait.float64
    assert ours(plait.ones(2, 0), 3).shape == (2, 0)
    assert np.isnan(ours(plait.ones(2), float("inf"))).all() and np.isnan(ours(plait.ones(1), float("nan"))).all()
    np.testing.assert_array_equal(ours(plait.full((2,), 0.5), plait.tensor([-0.5, 1.9])), [1, 0.5])
    # A degree that bfloat16 cannot hold is not rounded to one that it can.
    x = plait.tensor([0.5, -1.0], dtype=plait.bfloat16)
    expected = plait.tensor(sp.eval_legendre(301, [0.5, -1.0])).bfloat16()
    assert plait.equal(ours(x, plait.tensor([301])), expected) and plait.equal(ours(x, 301), expected)
    transposed = plait.tensor(X[:8].reshape(2, 4)).T
    np.testing.assert_allclose(ours(transposed, 3), sp.eval_legendre(3, X[:8].reshape(2, 4).T))
    out = plait.empty(0)
    assert ours(plait.ones(2), 3, out=out) is out and out.shape == (2,)
    n = plait.tensor([2.0], requires_grad=True)
    ours(plait.tensor([2.0], requires_grad=True), n).sum().backward()
    assert n.grad is None
    with pytest.raises(TypeError, match=r"special\.legendre_polynomial_p: expected real tensors, got complex64"):
        ours(plait.ones(2, dtype=plait.complex64), 2)
    with pytest.raises(ValueError, match="hermite_polynomial_h: expected order from 0 to 63, got 64"):
        plait._C.ops["_orthogonal_polynomial"]("hermite_polynomial_h", plait.ones(2), 2, 64)


@cuda_device.needs_cuda
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("name", REFERENCES)
def test_cuda(name, dtype):
    ours, results = getattr(special, name), []
    for device in ("cpu", "cuda"):
        x = plait.tensor(X, dtype=getattr(plait, dtype), device=device).requires_grad_()
        n = plait.tensor([[0], [1], [4], [-1]], device=device)
        y = ours(x, n)
        (dx,) = plait.autograd.grad(y.sum(), [x])
        results.append([t.detach().cpu().float() for t in (y, dx, ours(x, 3), ours(0.5, n), ours(x, n.to(x.dtype)))])
    for on_cpu, on_cuda in zip(*results):
        assert plait.equal(on_cpu, on_cuda)
