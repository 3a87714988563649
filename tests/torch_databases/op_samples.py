"""Functions (op_db): results, dtypes, shapes and first derivatives for every sample of every dtype, contiguous or not."""

from __future__ import annotations

import os
from typing import Any

import plait
import torch
from torch.testing._internal.common_methods_invocations import op_db

from .exchange import DTYPES, Skip, brief, converted, difference, leaves, to_plait
from .op_errors import function_of_plait
from .report import Report

# Whose results are random, or one of many that are right (signs and bases of decompositions).
RANDOM = {
    "bernoulli", "cauchy", "exponential", "geometric", "log_normal", "multinomial", "normal", "rand_like", "randint", "randint_like",
    "randn", "randn_like", "uniform", "empty", "empty_like", "empty_permuted", "empty_strided", "new_empty", "new_empty_strided",
    "nn.functional.alpha_dropout", "nn.functional.dropout", "nn.functional.dropout2d", "nn.functional.dropout3d",
    "nn.functional.feature_alpha_dropout", "nn.functional.fractional_max_pool2d", "nn.functional.fractional_max_pool3d",
    "nn.functional.multi_head_attention_forward", "nn.functional.rrelu", "nn.functional.scaled_dot_product_attention",
    "linalg.eig", "linalg.eigh", "linalg.qr", "linalg.svd", "pca_lowrank", "qr", "svd", "svd_lowrank",
}  # fmt: skip
# Whose last result are places, among equal elements any of them; and which argument is the dimension.
PLACES = {"argsort": 0, "kthvalue": 1, "mode": 0, "sort": 0, "topk": 1}
DIFFERENTIATED = (torch.float32, torch.float64, torch.complex64, torch.complex128)


def dtypes_of(op: Any) -> list[Any]:
    """All that the op takes, or those that the environment names (DT=float16,int8)."""
    chosen = os.environ.get("DT")
    dtypes = [getattr(torch, name) for name in chosen.split(",")] if chosen else list(DTYPES)
    return [dtype for dtype in dtypes if op.supports_dtype(dtype, "cpu")]


def samples_of(op: Any, dtype: Any, limit: int = 60) -> tuple[list[Any], bool]:
    """The samples, and whether derivatives belong to them."""
    differentiable = op.supports_autograd and dtype in DIFFERENTIATED
    try:
        return list(op.sample_inputs("cpu", dtype, requires_grad=differentiable))[:limit], differentiable
    except Exception:
        return [], False


def full_name(op: Any) -> str:
    return f"{op.name}.{op.variant_test_name}" if op.variant_test_name else op.name


def text_of(sample: Any, dtype: Any) -> str:
    return f"{dtype} {brief(sample.input)} {brief(sample.args)} {brief(sample.kwargs)}"


def run(report: Report, names: list[str]) -> None:
    for op in op_db:
        if names and op.name not in names:
            continue
        ours = function_of_plait(op)
        if ours is None:
            report.differs(full_name(op), "absent")
            continue
        for dtype in dtypes_of(op):
            samples, differentiable = samples_of(op, dtype)
            for sample in samples:
                one(report, op, ours, sample, dtype, differentiable)
                if dtype in (torch.float64, torch.int64):
                    one(report, op, ours, sample.noncontiguous(), dtype, differentiable)


def one(report: Report, op: Any, ours: Any, sample: Any, dtype: Any, differentiable: bool) -> None:
    name, case = full_name(op), text_of(sample, dtype)
    try:
        given = converted((sample.input, sample.args, sample.kwargs))
    except Skip:
        report.skipped()
        return
    torch.manual_seed(1)
    try:
        expected = op(sample.input, *sample.args, **sample.kwargs)
    except Exception:
        report.skipped()
        return
    try:
        result = ours(given[0], *given[1], **given[2])
    except Exception as raised:
        report.differs(name, f"raised {type(raised).__name__}: {raised}", case)
        return
    if op.name in RANDOM:
        report.check(name, difference_of_kinds(expected, result), case)
        return
    if op.name in PLACES:
        compared = named(op.name, sample, sample.input, expected), named(op.name, sample, given[0], result)
    else:
        compared = expected, result
    if report.check(name, difference(*compared, dtype, "result"), case) and differentiable:
        gradients(report, name, (sample.input, sample.args, sample.kwargs), given, expected, result, dtype, case)


def named(name: str, sample: Any, x: Any, result: Any) -> list[Any]:
    """The result with the elements of x that its places name, and their dtype, in place of these."""
    *values, places = leaves(result)
    at = PLACES[name]
    dim = sample.kwargs.get("dim", sample.args[at] if len(sample.args) > at else -1)
    whole = places if places.dim() == x.dim() else places.unsqueeze(dim)
    found = x.gather(dim, whole).reshape(tuple(places.shape)) if x.dim() else x[places == 0]
    return [*values, found, str(places.dtype).split(".")[1]]


def difference_of_kinds(expected: Any, result: Any) -> str | None:
    kinds = [[(tuple(x.shape), str(x.dtype).split(".")[1]) for x in leaves(r) if hasattr(x, "dtype")] for r in (expected, result)]
    return None if kinds[0] == kinds[1] else f"shapes and dtypes {kinds[0]}, ours {kinds[1]}"


def gradients(report: Report, name: str, theirs: Any, ours: Any, expected: Any, result: Any, dtype: Any, case: str) -> None:
    outs = [x for x in leaves(expected) if isinstance(x, torch.Tensor)]
    our_outs = [x for x in leaves(result) if isinstance(x, plait.Tensor)]
    wanted = [x.requires_grad for x in outs], [x.requires_grad for x in our_outs]
    if wanted[0] != wanted[1]:
        report.differs(name, f"requires_grad {wanted[0]}, ours {wanted[1]}", case)
        return
    pairs = [(x, y) for x, y in zip(outs, our_outs, strict=True) if x.grad_fn is not None]
    unique = {id(x): x for x in leaves(theirs) if isinstance(x, torch.Tensor) and x.requires_grad}
    our_unique = {id(x): x for x in leaves(ours) if isinstance(x, plait.Tensor) and x.requires_grad}
    if not pairs or len(unique) != len(our_unique):
        return
    weights = [torch.randn_like(x.detach()) for x, _ in pairs]
    try:
        a = torch.autograd.grad([x for x, _ in pairs], list(unique.values()), weights, allow_unused=True)
    except Exception:
        report.skipped()
        return
    try:
        b = plait.autograd.grad([y for _, y in pairs], list(our_unique.values()), [to_plait(w) for w in weights], allow_unused=True)
    except Exception as raised:
        report.differs(name, f"backward raised {type(raised).__name__}: {raised}", case)
        return
    # No gradient and a gradient of zeros say the same.
    filled = [torch.zeros_like(x) if g is None else g for g, x in zip(a, unique.values(), strict=True)]
    our_filled = [plait.zeros_like(x) if g is None else g for g, x in zip(b, our_unique.values(), strict=True)]
    report.check(name, difference(filled, our_filled, dtype, "gradient"), case)
