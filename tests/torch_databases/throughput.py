"""Times of functions on large inputs, where memory traffic and kernels rule: PyTorch's over plait's, one thread.

The database names the functions with one operand, with two, and those that reduce (op_db); each is measured for every dtype and
layout below, alone and with its gradients. Functions of other forms have one typical call each in large_calls.py.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from types import SimpleNamespace
from typing import Any

import plait
import torch
from torch.testing import make_tensor
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.opinfo.core import BinaryUfuncInfo, ReductionOpInfo, UnaryUfuncInfo

from .exchange import converted, to_plait
from .large_calls import CALLS, tensors
from .op_errors import function_of_plait
from .op_samples import full_name
from .report import Report
from .times import best_of, training

ROWS = 1000  # and columns
DTYPES = ("float32", "float64", "bfloat16", "float16", "int64", "int32", "uint8", "bool", "complex64")
DTYPES_OF_GRADIENTS = ("float32", "bfloat16", "complex64")
LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "contiguous": lambda x: x,
    "transposed": lambda x: x.t(),
    "every second": lambda x: x.repeat_interleave(2, 1)[:, ::2],
}


def rows_of_3(x: Any) -> Any:
    """Coordinates: the innermost dimension is short, and not all of memory's row."""
    return x.reshape(-1, 4)[:, :3]


Call = tuple[Callable[[], Any], tuple[Any, ...]]  # and its arguments
Case = tuple[str, Call, Call]  # a name, PyTorch's call, plait's


def matrix(op: Any, dtype: Any, *shape: int) -> Any:
    """Values that the function is defined for."""
    low, high = getattr(op, "domain", (None, None))
    if dtype.is_floating_point or dtype.is_complex:
        low = -3.0 if low is None else low + 0.1
        high = low + 6 if high is None else high - 0.1
    elif dtype != torch.bool:
        low, high = 1, 9
    return make_tensor(shape, device="cpu", dtype=dtype, low=low, high=high)


def requiring_grad(value: Any) -> Any:
    """Tensors as leaves that require a gradient, where their dtype has one."""
    if isinstance(value, tuple):
        return tuple(map(requiring_grad, value))
    known = isinstance(value, torch.Tensor) and (value.is_floating_point() or value.is_complex())
    return value.detach().requires_grad_() if known else value


def of_database(names: list[str], gradients: bool) -> Iterator[Case]:
    for op in op_db:
        ours = function_of_plait(op)
        if ours is None or (names and op.name not in names) or (gradients and not op.supports_autograd):
            continue
        for text in DTYPES_OF_GRADIENTS if gradients else DTYPES:
            dtype = getattr(torch, text)
            if not op.supports_dtype(dtype, "cpu"):
                continue
            for form, args, kwargs in forms(op, dtype):
                theirs = requiring_grad(args) if gradients else args
                given = converted((theirs, kwargs))
                yield (
                    f"{full_name(op)} {text} {form}",
                    (partial(op.op, *theirs, **kwargs), theirs),
                    (partial(ours, *given[0], **given[1]), given[0]),
                )


def of_calls(names: list[str], gradients: bool) -> Iterator[Case]:
    theirs = tensors()
    if gradients:
        theirs = {name: requiring_grad(x) for name, x in theirs.items()}
    ours = {name: to_plait(x) for name, x in theirs.items()}
    for name, call in CALLS.items():
        if not names or name in names:
            yield (
                name,
                (partial(call, torch, SimpleNamespace(**theirs)), tuple(theirs.values())),
                (partial(call, plait, SimpleNamespace(**ours)), tuple(ours.values())),
            )


def forms(op: Any, dtype: Any) -> Iterator[tuple[str, tuple[Any, ...], dict[str, Any]]]:
    """The layouts of one operand or two, or the dimensions that are reduced."""
    if isinstance(op, UnaryUfuncInfo):
        x = matrix(op, dtype, ROWS, ROWS)
        keywords = op.sample_kwargs("cpu", dtype, x)[0]
        yield from ((layout, (change(x),), keywords) for layout, change in LAYOUTS.items())
        yield "rows of 3", (rows_of_3(x),), keywords
    elif isinstance(op, BinaryUfuncInfo):
        x, y = (matrix(op, dtype, ROWS, ROWS) for _ in range(2))
        yield from ((layout, (change(x), y), {}) for layout, change in LAYOUTS.items())
        yield "rows of 3", (rows_of_3(x), rows_of_3(y)), {}
        yield "row", (x, y[0].contiguous()), {}
        yield "column", (x, y[:, :1].contiguous()), {}
    elif isinstance(op, ReductionOpInfo):
        x = matrix(op, dtype, ROWS, ROWS)
        for layout, change in LAYOUTS.items():
            for dim in (0, 1):
                yield f"{layout} dim {dim}", (change(x),), {"dim": dim}
        yield "rows of 3 dim 0", (rows_of_3(x),), {"dim": 0}
        yield "rows of 3 dim 1", (rows_of_3(x),), {"dim": 1}
        if op.supports_multiple_dims:
            yield "all", (x,), {}


def timed(name: str, cases: Iterator[Case], names: list[str], report: Report, gradients: bool) -> None:
    """Prints the cases that are slower than PyTorch's, slowest first, and the median of all."""
    found: dict[str, float] = {}
    for case, (by_torch, theirs), (by_plait, ours) in cases:
        try:
            if gradients:
                both = training(torch, by_torch, theirs), training(plait, by_plait, ours)
                if both[0] is None or both[1] is None:
                    continue
                by_torch, by_plait = both
            found[case] = best_of(by_torch) / best_of(by_plait)
            report.same()
        except Exception:  # compared elsewhere
            report.skipped()
    for case, value in sorted(found.items(), key=lambda entry: entry[1]):
        if names or value < 1:
            print(f"{name} {case}: {value:.2f}x")
    if found:
        ratios = list(found.values())
        below = ", ".join(f"{sum(r < limit for r in ratios)} below {limit}x" for limit in (1, 0.8, 0.5))
        print(f"{name}: median of {len(found)} cases {statistics.median(ratios):.2f}x, {below}")


def run(report: Report, names: list[str]) -> None:
    """The functions alone, and together with their gradients."""
    torch.set_num_threads(1)
    plait.set_num_threads(1)
    for name, gradients in (("throughput", False), ("with gradients", True)):
        cases = chain(of_database(names, gradients), of_calls(names, gradients))
        timed(name, cases, names, report, gradients)
