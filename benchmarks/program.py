"""Whole-program figures: import time, memory, installed size, process start to the first training step."""

import json
import select
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

from cases import selected
from harness import System, WorkerError, summarise

IMPORT = """
import time
start = time.perf_counter()
import {module}
print(time.perf_counter() - start)
"""
MEMORY = """
import {module}, re
print(1024 * int(re.search(r"VmRSS:\\s+(\\d+)", open("/proc/self/status").read())[1]))
"""
FIRST_STEP = """
import {module} as lib
nn = lib.nn
model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
optimizer = lib.optim.SGD(model.parameters(), lr=0.01)
loss = nn.functional.cross_entropy(model(lib.randn(64, 784)), lib.randint(0, 10, (64,)))
loss.backward()
optimizer.step()
print(loss.item(), flush=True)
"""
# A file with several hard links counts once. In an editable install the extension lives apart from the Python
# files. What the distribution requires is walked without extras.
SIZE = """
import importlib, importlib.metadata as metadata, json, os, re
module = importlib.import_module("{module}")
folders = {{os.path.dirname(os.path.realpath(module.__file__))}}
core = getattr(module, "_C", None)
folders.add(os.path.dirname(os.path.realpath(getattr(core, "__file__", None) or module.__file__)))
files = {{}}
def add(path):
    # What is for CUDA is left out: the peer is a build for the CPU.
    if os.path.isfile(path) and not re.search("__pycache__|libplait_cuda|_emulated", str(path)):
        status = os.stat(path)
        files[status.st_dev, status.st_ino] = status.st_size
for folder in folders:
    for root, _, names in os.walk(folder):
        for name in names:
            add(os.path.join(root, name))
own = sum(files.values())
seen = set()
def walk(name):
    name = re.split(r"[^\\w.-]", name)[0].lower().replace("_", "-")
    if name in seen:
        return
    seen.add(name)
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return
    for path in distribution.files or ():
        add(distribution.locate_file(path))
    for requirement in distribution.requires or ():
        if "extra ==" not in requirement:
            walk(requirement)
walk("{module}")
print(json.dumps([own, sum(files.values())]))
"""


def execute(system: System, source: str) -> tuple[str, float]:
    """What `source` prints, and the seconds from the start of its process until then."""
    start = time.perf_counter()
    with subprocess.Popen(
        [system.python, "-c", source.format(module=system.module)], env=system.environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:
        ready, _, _ = select.select([process.stdout], [], [], system.timeout)
        elapsed = time.perf_counter() - start
        if not ready:
            process.kill()
            raise WorkerError(f"nothing printed within {system.timeout:.0f} s")
        line, errors = process.communicate(timeout=system.timeout)
    if process.returncode or not line.strip():
        said = errors.strip().splitlines() or [f"status {process.returncode}, nothing printed"]
        raise WorkerError(said[-1])
    return line, elapsed


def figures(quick: bool) -> list[tuple[str, str, int, Callable[[System], float], Callable]]:
    """Name, unit, rounds, how one is measured, which of the rounds counts."""
    size = lambda which: lambda system: json.loads(execute(system, SIZE)[0])[which]  # noqa: E731
    many, some = (3, 2) if quick else (10, 5)
    median = statistics.median
    return [
        ("import, best of warm runs", "s", many, lambda s: float(execute(s, IMPORT)[0]), min),
        ("memory after import", "B", 2, lambda s: float(execute(s, MEMORY)[0]), median),
        ("installed package, CPU", "B", 1, size(0), median),
        ("installed with requirements, CPU", "B", 1, size(1), median),
        ("start to first MLP training step", "s", some, lambda s: execute(s, FIRST_STEP)[1], median),
    ]


def measure(systems: list[System], patterns: list[str], quick: bool) -> Iterator[dict[str, Any]]:
    """The rows of the group `program`; each figure's first run warms the file cache and is thrown away."""
    for name, unit, rounds, run, typical in figures(quick):
        if not selected(f"program/{name}", patterns):
            continue
        row: dict[str, Any] = {"group": "program", "name": name, "family": "", "unit": unit}
        row["systems"] = {system.label: {"rounds": []} for system in systems}
        for turn in range(rounds + 1):
            for system in systems:
                result = row["systems"][system.label]
                try:
                    if "error" not in result:
                        result["rounds"] += [run(system)] if turn else [run(system)][1:]
                except (WorkerError, subprocess.TimeoutExpired) as error:
                    result["error"] = str(error)
        yield summarise(row, typical)
