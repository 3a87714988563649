"""A pytest plugin for tests on a GPU: `-p gpu_pytest`, with the file GPU_TEST_EVENTS to write to.

What pytest says of failures comes at the end, and there may be none: the time is used up, a kernel hangs, or
one wild access takes every later test of its process with it. So this writes down when a test starts and how
it ends as it happens. It ends a process whose test hangs, and one whose device answers no more: pytest-xdist
starts another.
"""

from __future__ import annotations

import faulthandler
import json
import os
import time
from typing import Any

HANGS_AFTER = float(os.environ.get("GPU_TEST_HANGS_AFTER", "45"))  # seconds

events: Any = None  # the open file; None in the workers of pytest-xdist: their controller hears what they do
is_worker = False  # another process takes over when this one ends
runs_tests = True  # the controller of pytest-xdist does not
has_failed = False


def pytest_configure(config: Any) -> None:
    """Which of pytest-xdist's processes this is, if there are several."""
    global events, is_worker, runs_tests
    is_worker = hasattr(config, "workerinput")
    runs_tests = is_worker or not getattr(config.option, "numprocesses", None)
    if not is_worker:
        events = open(os.environ["GPU_TEST_EVENTS"], "w", buffering=1)  # noqa: SIM115


def write(**event: Any) -> None:
    """One line of JSON."""
    if events:
        print(json.dumps({**event, "at": round(time.time(), 2)}), file=events)


def pytest_runtest_logstart(nodeid: str) -> None:
    """A test starts."""
    write(start=nodeid)
    if runs_tests:
        # A C thread, which needs no lock of Python's: a kernel that hangs holds whoever waits for it.
        faulthandler.dump_traceback_later(HANGS_AFTER, exit=True)


def pytest_runtest_logreport(report: Any) -> None:
    """A test's set-up, call or clean-up is over."""
    global has_failed
    has_failed = has_failed or report.failed
    if report.when == "call" or report.outcome != "passed":
        text = "" if report.passed else report.longreprtext
        write(end=report.nodeid, outcome=report.outcome, seconds=round(report.duration, 3), text=text)


def pytest_runtest_logfinish(nodeid: str) -> None:
    """A test is over; where it failed, is the device still there?"""
    global has_failed
    if runs_tests:
        faulthandler.cancel_dump_traceback_later()
    if has_failed and is_worker and not answers():
        os._exit(3)
    has_failed = False


def answers() -> bool:
    """Does this process's device still compute?"""
    import plait

    if not plait.cuda.is_available():
        return True
    try:
        return bool((plait.ones(2, device="cuda") + 1).sum().item() == 4)
    except RuntimeError:
        return False
