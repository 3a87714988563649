"""Times of functions on large inputs, where memory traffic and kernels rule: PyTorch's over plait's, one thread.

The database names the functions with one operand, with two, and those that reduce (op_db); each is measured for every dtype and
layout below. Functions of other forms have one typical call each in large_calls.py.
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
from .times import best_of

ROWS = 1000  # and columns
DTYPES = ("float32", "float64", "bfloat16", "float16", "int64", "int32", "uint8", "bool", "complex64")
LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "contiguous": lambda x: x,
    "transposed": lambda x: x.t(),
    "every second": lambda x: x.repeat_interleave(2, 1)[:, ::2],
}



def rows_of_3(x: Any) -> Any:
    """Coordinates: the innermost dimension is short, and not all of memory's row."""
    return x.reshape(-1, 4)[:, :3]


Case = tuple[str, Callable[[], Any], Callable[[], Any]]  # a name, PyTorch's call, plait's


def matrix(op: Any, dtype: Any, *shape: int) -> Any:
    """Values that the function is defined for."""
    low, high = getattr(op, "domain", (None, None))
    if dtype.is_floating_point or dtype.is_complex:
        low = -3.0 if low is None else low + 0.1
        high = low + 6 if high is None else high - 0.1
    elif dtype != torch.bool:
        low, high = 1, 9
    return make_tensor(shape, device="cpu", dtype=dtype, low=low, high=high)


def of_database(names: list[str]) -> Iterator[Case]:
    for op in op_db:
        ours = function_of_plait(op)
        if ours is None or (names and op.name not in names):
            continue
        for text in DTYPES:
            dtype = getattr(torch, text)
            if not op.supports_dtype(dtype, "cpu"):
                continue
            for form, args, kwargs in forms(op, dtype):
                given = converted((args, kwargs))
                yield f"{full_name(op)} {text} {form}", partial(op.op, *args, **kwargs), partial(ours, *given[0], **given[1])


def of_calls(names: list[str]) -> Iterator[Case]:
    theirs = tensors()
    ours = SimpleNamespace(**{name: to_plait(x) for name, x in theirs.items()})
    for name, call in CALLS.items():
        if not names or name in names:
            yield name, partial(call, torch, SimpleNamespace(**theirs)), partial(call, plait, ours)


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


def run(report: Report, names: list[str]) -> None:
    """Prints the cases that are slower than PyTorch's, slowest first, and the median of all."""
    torch.set_num_threads(1)
    plait.set_num_threads(1)
    found: dict[str, float] = {}
    for name, by_torch, by_plait in chain(of_database(names), of_calls(names)):
        try:
            found[name] = best_of(by_torch) / best_of(by_plait)
            report.same()
        except Exception:  # compared elsewhere
            report.skipped()
    for name, value in sorted(found.items(), key=lambda entry: entry[1]):
        if names or value < 1:
            print(f"throughput {name}: {value:.2f}x")
    if found:
        ratios = list(found.values())
        print(f"throughput: median of {len(found)} cases {statistics.median(ratios):.2f}x, {sum(r < 1 for r in ratios)} below 1x")
