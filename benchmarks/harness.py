"""Drives the workers: turns A-B-A-B, answers checked, ratio of medians with its spread over the rounds."""

import json
import os
import select
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from cases import Case

ROUNDINGS = 8  # an answer may differ by so many roundings in a row, a sum of n terms by sqrt(n) times as many
EPSILON = {"float32": 2.0**-23, "bfloat16": 2.0**-7, "float16": 2.0**-10}
SETTLE = 0.01  # seconds between turns: the other system's threads stop spinning


class WorkerError(Exception):
    """A request that failed, or a worker that died or hung."""


class System:
    """A library under test and the process that runs it; a dead one is started anew at the next request."""

    worker = Path(__file__).with_name("worker.py")

    def __init__(
        self, label: str, module: str, python: str, threads: int, timeout: float,
        arguments: tuple[str, ...] = (),
    ) -> None:
        self.label, self.module, self.python, self.timeout = label, module, python, timeout
        self.arguments = arguments
        pinned = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
        self.environment = os.environ | pinned
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        self.log = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the process)
        self.process = subprocess.Popen(
            [self.python, str(self.worker), self.module, *self.arguments], env=self.environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
        )
        self.reply()

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        """One request, one reply; WorkerError when it failed."""
        if self.process is None:
            self.start()
        assert self.process and self.process.stdin
        try:
            self.process.stdin.write(json.dumps({"do": do, **request}).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it died: `reply` finds out and says how
        reply = self.reply()
        if "error" in reply:
            raise WorkerError(reply["error"])
        return reply

    def reply(self) -> dict[str, Any]:
        assert self.process and self.process.stdout
        ready, _, _ = select.select([self.process.stdout], [], [], self.timeout)
        line = self.process.stdout.readline() if ready else b""
        if line:
            return json.loads(line)
        process = self.process
        if ready:
            process.wait(self.timeout)
        self.stop()
        if not ready:
            raise WorkerError(f"no answer within {self.timeout:.0f} s")
        self.log.seek(0)
        said = self.log.read().decode(errors="replace").strip().splitlines()
        reason = said[-1] if said else "no message"
        raise WorkerError(f"process ended with status {process.returncode}: {reason}")

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
        self.process = None


def difference(answer: Path, reference: Path, case: Case) -> str | None:
    """What is wrong with an answer, or None."""
    got, want = np.load(answer), np.load(reference)
    shapes = [s.item() for s in got["shapes"]], [s.item() for s in want["shapes"]]
    if case.moments is None and shapes[0] != shapes[1]:
        return f"shapes {shapes[0]}, expected {shapes[1]}"
    tolerance = ROUNDINGS * EPSILON[case.dtype] * case.terms**0.5
    for name in (n for n in want.files if n != "shapes"):
        a, b = got[name], want[name]
        if case.moments:
            mean, deviation, size = a
            expected_mean, expected_deviation = case.moments
            noise = 5 * max(expected_deviation, 1e-9) / size**0.5  # five standard errors
            if abs(mean - expected_mean) > noise or abs(deviation - expected_deviation) > 2 * noise:
                return f"mean {mean:.5f}, deviation {deviation:.5f}; expected {case.moments}"
        elif b.dtype.kind != "f":
            if not np.array_equal(a, b):
                return f"{np.count_nonzero(a != b)} of {a.size} compared values differ"
        elif b.size:
            error = np.abs(a - b) / (np.abs(b) + np.sqrt(np.mean(b * b)) + 1e-300)
            worst = float(error.max())  # NaN where only one of them is
            if not worst <= tolerance:
                return f"relative error {worst:.2g}, allowed {tolerance:.2g}"
    return None


def find_reference(case: Case, systems: list[System], path: Path) -> str:
    """Write the float64 answer; the peer, which knows nothing of the subject's code, is asked first."""
    complaint = "no system"
    for system in reversed(systems):
        try:
            return system.ask("reference", case=case.key, path=str(path))["source"]
        except WorkerError as error:
            complaint = f"no reference: {error}"
    raise WorkerError(complaint)


def measure(case: Case, systems: list[System], rounds: int, seconds: float) -> dict[str, Any]:
    """One row of the result. `systems` is the subject, then the peer if there is one."""
    row: dict[str, Any] = {"group": case.group, "name": case.name, "family": case.family, "flops": case.flops}
    row |= {"unit": "s", "systems": {}}
    with tempfile.TemporaryDirectory() as folder:
        reference = Path(folder, "reference.npz")
        try:
            row["reference"] = "moments" if case.moments else find_reference(case, systems, reference)
        except WorkerError as error:
            row["reference"] = str(error)
        alive = []
        for system in systems:
            result = row["systems"][system.label] = {"rounds": []}
            answer = Path(folder, f"{system.label}.npz")
            try:
                reply = system.ask("prepare", case=case.key, seconds=seconds, path=str(answer))
                row["bytes"] = reply["bytes"]
                alive.append(system)
            except WorkerError as error:
                result["error"] = str(error)
                continue
            if case.moments or reference.exists():
                wrong = difference(answer, answer if case.moments else reference, case)
                if wrong:
                    result["wrong"] = wrong
        for _ in range(rounds):
            for system in alive:
                result = row["systems"][system.label]
                time.sleep(SETTLE)
                try:
                    if "error" not in result:
                        result["rounds"].append(system.ask("turn")["seconds"])
                except WorkerError as error:
                    result["error"] = str(error)
    return summarise(row)


def summarise(row: dict[str, Any], typical: Any = statistics.median) -> dict[str, Any]:
    """Add each system's value, and peer / subject with its least and greatest over the rounds."""
    for result in row["systems"].values():
        if result["rounds"] and "error" not in result:
            result["value"] = typical(result["rounds"])
    results = list(row["systems"].values())
    if len(results) == 2 and all("value" in r for r in results):
        subject, peer = results
        ratios = [p / s for s, p in zip(subject["rounds"], peer["rounds"], strict=True)]
        row["ratio"], row["spread"] = peer["value"] / subject["value"], [min(ratios), max(ratios)]
    return row
