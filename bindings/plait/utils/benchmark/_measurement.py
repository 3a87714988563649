"""Times of one piece of code, with what it was."""

from __future__ import annotations

import dataclasses
import math
import statistics

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
_ENGLISH = {"ns": "nanosecond", "us": "microsecond", "ms": "millisecond", "s": "second"}
_WARN, _BAD = 0.1, 0.25  # of the median, between the quartiles
_MIN_VALUES = 4  # fewer say nothing of the spread


def select_unit(seconds: float) -> tuple[str, float]:
    """The unit in which a time is printed, and its length in seconds.

    >>> select_unit(0.0025)
    ('ms', 0.001)
    """
    unit = "ns"
    for name, size in _UNITS.items():
        if seconds >= size:
            unit = name
    return unit, _UNITS[unit]


def unit_to_english(unit: str) -> str:
    """A unit's name.

    >>> unit_to_english("us")
    'microsecond'
    """
    return _ENGLISH[unit]


def trim_sigfig(x: float, n: int) -> float:
    """`x` with `n` significant digits.

    >>> trim_sigfig(3.14159, 3)
    3.14
    """
    if x == 0 or not math.isfinite(x):
        return x
    return round(x, n - 1 - math.floor(math.log10(abs(x))))


def _quantile(ordered: list[float], q: float) -> float:
    """With linear interpolation, as numpy.quantile."""
    place = q * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


@dataclasses.dataclass(frozen=True)
class TaskSpec:
    """What was measured."""

    stmt: str
    setup: str
    global_setup: str = ""
    label: str | None = None
    sub_label: str | None = None
    description: str | None = None
    env: str | None = None
    num_threads: int = 1

    @property
    def title(self) -> str:
        """The label, or the statement."""
        if self.label is not None:
            return self.label + (f": {self.sub_label}" if self.sub_label else "")
        return (
            self.stmt if "\n" not in self.stmt else f"stmt:\n  {self.stmt}"
        )

    def summarize(self) -> str:
        """Title, description and setup as text."""
        lines = [self.title]
        if self.description:
            lines.append(self.description)
        if self.setup not in ("", "pass"):
            lines.append("setup: " + self.setup)
        return "\n".join(lines)


@dataclasses.dataclass
class Measurement:
    """Times that a Timer took: of blocks of `number_per_run` calls each, `raw_times` in seconds.

    `times`, `mean`, `median` and `iqr` are seconds for one call.

    >>> m = Measurement(10, [1.0, 2.0, 3.0, 4.0], TaskSpec("f()", "pass"))
    >>> m.median, m.mean
    (0.25, 0.25)
    >>> round(m.iqr, 3)
    0.15
    """

    number_per_run: int
    raw_times: list[float]
    task_spec: TaskSpec
    metadata: dict | None = None

    @property
    def times(self) -> list[float]:
        """For one call, of each block."""
        return [t / self.number_per_run for t in self.raw_times]

    @property
    def mean(self) -> float:
        """The mean over the blocks."""
        return statistics.fmean(self.times)

    @property
    def median(self) -> float:
        """The median over the blocks."""
        return statistics.median(self.times)

    @property
    def iqr(self) -> float:
        """Between the quartiles."""
        ordered = sorted(self.times)
        return _quantile(ordered, 0.75) - _quantile(ordered, 0.25)

    @property
    def significant_figures(self) -> int:
        """How many digits of the median are worth printing: what a normal distribution with this spread
        leaves certain to 95%."""
        if len(self.raw_times) < 2:
            return 1
        n = len(self.raw_times)
        interval = 1.645 * self.iqr / math.sqrt(n) * 1.25  # the median's error is 1.25 of the mean's
        relative = interval / (self.median or math.inf)
        return 5 if relative <= 0 else max(1, min(5, math.floor(-math.log10(relative)) + 1))

    @property
    def has_warnings(self) -> bool:
        """Do the times differ by more than a tenth?"""
        return not self.meets_confidence()

    def meets_confidence(self, threshold: float = _WARN) -> bool:
        """Are there enough times, between whose quartiles lies less than `threshold` of the median?"""
        return len(self.raw_times) >= _MIN_VALUES and self.iqr < threshold * self.median

    @property
    def title(self) -> str:
        """What was measured."""
        return self.task_spec.title

    @property
    def env(self) -> str:
        """Where it was measured."""
        return self.task_spec.env or "Unspecified env"

    @property
    def as_row_name(self) -> str:
        """The row in a comparison."""
        return self.task_spec.sub_label or self.task_spec.stmt or "[Unknown]"

    @property
    def stmt(self) -> str:
        """The statement."""
        return self.task_spec.stmt

    @property
    def label(self) -> str | None:
        """The label."""
        return self.task_spec.label

    @property
    def sub_label(self) -> str | None:
        """The label of the row."""
        return self.task_spec.sub_label

    @property
    def description(self) -> str | None:
        """The label of the column."""
        return self.task_spec.description

    @property
    def num_threads(self) -> int:
        """How many threads computed."""
        return self.task_spec.num_threads

    @staticmethod
    def merge(measurements: Iterable[Measurement]) -> list[Measurement]:
        """One measurement for all of the same task, in order. Blocks may be of different lengths."""
        groups: dict[TaskSpec, list[Measurement]] = {}
        for m in measurements:
            groups.setdefault(m.task_spec, []).append(m)
        merged = []
        for task, group in groups.items():
            number = min(m.number_per_run for m in group)
            raw = [t * number for m in group for t in m.times]
            merged.append(Measurement(number, raw, task))
        return merged

    def __repr__(self) -> str:
        n = len(self.raw_times)
        unit, size = select_unit(self.median)
        lines = [f"{type(self).__name__}: {self.task_spec.summarize()}"]
        lines.append(f"  {'Median' if n > 1 else 'Time'}: {trim_sigfig(self.median / size, 4):g} {unit}")
        if n >= _MIN_VALUES:
            ordered = sorted(self.times)
            low, high = (_quantile(ordered, q) / size for q in (0.25, 0.75))
            lines.append(f"  IQR:    {self.iqr / size:.2f} {unit} ({low:.2f} to {high:.2f})")
        lines.append(
            f"  {n} measurement{'s' if n > 1 else ''}, {self.number_per_run} runs per measurement, "
            f"{self.num_threads} thread{'s' if self.num_threads > 1 else ''}"
        )
        if n < _MIN_VALUES and n > 1:
            lines.append(f"  WARNING: fewer than {_MIN_VALUES} measurements say little of the spread")
        elif n >= _MIN_VALUES and not self.meets_confidence(_BAD):
            lines.append("  WARNING: the quartiles lie far apart; was the machine busy?")
        return "\n".join(lines)
