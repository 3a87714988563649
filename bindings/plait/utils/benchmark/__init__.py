"""Measuring how long pieces of code take: `Timer`, its `Measurement`s, and tables of them by `Compare`.

>>> from plait.utils.benchmark import Timer
>>> timer = Timer("x + x", globals={"x": plait.ones(4)}, label="add")
>>> timer.timeit(100).median < 1e-3
True
"""

from ._compare import Compare
from ._measurement import Measurement, TaskSpec, select_unit, trim_sigfig, unit_to_english
from ._timer import Language, Timer, timer

__all__ = [
    "Compare",
    "Language",
    "Measurement",
    "TaskSpec",
    "Timer",
    "select_unit",
    "timer",
    "trim_sigfig",
    "unit_to_english",
]
