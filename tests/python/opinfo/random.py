"""Random numbers: what an oracle cannot tell is told by statistics at a fixed seed.

The level of a Kolmogorov-Smirnov or chi-square test is 1e-4: with the seed fixed it passes always or never.
"""

import numpy as np
import scipy.stats as st

from .core import FLOATS, REAL, REAL_NUMBERS, D, Sample, op

S = Sample
N = 40_000
LEVEL = 1e-4


def draws(tensor):
    return tensor.double().cpu().numpy().reshape(-1)


def follows(values, distribution, what):
    p = st.kstest(values, distribution).pvalue
    assert p > LEVEL, f"{what}: p-value {p:.2g} of a Kolmogorov-Smirnov test of {len(values)} values"
    uncorrelated(values, what)


def uncorrelated(values, what):
    """Neighbours, and elements a vector register or a Philox block apart."""
    for lag in (1, 2, 3, 4, 8, 16, 1000):
        r = np.corrcoef(values[:-lag], values[lag:])[0, 1]
        assert abs(r) < 5 / np.sqrt(len(values)), f"{what}: correlation {r:.3f} at distance {lag}"


def equally_often(values, count, what):
    p = st.chisquare(np.bincount(values.astype(int), minlength=count)).pvalue
    assert p > LEVEL, f"{what}: p-value {p:.2g} of a chi-square test"
    uncorrelated(values, what)


def random_op(name, samples, check, dtypes=FLOATS, **options):
    op(name, samples, None, dtypes, grad=options.pop("grad", False), expand=False, check=check, **options)


def given(s, otherwise="float32"):
    return s.kwargs.get("dtype") or otherwise


def sized(*more):
    return lambda g: [S(*more, size, dtype=D(g.dtype)) for size in ((3, 4), (), (0, 2))] + [S(*more, (5,))]


def like(*more):
    return lambda g: [S(g(3, 4), *more), S(g(), *more), S(g(0, 2), *more)]


def check_rand(lib):
    for dtype in (lib.float32, lib.float64):
        values = draws(lib.rand((N,), dtype=dtype))
        assert values.min() >= 0 and values.max() < 1
        follows(values, st.uniform.cdf, "rand")
    for dtype in (lib.float16, lib.bfloat16):
        values = draws(lib.rand((N,), dtype=dtype))
        assert values.min() >= 0 and values.max() < 1, "a 16-bit uniform number must not round up to 1"
        assert abs(values.mean() - 0.5) < 5 * np.sqrt(1 / 12 / N)


def check_randn(lib):
    for dtype in (lib.float32, lib.float64):
        follows(draws(lib.randn((N,), dtype=dtype)), st.norm.cdf, "randn")
    odd = draws(lib.randn((N + 1,)))  # pairs of normals come together: the last one is alone
    assert np.isfinite(odd).all() and abs(odd.std() - 1) < 0.05


random_op("rand", sized(), check_rand, out=given)
random_op("randn", sized(), check_randn, (*FLOATS, "complex64", "complex128"), out=given)
random_op(
    "rand_like",
    like(),
    lambda lib: follows(draws(lib.rand_like(lib.zeros(N))), st.uniform.cdf, "rand_like"),
    out="first",
)
random_op(
    "randn_like",
    like(),
    lambda lib: follows(draws(lib.randn_like(lib.zeros(N))), st.norm.cdf, "randn_like"),
    (*FLOATS, "complex64", "complex128"),
    out="first",
)


def check_randint(lib):
    equally_often(draws(lib.randint(0, 7, (N,))), 7, "randint")
    values = draws(lib.randint(-5, 6, (N,)))
    assert values.min() == -5 and values.max() == 5
    wide = lib.randint(-(2**62), 2**62, (1000,)).cpu().numpy()
    assert wide.min() < -(2**60) and wide.max() > 2**60, "64-bit bounds need 64 random bits"


random_op(
    "randint",
    lambda g: [S(0, 7, (3, 4), dtype=D(g.dtype)), S(5, (3,)), S(0, 7, (), dtype=D(g.dtype)), S(2, 9, (0, 3))],
    check_randint,
    REAL_NUMBERS,
    out=lambda s: given(s, "int64"),
)
random_op(
    "randint_like",
    lambda g: [S(g(3, 4), 7), S(g(3, 4), 2, 9), S(g(0, 2), 5)],
    lambda lib: equally_often(draws(lib.randint_like(lib.zeros(N), 0, 5)), 5, "randint_like"),
    REAL_NUMBERS,
    out="first",
)


def check_randperm(lib):
    p = lib.randperm(1000).cpu().numpy()
    assert (np.sort(p) == np.arange(1000)).all() and (p != np.arange(1000)).any()
    places = np.stack([lib.randperm(4).cpu().numpy() for _ in range(2400)])
    for column in places.T:
        equally_often(np.concatenate([column]), 4, "randperm")
    orders = np.unique(places, axis=0, return_counts=True)[1]
    assert len(orders) == 24 and st.chisquare(orders).pvalue > LEVEL, "every permutation equally often"


random_op(
    "randperm",
    lambda g: [S(5), S(0), S(1), S(9, dtype=D(g.dtype))],
    check_randperm,
    ("uint8", "int16", "int32", "int64"),
    out=lambda s: given(s, "int64"),
)


def check_normal(lib):
    follows(draws(lib.normal(2.0, 3.0, (N,))), st.norm(2, 3).cdf, "normal")
    mean = lib.arange(4).double()
    got = lib.normal(mean.reshape(4, 1).expand(4, 10000), 0.5).double().cpu().numpy()
    assert np.allclose(got.mean(1), [0, 1, 2, 3], atol=0.05) and np.allclose(got.std(1), 0.5, atol=0.05)
    rows = mean.expand(10000, 4)
    for got, std in ((lib.normal(rows), 1), (lib.normal(rows * 1j).imag, 0.5**0.5)):  # std is 1 unless given
        got = got.cpu().numpy()
        assert np.allclose(got.mean(0), [0, 1, 2, 3], atol=0.05) and np.allclose(got.std(0), std, atol=0.05)


random_op(
    "normal",
    lambda g: [S(g(3, 4), g.positive(3, 4)), S(g(3, 4), 2.0), S(0.0, g.positive(5)), S(g(0, 3), 1.0), S(g(3, 4))],
    check_normal,
    out="promote",
)


def check_bernoulli(lib):
    p = lib.tensor([[0.0], [0.1], [0.5], [1.0]]).expand(4, 10000)
    got = lib.bernoulli(p).double().cpu().numpy()
    assert set(np.unique(got)) <= {0.0, 1.0}
    assert got[0].sum() == 0 and got[3].sum() == 10000
    assert abs(got[1].mean() - 0.1) < 0.015 and abs(got[2].mean() - 0.5) < 0.025
    uncorrelated(got[2], "bernoulli")


random_op(
    "bernoulli",
    lambda g: [S(g(3, 4, low=0, high=1)), S(g(low=0, high=1)), S(g(0, 2)), S(g(3, 4, low=0, high=1), 0.5)],
    check_bernoulli,
    out="first",
)


def check_multinomial(lib):
    w = lib.tensor([[1.0, 2.0, 0.0, 5.0]])
    got = lib.multinomial(w, 8000, replacement=True).cpu().numpy().reshape(-1)
    counts = np.bincount(got, minlength=4)
    assert counts[2] == 0 and st.chisquare(counts[[0, 1, 3]], np.array([1, 2, 5]) * 1000).pvalue > LEVEL
    first = [lib.multinomial(w[0], 3).tolist() for _ in range(800)]
    assert all(sorted(f) == [0, 1, 3] for f in first), (
        "without replacement every index comes once, zero weights never"
    )
    lead = np.bincount([f[0] for f in first], minlength=4)
    assert st.chisquare(lead[[0, 1, 3]], np.array([1, 2, 5]) * 100).pvalue > LEVEL


random_op(
    "multinomial",
    lambda g: [
        S(g.positive(5), 3),
        S(g.positive(2, 5), 4),
        S(g.positive(2, 5), 9, True),
        S(g.positive(5), num_samples=2, replacement=True),
    ],
    check_multinomial,
    ("float32", "float64"),
    out="int64",
)


# ---- in place
def filled(name, samples, check, dtypes):
    random_op(
        name,
        samples,
        check,
        dtypes,
        out="first",
        call=lambda lib, x, *a, **k: getattr(x.clone(), name)(*a, **k),
    )


def fill_samples(*args):
    return lambda g: [S(g(3, 4)), S(g(), *args), S(g(0, 2), *args), S(g(3, 4), *args)]


def check_uniform_(lib):
    follows(draws(lib.empty(N).uniform_(-2, 3)), st.uniform(-2, 5).cdf, "uniform_")


def check_random_(lib):
    equally_often(draws(lib.empty(N, dtype=lib.int64).random_(0, 6)), 6, "random_")
    equally_often(draws(lib.empty(N).random_(5)), 5, "random_")
    bits = lib.empty(N, dtype=lib.uint8).random_().cpu().numpy()
    equally_often(bits.astype(float), 256, "random_ of all of uint8")


def check_bernoulli_(lib):
    got = draws(lib.empty(N).bernoulli_(0.3))
    assert abs(got.mean() - 0.3) < 5 * np.sqrt(0.21 / N)
    uncorrelated(got, "bernoulli_")


def check_exponential_(lib):
    values = draws(lib.empty(N).exponential_(1.5))
    assert values.min() > 0 and np.isfinite(values).all(), "log(0) must not come"
    follows(values, st.expon(scale=1 / 1.5).cdf, "exponential_")


def follows_cauchy(values):
    p = st.kstest(values, st.cauchy(1, 2).cdf).pvalue  # no correlations: there is no variance
    assert p > LEVEL, f"cauchy_: p-value {p:.2g} of a Kolmogorov-Smirnov test"


filled("uniform_", fill_samples(-1.0, 2.0), check_uniform_, FLOATS)
filled(
    "normal_",
    fill_samples(1.0, 2.0),
    lambda lib: follows(draws(lib.empty(N).normal_(1, 2)), st.norm(1, 2).cdf, "normal_"),
    FLOATS,
)
filled("random_", fill_samples(0, 6), check_random_, REAL_NUMBERS)
filled("bernoulli_", fill_samples(0.25), check_bernoulli_, REAL)
filled("exponential_", fill_samples(2.0), check_exponential_, FLOATS)


def check_log_normal_(lib):
    follows(
        draws(lib.empty(N).log_normal_(0.5, 0.75)), st.lognorm(0.75, scale=np.exp(0.5)).cdf, "log_normal_"
    )


def check_geometric_(lib):
    values = draws(lib.empty(N).geometric_(0.25))
    assert values.min() == 1
    expected = st.geom(0.25).pmf(np.arange(1, 13))
    counts = np.bincount(values.astype(int), minlength=13)[1:13]
    rest = len(values) - counts.sum()
    p = st.chisquare([*counts, rest], np.array([*expected, 1 - expected.sum()]) * len(values)).pvalue
    assert p > LEVEL, f"geometric_: p-value {p:.2g} of a chi-square test"
    uncorrelated(values, "geometric_")


filled("log_normal_", fill_samples(0.5, 0.75), check_log_normal_, FLOATS)
filled(
    "cauchy_",
    fill_samples(1.0, 2.0),
    lambda lib: follows_cauchy(draws(lib.empty(N).cauchy_(1.0, 2.0))),
    FLOATS,
)
filled(
    "geometric_", lambda g: [S(g(3, 4), 0.25), S(g(), 0.5), S(g(0, 2), 0.5)], check_geometric_, REAL_NUMBERS
)


# ---- dropout
def check_dropout(lib):
    x = lib.ones(N, requires_grad=True)
    y = lib.nn.functional.dropout(x, 0.25, True)
    y.sum().backward()
    values = draws(y.detach())
    assert set(np.round(np.unique(values), 6)) == {0.0, np.round(4 / 3, 6)}
    assert abs((values == 0).mean() - 0.25) < 5 * np.sqrt(0.25 * 0.75 / N)
    assert (draws(x.grad) == values).all(), "the gradient passes where the value passed"
    uncorrelated(values, "dropout")
    assert (lib.nn.functional.dropout(lib.ones(5), 1.0, True).cpu().numpy() == 0).all()


op(
    "dropout",
    lambda g: [
        S(g(3, 4), 0.5, False),
        S(g(3, 4), 0.0, True),
        S(g(3, 4), p=1.0, train=True),
        S(g(0, 3), 0.5, False),
    ],
    lambda x, p=0.5, train=True: x * (1 - p) if train else x,
    FLOATS,
    check=check_dropout,
    expand=False,
)


# ---- poisson
def check_poisson(lib):
    for rate in (0.3, 4.0, 9.9, 10.0, 35.5, 3000.0):
        values = draws(lib.poisson(lib.full((N,), rate, dtype=lib.float64)))
        assert (values == np.floor(values)).all() and values.min() >= 0
        d = st.poisson(rate)
        edges = np.unique(d.ppf(np.linspace(0.01, 0.99, 25)))  # bins (-inf, e0], (e0, e1], ..., (ek, inf)
        expected = np.diff(np.concatenate([[0], d.cdf(edges), [1]])) * N
        counts = np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1)
        p = st.chisquare(counts, expected * (counts.sum() / expected.sum())).pvalue
        assert p > LEVEL, f"poisson({rate}): p-value {p:.2g} of a chi-square test"
        uncorrelated(values, f"poisson({rate})")
    special = lib.poisson(lib.tensor([0.0, -1.0, float("nan"), float("inf")]))
    assert special[0] == 0 and special[1] != special[1] and special[2] != special[2] and special[3] == float("inf")


op(
    "poisson",
    lambda g: [S(g.positive(3, 4)), S(g.positive()), S(g.positive(0, 2))],
    None,
    FLOATS,
    grad=False,
    expand=False,
    check=check_poisson,
)
