"""Python's multiprocessing, and `spawn`.

Tensors are sent by value: a process changes its own copy, never the sender's. What relies on shared
parameters must send them back.
"""

from __future__ import annotations

import multiprocessing as _python
from multiprocessing import *  # noqa: F403
from multiprocessing import connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = [
    *(name for name in dir(_python) if not name.startswith("_") and name != "reduction"),
    "ProcessContext",
    "ProcessException",
    "ProcessExitedException",
    "ProcessRaisedException",
    "get_all_sharing_strategies",
    "get_sharing_strategy",
    "set_sharing_strategy",
    "spawn",
    "start_processes",
]


def get_all_sharing_strategies() -> set[str]:
    """{"file_system"}: PyTorch's name for what needs no open files."""
    return {"file_system"}


def get_sharing_strategy() -> str:
    """ "file_system"."""
    return "file_system"


def set_sharing_strategy(new_strategy: str) -> None:
    """Nothing: tensors are sent by value."""


class ProcessException(Exception):
    """A process started by `spawn` failed."""

    def __init__(self, msg: str, error_index: int, error_pid: int):
        super().__init__(msg)
        self.error_index, self.error_pid = error_index, error_pid


class ProcessRaisedException(ProcessException):
    """It raised; the message has its traceback."""


class ProcessExitedException(ProcessException):
    """It ended with an exit code other than 0."""

    def __init__(self, msg: str, error_index: int, error_pid: int, exit_code: int):
        super().__init__(msg, error_index, error_pid)
        self.exit_code = exit_code


def _run(fn: Callable[..., Any], index: int, args: tuple, pipe: Any) -> None:
    try:
        fn(index, *args)
    except KeyboardInterrupt:
        pass
    except Exception:
        import sys
        import traceback

        pipe.send(traceback.format_exc())
        sys.exit(1)


class ProcessContext:
    """The processes of one `spawn`."""

    def __init__(self, processes: list[Any], pipes: list[Any]):
        self.processes, self._pipes = processes, pipes
        self._open = {process.sentinel: index for index, process in enumerate(processes)}

    def pids(self) -> list[int]:
        """The numbers that the system gave the processes."""
        return [process.pid for process in self.processes]

    def join(self, timeout: float | None = None) -> bool:
        """Waits for one more process, or the timeout; True once all have ended. Where one failed, ends the
        others and raises.
        """
        if not self._open:
            return True
        failed = None
        for sentinel in connection.wait(list(self._open), timeout):
            index = self._open.pop(sentinel)  # type: ignore[call-overload]
            self.processes[index].join()
            if self.processes[index].exitcode != 0 and failed is None:
                failed = index
        if failed is None:
            return not self._open
        for process in self.processes:
            if process.is_alive():
                process.terminate()
            process.join()
        broken = self.processes[failed]
        if self._pipes[failed].poll():
            text = self._pipes[failed].recv()
            raise ProcessRaisedException(f"spawn: process {failed} raised:\n\n{text}", failed, broken.pid)
        raise ProcessExitedException(
            f"spawn: process {failed} ended with exit code {broken.exitcode}",
            failed,
            broken.pid,
            broken.exitcode,
        )


SpawnContext = ProcessContext


def start_processes(
    fn: Callable[..., Any],
    args: tuple = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """Starts `nprocs` processes that call fn(index, *args); waits for them, or with join=False returns their
    ProcessContext.
    """
    context = _python.get_context(start_method)
    processes, pipes = [], []
    for index in range(nprocs):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_run, args=(fn, index, args, theirs), daemon=daemon)  # type: ignore[attr-defined]
        process.start()
        processes.append(process)
        pipes.append(ours)
    started = ProcessContext(processes, pipes)
    if not join:
        return started
    while not started.join():
        pass
    return None


def spawn(
    fn: Callable[..., Any],
    args: tuple = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """Starts `nprocs` processes that call fn(index, *args), in interpreters of their own; the first that
    fails ends the others, and its traceback is raised here.
    """
    return start_processes(fn, args, nprocs, join, daemon, start_method)
