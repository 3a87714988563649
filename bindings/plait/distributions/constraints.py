"""What values a parameter or a sample may take: `constraint.check(value)` says so, elementwise."""

from __future__ import annotations

from plait import Tensor, isfinite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Constraint",
    "boolean",
    "greater_than",
    "greater_than_eq",
    "half_open_interval",
    "independent",
    "integer_interval",
    "interval",
    "nonnegative",
    "nonnegative_integer",
    "one_hot",
    "positive",
    "real",
    "real_vector",
    "simplex",
    "unit_interval",
]


class Constraint:
    """A set of values; `event_dim` trailing dimensions make one value.

    >>> plait.distributions.constraints.positive.check(plait.tensor([1.0, -1.0]))
    tensor([ True, False])
    """

    def __init__(
        self,
        name: str,
        check: Callable[[Tensor], Tensor],
        event_dim: int = 0,
        is_discrete: bool = False,
    ):
        self._name, self._check = name, check
        self.event_dim, self.is_discrete = event_dim, is_discrete

    def check(self, value: Tensor) -> Tensor:
        """Is each value in the set? One answer for each event."""
        return self._check(value)

    def __repr__(self):
        return self._name


def _is_whole(value: Tensor) -> Tensor:
    return value == value.floor() if value.is_floating_point() else value == value


def interval(lower: Tensor | float, upper: Tensor | float) -> Constraint:
    """lower <= value <= upper."""
    return Constraint(f"in [{lower}, {upper}]", lambda v: (v >= lower) & (v <= upper))


def half_open_interval(lower: Tensor | float, upper: Tensor | float) -> Constraint:
    """lower <= value < upper."""
    return Constraint(f"in [{lower}, {upper})", lambda v: (v >= lower) & (v < upper))


def integer_interval(lower: Tensor | int, upper: Tensor | int) -> Constraint:
    """Whole numbers from lower to upper, both included."""
    text = f"a whole number in [{lower}, {upper}]"
    return Constraint(text, lambda v: _is_whole(v) & (v >= lower) & (v <= upper), is_discrete=True)


def greater_than(lower: Tensor | float) -> Constraint:
    """value > lower."""
    return Constraint(f"greater than {lower}", lambda v: v > lower)


def greater_than_eq(lower: Tensor | float) -> Constraint:
    """value >= lower."""
    return Constraint(f"{lower} or greater", lambda v: v >= lower)


def independent(base: Constraint, count: int) -> Constraint:
    """The base's, where `count` more dimensions make one event."""

    def check(value: Tensor) -> Tensor:
        answer = base.check(value)
        return answer.flatten(answer.dim() - count).all(-1) if count else answer

    return Constraint(repr(base), check, base.event_dim + count, base.is_discrete)


real = Constraint("real (not NaN)", lambda v: v == v)
real_vector = independent(real, 1)
boolean = Constraint("0 or 1", lambda v: (v == 0) | (v == 1), is_discrete=True)
positive = Constraint("positive", lambda v: v > 0)
nonnegative = Constraint("non-negative", lambda v: v >= 0)
unit_interval = Constraint("in [0, 1]", lambda v: (v >= 0) & (v <= 1))
nonnegative_integer = Constraint(
    "a non-negative whole number", lambda v: _is_whole(v) & (v >= 0) & isfinite(v), is_discrete=True
)
one_hot = Constraint(
    "a one-hot vector",
    lambda v: ((v == 0) | (v == 1)).all(-1) & (v.sum(-1) == 1),
    event_dim=1,
    is_discrete=True,
)
simplex = Constraint(
    "non-negative with sum 1 over the last dimension",
    lambda v: (v >= 0).all(-1) & ((v.sum(-1) - 1).abs() < 1e-6 * max(1, v.shape[-1])),
    event_dim=1,
)
