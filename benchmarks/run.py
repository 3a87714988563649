"""plait beside PyTorch, in one run.

    python benchmarks/run.py                                 # everything
    python benchmarks/run.py --quick --only overhead         # one group, short turns
    python benchmarks/run.py --only 'ops/matmul*' training   # groups and patterns of group/name
    python benchmarks/run.py --subject torch                 # PyTorch beside itself: this machine's noise

Each system runs in a process of its own, PyTorch where an interpreter has it (this one, or --torch-python).
They take turns on every case, with the same seeds, inputs and threads; an answer that differs from a float64
reference by more than rounding is marked WRONG. Written: a table, the geometric means and goals, a JSON file
and a plot beside it. The last columns are the share of the measured peak of a matrix product, or of the copy
bandwidth, that a case reaches; data that stay in the caches pass 100%.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cases
import harness
import machine
import program
import report

PEER = "torch"
Row = report.Row
Systems = list[harness.System]


def has_module(python: str, module: str) -> bool:
    probe = f"import importlib.util as u, sys; sys.exit(u.find_spec({module!r}) is None)"
    return subprocess.run([python, "-c", probe], stderr=subprocess.DEVNULL, check=False).returncode == 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    raw = argparse.RawDescriptionHelpFormatter
    threads = int(os.environ.get("OMP_NUM_THREADS", machine.cores()))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--only", nargs="+", default=[], metavar="PATTERN", help="groups, group/name globs")
    parser.add_argument("--quick", action="store_true", help="two rounds of short turns: no measurement")
    parser.add_argument("--rounds", type=int, help="turns of each system on each case (default 5)")
    parser.add_argument("--threads", type=int, default=threads, help="of each system (default: the cores)")
    parser.add_argument("--timeout", type=float, default=120, help="seconds until a request counts as hung")
    parser.add_argument("--subject", default="plait", help="module under test")
    parser.add_argument("--python", default=sys.executable, help="interpreter that has the subject")
    parser.add_argument(
        "--torch-python", default=os.environ.get("PLAIT_BENCH_TORCH_PYTHON", sys.executable),
        help="interpreter that has PyTorch (environment: PLAIT_BENCH_TORCH_PYTHON; default: this one)",
    )
    parser.add_argument("--out", type=Path, help="JSON file (default benchmarks/results/<date>-<cpu>.json)")
    parser.add_argument("--readme", action="store_true", help="write the figures into README.md")
    parser.add_argument("--list", action="store_true", help="name the cases and stop")
    args = parser.parse_args(argv)
    args.rounds = args.rounds or (2 if args.quick else 5)
    return args


def start(args: argparse.Namespace) -> Systems:
    """The subject, and the peer where there is one."""
    chosen = [(args.subject, args.subject, args.python if args.subject != PEER else args.torch_python)]
    if has_module(args.torch_python, PEER):
        chosen.append((PEER if args.subject != PEER else "torch 2", PEER, args.torch_python))
    else:
        print(f"{args.torch_python} has no {PEER}: {args.subject} runs alone (see --torch-python)")
    return [harness.System(*names, threads=args.threads, timeout=args.timeout) for names in chosen]


def measure(args: argparse.Namespace, systems: Systems, selection: dict[str, cases.Case]) -> dict[str, Any]:
    """Facts, limits and rows; each row is printed as it comes."""
    labels = [system.label for system in systems]
    result: dict[str, Any] = {
        "date": datetime.datetime.now().isoformat(timespec="seconds"),
        "machine": machine.facts(), "systems": {system.label: system.ask("facts") for system in systems},
        "labels": labels, "threads": args.threads, "rounds": args.rounds, "quick": args.quick, "rows": [],
    }
    print("  ".join(f"{name}: {value}" for name, value in result["machine"].items()))
    for label, facts in result["systems"].items():
        print(f"{label}: " + "  ".join(f"{name} {value}" for name, value in facts.items()))
    measured = [system.ask("limits") for system in systems] if selection else []
    result["limits"] = {name: max(m[name] for m in measured) for name in (measured[0] if measured else ())}
    if measured:
        copy, flops = (result["limits"][name] / 1e9 for name in ("copy", "flops"))
        print(f"limits, {args.threads} threads: copy {copy:.1f} GB/s, float32 {flops:.0f} GFLOP/s")
    for row in rows_of(args, systems, selection):
        if not result["rows"] or result["rows"][-1]["group"] != row["group"]:
            print(report.heading(row["group"], labels))
        print(report.line(row, labels, result["limits"]), flush=True)
        result["rows"].append(row)
    return result


def rows_of(args: argparse.Namespace, systems: Systems, selection: dict[str, cases.Case]) -> Iterator[Row]:
    for case in selection.values():
        yield harness.measure(case, systems, args.rounds, 0.01 if args.quick else 0.05)
    for system in systems:
        system.stop()
    yield from program.measure(systems, args.only, args.quick)


def write_readme(text: str) -> None:
    """Puts the figures between the two marks in README.md."""
    readme = Path(__file__).parent.parent / "README.md"
    before, _, rest = readme.read_text().partition("<!-- measured -->\n")
    _, _, after = rest.partition("<!-- end -->")
    readme.write_text(f"{before}<!-- measured -->\n{text}\n<!-- end -->{after}")


def main(argv: Sequence[str] | None = None) -> int:
    args = parse(argv)
    selection = cases.load(args.only)
    if args.list:
        print("\n".join(selection))
        return 0
    systems = start(args)
    try:
        result = measure(args, systems, selection)
    except harness.WorkerError as error:
        print(f"cannot run {args.subject}: {error}", file=sys.stderr)
        return 2
    finally:
        for system in systems:
            system.stop()
    rows, labels = result["rows"], result["labels"]
    if not rows:
        print(f"no case matches {args.only}; --list names them", file=sys.stderr)
        return 2

    print(*report.summary(rows, labels[0]), sep="\n")
    name = f"{result['date'][:10]}-{machine.slug(result['machine']['cpu'])}.json"
    out = args.out or Path(__file__).with_name("results") / name
    out.parent.mkdir(parents=True, exist_ok=True)
    result["means"] = report.means(rows)
    result["goals"] = [{"goal": g, "measured": m, "met": met} for g, m, met in report.goals(rows, labels[0])]
    out.write_text(json.dumps(result, indent=1) + "\n")
    title = f"{result['machine']['cpu']}, {args.threads} threads, {result['date'][:10]}"
    print(f"\nresults: {out}\n{report.plot(rows, labels, title, out.with_suffix('.png'))}")
    if args.readme:
        write_readme(report.markdown(result))
    return int(any("wrong" in row["systems"][labels[0]] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
