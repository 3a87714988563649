"""plait on a GPU beside PyTorch, eager and compiled: ops near the hardware's limit, whole training steps.

    python benchmarks/gpu.py                                  # everything
    python benchmarks/gpu.py --part ops --only norm 'matmul/fp8*'
    python benchmarks/gpu.py --resume                         # what an earlier run did not get to
    python benchmarks/gpu.py --only 'training/GPT-2*'         # with its kernels, plait's and PyTorch's
    python benchmarks/gpu.py --tiny                           # a dry run, on any machine: no figures

Each system runs in a process of its own, PyTorch where an interpreter has it (this one, or --torch-python).
Every answer is checked against float64, then the systems take turns (A-B-A-B). Written after every case: a
JSON file and a table beside it (benchmarks/results/<gpu>-<date>). Behind all figures come the kernels of one
step of training and of ops that are fused, by profilers in processes of their own (<gpu>-<date>-kernels.md).
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import machine
from gpu import cases, driver, kernels, report
from gpu.cases import PEERS, Case

ROOT = Path(__file__).resolve().parent.parent
ABOUT = (
    "import {0}, json; c = {0}.cuda; print(json.dumps(c.get_device_name() if c.is_available() else None))"
)
COMPILES_AT_ONCE = 4


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--part", nargs="+", default=[], choices=("ops", "train"), help="default: both")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="PATTERN", help="families, family/name globs"
    )
    parser.add_argument(
        "--budget", type=float, default=float("inf"), help="seconds; later cases are left out"
    )
    parser.add_argument(
        "--case-seconds", type=float, default=90, help="at most for one case, all systems together"
    )
    parser.add_argument("--resume", action="store_true", help="keep the rows that the file has")
    parser.add_argument(
        "--peers", nargs="*", default=list(PEERS), choices=[*PEERS, []], help="default: all"
    )
    parser.add_argument(
        "--kernels",
        nargs="*",
        default=list(kernels.PATTERNS),
        metavar="PATTERN",
        help=f"cases whose kernels are listed (default: {' '.join(kernels.PATTERNS)}); nothing: none",
    )
    parser.add_argument("--subject", default="plait", help="module under test")
    parser.add_argument("--python", default=sys.executable, help="interpreter that has the subject")
    parser.add_argument(
        "--torch-python",
        default=os.environ.get("PLAIT_BENCH_TORCH_PYTHON", sys.executable),
        help="interpreter that has PyTorch (environment: PLAIT_BENCH_TORCH_PYTHON; default: this one)",
    )
    parser.add_argument("--device", default="auto", choices=("auto", "cuda", "cpu"), help="the subject's")
    parser.add_argument(
        "--threads", type=int, default=min(4, machine.cores()), help="of each system's host side"
    )
    parser.add_argument("--tiny", action="store_true", help="a dry run: tiny sizes, no figures")
    parser.add_argument("--out", type=Path, help="JSON file (default benchmarks/results/<gpu>-<date>.json)")
    parser.add_argument("--list", action="store_true", help="name the cases and stop")
    parser.add_argument(
        "--warm-compile", action="store_true", help="let torch.compile fill its cache on disk and stop"
    )
    return parser.parse_args(argv)


def device_name(python: str, module: str) -> str | None:
    """The GPU as the library sees it; None without one. Raises CalledProcessError without the library."""
    done = subprocess.run([python, "-c", ABOUT.format(module)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def has_module(python: str, module: str) -> bool:
    probe = f"import importlib.util as u, sys; sys.exit(u.find_spec({module!r}) is None)"
    return subprocess.run([python, "-c", probe], stderr=subprocess.DEVNULL, check=False).returncode == 0


def commit() -> str:
    """The commit that is measured: of the checkout, or as the environment says where there is no git."""
    given = os.environ.get("PLAIT_COMMIT")
    if given:
        return given
    try:
        ask = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"]
        return subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def gpu_facts() -> dict[str, Any]:
    """What nvidia-smi says: nothing is changed."""
    names = (
        "name",
        "driver_version",
        "memory.total",
        "clocks.sm",
        "clocks.mem",
        "temperature.gpu",
        "power.draw",
    )
    command = ["nvidia-smi", f"--query-gpu={','.join(names)}", "--format=csv,noheader"]
    try:
        line = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=30
        ).stdout.splitlines()[0]
    except (OSError, subprocess.SubprocessError, IndexError):
        return {}
    return dict(zip(names, (field.strip() for field in line.split(","))))


class Record:
    """The JSON file and the table, written whole after every case."""

    def __init__(self, path: Path, result: dict[str, Any], registry: dict[str, Case]) -> None:
        self.path, self.result, self.registry = path, result, registry
        path.parent.mkdir(parents=True, exist_ok=True)

    def rows(self) -> dict[str, driver.Row]:
        return {row["key"]: row for row in self.result["rows"]}

    def put(self, row: driver.Row) -> None:
        """In the order of the cases; a new row takes the place of an old one."""
        rows = self.rows() | {row["key"]: row}
        order = {key: i for i, key in enumerate(self.registry)}
        self.result["rows"] = sorted(rows.values(), key=lambda row: order.get(row["key"], len(order)))
        self.write()

    def write(self) -> None:
        most = report.limits({key: row for key, row in self.rows().items() if "skipped" not in row})
        self.result["limits"] = most
        for row in self.result["rows"]:
            if row["key"] in self.registry and "skipped" not in row:
                found = report.judged(
                    self.registry[row["key"]], row, most, self.result["subject"], self.result["dry"]
                )
                row["goals"] = [
                    {"goal": goal, "measured": measured, "met": met} for goal, measured, met in found
                ]
        replace(self.path, json.dumps(self.result, indent=1) + "\n")
        replace(self.path.with_suffix(".md"), report.markdown(self.result, self.registry))
        if breakdown := kernels.markdown(self.result):
            replace(kernels_path(self.path), breakdown)


def replace(path: Path, text: str) -> None:
    """A reader, or a run that is killed, finds the old file or the new one."""
    scratch = path.with_name(path.name + ".tmp")
    scratch.write_text(text)
    os.replace(scratch, path)


def kernels_path(path: Path) -> Path:
    """Of the breakdowns by kernel, beside a result."""
    return path.with_name(f"{path.stem}-kernels.md")


def earlier(path: Path, dry: bool) -> dict[str, Any]:
    """The file of an earlier run, if there is one of the same kind that can be read."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if found.get("dry") == dry else {}


def line(row: driver.Row, subject: str) -> str:
    """A case as it is printed while the run goes on."""
    cells = [f"{label} {report.cell(row, label)}" for label in report.labels_of([row], subject)]
    failed = [
        result["error"].splitlines()[0][:150] for result in row["systems"].values() if "error" in result
    ]
    wrong = [result["wrong"][:150] for result in row["systems"].values() if "wrong" in result]
    return f"{row['key']} ({row['seconds']:.0f} s): " + ", ".join([*cells, *failed, *wrong])


def run(
    args: argparse.Namespace, record: Record, selection: dict[str, Case], systems: dict[str, Any]
) -> None:
    """Measures case by case; what the budget does not suffice for is written down as left out. Then the
    kernels, in processes of their own."""
    end = time.monotonic() + args.budget
    broken_down = kernels.chosen(selection, args.kernels)
    deadline = end - kernels.reserve(args.budget, len(broken_down))
    now = commit()
    for key, case in selection.items():
        before = record.rows().get(key, {"skipped": ""})
        if "skipped" not in before and (
            args.resume or (case.family == "limits" and before["commit"] == now)
        ):
            continue
        left = deadline - time.monotonic()
        if left < 3:
            if "skipped" in before:
                record.put({"key": key, "part": case.part, "skipped": "the time was used up"})
            continue
        asked = driver.systems_of(case, systems, args.subject)
        row = driver.measure(case, asked, args.subject, min(args.case_seconds, left), args.tiny)
        record.put(row | {"commit": now})
        print(line(row, args.subject), flush=True)
    for system in systems.values():
        system.stop()
    asked = {label: driver.fresh(systems[label]) for label in (args.subject, "torch") if label in systems}
    try:
        kernels.ask_all(broken_down, record.rows(), asked, args.subject, end, record.put)
    except Exception as error:  # the figures are written: they are what the run is for
        print(f"kernels: {type(error).__name__}: {error}", flush=True)
    finally:
        for system in asked.values():
            system.stop()


def warm_compile(args: argparse.Namespace, selection: dict[str, Case]) -> int:
    """Compiles the peers' cases, several at once; their cache on disk serves the run that measures."""
    deadline = time.monotonic() + args.budget
    todo = [case for case in selection.values() if "torch.compile" in case.peers]
    todo.sort(key=lambda case: case.part != "train")  # those that take longest

    def peer() -> driver.System:
        systems = driver.make_systems(
            args.subject, args.python, args.torch_python, args.device, list(PEERS), args.tiny, args.threads
        )
        return systems["torch.compile"]

    def one(case: Case) -> str:
        system = peer()
        with tempfile.TemporaryDirectory() as folder:
            reply = system.try_ask(deadline, "prepare", case=case.key, path=str(Path(folder, "answer.npz")))
        system.stop()
        return f"{case.key}: {reply.get('error', 'compiled')}"

    with ThreadPoolExecutor(COMPILES_AT_ONCE) as pool:
        for said in pool.map(one, todo):
            print(said, flush=True)
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    args = parse(argv)
    registry = cases.load()
    selection = cases.load(args.part, args.only)
    if args.list:
        print("\n".join(selection))
        return 0
    torch_python = args.torch_python if has_module(args.torch_python, "torch") else None
    if torch_python is None:
        print(f"{args.torch_python} has no torch: {args.subject} runs alone (see --torch-python)")
    if args.warm_compile:
        return warm_compile(args, selection) if torch_python else 0
    try:
        gpu = device_name(args.python, args.subject)
    except subprocess.CalledProcessError as error:
        last = (error.stderr or "no message").strip().splitlines()[-1]
        print(f"cannot run {args.subject} in {args.python}: {last}", file=sys.stderr)
        return 2
    if gpu is None and not args.tiny:
        print(
            f"{args.subject} finds no CUDA device: nothing is measured (--tiny is a dry run)",
            file=sys.stderr,
        )
        return 2

    date = datetime.datetime.now().isoformat(timespec="seconds")
    named = ROOT / "benchmarks" / "results" / f"{machine.slug(gpu or 'none')}-{date[:10]}.json"
    path = args.out or (ROOT / "build" / "gpu-dry-run.json" if args.tiny else named)
    systems = driver.make_systems(
        args.subject, args.python, torch_python, args.device, args.peers, args.tiny, args.threads
    )
    result: dict[str, Any] = {
        "gpu": gpu or "no GPU",
        "date": date,
        "subject": args.subject,
        "dry": args.tiny,
    }
    result |= {"machine": machine.facts() | gpu_facts(), "systems": {}, "rows": []}
    before = earlier(path, args.tiny)
    result["rows"], result["systems"] = before.get("rows", []), before.get("systems", {})
    for label in (args.subject, *(["torch"] if "torch" in systems else [])):
        result["systems"][label] = systems[label].try_ask(time.monotonic() + 120, "facts")
        print(f"{label}: " + ", ".join(f"{k} {v}" for k, v in result["systems"][label].items()), flush=True)
    record = Record(path, result, registry)
    record.write()
    print(f"writing {path}", flush=True)
    try:
        run(args, record, selection, systems)
    finally:
        for system in systems.values():
            system.stop()
    print(f"\n{path.with_suffix('.md').read_text()}\nresults: {path}")
    wrong = [row for row in result["rows"] if "wrong" in row.get("systems", {}).get(args.subject, {})]
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
