"""The CPU as a device, for code that takes the module of any: when a call returns, its result is there."""

from __future__ import annotations

from . import amp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "Event",
    "Stream",
    "StreamContext",
    "amp",
    "current_device",
    "current_stream",
    "device_count",
    "is_available",
    "is_initialized",
    "set_device",
    "stream",
    "synchronize",
]


def is_available() -> bool:
    """Always."""
    return True


def is_initialized() -> bool:
    """Always."""
    return True


def device_count() -> int:
    """One: all cores together."""
    return 1


def current_device() -> str:
    """Its name."""
    return "cpu"


def set_device(device: Any) -> None:
    """Changes nothing."""


def synchronize(device: Any = None) -> None:
    """Returns at once: nothing is under way."""


class Event:
    """A moment that has been reached: nothing is under way."""

    def query(self) -> bool:
        """Has it been reached? Always."""
        return True

    def record(self, stream: Any = None) -> None:
        """Changes nothing."""

    def synchronize(self) -> None:
        """Returns at once."""

    def wait(self, stream: Any = None) -> None:
        """Returns at once."""


class Stream:
    """The order in which the CPU works, that of the program; for code that takes the stream of any device.

    >>> with plait.cpu.stream(plait.cpu.Stream()) as s:
    ...     plait.cpu.current_stream() is s
    True
    """

    def __init__(self, priority: int = -1) -> None:
        pass

    def wait_stream(self, stream: Any) -> None:
        """Returns at once."""

    def wait_event(self, event: Any) -> None:
        """Returns at once."""

    def record_event(self, event: Event | None = None) -> Event:
        """The event, or a new one."""
        return Event() if event is None else event

    def synchronize(self) -> None:
        """Returns at once."""


_streams = [Stream()]  # the innermost last


def current_stream(device: Any = None) -> Stream:
    """The stream of the innermost `stream` context."""
    return _streams[-1]


class StreamContext:
    """What `stream` returns: a context in which a stream is the current one. None changes nothing."""

    def __init__(self, stream: Stream | None) -> None:
        self.stream = stream

    def __enter__(self) -> Stream | None:
        _streams.append(_streams[-1] if self.stream is None else self.stream)
        return self.stream

    def __exit__(self, *error: object) -> None:
        _streams.pop()


def stream(stream: Stream | None) -> StreamContext:
    """A context in which a stream is the current one."""
    return StreamContext(stream)
