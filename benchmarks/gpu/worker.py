"""One system in a process of its own: requests on stdin, one JSON object a line, replies likewise on stdout.

    python benchmarks/gpu/worker.py MODULE VARIANT DEVICE [--tiny]

    {"do": "prepare", "case": key, "path": file}                set up, save the answer, run once
    {"do": "turn", "warm": 20, "samples": 25, "seconds": 4}     time what is prepared
    {"do": "reference", "case": key, "path": file}              save the answer in float64
    {"do": "kernels", "case": key}                              set up, profile one step: no more figures then
    {"do": "facts"}, {"do": "drop"}

On a CPU (a dry run) the host's clock takes the place of the device's events.
"""

import contextlib
import gc
import importlib
import itertools
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # benchmarks/, whose modules are shared

from gpu.cases import Bench, Case, load  # noqa: E402
from gpu.kernels import profiled  # noqa: E402

SAMPLE = 65_536  # of a larger answer so many elements are compared: both ends, and others evenly spread
LAUNCH = 250e-6  # a timed sample holds so many runs that the events around it do not count
RUNS = 8  # but no more than these
AHEAD = 2e-3  # seconds of other work that let the host run ahead before device time is taken
AT_MOST_AHEAD = 60e-3
AWAKE = 0.03  # seconds of work after which an idle device runs at its full clock
PLUG = 2**28  # bytes copied at a time to keep the device busy
HOST_CALLS = 400  # submitted between two waits: fewer than a launch queue holds


class Host:
    """Time by the host's clock, where there is no CUDA device."""

    def mark(self) -> float:
        return time.perf_counter()

    def seconds(self, begin: float, end: float) -> float:
        return end - begin

    def wait(self) -> None:
        pass

    def occupy(self, seconds: float) -> None:
        pass


class Device:
    """Time by events of the device's stream."""

    def __init__(self, lib: Any, tiny: bool) -> None:
        self.cuda, self.lib, self.tiny = lib.cuda, lib, tiny
        self.wait = lib.cuda.synchronize
        self.plug: Any = None

    def mark(self) -> Any:
        event = self.cuda.Event(enable_timing=True)
        event.record()
        return event

    def seconds(self, begin: Any, end: Any) -> float:
        return begin.elapsed_time(end) / 1e3

    def occupy(self, seconds: float) -> None:
        """Give the device about so much to do; a dry run has none."""
        if self.tiny:
            return
        if self.plug is None:
            self.plug = [self.lib.zeros(PLUG // 4, device="cuda") for _ in range(2)]
        for _ in range(1 + int(seconds / (2 * PLUG / 4e12))):
            self.plug[0].copy_(self.plug[1])


class Worker:
    def __init__(self, module: str, variant: str, device: str, tiny: bool) -> None:
        self.lib = importlib.import_module(module)
        self.variant, self.tiny = variant, tiny
        available = self.lib.cuda.is_available()
        self.device = ("cuda" if available else "cpu") if device == "auto" else device
        self.clock: Any = Device(self.lib, tiny) if self.device == "cuda" else Host()
        self.lib.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "4")))
        self.configure()
        self.cases = load()
        self.names: dict[str, Any] = {}
        self.case: Case | None = None
        self.first_profile: dict[str, Any] = {}
        gc.collect()
        gc.freeze()  # collecting between cases need not walk a whole library

    def configure(self) -> None:
        """Both sides alike: float32 means float32, and cuDNN chooses by measuring."""
        backends = self.lib.backends
        backends.cuda.matmul.allow_tf32 = backends.cudnn.allow_tf32 = False
        backends.cudnn.benchmark = True
        if self.variant == "cudnn":
            for kind in ("flash", "mem_efficient", "math"):
                getattr(backends.cuda, f"enable_{kind}_sdp")(False)
            backends.cuda.enable_cudnn_sdp(True)
        if self.variant == "compile":
            import torch._dynamo
            import torch._functorch.config

            torch._dynamo.config.automatic_dynamic_shapes = False
            torch._functorch.config.donated_buffer = (
                False  # a graph is gone through backward more than once
            )

    def facts(self) -> dict[str, Any]:
        facts = {"version": self.lib.__version__, "python": sys.version.split()[0], "numpy": np.__version__}
        facts |= {"device": self.device, "path": str(Path(self.lib.__file__).parent)}
        if self.device == "cuda":
            facts["gpu"] = self.lib.cuda.get_device_name()
            with contextlib.suppress(Exception):
                facts["cudnn"] = self.lib.backends.cudnn.version()
            with contextlib.suppress(Exception):
                facts["cuda"] = self.lib.version.cuda
        return facts

    def drop(self) -> None:
        self.names, self.case = {}, None
        if self.device == "cuda":
            self.clock.plug = None
        gc.collect()
        if self.variant == "compile":
            self.lib.compiler.reset()
        self.release()

    def release(self) -> None:
        """Memory for the other systems."""
        if self.device == "cuda":
            self.lib.cuda.empty_cache()

    def set_up(
        self, case: Case, checking: bool, exact: bool = False, most_sets: int = 16
    ) -> dict[str, Any]:
        self.lib.manual_seed(0)
        variant = "eager" if exact else self.variant
        bench = Bench(self.lib, case, self.device, variant, exact, checking, self.tiny, most_sets)
        return {"sets": 1, "bytes": 0, "flops": 0.0, "items": 0, "item": "", "calls": 1} | case.setup(bench)

    def prepare(self, case: str, path: str) -> dict[str, Any]:
        self.drop()
        chosen = self.cases[case]
        # A compiler would compile the smaller problem first; what it makes is the peer's own affair.
        checked = chosen.checked and not (chosen.apart and self.variant == "compile")
        names = {}
        if checked or not chosen.apart:
            names = self.set_up(chosen, chosen.apart)
            if checked:
                self.save_answer(path, names)
            if chosen.apart:
                names = {}
                self.drop()
        self.names, self.case = names or self.set_up(chosen, False), chosen
        self.once()
        reply = {key: self.names[key] for key in ("bytes", "flops", "items", "item")}
        return reply | {"checked": checked}

    def once(self) -> None:
        """Chooses algorithms, compiles, allocates."""
        assert self.case
        for i in range(min(2, self.names["sets"])):
            self.names["run"](*(() if self.case.timing == "step" else (i,)))
        self.clock.wait()
        if self.case.timing == "step":
            self.release()  # between its turns a training holds its weights and no activations

    def kernels(self, case: str) -> dict[str, Any]:
        """Those of one step, of inputs that were not used just before where there are several sets."""
        if self.device != "cuda":
            raise ValueError("there is no CUDA device to profile")
        importlib.import_module(f"{self.lib.__name__}.profiler")
        self.drop()
        chosen = self.cases[case]
        if not self.first_profile:  # it pays for what is loaded, and says what is said once
            some = self.lib.zeros(8, device="cuda")
            self.first_profile = profiled(self.lib, some.exp, self.clock.wait)
        self.names, self.case = self.set_up(chosen, False, most_sets=3), chosen
        self.once()
        run, last = self.names["run"], self.names["sets"] - 1
        self.names.get("begin", lambda: None)()
        found = profiled(self.lib, run if chosen.timing == "step" else lambda: run(last), self.clock.wait)
        self.drop()
        note = {"note": self.first_profile["note"]} if "note" in self.first_profile else {}
        return note | found

    def turn(self, warm: int, samples: int, seconds: float) -> dict[str, Any]:
        assert self.case, "no case is prepared"
        gc.collect()
        gc.disable()
        try:
            self.clock.occupy(AWAKE)
            self.names.get("begin", lambda: None)()
            return {"host": self.host, "step": self.step, "device": self.on_device}[self.case.timing](
                warm, samples, seconds
            )
        finally:
            gc.enable()

    def host(self, warm: int, samples: int, seconds: float) -> dict[str, Any]:
        """The host's time for a call, the device's left out: nothing waits but between the samples."""
        run, calls = self.names["run"], 5 if self.tiny else HOST_CALLS
        calls = max(1, calls // self.names["calls"])
        times = []
        for i in range(warm + samples):
            begin = time.perf_counter()
            for _ in range(calls):
                run(0)
            end = time.perf_counter()
            self.clock.wait()
            if i >= warm:
                times.append((end - begin) / calls / self.names["calls"])
        return {"times": times}

    def step(self, warm: int, samples: int, seconds: float) -> dict[str, Any]:
        """The time from the end of one step to the end of the next, whoever the steps wait for."""
        run, mark = self.names["run"], self.clock.mark
        cuda = self.lib.cuda if self.device == "cuda" else None
        begin = time.perf_counter()
        for _ in range(warm):
            run()
        self.clock.wait()
        one = (time.perf_counter() - begin) / max(warm, 1)
        samples = max(3, min(samples, int(seconds / max(one, 1e-9))))
        if cuda:
            self.clock.plug = None  # its memory is not the step's
            cuda.reset_peak_memory_stats()
        begin = time.perf_counter()
        marks = [mark()]
        for _ in range(samples):
            run()
            marks.append(mark())
        submitted = time.perf_counter() - begin
        self.clock.wait()
        times = [self.clock.seconds(a, b) for a, b in itertools.pairwise(marks)]
        reply = {"times": times, "host": submitted / samples}
        if cuda:
            reply["peak"] = cuda.max_memory_allocated()
            self.release()
        return reply

    def on_device(self, warm: int, samples: int, seconds: float) -> dict[str, Any]:
        """The device's time for a run, the host's left out: other work keeps the device behind the host."""
        run, sets, mark = self.names["run"], self.names["sets"], self.clock.mark
        kept: list[Any] = [None] * sets  # results rotate as the inputs do
        for i in range(warm):
            kept[i % sets] = run(i % sets)
        self.clock.wait()
        begin, first = time.perf_counter(), mark()
        for i in range(5):
            kept[i % sets] = run(i % sets)
        last, submitted = mark(), (time.perf_counter() - begin) / 5
        self.clock.wait()
        one = max(self.clock.seconds(first, last) / 5, 1e-9)
        runs = 1 if self.tiny else max(1, min(RUNS, int(LAUNCH / one)))
        samples = max(3, min(samples, int(seconds / (one * runs))))
        behind = samples * runs * submitted - samples * runs * min(one, submitted)
        marks, n = [], 0
        self.clock.occupy(min(AT_MOST_AHEAD, AHEAD + 1.2 * behind))
        for _ in range(samples):
            begin = mark()
            for _ in range(runs):
                kept[n % sets] = run(n % sets)
                n += 1
            marks.append((begin, mark()))
        self.clock.wait()
        times = [self.clock.seconds(a, b) / runs for a, b in marks]
        return {"times": times, "host": submitted}

    def reference(self, case: str, path: str) -> dict[str, str]:
        self.drop()
        chosen = self.cases[case]
        self.save_answer(path, self.set_up(chosen, chosen.apart, exact=True))
        self.drop()
        return {"source": f"{self.lib.__name__} in float64"}

    def save_answer(self, path: str, names: dict[str, Any]) -> None:
        found = self.flatten(names["answer"]() if "answer" in names else names["run"](0))
        np.savez(
            path, *(self.sample(t) for t in found), shapes=np.array([str(tuple(t.shape)) for t in found])
        )

    def flatten(self, answer: Any) -> list[Any]:
        if isinstance(answer, (list, tuple)):
            return [t for item in answer for t in self.flatten(item)]
        return [answer.detach()]

    def sample(self, t: Any) -> np.ndarray:
        """Its elements as float64, or some of them, always the same."""
        t = t.contiguous().view(-1)
        if t.numel() > SAMPLE:
            step = t.numel() // (SAMPLE // 2) | 1
            t = self.lib.cat([t[: SAMPLE // 4], t[::step], t[-SAMPLE // 4 :]])
        t = t.to(self.lib.float64) if t.is_floating_point() else t
        return t.cpu().numpy()


def main() -> None:
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not mix with the replies
    module, variant, device, *rest = sys.argv[1:]
    worker = Worker(module, variant, device, "--tiny" in rest)
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
