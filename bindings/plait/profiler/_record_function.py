"""Ranges of a program with a name."""

from __future__ import annotations

import functools

from .. import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class record_function:
    """Names a range of the program in the profiles that are under way: a `with`, or a function as decorator.

    Without a profile it costs less than a microsecond.

    Args:
        name: what the profile shows.
        args: shown behind the name, where given.

    >>> with plait.profiler.profile() as prof:
    ...     with plait.profiler.record_function("loss"):
    ...         x = plait.ones(2).sum()
    >>> [event.count for event in prof.key_averages() if event.key == "loss"]
    [1]
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        if not isinstance(name, str):
            raise TypeError(f"record_function: expected a str as name, got {type(name).__name__}")
        self.name = name
        self.args = args
        self._open = 0

    def __enter__(self) -> record_function:
        self._open = _C._open_range(self.name if self.args is None else f"{self.name} {self.args}")
        return self

    def __exit__(self, *exc: Any) -> None:
        _C._close_range(self._open)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def named(*args: Any, **kwargs: Any) -> Any:
            with type(self)(self.name, self.args):  # a fresh one: the function may call itself
                return function(*args, **kwargs)

        return named
