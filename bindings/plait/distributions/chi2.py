"""The chi-squared distribution."""

from __future__ import annotations

from plait import Tensor

from . import constraints
from .gamma import Gamma

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["Chi2"]


class Chi2(Gamma):
    """The sum of the squares of `df` standard normal variables: Gamma(df / 2, 1 / 2).

    >>> plait.distributions.Chi2(plait.tensor(3.0)).mean
    tensor(3.)
    """

    arg_constraints = {"df": constraints.positive}

    def __init__(self, df: Tensor | float, validate_args: bool | None = None):
        super().__init__(0.5 * df, 0.5, validate_args=validate_args)

    @property
    def df(self) -> Tensor:
        """The number of variables."""
        return self.concentration * 2

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Chi2:
        shape = tuple(batch_shape)
        given = {"concentration": self.concentration.expand(shape), "rate": self.rate.expand(shape)}
        return self._expanded(shape, _instance, **given)
