"""Orthogonal polynomials: SciPy is the oracle."""

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
