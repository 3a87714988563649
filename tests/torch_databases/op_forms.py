"""Functions (op_db) in their other forms: out=, also of a wrong dtype or shape, in-place, as methods; strides; second derivatives."""

from __future__ import annotations

from typing import Any

import plait
import torch
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.opinfo.core import BinaryUfuncInfo, UnaryUfuncInfo

from .exchange import Skip, converted, difference, leaves
from .op_errors import function_of_plait
from .op_samples import RANDOM, dtypes_of, full_name, samples_of, text_of
from .report import Report

WIDER = {torch.float32: torch.float64, torch.complex64: torch.complex128, torch.int64: torch.float32}
NARROWER = {torch.float32: torch.int64, torch.complex64: torch.float32, torch.int64: torch.bool}
LIMIT = 12  # samples of an op and dtype


def run(report: Report, names: list[str]) -> None:
    for op in op_db:
        if (names and op.name not in names) or op.name in RANDOM:
            continue
        ours = function_of_plait(op)
        if ours is None:
            continue
        for dtype in dtypes_of(op):
            if dtype not in (torch.float32, torch.int64, torch.bool, torch.complex64, torch.bfloat16):
                continue
            for sample in samples_of(op, dtype, LIMIT)[0]:
                with torch.no_grad(), plait.no_grad():
                    outs(report, op, ours, sample, dtype)
                    methods(report, op, sample, dtype)
                    in_place(report, op, sample, dtype)
                    layouts(report, op, ours, sample, dtype)
        if op.supports_gradgrad and torch.float64 in op.dtypes:
            for sample in samples_of(op, torch.float64, 4)[0]:
                second(report, op, ours, sample)


def outcome(call: Any) -> Any:
    try:
        return call()
    except Exception as raised:
        return raised


def both(their_call: Any, our_call: Any) -> tuple[Any, Any, str | None]:
    """Results of both, and a text where only one raised."""
    theirs, ours = outcome(their_call), outcome(our_call)
    found = None
    if isinstance(ours, Exception) and not isinstance(theirs, Exception):
        found = f"raised {type(ours).__name__}: {ours}"
    elif isinstance(theirs, Exception) and not isinstance(ours, Exception):
        found = f"no error; PyTorch: {type(theirs).__name__}: {theirs}"
    return theirs, ours, found


def compare(report: Report, name: str, calls: tuple[Any, Any], dtype: Any, case: str, what: str, refusals: bool = True) -> None:
    theirs, ours, found = both(*calls)
    if isinstance(theirs, Exception) and not refusals:
        report.skipped()
    elif found or isinstance(theirs, Exception):
        report.check(name, found and f"{what} {found}", case)
    else:
        report.check(name, difference(theirs, ours, dtype, what), case)


def detached(value: Any) -> Any:
    """Fresh tensors that record nothing, some of which a call overwrites."""
    made: dict[int, Any] = {}

    def copy(v: Any) -> Any:
        if isinstance(v, torch.Tensor):
            return made.setdefault(id(v), v.detach().clone())
        if isinstance(v, (list, tuple)) and not hasattr(v, "_fields"):
            return type(v)(copy(x) for x in v)
        return {k: copy(x) for k, x in v.items()} if isinstance(v, dict) else v

    return copy(value)


def arguments(sample: Any) -> tuple[Any, Any] | None:
    theirs = detached((sample.input, sample.args, sample.kwargs))
    try:
        return theirs, converted(theirs)
    except Skip:
        return None


def outs(report: Report, op: Any, ours: Any, sample: Any, dtype: Any) -> None:
    if not op.supports_out:
        return
    given = arguments(sample)
    if given is None:
        return
    (x, args, kwargs), (our_x, our_args, our_kwargs) = given
    try:
        expected = op.op(x, *args, **kwargs)
    except Exception:
        return
    tensors = leaves(expected)
    if not all(isinstance(t, torch.Tensor) and t.layout == torch.strided for t in tensors):
        return
    name, case = full_name(op), text_of(sample, dtype)
    rooms = {
        "out": [torch.empty_like(t) for t in tensors],
        "strided out": [torch.empty_like(t.mT.contiguous()).mT if t.dim() > 1 else torch.empty_like(t) for t in tensors],
        "empty out": [t.new_empty(0) for t in tensors],
    }
    for what, room in rooms.items():
        there = tuple(room) if len(room) > 1 or not isinstance(expected, torch.Tensor) else room[0]
        here = converted(there)
        calls = (lambda: op.op(x, *args, out=there, **kwargs), lambda: ours(our_x, *our_args, out=here, **our_kwargs))
        theirs, result, found = both(*calls)
        if found or isinstance(theirs, Exception):
            report.check(name, found and f"{what}: {found}", case)
            continue
        same = [a is b for a, b in zip(leaves(result), leaves(here), strict=True)]
        report.check(name, None if all(same) else f"{what}: the result is another tensor than out", case)
        report.check(name, difference(there, here, dtype, what), case)
    # Of other dtypes PyTorch's functions refuse some or all, differently: the documented rule is can_cast.
    for what, dtypes in (("wider out", WIDER), ("narrower out", NARROWER)):
        if all(t.dtype in dtypes for t in tensors):
            there = [torch.empty_like(t, dtype=dtypes[t.dtype]) for t in tensors]
            here = converted(there[0] if isinstance(expected, torch.Tensor) else tuple(there))
            result = outcome(lambda h=here: ours(our_x, *our_args, out=h, **our_kwargs))
            if all(torch.can_cast(t.dtype, u.dtype) for t, u in zip(tensors, there, strict=True)):
                found = f"raised {result}" if isinstance(result, Exception) else None
                wanted = [t.to(u.dtype) for t, u in zip(tensors, there, strict=True)]
                report.check(name, f"{what}: {found}" if found else difference(wanted, leaves(here), tensors[0].dtype, what), case)
            else:
                report.check(name, None if isinstance(result, Exception) else f"{what}: no error", case)


def methods(report: Report, op: Any, sample: Any, dtype: Any) -> None:
    given = arguments(sample)
    if op.method_variant is None or given is None or not isinstance(sample.input, torch.Tensor):
        return
    (x, args, kwargs), (our_x, our_args, our_kwargs) = given
    method = getattr(op.method_variant, "__name__", op.name)
    calls = (lambda: op.method_variant(x, *args, **kwargs), lambda: getattr(our_x, method)(*our_args, **our_kwargs))
    compare(report, full_name(op), calls, dtype, text_of(sample, dtype), "method", refusals=False)


def in_place(report: Report, op: Any, sample: Any, dtype: Any) -> None:
    given = arguments(sample)
    if op.inplace_variant is None or given is None or not isinstance(sample.input, torch.Tensor):
        return
    (x, args, kwargs), (our_x, our_args, our_kwargs) = given
    method = getattr(op.inplace_variant, "__name__", op.name + "_")
    if method == "<lambda>" or not hasattr(torch.Tensor, method):
        return
    calls = (lambda: op.inplace_variant(x, *args, **kwargs), lambda: getattr(our_x, method)(*our_args, **our_kwargs))
    compare(report, full_name(op), calls, dtype, text_of(sample, dtype), "in-place")


def layouts(report: Report, op: Any, ours: Any, sample: Any, dtype: Any) -> None:
    """Elementwise functions keep the order of their arguments' dimensions in memory."""
    if not isinstance(op, (UnaryUfuncInfo, BinaryUfuncInfo)) or not isinstance(sample.input, torch.Tensor) or sample.input.dim() < 2:
        return
    turned = type(sample)(sample.input.detach().mT.contiguous().mT, args=sample.args, kwargs=sample.kwargs)
    given = arguments(turned)
    if given is None:
        return
    (_, args, kwargs), (our_x, our_args, our_kwargs) = given
    theirs, result, found = both(lambda: op(turned.input, *args, **kwargs), lambda: ours(our_x, *our_args, **our_kwargs))
    if found or isinstance(theirs, Exception):
        report.check(full_name(op), found, text_of(turned, dtype))
    else:
        report.check(full_name(op), difference(theirs, result, dtype, "strides", strides=True), text_of(turned, dtype))


def second(report: Report, op: Any, ours: Any, sample: Any) -> None:
    """Derivatives of the squared norm of the first derivatives."""
    try:
        given = converted((sample.input, sample.args, sample.kwargs))
        theirs = second_derivatives(torch, op, (sample.input, sample.args, sample.kwargs))
    except Exception:
        return
    if theirs is None:
        return
    name, case = full_name(op), text_of(sample, torch.float64)
    try:
        result = second_derivatives(plait, ours, given)
    except Exception as raised:
        report.differs(name, f"second derivative raised {type(raised).__name__}: {raised}", case)
        return
    report.check(name, difference(theirs, result, torch.float64, "second derivative") if result else "no second derivative", case)


def second_derivatives(library: Any, function: Any, given: Any) -> list[Any] | None:
    inputs = list({id(x): x for x in leaves(given) if isinstance(x, library.Tensor) and x.requires_grad}.values())
    results = [x for x in leaves(function(given[0], *given[1], **given[2])) if isinstance(x, library.Tensor) and x.requires_grad]
    if not inputs or not results or any(x.is_complex() for x in results + inputs):
        return None
    total = sum((x.sin().sum() for x in results), library.zeros((), dtype=library.float64))
    first = library.autograd.grad(total, inputs, create_graph=True, allow_unused=True)
    norm = [(g * g).sum() for g in first if g is not None and g.requires_grad]
    if not norm:
        return [library.zeros_like(x) for x in inputs]
    again = library.autograd.grad(sum(norm[1:], norm[0]), inputs, allow_unused=True)
    return [library.zeros_like(x) if g is None else g for g, x in zip(again, inputs, strict=True)]
