"""Window functions: SciPy is the oracle."""

import numpy as np
import plait
import pytest
import scipy.signal.windows as sw
from plait.signal import windows

CASES = [
    ("bartlett", {}, sw.bartlett, ()),
    ("blackman", {}, sw.blackman, ()),
    ("cosine", {}, sw.cosine, ()),
    ("exponential", {"tau": 2.5}, lambda n, sym: sw.exponential(n, None, 2.5, sym), None),
    ("gaussian", {"std": 1.7}, sw.gaussian, (1.7,)),
    ("general_cosine", {"a": [0.4, 0.3, 0.2, 0.1]}, sw.general_cosine, ([0.4, 0.3, 0.2, 0.1],)),
    ("general_hamming", {"alpha": 0.6}, sw.general_hamming, (0.6,)),
    ("hamming", {}, sw.hamming, ()),
    ("hann", {}, sw.hann, ()),
    ("kaiser", {"beta": 5.0}, sw.kaiser, (5.0,)),
    ("nuttall", {}, sw.nuttall, ()),
]


@pytest.mark.parametrize(("name", "options", "reference", "args"), CASES, ids=[c[0] for c in CASES])
@pytest.mark.parametrize("sym", [True, False])
def test_as_scipy(name, options, reference, args, sym):
    assert sorted(windows.__all__) == sorted(c[0] for c in CASES)
    for n in (0, 1, 2, 3, 8, 33):
        expected = reference(n, sym) if args is None else reference(n, *args, sym)
        ours = getattr(windows, name)(n, sym=sym, dtype=plait.float64, **options)
        np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-12, err_msg=f"{name} {n}")
    single = getattr(windows, name)(9, sym=sym, requires_grad=True, **options)
    assert single.dtype is plait.float32 and single.requires_grad


def test_a_centre_of_its_own():
    ours = windows.exponential(7, center=2.0, tau=1.5, sym=False, dtype=plait.float64)
    np.testing.assert_allclose(ours, sw.exponential(7, 2.0, 1.5, False), rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: windows.hann(-1), "expected M, the number of samples, of at least 0, got -1"),
        (lambda: windows.hann(4, dtype=plait.int64), "expected dtype float32 or float64"),
        (lambda: windows.gaussian(4, std=0.0), "expected std > 0"),
        (lambda: windows.exponential(4, tau=-1.0), "expected tau > 0"),
        (lambda: windows.exponential(4, center=1.0), "only with sym=False"),
        (lambda: windows.kaiser(4, beta=-1.0), "expected beta >= 0"),
        (lambda: windows.general_cosine(4, a=[]), "at least one coefficient"),
    ],
)
def test_errors(call, match):
    with pytest.raises(ValueError, match=match):
        call()
