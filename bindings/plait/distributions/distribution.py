"""Distribution: what all distributions share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plait
from plait import Size, Tensor

from . import constraints
from .constraints import Constraint

__all__ = ["Distribution", "ExponentialFamily"]


class Distribution:
    """Base of the distributions: `batch_shape` independent ones, each over values of `event_shape`.

    A subclass says what its parameters must be (`arg_constraints`) and what its values are (`support`);
    with `validate_args` (the default) both are checked, and ValueError names what does not fit.
    """

    arg_constraints: dict[str, Constraint] = {}
    has_rsample = False
    has_enumerate_support = False
    _validate_args = True

    def __init__(
        self,
        batch_shape: Sequence[int] = (),
        event_shape: Sequence[int] = (),
        validate_args: bool | None = None,
    ):
        super().__init__()
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            for name, constraint in self.arg_constraints.items():
                value = self.__dict__.get(name)
                if value is None and isinstance(getattr(type(self), name, None), property):
                    value = getattr(self, name, None)  # a parameter that follows from others
                if value is None or constraints.is_dependent(constraint):
                    continue
                if not constraint.check(value).all():
                    raise ValueError(
                        f"{type(self).__name__}: expected parameter {name} to be {constraint}, got {value} "
                        f"of shape {tuple(value.shape)}; pass validate_args=False to skip the check"
                    )

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether distributions made from now on check their arguments."""
        if value not in (True, False):
            raise ValueError(f"set_default_validate_args: expected True or False, got {value!r}")
        Distribution._validate_args = value

    @property
    def batch_shape(self) -> Size:
        """The shape of the batch of distributions."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one value."""
        return self._event_shape

    @property
    def support(self) -> Constraint:
        """What values there are."""
        return self._lacks("support")

    @property
    def mean(self) -> Tensor:
        """The expected value."""
        return self._lacks("mean")

    @property
    def mode(self) -> Tensor:
        """The most probable value."""
        return self._lacks("mode")

    @property
    def variance(self) -> Tensor:
        """The variance."""
        return self._lacks("variance")

    @property
    def stddev(self) -> Tensor:
        """The standard deviation."""
        return self.variance.sqrt()

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """The same distributions, expanded to a larger batch_shape; memory is shared."""
        return self._lacks("expand")

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws values of shape sample_shape + batch_shape + event_shape, without gradients."""
        with plait.no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws values as differentiable functions of the parameters."""
        raise NotImplementedError(
            f"{type(self).__name__}.rsample: samples cannot be differentiated with respect to the "
            "parameters; use sample(), and log_prob() for a score-function gradient"
        )

    def sample_n(self, n: int) -> Tensor:
        """n samples; the old name of sample((n,))."""
        return self.sample((n,))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density or probability of values."""
        return self._lacks("log_prob")

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of values up to `value`."""
        return self._lacks("cdf")

    def icdf(self, value: Tensor) -> Tensor:
        """The inverse of cdf."""
        return self._lacks("icdf")

    def entropy(self) -> Tensor:
        """The entropy, in nats."""
        return self._lacks("entropy")

    def perplexity(self) -> Tensor:
        """exp(entropy)."""
        return self.entropy().exp()

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values of a discrete distribution, along a new first dimension."""
        return self._lacks("enumerate_support")

    def _lacks(self, what: str) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no {what}")

    def _extended_shape(self, sample_shape: Sequence[int] = ()) -> tuple[int, ...]:
        return (*sample_shape, *self._batch_shape, *self._event_shape)

    def _expanded(self, batch_shape: Sequence[int], _instance: Any, **parameters: Tensor | None) -> Any:
        """A copy with other parameters; those left None stay away."""
        new = type(self).__new__(type(self)) if _instance is None else _instance
        for name, value in parameters.items():
            if value is not None:
                setattr(new, name, value)
        Distribution.__init__(new, batch_shape, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def _get_checked_instance(self, cls: type, _instance: Any = None) -> Any:
        """What `expand` of a class fills: `_instance`, or an empty object of the type of this one, whose
        __init__ must be that of `cls`.
        """
        if _instance is None and type(self).__init__ is not cls.__init__:  # type: ignore[misc]
            raise NotImplementedError(
                f"{type(self).__name__}.expand: a class with an __init__ of its own needs an expand, too"
            )
        return type(self).__new__(type(self)) if _instance is None else _instance

    def _validate_sample(self, value: Tensor) -> None:
        if not self._validate_args:
            return
        who = f"{type(self).__name__}.log_prob"
        if not isinstance(value, Tensor):
            raise ValueError(f"{who}: expected a Tensor, got {type(value).__name__}; use plait.tensor(value)")
        count = len(self._event_shape)
        if tuple(value.shape[value.dim() - count :]) != tuple(self._event_shape) or value.dim() < count:
            raise ValueError(
                f"{who}: the last dimensions of the value, of shape {tuple(value.shape)}, should be "
                f"event_shape {tuple(self._event_shape)}"
            )
        try:
            plait.broadcast_shapes(tuple(value.shape), self._extended_shape())
        except RuntimeError as error:
            raise ValueError(
                f"{who}: the value of shape {tuple(value.shape)} does not broadcast with batch_shape + "
                f"event_shape {self._extended_shape()}"
            ) from error
        try:
            support = self.support
        except NotImplementedError:  # of a class that does not say
            return
        if not support.check(value).all():
            raise ValueError(
                f"{who}: expected the value to be in the support ({support}), got {value}; "
                "pass validate_args=False to skip the check"
            )

    def __repr__(self):
        shown = []
        for name in self.arg_constraints:
            value = self.__dict__.get(name)
            if value is not None:
                shown.append(f"{name}: {value if value.numel() == 1 else tuple(value.shape)}")
        return f"{type(self).__name__}({', '.join(shown)})"


class ExponentialFamily(Distribution):
    """A base for distributions of an exponential family with mean carrier `_mean_carrier_measure`, which give
    `_natural_params` and `_log_normalizer(*natural_params)`: the entropy follows from the normaliser and its
    gradient.
    """

    _mean_carrier_measure: float | Tensor = 0.0

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return self._lacks("_natural_params")

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        return self._lacks("_log_normalizer")

    def entropy(self) -> Tensor:
        parameters = [p.detach().requires_grad_() for p in self._natural_params]
        normaliser = self._log_normalizer(*parameters)
        gradients = plait.autograd.grad(normaliser.sum(), parameters, create_graph=True)
        result = normaliser - self._mean_carrier_measure
        for parameter, gradient in zip(parameters, gradients, strict=True):
            inner = (parameter * gradient).reshape((*self._batch_shape, -1))
            result = result - inner.sum(-1)
        return result
