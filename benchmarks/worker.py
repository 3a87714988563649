"""One system in a process of its own: requests on stdin, one JSON object a line, replies likewise on stdout.

    {"do": "prepare", "case": key, "seconds": 0.05, "path": file}   set up, save the answer, choose the loops
    {"do": "turn"}                                                  time the prepared case: seconds a call
    {"do": "reference", "case": key, "path": file}                  save the answer in float64
    {"do": "facts"}, {"do": "limits"}, {"do": "drop"}
"""

import gc
import importlib
import json
import os
import statistics
import sys
import timeit
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from cases import Case, Data, load

BATCHES = 5  # a turn is this many timed batches; their median counts
SLOW = 0.5  # seconds from which on one call is enough
SAMPLE = 65_536  # of a larger answer so many elements are compared, always the same ones


class Worker:
    def __init__(self, system: str) -> None:
        self.lib = importlib.import_module(system)
        self.threads = int(os.environ["OMP_NUM_THREADS"])
        if hasattr(self.lib, "set_num_threads"):
            self.lib.set_num_threads(self.threads)
        self.cases = load()
        self.drop()

    def drop(self) -> None:
        self.timer: timeit.Timer | None = None
        self.loops = 1
        gc.collect()

    def facts(self) -> dict[str, Any]:
        python = sys.version.split()[0]
        versions = {"version": self.lib.__version__, "python": python, "numpy": np.__version__}
        return versions | {"threads": self.threads}

    def prepare(self, case: str, seconds: float, path: str) -> dict[str, Any]:
        self.drop()
        chosen = self.cases[case]
        self.lib.manual_seed(0)
        names = chosen.setup(self.lib, Data(self.lib, chosen))
        self.save(path, chosen, eval(chosen.answer, names))
        timer = timeit.Timer(chosen.stmt, globals=names)
        self.once = timer.timeit(1)
        while timer.timeit(self.loops) < seconds / BATCHES and self.loops < 1 << 24:
            self.loops *= 2
        self.timer = timer
        return {"bytes": chosen.bytes or names.get("traffic", 0)}

    def turn(self) -> dict[str, float]:
        assert self.timer, "no case is prepared"
        gc.collect()
        if self.once < SLOW:
            self.timer.timeit(1)  # back into the caches
        batches = BATCHES if self.loops > 1 else 3 if self.once < SLOW else 1
        times = [self.timer.timeit(self.loops) / self.loops for _ in range(batches)]
        return {"seconds": statistics.median(times)}

    def reference(self, case: str, path: str) -> dict[str, str]:
        self.drop()
        chosen = self.cases[case]
        names = chosen.setup(self.lib, Data(self.lib, chosen, exact=True))
        if "numpy" in names:
            self.save(path, chosen, names["numpy"]())
            return {"source": "NumPy"}
        self.save(path, chosen, eval(chosen.answer, names))
        return {"source": f"{self.lib.__name__} in float64"}

    def save(self, path: str, case: Case, answer: Any) -> None:
        arrays = [parts(np.asarray(a)) for a in self.flatten(answer)]
        if case.moments:
            arrays = [np.array([a.mean(), a.std(), a.size]) for a in arrays]
        np.savez(path, *(sample(a) for a in arrays), shapes=np.array([str(a.shape) for a in arrays]))

    def flatten(self, answer: Any) -> list[Any]:
        if isinstance(answer, (list, tuple)):
            return [a for item in answer for a in self.flatten(item)]
        if hasattr(answer, "detach"):
            answer = answer.detach()
            return [(answer.to(self.lib.float64) if answer.is_floating_point() else answer).numpy()]
        return [answer]

    def limits(self) -> dict[str, float]:
        """Bytes a second that a copy reads and writes, flops a second of a large float32 product."""
        source, target = np.ones(1 << 26, np.float32), np.ones(1 << 26, np.float32)
        halves = (np.array_split(array, self.threads) for array in (source, target))
        parts = list(zip(*halves, strict=True))
        with ThreadPoolExecutor(self.threads) as pool:
            copy = best(lambda: list(pool.map(lambda part: np.copyto(part[1], part[0]), parts)))
        n = 2048
        a = np.random.default_rng(0).standard_normal((n, n), dtype=np.float32)
        t = self.lib.from_numpy(a)
        product = min(best(lambda: a @ a), best(lambda: t @ t))
        return {"copy": 2 * source.nbytes / copy, "flops": 2 * n**3 / product}


def parts(a: np.ndarray) -> np.ndarray:
    """Real and imaginary parts along a last dimension, of complex numbers."""
    return np.stack([a.real, a.imag], -1) if np.iscomplexobj(a) else a


def sample(a: np.ndarray) -> np.ndarray:
    return a if a.size <= SAMPLE else a.ravel()[np.random.default_rng(0).integers(0, a.size, SAMPLE)]


def best(function: Any, times: int = 5) -> float:
    function()
    return min(timeit.repeat(function, number=1, repeat=times))


def main() -> None:
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not mix with the replies
    worker = Worker(sys.argv[1])
    print(json.dumps({"ready": True}), file=replies, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = getattr(worker, request.pop("do"))(**request) or {}
        except Exception as error:  # a missing op must not stop the run
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main()
