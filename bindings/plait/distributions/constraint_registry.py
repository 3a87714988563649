"""Functions of all real numbers to what a constraint allows: for parameters that an optimiser or a sampler
moves freely.

>>> from plait.distributions import Gamma, transform_to
>>> rate = transform_to(Gamma.arg_constraints["rate"])(plait.tensor([-1.0, 0.0]))
>>> rate
tensor([0.3679, 1.0000])
"""

from __future__ import annotations

from functools import partial

from . import constraints, transforms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .constraints import Constraint
    from .transforms import Transform

__all__ = ["ConstraintRegistry", "biject_to", "transform_to"]


class ConstraintRegistry:
    """A table of transforms by the type of a constraint.

    >>> from plait.distributions import constraints, transforms
    >>> table = ConstraintRegistry()
    >>> @table.register(constraints.positive)
    ... def _(constraint):
    ...     return transforms.SoftplusTransform()
    >>> table(constraints.positive)
    SoftplusTransform()
    """

    def __init__(self):
        self._registry: dict[type, Callable[[Any], Transform]] = {}

    def register(self, constraint: Any, factory: Callable[[Any], Transform] | None = None) -> Any:
        """Sets the function that makes the transform for constraints of one type; `constraint` is the type or
        an instance. Without `factory` it is a decorator. Raises TypeError for another kind of argument.
        """
        if factory is None:
            return lambda made: self.register(constraint, made)
        kind = type(constraint) if isinstance(constraint, constraints.Constraint) else constraint
        if not isinstance(kind, type) or not issubclass(kind, constraints.Constraint):
            raise TypeError(
                f"ConstraintRegistry.register: expected a Constraint or a type of them, got {constraint!r}"
            )
        self._registry[kind] = factory
        return factory

    def __call__(self, constraint: Constraint) -> Transform:
        """The transform to a constraint's values. Raises NotImplementedError where there is none."""
        factory = self._registry.get(type(constraint))
        if factory is None:
            raise NotImplementedError(
                f"no transform is known for constraints of the type {type(constraint).__name__} "
                f"({constraint!r}); add one with register"
            )
        return factory(constraint)


biject_to = ConstraintRegistry()
"""Gives invertible transforms, whose log_abs_det_jacobian is known: for densities."""

transform_to = ConstraintRegistry()
"""Gives transforms that need not be invertible: for optimisers."""


def _for_both(*kinds: Any) -> Callable[[Callable[[Any, Any], Transform]], None]:
    """Registers a function of (registry, constraint) in both tables."""

    def decorate(factory: Callable[[Any, Any], Transform]) -> None:
        for kind in kinds:
            for table in (biject_to, transform_to):
                table.register(kind, partial(factory, table))

    return decorate


@_for_both(constraints.real)
def _real(table: Any, constraint: Any) -> Transform:
    return transforms.identity_transform


@_for_both(constraints.independent)
def _independent(table: Any, constraint: Any) -> Transform:
    return transforms.IndependentTransform(
        table(constraint.base_constraint), constraint.reinterpreted_batch_ndims
    )


@_for_both(constraints.greater_than, constraints.greater_than_eq)
def _greater(table: Any, constraint: Any) -> Transform:
    if constraints._is_number(constraint.lower_bound, 0):
        return transforms.ExpTransform()
    shift = transforms.AffineTransform(constraint.lower_bound, 1)
    return transforms.ComposeTransform([transforms.ExpTransform(), shift])


@_for_both(constraints.less_than)
def _less(table: Any, constraint: Any) -> Transform:
    turn = transforms.AffineTransform(constraint.upper_bound, -1)
    return transforms.ComposeTransform([transforms.ExpTransform(), turn])


@_for_both(constraints.interval, constraints.half_open_interval)
def _interval(table: Any, constraint: Any) -> Transform:
    lower, upper = constraint.lower_bound, constraint.upper_bound
    if constraints._is_number(lower, 0) and constraints._is_number(upper, 1):
        return transforms.SigmoidTransform()
    return transforms.ComposeTransform(
        [transforms.SigmoidTransform(), transforms.AffineTransform(lower, upper - lower)]
    )


@_for_both(constraints.corr_cholesky)
def _corr_cholesky(table: Any, constraint: Any) -> Transform:
    return transforms.CorrCholeskyTransform()


@_for_both(constraints.cat)
def _cat(table: Any, constraint: Any) -> Transform:
    parts = [table(c) for c in constraint.cseq]
    return transforms.CatTransform(parts, constraint.dim, constraint.lengths)


@_for_both(constraints.stack)
def _stack(table: Any, constraint: Any) -> Transform:
    return transforms.StackTransform([table(c) for c in constraint.cseq], constraint.dim)


@biject_to.register(constraints.simplex)
def _simplex(constraint: Any) -> Transform:
    return transforms.StickBreakingTransform()


@transform_to.register(constraints.simplex)
def _softmax(constraint: Any) -> Transform:
    return transforms.SoftmaxTransform()


@transform_to.register(constraints.lower_cholesky)
def _lower_cholesky(constraint: Any) -> Transform:
    return transforms.LowerCholeskyTransform()


@transform_to.register(constraints.positive_definite)
@transform_to.register(constraints.positive_semidefinite)
def _positive_definite(constraint: Any) -> Transform:
    return transforms.PositiveDefiniteTransform()
