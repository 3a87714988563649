"""The profiler: recordings that follow a schedule."""

from __future__ import annotations

import enum
import json
import os
import socket
import sys
import threading
import time
import warnings
from typing import NamedTuple

from .. import _C
from ._events import EventList, FunctionEventAvg, build_events
from ._record_function import record_function
from ._trace import write_trace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any


class ProfilerActivity(enum.Enum):
    """What is recorded."""

    CPU = 0
    CUDA = 2


class ProfilerAction(enum.Enum):
    """What a schedule may ask for in a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


class _ExperimentalConfig(NamedTuple):
    """profile_all_threads: threads that `threading` starts while it records are recorded, too."""

    profile_all_threads: bool = False


def supported_activities() -> set[ProfilerActivity]:
    """CPU, and CUDA where there is a device."""
    import plait

    found = {ProfilerActivity.CPU}
    if plait.cuda.is_available():
        found.add(ProfilerActivity.CUDA)
    return found


def schedule(
    *, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0, skip_first_wait: int = 0
) -> Callable[[int], ProfilerAction]:
    """What to do in each step: after `skip_first` steps, `wait` steps without recording, `warmup` that are
    recorded and dropped, `active` that are kept; and again, `repeat` times in all (0: until the end).

    Args:
        skip_first_wait: not 0: the first cycle does not wait.

    >>> action = plait.profiler.schedule(wait=1, warmup=1, active=2, repeat=1)
    >>> [action(step).name for step in range(5)]
    ['NONE', 'WARMUP', 'RECORD', 'RECORD_AND_SAVE', 'NONE']
    """
    numbers = {
        "wait": wait, "warmup": warmup, "repeat": repeat, "skip_first": skip_first,
        "skip_first_wait": skip_first_wait,
    }  # fmt: skip
    for name, value in numbers.items():
        if value < 0:
            raise ValueError(f"schedule: {name} must be at least 0, got {value}")
    if active < 1:
        raise ValueError(f"schedule: active must be at least 1, got {active}")
    cycle = wait + warmup + active

    def action_of(step: int) -> ProfilerAction:
        if step < 0:
            raise ValueError(f"schedule: steps count from 0, got {step}")
        step -= skip_first
        if step < 0:
            return ProfilerAction.NONE
        if skip_first_wait:
            step += wait
        if repeat and step // cycle >= repeat:
            return ProfilerAction.NONE
        place = step % cycle
        if place < wait:
            return ProfilerAction.NONE
        if place < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD if place < cycle - 1 else ProfilerAction.RECORD_AND_SAVE

    return action_of


def _always(step: int) -> ProfilerAction:
    return ProfilerAction.RECORD


def tensorboard_trace_handler(
    dir_name: str, worker_name: str | None = None, use_gzip: bool = False
) -> Callable[[profile], None]:
    """For `on_trace_ready`: writes each trace to a file of its own in `dir_name`, which is made, under a name
    that TensorBoard's profiler plugin finds."""

    def write(prof: profile) -> None:
        os.makedirs(dir_name, exist_ok=True)
        worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        # Nanoseconds: two traces of one worker must not meet.
        name = f"{worker}.{time.time_ns()}.pt.trace.json" + (".gz" if use_gzip else "")
        prof.export_chrome_trace(os.path.join(dir_name, name))

    return write


class _OptimizerRanges:
    """Ranges around the steps of optimisers, by their hooks."""

    def __init__(self) -> None:
        from ..optim import optimizer

        self._open: dict[tuple[int, int], int] = {}
        self._handles = (
            optimizer.register_optimizer_step_pre_hook(self._begin),
            optimizer.register_optimizer_step_post_hook(self._end),
        )

    def _begin(self, opt: Any, args: Any, kwargs: Any) -> None:
        name = type(opt).__name__
        self._open[threading.get_ident(), id(opt)] = _C._open_range(f"Optimizer.step#{name}.step")

    def _end(self, opt: Any, args: Any, kwargs: Any) -> None:
        _C._close_range(self._open.pop((threading.get_ident(), id(opt)), 0))

    def remove(self) -> None:
        for handle in self._handles:
            handle.remove()


class _AllThreads:
    """Attaches threads that `threading` starts: at their first call, by the hook for profilers."""

    def __init__(self, recording: Any) -> None:
        self._before = threading.getprofile()

        def attach(frame: Any, event: str, arg: Any) -> None:
            sys.setprofile(self._before)
            recording.attach()

        threading.setprofile(attach)

    def remove(self) -> None:
        threading.setprofile(self._before)  # type: ignore[arg-type]


class _Session:
    """One recording, and what goes with it."""

    def __init__(self, options: dict[str, bool], all_threads: bool) -> None:
        self.clocks = _C._clocks()
        self.recording = _C._Recording.begin(**options)
        self._extras: list[Any] = []
        try:
            if options["device"]:
                _say_once(
                    self.recording.begin_trace(),
                    "profile: kernels are not traced, CUDA times are of whole ops, by events around them: ",
                )
            self._extras.append(_OptimizerRanges())
            if all_threads:
                self._extras.append(_AllThreads(self.recording))
        except BaseException:
            self.drop()
            raise

    def end(self) -> list[tuple]:
        """What devices did, where that was traced."""
        self._stop()
        activities, complaint = self.recording.end_trace()
        if complaint:
            warnings.warn(f"profile: of what the devices did, not all is known: {complaint}", stacklevel=5)
        return activities

    def drop(self) -> None:
        """Ends it without waiting for devices."""
        self._stop()
        self.recording.abandon_trace()

    def _stop(self) -> None:
        for extra in self._extras:
            extra.remove()
        self._extras = []
        self.recording.end()


_said: set[str] = set()


def _say_once(reason: str, what: str) -> None:
    """In the life of the process."""
    if reason and reason not in _said:
        _said.add(reason)
        warnings.warn(what + reason, stacklevel=6)


class profile:
    """Records what the program does: each op with its time, and on request shapes, memory and calls.

    Used in a `with`, or between `start()` and `stop()`. The thread that starts it is recorded, with the
    backwards that it calls.

    Args:
        activities: ProfilerActivity.CPU, ProfilerActivity.CUDA; None: what there is. CUDA: kernels, copies
            and fills, those of graphs' replays, too, by CUPTI (of a CUDA toolkit or the package
            nvidia-cuda-cupti); the program waits for its devices at the end. Where CUPTI is missing or
            refuses, a warning says why, and an op is timed as a whole by events on its stream: then the
            device's waits for the host are counted, kernels have no names, and graphs are not timed. Where
            there is no device, a warning says so and the columns are absent. Without CPU, only the work of
            devices is shown.
        schedule: from the number of a step to a ProfilerAction, as `schedule` makes one; `step()` counts.
            None: all is recorded, as one trace.
        on_trace_ready: called with the profile at the end of each trace.
        record_shapes: keep the shapes of inputs. They are no references to the tensors.
        profile_memory: keep every allocation of tensors' memory and every release, by the recorded thread.
        with_stack: keep the calls that led to each op.
        with_flops: count operations of products, convolutions, attention and arithmetic by their shapes.
        with_modules: taken, and without effect.
        acc_events: with a schedule, `events` and `key_averages` are of all traces, not of the last one.
        experimental_config: `_ExperimentalConfig(profile_all_threads=True)` records threads that `threading`
            starts meanwhile, too.

    Raises RuntimeError where the thread is being profiled already.

    >>> from plait.profiler import profile
    >>> x = plait.ones(10, 10, requires_grad=True)
    >>> with profile(record_shapes=True) as prof:
    ...     (x @ x).sum().backward()
    >>> {e.key: e.count for e in prof.key_averages() if "Backward" in e.key}
    {'SumBackward0': 1, 'MatmulBackward0': 1}
    >>> print(prof.key_averages().table(sort_by="self_cpu_time_total", row_limit=5))
    --...
    Self CPU time total: ...
    """

    def __init__(
        self,
        *,
        activities: Iterable[ProfilerActivity] | None = None,
        schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Callable[[profile], Any] | None = None,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_flops: bool = False,
        with_modules: bool = False,
        experimental_config: _ExperimentalConfig | None = None,
        acc_events: bool = False,
        execution_trace_observer: None = None,
        custom_trace_id_callback: Callable[[], str] | None = None,
        use_cuda: bool | None = None,
    ) -> None:
        if execution_trace_observer is not None:
            raise NotImplementedError("profile: there are no execution traces; use export_chrome_trace")
        available = supported_activities()
        wanted = available if activities is None else set(activities)
        if use_cuda is not None:  # the former way
            wanted = (wanted | {ProfilerActivity.CUDA}) if use_cuda else wanted - {ProfilerActivity.CUDA}
        for activity in wanted:
            if not isinstance(activity, ProfilerActivity):
                raise TypeError(
                    "profile: expected activities of ProfilerActivity.CPU and ProfilerActivity.CUDA, got "
                    f"{activity!r}"
                )
        if not wanted:
            raise ValueError("profile: expected at least one activity; leave it out to record what there is")
        if ProfilerActivity.CUDA in wanted and ProfilerActivity.CUDA not in available:
            warnings.warn(
                "profile: there is no CUDA device here, so no CUDA times are recorded; "
                "plait.cuda.is_available() is False",
                stacklevel=2,
            )
        self.activities = wanted
        self.schedule = _always if schedule is None else schedule
        self.record_steps = schedule is not None
        self.on_trace_ready = on_trace_ready
        self.record_shapes = record_shapes
        self.profile_memory = profile_memory
        self.with_stack = with_stack
        self.with_flops = with_flops
        self.with_modules = with_modules
        self.acc_events = acc_events
        self.experimental_config = experimental_config or _ExperimentalConfig()
        self.step_num = 0
        self.current_action = ProfilerAction.NONE
        self._trace_id = custom_trace_id_callback
        self._started = False
        self._session: _Session | None = None
        self._step_range = record_function("")
        self._finished: list[EventList] = []
        self._metadata: dict[str, Any] = {}
        self._preset: dict[str, Any] = {}

    # ---- the course of a profile

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *exc: Any) -> None:
        self.stop()

    def start(self) -> None:
        """Begins with step 0. Raises RuntimeError where it has begun."""
        if self._started:
            raise RuntimeError("profile: it has been started already; call stop() first")
        self._started = True
        self.current_action = self.schedule(self.step_num)
        try:
            if self.current_action is not ProfilerAction.NONE:
                self._begin()
        except BaseException:
            self._started = False
            raise
        self._begin_step()

    def stop(self) -> None:
        """Ends the profile. A trace that is under way is ready."""
        if not self._started:
            return
        self._end_step()
        self._started = False
        action, self.current_action = self.current_action, ProfilerAction.NONE
        if action in (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE):
            self._end()
            self._ready()
        else:
            self._drop()

    def step(self) -> None:
        """Says that a step has ended and the next one begins."""
        if not self._started:
            raise RuntimeError("profile: step() was called outside of the profile; call start() first")
        self._end_step()
        before = self.current_action
        self.step_num += 1
        self.current_action = now = self.schedule(self.step_num)
        recorded = (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)
        if before is ProfilerAction.RECORD_AND_SAVE:
            self._end()
            self._ready()
            if now is not ProfilerAction.NONE:
                self._begin()
        elif before is ProfilerAction.RECORD and now not in recorded:
            warnings.warn(
                "profile: the schedule goes from RECORD to "
                f"{now.name} without RECORD_AND_SAVE; the trace ends here",
                stacklevel=2,
            )
            self._end()
            if now is ProfilerAction.WARMUP:
                self._begin()
        elif before is ProfilerAction.WARMUP and now is not ProfilerAction.WARMUP:
            self._drop()
            if now in recorded:
                self._begin()
        elif before is ProfilerAction.NONE and now is not ProfilerAction.NONE:
            self._begin()
        self._begin_step()

    def _begin_step(self) -> None:
        if self.record_steps:
            self._step_range = record_function(f"ProfilerStep#{self.step_num}")
            self._step_range.__enter__()

    def _end_step(self) -> None:
        if self.record_steps:
            self._step_range.__exit__(None, None, None)

    def _begin(self) -> None:
        devices = ProfilerActivity.CUDA in self.activities and ProfilerActivity.CUDA in supported_activities()
        options = {
            "shapes": self.record_shapes or self.with_flops,
            "memory": self.profile_memory,
            "stack": self.with_stack,
            "device": devices,
        }
        self._session = _Session(options, self.experimental_config.profile_all_threads)
        self._metadata = {}

    def _drop(self) -> None:
        if self._session is not None:
            self._session.drop()
            self._session = None

    def _end(self) -> None:
        session, self._session = self._session, None
        if session is None:
            return
        activities = session.end()
        events = build_events(
            session.recording.events(),
            activities,
            session.clocks,
            record_shapes=self.record_shapes,
            profile_memory=self.profile_memory,
            with_flops=self.with_flops,
            cpu=ProfilerActivity.CPU in self.activities,
        )
        if not self.acc_events:
            self._finished.clear()
        self._finished.append(events)

    def _ready(self) -> None:
        if self.on_trace_ready is not None:
            self.on_trace_ready(self)

    # ---- what it found

    def events(self) -> EventList:
        """All events, in the order of their begin. Raises RuntimeError before a trace is ready."""
        if not self._finished:
            raise RuntimeError(
                "profile: nothing has been recorded yet; look at the events after the block or in "
                "on_trace_ready, and check that the schedule reaches RECORD_AND_SAVE"
            )
        if len(self._finished) == 1:
            return self._finished[0]
        merged = self._finished[-1]._like(e for events in self._finished for e in events)
        return merged

    def key_averages(
        self,
        group_by_input_shape: bool = False,
        group_by_stack_n: int = 0,
        group_by_overload_name: bool = False,
    ) -> EventList:
        """Sums over the events of a name. See EventList.key_averages."""
        return self.events().key_averages(group_by_input_shape, group_by_stack_n, group_by_overload_name)

    def total_average(self) -> FunctionEventAvg:
        """The sum over all events."""
        return self.events().total_average()

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds of all events on the CPU."""
        return self.events().self_cpu_time_total

    def export_chrome_trace(self, path: str) -> None:
        """Writes the last trace for chrome://tracing and https://ui.perfetto.dev; gzipped where the path ends
        in .gz."""
        self.events()
        write_trace(self._finished[-1], path, {**self._preset, **self._metadata, **self._id()})

    def export_stacks(self, path: str, metric: str = "self_cpu_time_total") -> None:
        """Writes calls and times for flame graph programs. Needs with_stack=True."""
        if not self.with_stack:
            raise RuntimeError("export_stacks: the calls were not recorded; make the profile with_stack=True")
        self.events().export_stacks(path, metric)

    def _id(self) -> dict[str, str]:
        return {} if self._trace_id is None else {"trace_id": self._trace_id()}

    def set_custom_trace_id_callback(self, callback: Callable[[], str]) -> None:
        """What gives each trace its id."""
        self._trace_id = callback

    def get_trace_id(self) -> str | None:
        """The id of a trace, where there is a callback for it."""
        return None if self._trace_id is None else self._trace_id()

    def add_metadata(self, key: str, value: str) -> None:
        """Puts a text into the trace file."""
        self._metadata[key] = value

    def add_metadata_json(self, key: str, value: str) -> None:
        """Puts a value, given as JSON, into the trace file."""
        self._metadata[key] = json.loads(value)

    def preset_metadata_json(self, key: str, value: str) -> None:
        """As add_metadata_json, for all traces of the profile."""
        self._preset[key] = json.loads(value)
