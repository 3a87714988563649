"""Collectives between processes of one machine, and a step of DistributedDataParallel, beside PyTorch's gloo.

    python benchmarks/distributed.py                                  # plait alone
    python benchmarks/distributed.py --peer /path/to/python           # and an interpreter that has PyTorch
    python benchmarks/distributed.py --processes 4 --rounds 7

Libraries take turns; of a case's rounds the median counts. Every process computes in one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

# name, elements, calls a round
ALL_REDUCES = [("4 B", 1, 2000), ("64 KB", 1 << 14, 500), ("16 MB", 1 << 22, 10), ("100 MB", 25 << 20, 2)]


def timed(call: Any, times: int, barrier: Any) -> float:
    """Microseconds for each call."""
    call()
    barrier()
    begin = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - begin) / times * 1e6


def measure(lib: Any, dist: Any) -> dict[str, float]:
    """The cases, once, on a rank."""
    results = {}
    for name, numel, times in ALL_REDUCES:
        x = lib.zeros(numel)
        results[f"all_reduce, {name}"] = timed(lambda x=x: dist.all_reduce(x), times, dist.barrier)
    for name, numel, times in ALL_REDUCES[::3]:
        x = lib.zeros(numel)
        results[f"broadcast, {name}"] = timed(lambda x=x: dist.broadcast(x, 0), times, dist.barrier)
    results["barrier"] = timed(dist.barrier, 1000, dist.barrier)
    x = lib.zeros(1)

    def asynchronous() -> None:
        dist.all_reduce(x, async_op=True).wait()

    results["all_reduce, 4 B, asynchronous"] = timed(asynchronous, 1000, dist.barrier)
    nn = lib.nn
    for name, width, batch, times in (("small", 64, 16, 200), ("large", 1024, 64, 10)):
        model = nn.Sequential(
            nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10)
        )
        ddp = nn.parallel.DistributedDataParallel(model)
        optimizer = lib.optim.SGD(ddp.parameters(), lr=0.01)
        data, target = lib.randn(batch, width), lib.randn(batch, 10)

        def step(ddp: Any = ddp, o: Any = optimizer, x: Any = data, y: Any = target) -> None:
            o.zero_grad()
            nn.functional.mse_loss(ddp(x), y).backward()
            o.step()

        results[f"DDP step, {name} MLP"] = timed(step, times, dist.barrier)
    return results


def rank_main(library: str, rank: int, size: int, meeting: str) -> None:
    """One process of one library."""
    if library == "plait":
        import plait as lib
    else:
        import torch as lib  # type: ignore[import-not-found, no-redef]
    lib.set_num_threads(1)
    dist = lib.distributed
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=size)
    results = measure(lib, dist)
    dist.barrier()
    if rank == 0:
        print(json.dumps(results), flush=True)
    dist.destroy_process_group()


def run_library(python: str, library: str, processes: int) -> dict[str, float]:
    """The cases of one library, in processes of their own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [python, __file__, "--rank"]
        env = {**os.environ, "OMP_NUM_THREADS": "1"}
        ranks = [
            subprocess.Popen(
                [*command, library, str(rank), str(processes), os.path.join(folder, "meeting")],
                stdout=subprocess.PIPE,
                text=True,
                env=env,
            )
            for rank in range(processes)
        ]
        outputs = [p.communicate()[0] for p in ranks]
        if any(p.returncode for p in ranks):
            raise SystemExit(f"{library}: a process failed")
    return json.loads(outputs[0].splitlines()[-1])  # type: ignore[no-any-return]


def main() -> None:
    if sys.argv[1:2] == ["--rank"]:
        rank_main(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--peer", help="a Python interpreter that has PyTorch")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    libraries = [("plait", sys.executable)] + ([("torch", args.peer)] if args.peer else [])
    found: dict[str, dict[str, list[float]]] = {name: {} for name, _ in libraries}
    for _ in range(args.rounds):
        for name, python in libraries:
            for case, value in run_library(python, name, args.processes).items():
                found[name].setdefault(case, []).append(value)
    print(f"{args.processes} processes, microseconds, medians of {args.rounds} rounds")
    for case, values in found["plait"].items():
        ours = statistics.median(values)
        line = f"{case:32} {ours:12.1f}"
        if args.peer:
            theirs = statistics.median(found["torch"][case])
            line += f"   PyTorch {theirs:12.1f}   {theirs / ours:6.2f} times"
        print(line)


if __name__ == "__main__":
    main()
