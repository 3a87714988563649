"""What a benchmark case is, and the data it is given.

A case is written once, as a function of a namespace `lib` (plait or torch: the names are the same). Its
`setup` returns the names that a statement needs; the worker times that statement and evaluates `answer`,
whose tensors are checked. The same seed gives every system the same input.
"""

import fnmatch
import importlib
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

SUITES = ("overhead", "ops", "training", "functions")


@dataclass(frozen=True)
class Case:
    """One measured statement.

    `setup(lib, data)` may also return `traffic` (the bytes that one call must at least move, unless `bytes`
    says them) and `numpy` (a callable that computes the answer in NumPy, float64). `terms` is the longest sum
    in the answer: rounding grows with its root. `moments` (mean, deviation) describe a random answer.
    """

    group: str
    name: str
    setup: Callable[[Any, "Data"], dict[str, Any]]
    stmt: str = "run()"
    answer: str = "run()"
    family: str = ""
    dtype: str = "float32"
    flops: float = 0.0
    bytes: int = 0
    terms: int = 1
    moments: tuple[float, float] | None = None

    @property
    def key(self) -> str:
        return f"{self.group}/{self.name}"


class Data:
    """Input tensors from a seed. In the reference run (`exact`) the same values are held in float64."""

    def __init__(self, lib: Any, case: Case, exact: bool = False) -> None:
        self.lib, self.case, self.exact = lib, case, exact
        self.rng = np.random.default_rng(zlib.crc32(case.key.encode()))

    def floats(self, array: np.ndarray) -> Any:
        """`array` in the case's dtype; the reference run holds the same rounded values in float64."""
        t = self.lib.from_numpy(np.array(array, np.float32)).to(getattr(self.lib, self.case.dtype))
        return t.to(self.lib.float64) if self.exact else t

    def normal(self, *shape: int) -> Any:
        return self.floats(self.rng.standard_normal(shape, dtype=np.float32))

    def uniform(self, *shape: int) -> Any:
        return self.floats(self.rng.random(shape, dtype=np.float32))

    def integers(self, high: int, *shape: int) -> Any:
        return self.lib.from_numpy(self.rng.integers(0, high, shape))

    def mask(self, *shape: int) -> Any:
        return self.lib.from_numpy(self.rng.random(shape) < 0.5)

    def module(self, module: Any) -> Any:
        """`module` with every parameter drawn from this seed, not by the library's own initialisation."""
        with self.lib.no_grad():
            for p in module.parameters():
                fan_in = int(np.prod(p.shape[1:])) if p.dim() > 1 else 0
                noise = self.rng.uniform(-1, 1, tuple(p.shape)).astype(np.float32)
                mean = 1.0 if p.dim() == 1 and bool((p == 1).all()) else 0.0  # the scale of a norm
                p.copy_(self.lib.from_numpy(mean + noise * (np.sqrt(3 / fan_in) if fan_in else 0.02)))
        return module.to(self.lib.float64) if self.exact else module


def traffic(*tensors: Any) -> int:
    """Bytes that the tensors hold."""
    return sum(t.numel() * t.element_size() for t in tensors)


def load(patterns: Sequence[str] = ()) -> dict[str, Case]:
    """The cases that match any of `patterns`, by key."""
    cases = [case for suite in SUITES for case in importlib.import_module(suite).cases()]
    result = {case.key: case for case in cases}
    if len(result) < len(cases):
        raise ValueError("two benchmark cases share one group/name")
    return {key: case for key, case in result.items() if selected(key, patterns)}


def selected(key: str, patterns: Sequence[str]) -> bool:
    """Whether `group/name` is one of `patterns` or matches one as a glob; a bare group takes all of it."""
    return not patterns or any(
        key == p or key.split("/")[0] == p.rstrip("/") or fnmatch.fnmatchcase(key, p) for p in patterns
    )
