"""The von Mises distribution of angles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import plait
from plait import Tensor

from . import constraints
from .distribution import Distribution
from .utils import batch_of, broadcast_all

__all__ = ["VonMises"]


class VonMises(Distribution):
    """Angles in [-pi, pi) with density proportional to exp(concentration cos(x - loc)). Samples are made by
    the method of Best and Fisher (1979).

    >>> plait.distributions.VonMises(plait.tensor(0.0), plait.tensor(2.0)).log_prob(plait.tensor(0.0))
    tensor(-0.6619)
    """

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real

    def __init__(
        self, loc: Tensor | float, concentration: Tensor | float, validate_args: bool | None = None
    ):
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(batch_of((loc, concentration), self.loc), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """The mean direction."""
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        """The circular variance, 1 - I1(concentration) / I0(concentration)."""
        return 1 - plait.special.i1e(self.concentration) / plait.special.i0e(self.concentration)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> VonMises:
        shape = tuple(batch_shape)
        loc, concentration = self.loc.expand(shape), self.concentration.expand(shape)
        return self._expanded(shape, _instance, loc=loc, concentration=concentration)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with plait.no_grad():
            shape = self._extended_shape(sample_shape)
            loc = self.loc.expand(shape).to(plait.float64)
            kappa = self.concentration.expand(shape).to(plait.float64).reshape(-1)
            tau = 1 + (1 + 4 * kappa**2).sqrt()
            rho = (tau - (2 * tau).sqrt()) / (2 * kappa)
            # For small concentrations 1 / kappa is the first term of a series, without cancellation.
            r = plait.where(kappa < 1e-5, 1 / kappa + kappa, (1 + rho**2) / (2 * rho))
            angle = plait.full_like(kappa, float("nan"))
            left = (kappa == kappa).nonzero().reshape(-1)
            while left.numel():
                u = plait.rand((3, left.numel()), dtype=plait.float64, device=kappa.device)
                z = (math.pi * u[0]).cos()
                f = (1 + r[left] * z) / (r[left] + z)
                c = kappa[left] * (r[left] - f)
                accepted = (c * (2 - c) - u[1] > 0) | ((c / u[1]).log() + 1 - c >= 0)
                drawn = (u[2] - 0.5).sign() * f.clamp(-1, 1).acos()
                angle[left[accepted]] = drawn[accepted]
                left = left[~accepted]
            turned = (angle.reshape(shape) + loc + math.pi) % (2 * math.pi) - math.pi
            return turned.to(self.loc.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        # I0 grows as its argument's exponential: i0e is without that.
        normaliser = math.log(2 * math.pi) + plait.special.i0e(self.concentration).log()
        return self.concentration * ((value - self.loc).cos() - 1) - normaliser
