"""Wrong arguments of PyTorch's functions (op_db's error inputs): plait must raise for each of them, too."""

from __future__ import annotations

import types
from typing import Any

import plait
import torch
from torch.testing._internal.common_methods_invocations import op_db

from .exchange import Skip, brief, converted
from .report import Report

# Conversions, whose names in the module are dtypes.
METHODS = {"bfloat16", "bool", "byte", "cdouble", "cfloat", "chalf", "char", "double", "float", "half", "int", "long", "short"}


def function_of_plait(op: Any) -> Any:
    """The function that plait has under the op's name, or its method; or the database's own function, run with plait as torch."""
    if isinstance(op.op, types.FunctionType) and op.op.__module__.startswith("torch.testing"):
        f = op.op
        return types.FunctionType(f.__code__, {**f.__globals__, "torch": plait}, f.__name__, f.__defaults__, f.__closure__)
    if op.name in ("H", "T", "mH", "mT"):
        return lambda x: getattr(x, op.name)
    if op.name in METHODS and hasattr(plait.Tensor, op.name):
        return getattr(plait.Tensor, op.name)
    owner: Any = plait
    try:
        for part in op.name.split("."):
            owner = getattr(owner, part)
        return owner
    except (AttributeError, ImportError):
        pass
    # The database's name may be another one than the function's.
    public = getattr(op.op, "__name__", op.name)
    if getattr(torch, public, None) is op.op and hasattr(plait, public):
        return getattr(plait, public)
    return getattr(plait.Tensor, op.name, None)


def run(report: Report, names: list[str]) -> None:
    for op in op_db:
        if (names and op.name not in names) or op.error_inputs_func is None:
            continue
        ours = function_of_plait(op)
        if ours is None:
            continue
        for error in op.error_inputs("cpu"):
            sample = error.sample_input
            case = f"{op.name} {brief(sample.input)} {brief(sample.args)} {brief(sample.kwargs)}"
            try:
                arguments = converted((sample.input, sample.args, sample.kwargs))
            except Skip:
                report.skipped()
                continue
            try:
                op(sample.input, *sample.args, **sample.kwargs)
            except Exception as raised:
                theirs = f"{type(raised).__name__}: {raised}".splitlines()[0][:150]
            else:
                report.skipped()
                continue
            try:
                result = ours(arguments[0], *arguments[1], **arguments[2])
            except (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError, AssertionError) as raised:
                acceptable(report, op.name, error, raised, case)
            except Exception as raised:
                report.differs(op.name, f"{type(raised).__name__} tells of a defect: {raised}; PyTorch: {theirs}", case)
            else:
                shape = getattr(result, "shape", type(result))
                report.differs(op.name, f"no error, result {shape}; PyTorch: {theirs}", case)


def acceptable(report: Report, name: str, error: Any, raised: Exception, case: str) -> None:
    """Bad arguments raise ArgumentError in plait, which is both a RuntimeError and a ValueError; an IndexError must stay one."""
    wanted = error.error_type
    if issubclass(wanted, IndexError) and not isinstance(raised, wanted):
        report.differs(name, f"{type(raised).__name__} in place of IndexError: {raised}", case)
    else:
        report.same()
