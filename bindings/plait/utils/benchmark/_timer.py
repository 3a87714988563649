"""A timer that knows of threads and devices."""

from __future__ import annotations

import enum
import textwrap
import time
import timeit

import plait

from ._measurement import Measurement, TaskSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Language(enum.Enum):
    """What a statement is written in."""

    PYTHON = 0
    CPP = 1


def timer() -> float:
    """Seconds, after all devices are done with what they were given."""
    if plait.cuda.is_available() and plait.cuda.is_initialized():
        plait.cuda.synchronize()
    return time.perf_counter()


class Timer:
    """Measures a statement: with one thread unless told, after a first run that is not counted, and with
    devices waited for.

    Args:
        stmt: the statement, Python source. Measured in a loop.
        setup: runs before each loop.
        global_setup: of C++ only.
        timer: the clock; the default waits for devices.
        globals: names that the statement may use; plait itself is there.
        label, sub_label, description: the table, row and column of a comparison.
        env: a name for the machine or build.
        num_threads: how many threads ops may use.

    Raises NotImplementedError for language="c++".

    >>> x = plait.ones(8, 8)
    >>> timer = plait.utils.benchmark.Timer("x @ x", globals={"x": x}, label="product", sub_label="8 x 8")
    >>> m = timer.blocked_autorange(min_run_time=0.01)
    >>> m.number_per_run >= 1, 0 < m.median < 1
    (True, True)
    """

    def __init__(
        self,
        stmt: str = "pass",
        setup: str = "pass",
        global_setup: str = "",
        timer: Callable[[], float] = timer,
        globals: dict[str, Any] | None = None,
        label: str | None = None,
        sub_label: str | None = None,
        description: str | None = None,
        env: str | None = None,
        num_threads: int = 1,
        language: Language | str = Language.PYTHON,
    ) -> None:
        if language not in (Language.PYTHON, "py", "python"):
            raise NotImplementedError(
                f"Timer: statements are Python, got language={language!r}; build C++ with "
                "plait.utils.cpp_extension and call it"
            )
        if global_setup:
            raise ValueError("Timer: global_setup is of C++ statements only; use setup")
        if not isinstance(stmt, str) or not isinstance(setup, str):
            raise TypeError("Timer: stmt and setup must be str; give objects by globals=")
        if num_threads < 1:
            raise ValueError(f"Timer: num_threads must be at least 1, got {num_threads}")
        names = dict(globals or {})
        names.setdefault("plait", plait)
        stmt, setup = (textwrap.dedent(text).strip() for text in (stmt, setup))
        self._timer = timeit.Timer(stmt=stmt, setup=setup, timer=timer, globals=names)
        self._task_spec = TaskSpec(
            stmt=stmt,
            setup=setup,
            label=label,
            sub_label=sub_label,
            description=description,
            env=env,
            num_threads=num_threads,
        )

    def _time(self, number: int) -> float:
        """Seconds of a loop; never less than a nanosecond, which a clock may not see."""
        return max(self._timer.timeit(number), 1e-9)

    def _with_threads(self, measure: Callable[[], tuple[int, list[float]]]) -> Measurement:
        before = plait.get_num_threads()
        plait.set_num_threads(self._task_spec.num_threads)
        try:
            number, times = measure()
        finally:
            plait.set_num_threads(before)
        return Measurement(number, times, self._task_spec)

    def timeit(self, number: int = 1000000) -> Measurement:
        """One block of `number` calls, after a hundredth of them (at least one) that are not counted."""
        if number < 1:
            raise ValueError(f"Timer.timeit: number must be at least 1, got {number}")

        def measure() -> tuple[int, list[float]]:
            self._time(max(number // 100, 1))
            return number, [self._time(number)]

        return self._with_threads(measure)

    def _block_size(self, min_run_time: float) -> int:
        """So many calls that a clock's error, and what a loop costs, are less than a thousandth."""
        overhead = min(self._clock_overhead() for _ in range(5))
        number = 1
        while True:
            seconds = self._time(number)
            if overhead <= seconds * 1e-4 and seconds >= min_run_time / 1000:
                return number
            if seconds > min_run_time:
                return number
            number *= 10

    @staticmethod
    def _clock_overhead() -> float:
        begin = time.perf_counter()
        return time.perf_counter() - begin

    def blocked_autorange(
        self,
        callback: Callable[[int, float], Any] | None = None,
        min_run_time: float = 0.2,
    ) -> Measurement:
        """Blocks of one length for at least `min_run_time` seconds in all, so that there are quartiles.
        `callback(number, seconds)` sees each."""

        def measure() -> tuple[int, list[float]]:
            number = self._block_size(min_run_time)
            times: list[float] = []
            while sum(times) < min_run_time or not times:
                times.append(self._time(number))
                if callback is not None:
                    callback(number, times[-1])
            return number, times

        return self._with_threads(measure)

    def adaptive_autorange(
        self,
        threshold: float = 0.1,
        *,
        min_run_time: float = 0.01,
        max_run_time: float = 10.0,
        callback: Callable[[int, float], Any] | None = None,
    ) -> Measurement:
        """Blocks until between the quartiles lies less than `threshold` of the median, or `max_run_time` is
        over."""

        def measure() -> tuple[int, list[float]]:
            number = self._block_size(min_run_time)
            times: list[float] = []
            while sum(times) < max_run_time:
                times.append(self._time(number))
                if callback is not None:
                    callback(number, times[-1])
                if sum(times) >= min_run_time and Measurement(
                    number, times, self._task_spec
                ).meets_confidence(threshold):
                    break
            return number, times

        return self._with_threads(measure)

    def autorange(self, callback: Callable[[int, float], Any] | None = None) -> Measurement:
        """Not there, as in PyTorch: use blocked_autorange."""
        raise NotImplementedError("Timer.autorange: use blocked_autorange")

    def repeat(self, repeat: int = -1, number: int = -1) -> Measurement:
        """Not there, as in PyTorch: use blocked_autorange."""
        raise NotImplementedError("Timer.repeat: use blocked_autorange")

    def collect_callgrind(self, *args: Any, **kwargs: Any) -> Any:
        """Not there: instructions are not counted."""
        raise NotImplementedError(
            "Timer.collect_callgrind: instructions are not counted; run the program under "
            "`valgrind --tool=callgrind`, or use blocked_autorange"
        )
