"""Builds plait for the GPU of this machine, tests it there and measures it: `make gpu-check`.

    make gpu-check                               # all parts, in under nine minutes on 16 cores
    make gpu-check PARTS=build,test              # some of them
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
import signal
import subprocess
import sys
import sysconfig
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gpu_machine import (
    architecture,
    ask_python,
    gpu_name,
    has_onednn,
    nvcc,
    output_of,
    pybind11_folder,
    tool,
    unpack,
    vendor_headers,
)

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("build", "test", "ops", "train")
WEIGHTS = {"build": 200, "test": 90, "ops": 105, "train": 130}  # how the parts share the time
BUILD_AT_MOST = 0.62  # of all the time: the other parts are worth nothing without it
BUDGET = 525  # seconds; a part that is done sooner leaves the rest to the later ones
FIRST = ["plait", "_C", "plait_package", "plait_onednn", "plait_cuda"]  # before the C++ tests
TEST_SHARE = 0.6  # of the test part's time for pytest, the rest for compute-sanitizer
TEST_WORKERS = 8
ADD_ON_THE_GPU = """
import plait
cuda = plait.cuda
assert cuda.is_available(), "no CUDA device: " + getattr(cuda, "why_unavailable", str)()
x = plait.arange(6.0).to("cuda")
assert (x + x).cpu().tolist() == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
"""
PYTEST_PLUGINS = (
    "import importlib.util as u; print(*(n for n in ('xdist', 'pytest_timeout') if u.find_spec(n)))"
)
HAS_CATCH = """
#if __has_include(<catch2/catch.hpp>) || __has_include(<catch2/catch_all.hpp>)
found_catch
#endif
"""
SANITIZER_TOOLS = ("memcheck", "racecheck")
NOT_HERE = ("Device not supported", "not supported on this", "Unable to find", "ERR_NVGPUCTRPERM")


def say(text: str) -> None:
    """Print at once: what a run was doing when it was stopped must be seen."""
    print(text, flush=True)


class Stop(Exception):
    """A part cannot go on; the message says why and what to do."""


class Check:
    """One run: its clock, folders and what there is to report."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.started = time.monotonic()
        self.folder = ROOT / "build" / "gpu-check"
        self.folder.mkdir(parents=True, exist_ok=True)
        for old in self.folder.iterdir():
            old.unlink()
        self.build = Path(args.build).resolve()
        self.package = self.build / "python"
        self.lines: list[str] = []
        self.results: Path | None = None
        self.compiling: subprocess.Popen | None = None

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
        env["PYTHONPATH"] = os.pathsep.join([*paths, *filter(None, [env.get("PYTHONPATH")])])
        env["PYTHONUNBUFFERED"] = "1"
        env.setdefault("TORCHINDUCTOR_CACHE_DIR", str(ROOT / "build" / "gpu-inductor"))
        env.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "4")
        env.setdefault("PLAIT_EXTENSIONS_DIR", str(ROOT / "build" / "gpu-extensions"))
        return env

    def start(self, command: Sequence[str], log: str) -> subprocess.Popen:
        """A process group of its own, so that all of it can be ended; its output goes to a log."""
        with (self.folder / log).open("a") as out:
            out.write(f"$ {' '.join(command)}\n")
            out.flush()
            return subprocess.Popen(
                command,
                cwd=ROOT,
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


def outcome(status: int | None) -> str:
    """An exit status in a word."""
    return "out of time" if status is None else "ok" if status == 0 else f"failed ({status})"


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


def last_lines(text: str, count: int) -> str:
    """The end of a log on one line."""
    return " | ".join(line.strip()[:300] for line in text.strip().splitlines()[-count:])


# --- test -------------------------------------------------------------------------------------------------


def test(check: Check, limit: float) -> None:
    """CUDA's Python tests, the C++ tests, compute-sanitizer."""
    until = time.monotonic() + limit
    python = check.args.python
    problems: list[str] = []
    seen = check.run([python, "-c", ADD_ON_THE_GPU], "test.log", 60) == 0
    if not seen:
        problems.append("plait does not add on the GPU: " + last_lines(check.log("test.log"), 2))
        check.note(problems[-1])

    program = check.build / "tests" / "cpp" / "plait_tests"
    cpp = (
        check.start([str(program)], "cpp-tests.log")
        if program.exists() and not check.args.dry_run
        else None
    )
    folder = ROOT / "tests" / "python"
    paths = [*folder.glob("test_cuda*.py"), folder / "test_float8.py"]
    files = sorted(str(p.relative_to(ROOT)) for p in paths)
    if not files:
        problems.append("there are no tests/python/test_cuda*.py")
    else:
        problems += python_tests(check, files, min(limit * TEST_SHARE, until - time.monotonic()))
    if cpp:
        status = wait(cpp, max(5.0, until - time.monotonic() - 20))
        check.note(f"C++ tests: {outcome(status)}; {last_lines(check.log('cpp-tests.log'), 2)}")
        if status != 0:
            problems.append(f"C++ tests: {outcome(status)}")
    elif not check.args.dry_run:
        check.note("C++ tests: not built")
    if seen and not check.args.dry_run:
        problems += sanitizer(check, until - time.monotonic())
    else:
        check.note("compute-sanitizer: not run (needs a working GPU)")
    if problems:
        raise Stop("; ".join(problem[:200] for problem in problems))


def python_tests(check: Check, files: list[str], limit: float) -> list[str]:
    """Runs pytest; what went wrong."""
    python = check.args.python
    plugins = ask_python(python, PYTEST_PLUGINS).split()
    options = ["-q", "-p", "no:cacheprovider", "--tb=short", "-rfE", "--maxfail=200"]
    if check.args.dry_run:
        options = ["-q", "--collect-only", "-p", "no:cacheprovider"]
    else:
        options += ["-n", str(min(TEST_WORKERS, check.args.jobs))] if "xdist" in plugins else []
        options += ["--timeout=60"] if "pytest_timeout" in plugins else []
    begin = time.monotonic()
    status = check.run([python, "-m", "pytest", *options, *files], "test.log", limit)
    text = check.log("test.log")
    counts = re.findall(r"^(?:=+ )?(\d+ [a-z]+.*? in [\d.]+s.*)$", text, re.MULTILINE)
    check.note(
        f"Python tests ({len(files)} files, {time.monotonic() - begin:.0f} s): "
        f"{outcome(status)}; {counts[-1].strip('= ') if counts else last_lines(text, 1)}"
    )
    failed = re.findall(r"^(?:FAILED|ERROR) (.*)$", text, re.MULTILINE)
    for line in failed[:15]:
        check.note(f"  {line[:230]}")
    if len(failed) > 15:
        check.note(f"  and {len(failed) - 15} more")
    if status == 0 and counts and " passed" not in f" {counts[-1]}" and not check.args.dry_run:
        return ["no Python test ran: all were skipped"]
    return [] if status == 0 else [f"Python tests: {outcome(status)}, {len(failed)} failed"]


def sanitizer(check: Check, limit: float) -> list[str]:
    """memcheck and racecheck beside each other; on some machines the tool does not run, which is said."""
    homes = [
        Path(nvcc()).parent,
        Path("/usr/local/cuda/bin"),
        *Path("/opt/nvidia").glob("*/compute-sanitizer"),
    ]
    program = shutil.which("compute-sanitizer") or next(
        (str(home / "compute-sanitizer") for home in homes if (home / "compute-sanitizer").exists()), ""
    )
    if not program:
        check.note("compute-sanitizer: not installed; not checked")
        return []
    if limit < 15:
        check.note("compute-sanitizer: no time was left; not checked")
        return []
    until = time.monotonic() + limit
    with ThreadPoolExecutor(len(SANITIZER_TOOLS)) as pool:
        found = pool.map(lambda name: sanitize_with(check, program, name, until), SANITIZER_TOOLS)
        return [problem for problem in found if problem]


def sanitize_with(check: Check, program: str, name: str, until: float) -> str:
    """One tool over the samples of the ops; what it found. A run that dies is taken up behind that op."""
    log, first, died = f"{name}.log", 0, []
    while True:
        seconds = int(until - time.monotonic() - 10)
        options = ["--tool", name, "--error-exitcode", "77", "--print-limit", "20"]
        options += ["--report-api-errors", "no"]  # libraries try calls that may fail
        numbers = [str(seconds), "1" if name == "racecheck" else "0", str(first)]
        command = [program, *options, check.args.python, str(ROOT / "tools" / "gpu_sanitize.py"), *numbers]
        status = wait(check.start(command, log), until - time.monotonic())
        text = check.log(log)
        ops = re.findall(r"^op (\d+) (\S+)$", text, re.MULTILINE)
        done = re.findall(r"gpu_sanitize: (.*)", text)
        refused = next((line for line in text.splitlines() if any(mark in line for mark in NOT_HERE)), "")
        if done or refused or not ops or int(ops[-1][0]) < first:
            break
        died.append(ops[-1][1])
        first = int(ops[-1][0]) + 1
        if status is None or until - time.monotonic() < 20 or len(died) == 8:
            break
    if refused:
        check.note(f"{name}: does not run on this machine; not checked: {refused.strip('= ')[:160]}")
        return ""
    summaries = re.findall(r"(?:ERROR|RACECHECK) SUMMARY: (.*)", text)
    what = f"{'; '.join(dict.fromkeys(summaries)) or outcome(status)}; {len(set(ops))} ops, {'; '.join(done)}"
    if died and status is not None:
        what += f"; died in {', '.join(died)}"
    if status in (0, None) and not re.search(r"SUMMARY: [1-9]", text) and (status is None or not died):
        check.note(f"{name}: clean{' as far as it came' if status is None else ''}: {what}")
        return ""
    check.note(f"{name}: NOT CLEAN: {what}")
    report = r"^=+ ((?:Invalid|Error|Race|Hazard|Program hit|.*Warning: Race).*)$"
    for line in re.findall(report, text, re.MULTILINE)[:6]:
        check.note(f"  {line[:200]}")
    return f"{name}: {what}"


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
            {"build": build, "test": test}[part](check, limit)
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
    parser.add_argument("--parts", default=env("PARTS") or ",".join(PARTS), help="build,test,ops,train")
    parser.add_argument(
        "--budget", type=float, default=float(env("BUDGET") or BUDGET), help="seconds in all"
    )
    parser.add_argument("--build", default=str(ROOT / "build" / "gpu"), help="build folder")
    parser.add_argument(
        "--deps", default=env("GPU_DEPS") or str(ROOT / ".gpu-deps"), help="what tools/gpu_deps.sh fetched"
    )
    parser.add_argument(
        "--python", default=sys.executable, help="interpreter to build for and to test with"
    )
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
    """Writes the summary and copies what matters to $OUT; the summary's text."""
    words = ", ".join(f"{part} {'ok' if good else 'FAILED'}" for part, good in verdicts.items())
    took = time.monotonic() - check.started
    text = f"# gpu-check: {words} ({took:.0f} s)\n" + "\n".join(check.lines) + "\n"
    (check.folder / "summary.md").write_text(text)
    out = os.environ.get("OUT")
    files = list(delivered(check))
    if out:
        Path(out).mkdir(parents=True, exist_ok=True)
        for path in files[:8]:  # more does not come back from some machines
            shutil.copyfile(path, Path(out) / path.name)
    return text


def delivered(check: Check) -> Iterator[Path]:
    """Files worth keeping, the most important first."""
    results = [check.results, check.results.with_suffix(".md")] if check.results else []
    logs = [
        "build.log",
        "test.log",
        "memcheck.log",
        "racecheck.log",
        "train.log",
        "ops.log",
        "cpp-tests.log",
        "failures.log",
    ]
    for path in [check.folder / "summary.md", *results, *(check.folder / name for name in logs)]:
        if path.exists() and path.stat().st_size < 16 << 20:
            yield path


def main(argv: Sequence[str] | None = None) -> int:
    """Run the parts, in order."""
    args = parse(argv)
    check = Check(args)
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
