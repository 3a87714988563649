"""Starts a program once for each process: `python -m plait.distributed.run --nproc-per-node=8 train.py
--epochs 3`.

Options are those of PyTorch's torchrun. Each process finds in its environment RANK, LOCAL_RANK, WORLD_SIZE,
LOCAL_WORLD_SIZE, NODE_RANK (and GROUP_RANK), MASTER_ADDR, MASTER_PORT and TORCHELASTIC_*, which
init_process_group reads. The launcher of node 0 keeps the store in which the processes meet. Where a process
fails, the others are ended, and the message says which one failed and how; with --max-restarts all are
started
again (on all machines, whose launchers tell each other). Programs written for PyTorch: -m plait.as_torch
train.py.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from datetime import timedelta
from pathlib import Path

from ._stores import DistError, DistStoreError, PrefixStore, Store
from ._tcp_store import TCPStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import IO, Any

__all__ = ["main", "parse_args"]

_POLL = 0.05
_JOIN_TIMEOUT = timedelta(minutes=15)
# How long processes have to end after SIGTERM, before SIGKILL.
_GRACE = 10.0


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options, and the program with its arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m plait.distributed.run",
        description="Starts a program once for each process, and ends all where one fails.",
    )

    def add(name: str, *more: str, **options: Any) -> None:
        # torchrun takes --nproc-per-node and --nproc_per_node.
        names = [name, *more]
        if "-" in name[2:]:
            names.append("--" + name[2:].replace("-", "_"))
        parser.add_argument(*names, **options)

    add("--nproc-per-node", default="1", help="processes on this machine: a number, cpu, gpu or auto")
    add("--nnodes", default="1", help="machines")
    add(
        "--node-rank",
        type=int,
        default=int(os.environ.get("PET_NODE_RANK", "-1")),
        help="number of this machine",
    )
    add("--standalone", action="store_true", help="one machine, a port that the system chooses")
    add("--master-addr", default=None, help="address of machine 0")
    add("--master-port", type=int, default=None, help="port of machine 0 (29500)")
    add("--rdzv-endpoint", default="", help="host:port, in place of the master's address and port")
    add("--rdzv-backend", default="static", help="static or c10d; both meet in a store of the launcher's")
    add("--rdzv-id", default="none", help="a name for the job")
    add("--rdzv-conf", default="", help="taken, and not needed")
    add(
        "--max-restarts",
        type=int,
        default=0,
        help="how often all processes are started again after a failure",
    )
    add("--monitor-interval", type=float, default=0.1, help="taken, and not needed")
    add("--start-method", default="spawn", help="taken, and not needed")
    add("--role", default="default", help="a name for the processes, in messages")
    add("--log-dir", default=None, help="folder for what processes print, with --redirects or --tee")
    add("--redirects", "-r", default="0", help="1: standard output into files, 2: errors, 3: both")
    add("--tee", "-t", default="0", help="as --redirects, and on the terminal, too")
    add("--local-addr", default=None, help="address at which other machines reach this one")
    parser.add_argument(
        "-m", "--module", action="store_true", help="the program is a module, as for python -m"
    )
    add("--no-python", action="store_true", help="the program is no Python script: run it itself")
    add("--run-path", action="store_true", help="taken, and not needed")
    parser.add_argument("training_script", help="the program")
    parser.add_argument("training_script_args", nargs=argparse.REMAINDER, help="its arguments")
    args = parser.parse_args(argv)
    if args.module and args.no_python:
        parser.error("-m and --no-python exclude each other")
    try:
        args.processes = _processes(args.nproc_per_node)
        args.machines = int(args.nnodes.split(":")[-1])
    except ValueError as error:
        parser.error(str(error))
    if args.processes < 1 or args.machines < 1:
        parser.error("expected at least one process and one machine")
    if args.machines > 1 and args.node_rank < 0 and args.rdzv_backend == "static":
        parser.error("with several machines, give each its --node-rank from 0, or --rdzv-backend=c10d")
    if args.machines > 1 and not (args.rdzv_endpoint or args.master_addr):
        parser.error("with several machines, give --master-addr or --rdzv-endpoint")
    return args


def _processes(text: str) -> int:
    if text in ("auto", "gpu"):
        import plait

        count = plait.cuda.device_count() if plait.cuda.is_available() else 0
        if count or text == "auto":
            return count or (os.cpu_count() or 1)
        raise ValueError("--nproc-per-node=gpu: there is no GPU")
    if text == "cpu":
        return os.cpu_count() or 1
    if not text.isdecimal():
        raise ValueError(f"--nproc-per-node: expected a number, cpu, gpu or auto, got {text!r}")
    return int(text)


class _Output:
    """What one process prints, line by line, to a file and the terminal."""

    def __init__(self, source: Any, path: Path | None, terminal: IO[str] | None, prefix: str):
        self._source, self._prefix, self._terminal = source, prefix, terminal
        self._file = open(path, "wb") if path else None  # noqa: SIM115
        self.thread = threading.Thread(target=self._copy, daemon=True)
        self.thread.start()

    def _copy(self) -> None:
        for line in self._source:
            if self._file:
                self._file.write(line)
                self._file.flush()
            if self._terminal:
                self._terminal.write(self._prefix + line.decode(errors="replace"))
                self._terminal.flush()
        if self._file:
            self._file.close()


class _Processes:
    """The processes of one start on this machine."""

    def __init__(
        self, args: argparse.Namespace, environment: dict[str, str], ranks: range, folder: Path | None
    ):
        self.ranks = ranks
        self.processes: list[subprocess.Popen] = []
        self.outputs: list[_Output] = []
        for local, rank in enumerate(ranks):
            own = {**environment, "RANK": str(rank), "LOCAL_RANK": str(local), "ROLE_RANK": str(rank)}
            pipes: dict[str, Any] = {}
            redirects, tee = int(args.redirects), int(args.tee)
            for bit, name in ((1, "stdout"), (2, "stderr")):
                if (redirects | tee) & bit:
                    pipes[name] = subprocess.PIPE
            process = subprocess.Popen(_command(args), env=own, **pipes)
            self.processes.append(process)
            for bit, name in ((1, "stdout"), (2, "stderr")):
                if name in pipes:
                    path = None
                    if folder:
                        (folder / str(local)).mkdir(parents=True, exist_ok=True)
                        path = folder / str(local) / f"{name}.log"
                    terminal = getattr(sys, name) if tee & bit else None
                    output = _Output(getattr(process, name), path, terminal, f"[{args.role}{rank}]:")
                    self.outputs.append(output)

    def failed(self) -> int | None:
        """The index of one that has failed."""
        for i, process in enumerate(self.processes):
            if process.poll() not in (None, 0):
                return i
        return None

    def done(self) -> bool:
        return all(process.poll() == 0 for process in self.processes)

    def end(self) -> None:
        """Ends those that still run."""
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + _GRACE
        for process in self.processes:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.drain()

    def drain(self) -> None:
        for output in self.outputs:
            output.thread.join(5)


def _command(args: argparse.Namespace) -> list[str]:
    command = [] if args.no_python else [sys.executable, "-u"]
    if args.module:
        command.append("-m")
    return [*command, args.training_script, *args.training_script_args]


def _how(code: int) -> str:
    if code < 0:
        try:
            return f"was ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"was ended by signal {-code}"
    return f"ended with exit code {code}"


class _Launcher:
    """The launcher of one machine."""

    def __init__(self, args: argparse.Namespace):
        self.args = args
        host, port = self._endpoint()
        self.node = args.node_rank if args.machines > 1 else 0
        alone = args.machines == 1
        # With c10d nobody is told which machine is the first: whoever can listen at the address is.
        if self.node > 0:
            self.store = TCPStore(host, port, timeout=_JOIN_TIMEOUT)
        elif self.node == 0:
            self.store = TCPStore(host, port, is_master=True, timeout=_JOIN_TIMEOUT)
        else:
            self.store = _first_or_client(host, port)
        self.host, self.port = host, self.store.port
        self.shared: Store = PrefixStore(f"launcher/{args.rdzv_id}", self.store)
        if self.node < 0:
            self.node = 0 if self.store.is_server() else self.shared.add("node", 1)
        self.first = args.processes * self.node
        self.world = args.processes
        if not alone:
            self._meet()

    def _endpoint(self) -> tuple[str, int]:
        args = self.args
        host, port = args.master_addr, args.master_port
        if args.rdzv_endpoint:
            host, _, text = args.rdzv_endpoint.rpartition(":")
            host, port = (host, int(text)) if host else (text, 29500)
        if args.standalone or (args.machines == 1 and port is None):
            return host or "localhost", 0  # nobody else comes: any port will do
        return host or "localhost", 29500 if port is None else port

    def _meet(self) -> None:
        """All launchers tell each other how many processes they start."""
        args = self.args
        self.shared.set(f"processes{self.node}", str(args.processes))
        keys = [f"processes{i}" for i in range(args.machines)]
        try:
            counts = [int(count) for count in self.shared.multi_get(keys)]
        except DistStoreError:
            raise DistError(
                f"launcher: not all of {args.machines} machines have come to {self.host} port {self.port} "
                f"within {_JOIN_TIMEOUT.total_seconds():g} s"
            ) from None
        self.first, self.world = sum(counts[: self.node]), sum(counts)

    def environment(self, start: int) -> dict[str, str]:
        """What all processes find, the start-th time."""
        args = self.args
        env = dict(os.environ)
        env.update(
            WORLD_SIZE=str(self.world),
            LOCAL_WORLD_SIZE=str(args.processes),
            ROLE_WORLD_SIZE=str(self.world),
            ROLE_NAME=args.role,
            NODE_RANK=str(self.node),
            GROUP_RANK=str(self.node),
            GROUP_WORLD_SIZE=str(args.machines),
            MASTER_ADDR=self.host,
            MASTER_PORT=str(self.port),
            TORCHELASTIC_RUN_ID=args.rdzv_id,
            TORCHELASTIC_RESTART_COUNT=str(start),
            TORCHELASTIC_MAX_RESTARTS=str(args.max_restarts),
            TORCHELASTIC_USE_AGENT_STORE="True",
        )
        if args.local_addr:
            env["PLAIT_DISTRIBUTED_ADDRESS"] = args.local_addr
        # Several processes that each use all cores hinder each other.
        if args.processes > 1:
            env.setdefault("OMP_NUM_THREADS", "1")
        return env

    def run(self) -> int:
        """Starts, watches, and starts again; the exit code."""
        args = self.args
        folder = self._folder()
        for start in range(args.max_restarts + 1):
            ranks = range(self.first, self.first + args.processes)
            own = folder / f"attempt_{start}" if folder else None
            running = _Processes(args, self.environment(start), ranks, own)
            try:
                why, code = self._watch(running, start)
            finally:
                running.end()
            if why is None:
                self._leave()
                return 0
            last = start == args.max_restarts
            then = "all others were ended" if last else "starting all again"
            print(f"plait.distributed.run: {why}; {then}", file=sys.stderr)
            sys.stderr.flush()
        self._leave()
        return code

    def _watch(self, running: _Processes, start: int) -> tuple[str | None, int]:
        """Until all have ended well, or one here or on another machine has failed: why, and the exit code."""
        key, last_asked = f"failed{start}", time.monotonic()
        while True:
            failed = running.failed()
            if failed is not None:
                code = running.processes[failed].returncode
                why = (
                    f"rank {running.ranks[failed]} (process {running.processes[failed].pid} on machine "
                    f"{self.node}) {_how(code)}"
                )
                if self.args.machines > 1:
                    self.shared.compare_set(key, "", why)
                return why, 128 - code if code < 0 else code
            if running.done():
                if self.args.machines == 1:
                    running.drain()
                    return None, 0
                return self._agree(running, key, start)
            if self.args.machines > 1 and time.monotonic() - last_asked > 0.5:
                last_asked = time.monotonic()
                if self.shared.check([key]):
                    return self.shared.get(key).decode(), 1
            time.sleep(_POLL)

    def _agree(self, running: _Processes, key: str, start: int) -> tuple[str | None, int]:
        """All processes here ended well: and those of the other machines?"""
        done = f"done{start}"
        self.shared.add(done, 1)
        while int(self.shared.get(done)) < self.args.machines:
            if self.shared.check([key]):
                return self.shared.get(key).decode(), 1
            time.sleep(0.2)
        running.drain()
        return None, 0

    def _leave(self) -> None:
        """The store goes with machine 0: it waits for the others a little."""
        if self.args.machines == 1:
            return
        try:
            self.shared.add("left", 1)
            if self.store.is_server():
                deadline = time.monotonic() + 30
                while int(self.shared.get("left")) < self.args.machines and time.monotonic() < deadline:
                    time.sleep(0.1)
        except DistError:
            pass

    def _folder(self) -> Path | None:
        args = self.args
        if args.redirects == "0" and args.tee == "0":
            return None
        if args.log_dir is None:
            return Path(tempfile.mkdtemp(prefix="plait_run_"))
        return Path(args.log_dir) / args.rdzv_id


def _first_or_client(host: str, port: int) -> TCPStore:
    try:
        own = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None)} | {"127.0.0.1", "::1"}
    except OSError:
        own = {"127.0.0.1", "::1"}
    try:
        here = any(info[4][0] in own for info in socket.getaddrinfo(host, port))
    except OSError:
        here = False
    if here:
        try:
            return TCPStore(host, port, is_master=True, timeout=_JOIN_TIMEOUT)
        except DistError:
            pass  # another launcher of this machine listens already
    return TCPStore(host, port, timeout=_JOIN_TIMEOUT)


def _raise_exit(number: int, frame: Any) -> None:
    raise SystemExit(128 + number)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the launcher; returns its exit code."""
    args = parse_args(argv)
    if args.rdzv_id == "none":
        args.rdzv_id = "none" if args.machines > 1 else uuid.uuid4().hex
    signal.signal(signal.SIGTERM, _raise_exit)
    try:
        return _Launcher(args).run()
    except KeyboardInterrupt:
        return 130
    except DistError as error:
        print(f"plait.distributed.run: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
