"""Times of functions (op_db) on their small sample inputs, where the cost of a call rules: PyTorch's over plait's, one thread, float32."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import plait
import torch
from torch.testing._internal.common_methods_invocations import op_db

from .exchange import converted, leaves
from .op_errors import function_of_plait
from .op_samples import full_name, samples_of, text_of
from .report import Report

BUDGET = 0.004  # seconds for each measurement
ROUNDS = 5
SAMPLES = 12  # of each function


def seconds(call: Callable[[], Any]) -> float:
    """The best of some rounds."""
    call()
    start = time.perf_counter()
    call()
    repeats = max(1, min(200, int(BUDGET / ROUNDS / max(time.perf_counter() - start, 1e-7))))
    rounds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(repeats):
            call()
        rounds.append((time.perf_counter() - start) / repeats)
    return min(rounds)


def best_of(call: Callable[[], Any], rounds: int = 3) -> float:
    """Seconds of a call that takes long enough to be timed alone."""
    call()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def training(library: Any, call: Callable[[], Any], arguments: Any) -> Callable[[], Any] | None:
    """The function with its gradients, of ones."""

    def tensors(value: Any) -> list[Any]:
        return [x for x in leaves(value) if isinstance(x, library.Tensor)]

    inputs = list({id(x): x for x in tensors(arguments) if x.requires_grad}.values())
    weights = [library.ones_like(x) for x in tensors(call()) if x.grad_fn is not None]
    if not inputs or not weights:
        return None

    def both() -> None:
        outputs = [x for x in tensors(call()) if x.grad_fn is not None]
        library.autograd.grad(outputs, inputs, weights, allow_unused=True)

    return both


def ratios(op: Any, ours: Callable[..., Any], sample: Any, differentiable: bool) -> tuple[float, float | None]:
    """Of the function, and of it with its gradients where it has some."""
    theirs = (sample.input, sample.args, sample.kwargs)
    given = converted(theirs)

    def by_torch() -> Any:
        return op(sample.input, *sample.args, **sample.kwargs)

    def by_plait() -> Any:
        return ours(given[0], *given[1], **given[2])

    with torch.no_grad():
        forward = seconds(by_torch)
    with plait.no_grad():
        forward /= seconds(by_plait)
    pair = (training(torch, by_torch, theirs), training(plait, by_plait, given)) if differentiable else (None, None)
    if pair[0] is None or pair[1] is None:
        return forward, None
    return forward, seconds(pair[0]) / seconds(pair[1])


def run(report: Report, names: list[str]) -> None:
    """Prints functions that are slower than PyTorch's, slowest first, and the medians of all."""
    torch.set_num_threads(1)
    plait.set_num_threads(1)
    table: dict[str, tuple[float, float | None, str]] = {}
    for op in op_db:
        ours = function_of_plait(op)
        dtype = torch.float32 if op.supports_dtype(torch.float32, "cpu") else torch.int64
        if ours is None or (names and op.name not in names) or not op.supports_dtype(dtype, "cpu"):
            continue
        samples, differentiable = samples_of(op, dtype, limit=SAMPLES)
        found = []
        for sample in samples:
            try:
                found.append((*ratios(op, ours, sample, differentiable), text_of(sample, dtype)))
                report.same()
            except Exception:  # compared elsewhere
                report.skipped()
        if found:
            backward = [r for _, r, _ in found if r is not None]
            table[full_name(op)] = (
                statistics.median(f for f, _, _ in found),
                statistics.median(backward) if backward else None,
                min(found)[2],
            )
    for name, (forward, backward_, case) in sorted(table.items(), key=lambda entry: entry[1][0]):
        if names or forward < 1 or (backward_ or 1) < 1:
            also = f", with gradients {backward_:.2f}x" if backward_ is not None else ""
            print(f"times {name}: {forward:.2f}x{also}; slowest for {case[:120]}")
    for what, column in (("functions", [row[0] for row in table.values()]), ("with gradients", [row[1] for row in table.values() if row[1]])):
        if column:
            print(f"times: median of {len(column)} {what} {statistics.median(column):.2f}x, {sum(r < 1 for r in column)} below 1x")
