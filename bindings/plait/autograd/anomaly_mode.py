"""Anomaly mode: which op's derivative gave NaN, and which line of forward recorded it."""

from __future__ import annotations

import traceback
from types import CodeType

from .. import _C
from .._grad_mode import _Mode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["detect_anomaly", "set_detect_anomaly"]


class detect_anomaly(_Mode):
    """Looks for what goes wrong in backward, for the length of a `with` or of a function as a decorator.

    Each op that is recorded meanwhile keeps the calls that led to it. Where one's derivative gives NaN,
    backward raises RuntimeError, which names the op, the argument, the index of the first NaN, and the
    traceback of the forward call; under create_graph also that of the op whose derivative made it. Other
    errors in a derivative get the traceback as a note.

    Args:
        check_nan: look for NaN, which costs a pass over every gradient and, on a device, a wait.

    Forward should run inside, too: what was recorded before has a line only. It holds for all threads.

    >>> x = plait.tensor([-1.0, 0.0], requires_grad=True)
    >>> with plait.autograd.detect_anomaly():
    ...     (x.sqrt() * 0).sum().backward()
    Traceback (most recent call last):
    RuntimeError: backward: function 'SqrtBackward0' returned nan values in its 0th output: ...
    """

    def __init__(self, check_nan: bool = True) -> None:
        self._check_nan = check_nan

    def clone(self) -> detect_anomaly:
        """Another one of the same kind."""
        return type(self)(self._check_nan)

    def __enter__(self) -> None:
        self.before = (_C.is_anomaly_enabled(), _C.is_anomaly_check_nan_enabled())
        _C._set_anomaly_mode(True, self._check_nan)

    def __exit__(self, *exc: Any) -> None:
        _C._set_anomaly_mode(*self.before)


class set_detect_anomaly:
    """Switches anomaly mode on or off, at once; in a `with`, until its end. See `detect_anomaly`.

    >>> with plait.autograd.set_detect_anomaly(True, check_nan=False):
    ...     plait.is_anomaly_enabled(), plait.is_anomaly_check_nan_enabled()
    (True, False)
    >>> plait.is_anomaly_enabled()
    False
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self.before = (_C.is_anomaly_enabled(), _C.is_anomaly_check_nan_enabled())
        _C._set_anomaly_mode(mode, check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: Any) -> None:
        _C._set_anomaly_mode(*self.before)


def _frames(calls: list[tuple[CodeType, int]]) -> list[traceback.FrameSummary]:
    """The lines of (code, instruction) pairs, the outermost call first."""
    frames = []
    for code, instruction in calls:
        line = code.co_firstlineno
        position: dict[str, Any] = {}
        if hasattr(code, "co_positions"):  # from Python 3.11 on
            from itertools import islice

            found = next(islice(code.co_positions(), max(instruction, 0) // 2, None), None)
            if found is not None and found[0] is not None:
                line = found[0]
                position = {"end_lineno": found[1], "colno": found[2], "end_colno": found[3]}
        else:
            for start, end, number in code.co_lines():
                if start <= instruction < end and number is not None:
                    line = number
        frames.append(
            traceback.FrameSummary(code.co_filename, line, code.co_name, lookup_line=False, **position)
        )
    return frames


def _format_calls(calls: list[tuple[CodeType, int]]) -> str:
    """The text of a traceback through these calls."""
    return "".join(traceback.StackSummary.from_list(_frames(calls)).format())
