"""What a GPU case is, what it must reach, and the data and the variant that it runs with.

A case is written once, as a function of a namespace `lib` (plait or torch: the names are the same). Its
`setup` is given a `Bench` and returns what the worker needs:

    run         what is timed: `run(i)` takes the i-th set of inputs (timing "device" and "host"), `run()` is
                one step of a training or a decoding (timing "step")
    answer      gives the tensors that are checked; without it, run(0) does
    begin       called before each turn
    bytes       that one run must at least move; flops; items (tokens, images) and their name `item`
"""

import fnmatch
import importlib
import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
from cases import Data

MODULES = ("gpu.ops", "gpu.training")
L2 = 60e6  # bytes that stay in an H200's L2
BLOCK = 4_194_301  # random numbers that a large tensor repeats; a prime, so that no two rows are alike
GRAPH_STEPS = 3  # run before a capture, as libraries choose algorithms and allocate state at first use

# Peers: label -> (module, variant). A variant is what setup and worker do otherwise.
PEERS = {
    "torch": ("torch", "eager"),
    "torch.compile": ("torch", "compile"),
    "torch cuDNN": ("torch", "cudnn"),  # attention by cuDNN and nothing else
    "torch fused": ("torch", "fused"),  # the optimiser with fused=True
    "torch autocast": ("torch", "autocast"),  # the loss as an autocast region computes it, in float32
}


@dataclass(frozen=True)
class Goal:
    """What a case must reach; the best of `subjects` counts."""

    kind: str  # ratio, copy, bandwidth, flops, items, seconds, memory
    limit: float
    peer: str = "torch"
    subjects: tuple[str, ...] = ("plait",)


def faster(limit: float, peer: str = "torch", *subjects: str) -> Goal:
    """The peer's time is at least `limit` times the subject's."""
    return Goal("ratio", limit, peer, subjects or ("plait",))


def of_copy(limit: float) -> Goal:
    """At least this share of the bandwidth of a copy measured in the same run."""
    return Goal("copy", limit)


@dataclass(frozen=True)
class Case:
    """One measured piece of work. `terms` is the longest sum in the answer: rounding grows with its root;
    or the relative `tolerance` is given.

    With `apart` the answer comes from a smaller problem of the same code, set up for it. `alone`: nothing
    else may use the GPU while it is set up, because libraries then choose algorithms by timing them, or
    because of its size.
    """

    part: str
    family: str
    name: str
    setup: Callable[["Bench"], dict[str, Any]]
    timing: str = "device"
    dtype: str = "float32"
    terms: int = 1
    tolerance: float = 0.0
    goals: tuple[Goal, ...] = ()
    peers: tuple[str, ...] = ("torch",)
    variants: tuple[str, ...] = ("eager",)
    apart: bool = False
    alone: bool = False
    checked: bool = True

    @property
    def key(self) -> str:
        return f"{self.family}/{self.name}"


class Bench(Data):
    """A library on a device, in one variant, and inputs from the case's seed."""

    def __init__(
        self,
        lib: Any,
        case: Case,
        device: str,
        variant: str = "eager",
        exact: bool = False,
        checking: bool = False,
        tiny: bool = False,
        most_sets: int = 16,
    ) -> None:
        super().__init__(lib, case, exact)
        self.most_sets = most_sets
        self.device, self.variant, self.checking, self.tiny = device, variant, checking, tiny
        self.is_torch = lib.__name__ == "torch"
        self.on_cuda = device.startswith("cuda")
        self.F = lib.nn.functional
        self.dtype = lib.float64 if exact else getattr(lib, case.dtype, None)
        self._block: Any = None

    def size(self, full: int, tiny: int, check: int | None = None) -> int:
        """`full`, or the size of a dry run or of the check."""
        if self.tiny:
            return tiny
        return check if self.checking and check is not None else full

    # --- inputs -------------------------------------------------------------------------------------------

    def floats(self, array: np.ndarray) -> Any:
        return super().floats(array).to(self.device)

    def integers(self, high: int, *shape: int) -> Any:
        return super().integers(high, *shape).to(self.device)

    def normal(self, *shape: int) -> Any:
        """Random numbers. Large tensors repeat a block, which is put together on the device."""
        n = math.prod(shape)
        if n <= BLOCK:
            return super().normal(*shape)
        if self._block is None:
            self._block = super().normal(BLOCK)
        out = self.lib.empty(n, dtype=self.dtype, device=self.device)
        done, start = 0, int(self.rng.integers(0, BLOCK))
        while done < n:
            count = min(BLOCK - start, n - done)
            out[done : done + count].copy_(self._block[start : start + count])
            done, start = done + count, 0
        return out.view(*shape)

    def leaf(self, *shape: int) -> Any:
        return self.normal(*shape).requires_grad_()

    def sets(self, make: Callable[[], Any]) -> list[Any]:
        """So many sets of inputs that they do not stay in the L2 from one use to the next."""
        first = make()
        held = sum(t.numel() * t.element_size() for t in tensors_of(first))
        count = 2 if self.tiny else min(self.most_sets, max(1, math.ceil(4 * L2 / held)))
        return [first, *(make() for _ in range(count - 1))]

    # --- how it runs --------------------------------------------------------------------------------------

    def compiled(self, function: Callable, mode: str | None = None) -> Callable:
        """The function, or what torch.compile makes of it."""
        if self.variant != "compile" or self.exact:
            return function
        return self.lib.compile(function, dynamic=False, **({"mode": mode} if mode else {}))

    def autocast(self) -> AbstractContextManager:
        """The case's dtype where it pays; float64 stays in the reference run."""
        lower = self.case.dtype != "float32" and not self.exact
        dtype = getattr(self.lib, self.case.dtype) if lower else self.lib.bfloat16
        return self.lib.autocast(device_type=self.device.split(":")[0], dtype=dtype, enabled=lower)

    def scaler(self) -> Any:
        """The GradScaler of a float16 case. It begins low: a first step that it skips is none of the
        reference's."""
        enabled = self.case.dtype == "float16" and self.on_cuda and not self.exact
        return self.lib.amp.GradScaler("cuda", init_scale=1024.0, enabled=enabled)

    def module(self, module: Any, channels_last: bool = False) -> Any:
        """The model with weights from the case's seed, in float32 (float64 in the reference run)."""
        module = super().module(module).to(self.device)
        return module.to(memory_format=self.lib.channels_last) if channels_last else module

    def optimizer(self, name: str, params: Any, **options: Any) -> Any:
        """Of a training step: PyTorch's is asked for with fused=True, its fastest."""
        if self.is_torch and "fused" not in options:
            options["fused"] = True
        if self.variant == "graph" and name != "SGD":
            options["capturable"] = True
        return getattr(self.lib.optim, name)(params, **options)

    def captured(
        self, step: Callable[[], Any], zero_grad: Callable[[], Any] | None = None
    ) -> Callable[[], Any]:
        """The step as it is, after GRAPH_STEPS runs; in the variant "graph", a replay of its capture."""
        if self.variant != "graph":
            for _ in range(GRAPH_STEPS):
                step()
            return step
        cuda = self.lib.cuda
        stream = cuda.Stream()
        stream.wait_stream(cuda.current_stream())
        with cuda.stream(stream):
            for _ in range(GRAPH_STEPS):
                step()
        cuda.current_stream().wait_stream(stream)
        if zero_grad:
            zero_grad()
        graph = cuda.CUDAGraph()
        with cuda.graph(graph):
            result = step()

        # The graph reads and writes the memory of the model and its inputs, which `step` keeps alive.
        def replay(*, _kept: Callable[[], Any] = step) -> Any:
            graph.replay()
            return result

        return replay


def tensors_of(value: Any) -> list[Any]:
    """The tensors in nested lists and tuples."""
    if isinstance(value, (list, tuple)):
        return [t for item in value for t in tensors_of(item)]
    return [value] if hasattr(value, "element_size") else []


def load(parts: Sequence[str] = (), patterns: Sequence[str] = ()) -> dict[str, Case]:
    """The cases of these parts that match any of the patterns, by key. What others are measured by comes
    first and always."""
    cases = [case for module in MODULES for case in importlib.import_module(module).cases()]
    result = {case.key: case for case in cases}
    if len(result) < len(cases):
        raise ValueError("two GPU cases share one family/name")
    return {
        key: case
        for key, case in result.items()
        if case.family == "limits" or ((not parts or case.part in parts) and selected(key, patterns))
    }


def selected(key: str, patterns: Sequence[str]) -> bool:
    """Whether family/name matches a pattern as a glob; a bare family takes all of it."""
    return not patterns or any(
        key == p or key.split("/")[0] == p.rstrip("/") or fnmatch.fnmatchcase(key, p) for p in patterns
    )
