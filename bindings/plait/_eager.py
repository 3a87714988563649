"""What other libraries compile, plait runs: `compile` returns its argument."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def compile(
    model: Callable | None = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: str | Callable = "inductor",
    mode: str | None = None,
    options: dict | None = None,
    disable: bool = False,
    name: str | None = None,
    recompile_limit: int | None = None,
    isolate_recompiles: bool = False,
    shapes_spec: Any = None,
) -> Any:
    """The model or function as it is: plait is eager, and has no compiler to hand it to. As a decorator with
    options too. The options are accepted and have no effect.

    >>> @plait.compile(mode="max-autotune")
    ... def double(x):
    ...     return 2 * x
    >>> double(plait.ones(2))
    tensor([2., 2.])
    """
    if model is None:
        return compile
    if not callable(model):
        raise TypeError(f"compile: expected a module or function, got {type(model).__name__}")
    return model


def _assert(condition: Any, message: str) -> None:
    """An assertion as a function."""
    assert condition, message


def cond(pred: Any, true_fn: Callable, false_fn: Callable, operands: Any = ()) -> Any:
    """true_fn(*operands) where `pred`, a bool or a tensor of one element, is true, else false_fn(*operands).
    The other one is not called.

    >>> plait.cond(plait.tensor(True), lambda x: x + 1, lambda x: x - 1, (plait.ones(2),))
    tensor([2., 2.])
    """
    for name, function in (("true_fn", true_fn), ("false_fn", false_fn)):
        if not callable(function):
            raise TypeError(f"cond: expected {name} to be callable, got {type(function).__name__}")
    if not isinstance(operands, (tuple, list)):
        raise TypeError(f"cond: expected operands as a tuple or list, got {type(operands).__name__}")
    return (true_fn if bool(pred) else false_fn)(*operands)
