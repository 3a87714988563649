"""Functions that compute differently by what a block of elements holds: Bessel's, polygamma. SciPy is the oracle."""

import numpy as np
import plait
import pytest
import scipy.special as sp

SPECIAL = plait.special
BESSEL = {
    "bessel_j0": sp.j0,
    "bessel_j1": sp.j1,
    "bessel_y0": sp.y0,
    "bessel_y1": sp.y1,
}
MODIFIED = {
    "modified_bessel_k0": sp.k0,
    "modified_bessel_k1": sp.k1,
    "scaled_modified_bessel_k0": sp.k0e,
    "scaled_modified_bessel_k1": sp.k1e,
}
EDGES = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, -1.0, 5e-324, 1e-300])


@pytest.mark.parametrize("name", BESSEL)
@pytest.mark.parametrize("most", [5, 8, 1000, 60000, 1e7])
def test_bessel_functions_by_the_largest_of_a_block(name, most):
    """Errors are some units of the amplitude, sqrt(2 / (pi x)): near a zero the argument's own rounding decides."""
    x = np.random.default_rng(0).uniform(0, most, 3000)
    amplitude = np.maximum(np.sqrt(2 / (np.pi * x)), abs(BESSEL[name](x)))
    # SciPy's own errors reach 12 units, ours (against 30 digits) 13 of the least arguments; it rounds x - pi / 4.
    allowed = (24 * 2.0**-53 + 2.0**-52 * x) * amplitude
    got = getattr(SPECIAL, name)(plait.tensor(x)).numpy()
    assert (abs(got - BESSEL[name](x)) <= allowed).all()
    single = x.astype("float32")
    got = getattr(SPECIAL, name)(plait.tensor(single)).numpy()
    expected = BESSEL[name](single.astype("float64"))
    assert (abs(got - expected) <= 2.0**-24 * abs(expected) + 2.0**-52 * x * amplitude).all()


@pytest.mark.parametrize("name", [*BESSEL, *MODIFIED])
def test_edges_of_bessel_functions(name):
    """Alone, and beside numbers that take the block another way."""
    reference = {**BESSEL, **MODIFIED}[name]
    for beside in ([], [3.0], [100.0], [1e6]):
        x = np.concatenate([EDGES, beside])
        with np.errstate(all="ignore"):
            expected = reference(x)
        if "modified" not in name:
            expected[np.isinf(x)] = 0  # where SciPy has NaN
        if not name.startswith("bessel_j"):
            expected[x < 0] = np.nan
        np.testing.assert_allclose(getattr(SPECIAL, name)(plait.tensor(x)).numpy(), expected, rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize("name", MODIFIED)
def test_modified_bessel_functions(name):
    x = np.random.default_rng(0).uniform(0.01, [[1], [3], [50]], (3, 2000))
    # SciPy's errors reach 11 units, ours 6.
    np.testing.assert_allclose(getattr(SPECIAL, name)(plait.tensor(x)).numpy(), MODIFIED[name](x), rtol=17 * 2.0**-53)


def test_modified_bessel_functions_against_more_digits():
    """Where SciPy is off by more than plait is: x, K0 and K1 to 20 digits, by mpmath's besselk."""
    x, k0, k1 = zip(
        (0.5, 0.92441907122766586178, 1.6564411200033008937),
        (1.25, 0.29760308908410591656, 0.40212407978419541259),
        (1.5, 0.21380556264752573672, 0.27738780045684381609),
        (1.875, 0.13290483903459228512, 0.16508225585016484516),
        (3.0, 0.034739504386279248072, 0.040156431128194184377),
        (20.0, 5.7412378153365242927e-10, 5.8830579695570381777e-10),
        strict=True,
    )
    for name, expected in (("modified_bessel_k0", k0), ("modified_bessel_k1", k1)):
        np.testing.assert_allclose(getattr(SPECIAL, name)(plait.tensor(x, dtype=plait.float64)).numpy(), expected, rtol=3 * 2.0**-53)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 30, 31])
def test_polygamma(n):
    """Positive arguments alone, with negative ones, at poles; of a block's edge and more than one block."""
    rng = np.random.default_rng(0)
    for size in (1, 127, 128, 1000):
        x = rng.uniform(0.1, 40, size)
        np.testing.assert_allclose(plait.polygamma(n, plait.tensor(x)).numpy(), sp.polygamma(n, x), rtol=1e-13)
    # Below zero by the recurrence psi_n(x) = psi_n(x + 1) - (-1)^n n! x^(-n-1).
    x = rng.uniform(-3, 0, 300)
    x = x[abs(x - np.round(x)) > 0.02]
    expected = sp.polygamma(n, x + 4)
    for k in (3, 2, 1, 0):
        expected = expected - (-1.0) ** n * sp.gamma(n + 1) * (x + k) ** (-n - 1.0)
    np.testing.assert_allclose(plait.polygamma(n, plait.tensor(x)).numpy(), expected, rtol=1e-9, atol=1e-9 * abs(expected).max())
    poles = plait.polygamma(n, plait.tensor([0.0, -1.0, -2.0, np.nan])).numpy()
    assert np.isinf(poles[:3]).all()
    assert np.isnan(poles[3])
    assert plait.polygamma(n, plait.tensor([np.inf])).item() == 0
