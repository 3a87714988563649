"""Kullback-Leibler divergences of distributions of two kinds, from moments of the first:
KL(p || q) = -H(p) - E_p[log q].
"""

from __future__ import annotations

import math

import plait
from plait import Tensor

from .bernoulli import Bernoulli
from .beta import Beta
from .binomial import Binomial
from .cauchy import Cauchy
from .continuous_bernoulli import ContinuousBernoulli
from .exponential import Exponential
from .gamma import Gamma
from .gumbel import Gumbel
from .half_normal import HalfNormal
from .heavy_tailed import HalfCauchy, Pareto, Weibull
from .kl import infinite_where, kl_divergence, register_kl
from .laplace import Laplace
from .lowrank_multivariate_normal import LowRankMultivariateNormal
from .multivariate_normal import MultivariateNormal
from .normal import Normal
from .poisson import Poisson
from .transformed_distribution import TransformedDistribution
from .uniform import Uniform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_EULER = 0.57721566490153286061


def _everywhere_infinite(p: Any, q: Any) -> Tensor:
    """p has values that q never has."""
    shape = plait.broadcast_shapes(tuple(p.batch_shape), tuple(q.batch_shape))
    return plait.full(shape, math.inf, dtype=p.mean.dtype, device=p.mean.device)


_UNCOVERED: dict[type, tuple[type, ...]] = {
    Beta: (Pareto,),
    ContinuousBernoulli: (Pareto,),
    Exponential: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gamma: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gumbel: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Laplace: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Normal: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Pareto: (Beta, ContinuousBernoulli, Uniform),
    Poisson: (Bernoulli, Binomial),
}
for _p, _others in _UNCOVERED.items():
    for _q in _others:
        register_kl(_p, _q)(_everywhere_infinite)


def _mean_log(p: Any) -> Tensor:
    """E[log x]."""
    if isinstance(p, Beta):
        return p.concentration1.digamma() - (p.concentration1 + p.concentration0).digamma()
    if isinstance(p, Exponential):
        return -_EULER - p.rate.log()
    if isinstance(p, Gamma):
        return p.concentration.digamma() - p.rate.log()
    if isinstance(p, Pareto):
        return p.scale.log() + 1 / p.alpha
    return (plait.xlogy(p.high, p.high) - plait.xlogy(p.low, p.low)) / (p.high - p.low) - 1  # Uniform


@register_kl(Beta, Exponential)
@register_kl(Pareto, Exponential)
@register_kl(ContinuousBernoulli, Exponential)
@register_kl(Uniform, Exponential)
def _to_exponential(p: Any, q: Exponential) -> Tensor:
    result = -p.entropy() - q.rate.log() + q.rate * p.mean
    return infinite_where(p.low < 0, result) if isinstance(p, Uniform) else result


@register_kl(Beta, Gamma)
@register_kl(Pareto, Gamma)
@register_kl(Uniform, Gamma)
def _to_gamma(p: Any, q: Gamma) -> Tensor:
    normaliser = q.concentration.lgamma() - q.concentration * q.rate.log()
    result = -p.entropy() + normaliser - (q.concentration - 1) * _mean_log(p) + q.rate * p.mean
    return infinite_where(p.low < 0, result) if isinstance(p, Uniform) else result


@register_kl(Beta, Normal)
@register_kl(ContinuousBernoulli, Normal)
@register_kl(Gumbel, Normal)
@register_kl(Laplace, Normal)
@register_kl(Pareto, Normal)
@register_kl(Exponential, Normal)
@register_kl(Gamma, Normal)
@register_kl(Uniform, Normal)
def _to_normal(p: Any, q: Normal) -> Tensor:
    squares = (p.variance + (p.mean - q.loc) ** 2) / (2 * q.variance)
    result = -p.entropy() + 0.5 * math.log(2 * math.pi) + q.scale.log() + squares
    # Without a second moment the integral has no finite value.
    return infinite_where(p.alpha <= 2, result) if isinstance(p, Pareto) else result


@register_kl(Beta, Uniform)
@register_kl(ContinuousBernoulli, Uniform)
def _to_uniform(p: Any, q: Uniform) -> Tensor:
    return infinite_where((q.low > 0) | (q.high < 1), -p.entropy() + (q.high - q.low).log())


@register_kl(Uniform, Pareto)
@register_kl(Pareto, Pareto)
def _to_pareto(p: Any, q: Pareto) -> Tensor:
    lowest = p.low if isinstance(p, Uniform) else p.scale
    log_q = q.alpha.log() + q.alpha * q.scale.log() - (q.alpha + 1) * _mean_log(p)
    return infinite_where(lowest < q.scale, -p.entropy() - log_q)


@register_kl(Beta, ContinuousBernoulli)
@register_kl(Uniform, ContinuousBernoulli)
@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _to_continuous_bernoulli(p: Any, q: ContinuousBernoulli) -> Tensor:
    # log q(x) = x logits + log q(0)
    result = -p.entropy() - p.mean * q.logits - q.log_prob(plait.zeros_like(q.probs))
    if isinstance(p, Uniform):
        return infinite_where((p.low < 0) | (p.high > 1), result)
    return result


@register_kl(Uniform, Beta)
def _uniform_beta(p: Uniform, q: Beta) -> Tensor:
    a, b = q.concentration1, q.concentration0
    mirrored = Uniform(1 - p.high, 1 - p.low, validate_args=False)
    normaliser = a.lgamma() + b.lgamma() - (a + b).lgamma()
    result = -p.entropy() + normaliser - (a - 1) * _mean_log(p) - (b - 1) * _mean_log(mirrored)
    return infinite_where((p.low < 0) | (p.high > 1), result)


@register_kl(Uniform, Gumbel)
def _uniform_gumbel(p: Uniform, q: Gumbel) -> Tensor:
    low, high = (p.low - q.loc) / q.scale, (p.high - q.loc) / q.scale
    mean_exp = ((-low).exp() - (-high).exp()) / (high - low)  # E[exp(-z)]
    return -p.entropy() + q.scale.log() + (low + high) / 2 + mean_exp


def _to_gumbel(p: Any, q: Gumbel, log_mean_exp: Tensor) -> Tensor:
    """`log_mean_exp`: log E[exp(-x / scale)]."""
    z = (p.mean - q.loc) / q.scale
    return -p.entropy() + q.scale.log() + z + (q.loc / q.scale + log_mean_exp).exp()


@register_kl(Exponential, Gumbel)
def _exponential_gumbel(p: Exponential, q: Gumbel) -> Tensor:
    return _to_gumbel(p, q, -(1 / (p.rate * q.scale)).log1p())


@register_kl(Gamma, Gumbel)
def _gamma_gumbel(p: Gamma, q: Gumbel) -> Tensor:
    return _to_gumbel(p, q, -p.concentration * (1 / (p.rate * q.scale)).log1p())


@register_kl(Normal, Gumbel)
def _normal_gumbel(p: Normal, q: Gumbel) -> Tensor:
    return _to_gumbel(p, q, -p.loc / q.scale + 0.5 * (p.scale / q.scale) ** 2)


@register_kl(Gumbel, Gumbel)
def _gumbel(p: Gumbel, q: Gumbel) -> Tensor:
    ratio = p.scale / q.scale
    return _to_gumbel(p, q, -p.loc / q.scale + (1 + ratio).lgamma())


@register_kl(Normal, Laplace)
def _normal_laplace(p: Normal, q: Laplace) -> Tensor:
    distance = p.loc - q.loc
    ratio = distance / p.scale
    # E|x - loc| of a normal variable (folded normal distribution).
    folded = math.sqrt(2 / math.pi) * p.scale * (-0.5 * ratio**2).exp()
    folded = folded + distance * plait.erf(ratio * math.sqrt(0.5))
    return -p.entropy() + (2 * q.scale).log() + folded / q.scale


@register_kl(Cauchy, Cauchy)
def _cauchy(p: Cauchy, q: Cauchy) -> Tensor:
    # Chyzak and Nielsen 2019.
    apart = (p.scale + q.scale) ** 2 + (p.loc - q.loc) ** 2
    return (apart / (4 * p.scale * q.scale)).log()


@register_kl(HalfCauchy, HalfCauchy)
def _half_cauchy(p: HalfCauchy, q: HalfCauchy) -> Tensor:
    return ((p.scale + q.scale) ** 2 / (4 * p.scale * q.scale)).log()


@register_kl(Weibull, Weibull)
def _weibull(p: Weibull, q: Weibull) -> Tensor:
    # Bauckhage 2013.
    a, b = p.concentration, q.concentration
    constants = a.log() - a * p.scale.log() - b.log() + b * q.scale.log()
    moment = (p.scale / q.scale) ** b * (b / a + 1).lgamma().exp()
    return constants + (a - b) * (p.scale.log() - _EULER / a) + moment - 1


@register_kl(HalfNormal, HalfNormal)
def _half_normal(p: HalfNormal, q: HalfNormal) -> Tensor:
    ratio = (p.scale / q.scale) ** 2
    return 0.5 * (ratio - 1 - ratio.log())


@register_kl(Poisson, Poisson)
def _poisson(p: Poisson, q: Poisson) -> Tensor:
    return plait.xlogy(p.rate, p.rate / q.rate) - (p.rate - q.rate)


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p: Bernoulli, q: Poisson) -> Tensor:
    return -p.entropy() - (p.probs * q.rate.log() - q.rate)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: TransformedDistribution, q: TransformedDistribution) -> Tensor:
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError("kl_divergence: distributions transformed in different ways")
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
@register_kl(MultivariateNormal, LowRankMultivariateNormal)
@register_kl(LowRankMultivariateNormal, MultivariateNormal)
def _low_rank(p: Any, q: Any) -> Tensor:
    full = (
        d
        if isinstance(d, MultivariateNormal)
        else MultivariateNormal(d.loc, covariance_matrix=d.covariance_matrix, validate_args=False)
        for d in (p, q)
    )
    return kl_divergence(*full)
