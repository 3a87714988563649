"""Probability distributions: sampling, densities, entropies, divergences, with gradients.

`sample()` draws without recording, `rsample()` draws so that gradients reach the parameters where the
distribution can be reparameterised (`has_rsample`).

>>> p = plait.distributions.Normal(plait.tensor([0.0, 1.0]), 1.0)
>>> p.log_prob(plait.tensor([0.0, 1.0]))
tensor([-0.9189, -0.9189])
>>> p.sample((3,)).shape
plait.Size([3, 2])
"""

from . import constraints
from .bernoulli import Bernoulli
from .beta import Beta
from .binomial import Binomial
from .categorical import Categorical
from .dirichlet import Dirichlet
from .distribution import Distribution
from .exponential import Exponential
from .gamma import Gamma
from .geometric import Geometric
from .independent import Independent
from .kl import kl_divergence, register_kl
from .laplace import Laplace
from .log_normal import LogNormal
from .normal import Normal
from .one_hot_categorical import OneHotCategorical
from .uniform import Uniform

__all__ = [
    "Bernoulli",
    "Beta",
    "Binomial",
    "Categorical",
    "Dirichlet",
    "Distribution",
    "Exponential",
    "Gamma",
    "Geometric",
    "Independent",
    "Laplace",
    "LogNormal",
    "Normal",
    "OneHotCategorical",
    "Uniform",
    "constraints",
    "kl_divergence",
    "register_kl",
]
