"""Builds plait for the GPU of this machine, tests it there and measures it: `make gpu-check`.

    make gpu-check                               # all parts, in under nine minutes on 16 cores
    make gpu-check PARTS=build,test              # some of them
    make gpu-check PARTS=build,suite             # tests written for the CPU, on the device
    python3 tools/gpu_check.py --parts ops       # where there is no make
    python3 tools/gpu_check.py --dry-run         # without a GPU: configures, collects tests, no figures

For a bare machine without a network: a Python with NumPy and pytest, nvcc, cmake, ninja, g++. What else the
build needs is looked for in .gpu-deps (tools/gpu_deps.sh fetches it where there is a network); without
oneDNN or Catch2 it builds without. Every part reports on its own, and one that fails does not stop the
others. Logs and a summary go to build/gpu-check, results to benchmarks/results; all of it also to $OUT
where that is set.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

import gpu_tests
from gpu_machine import (
    architecture,
    gpu_name,
    has_onednn,
    nvcc,
    output_of,
    pybind11_folder,
    tool,
    unpack,
    vendor_headers,
)
from gpu_run import DEFAULT_PARTS, PARTS, Check, Stop, end, last_lines, outcome, say, wait

ROOT = Path(__file__).resolve().parent.parent
BUDGET = 525  # seconds; a part that is done sooner leaves the rest to the later ones
FIRST = ["plait", "_C", "plait_package", "plait_onednn", "plait_cuda"]  # before the C++ tests
HAS_CATCH = """
#if __has_include(<catch2/catch.hpp>) || __has_include(<catch2/catch_all.hpp>)
found_catch
#endif
"""


def machine_facts(check: Check) -> None:
    """Writes down what there is; the build part decides what it cannot do without."""
    python = check.args.python
    check.note(f"GPU: {gpu_name() or 'none found by nvidia-smi'}, sm_{architecture()}")
    versions = {
        "nvcc": (nvcc(), "--version"),
        "g++": ("g++", "--version"),
        "cmake": (tool(python, "cmake"), "--version"),
        "ninja": (tool(python, "ninja"), "--version"),
    }
    for name, command in versions.items():
        said = output_of(*command) if command[0] else ""
        release = re.search(r"release ([\d.]+)|(\d+\.\d[\w.+]*)", said)
        check.note(f"{name}: {release[0] if release else 'MISSING'}")
    check.note(f"python: {output_of(python, '-V')} ({python}), {os.cpu_count()} cores")


# --- build ------------------------------------------------------------------------------------------------


def configure_command(check: Check) -> list[str]:
    """How CMake is called; Stop where something is missing that cannot be done without."""
    python = check.args.python
    programs = {
        "cmake": tool(python, "cmake"),
        "ninja": tool(python, "ninja"),
        "g++": tool(python, "g++"),
        "nvcc": nvcc(),
    }
    missing = [name for name, path in programs.items() if not path]
    ask = "import sysconfig; print(sysconfig.get_path('include'))"
    header = Path(output_of(python, "-c", ask) or sysconfig.get_path("include")) / "Python.h"
    if not header.exists():
        missing.append(f"Python.h ({header}; Debian's package python3-dev)")
    if missing:
        raise Stop(f"missing: {', '.join(missing)}")

    prefix = check.build.parent / "gpu-deps"
    brought = unpack(Path(check.args.deps), prefix)
    check.note(
        f"brought in {check.args.deps}: {', '.join(brought) or 'nothing (tools/gpu_deps.sh fetches it)'}"
    )
    pybind11 = pybind11_folder(python, prefix)
    if not pybind11:
        raise Stop("missing: pybind11 3 (pip install 'pybind11>=3.1', or tools/gpu_deps.sh)")
    probe = subprocess.run(
        [programs["g++"], "-E", "-x", "c++", "-", f"-I{prefix / 'include'}"],
        capture_output=True,
        text=True,
        input=HAS_CATCH,
        check=False,
    )
    with_tests = "found_catch" in probe.stdout
    with_onednn = "oneDNN" in brought or has_onednn(python)
    if not with_onednn:
        check.note("without oneDNN: the CPU's products and convolutions are slow in this build")
    if not with_tests:
        check.note("without Catch2: no C++ tests")
    arch = architecture()
    options = {
        "CMAKE_BUILD_TYPE": "Release",
        "Python_EXECUTABLE": python,
        "CMAKE_MAKE_PROGRAM": programs["ninja"],
        "CMAKE_PREFIX_PATH": str(prefix),
        "pybind11_DIR": pybind11,
        "PLAIT_CUDA": "ON",
        "PLAIT_NVCC": programs["nvcc"],
        "PLAIT_CUDA_EMULATOR": "OFF",
        "PLAIT_CUDA_GENCODE": f"arch=compute_{arch},code=sm_{arch}",
        "PLAIT_ONEDNN": "ON" if with_onednn else "OFF",
        "PLAIT_TESTS": "ON" if with_tests else "OFF",
        **vendor_headers(python),
    }
    command = [programs["cmake"], "-S", str(ROOT), "-B", str(check.build), "-G", "Ninja"]
    return [*command, *(f"-D{name}={value}" for name, value in options.items())]


def build(check: Check, limit: float) -> None:
    """Libraries, Python module, C++ tests: real code for this GPU alone."""
    until = time.monotonic() + limit
    machine_facts(check)
    command = configure_command(check)
    begin = time.monotonic()
    if (status := check.run(command, "build.log", min(limit, 150))) != 0:
        raise Stop(f"CMake: {outcome(status)}: " + last_lines(check.log("build.log"), 12))
    check.note(f"configured in {time.monotonic() - begin:.0f} s")
    for absent in re.findall(r"-- (.* not found[^\n]*)", check.log("build.log")):
        check.note(absent)
    ninja = [tool(check.args.python, "ninja"), "-C", str(check.build), "-k", "0", f"-j{check.args.jobs}"]
    if check.args.dry_run:
        commands = output_of(ninja[0], "-C", str(check.build), "-t", "commands")
        check.note(f"a dry run: {len(commands.splitlines())} commands would build it")
        return
    begin = time.monotonic()
    known = output_of(ninja[0], "-C", str(check.build), "-t", "targets", "all")
    first = [name for name in FIRST if re.search(rf"^{name}: ", known, re.MULTILINE)]
    status = check.run([*ninja, *first], "build.log", until - time.monotonic())
    check.note(
        f"libraries and module: {outcome(status)} in {time.monotonic() - begin:.0f} s, {compile_times(check)}"
    )
    failed = re.findall(r"^FAILED: (?:\[code=\d+\] )?(\S+)", check.log("build.log"), re.MULTILINE)
    if failed:
        check.note(f"failed: {', '.join(failed[:12])}{' ...' if len(failed) > 12 else ''}")
        for error in re.findall(r"^.*\berror\b.*$", check.log("build.log"), re.MULTILINE)[:8]:
            check.note(f"  {error.strip()[:220]}")
    ask = "import plait; print(plait.__version__, plait.cuda.is_available())"
    if check.run([check.args.python, "-c", ask], "build.log", 60) != 0:
        raise Stop("plait cannot be imported: " + last_lines(check.log("build.log"), 4))
    if status != 0:
        raise Stop(f"not everything was built ({outcome(status)}); the other parts run with what there is")
    if check.run(ninja, "build.log", max(5.0, until - time.monotonic())) != 0:
        check.note("the C++ tests were not built: " + last_lines(check.log("build.log"), 3))


def compile_times(check: Check) -> str:
    """What ninja's log says of the time that compiling took, and the slowest files."""
    path = check.build / ".ninja_log"
    if not path.exists():
        return "no ninja log"
    rows = [line.split("\t") for line in path.read_text().splitlines() if not line.startswith("#")]
    seconds = {
        row[3]: (int(row[1]) - int(row[0])) / 1e3 for row in rows if len(row) > 3 and row[3].endswith(".o")
    }
    slowest = sorted(seconds.items(), key=lambda item: -item[1])[:5]
    names = ", ".join(f"{Path(name).name.removesuffix('.o')} {s:.0f} s" for name, s in slowest)
    return f"{len(seconds)} objects, {sum(seconds.values()):.0f} s of compiling; slowest: {names}"


# --- measure ----------------------------------------------------------------------------------------------


def bench(check: Check, part: str, limit: float) -> None:
    """benchmarks/gpu.py; a driver that dies is started again where it stopped."""
    until = time.monotonic() + limit
    command = [
        check.args.python,
        "benchmarks/gpu.py",
        "--part",
        part,
        "--case-seconds",
        str(min(75, limit / 2)),
    ]
    if check.args.dry_run:
        only = check.args.only or ["submission", "training/MLP*"]
        command += ["--tiny", "--out", str(check.folder / "dry-run.json"), "--only", *only]
    elif check.args.only:
        command += ["--only", *check.args.only]
    log = f"{part}.log"
    for attempt in (0, 1):
        seconds = until - time.monotonic()
        if seconds < 15:
            break
        more = ["--resume"] if attempt else []
        status = check.run([*command, "--budget", str(int(seconds - 8)), *more], log, seconds)
        found = re.findall(r"^writing (.*\.json)$", check.log(log), re.MULTILINE)
        check.results = Path(found[-1]) if found else check.results
        if status in (0, 1, 2):
            break
        check.note(f"the benchmark ended: {outcome(status)}; {last_lines(check.log(log), 2)}")
    listed = re.findall(r"^kernels of .*$", check.log(log), re.MULTILINE)
    check.note(f"kernels of {len(listed)} cases were listed (<results>-kernels.md)")
    goals = re.findall(r"^\*\*Goals: (.*)\*\*$", check.log(log), re.MULTILINE)
    ran = re.findall(r"^[a-z ]+/.*[(][0-9]+ s[)]: ", check.log(log), re.MULTILINE)
    check.note(f"{len(ran)} cases ran; goals so far: {goals[-1] if goals else 'none judged'}")
    if status != 0:
        reason = {1: "an answer was wrong", 2: "it could not start"}.get(status or 0, outcome(status))
        raise Stop(f"{reason}: {last_lines(check.log(log), 1)}" if status == 2 else reason)


def warm_compile(check: Check) -> None:
    """Lets torch.compile fill its cache while the build and the tests run, gently."""
    parts = [p for p in ("ops", "train") if p in check.args.parts]
    if check.args.dry_run or not parts or check.args.parts[0] not in ("build", "test"):
        return
    command = [
        "nice",
        "-n",
        "10",
        check.args.python,
        "benchmarks/gpu.py",
        "--warm-compile",
        "--part",
        *parts,
    ]
    with contextlib.suppress(OSError):
        check.compiling = check.start([*command, "--budget", str(int(0.6 * check.left()))], "compile.log")


def stop_compiling(check: Check, patience: float) -> None:
    """Nothing else may use the GPU while it is measured."""
    if check.compiling:
        begin = time.monotonic()
        status = wait(check.compiling, patience)
        compiled = check.log("compile.log").count(": compiled")
        check.note(
            f"torch.compile's cache: {outcome(status)}, {compiled} cases compiled beforehand "
            f"(waited {time.monotonic() - begin:.0f} s)"
        )
        check.compiling = None


# --- the whole --------------------------------------------------------------------------------------------


def run_part(check: Check, part: str) -> bool:
    """One part, whatever it raises; says how it went."""
    limit, begin = check.limit(part), time.monotonic()
    say(f"== {part} (at {begin - check.started:.0f} s, at most {limit:.0f} s)")
    check.lines.append(f"\n## {part}\n")
    try:
        if part in ("ops", "train"):
            stop_compiling(check, min(40.0, 0.2 * check.left()))
            bench(check, part, check.limit(part))
        else:
            {"build": build, "test": gpu_tests.test, "suite": gpu_tests.suite}[part](check, limit)
        verdict, good = "ok", True
    except Stop as error:
        verdict, good = f"FAILED: {error}", False
    except Exception as error:
        (check.folder / "failures.log").open("a").write(traceback.format_exc())
        verdict, good = f"FAILED: {type(error).__name__}: {error}", False
    check.note(f"{part}: {verdict} ({time.monotonic() - begin:.0f} s)")
    return good


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line; PARTS, BUDGET, JOBS and GPU_DEPS of the environment are the defaults."""
    env = os.environ.get
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", default=env("PARTS") or ",".join(DEFAULT_PARTS), help=",".join(PARTS))
    parser.add_argument("--budget", type=float, default=float(env("BUDGET") or BUDGET), help="seconds in all")
    parser.add_argument("--build", default=str(ROOT / "build" / "gpu"), help="build folder")
    parser.add_argument(
        "--deps", default=env("GPU_DEPS") or str(ROOT / ".gpu-deps"), help="what tools/gpu_deps.sh fetched"
    )
    parser.add_argument("--python", default=sys.executable, help="interpreter to build for and to test with")
    parser.add_argument("--jobs", type=int, default=int(env("JOBS") or os.cpu_count() or 1))
    parser.add_argument("--only", nargs="+", default=[], metavar="PATTERN", help="cases of ops and train")
    parser.add_argument("--dry-run", action="store_true", help="configure, collect, measure nothing")
    args = parser.parse_args(argv)
    names = [name for name in re.split(r"[,\s]+", args.parts) if name]
    unknown = [name for name in names if name not in PARTS]
    if unknown or not names:
        parser.error(f"PARTS must be some of {', '.join(PARTS)}; got {args.parts!r}")
    args.parts = [part for part in PARTS if part in names]
    return args


def deliver(check: Check, verdicts: dict[str, bool]) -> str:
    """Writes the summary; copies it, the results and all logs to $OUT. The summary's text."""
    words = ", ".join(f"{part} {'ok' if good else 'FAILED'}" for part, good in verdicts.items())
    took = time.monotonic() - check.started
    text = f"# gpu-check: {words} ({took:.0f} s)\n" + "\n".join(check.lines) + "\n"
    (check.folder / "summary.md").write_text(text)
    out = os.environ.get("OUT")
    if out:
        Path(out).mkdir(parents=True, exist_ok=True)
        results = [check.results, check.results.with_suffix(".md")] if check.results else []
        results += [path.with_name(f"{path.stem}-kernels.md") for path in results[:1]]
        for path in [check.folder / "summary.md", *filter(Path.exists, results)]:
            shutil.copyfile(path, Path(out) / path.name)
        with tarfile.open(
            Path(out) / "logs.tar.xz", "w:xz"
        ) as logs:  # one file: only a few come back from some machines
            for path in sorted(check.folder.iterdir()):
                logs.add(path, path.name)
    return text


def main(argv: Sequence[str] | None = None) -> int:
    """Run the parts, in order."""
    args = parse(argv)
    check = Check(args, ROOT)
    warm_compile(check)
    verdicts: dict[str, bool] = {}
    try:
        for part in args.parts:
            verdicts[part] = run_part(check, part)
            deliver(check, verdicts)  # a machine that is taken back leaves what was done until then
    finally:
        if check.compiling:
            end(check.compiling)
        summary = deliver(check, verdicts)
    table = check.results.with_suffix(".md") if check.results else None
    say(f"\n{table.read_text() if table and table.exists() else ''}\n{summary}")
    return 0 if all(verdicts.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
