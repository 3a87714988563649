"""Drives the workers: answers checked against float64 first, then turns A-B-A-B. Every case gets a row."""

import datetime
import statistics
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import harness
import numpy as np
from harness import WorkerError

from .cases import PEERS, Case

Row = dict[str, Any]
ROUNDS = 2
PREPARING = (
    0.6  # of a case's time at most: a compiler that takes longer must not keep the others from their turns
)
WARM, WARM_AGAIN = 20, 5  # runs before the first and before the later turns of a system
SAMPLES = 50  # over all turns
# Errors after which a process is as good as before; after any other its CUDA context may be lost.
HARMLESS = ("NotImplementedError", "AttributeError", "TypeError", "ValueError", "ImportError", "KeyError")


class System(harness.System):
    """A library in one variant; the plain one of the subject carries the subject's name."""

    worker = Path(__file__).with_name("worker.py")

    def try_ask(self, deadline: float, do: str, **request: Any) -> dict[str, Any]:
        """A reply, or {"error": why there is none}."""
        self.timeout = min(self.limit, deadline - time.monotonic())
        if self.timeout <= 0:
            return {"error": "the time for this case was used up"}
        try:
            return self.ask(do, **request)
        except WorkerError as error:
            if not str(error).startswith(HARMLESS):
                self.stop()
            return {"error": str(error)}

    def __init__(
        self, label: str, module: str, variant: str, python: str, device: str, tiny: bool, threads: int
    ):
        arguments = (variant, device, *(["--tiny"] if tiny else []))
        super().__init__(label, module, python, threads, 600, arguments)
        self.variant, self.limit = variant, 600.0
        self.made_of = (module, variant, device, tiny, threads)


def fresh(system: System) -> System:
    """The same library in another process, which starts when it is first asked something."""
    module, variant, device, tiny, threads = system.made_of
    return System(system.label, module, variant, system.python, device, tiny, threads)


def systems_of(case: Case, systems: dict[str, System], subject: str) -> list[System]:
    """The subject's variants, then the peers; of those that there are."""
    labels = [subject if v == "eager" else f"{subject} {v}" for v in case.variants]
    return [systems[label] for label in (*labels, *case.peers) if label in systems]


def make_systems(
    subject: str,
    python: str,
    torch_python: str | None,
    device: str,
    peers: Iterable[str],
    tiny: bool,
    threads: int,
) -> dict[str, System]:
    """All that cases may ask for; a process starts when it is first asked something."""
    wanted = [(subject, subject, "eager", python), (f"{subject} graph", subject, "graph", python)]
    if torch_python:
        wanted += [(label, *PEERS[label], torch_python) for label in peers]
    return {
        label: System(
            label, module, variant, interpreter, device if module == subject else "auto", tiny, threads
        )
        for label, module, variant, interpreter in wanted
    }


def deviation(answer: Path, reference: Path) -> float | str:
    """The largest relative difference of an element, small ones measured by the root mean square; or what is
    wrong with the shapes."""
    got, want = np.load(answer), np.load(reference)
    shapes = [s.item() for s in got["shapes"]], [s.item() for s in want["shapes"]]
    if shapes[0] != shapes[1]:
        return f"shapes {shapes[0]}, expected {shapes[1]}"
    worst = 0.0
    for name in (n for n in want.files if n != "shapes"):
        a, b = got[name].astype(np.float64), want[name].astype(np.float64)
        if b.size:
            error = np.abs(a - b) / (np.abs(b) + np.sqrt(np.mean(b * b)) + 1e-300)
            worst = max(worst, float(np.nan_to_num(error, nan=np.inf).max()))
    return worst


def tolerance(case: Case) -> float:
    """Sums run in float32; the answer, and what lies between on the way to it, is rounded to the case's
    dtype."""
    sums = harness.EPSILON["float32"] * case.terms**0.5
    rounded = harness.EPSILON[case.dtype] / 2 if case.dtype != "float32" else 0
    return case.tolerance or harness.ROUNDINGS * (sums + rounded)


def check(case: Case, result: Row, answer: Path, reference: Path) -> None:
    """Notes how far an answer is off, and whether that is too far."""
    found = deviation(answer, reference)
    if isinstance(found, str):
        result["wrong"] = found
        return
    result["deviation"] = found
    if not found <= tolerance(case):
        result["wrong"] = f"relative error {found:.2g}, allowed {tolerance(case):.2g}"


def measure(case: Case, systems: list[System], subject: str, seconds: float, tiny: bool) -> Row:
    """The row of a case. Nothing is raised: what failed is written down with its message."""
    begin = time.monotonic()
    deadline, prepared = begin + seconds, begin + PREPARING * seconds
    row: Row = {
        "key": case.key,
        "part": case.part,
        "family": case.family,
        "name": case.name,
        "dtype": case.dtype,
    }
    row |= {
        "timing": case.timing,
        "at": datetime.datetime.now().isoformat(timespec="seconds"),
        "systems": {},
    }
    with tempfile.TemporaryDirectory() as folder:
        reference = Path(folder, "reference.npz")
        row["reference"] = find_reference(case, systems, reference, prepared) if case.checked else "none"

        def prepare(system: System) -> tuple[System, dict[str, Any]]:
            path = Path(folder, f"{system.label}.npz")
            reply = system.try_ask(prepared, "prepare", case=case.key, path=str(path))
            return system, reply

        # Together, as most of it is the host's work, unless algorithms are chosen by their time.
        with ThreadPoolExecutor(1 if case.alone else len(systems)) as pool:
            replies = list(pool.map(prepare, systems))
        for system, reply in replies:
            result: Row = {"times": [], "rounds": []}
            row["systems"][system.label] = result
            if "error" in reply:
                result["error"] = reply["error"]
                continue
            row |= {key: reply[key] for key in ("bytes", "flops", "items", "item")}
            answer = Path(folder, f"{system.label}.npz")
            if case.checked and not reply["checked"]:
                result["unchecked"] = "not checked"
            elif case.checked and reference.exists():
                check(case, result, answer, reference)
    take_turns(systems, row, deadline, tiny)
    for system in systems:
        if system.process:
            system.limit = 30
            system.try_ask(time.monotonic() + 30, "drop")
            system.limit = 600
    row["seconds"] = round(time.monotonic() - begin, 1)
    return row


def find_reference(case: Case, systems: list[System], path: Path, deadline: float) -> str:
    """Writes the float64 answer; the peer, which knows nothing of the subject's code, is asked first."""
    complaint = "no system"
    peers = [s for s in systems if s.variant == "eager"]
    for system in reversed(peers or systems[:1]):
        reply = system.try_ask(deadline, "reference", case=case.key, path=str(path))
        if "error" not in reply:
            return reply["source"]
        complaint = f"{system.label}: {reply['error']}"
    return f"no reference: {complaint}"


def take_turns(systems: list[System], row: Row, deadline: float, tiny: bool) -> None:
    """A-B-A-B. A system that is wrong is not timed: a wrong answer is not fast."""
    alive = [s for s in systems if not {"error", "wrong"} & row["systems"][s.label].keys()]
    left = max(1.0, deadline - time.monotonic())
    each = 0.6 * left / max(1, ROUNDS * len(alive))  # of sampling; the rest is for warming up
    for turn in range(ROUNDS):
        for system in list(alive):
            result = row["systems"][system.label]
            warm, samples = (1, 3) if tiny else (WARM if turn == 0 else WARM_AGAIN, SAMPLES // ROUNDS)
            reply = system.try_ask(deadline, "turn", warm=warm, samples=samples, seconds=each)
            if "error" in reply:
                result["error"] = reply["error"]
                alive.remove(system)
                continue
            result["times"] += reply["times"]
            result["rounds"].append(statistics.median(reply["times"]))
            for name in ("host", "peak"):
                if name in reply:
                    result[name] = reply[name]
    for result in row["systems"].values():
        times = result.pop("times")
        if times and "error" not in result:
            result |= {"value": statistics.median(times), "samples": len(times)}
            result["quartiles"] = [float(q) for q in np.quantile(times, [0.25, 0.75])]
