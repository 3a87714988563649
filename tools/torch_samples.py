"""Runs the databases of PyTorch's own test suite against plait: `make parity`.

PyTorch's wheel carries what its tests are made of (torch.testing._internal): arguments for each function,
wrong arguments, modules with their inputs, optimisers with their options. Each is given to PyTorch and to
plait, and what they return is compared.

    python tools/torch_samples.py --torch-python PATH [database ...] [--only NAME ...] [--everything]

`--torch-python` is an interpreter that has PyTorch, NumPy and SciPy (by default the one that runs this);
plait comes from $PYTHONPATH or the build. Differences that are meant stand, with reasons, in
tests/torch_databases/known.py; anything else is printed, once for each function and kind, and makes the exit
status 1. A whole run lists the entries of that table that it did not meet. DT=float16,int8 in the environment
restricts the dtypes of functions. `times` and `throughput` compare no results: they measure the functions, on
their small inputs and on large ones.
"""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# In the order of their cost.
DATABASES = {
    "schedulers": "schedulers",
    "errors": "op_errors",
    "distributions": "distributions",
    "optimizers": "optimizers",
    "modules": "modules",
    "forms": "op_forms",
    "samples": "op_samples",
    "times": "times",
    "throughput": "throughput",
}
TIMED = ("times", "throughput")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="PyTorch's own test databases, run against plait")
    of = f"of {', '.join(DATABASES)}; default: all but {' and '.join(TIMED)}"
    parser.add_argument("databases", nargs="*", metavar="database", help=of)
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="functions, ... of these names")
    parser.add_argument("--everything", action="store_true", help="print known differences, too")
    parser.add_argument("--torch-python", help="an interpreter that has PyTorch (default: this one)")
    found = parser.parse_args()
    unknown = sorted(set(found.databases) - set(DATABASES))
    if unknown:
        parser.error(f"no database {unknown[0]!r}; choose from {', '.join(DATABASES)}")
    return found


def elsewhere(options: argparse.Namespace) -> int:
    """Runs this program in the interpreter that has PyTorch."""
    command = [options.torch_python, __file__, *options.databases]
    command += ["--everything"] * options.everything
    command += ["--only", *options.only] if options.only else []
    build = str(ROOT / "build" / "release" / "python")
    paths = [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*paths, build])}
    return subprocess.run(command, env=environment, check=False).returncode


def main() -> int:
    """Runs the databases; 1 where something differs that is not known to."""
    options = arguments()
    if options.torch_python:
        return elsewhere(options)
    try:
        import torch
    except ImportError:
        print("there is no PyTorch here; name an interpreter that has it: --torch-python", file=sys.stderr)
        return 2
    sys.path.insert(0, str(ROOT / "tests"))
    from torch_databases.report import Report

    warnings.filterwarnings("ignore")
    reports = []
    for database in options.databases or [name for name in DATABASES if name not in TIMED]:
        torch.manual_seed(0)
        report = Report(database, everything=options.everything)
        importlib.import_module(f"torch_databases.{DATABASES[database]}").run(report, options.only)
        reports.append(report)
    print(*(report.summary() for report in reports), sep="\n")
    if not options.only and not os.environ.get("DT"):
        for entry in [entry for report in reports for entry in report.unmet()]:
            print(f"known, and not met: {entry}")
    return int(any(report.counts["differ"] for report in reports))


if __name__ == "__main__":
    sys.exit(main())
