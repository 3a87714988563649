"""What values a parameter or a sample may take: `constraint.check(value)` says so, one answer for each event.

A constraint of one's own derives from Constraint. `transform_to(constraint)` and `biject_to(constraint)` give
functions of all real numbers to the values that a constraint allows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import plait
from plait import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Bound = Tensor | float

__all__ = [
    "Constraint",
    "MixtureSameFamilyConstraint",
    "boolean",
    "cat",
    "corr_cholesky",
    "dependent",
    "dependent_property",
    "greater_than",
    "greater_than_eq",
    "half_open_interval",
    "independent",
    "integer_interval",
    "interval",
    "is_dependent",
    "less_than",
    "lower_cholesky",
    "lower_triangular",
    "multinomial",
    "nonnegative",
    "nonnegative_integer",
    "one_hot",
    "positive",
    "positive_definite",
    "positive_integer",
    "positive_semidefinite",
    "real",
    "real_vector",
    "simplex",
    "square",
    "stack",
    "symmetric",
    "unit_interval",
]


class Constraint:
    """A set of values; `event_dim` trailing dimensions make one value.

    >>> plait.distributions.constraints.positive.check(plait.tensor([1.0, -1.0]))
    tensor([ True, False])
    """

    is_discrete = False
    event_dim = 0

    def check(self, value: Tensor) -> Tensor:
        """Is each value in the set? One answer for each event."""
        raise NotImplementedError(f"{type(self).__name__} has no check")

    def __repr__(self):
        return type(self).__name__.removeprefix("_")


def _is_whole(value: Tensor) -> Tensor:
    return value == value.floor() if value.is_floating_point() else value == value


def _all_of(answer: Tensor, count: int) -> Tensor:
    """True where the last `count` dimensions are."""
    return answer.flatten(answer.dim() - count).all(-1) if count else answer


class _Dependent(Constraint):
    """Stands where the constraint depends on other parameters. What is not known raises when asked for."""

    def __init__(self, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented):
        self._is_discrete, self._event_dim = is_discrete, event_dim

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        return self._known(self._is_discrete, "is_discrete")

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        return self._known(self._event_dim, "event_dim")

    def _known(self, value: Any, name: str) -> Any:
        if value is NotImplemented:
            raise NotImplementedError(f"constraints.dependent: {name} is known of instances only")
        return value

    def __call__(self, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented) -> _Dependent:
        """The same, where more is known."""
        return _Dependent(
            is_discrete=self._is_discrete if is_discrete is NotImplemented else is_discrete,
            event_dim=self._event_dim if event_dim is NotImplemented else event_dim,
        )

    def check(self, value: Tensor) -> Tensor:
        raise ValueError("constraints.dependent: only the constraint of an instance can check values")


def is_dependent(constraint: object) -> bool:
    """Does a constraint stand for one that depends on other parameters?"""
    return isinstance(constraint, _Dependent)


class _DependentProperty(property, _Dependent):
    """A property of a distribution that is its constraint; on the class it is a dependent constraint.

    >>> from plait.distributions import Uniform, constraints
    >>> constraints.is_dependent(Uniform.support), Uniform(0.0, 2.0).support
    (True, in [0.0, 2.0])
    """

    def __init__(
        self,
        fn: Callable[[Any], Any] | None = None,
        *,
        is_discrete: Any = NotImplemented,
        event_dim: Any = NotImplemented,
    ):
        property.__init__(self, fn)
        _Dependent.__init__(self, is_discrete=is_discrete, event_dim=event_dim)

    def __call__(self, fn: Callable[[Any], Any]) -> _DependentProperty:  # type: ignore[override]
        return _DependentProperty(fn, is_discrete=self._is_discrete, event_dim=self._event_dim)


class _IndependentConstraint(Constraint):
    """The base's, where `reinterpreted_batch_ndims` more dimensions make one event."""

    def __init__(self, base_constraint: Constraint, reinterpreted_batch_ndims: int):
        self.base_constraint, self.reinterpreted_batch_ndims = base_constraint, reinterpreted_batch_ndims

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        return self.base_constraint.is_discrete

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        return self.base_constraint.event_dim + self.reinterpreted_batch_ndims

    def check(self, value: Tensor) -> Tensor:
        if value.dim() < self.event_dim:
            raise ValueError(
                f"constraints.independent: expected a value of {self.event_dim} dimensions or more, got one "
                f"of shape {tuple(value.shape)}"
            )
        return _all_of(self.base_constraint.check(value), self.reinterpreted_batch_ndims)

    def __repr__(self):
        return repr(self.base_constraint)


class MixtureSameFamilyConstraint(Constraint):
    """What the components of a MixtureSameFamily allow, for each of them."""

    def __init__(self, base_constraint: Constraint):
        self.base_constraint = base_constraint

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        return self.base_constraint.is_discrete

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        return self.base_constraint.event_dim

    def check(self, value: Tensor) -> Tensor:
        """Is each value allowed by all components?"""
        return self.base_constraint.check(value.unsqueeze(value.dim() - self.event_dim)).all(-1)

    def __repr__(self):
        return repr(self.base_constraint)


class _Boolean(Constraint):
    is_discrete = True

    def check(self, value: Tensor) -> Tensor:
        return (value == 0) | (value == 1)

    def __repr__(self):
        return "0 or 1"


class _OneHot(Constraint):
    is_discrete = True
    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        return ((value == 0) | (value == 1)).all(-1) & (value.sum(-1) == 1)

    def __repr__(self):
        return "a one-hot vector"


class _Between(Constraint):
    """Two bounds."""

    def __init__(self, lower_bound: Bound, upper_bound: Bound):
        self.lower_bound, self.upper_bound = lower_bound, upper_bound


class _IntegerInterval(_Between):
    """Whole numbers from lower_bound to upper_bound, both included."""

    is_discrete = True

    def check(self, value: Tensor) -> Tensor:
        return _is_whole(value) & (value >= self.lower_bound) & (value <= self.upper_bound)

    def __repr__(self):
        return f"a whole number in [{self.lower_bound}, {self.upper_bound}]"


class _IntegerGreaterThan(Constraint):
    """Finite whole numbers of lower_bound or more."""

    is_discrete = True

    def __init__(self, lower_bound: Bound):
        self.lower_bound = lower_bound

    def check(self, value: Tensor) -> Tensor:
        return _is_whole(value) & (value >= self.lower_bound) & plait.isfinite(value)

    def __repr__(self):
        names = {0: "a non-negative whole number", 1: "a positive whole number"}
        if isinstance(self.lower_bound, int) and self.lower_bound in names:
            return names[self.lower_bound]
        return f"a whole number of {self.lower_bound} or greater"


class _Real(Constraint):
    def check(self, value: Tensor) -> Tensor:
        return value == value

    def __repr__(self):
        return "real (not NaN)"


class _GreaterThan(Constraint):
    """value > lower_bound."""

    def __init__(self, lower_bound: Bound):
        self.lower_bound = lower_bound

    def check(self, value: Tensor) -> Tensor:
        return value > self.lower_bound

    def __repr__(self):
        return "positive" if _is_number(self.lower_bound, 0) else f"greater than {self.lower_bound}"


class _GreaterThanEq(Constraint):
    """value >= lower_bound."""

    def __init__(self, lower_bound: Bound):
        self.lower_bound = lower_bound

    def check(self, value: Tensor) -> Tensor:
        return value >= self.lower_bound

    def __repr__(self):
        return "non-negative" if _is_number(self.lower_bound, 0) else f"{self.lower_bound} or greater"


class _LessThan(Constraint):
    """value < upper_bound."""

    def __init__(self, upper_bound: Bound):
        self.upper_bound = upper_bound

    def check(self, value: Tensor) -> Tensor:
        return value < self.upper_bound

    def __repr__(self):
        return f"less than {self.upper_bound}"


class _Interval(_Between):
    """lower_bound <= value <= upper_bound."""

    def check(self, value: Tensor) -> Tensor:
        return (value >= self.lower_bound) & (value <= self.upper_bound)

    def __repr__(self):
        if _is_number(self.lower_bound, 0) and _is_number(self.upper_bound, 1):
            return "in [0, 1]"
        return f"in [{self.lower_bound}, {self.upper_bound}]"


class _HalfOpenInterval(_Between):
    """lower_bound <= value < upper_bound."""

    def check(self, value: Tensor) -> Tensor:
        return (value >= self.lower_bound) & (value < self.upper_bound)

    def __repr__(self):
        return f"in [{self.lower_bound}, {self.upper_bound})"


class _Simplex(Constraint):
    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        return (value >= 0).all(-1) & ((value.sum(-1) - 1).abs() < 1e-6 * max(1, value.shape[-1]))

    def __repr__(self):
        return "non-negative with sum 1 over the last dimension"


class _Multinomial(Constraint):
    """Whole numbers whose sum over the last dimension is upper_bound or less."""

    is_discrete = True
    event_dim = 1

    def __init__(self, upper_bound: Tensor | int):
        self.upper_bound = upper_bound

    def check(self, value: Tensor) -> Tensor:
        return (_is_whole(value) & (value >= 0)).all(-1) & (value.sum(-1) <= self.upper_bound)

    def __repr__(self):
        return f"whole numbers with sum {self.upper_bound} or less over the last dimension"


class _Matrix(Constraint):
    event_dim = 2


class _LowerTriangular(_Matrix):
    def check(self, value: Tensor) -> Tensor:
        return _all_of(value.tril() == value, 2)

    def __repr__(self):
        return "a lower triangular matrix"


class _LowerCholesky(_Matrix):
    def check(self, value: Tensor) -> Tensor:
        return lower_triangular.check(value) & (value.diagonal(dim1=-2, dim2=-1) > 0).all(-1)

    def __repr__(self):
        return "a lower triangular matrix with positive diagonal"


class _CorrCholesky(_Matrix):
    def check(self, value: Tensor) -> Tensor:
        tolerance = plait.finfo(value.dtype).eps * value.size(-1) * 10
        lengths = plait.linalg.vector_norm(value.detach(), dim=-1)
        return lower_cholesky.check(value) & ((lengths - 1).abs() <= tolerance).all(-1)

    def __repr__(self):
        return "a lower triangular matrix with positive diagonal and rows of length 1"


class _Square(_Matrix):
    def check(self, value: Tensor) -> Tensor:
        return plait.full(
            value.shape[:-2], value.shape[-2] == value.shape[-1], dtype=plait.bool, device=value.device
        )

    def __repr__(self):
        return "a square matrix"


class _Symmetric(_Square):
    def check(self, value: Tensor) -> Tensor:
        if value.shape[-2] != value.shape[-1]:
            return super().check(value)
        return _all_of(plait.isclose(value, value.mT, atol=1e-6), 2)

    def __repr__(self):
        return "a symmetric matrix"


class _PositiveSemidefinite(_Symmetric):
    def check(self, value: Tensor) -> Tensor:
        symmetric_ones = super().check(value)
        if not symmetric_ones.all():
            return symmetric_ones
        return (plait.linalg.eigvalsh(value) >= 0).all(-1)

    def __repr__(self):
        return "a positive semi-definite matrix"


class _PositiveDefinite(_Symmetric):
    def check(self, value: Tensor) -> Tensor:
        symmetric_ones = super().check(value)
        if not symmetric_ones.all():
            return symmetric_ones
        return plait.linalg.cholesky_ex(value).info == 0

    def __repr__(self):
        return "a positive definite matrix"


class _Several(Constraint):
    """Constraints for parts of a tensor along `dim`."""

    def __init__(self, cseq: Sequence[Constraint], dim: int = 0):
        for constraint in cseq:
            if not isinstance(constraint, Constraint):
                raise TypeError(f"constraints: expected a list of Constraints, got one of {constraint!r}")
        self.cseq, self.dim = list(cseq), dim

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        return any(c.is_discrete for c in self.cseq)

    def __repr__(self):
        return f"{[*self.cseq]} along dimension {self.dim}"


class _Cat(_Several):
    """The parts of `lengths` along `dim`, each with a constraint of its own."""

    def __init__(self, cseq: Sequence[Constraint], dim: int = 0, lengths: Sequence[int] | None = None):
        super().__init__(cseq, dim)
        self.lengths = [1] * len(self.cseq) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.cseq):
            raise ValueError(
                f"constraints.cat: expected as many lengths as constraints, {len(self.cseq)}, got "
                f"{len(self.lengths)}"
            )

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        return max(c.event_dim for c in self.cseq)

    def check(self, value: Tensor) -> Tensor:
        parts = value.split(self.lengths, self.dim)
        return plait.cat([c.check(part) for c, part in zip(self.cseq, parts, strict=True)], self.dim)


class _Stack(_Several):
    """The entries along `dim`, each with a constraint of its own."""

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        largest = max(c.event_dim for c in self.cseq)
        return largest + 1 if self.dim + largest < 0 else largest

    def check(self, value: Tensor) -> Tensor:
        parts = value.unbind(self.dim)
        return plait.stack([c.check(part) for c, part in zip(self.cseq, parts, strict=True)], self.dim)


def _is_number(value: Any, number: float) -> bool:
    return not isinstance(value, Tensor) and value == number


dependent = _Dependent()
dependent_property = _DependentProperty
independent = _IndependentConstraint
boolean: Constraint = _Boolean()
one_hot: Constraint = _OneHot()
nonnegative_integer: Constraint = _IntegerGreaterThan(0)
positive_integer: Constraint = _IntegerGreaterThan(1)
integer_interval = _IntegerInterval
real: Constraint = _Real()
real_vector: Constraint = independent(real, 1)
positive: Constraint = _GreaterThan(0.0)
nonnegative: Constraint = _GreaterThanEq(0.0)
greater_than = _GreaterThan
greater_than_eq = _GreaterThanEq
less_than = _LessThan
multinomial = _Multinomial
unit_interval: Constraint = _Interval(0.0, 1.0)
interval = _Interval
half_open_interval = _HalfOpenInterval
simplex: Constraint = _Simplex()
lower_triangular: Constraint = _LowerTriangular()
lower_cholesky: Constraint = _LowerCholesky()
corr_cholesky: Constraint = _CorrCholesky()
square: Constraint = _Square()
symmetric: Constraint = _Symmetric()
positive_semidefinite: Constraint = _PositiveSemidefinite()
positive_definite: Constraint = _PositiveDefinite()
cat = _Cat
stack = _Stack
