"""Values that arrive later: what one thread sets, others wait for.

>>> f = plait.futures.Future()
>>> doubled = f.then(lambda done: 2 * done.value())
>>> f.set_result(21)
>>> doubled.wait()
42
"""

from __future__ import annotations

import concurrent.futures
from typing import Generic, TypeVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

__all__ = ["Future", "collect_all", "wait_all"]

T = TypeVar("T")
S = TypeVar("S")


class Future(Generic[T]):
    """A value that is not there yet. `devices` are those that it may have tensors on; plait needs no list."""

    def __init__(self, *, devices: Sequence[Any] | None = None):
        self._future: concurrent.futures.Future = concurrent.futures.Future()

    def done(self) -> bool:
        """Is the value, or an error in its place, there?"""
        return self._future.done()

    def wait(self) -> T:
        """The value, as soon as it is there. Raises the error that came in its place."""
        return self._future.result()

    def value(self) -> T:
        """The value. Raises RuntimeError where it is not there yet, and the error that came in its place."""
        if not self.done():
            raise RuntimeError("Future.value: the value is not there yet; use wait()")
        return self.wait()

    def set_result(self, result: T) -> None:
        """Gives the value. RuntimeError where there is one already."""
        self._settle("set_result", lambda: self._future.set_result(result))

    def set_exception(self, result: BaseException) -> None:
        """Gives an error in the place of the value: `wait` and `value` raise it."""
        if not isinstance(result, BaseException):
            raise TypeError(f"Future.set_exception: expected an exception, got {type(result).__name__}")
        self._settle("set_exception", lambda: self._future.set_exception(result))

    def _settle(self, who: str, how: Callable[[], None]) -> None:
        try:
            how()
        except concurrent.futures.InvalidStateError:
            raise RuntimeError(f"Future.{who}: the future has its result already") from None

    def add_done_callback(self, callback: Callable[[Future[T]], None]) -> None:
        """Calls `callback(self)` when the value is there, in the thread that sets it; at once where it is.
        What the callback raises is logged.
        """
        self._future.add_done_callback(lambda _: callback(self))

    def then(self, callback: Callable[[Future[T]], S]) -> Future[S]:
        """The future of what `callback(self)` will return, which is called when the value is there."""
        after: Future[S] = Future()

        def run(_: Any) -> None:
            try:
                result = callback(self)
            except BaseException as error:
                after.set_exception(error)
            else:
                after.set_result(result)

        self._future.add_done_callback(run)
        return after


def collect_all(futures: list[Future]) -> Future[list[Future]]:
    """A future of the list itself, which is there when all of them are, with or without errors.

    >>> a, b = plait.futures.Future(), plait.futures.Future()
    >>> both = plait.futures.collect_all([a, b])
    >>> a.set_result(1)
    >>> both.done()
    False
    >>> b.set_result(2)
    >>> [f.value() for f in both.wait()]
    [1, 2]
    """
    import threading

    all_done: Future[list[Future]] = Future()
    futures = list(futures)
    left, lock = len(futures), threading.Lock()

    def one_more(_: Any) -> None:
        nonlocal left
        with lock:
            left -= 1
            last = left == 0
        if last:
            all_done.set_result(futures)

    if not futures:
        all_done.set_result(futures)
    for future in futures:
        future.add_done_callback(one_more)
    return all_done


def wait_all(futures: list[Future]) -> list[Any]:
    """The values of all, as soon as the last is there. Raises the first error in the order of the list."""
    collect_all(futures).wait()
    return [future.value() for future in futures]
