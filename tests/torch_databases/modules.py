"""Modules (module_db): construction, printing, state_dict, forward and backward with the same parameters, copies, errors."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import plait
import torch
from torch.testing._internal.common_modules import ModuleErrorEnum, module_db

from . import exchange
from .exchange import Skip, brief, converted, difference, leaves, to_plait
from .report import Report

# What draws random numbers while it trains: plait's are others.
RANDOM = {"nn.Dropout", "nn.Dropout1d", "nn.Dropout2d", "nn.Dropout3d", "nn.AlphaDropout", "nn.FeatureAlphaDropout", "nn.RReLU"}
RANDOM |= {"nn.FractionalMaxPool2d", "nn.FractionalMaxPool3d"}


def remember_arguments() -> None:
    """Modules among the samples (an encoder's layer) are built again from the arguments that they were made with."""

    def new(cls: Any, *args: Any, **kwargs: Any) -> Any:
        self = object.__new__(cls)
        object.__setattr__(self, "_made_with", (args, kwargs))
        return self

    torch.nn.Module.__new__ = staticmethod(new)  # type: ignore[assignment]
    exchange.converted_module = rebuilt


def rebuilt(module: Any) -> Any:
    cls = getattr(plait.nn, type(module).__name__, None)
    if cls is None:
        raise Skip(type(module).__name__)
    args, kwargs = module._made_with
    ours = cls(*converted(args), **converted(kwargs))
    ours.load_state_dict({k: to_plait(v) for k, v in module.state_dict().items()})
    return ours.to(exchange.DTYPES[next(iter(module.parameters())).dtype]) if list(module.parameters()) else ours


def run(report: Report, names: list[str]) -> None:
    remember_arguments()
    for info in module_db:
        if names and info.module_cls.__name__ not in names:
            continue
        if not info.name.startswith("nn."):
            continue
        if not hasattr(plait.nn, info.module_cls.__name__):
            report.differs(info.name, "absent")
            continue
        for dtype in (torch.float32, torch.float64):
            if dtype not in info.dtypes:
                continue
            for training in (True, False) if info.train_and_eval_differ else (True,):
                inputs = info.module_inputs_func(info, device="cpu", dtype=dtype, requires_grad=True, training=training)
                for sample in inputs:
                    if sample.forward_input is not None:
                        one(report, info, sample, dtype, training)
        if info.module_error_inputs_func is not None:
            for error in info.module_error_inputs_func(info, device="cpu", dtype=torch.float32, requires_grad=False, training=True):
                wrong(report, info, error)


def one(report: Report, info: Any, sample: Any, dtype: Any, training: bool) -> None:
    name, made, given = info.name, sample.constructor_input, sample.forward_input
    case = f"({brief(made.args)}, {brief(made.kwargs)})({brief(given.args)}, {brief(given.kwargs)}) {dtype} training={training} {sample.desc}"
    try:
        theirs = info.module_cls(*made.args, **made.kwargs).to(dtype).train(training)
        expected = None if info.is_lazy else theirs(*given.args, **given.kwargs)
    except Exception:
        report.skipped()
        return
    theirs = info.module_cls(*copy.deepcopy(made.args), **copy.deepcopy(made.kwargs)).to(dtype).train(training)
    try:
        args, kwargs = converted((given.args, given.kwargs))
        ours = getattr(plait.nn, info.module_cls.__name__)(*converted(made.args), **converted(made.kwargs))
        ours = ours.to(exchange.DTYPES[dtype]).train(training)
    except Skip:
        report.skipped()
        return
    except Exception as raised:
        report.differs(name, f"construction raised {type(raised).__name__}: {raised}", case)
        return
    report.check(name, None if str(theirs) == str(ours) else f"str {theirs}, ours {ours}", case)
    try:
        if info.is_lazy:
            compare_state(report, name, theirs, ours, case, values=False)
            theirs(*given.args, **given.kwargs), ours(*args, **kwargs)
        state = theirs.state_dict()
        keys = list(state), list(ours.state_dict())
        if not report.check(name, None if keys[0] == keys[1] else f"state_dict {keys[0]}, ours {keys[1]}", case):
            return
        ours.load_state_dict({k: to_plait(v) for k, v in state.items()})
        compare_state(report, name, theirs, ours, case)
        report.check(name, difference_of_names(theirs, ours), case)
        expected = theirs(*given.args, **given.kwargs)
        twins = [copy.deepcopy(ours), pickle.loads(pickle.dumps(ours)), saved_and_loaded(ours)]
        result = ours(*args, **kwargs)
    except Exception as raised:
        report.differs(name, f"raised {type(raised).__name__}: {raised}", case)
        return
    if name in RANDOM and training:
        shapes = [tuple(x.shape) for x in leaves(expected)], [tuple(x.shape) for x in leaves(result)]
        report.check(name, None if shapes[0] == shapes[1] else f"shapes {shapes}", case)
        return
    if not report.check(name, difference(expected, result, dtype, "out", strides=True), case):
        return
    compare_state(report, name, theirs, ours, case)  # running statistics
    for how, twin in zip(("deepcopy", "pickle", "save"), twins, strict=True):
        again = twin(*args, **kwargs)
        same = all(map(equal, leaves(result), leaves(again))) and str(twin) == str(ours)
        report.check(name, None if same else f"{how} of the module gives another result", case)
    compare_gradients(report, name, theirs, ours, (given.args, given.kwargs), (args, kwargs), expected, result, dtype, case)


def equal(x: Any, y: Any) -> bool:
    return bool(plait.allclose(x, y, equal_nan=True, rtol=1e-4, atol=1e-5)) if isinstance(x, plait.Tensor) else x == y


def saved_and_loaded(module: Any) -> Any:
    file = io.BytesIO()
    plait.save(module, file)
    file.seek(0)
    return plait.load(file, weights_only=False)


def compare_state(report: Report, name: str, theirs: Any, ours: Any, case: str, values: bool = True) -> None:
    a, b = theirs.state_dict(), ours.state_dict()
    found = None if list(a) == list(b) else f"state_dict {list(a)}, ours {list(b)}"
    if values and not found:
        found = difference(a, b, torch.float32, "state")
    report.check(name, found, case)


def difference_of_names(theirs: Any, ours: Any) -> str | None:
    """Names of parameters, buffers and children."""
    for what in ("named_parameters", "named_buffers", "named_modules"):
        a, b = ([k for k, _ in getattr(m, what)()] for m in (theirs, ours))
        if a != b:
            return f"{what} {a}, ours {b}"
    return None


def compare_gradients(
    report: Report, name: str, theirs: Any, ours: Any, given: Any, args: Any, expected: Any, result: Any, dtype: Any, case: str
) -> None:
    outs = [x for x in leaves(expected) if isinstance(x, torch.Tensor) and x.requires_grad]
    our_outs = [x for x in leaves(result) if isinstance(x, plait.Tensor) and x.requires_grad]
    if not report.check(name, None if len(outs) == len(our_outs) else "requires_grad of results differs", case) or not outs:
        return
    ins = [x for x in leaves(given) if isinstance(x, torch.Tensor) and x.requires_grad] + list(theirs.parameters())
    our_ins = [x for x in leaves(args) if isinstance(x, plait.Tensor) and x.requires_grad] + list(ours.parameters())
    weights = [torch.randn_like(x.detach()) for x in outs]
    try:
        a = torch.autograd.grad(outs, ins, weights, allow_unused=True)
    except Exception:
        report.skipped()
        return
    try:
        b = plait.autograd.grad(our_outs, our_ins, [to_plait(w) for w in weights], allow_unused=True)
    except Exception as raised:
        report.differs(name, f"backward raised {type(raised).__name__}: {raised}", case)
        return
    for i, (x, y) in enumerate(zip(a, b, strict=True)):
        if x is None or y is None:
            found = None if x is y or not (ours_or_theirs := y if x is None else x).abs().sum() else f"gradient {i} {ours_or_theirs}"
        else:
            found = difference(x, y, dtype, f"gradient {i} of {len(a)}")
        report.check(name, found, case)


def wrong(report: Report, info: Any, error: Any) -> None:
    sample = error.module_error_input
    made, given = sample.constructor_input, sample.forward_input
    case = f"({brief(made.args)}, {brief(made.kwargs)})" + (f"({brief(given.args)})" if given else "")
    try:
        args, kwargs = converted((given.args, given.kwargs)) if given else ((), {})
        ours = getattr(plait.nn, info.module_cls.__name__)(*converted(made.args), **converted(made.kwargs))
        if error.error_on == ModuleErrorEnum.FORWARD_ERROR:
            ours(*args, **kwargs)
    except Skip:
        report.skipped()
    except (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError, AssertionError):
        report.same()
    else:
        report.differs(info.name, f"no error; PyTorch: {error.error_type.__name__} {error.error_regex}", case)
