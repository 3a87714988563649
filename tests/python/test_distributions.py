"""plait.distributions: densities and entropies against SciPy, divergences by quadrature and PyTorch's,
samples by statistics."""

import math

import numpy as np
import plait
import pytest
from plait import distributions as D
from scipy import integrate, stats


def t(*values):
    return plait.tensor(values[0] if len(values) == 1 else list(values), dtype=plait.float64)


RNG = np.random.default_rng(0)
REAL = RNG.normal(size=(5, 3))
UNIT = RNG.uniform(0.05, 0.95, size=(5, 3))
PLACED = {"loc": [0.0, 1.0, -2.0], "scale": [1.0, 0.5, 3.0]}
# name, parameters, SciPy's, values
CASES = [
    ("Normal", PLACED, lambda p: stats.norm(p["loc"], p["scale"]), REAL),
    ("Laplace", PLACED, lambda p: stats.laplace(p["loc"], p["scale"]), REAL),
    (
        "LogNormal",
        {"loc": [0.0, 0.3, -0.5], "scale": [1.0, 0.5, 0.3]},
        lambda p: stats.lognorm(p["scale"], scale=np.exp(p["loc"])),
        np.exp(REAL),
    ),
    ("Gumbel", PLACED, lambda p: stats.gumbel_r(p["loc"], p["scale"]), REAL),
    ("HalfNormal", {"scale": [1.0, 0.5, 3.0]}, lambda p: stats.halfnorm(scale=p["scale"]), np.exp(REAL)),
    (
        "StudentT",
        {"df": [3.0, 5.0, 30.0], **PLACED},
        lambda p: stats.t(p["df"], p["loc"], p["scale"]),
        REAL,
    ),
    ("Exponential", {"rate": [0.5, 1.0, 3.0]}, lambda p: stats.expon(scale=1 / p["rate"]), np.exp(REAL)),
    (
        "Uniform",
        {"low": [0.0, -1.0, -2.0], "high": [1.0, 2.0, 7.0]},
        lambda p: stats.uniform(p["low"], p["high"] - p["low"]),
        UNIT,
    ),
    (
        "Gamma",
        {"concentration": [0.3, 1.0, 5.0], "rate": [0.5, 2.0, 3.0]},
        lambda p: stats.gamma(p["concentration"], scale=1 / p["rate"]),
        np.exp(REAL),
    ),
    (
        "Beta",
        {"concentration1": [0.3, 1.0, 5.0], "concentration0": [0.5, 2.0, 0.7]},
        lambda p: stats.beta(p["concentration1"], p["concentration0"]),
        UNIT,
    ),
    ("Chi2", {"df": [0.7, 3.0, 8.0]}, lambda p: stats.chi2(p["df"]), np.exp(REAL)),
    (
        "Weibull",
        {"scale": [1.0, 0.5, 3.0], "concentration": [0.9, 1.0, 3.0]},
        lambda p: stats.weibull_min(p["concentration"], scale=p["scale"]),
        np.exp(REAL),
    ),
    (
        "Pareto",
        {"scale": [1.0, 0.5, 3.0], "alpha": [6.0, 9.0, 7.0]},
        lambda p: stats.pareto(p["alpha"], scale=p["scale"]),
        3.1 + np.exp(REAL),
    ),
    ("Bernoulli", {"probs": [0.2, 0.5, 0.9]}, lambda p: stats.bernoulli(p["probs"]), (UNIT > 0.5) * 1.0),
    ("Geometric", {"probs": [0.2, 0.5, 0.9]}, lambda p: stats.geom(p["probs"], -1), np.floor(UNIT * 7)),
    (
        "Binomial",
        {"total_count": [6.0, 6.0, 6.0], "probs": [0.2, 0.5, 0.9]},
        lambda p: stats.binom(p["total_count"], p["probs"]),
        np.floor(UNIT * 7),
    ),
]
IDS = [c[0] for c in CASES]
DISCRETE = {"Bernoulli", "Geometric", "Binomial"}


def made(case):
    name, parameters, theirs, values = case
    arrays = {k: np.array(v) for k, v in parameters.items()}
    return getattr(D, name)(**{k: t(v) for k, v in parameters.items()}), theirs(arrays), values


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_densities(case):
    ours, theirs, values = made(case)
    expected = theirs.logpmf(values) if case[0] in DISCRETE else theirs.logpdf(values)
    np.testing.assert_allclose(ours.log_prob(t(values)).numpy(), expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(ours.entropy().numpy(), theirs.entropy(), rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(ours.mean.numpy(), theirs.mean(), rtol=1e-10)
    np.testing.assert_allclose(ours.variance.numpy(), theirs.var(), rtol=1e-10)
    np.testing.assert_allclose(ours.stddev.numpy(), theirs.std(), rtol=1e-10)
    assert ours.batch_shape == (3,) and ours.event_shape == ()
    try:
        cdf = ours.cdf(t(values))
    except NotImplementedError:
        return
    np.testing.assert_allclose(cdf.numpy(), theirs.cdf(values), rtol=1e-8, atol=1e-12)
    if case[0] in ("Gamma", "Chi2"):  # PyTorch has none either
        with pytest.raises(NotImplementedError, match="has no icdf"):
            ours.icdf(t(UNIT))
        return
    np.testing.assert_allclose(ours.icdf(t(UNIT)).numpy(), theirs.ppf(UNIT), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("case", CASES, ids=IDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_samples(case, dtype):
    name, parameters, make_theirs, _ = case
    dt = getattr(plait, dtype)
    ours = getattr(D, name)(**{k: plait.tensor(v, dtype=dt) for k, v in parameters.items()})
    theirs = make_theirs({k: np.array(v) for k, v in parameters.items()})
    draws = ours.sample((4000,))
    assert draws.dtype is dt and tuple(draws.shape) == (4000, 3) and not draws.requires_grad
    assert ours.support.check(draws).all()
    draws = draws.double().numpy()
    error = (draws.mean(0) - theirs.mean()) / np.sqrt(theirs.var() / 4000)
    assert np.abs(error).max() < 4.5
    if name not in DISCRETE:
        for i in range(3):
            column = type(theirs)(theirs.dist, *[np.broadcast_to(a, 3)[i] for a in theirs.args])
            column.kwds = {k: np.broadcast_to(v, 3)[i] for k, v in theirs.kwds.items()}
            assert stats.kstest(draws[:, i], column.cdf).pvalue > 1e-4
    else:
        for value in range(4):
            wanted = np.broadcast_to(theirs.pmf(value), 3)
            found = (draws == value).mean(0)
            assert (np.abs(found - wanted) < 4.5 * np.sqrt(wanted * (1 - wanted) / 4000) + 1e-9).all()
    assert ours.sample().shape == (3,) and ours.sample((2, 0)).shape == (2, 0, 3)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_expand_and_repr(case):
    ours, _, values = made(case)
    wide = ours.expand((2, 3))
    assert wide.batch_shape == (2, 3) and wide.sample((4,)).shape == (4, 2, 3)
    value = t(values[0])
    np.testing.assert_array_equal(wide.log_prob(value)[1].numpy(), ours.log_prob(value).numpy())
    assert repr(ours).startswith(case[0] + "(")
    both = D.Independent(ours, 1)
    assert both.batch_shape == () and both.event_shape == (3,)
    np.testing.assert_allclose(both.log_prob(value).item(), ours.log_prob(value).sum().item())
    np.testing.assert_allclose(both.entropy().item(), ours.entropy().sum().item())
    assert both.expand((5,)).sample((2,)).shape == (2, 5, 3)
    with pytest.raises(ValueError, match=r"event_shape|support|broadcast"):
        ours.log_prob(t([[1.0, 2.0], [1.0, 1.0]]))


@pytest.mark.parametrize("name", ["Normal", "Laplace", "LogNormal", "Exponential", "Uniform", "Gumbel"])
def test_reparameterised_gradients(name):
    case = next(c for c in CASES if c[0] == name)
    parameters = [t(v).requires_grad_() for v in case[1].values()]
    assert getattr(D, name).has_rsample

    def draw(*p):
        plait.manual_seed(7)
        return getattr(D, name)(*p, validate_args=False).rsample((2,))

    assert plait.autograd.gradcheck(draw, parameters)
    assert draw(*parameters).requires_grad


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_gradients_of_log_prob_and_entropy(case):
    name, parameters, _, values = case
    leaves = [t(v).requires_grad_(k != "total_count") for k, v in parameters.items()]
    cls = getattr(D, name)
    kinds = dict(zip(parameters, leaves))
    differentiable = [p for p in leaves if p.requires_grad]

    def of(*p):
        given = iter(p)
        full = {k: next(given) if v.requires_grad else v for k, v in kinds.items()}
        d = cls(**full, validate_args=False)
        return d.log_prob(t(values)), d.entropy()

    assert plait.autograd.gradcheck(of, differentiable)


@pytest.mark.parametrize("concentration", [0.02, 0.5, 1.0, 3.0, 40.0])
def test_gamma_samples_carry_the_gradient_of_the_concentration(concentration):
    a = plait.full((50,), concentration, dtype=plait.float64, requires_grad=True)
    x = D.Gamma(a, t([1.0])).rsample()
    (slope,) = plait.autograd.grad(x.sum(), a)
    # x moves so that its quantile stays: differences of SciPy's inverse of the cdf.
    drawn = x.detach().numpy()
    low = drawn < stats.gamma(concentration).median()
    h = 1e-4 * concentration
    expected = np.empty_like(drawn)
    for part, tail, back in ((low, "cdf", "ppf"), (~low, "sf", "isf")):
        q = getattr(stats.gamma(concentration), tail)(drawn[part])
        ends = [getattr(stats.gamma(concentration + s * h), back)(q) for s in (-2, -1, 1, 2)]
        expected[part] = (ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / (12 * h)
    seen = drawn > 1e-200
    np.testing.assert_allclose(slope.numpy()[seen], expected[seen], rtol=1e-5)


def test_gradients_of_expected_values_through_samples():
    plait.manual_seed(0)
    a, b = t([2.0]).requires_grad_(), t([3.0]).requires_grad_()
    D.Beta(a, b).rsample((200_000,)).mean().backward()  # a / (a + b)
    assert abs(a.grad.item() - 3 / 25) < 2e-3 and abs(b.grad.item() + 2 / 25) < 2e-3
    c = t([1.0, 2.0, 3.0]).requires_grad_()
    D.Dirichlet(c).rsample((200_000,))[:, 0].mean().backward()
    np.testing.assert_allclose(c.grad.numpy(), [5 / 36, -1 / 36, -1 / 36], atol=2e-3)


def test_small_concentrations_do_not_vanish():
    x = D.Beta(plait.full((1000,), 1e-3), plait.full((1000,), 1e-3)).sample()
    assert x.isfinite().all() and 0.4 < x.mean().item() < 0.6
    assert (D.Gamma(plait.full((1000,), 1e-3), 1.0).sample() > 0).all()
    y = D.Dirichlet(plait.full((1000, 4), 1e-3)).sample()
    assert y.isfinite().all()
    np.testing.assert_allclose(y.sum(-1).numpy(), 1, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_draws_of_small_concentrations_have_finite_densities(dtype):
    small = plait.full((3,), 0.01, dtype=getattr(plait, dtype), requires_grad=True)
    for p in (D.Beta(small[0], small[1]), D.Dirichlet(small)):
        draws = p.rsample((5000,))
        assert ((draws > 0) & (draws < 1)).all() and p.log_prob(draws).isfinite().all()
        assert plait.autograd.grad(draws.sum(), small)[0].isfinite().all()
    assert abs((D.Beta(small[0], small[1]).sample((5000,)) > 0.5).double().mean().item() - 0.5) < 0.05


def test_dirichlet():
    a = np.array([[0.5, 1.0, 3.0], [2.0, 2.0, 1.0]])
    d = D.Dirichlet(t(a))
    x = np.array([0.2, 0.3, 0.5])
    expected = [stats.dirichlet(row).logpdf(x) for row in a]
    np.testing.assert_allclose(d.log_prob(t(x)).numpy(), expected, rtol=1e-10)
    np.testing.assert_allclose(d.entropy().numpy(), [stats.dirichlet(r).entropy() for r in a], rtol=1e-10)
    np.testing.assert_allclose(d.mean.numpy(), [stats.dirichlet(r).mean() for r in a])
    np.testing.assert_allclose(d.variance.numpy(), [stats.dirichlet(r).var() for r in a])
    draws = d.sample((4000,)).numpy()
    assert np.abs((draws.mean(0) - d.mean.numpy()) / np.sqrt(d.variance.numpy() / 4000)).max() < 4.5
    total = a.sum(1, keepdims=True)
    for i in range(2):
        for j in range(3):
            cdf = stats.beta(a[i, j], total[i, 0] - a[i, j]).cdf
            assert stats.kstest(draws[:, i, j], cdf).pvalue > 1e-4


@pytest.mark.parametrize("by", ["probs", "logits"])
def test_categorical(by):
    weights = np.array([[1.0, 2.0, 5.0], [1.0, 1.0, 1.0]])
    probs = weights / weights.sum(1, keepdims=True)
    given = {"probs": t(weights)} if by == "probs" else {"logits": t(np.log(weights))}
    d, one_hot = D.Categorical(**given), D.OneHotCategorical(**given)
    np.testing.assert_allclose(d.probs.numpy(), probs)
    np.testing.assert_allclose(d.logits.numpy(), np.log(probs), rtol=1e-10)
    value = plait.tensor([[2, 0], [1, 1], [0, 2]])
    expected = np.log(probs)[np.arange(2), value.numpy()]
    np.testing.assert_allclose(d.log_prob(value).numpy(), expected, rtol=1e-10)
    np.testing.assert_allclose(one_hot.log_prob(plait.one_hot(value, 3)).numpy(), expected, rtol=1e-10)
    entropy = -(probs * np.log(probs)).sum(1)
    for each in (d, one_hot):
        np.testing.assert_allclose(each.entropy().numpy(), entropy, rtol=1e-10)
        assert each.expand((4, 2)).sample((5,)).shape[:3] == (5, 4, 2)
        assert each.enumerate_support().shape[:2] == (3, 2)
    draws = d.sample((4000,))
    assert draws.dtype is plait.int64 and draws.shape == (4000, 2)
    for k in range(3):
        found = (draws.numpy() == k).mean(0)
        assert (np.abs(found - probs[:, k]) < 4.5 * np.sqrt(probs[:, k] * (1 - probs[:, k]) / 4000)).all()
    assert one_hot.sample((2, 3)).shape == (2, 3, 2, 3) and (one_hot.sample((9,)).sum(-1) == 1).all()
    assert d.sample((0, 2)).shape == (0, 2, 2)
    assert D.Categorical(plait.ones(3)).sample().shape == ()
    assert d.mode.tolist()[0] == 2 and d.mean.isnan().all()


def test_policy_gradient():
    logits = plait.zeros(1, 3, requires_grad=True)
    d = D.Categorical(logits=logits)
    (-d.log_prob(plait.tensor([1]))).sum().backward()
    np.testing.assert_allclose(logits.grad.numpy(), [[1 / 3, -2 / 3, 1 / 3]], rtol=1e-6)


PAIRS = [
    (("Normal", [0.3], [1.2]), ("Normal", [-0.5], [0.7])),
    (("Laplace", [0.3], [1.2]), ("Laplace", [-0.5], [0.7])),
    (("LogNormal", [0.3], [0.5]), ("LogNormal", [-0.5], [0.7])),
    (("Exponential", [0.7]), ("Exponential", [2.0])),
    (("Uniform", [0.1], [0.8]), ("Uniform", [0.0], [2.0])),
    (("Gamma", [2.0], [1.5]), ("Gamma", [3.0], [0.5])),
    (("Beta", [2.0], [1.5]), ("Beta", [3.0], [0.5])),
    (("Exponential", [0.7]), ("Gamma", [2.0], [1.0])),
    (("Gamma", [2.0], [1.0]), ("Exponential", [0.7])),
    (("Uniform", [0.1], [0.8]), ("Normal", [0.2], [1.3])),
    (("Laplace", [0.1], [0.8]), ("Normal", [0.2], [1.3])),
    (("Exponential", [0.7]), ("Normal", [0.2], [1.3])),
    (("Gamma", [2.0], [1.0]), ("Normal", [0.2], [1.3])),
]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[0][0]}-{pair[1][0]}")
def test_divergence_by_quadrature(pair):
    p, q = (getattr(D, name)(*[t(v) for v in parameters]) for name, *parameters in pair)
    low, high = {"Uniform": (0.1, 0.8), "Beta": (0, 1), "Normal": (-12, 12), "Laplace": (-30, 30)}.get(
        pair[0][0], (0, 60)
    )

    def integrand(x):
        at = t([x])
        log_p = p.log_prob(at).item()
        return math.exp(log_p) * (log_p - q.log_prob(at).item())

    middle = 0.3 if low < 0.3 < high else (low + high) / 2
    parts = [integrate.quad(integrand, a, b, limit=200)[0] for a, b in ((low, middle), (middle, high))]
    np.testing.assert_allclose(D.kl_divergence(p, q).item(), sum(parts), rtol=1e-6)


def test_divergence_of_discrete():
    a, b = t([0.2, 0.5, 0.9]), t([0.4, 0.1, 0.8])
    for make in (D.Bernoulli, lambda x: D.Binomial(4, x)):
        p, q = make(a), make(b)
        values = p.enumerate_support()
        expected = (p.log_prob(values).exp() * (p.log_prob(values) - q.log_prob(values))).sum(0)
        np.testing.assert_allclose(D.kl_divergence(p, q).numpy(), expected.numpy(), rtol=1e-8)
    p, q = D.Geometric(a), D.Geometric(b)
    values = plait.arange(400.0, dtype=plait.float64).reshape(-1, 1)
    expected = (p.log_prob(values).exp() * (p.log_prob(values) - q.log_prob(values))).sum(0)
    np.testing.assert_allclose(D.kl_divergence(p, q).numpy(), expected.numpy(), rtol=1e-8)
    for cls in (D.Categorical, D.OneHotCategorical):
        kl = D.kl_divergence(cls(t([1.0, 2.0, 0.0])), cls(t([1.0, 1.0, 1.0])))
        np.testing.assert_allclose(kl.item(), 2 / 3 * math.log(2), rtol=1e-6)
        assert D.kl_divergence(cls(t([1.0, 2.0, 1.0])), cls(t([1.0, 0.0, 1.0]))).item() == math.inf
    assert D.kl_divergence(D.Bernoulli(t(0.5)), D.Bernoulli(t(0.0))).item() == math.inf
    assert D.kl_divergence(D.Uniform(t(0.0), t(2.0)), D.Uniform(t(0.5), t(3.0))).item() == math.inf
    p, q = D.Dirichlet(t([1.0, 2.0])), D.Dirichlet(t([3.0, 0.5]))
    beta = D.kl_divergence(D.Beta(t(1.0), t(2.0)), D.Beta(t(3.0), t(0.5)))
    np.testing.assert_allclose(D.kl_divergence(p, q).item(), beta.item(), rtol=1e-10)
    p, q = (D.Independent(D.Normal(t([m, m]), 1.0), 1) for m in (0.0, 1.0))
    np.testing.assert_allclose(D.kl_divergence(p, q).item(), 1.0)


def test_register_kl():
    class Mine(D.Normal):
        pass

    p = Mine(0.0, 1.0)
    assert D.kl_divergence(p, p).item() == 0  # by the base's rule

    @D.register_kl(Mine, D.Normal)
    def rule(p, q):
        return plait.tensor(42.0)

    assert D.kl_divergence(p, D.Normal(0.0, 1.0)).item() == 42
    with pytest.raises(NotImplementedError, match="register_kl"):
        D.kl_divergence(p, D.Bernoulli(0.5))
    with pytest.raises(TypeError, match="two types"):
        D.register_kl(3, D.Normal)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: D.Normal(0.0, -1.0), "scale"),
        (lambda: D.Normal(float("nan"), 1.0), "loc"),
        (lambda: D.Bernoulli(1.5), "probs"),
        (lambda: D.Bernoulli(), "none"),
        (lambda: D.Bernoulli(0.5, 0.0), "both"),
        (lambda: D.Categorical(plait.tensor([-1.0, 2.0])), "probs"),
        (lambda: D.Categorical(plait.tensor(1.0)), "dimension"),
        (lambda: D.Uniform(1.0, 0.0), "low < high"),
        (lambda: D.Geometric(0.0), "probs"),
        (lambda: D.Gamma(-1.0, 1.0), "concentration"),
        (lambda: D.Dirichlet(plait.tensor([0.0, 1.0])), "concentration"),
        (lambda: D.Binomial(-1, 0.5), "total_count"),
        (lambda: D.Normal("a", 1.0), "numbers or Tensors"),
        (lambda: D.Independent(D.Normal(0.0, 1.0), 1), "reinterpreted_batch_ndims"),
        (lambda: D.Normal(0.0, 1.0).log_prob(3.0), "plait.tensor"),
        (lambda: D.Normal(plait.zeros(3), 1.0).log_prob(plait.zeros(4)), "broadcast"),
        (lambda: D.Categorical(plait.ones(3)).log_prob(plait.tensor(3)), "support"),
        (lambda: D.Bernoulli(0.5).log_prob(plait.tensor(0.5)), "support"),
        (lambda: D.OneHotCategorical(plait.ones(3)).log_prob(plait.ones(3)), "support"),
    ],
)
def test_errors(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def test_validation_can_be_left_out():
    D.Normal(0.0, -1.0, validate_args=False)
    D.Distribution.set_default_validate_args(False)
    try:
        D.Normal(0.0, -1.0)
    finally:
        D.Distribution.set_default_validate_args(True)
    assert D.Uniform(0.0, 1.0, validate_args=False).log_prob(plait.tensor(2.0)).item() == -math.inf
    with pytest.raises(NotImplementedError, match=r"Categorical\.rsample"):
        D.Categorical(plait.ones(3)).rsample()


def test_numbers_give_batch_shape_0_d():
    assert D.Normal(0.0, 1.0).batch_shape == () and D.Normal(plait.zeros(1), 1.0).batch_shape == (1,)
    assert D.Normal(0, 1).sample().dtype is plait.float32


def test_as_pytorch():
    torch = pytest.importorskip("torch")
    T = torch.distributions
    for name, parameters, _, values in CASES:

        def given(cls, tensor, parameters=parameters):
            return cls(**{k: tensor(v) for k, v in parameters.items()})

        ours = given(getattr(D, name), t)
        theirs = given(getattr(T, name), lambda v: torch.tensor(v, dtype=torch.float64))
        a, b = ours.log_prob(t(values)), theirs.log_prob(torch.tensor(values))
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(ours.entropy().numpy(), theirs.entropy().numpy(), rtol=1e-8, atol=1e-10)
        if name not in ("Uniform", "Beta"):  # a mode that is not one point; argmax of NaN in PyTorch
            np.testing.assert_allclose(ours.mode.numpy(), theirs.mode.numpy())
        moved = {k: list(reversed(v)) for k, v in parameters.items()}
        if name == "Uniform":
            moved = {"low": [-3.0] * 3, "high": [8.0] * 3}
        kl = D.kl_divergence(ours, getattr(D, name)(**{k: t(v) for k, v in moved.items()}))
        wanted = {k: torch.tensor(v, dtype=torch.float64) for k, v in moved.items()}
        np.testing.assert_allclose(
            kl.numpy(), T.kl_divergence(theirs, getattr(T, name)(**wanted)).numpy(), rtol=1e-7, atol=1e-10
        )


COUNTS = [
    ("Poisson", {"rate": [0.3, 4.0, 30.0]}, lambda p: stats.poisson(p["rate"])),
    (
        "NegativeBinomial",
        {"total_count": [0.7, 3.0, 10.0], "probs": [0.2, 0.5, 0.9]},
        lambda p: stats.nbinom(p["total_count"], 1 - p["probs"]),
    ),
]


@pytest.mark.parametrize("name, parameters, make", COUNTS, ids=[c[0] for c in COUNTS])
def test_counts(name, parameters, make):
    ours = getattr(D, name)(**{k: t(v) for k, v in parameters.items()})
    theirs = make({k: np.array(v) for k, v in parameters.items()})
    values = np.arange(0.0, 24).reshape(8, 3)
    np.testing.assert_allclose(ours.log_prob(t(values)).numpy(), theirs.logpmf(values), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.mean.numpy(), theirs.mean(), rtol=1e-10)
    np.testing.assert_allclose(ours.variance.numpy(), theirs.var(), rtol=1e-10)
    best = np.array([theirs.pmf(k) for k in range(120)]).argmax(0)
    assert (np.abs(ours.mode.numpy() - best) <= 1).all()  # there may be two
    draws = ours.sample((4000,)).numpy()
    assert (np.abs(draws.mean(0) - theirs.mean()) < 4.5 * np.sqrt(theirs.var() / 4000)).all()
    for k in range(4):
        wanted, found = theirs.pmf(k), (draws == k).mean(0)
        assert (np.abs(found - wanted) < 4.5 * np.sqrt(wanted * (1 - wanted) / 4000) + 1e-9).all()
    assert ours.expand((2, 3)).sample((5,)).shape == (5, 2, 3)
    leaf = t(list(parameters.values())[-1]).requires_grad_()
    last = list(parameters)[-1]
    fixed = {k: t(v) for k, v in parameters.items() if k != last}
    assert plait.autograd.gradcheck(
        lambda x: getattr(D, name)(**fixed, **{last: x}, validate_args=False).log_prob(t(values)), (leaf,)
    )
    with pytest.raises(ValueError, match="support"):
        ours.log_prob(t([0.5, 1.0, 1.0]))


def test_half_cauchy():
    scale = np.array([1.0, 0.5, 3.0])
    ours, theirs = D.HalfCauchy(t(scale)), stats.halfcauchy(scale=scale)
    values = np.exp(REAL)
    np.testing.assert_allclose(
        ours.log_prob(t(values)).numpy(), theirs.logpdf(values), rtol=1e-10, atol=1e-12
    )
    np.testing.assert_allclose(ours.cdf(t(values)).numpy(), theirs.cdf(values), rtol=1e-10)
    np.testing.assert_allclose(ours.icdf(t(UNIT)).numpy(), theirs.ppf(UNIT), rtol=1e-10)
    np.testing.assert_allclose(ours.entropy().numpy(), theirs.entropy(), rtol=1e-8)
    draws = ours.sample((4000,)).numpy()
    for i, s in enumerate(scale):
        assert stats.kstest(draws[:, i], stats.halfcauchy(scale=s).cdf).pvalue > 1e-4
    assert ours.mean.isinf().all() and ours.expand((2, 3)).rsample().shape == (2, 3)
