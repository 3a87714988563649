"""Calls between processes that have been started: what one waits for."""

from __future__ import annotations

from ..futures import Future
from ._groups import DistBackendError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["Work"]


class _WorkFuture(Future):
    """The tensors of a call, once it is done. Nothing runs before somebody waits: neither do callbacks."""

    def __init__(self, work: Work):
        super().__init__()
        self._work = work

    def _fulfil(self) -> None:
        if super().done():
            return
        try:
            self._work.wait()
        except BaseException as error:
            self.set_exception(error)
        else:
            self.set_result(self._work.result())

    def done(self) -> bool:
        """Has the call ended?"""
        return super().done() or self._work.is_completed()

    def wait(self) -> Any:
        """The tensors, once they are there."""
        self._fulfil()
        return super().wait()

    def value(self) -> Any:
        """The tensors, which are there."""
        if self.done():
            self._fulfil()
        return super().value()

    def then(self, callback: Callable[[Future], Any]) -> Future:
        """The future of what `callback(self)` returns, which is called when it is waited for."""
        return _Then(self, callback)


class _Then(Future):
    def __init__(self, before: Future, callback: Callable[[Future], Any]):
        super().__init__()
        self._before, self._callback = before, callback

    def done(self) -> bool:
        """Is the value there, or can it be made without waiting?"""
        return super().done() or self._before.done()

    def wait(self) -> Any:
        """The value, once it is there."""
        if not super().done():
            try:
                self._before.wait()
                self.set_result(self._callback(self._before))
            except BaseException as error:
                self.set_exception(error)
        return super().wait()

    def value(self) -> Any:
        """The value, which is there."""
        return self.wait() if self.done() else super().value()

    def then(self, callback: Callable[[Future], Any]) -> Future:
        """The future of what `callback(self)` returns, which is called when it is waited for."""
        return _Then(self, callback)


class Work:
    """A call between processes that has been started. Its tensors are not to be touched before `wait`.

    On CUDA `wait` makes the current stream wait, not the host.
    """

    def __init__(
        self, job: Any, tensors: list[Any], finish: Callable[[], None] | None = None, ranks: Any = None
    ):
        self._job, self._tensors, self._finish, self._ranks = job, tensors, finish, ranks

    def wait(self, timeout: Any = None) -> bool:
        """Waits until the result is there; True. Raises DistBackendError for what went wrong, or after the
        timeout (a timedelta)."""
        if self._job is not None:
            try:
                self._job.wait(None if timeout is None else timeout.total_seconds())
            except RuntimeError as error:
                raise translated(error) from None
        if self._finish is not None:
            finish, self._finish = self._finish, None
            finish()
        return True

    synchronize = block_current_stream = wait

    def is_completed(self) -> bool:
        """Has it ended, well or not? Never waits."""
        return self._job is None or self._job.is_completed()

    def is_success(self) -> bool:
        """Has it ended well?"""
        return self._job is None or (self._job.is_completed() and self._job.failure() is None)

    def exception(self) -> DistBackendError | None:
        """What went wrong, of one that has ended."""
        why = self._job.failure() if self._job is not None else None
        return None if why is None else DistBackendError(why)

    def result(self) -> list[Any]:
        """The tensors."""
        return self._tensors

    def source_rank(self) -> int:
        """Of one received from any rank, whose it was."""
        source = self._job.source() if self._job is not None else -1
        return source if source < 0 or self._ranks is None else self._ranks[source]

    def get_future(self) -> Future:
        """A future that has the tensors."""
        return _WorkFuture(self)


def translated(error: RuntimeError) -> RuntimeError:
    """The error of the compiled part as the one of PyTorch's name; others as they are."""
    return DistBackendError(str(error)) if type(error) is RuntimeError else error
