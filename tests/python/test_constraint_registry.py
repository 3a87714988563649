"""Constraints, the transforms to them, and the distributions of vectors and matrices: against SciPy, derivatives
and quadrature."""

import numpy as np
import plait
import pytest
from plait import distributions as D
from plait.distributions import constraints as C
from plait.distributions import transforms as T
from scipy import integrate, stats

RNG = np.random.default_rng(0)


def t(x, **kwargs):
    return plait.tensor(np.asarray(x, dtype=float), **kwargs)


CONSTRAINTS = {
    "real": C.real,
    "positive": C.positive,
    "nonnegative": C.nonnegative,
    "greater_than": C.greater_than(2.0),
    "less_than": C.less_than(-1.0),
    "interval": C.interval(-1.0, 4.0),
    "half_open": C.half_open_interval(t(0.0), t(3.0)),
    "unit_interval": C.unit_interval,
    "simplex": C.simplex,
    "corr_cholesky": C.corr_cholesky,
    "independent": C.independent(C.positive, 1),
    "cat": C.cat([C.positive, C.unit_interval], -1, [2, 4]),
    "stack": C.stack([C.less_than(0.0), C.unit_interval], 0),
}


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_bijections(name):
    constraint = CONSTRAINTS[name]
    to = D.biject_to(constraint)
    x = t(RNG.normal(size=(2, 6)))
    y = to(x)
    assert constraint.check(y).all() and D.transform_to(constraint)(x).isfinite().all()
    np.testing.assert_allclose(to.inv(y).numpy(), x.numpy(), rtol=1e-7, atol=1e-9)
    assert tuple(to.forward_shape(x.shape)) == tuple(y.shape)
    assert tuple(to.inverse_shape(y.shape)) == tuple(x.shape)
    assert to.domain.event_dim <= 1
    found = to.log_abs_det_jacobian(x, y)
    # The determinant of the free entries of y: all but the last of a simplex, those below the diagonal.
    for i in range(2):

        def free(v, i=i):
            out = to(plait.cat([x[:i], v[None], x[i + 1 :]]))[i]
            if name == "simplex":
                return out[:-1]
            return out[tuple(np.tril_indices(4, -1))] if name == "corr_cholesky" else out

        jacobian = plait.autograd.functional.jacobian(free, x[i])
        np.testing.assert_allclose(
            found[i].sum().item(), plait.linalg.slogdet(jacobian)[1].item(), rtol=1e-7, atol=1e-9
        )


def test_matrices():
    x = t(RNG.normal(size=(3, 4, 4)))
    factor = D.transform_to(C.lower_cholesky)(x)
    assert C.lower_cholesky.check(factor).all() and not C.lower_cholesky.check(-factor).any()
    np.testing.assert_allclose(D.transform_to(C.lower_cholesky).inv(factor).numpy(), x.tril().numpy())
    matrix = D.transform_to(C.positive_definite)(x)
    assert C.positive_definite.check(matrix).all() and C.positive_semidefinite.check(matrix).all()
    assert C.positive_definite.check(t([[[1.0, 2.0], [2.0, 1.0]]])).tolist() == [False]
    assert C.symmetric.check(matrix).all() and not C.symmetric.check(x).any()
    assert C.square.check(x).all() and not C.square.check(x[:, :2]).any()
    with pytest.raises(NotImplementedError, match="_LowerTriangular"):
        D.biject_to(C.lower_triangular)


def test_constraints():
    assert C.is_dependent(D.Uniform.support) and not C.is_dependent(C.real)
    assert D.Uniform.support.event_dim == 0 and not D.Uniform.support.is_discrete
    assert D.Multinomial.support.is_discrete
    with pytest.raises(ValueError, match="instance"):
        C.dependent.check(t(1.0))
    with pytest.raises(NotImplementedError, match="event_dim"):
        _ = C.dependent.event_dim
    assert C.positive_integer.check(t([0.0, 1.0, 1.5])).tolist() == [False, True, False]
    assert C.multinomial(3).check(t([[1.0, 2.0], [2.0, 2.0]])).tolist() == [True, False]
    assert repr(C.positive) == "positive" and repr(C.less_than(3.0)) == "less than 3.0"

    class Even(C.Constraint):
        is_discrete = True

        def check(self, value):
            return value % 2 == 0

    @D.transform_to.register(Even)
    def _(constraint):
        return T.AffineTransform(0.0, 2.0)

    assert D.transform_to(Even())(t(3.0)).item() == 6 and repr(Even()) == "Even"
    with pytest.raises(TypeError, match="Constraint"):
        D.transform_to.register(3, lambda c: c)


def test_reshape_and_cdf_transforms():
    shape = T.ReshapeTransform((2, 3), (6,))
    x = t(RNG.normal(size=(5, 2, 3)))
    assert shape(x).shape == (5, 6) and (shape.inv(shape(x)) == x).all()
    assert shape.log_abs_det_jacobian(x, shape(x)).tolist() == [0] * 5
    with pytest.raises(ValueError, match="as many elements"):
        T.ReshapeTransform((2,), (3,))
    cdf = T.CumulativeDistributionTransform(D.Normal(t(1.0), t(2.0)))
    np.testing.assert_allclose(cdf(t(0.5)).item(), stats.norm(1, 2).cdf(0.5))


def test_multinomial():
    probs = [0.2, 0.3, 0.5]
    ours, theirs = D.Multinomial(5, t(probs)), stats.multinomial(5, probs)
    for value in ([1.0, 2.0, 2.0], [0.0, 5.0, 0.0]):
        np.testing.assert_allclose(ours.log_prob(t(value)).item(), theirs.logpmf(value))
    np.testing.assert_allclose(ours.entropy().item(), theirs.entropy(), rtol=1e-6)
    np.testing.assert_allclose(ours.variance.numpy(), np.diag(theirs.cov()))
    draws = ours.expand((4,)).sample((5000,))
    assert draws.shape == (5000, 4, 3) and ours.support.check(draws).all()
    np.testing.assert_allclose(draws.mean((0, 1)).numpy(), theirs.mean(), atol=0.05)
    assert abs(D.Multinomial(2, t([1.0, 0.0])).log_prob(t([2.0, 0.0])).item()) < 1e-12
    with pytest.raises(ValueError, match="support"):
        ours.log_prob(t([3.0, 3.0, 3.0]))


def test_von_mises():
    ours, theirs = D.VonMises(t([0.5, -1.0]), t([0.3, 20.0])), stats.vonmises([0.3, 20.0], loc=[0.5, -1.0])
    x = [1.0, -1.2]
    np.testing.assert_allclose(ours.log_prob(t(x)).numpy(), theirs.logpdf(x))
    assert D.VonMises(t(0.0), t(1e4)).log_prob(t(0.0)).isfinite()
    draws = ours.sample((20000,)).numpy()
    assert (abs(draws) <= np.pi).all()
    np.testing.assert_allclose(1 - abs(np.exp(1j * draws).mean(0)), ours.variance.numpy(), atol=0.02)
    assert (
        stats.kstest((draws[:, 1] + 1 + np.pi) % (2 * np.pi) - np.pi, stats.vonmises(20.0).cdf).pvalue > 1e-4
    )


def test_low_rank_normal():
    loc, w, d = RNG.normal(size=4), RNG.normal(size=(4, 2)), RNG.uniform(0.5, 2, 4)
    p = D.LowRankMultivariateNormal(t(loc), t(w), t(d))
    q = stats.multivariate_normal(loc, w @ w.T + np.diag(d))
    x = RNG.normal(size=(3, 4))
    np.testing.assert_allclose(p.log_prob(t(x)).numpy(), q.logpdf(x))
    np.testing.assert_allclose(p.entropy().item(), q.entropy())
    np.testing.assert_allclose((p.precision_matrix @ p.covariance_matrix).numpy(), np.eye(4), atol=1e-12)
    np.testing.assert_allclose(p.variance.numpy(), np.diag(w @ w.T) + d)
    draws = p.rsample((50_000,)).numpy()
    np.testing.assert_allclose(np.cov(draws.T), w @ w.T + np.diag(d), atol=0.15)


def test_wishart():
    a = RNG.normal(size=(3, 3))
    v = a @ a.T + np.eye(3)
    p, q = D.Wishart(t(5.5), t(v)), stats.wishart(5.5, v)
    x = q.rvs(random_state=0)
    np.testing.assert_allclose(p.log_prob(t(x)).item(), q.logpdf(x))
    np.testing.assert_allclose(p.entropy().item(), q.entropy())
    np.testing.assert_allclose(p.mean.numpy(), q.mean())
    np.testing.assert_allclose(p.variance.numpy(), q.var())
    np.testing.assert_allclose(p.sample((20_000,)).mean(0).numpy(), q.mean(), rtol=0.1, atol=0.4)
    np.testing.assert_allclose(
        D.Wishart(5.5, precision_matrix=t(np.linalg.inv(v))).log_prob(t(x)).item(), q.logpdf(x)
    )
    with pytest.raises(ValueError, match="df"):
        D.Wishart(t(1.0), t(v))


@pytest.mark.parametrize("eta", [0.5, 1.0, 3.0])
def test_lkj_cholesky(eta):
    # Of two variables the density of the factor is a function of one angle's cosine r: that of rows (r, s).
    p = D.LKJCholesky(2, t(eta))

    def density(r):
        row = [[1.0, 0.0], [r, np.sqrt(1 - r * r)]]
        return p.log_prob(t(row)).exp().item()

    assert abs(integrate.quad(density, -1, 1)[0] - 1) < 1e-6
    draws = D.LKJCholesky(4, t(eta)).sample((4000,))
    assert C.corr_cholesky.check(draws).all()
    r = (draws @ draws.mT)[:, 2, 1].numpy()  # (r + 1) / 2 is Beta(b, b) with b = eta + (n - 2) / 2
    b = eta + 1
    assert stats.kstest((r + 1) / 2, stats.beta(b, b).cdf).pvalue > 1e-4


def test_scalars_made_of_others():
    p, q = D.InverseGamma(t(3.0), t(4.0)), stats.invgamma(3.0, scale=4.0)
    np.testing.assert_allclose(p.log_prob(t(1.3)).item(), q.logpdf(1.3))
    np.testing.assert_allclose(
        [p.mean.item(), p.variance.item(), p.entropy().item()], [q.mean(), q.var(), q.entropy()]
    )
    f, g = D.FisherSnedecor(t(3.0), t(7.0)), stats.f(3.0, 7.0)
    np.testing.assert_allclose(f.log_prob(t(1.3)).item(), g.logpdf(1.3))
    np.testing.assert_allclose([f.mean.item(), f.variance.item()], [g.mean(), g.var()])
    assert stats.kstest(f.sample((3000,)).numpy(), g.cdf).pvalue > 1e-4
    k = D.Kumaraswamy(t(2.0), t(3.0))
    np.testing.assert_allclose(k.log_prob(t(0.4)).exp().item(), 6 * 0.4 * (1 - 0.4**2) ** 2, rtol=1e-7)
    for n, found in ((1, k.mean), (2, k.variance + k.mean**2)):
        moment = integrate.quad(lambda x, n=n: x**n * 6 * x * (1 - x * x) ** 2, 0, 1)[0]
        np.testing.assert_allclose(found.item(), moment, rtol=1e-7)
    x = D.LogisticNormal(t([0.1, -0.4]), t([1.0, 2.0])).sample((100,))
    assert C.simplex.check(x).all()


@pytest.mark.parametrize("p", [0.1, 0.4995, 0.5, 0.9])
def test_continuous_bernoulli(p):
    d = D.ContinuousBernoulli(t(p))

    def density(x):
        return d.log_prob(t(x)).exp().item()

    moments = [integrate.quad(lambda x, n=n: x**n * density(x), 0, 1)[0] for n in range(3)]
    np.testing.assert_allclose(moments[0], 1, rtol=1e-9)
    np.testing.assert_allclose(d.mean.item(), moments[1], rtol=1e-7)
    np.testing.assert_allclose(d.variance.item(), moments[2] - moments[1] ** 2, rtol=1e-6)
    np.testing.assert_allclose(d.cdf(d.icdf(t([0.2, 0.7]))).numpy(), [0.2, 0.7], rtol=1e-9)
    entropy = integrate.quad(lambda x: -density(x) * np.log(density(x)), 0, 1)[0]
    np.testing.assert_allclose(d.entropy().item(), entropy, rtol=1e-6, atol=1e-7)
