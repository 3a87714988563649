"""What a program gives a CUDA device to do, kernel by kernel: no GPU is needed.

    python tools/cuda_launches.py                      the cases of the GPU benchmark
    python tools/cuda_launches.py 'GPT-2.*training'    one step of those whose name matches, on the emulator
    python tools/cuda_launches.py PATTERN --order      in the order of the launches, not counted by kernel

A step runs at the sizes of the benchmark's dry run: how many launches there are, and of what, hardly depends
on sizes, but which way a kernel takes may. `threads` is the largest launch of a kernel. Products are
cuBLASLt's ("library"); cuDNN is not there, so attention and convolutions run in plait's own kernels. From
Python:

    with launches() as log:
        step()
    print(table(log))
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = ROOT / "build/release/python/plait/lib/libplait_cuda_emulated.so"


@dataclass
class Launch:
    """One piece of the device's work."""

    name: str
    threads: int = 0
    bytes: int = 0


def names_of(places: set[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The functions at (library, hexadecimal offset)."""
    from plait.profiler._events import short_name

    names: dict[tuple[str, str], str] = {}
    for library in {library for library, _ in places}:
        offsets = sorted(offset for where, offset in places if where == library)
        text = subprocess.run(
            ["addr2line", "-Cfe", library, *offsets], capture_output=True, text=True, check=True
        ).stdout
        functions = map(short_name, text.splitlines()[::2])
        names |= {(library, at): name for at, name in zip(offsets, functions, strict=True)}
    return names


def parse(text: str) -> list[Launch]:
    """The lines that the emulator has written (cuda/emulator/launch_log.h)."""
    lines = [line.split() for line in text.splitlines()]
    names = names_of({(f[1], f[2]) for f in lines if f[0] == "kernel"})
    log = []
    for kind, *fields in lines:
        if kind == "kernel":
            gx, gy, gz, bx, by, bz, _ = map(int, fields[2:])
            log.append(Launch(names[fields[0], fields[1]], gx * gy * gz * bx * by * bz))
        elif kind == "library":
            log.append(Launch(f"library {fields[0]}"))
        else:
            log.append(Launch(kind, bytes=int(fields[0])))
    return log


@contextlib.contextmanager
def launches() -> Iterator[list[Launch]]:
    """What is given to the emulated device within; the list is filled at the end."""
    log: list[Launch] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        path.touch()
        os.environ["PLAIT_CUDA_EMULATOR_LOG"] = str(path)
        try:
            yield log
        finally:
            del os.environ["PLAIT_CUDA_EMULATOR_LOG"]
            log += parse(path.read_text())


def table(log: list[Launch], order: bool = False) -> str:
    """A line for each launch, or for each kernel, the most frequent first."""
    if order:
        return "\n".join(f"{work.threads or '':>9}  {work.name}" for work in log)
    kernels: dict[str, list[Launch]] = {}
    for work in log:
        kernels.setdefault(work.name, []).append(work)
    lines = ["  count    threads  kernel"]
    for name, works in sorted(kernels.items(), key=lambda item: -len(item[1])):
        lines.append(f"{len(works):7} {max(w.threads for w in works) or '':>10}  {name}")
    return "\n".join([*lines, f"{len(log):7}             in all"])


def main() -> None:
    """Run the cases that match."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pattern", nargs="?")
    parser.add_argument("--order", action="store_true")
    arguments = parser.parse_args()
    os.environ.setdefault("PLAIT_CUDA_LIBRARY", str(LIBRARY))
    sys.path[:0] = [str(ROOT / "build/release/python"), str(ROOT / "benchmarks")]
    import plait
    from gpu.cases import Bench, load  # type: ignore[import-not-found]

    for key, case in load().items():
        if not arguments.pattern:
            print(key)
            continue
        if not re.search(arguments.pattern, key):
            continue
        plait.manual_seed(0)
        run = case.setup(Bench(plait, case, "cuda", tiny=True))["run"]
        call = run if case.timing == "step" else lambda run=run: run(0)
        for _ in range(2):  # what is made once, the optimiser's state for one
            call()
        plait.cuda.synchronize()
        with launches() as log:
            call()
        print(f"{key}\n{table(log, arguments.order)}\n")


if __name__ == "__main__":
    main()
