"""The parts test and suite of gpu_check.py: Python tests, the C++ tests, compute-sanitizer."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from gpu_machine import ask_python, nvcc
from gpu_run import Check, Stop, last_lines, outcome, wait

TEST_SHARE = 0.6  # of the test part's time for pytest, the rest for compute-sanitizer
TEST_WORKERS = 12
ADD_ON_THE_GPU = """
import plait
cuda = plait.cuda
assert cuda.is_available(), "no CUDA device: " + getattr(cuda, "why_unavailable", str)()
x = plait.arange(6.0).to("cuda")
assert (x + x).cpu().tolist() == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
"""
SHOWN = 15  # failures that the summary names
SANITIZER_TOOLS = ("memcheck", "racecheck")
NOT_HERE = ("Device not supported", "not supported on this", "Unable to find", "ERR_NVGPUCTRPERM")


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
        check.start([str(program)], "cpp-tests.log") if program.exists() and not check.args.dry_run else None
    )
    folder = check.root / "tests" / "python"
    paths = [*folder.glob("test_cuda*.py"), folder / "test_distributed_nccl.py", folder / "test_float8.py"]
    files = sorted(str(p.relative_to(check.root)) for p in paths)
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


def suite(check: Check, limit: float) -> None:
    """The tests that were written for the CPU, with CUDA as the default device."""
    check.events = "suite.jsonl"
    asked = subprocess.run(
        [check.args.python, "tools/cuda_suite.py"],
        cwd=check.root,
        env=check.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    files = asked.stdout.split()
    if not files:
        raise Stop("tools/cuda_suite.py names no tests: " + last_lines(asked.stderr, 2))
    problems = python_tests(check, files, limit, "suite.log", ["-p", "cuda_suite"])
    if problems:
        raise Stop("; ".join(problem[:200] for problem in problems))


def python_tests(
    check: Check, files: list[str], limit: float, log: str = "test.log", plugins: Sequence[str] = ()
) -> list[str]:
    """Runs pytest; what went wrong.

    It is read from the events that gpu_pytest.py writes: a run that is ended early tells as much as it found.
    """
    python = check.args.python
    options = ["-q", "-p", "no:cacheprovider", "--tb=short", "--maxfail=200", *plugins]
    if check.args.dry_run:
        options += ["--collect-only"]
    else:
        options += ["-p", "gpu_pytest"]
        has_xdist = (
            ask_python(python, "import importlib.util as u; print(bool(u.find_spec('xdist')))") == "True"
        )
        options += ["-n", str(min(TEST_WORKERS, check.args.jobs))] if has_xdist else []
    begin = time.monotonic()
    status = check.run([python, "-m", "pytest", *options, *files], log, limit)
    took = f"{len(files)} files, {time.monotonic() - begin:.0f} s"
    if check.args.dry_run:
        check.note(f"Python tests ({took}): {outcome(status)}; {last_lines(check.log(log), 1)}")
        return [] if status == 0 else [f"Python tests: {outcome(status)}"]
    ran = read_events(check.log(check.events))
    check.note(
        f"Python tests ({took}): {outcome(status)}; {ran.counts() or last_lines(check.log(log), 1)}"
    )
    for test, text in list(ran.failed.items())[:SHOWN]:
        check.note(f"  {test}: {reason_in(text)[:200]}")
    if len(ran.failed) > SHOWN:
        check.note(f"  and {len(ran.failed) - SHOWN} more, all with their tracebacks in {check.events}")
    for test in sorted(ran.running)[:SHOWN]:
        check.note(f"  not over when the run ended: {test}")
    slowest = sorted(ran.seconds.items(), key=lambda item: -item[1])[:5]
    check.note(
        "slowest: " + ", ".join(f"{name.split('::', 1)[-1]} {seconds:.0f} s" for name, seconds in slowest)
    )
    if status == 0 and "passed" not in ran.outcomes.values():
        return ["no Python test ran: all were skipped"]
    return [] if status == 0 else [f"Python tests: {outcome(status)}, {len(ran.failed)} failed"]


@dataclass
class Ran:
    """What became of the tests."""

    outcomes: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)
    seconds: dict[str, float] = field(default_factory=dict)

    def counts(self) -> str:
        """As pytest says it."""
        return ", ".join(f"{n} {outcome}" for outcome, n in sorted(Counter(self.outcomes.values()).items()))


def read_events(text: str) -> Ran:
    """What gpu_pytest wrote; its last line may have been cut off."""
    ran = Ran()
    for line in text.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if "start" in event:
            ran.running.add(event["start"])
            continue
        ran.running.discard(event["end"])
        if event["end"] in ran.failed:
            continue  # its clean-up, or the end of the process that it cost: not the reason
        ran.outcomes[event["end"]] = event["outcome"]
        ran.seconds[event["end"]] = event["seconds"]
        if event["outcome"] == "failed":
            ran.failed[event["end"]] = event["text"]
    return ran


def reason_in(traceback: str) -> str:
    """The line of a traceback that says what was wrong."""
    lines = [line[2:].strip() for line in traceback.splitlines() if line.startswith("E ")]
    return lines[0] if lines else last_lines(traceback, 1)


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
        command = [
            program,
            *options,
            check.args.python,
            str(check.root / "tools" / "gpu_sanitize.py"),
            *numbers,
        ]
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
