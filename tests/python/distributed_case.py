"""Runs a program in several processes, each a rank of one group; what it raises fails the test."""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

HEADER = """
import os, sys, time, threading, signal
from datetime import timedelta
import numpy as np
import pytest
import plait
import plait.distributed as dist
from plait import nn
rank, size = int(sys.argv[1]), int(sys.argv[2])
def start(**options):
    dist.init_process_group(init_method=sys.argv[3], rank=rank, world_size=size, **options)
"""


@functools.cache
def zygote() -> subprocess.Popen:
    """The process that starts others (distributed_zygote.py); it ends with this one."""
    return subprocess.Popen(
        [sys.executable, Path(__file__).with_name("distributed_zygote.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def ask(order: dict) -> int:
    """Has the zygote do something."""
    process = zygote()
    assert process.stdin and process.stdout
    process.stdin.write(json.dumps(order) + "\n")
    process.stdin.flush()
    return int(process.stdout.readline())


def run_ranks(
    folder: Path, size: int, program: str, expected: dict[int, int] | None = None, timeout: float = 100, **env: str
) -> list[str]:
    """Runs the program in `size` processes, which meet in a file; returns what each printed. `expected`: exit
    codes other than 0, by rank."""
    script = folder / "program.py"
    script.write_text(HEADER + textwrap.dedent(program))
    number = len(list(folder.glob("meeting*")))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **env}
    for name in ("WORLD_SIZE", "RANK", "MASTER_ADDR", "MASTER_PORT", "PLAIT_CUDA_LIBRARY"):
        if name not in env:
            environment.pop(name, None)
    pids = []
    for rank in range(size):
        files = {name: str(folder / f"{name}{number}.{rank}") for name in ("stdout", "stderr")}
        argv = [str(script), str(rank), str(size), f"file://{folder / f'meeting{number}'}"]
        pids.append(ask({"argv": argv, "environment": environment, **files}))
    deadline = time.monotonic() + timeout
    while any(is_running(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.01)
    late = [rank for rank, pid in enumerate(pids) if is_running(pid)]
    for rank in late:
        os.kill(pids[rank], signal.SIGKILL)
    codes = [ask({"wait": pid}) for pid in pids]
    outputs = []
    for rank, code in enumerate(codes):
        wanted = (expected or {}).get(rank, 0)
        out, err = ((folder / f"{name}{number}.{rank}").read_text() for name in ("stdout", "stderr"))
        assert rank not in late, f"rank {rank} ran for more than {timeout} s:\n{out}\n{err}"
        assert code == wanted, f"rank {rank} ended with {code}, expected {wanted}:\n{out}\n{err}"
        outputs.append(out)
    return outputs


def is_running(pid: int) -> bool:
    """A process that has ended stays, as Z, until its exit code is asked for."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
