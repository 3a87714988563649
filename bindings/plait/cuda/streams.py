"""Streams and events: what runs in order, and what waits for what."""

from __future__ import annotations

from .. import _C
from ._devices import index_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_cuda = _C._cuda


class Stream:
    """A queue of kernels and copies of one device. Those of one stream run in order; those of several run as
    they come, unless one is told to wait for another.

    Streams come from a pool of 32 for each device and priority, one after the other, and are never destroyed:
    the 33rd is the first again. `priority`: 0, or negative to go first. Stream 0, the default, orders nothing
    but itself: the pool's streams do not wait for it.

    ```python
    side = plait.cuda.Stream()
    side.wait_stream(plait.cuda.current_stream())  # what x is made of
    with plait.cuda.stream(side):
        y = x @ x
    plait.cuda.current_stream().wait_stream(side)
    y.record_stream(plait.cuda.current_stream())  # y was allocated on `side`, and is used here
    ```
    """

    __slots__ = ("__weakref__", "_outer", "cuda_stream", "device_index")

    cuda_stream: int  # cudaStream_t, as a number
    device_index: int

    def __init__(self, device: Any = None, priority: int = 0):
        self.device_index = index_of("Stream", device)
        self.cuda_stream = _cuda.new_stream(self.device_index, priority)
        self._outer: list[tuple[int, int]] = []

    @classmethod
    def _from_handle(cls, device: int, handle: int) -> Stream:
        self = object.__new__(Stream)
        self.device_index, self.cuda_stream, self._outer = device, handle, []
        return self

    @property
    def device(self) -> _C.device:
        """The device of the stream."""
        return _C.device("cuda", self.device_index)

    @property
    def stream_id(self) -> int:
        """The handle again: what tells streams of a device apart."""
        return self.cuda_stream

    @property
    def priority(self) -> int:
        """0, or a negative number for streams that go first."""
        return _cuda.stream_priority(self.device_index, self.cuda_stream)

    @staticmethod
    def priority_range() -> tuple[int, int]:
        """The lowest and the highest priority of the current device: (0, -5)."""
        return _cuda.priority_range(_cuda.current_device())

    def synchronize(self) -> None:
        """Waits until the stream has done everything, and raises what kernels reported."""
        _cuda.synchronize_stream(self.device_index, self.cuda_stream)

    def query(self) -> bool:
        """Has the stream done everything?"""
        return _cuda.query_stream(self.device_index, self.cuda_stream)

    def record_event(self, event: Event | None = None) -> Event:
        """Records an event (a new one unless given) behind what the stream was given until now; returns
        it."""
        if event is None:
            event = Event()
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        """What the stream is given from now on waits for the event."""
        event.wait(self)

    def wait_stream(self, stream: Stream) -> None:
        """What this stream is given from now on waits for all that the other was given until now."""
        self.wait_event(stream.record_event())

    def __enter__(self) -> Stream:
        """Makes it the current stream of its device, and its device the current one."""
        device = _cuda.current_device()
        if device != self.device_index:
            _cuda.set_device(self.device_index)
        self._outer.append((device, _cuda.current_stream(self.device_index)))
        _cuda.set_stream(self.device_index, self.cuda_stream)
        return self

    def __exit__(self, *error: object) -> None:
        device, stream = self._outer.pop()
        _cuda.set_stream(self.device_index, stream)
        if device != self.device_index:
            _cuda.set_device(device)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Stream):
            return NotImplemented
        return (self.device_index, self.cuda_stream) == (other.device_index, other.cuda_stream)

    def __hash__(self) -> int:
        return hash((self.device_index, self.cuda_stream))

    def __repr__(self) -> str:
        return f"<plait.cuda.Stream device=cuda:{self.device_index} cuda_stream={self.cuda_stream:#x}>"


class ExternalStream(Stream):
    """A stream that another library made, by its handle (cudaStream_t as a number). It must outlive this
    object and what was given to it."""

    __slots__ = ()

    def __init__(self, stream_ptr: int, device: Any = None):
        self.device_index = index_of("ExternalStream", device)
        self.cuda_stream = int(stream_ptr)
        self._outer = []


class Event:
    """A mark in a stream, which other streams and the host can wait for.

    `enable_timing`: `elapsed_time` can be asked. `blocking`: `synchronize` sleeps rather than spins.
    `external`: in a captured graph the event is a node of its own, which work outside can wait for.

    ```python
    begin, end = plait.cuda.Event(enable_timing=True), plait.cuda.Event(enable_timing=True)
    begin.record()
    y = x @ x
    end.record()
    end.synchronize()
    print(begin.elapsed_time(end), "ms")
    ```
    """

    __slots__ = ("__weakref__", "_event")

    def __init__(
        self,
        enable_timing: bool = False,
        blocking: bool = False,
        interprocess: bool = False,
        external: bool = False,
    ):
        if interprocess:
            raise NotImplementedError(
                "Event: events cannot be shared between processes; synchronize and send a message instead"
            )
        self._event = _cuda._CudaEvent(enable_timing, blocking, external)

    @property
    def device(self) -> _C.device | None:
        """The device it was recorded on; None before."""
        index = self._event.device
        return None if index < 0 else _C.device("cuda", index)

    @property
    def cuda_event(self) -> int:
        """Its handle (cudaEvent_t as a number); 0 before it is recorded."""
        return self._event.handle

    def record(self, stream: Stream | None = None) -> None:
        """Records it behind what a stream (the current one unless given) was given until now."""
        if stream is None:
            stream = current_stream()
        self._event.record(stream.device_index, stream.cuda_stream)

    def wait(self, stream: Stream | None = None) -> None:
        """What a stream (the current one unless given) is given from now on waits for the event."""
        if stream is None:
            stream = current_stream()
        self._event.wait(stream.device_index, stream.cuda_stream)

    def query(self) -> bool:
        """Has it passed? True before it is recorded."""
        return self._event.query()

    def synchronize(self) -> None:
        """Waits until it has passed, and raises what kernels reported."""
        self._event.synchronize()

    def elapsed_time(self, end_event: Event) -> float:
        """Milliseconds from this event to another. Both must have been made with enable_timing=True, and have
        passed."""
        return self._event.elapsed_ms(end_event._event)

    def __repr__(self) -> str:
        state = f"{self.cuda_event:#x}" if self.cuda_event else "uninitialized"
        return f"<plait.cuda.Event {state}>"


def current_stream(device: Any = None) -> Stream:
    """The calling thread's current stream of a device."""
    index = index_of("current_stream", device)
    return Stream._from_handle(index, _cuda.current_stream(index))


def default_stream(device: Any = None) -> Stream:
    """The stream where a thread begins: CUDA's null stream."""
    return Stream._from_handle(index_of("default_stream", device), 0)


def set_stream(stream: Stream | None) -> None:
    """Makes a stream the calling thread's current one, and its device the current device; None changes
    nothing. `with plait.cuda.stream(s)` does it for a while."""
    if stream is None:
        return
    _cuda.set_device(stream.device_index)
    _cuda.set_stream(stream.device_index, stream.cuda_stream)


class StreamContext:
    """What `stream(s)` returns: the current stream for the length of a `with`; None changes nothing."""

    def __init__(self, stream: Stream | None):
        self.stream = stream

    def __enter__(self) -> None:
        if self.stream is not None:
            self.stream.__enter__()

    def __exit__(self, *error: object) -> None:
        if self.stream is not None:
            self.stream.__exit__(*error)


def stream(stream: Stream | None) -> StreamContext:
    """The current stream for the length of a `with`: kernels and allocations go there."""
    return StreamContext(stream)
