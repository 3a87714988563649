"""Optimisers (optim_db): steps with all options, alone and in every implementation that PyTorch has, and wrong options."""

from __future__ import annotations

import copy
import itertools
import warnings
from typing import Any

import plait
import torch
from torch.testing._internal.common_optimizers import OptimizerErrorEnum, optim_db

from .exchange import brief, converted, difference, to_plait
from .report import Report

STEPS = 6


def run(report: Report, names: list[str]) -> None:
    for info in optim_db:
        if (names and info.name not in names) or info.only_supports_sparse_grads:
            continue
        if not hasattr(plait.optim, info.name):
            report.differs(info.name, "absent")
            continue
        for dtype in (torch.float32, torch.float64, torch.complex64, torch.bfloat16):
            if dtype.is_complex and not info.supports_complex:
                continue
            for sample in info.optim_inputs_func(device="cpu", dtype=dtype):
                for options in implementations(info, sample.kwargs):
                    steps(report, info, options, dtype)
        for sample in info.optim_inputs_func(device="cuda"):  # with capturable, which both refuse or ignore on the CPU
            if sample.kwargs.get("capturable"):
                steps(report, info, sample.kwargs, torch.float32)
        if info.optim_error_inputs_func is not None:
            for error in info.optim_error_inputs_func(device="cpu", dtype=torch.float32):
                wrong(report, info, error)


def implementations(info: Any, kwargs: dict[str, Any]) -> list[dict[str, Any]]:
    flags: list[dict[str, Any]] = [{}, {"maximize": True}] if info.name not in ("LBFGS", "Adafactor", "Muon") else [{}]
    ways = [{}, *({name: True} for name in info.supported_impls if name != "differentiable")]
    if "cpu" in info.supports_fused_on:
        ways.append({"fused": True})
    # What is no keyword of this optimiser (maximize of some) fails in both.
    return [{**kwargs, **way, **flag} for way, flag in itertools.product(ways, flags)]


def problem(name: str, dtype: Any) -> list[Any]:
    """Parameters of several shapes, strides and roles. Muon takes matrices only."""
    generator = torch.Generator().manual_seed(3)
    shapes = [(4, 3), (5, 2)] if name == "Muon" else [(4, 3), (7,), (), (2, 1, 3)]
    made = [torch.randn(shape, generator=generator, dtype=torch.float32).to(dtype) for shape in shapes]
    if dtype.is_complex:
        made = [x + 0.5j * x.flip(0) if x.dim() else x + 0.5j for x in made]
    made[0] = made[0].t().contiguous().t()
    return [torch.nn.Parameter(x) for x in made]


def loss_of(parameters: list[Any], target: float) -> Any:
    total: Any = 0
    for i, p in enumerate(parameters):
        gap = p - target * (i + 1)
        total = total + (gap * gap.conj()).real.sum() if p.is_complex() else total + (gap * gap * (1 + 0.1 * gap * gap)).sum()
    return total


def trained(cls: Any, parameters: list[Any], options: dict[str, Any], observe: Any) -> Any:
    """Takes some steps; the second half in an optimiser that has loaded the first one's state."""
    optimizer = cls(parameters, **options)
    for step in range(STEPS):
        if step == STEPS // 2:
            state = copy.deepcopy(optimizer.state_dict())
            optimizer = cls(parameters, **options)
            optimizer.load_state_dict(state)

        def closure(optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            loss = loss_of(parameters, 0.3)
            loss.backward()
            return loss

        observe(optimizer.step(closure))
    return optimizer


def steps(report: Report, info: Any, options: dict[str, Any], dtype: Any) -> None:
    case = f"{dtype} {brief(options)}"
    parameters = problem(info.name, dtype)
    ours = [to_plait(p) for p in parameters]
    losses: list[Any] = []
    our_losses: list[Any] = []
    their_options, our_options = copy.deepcopy(options), converted(copy.deepcopy(options))
    try:
        theirs = trained(getattr(torch.optim, info.name), parameters, their_options, losses.append)
    except Exception as raised:
        refusal = f"{type(raised).__name__}: {raised}".splitlines()[0]
        try:
            trained(getattr(plait.optim, info.name), ours, our_options, our_losses.append)
        except Exception:
            report.same()
        else:
            report.differs(info.name, f"no error; PyTorch: {refusal}", case)
        return
    try:
        optimizer = trained(getattr(plait.optim, info.name), ours, our_options, our_losses.append)
    except Exception as raised:
        report.differs(info.name, f"raised {type(raised).__name__}: {raised}", case)
        return
    found = difference([p.detach() for p in parameters], [p.detach() for p in ours], dtype, "parameters")
    report.check(info.name, found or difference(losses, our_losses, dtype, "losses"), case)
    a, b = theirs.state_dict(), optimizer.state_dict()
    if not report.check(info.name, difference_of_layouts(a, b), case):
        return
    report.check(info.name, difference(a["state"], b["state"], dtype, "state"), case)
    report.check(info.name, difference_of_groups(a["param_groups"], b["param_groups"]), case)
    again = getattr(plait.optim, info.name)(ours, **our_options)
    again.load_state_dict(converted(a))  # PyTorch's checkpoints go on in plait
    report.check(info.name, difference(a["state"], again.state_dict()["state"], dtype, "loaded state"), case)


def difference_of_layouts(a: dict[str, Any], b: dict[str, Any]) -> str | None:
    if list(a["state"]) != list(b["state"]):
        return f"state of {list(a['state'])}, ours {list(b['state'])}"
    for key in a["state"]:
        if set(a["state"][key]) != set(b["state"][key]):
            return f"state has {sorted(a['state'][key])}, ours {sorted(b['state'][key])}"
        if list(a["state"][key]) != list(b["state"][key]):
            b["state"][key] = {k: b["state"][key][k] for k in a["state"][key]}
    return None


def difference_of_groups(a: list[Any], b: list[Any]) -> str | None:
    for x, y in zip(a, b, strict=True):
        if set(x) != set(y):
            return f"group lacks {sorted(set(x) - set(y))}, has besides {sorted(set(y) - set(x))}"
        for key in x:
            found = difference(x[key], y[key], torch.float32, f"group[{key!r}]")
            if found or (not isinstance(x[key], torch.Tensor) and x[key] is None) != (y[key] is None):
                return found or f"group[{key!r}] {x[key]}, ours {y[key]}"
    return None


def wrong(report: Report, info: Any, error: Any) -> None:
    sample = error.optimizer_error_input
    case = f"{sample.desc} {brief(sample.kwargs)}"
    parameters = problem(info.name, torch.float32) if sample.params is None else sample.params
    made: dict[int, Any] = {}
    if isinstance(parameters, list):
        parameters = converted(parameters, made)
        for p in made.values():
            p.grad = plait.ones_like(p)
    elif isinstance(parameters, torch.Tensor):
        parameters = to_plait(parameters)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            optimizer = getattr(plait.optim, info.name)(parameters, **converted(sample.kwargs))
            if error.error_on == OptimizerErrorEnum.STEP_ERROR:
                optimizer.step()
    except (RuntimeError, ValueError, TypeError, UserWarning):
        report.same()
    else:
        report.differs(info.name, f"no error; PyTorch: {error.error_type.__name__} {error.error_regex}", case)
