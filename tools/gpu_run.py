"""A run of gpu_check.py: its clock, its folders, the processes it starts and ends."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

PARTS = ("build", "test", "suite", "ops", "train")
DEFAULT_PARTS = ("build", "test", "ops", "train")
WEIGHTS = {"build": 200, "test": 90, "suite": 120, "ops": 105, "train": 130}  # how the parts share the time
BUILD_AT_MOST = 0.62  # of all the time: the other parts are worth nothing without it


def say(text: str) -> None:
    """Print at once: what a run was doing when it was stopped must be seen."""
    print(text, flush=True)


class Stop(Exception):
    """A part cannot go on; the message says why and what to do."""


class Check:
    """One run: its clock, folders and what there is to report."""

    def __init__(self, args: argparse.Namespace, root: Path) -> None:
        self.args = args
        self.root = root
        self.started = time.monotonic()
        self.folder = self.root / "build" / "gpu-check"
        self.folder.mkdir(parents=True, exist_ok=True)
        for old in self.folder.iterdir():
            old.unlink()
        self.build = Path(args.build).resolve()
        self.package = self.build / "python"
        self.lines: list[str] = []
        self.results: Path | None = None
        self.compiling: subprocess.Popen | None = None
        self.events = "tests.jsonl"  # what gpu_pytest writes

    def left(self) -> float:
        """Seconds of the whole budget."""
        return self.args.budget - (time.monotonic() - self.started)

    def limit(self, part: str) -> float:
        """Seconds that a part may take: its share of what is left."""
        waiting = [p for p in self.args.parts if PARTS.index(p) >= PARTS.index(part)]
        if part == "build" and len(waiting) > 1:
            return BUILD_AT_MOST * self.left()
        return self.left() * WEIGHTS[part] / sum(WEIGHTS[p] for p in waiting)

    def note(self, text: str) -> None:
        """A line of the summary."""
        self.lines.append(text)
        say(f"  {text}")

    def environment(self) -> dict[str, str]:
        """Of everything that runs plait."""
        env = dict(os.environ)
        paths = [str(self.package)] if (self.package / "plait").exists() else []
        paths.append(str(Path(__file__).parent))  # gpu_pytest
        env["PYTHONPATH"] = os.pathsep.join([*paths, *filter(None, [env.get("PYTHONPATH")])])
        env["PYTHONUNBUFFERED"] = "1"
        env["GPU_TEST_EVENTS"] = str(self.folder / self.events)
        env.setdefault("TORCHINDUCTOR_CACHE_DIR", str(self.root / "build" / "gpu-inductor"))
        env.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "4")
        env.setdefault("PLAIT_EXTENSIONS_DIR", str(self.root / "build" / "gpu-extensions"))
        return env

    def start(self, command: Sequence[str], log: str) -> subprocess.Popen:
        """A process group of its own, so that all of it can be ended; its output goes to a log."""
        with (self.folder / log).open("a") as out:
            out.write(f"$ {' '.join(command)}\n")
            out.flush()
            return subprocess.Popen(
                command,
                cwd=self.root,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def run(self, command: Sequence[str], log: str, limit: float) -> int | None:
        """The exit status; None where the time was used up."""
        try:
            return wait(self.start(command, log), limit)
        except OSError as error:
            raise Stop(f"{command[0]} cannot be run: {error}") from error

    def log(self, name: str) -> str:
        """What a log holds."""
        path = self.folder / name
        return path.read_text(errors="replace") if path.exists() else ""


def end(process: subprocess.Popen) -> None:
    """Ends a process and what it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait(process: subprocess.Popen, limit: float) -> int | None:
    """The exit status, or None: ended because it took too long."""
    try:
        return process.wait(max(1.0, limit))
    except subprocess.TimeoutExpired:
        end(process)
        return None


def outcome(status: int | None) -> str:
    """An exit status in a word."""
    return "out of time" if status is None else "ok" if status == 0 else f"failed ({status})"


def last_lines(text: str, count: int) -> str:
    """The end of a log on one line."""
    return " | ".join(line.strip()[:300] for line in text.strip().splitlines()[-count:])
