"""The program behind `python -m plait.utils.bottleneck`."""

from __future__ import annotations

import argparse
import cProfile
import os
import platform
import pstats
import sys
from types import CodeType

import plait
from plait.profiler import ProfilerActivity, profile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _program(path: str) -> tuple[CodeType, dict[str, Any]]:
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec", dont_inherit=True)
    return code, {"__name__": "__main__", "__file__": path, "__builtins__": __builtins__}


def _run(code: CodeType, names: dict[str, Any]) -> None:
    try:
        exec(code, names)
    except SystemExit as stop:
        if stop.code not in (None, 0):
            raise


def main(arguments: list[str] | None = None) -> None:
    """Profiles the program that the command line names."""
    parser = argparse.ArgumentParser(prog="plait.utils.bottleneck", description=__doc__)
    parser.add_argument("scriptfile")
    parser.add_argument("args", nargs=argparse.REMAINDER)
    given = parser.parse_args(arguments)
    path = os.path.abspath(given.scriptfile)
    before = sys.argv, list(sys.path)
    sys.argv, sys.path[0] = [given.scriptfile, *given.args], os.path.dirname(path)
    try:
        device = f"cuda ({plait.cuda.get_device_name()})" if plait.cuda.is_available() else "cpu"
        print(f"plait {plait.__version__}, Python {platform.python_version()}, {device}, "
              f"{plait.get_num_threads()} threads\n")  # fmt: skip

        code, names = _program(path)
        by_python = cProfile.Profile()
        by_python.enable()
        try:
            _run(code, names)
        finally:
            by_python.disable()
        print("--- Python's profiler, by time without the calls within\n")
        pstats.Stats(by_python, stream=sys.stdout).sort_stats("tottime").print_stats(15)

        code, names = _program(path)
        activities = {ProfilerActivity.CPU}
        if plait.cuda.is_available():
            activities.add(ProfilerActivity.CUDA)
        with profile(activities=activities) as prof:
            _run(code, names)
        print("--- plait's profiler, by time on the CPU without the ops within\n")
        print(prof.key_averages().table(sort_by="self_cpu_time_total", row_limit=15))
        if plait.cuda.is_available():
            print("--- plait's profiler, by time on the device\n")
            print(prof.key_averages().table(sort_by="self_device_time_total", row_limit=15))
    finally:
        sys.argv, sys.path[:] = before


if __name__ == "__main__":
    main()
