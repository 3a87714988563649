"""Distributions made of others: transformed, mixtures, relaxed, of vectors. Against SciPy and by quadrature."""

import math

import numpy as np
import plait
import pytest
from plait import distributions as D
from plait.distributions import constraints, transforms
from scipy import integrate, stats

RNG = np.random.default_rng(0)


def t(x, **kwargs):
    return plait.tensor(x, dtype=plait.float64, **kwargs)


TRANSFORMS = [
    (transforms.ExpTransform(), RNG.normal(size=5)),
    (transforms.SigmoidTransform(), RNG.normal(size=5) * 3),
    (transforms.TanhTransform(), RNG.normal(size=5)),
    (transforms.SoftplusTransform(), RNG.normal(size=5) * 3),
    (transforms.AffineTransform(1.0, -2.0), RNG.normal(size=5)),
    (transforms.AffineTransform(t(1.0), t([1.0, -2.0, 3.0, 0.1, 5.0])), RNG.normal(size=5)),
    (transforms.PowerTransform(t(1.7)), RNG.uniform(0.1, 3, 5)),
    (
        transforms.ComposeTransform([transforms.AffineTransform(0.5, 2.0), transforms.TanhTransform()]),
        RNG.normal(size=5),
    ),
]


@pytest.mark.parametrize("transform, values", TRANSFORMS, ids=lambda v: type(v).__name__)
@pytest.mark.parametrize("cache_size", [0, 1])
def test_transforms(transform, values, cache_size):
    transform = transform.with_cache(cache_size)
    x = t(values, requires_grad=True)
    y = transform(x)
    assert transform.codomain.check(y.detach()).all()
    np.testing.assert_allclose(transform.inv(y).detach().numpy(), values, rtol=1e-9, atol=1e-9)
    (slope,) = plait.autograd.grad(y.sum(), x, retain_graph=True)
    stretch = transform.log_abs_det_jacobian(x, y)
    np.testing.assert_allclose(stretch.detach().numpy(), slope.abs().log().numpy(), rtol=1e-8, atol=1e-9)
    back = transform.inv.log_abs_det_jacobian(y, x)
    np.testing.assert_allclose(back.detach().numpy(), -stretch.detach().numpy())
    assert transform.inv.inv == transform
    if cache_size:
        assert transform(x) is y and transform.inv(y) is x


def test_saturated_tanh_and_transforms_without_an_inverse():
    far = t([30.0, -30.0])
    cached = transforms.TanhTransform(cache_size=1)
    np.testing.assert_array_equal(cached.inv(cached(far)).numpy(), far.numpy())
    expected = [2 * (math.log(2) - 30), 2 * (math.log(2) - 30)]
    np.testing.assert_allclose(cached.log_abs_det_jacobian(far, cached(far)).numpy(), expected)
    assert transforms.AbsTransform()(t([-1.0, 2.0])).tolist() == [1, 2]
    soft = transforms.SoftmaxTransform()
    np.testing.assert_allclose(soft(soft.inv(t([0.2, 0.8]))).numpy(), [0.2, 0.8])
    assert transforms.identity_transform(far) is far
    with pytest.raises(ValueError, match="cache_size"):
        transforms.ExpTransform(cache_size=2)


def test_transformed_distribution():
    loc, scale = t([0.0, 0.3]), t([1.0, 0.5])
    ours = D.TransformedDistribution(D.Normal(loc, scale), [transforms.ExpTransform()])
    theirs = D.LogNormal(loc, scale)
    x = t(RNG.uniform(0.1, 3, (4, 2)))
    for name in ("log_prob", "cdf"):
        np.testing.assert_allclose(
            getattr(ours, name)(x).numpy(), getattr(theirs, name)(x).numpy(), rtol=1e-10
        )
    np.testing.assert_allclose(ours.icdf(t(0.3)).numpy(), theirs.icdf(t(0.3)).numpy(), rtol=1e-10)
    assert ours.batch_shape == (2,) and ours.has_rsample and ours.support.check(x).all()
    # decreasing: P(y <= v) = P(x >= ...)
    falling = D.TransformedDistribution(D.Normal(t(0.0), t(1.0)), transforms.AffineTransform(1.0, -2.0))
    np.testing.assert_allclose(falling.cdf(t(2.0)).item(), stats.norm(1, 2).cdf(2.0))
    np.testing.assert_allclose(falling.icdf(t(0.7)).item(), stats.norm(1, 2).ppf(0.7))
    wide = ours.expand((3, 2))
    assert wide.sample((5,)).shape == (5, 3, 2) and wide.log_prob(x[0]).shape == (3, 2)
    plait.manual_seed(0)
    draws = ours.sample((4000,)).numpy()
    for i in range(2):
        expected = stats.lognorm(scale[i].item(), scale=np.exp(loc[i].item()))
        assert stats.kstest(draws[:, i], expected.cdf).pvalue > 1e-4
    location = t(0.5, requires_grad=True)
    D.TransformedDistribution(D.Normal(location, 1.0), transforms.TanhTransform()).rsample(
        (3,)
    ).sum().backward()
    assert location.grad is not None
    with pytest.raises(ValueError, match="Transform"):
        D.TransformedDistribution(D.Normal(loc, scale), [plait.exp])


def test_squashed_policy():
    """The tanh-normal of soft actor-critic: its density is the derivative of its distribution function."""
    policy = D.Independent(
        D.TransformedDistribution(
            D.Normal(t([0.2, -1.0]), t([0.5, 1.0])), transforms.TanhTransform(cache_size=1)
        ),
        1,
    )
    assert policy.event_shape == (2,) and policy.batch_shape == ()
    total = integrate.dblquad(
        lambda a, b: policy.log_prob(t([a, b])).exp().item(),
        -1 + 1e-9,
        1 - 1e-9,
        -1 + 1e-9,
        1 - 1e-9,
        epsabs=1e-4,
    )[0]
    assert total == pytest.approx(1, abs=1e-3)
    action = policy.rsample((7,))
    assert policy.log_prob(action).shape == (7,)


def test_events_of_transforms():
    base = D.Normal(t(np.zeros((4, 3))), t(np.ones((4, 3))))
    shift = transforms.AffineTransform(t([1.0, 2.0, 3.0]), t([1.0, 0.5, 2.0]), event_dim=1)
    ours = D.TransformedDistribution(base, shift)
    assert ours.batch_shape == (4,) and ours.event_shape == (3,)
    x = RNG.normal(size=(4, 3))
    expected = stats.norm([1, 2, 3], [1, 0.5, 2]).logpdf(x).sum(1)
    np.testing.assert_allclose(ours.log_prob(t(x)).numpy(), expected)
    same = D.TransformedDistribution(
        D.Independent(base, 1), transforms.IndependentTransform(transforms.ExpTransform(), 1)
    )
    assert same.event_shape == (3,)
    expected = stats.lognorm(1).logpdf(np.exp(x)).sum(1)
    np.testing.assert_allclose(same.log_prob(t(np.exp(x))).numpy(), expected)
    grown = D.TransformedDistribution(
        D.Normal(t(0.0), t(1.0)), transforms.AffineTransform(t([0.0, 1.0]), 1.0)
    )
    assert grown.batch_shape == (2,) and grown.sample((3,)).shape == (3, 2)


@pytest.mark.parametrize("given", ["covariance_matrix", "precision_matrix", "scale_tril"])
def test_multivariate_normal(given):
    a = RNG.normal(size=(2, 3, 3))
    cov = a @ a.transpose(0, 2, 1) + np.eye(3)
    loc = RNG.normal(size=(2, 3))
    matrix = {
        "covariance_matrix": cov,
        "precision_matrix": np.linalg.inv(cov),
        "scale_tril": np.linalg.cholesky(cov),
    }[given]
    ours = D.MultivariateNormal(t(loc), **{given: t(matrix)})
    x = RNG.normal(size=(5, 2, 3))
    log_prob, entropy = ours.log_prob(t(x)).numpy(), ours.entropy().numpy()
    for i in range(2):
        theirs = stats.multivariate_normal(loc[i], cov[i])
        np.testing.assert_allclose(log_prob[:, i], theirs.logpdf(x[:, i]), rtol=1e-8)
        np.testing.assert_allclose(entropy[i], theirs.entropy(), rtol=1e-8)
    np.testing.assert_allclose(ours.covariance_matrix.numpy(), cov, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(ours.precision_matrix.numpy(), np.linalg.inv(cov), rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(ours.scale_tril.numpy(), np.linalg.cholesky(cov), rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(ours.variance.numpy(), cov.diagonal(axis1=1, axis2=2), rtol=1e-8)
    plait.manual_seed(0)
    draws = ours.sample((20000,)).numpy()
    for i in range(2):
        np.testing.assert_allclose(np.cov(draws[:, i].T), cov[i], atol=0.05 * np.abs(cov[i]).max())
    wide = ours.expand((4, 2))
    np.testing.assert_array_equal(wide.log_prob(t(x[0]))[1].numpy(), ours.log_prob(t(x[0])).numpy())
    other = D.MultivariateNormal(t(loc[0]), t(np.eye(3)))
    kl = D.kl_divergence(ours, other).numpy()
    for i in range(2):
        apart = loc[0] - loc[i]
        expected = 0.5 * (np.trace(cov[i]) + apart @ apart - 3 - np.log(np.linalg.det(cov[i])))
        np.testing.assert_allclose(kl[i], expected, rtol=1e-8, atol=1e-10)


def test_multivariate_normal_gradients_and_errors():
    loc, factor = t(RNG.normal(size=2), requires_grad=True), t([[1.0, 0.0], [0.5, 2.0]], requires_grad=True)
    x = t(RNG.normal(size=(3, 2)))
    assert plait.autograd.gradcheck(
        lambda m, s: D.MultivariateNormal(m, scale_tril=s.tril()).log_prob(x), [loc, factor]
    )
    for options, text in (
        ({}, "one of"),
        ({"covariance_matrix": plait.eye(3)}, r"\(\.\.\., 2, 2\)"),
        ({"covariance_matrix": t([[1.0, 5.0], [0.0, 1.0]])}, "symmetric"),
        ({"scale_tril": t([[-1.0, 0.0], [0.0, 1.0]])}, "positive diagonal"),
    ):
        with pytest.raises(ValueError, match=text):
            D.MultivariateNormal(loc, **options)


def test_mixture():
    weights, means, scales = np.array([0.2, 0.8]), np.array([-2.0, 1.0]), np.array([0.5, 1.5])
    ours = D.MixtureSameFamily(D.Categorical(t(weights)), D.Normal(t(means), t(scales)))
    x = RNG.normal(size=6)
    parts = stats.norm(means, scales)
    np.testing.assert_allclose(ours.log_prob(t(x)).numpy(), np.log(parts.pdf(x[:, None]) @ weights))
    np.testing.assert_allclose(ours.cdf(t(x)).numpy(), parts.cdf(x[:, None]) @ weights)
    mean = weights @ means
    np.testing.assert_allclose(ours.mean.item(), mean)
    np.testing.assert_allclose(ours.variance.item(), weights @ (scales**2 + (means - mean) ** 2))
    plait.manual_seed(0)
    draws = ours.sample((4000,))
    assert stats.kstest(draws.numpy(), lambda v: parts.cdf(np.asarray(v)[..., None]) @ weights).pvalue > 1e-4
    vectors = D.MixtureSameFamily(
        D.Categorical(logits=t(RNG.normal(size=(5, 4)))),
        D.Independent(D.Normal(t(RNG.normal(size=(5, 4, 3))), t(np.ones((5, 4, 3)))), 1),
    )
    assert vectors.batch_shape == (5,) and vectors.event_shape == (3,)
    assert vectors.sample((2,)).shape == (2, 5, 3) and vectors.mean.shape == vectors.variance.shape == (5, 3)
    assert vectors.log_prob(vectors.sample((2,))).shape == (2, 5)
    assert vectors.expand((6, 5)).sample().shape == (6, 5, 3)
    with pytest.raises(ValueError, match="2 components"):
        D.MixtureSameFamily(D.Categorical(t(weights)), D.Normal(t([0.0, 1.0, 2.0]), t(1.0)))


def test_relaxed_bernoulli():
    ours = D.RelaxedBernoulli(t(0.7), probs=t([0.2, 0.6]))
    for i in range(2):
        density = lambda v, i=i: ours.log_prob(t([v, v]))[i].exp().item()  # noqa: E731
        total = integrate.quad(density, 0, 1, epsabs=1e-6)[0]
        assert total == pytest.approx(1, abs=1e-4)
        # P(x > 1/2) is the probability, at every temperature
        half = integrate.quad(density, 0.5, 1, epsabs=1e-6)[0]
        assert half == pytest.approx([0.2, 0.6][i], abs=1e-4)
    plait.manual_seed(0)
    above = (ours.sample((8000,)) > 0.5).double().mean(0).numpy()
    np.testing.assert_allclose(above, [0.2, 0.6], atol=0.025)
    assert D.RelaxedBernoulli(0.1, logits=t([0.0])).expand((3, 1)).rsample().shape == (3, 1)


def test_relaxed_one_hot():
    probs = np.array([0.2, 0.3, 0.5])
    ours = D.RelaxedOneHotCategorical(t(0.9), probs=t(probs))
    total = integrate.dblquad(
        lambda b, a: ours.log_prob(t([a, b, max(1 - a - b, 1e-12)])).exp().item(),
        0, 1, lambda a: 0, lambda a: 1 - a, epsabs=1e-4,
    )[0]  # fmt: skip
    assert total == pytest.approx(1, abs=5e-3)
    plait.manual_seed(0)
    logits = t(np.log(probs), requires_grad=True)
    draws = D.RelaxedOneHotCategorical(0.5, logits=logits).rsample((8000,))
    found = plait.nn.functional.one_hot(draws.argmax(-1), 3).double().mean(0).numpy()
    np.testing.assert_allclose(found, probs, atol=0.025)
    draws[:, 0].sum().backward()
    assert logits.grad is not None and constraints.simplex.check(draws.detach()).all()
    through = D.OneHotCategoricalStraightThrough(logits=t(np.log(probs), requires_grad=True))
    sample = through.rsample((5,))
    assert set(sample.detach().reshape(-1).tolist()) <= {0.0, 1.0} and sample.requires_grad


def test_cauchy():
    ours, theirs = D.Cauchy(t([0.0, 1.0]), t([1.0, 2.0])), stats.cauchy([0, 1], [1, 2])
    x = RNG.normal(size=(4, 2))
    np.testing.assert_allclose(ours.log_prob(t(x)).numpy(), theirs.logpdf(x))
    np.testing.assert_allclose(ours.cdf(t(x)).numpy(), theirs.cdf(x))
    np.testing.assert_allclose(ours.icdf(t([0.2, 0.9])).numpy(), theirs.ppf([0.2, 0.9]))
    np.testing.assert_allclose(ours.entropy().numpy(), theirs.entropy())
    assert ours.mean.isnan().all() and ours.variance.isinf().all()
    plait.manual_seed(0)
    draws = ours.sample((4000,)).numpy()
    assert stats.kstest(draws[:, 1], stats.cauchy(1, 2).cdf).pvalue > 1e-4


def test_generalized_pareto():
    loc, scale, shape = np.array([0.0, 1.0, -1.0]), np.array([1.0, 2.0, 0.5]), np.array([0.4, 0.0, -0.5])
    ours = D.GeneralizedPareto(*(plait.tensor(a) for a in (loc, scale, shape)))
    theirs = stats.genpareto(shape, loc, scale)
    x = np.array([0.7, 3.0, -0.6])
    for got, expected in (
        (ours.log_prob(plait.tensor(x)), theirs.logpdf(x)),
        (ours.cdf(plait.tensor(x)), theirs.cdf(x)),
        (ours.icdf(plait.tensor([0.1, 0.5, 0.9], dtype=plait.float64)), theirs.ppf([0.1, 0.5, 0.9])),
        (ours.mean, theirs.mean()),
        (ours.variance, theirs.var()),
        (ours.entropy(), theirs.entropy()),
    ):
        np.testing.assert_allclose(got.numpy(), expected, rtol=1e-8)
    assert ours.support.check(ours.sample((100,))).all()
    assert ours.support.check(plait.tensor([-0.1, 0.9, 0.1])).tolist() == [False, False, False]


def test_gamma_cdf():
    a, b, x = np.array([0.5, 3.0]), np.array([1.0, 2.0]), np.array([0.3, 2.0])
    ours = D.Gamma(plait.tensor(a), plait.tensor(b)).cdf(plait.tensor(x))
    np.testing.assert_allclose(ours.numpy(), stats.gamma(a, scale=1 / b).cdf(x), rtol=1e-10)
    np.testing.assert_allclose(
        D.InverseGamma(plait.tensor(a), plait.tensor(b)).cdf(plait.tensor(x)).numpy(),
        stats.invgamma(a, scale=b).cdf(x),
        rtol=1e-10,
    )


def test_parameters_that_follow_from_others_are_checked():
    with pytest.raises(ValueError, match="Chi2: expected parameter df"):
        D.Chi2(plait.tensor([-1.0, 2.0]))
    assert repr(D.InverseGamma(2.0, 3.0)).startswith("InverseGamma(")


def f64(*values):
    return plait.tensor(values, dtype=plait.float64)


# Pairs, and the interval that p's values lie in, for a quadrature of p (log p - log q).
PAIRS = {
    "Beta Exponential": (D.Beta(f64(1.5), f64(2.5)), D.Exponential(f64(2.0)), (0, 1)),
    "Beta Gamma": (D.Beta(f64(1.5), f64(2.5)), D.Gamma(f64(2.0), f64(3.0)), (0, 1)),
    "Beta Normal": (D.Beta(f64(1.5), f64(2.5)), D.Normal(f64(0.5), f64(2.0)), (0, 1)),
    "Beta Uniform": (D.Beta(f64(1.5), f64(2.5)), D.Uniform(f64(-1.0), f64(2.0)), (0, 1)),
    "Beta ContinuousBernoulli": (D.Beta(f64(1.5), f64(2.5)), D.ContinuousBernoulli(f64(0.2)), (0, 1)),
    "ContinuousBernoulli itself": (D.ContinuousBernoulli(f64(0.7)), D.ContinuousBernoulli(f64(0.2)), (0, 1)),
    "ContinuousBernoulli Exponential": (D.ContinuousBernoulli(f64(0.7)), D.Exponential(f64(2.0)), (0, 1)),
    "ContinuousBernoulli Normal": (D.ContinuousBernoulli(f64(0.7)), D.Normal(f64(0.5), f64(2.0)), (0, 1)),
    "ContinuousBernoulli Uniform": (D.ContinuousBernoulli(f64(0.7)), D.Uniform(f64(0.0), f64(1.0)), (0, 1)),
    "Uniform Exponential": (D.Uniform(f64(0.5), f64(2.0)), D.Exponential(f64(2.0)), (0.5, 2)),
    "Uniform Gamma": (D.Uniform(f64(0.5), f64(2.0)), D.Gamma(f64(2.0), f64(3.0)), (0.5, 2)),
    "Uniform Pareto": (D.Uniform(f64(0.5), f64(2.0)), D.Pareto(f64(0.5), f64(3.0)), (0.5, 2)),
    "Uniform Beta": (D.Uniform(f64(0.25), f64(0.5)), D.Beta(f64(1.5), f64(2.5)), (0.25, 0.5)),
    "Uniform ContinuousBernoulli": (D.Uniform(f64(0.0), f64(1.0)), D.ContinuousBernoulli(f64(0.2)), (0, 1)),
    "Uniform Gumbel": (D.Uniform(f64(0.25), f64(2.0)), D.Gumbel(f64(0.5), f64(2.0)), (0.25, 2)),
    "Pareto Exponential": (D.Pareto(f64(0.5), f64(3.0)), D.Exponential(f64(2.0)), (0.5, np.inf)),
    "Pareto Gamma": (D.Pareto(f64(0.5), f64(3.0)), D.Gamma(f64(2.0), f64(3.0)), (0.5, np.inf)),
    "Pareto Normal": (D.Pareto(f64(0.5), f64(3.0)), D.Normal(f64(0.5), f64(2.0)), (0.5, np.inf)),
    "Pareto itself": (D.Pareto(f64(0.5), f64(3.0)), D.Pareto(f64(0.25), f64(2.0)), (0.5, np.inf)),
    "Exponential Gumbel": (D.Exponential(f64(2.0)), D.Gumbel(f64(0.5), f64(2.0)), (0, 40)),
    "Gamma Gumbel": (D.Gamma(f64(2.0), f64(3.0)), D.Gumbel(f64(0.5), f64(2.0)), (0, 40)),
    "Normal Gumbel": (D.Normal(f64(0.5), f64(1.0)), D.Gumbel(f64(0.5), f64(2.0)), (-9, 9)),
    "Gumbel itself": (D.Gumbel(f64(0.5), f64(1.0)), D.Gumbel(f64(1.5), f64(2.0)), (-5, 60)),
    "Gumbel Normal": (D.Gumbel(f64(0.5), f64(1.0)), D.Normal(f64(0.5), f64(2.0)), (-5, 60)),
    "Normal Laplace": (D.Normal(f64(0.5), f64(1.0)), D.Laplace(f64(1.5), f64(2.0)), (-9, 9)),
    "Cauchy itself": (D.Cauchy(f64(0.5), f64(1.0)), D.Cauchy(f64(1.5), f64(2.0)), (-np.inf, np.inf)),
    "HalfCauchy itself": (D.HalfCauchy(f64(1.0)), D.HalfCauchy(f64(2.0)), (0, np.inf)),
    "HalfNormal itself": (D.HalfNormal(f64(1.0)), D.HalfNormal(f64(2.0)), (0, 12)),
    "Weibull itself": (D.Weibull(f64(1.0), f64(1.5)), D.Weibull(f64(2.0), f64(2.5)), (0, 15)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_divergences_of_two_kinds(name):
    p, q, (low, high) = PAIRS[name]

    def integrand(x):
        value = f64(x)
        log_p = p.log_prob(value)
        return (log_p.exp() * (log_p - q.log_prob(value))).item()

    expected, _ = integrate.quad(integrand, low, high, epsabs=1e-11, epsrel=1e-9, limit=300)
    assert D.kl_divergence(p, q).item() == pytest.approx(expected, rel=1e-6, abs=1e-8)


def test_divergences_where_q_lacks_values_of_p():
    for p, q in (
        (D.Normal(f64(0.0), f64(1.0)), D.Gamma(f64(1.0), f64(1.0))),
        (D.Exponential(f64(1.0)), D.Uniform(f64(0.0), f64(9.0))),
        (D.Uniform(f64(-1.0), f64(2.0)), D.Exponential(f64(1.0))),
        (D.Uniform(f64(0.2), f64(2.0)), D.Beta(f64(2.0), f64(2.0))),
        (D.Pareto(f64(1.0), f64(3.0)), D.Pareto(f64(2.0), f64(3.0))),
        (D.Pareto(f64(1.0), f64(1.5)), D.Normal(f64(2.0), f64(3.0))),
        (D.Poisson(f64(1.0)), D.Bernoulli(f64(0.5))),
        (D.Binomial(5, f64(0.5)), D.Binomial(4, f64(0.5))),
    ):
        assert D.kl_divergence(p, q).tolist() == [np.inf]


def test_divergences_of_counts():
    k = np.arange(200)
    p, q = stats.poisson(2.0), stats.poisson(3.5)
    expected = (p.pmf(k) * (p.logpmf(k) - q.logpmf(k)))[:60].sum()
    assert D.kl_divergence(D.Poisson(f64(2.0)), D.Poisson(f64(3.5))).item() == pytest.approx(
        expected, rel=1e-9
    )
    b = stats.bernoulli(0.3)
    expected = sum(b.pmf(i) * (b.logpmf(i) - q.logpmf(i)) for i in (0, 1))
    ours = D.kl_divergence(D.Bernoulli(f64(0.3)), D.Poisson(f64(3.5)))
    # log 1! = 0 = log 0!: the expectation of log(x!) vanishes.
    assert ours.item() == pytest.approx(expected, rel=1e-9)


def test_divergences_of_low_rank_normals():
    factor, diagonal = plait.tensor([[1.0], [0.5]], dtype=plait.float64), f64(1.0, 2.0)
    p = D.LowRankMultivariateNormal(f64(0.0, 1.0), factor, diagonal)
    full = D.MultivariateNormal(f64(0.0, 1.0), factor @ factor.mT + diagonal.diag())
    q = D.MultivariateNormal(f64(1.0, 1.0), plait.eye(2, dtype=plait.float64) * 2)
    assert D.kl_divergence(p, q).item() == pytest.approx(D.kl_divergence(full, q).item(), rel=1e-12)
    assert D.kl_divergence(p, full).item() == pytest.approx(0.0, abs=1e-12)


def test_draws_of_a_wishart_are_positive_definite():
    p = D.Wishart(plait.tensor(2.3), plait.eye(3))  # rounding makes some singular
    draws = p.sample((2000,))
    assert p.support.check(draws).all()
    p.log_prob(draws)  # which checks its values


def test_wishart_of_a_batch_takes_one_value():
    w = D.Wishart(f64(4.0).squeeze(0), plait.eye(2, dtype=plait.float64))
    value = plait.tensor([[2.0, 0.3], [0.3, 1.0]], dtype=plait.float64)
    assert plait.allclose(w.expand((3,)).log_prob(value), w.log_prob(value).expand(3))


@pytest.mark.parametrize(
    "made, base",
    [
        (lambda: D.LogNormal(plait.zeros(2), 0.5), D.Normal),
        (lambda: D.HalfNormal(plait.ones(2)), D.Normal),
        (lambda: D.HalfCauchy(plait.ones(2)), D.Cauchy),
    ],
)
def test_what_is_a_transformed_distribution(made, base):
    d = made()
    assert (
        isinstance(d, D.TransformedDistribution) and isinstance(d.base_dist, base) and len(d.transforms) == 1
    )
    wide = d.expand((3, 2))
    assert type(wide) is type(d) and wide.scale.shape == (3, 2) and wide.rsample((4,)).shape == (4, 3, 2)
    assert bool((wide.sample() > 0).all()) and d.has_rsample


def test_compositions_that_change_the_number_of_dimensions():
    parts = [transforms.ReshapeTransform(*shapes) for shapes in (((), ()), ((2,), (1, 2)), ((3, 1, 2), (6,)))]
    whole = transforms.ComposeTransform([*parts, transforms.ReshapeTransform((6,), (2, 3))])
    assert (whole.domain.event_dim, whole.codomain.event_dim) == (2, 2)
    loc = plait.randn(5, 3, 2)
    assert whole(loc).shape == (5, 2, 3) and whole.log_abs_det_jacobian(loc, whole(loc)).shape == (5,)
    p = D.TransformedDistribution(D.Normal(loc, 1), whole.parts)
    assert (p.batch_shape, p.event_shape) == ((5,), (2, 3))
    draws = p.sample((4,))
    expected = D.Normal(loc, 1).log_prob(draws.reshape(4, 5, 3, 2)).sum((-1, -2))
    np.testing.assert_allclose(p.log_prob(draws), expected, rtol=1e-5)
    one = D.Normal(0.0, 1.0).expand((3, 4, 5))
    reshaped = [transforms.ReshapeTransform((4, 5), (20,)), transforms.ReshapeTransform((3, 20), (6, 10))]
    p = D.TransformedDistribution(one, reshaped)
    assert (p.batch_shape, p.event_shape) == ((), (6, 10)) and p.log_prob(p.sample((7,))).shape == (7,)


def test_signs_of_transforms():
    rising = [transforms.ExpTransform(), transforms.SigmoidTransform(), transforms.SoftplusTransform()]
    rising += [transforms.TanhTransform(), transforms.CumulativeDistributionTransform(D.Normal(0.0, 1.0))]
    assert [t.sign for t in rising] == [1] * 5 and rising[0].inv.sign == 1
    falling = transforms.AffineTransform(0.0, -2.0)
    assert falling.sign == transforms.IndependentTransform(falling, 1).sign == -1
    assert transforms.ComposeTransform([falling, falling]).sign == 1
    for t in (transforms.AbsTransform(), transforms.SoftmaxTransform(), transforms.LowerCholeskyTransform()):
        with pytest.raises(NotImplementedError, match="sign"):
            _ = t.sign
    with pytest.raises(NotImplementedError, match="AbsTransform"):
        D.TransformedDistribution(D.Normal(0.0, 1.0), transforms.AbsTransform()).cdf(plait.tensor(1.0))
    assert transforms.ExpTransform().event_dim == 0 and transforms.SoftmaxTransform().event_dim == 1
    assert not transforms.LowerCholeskyTransform().bijective
    with pytest.raises(ValueError, match="codomain"):
        _ = transforms.ReshapeTransform((2,), (1, 2)).event_dim
