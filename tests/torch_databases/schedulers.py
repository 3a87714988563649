"""Learning-rate schedulers: all of them, alone, chained and in sequence, give the same rates, also after a reload."""

from __future__ import annotations

from typing import Any

import plait
import torch

from .exchange import difference
from .report import Report


def _lambdas(lib: Any, o: Any) -> Any:
    return lib.LambdaLR(o, lr_lambda=[lambda epoch: 0.95**epoch, lambda epoch: 1 / (1 + epoch)])


def _sequence(lib: Any, o: Any) -> Any:
    parts = [lib.ConstantLR(o, factor=0.1, total_iters=3), lib.ExponentialLR(o, gamma=0.9), lib.StepLR(o, 2)]
    return lib.SequentialLR(o, schedulers=parts, milestones=[3, 7])


CASES: dict[str, Any] = {
    "LambdaLR": _lambdas,
    "LambdaLR of one": lambda lib, o: lib.LambdaLR(o, lambda epoch: 0.5 ** (epoch // 3)),
    "MultiplicativeLR": lambda lib, o: lib.MultiplicativeLR(o, lambda epoch: 0.95),
    "StepLR": lambda lib, o: lib.StepLR(o, step_size=3, gamma=0.3),
    "MultiStepLR": lambda lib, o: lib.MultiStepLR(o, milestones=[2, 5, 5, 9], gamma=0.1),
    "ConstantLR": lambda lib, o: lib.ConstantLR(o, factor=0.25, total_iters=4),
    "LinearLR": lambda lib, o: lib.LinearLR(o, start_factor=0.2, end_factor=0.9, total_iters=6),
    "ExponentialLR": lambda lib, o: lib.ExponentialLR(o, gamma=0.8),
    "PolynomialLR": lambda lib, o: lib.PolynomialLR(o, total_iters=8, power=2.0),
    "CosineAnnealingLR": lambda lib, o: lib.CosineAnnealingLR(o, T_max=5, eta_min=1e-3),
    "CosineAnnealingWarmRestarts": lambda lib, o: lib.CosineAnnealingWarmRestarts(o, T_0=3, T_mult=2, eta_min=0.01),
    "OneCycleLR": lambda lib, o: lib.OneCycleLR(o, max_lr=[0.5, 1.0], total_steps=30),
    "OneCycleLR in three": lambda lib, o: lib.OneCycleLR(
        o, max_lr=0.5, epochs=5, steps_per_epoch=6, three_phase=True, anneal_strategy="linear"
    ),
    "CyclicLR": lambda lib, o: lib.CyclicLR(o, base_lr=0.01, max_lr=0.1, step_size_up=3, step_size_down=4),
    "CyclicLR triangular2": lambda lib, o: lib.CyclicLR(o, base_lr=0.01, max_lr=0.1, step_size_up=3, mode="triangular2"),
    "CyclicLR exp_range": lambda lib, o: lib.CyclicLR(o, 0.01, 0.1, step_size_up=3, mode="exp_range", gamma=0.9),
    "CyclicLR scale_fn": lambda lib, o: lib.CyclicLR(o, 0.01, 0.1, step_size_up=3, scale_fn=lambda x: 0.5**x, scale_mode="iterations"),
    "ChainedScheduler": lambda lib, o: lib.ChainedScheduler(
        [lib.ConstantLR(o, factor=0.1, total_iters=2), lib.ExponentialLR(o, gamma=0.9)], optimizer=o
    ),
    "ChainedScheduler of many": lambda lib, o: lib.ChainedScheduler(
        [lib.LinearLR(o, total_iters=4), lib.MultiStepLR(o, [3, 6]), lib.CosineAnnealingLR(o, T_max=10)]
    ),
    "SequentialLR": _sequence,
    "SequentialLR of warm-up": lambda lib, o: lib.SequentialLR(
        o, [lib.LinearLR(o, start_factor=0.1, total_iters=4), lib.CosineAnnealingLR(o, T_max=12)], [4]
    ),
    "SequentialLR of restarts": lambda lib, o: lib.SequentialLR(
        o, [lib.ConstantLR(o, total_iters=2), lib.CosineAnnealingWarmRestarts(o, T_0=4)], [2]
    ),
    "ReduceLROnPlateau": lambda lib, o: lib.ReduceLROnPlateau(o, factor=0.5, patience=2, cooldown=1, min_lr=[0.01, 0.02]),
    "ReduceLROnPlateau max": lambda lib, o: lib.ReduceLROnPlateau(o, mode="max", threshold_mode="abs", threshold=0.1, patience=1),
    "SWALR": lambda lib, o: _swa(lib)(o, swa_lr=0.05, anneal_epochs=4, anneal_strategy="cos"),
    "SWALR linear": lambda lib, o: _swa(lib)(o, swa_lr=0.05, anneal_epochs=4, anneal_strategy="linear"),
}

METRICS = [1.0, 0.9, 0.91, 0.92, 0.93, 0.5, 0.6, 0.6, 0.6, 0.6, 0.7, 0.7, 0.7, 0.7, 0.7]


def _swa(lib: Any) -> Any:
    return (torch if lib is torch.optim.lr_scheduler else plait).optim.swa_utils.SWALR


def rates(optim: Any, parameters: list[Any], make: Any, reload_at: int | None, state: Any = None) -> tuple[list[float], Any]:
    """Rates and momenta of both groups over the steps, and the scheduler's state at `reload_at`, where the scheduler is made anew
    and takes over this state, or another one.
    """

    def start() -> tuple[Any, Any]:
        groups: list[Any] = [{"params": parameters[:1]}, {"params": parameters[1:], "lr": 0.3}]
        optimizer = optim.SGD(groups, lr=0.1, momentum=0.9)
        return optimizer, make(optim.lr_scheduler, optimizer)

    optimizer, scheduler = start()
    own: Any = None
    seen: list[float] = []
    for step in range(len(METRICS)):
        if step == reload_at:
            own, of_optimizer = scheduler.state_dict(), optimizer.state_dict()
            optimizer, scheduler = start()
            optimizer.load_state_dict(of_optimizer)
            scheduler.load_state_dict(own if state is None else state)
        seen += [float(group[key]) for group in optimizer.param_groups for key in ("lr", "momentum")]
        seen += [float(rate) for rate in scheduler.get_last_lr()]
        optimizer.step()
        scheduler.step(METRICS[step]) if type(scheduler).__name__ == "ReduceLROnPlateau" else scheduler.step()
    return seen, own


def run(report: Report, names: list[str]) -> None:
    for name, make in CASES.items():
        if names and name.split()[0] not in names:
            continue
        expected, state = rates(torch.optim, [torch.zeros(2), torch.zeros(3)], make, 5)
        for how, reload_at, loaded in (("no reload", None, None), ("own state", 5, None), ("PyTorch's state", 5, state)):
            theirs = expected if reload_at else rates(torch.optim, [torch.zeros(2), torch.zeros(3)], make, None)[0]
            try:
                ours, own = rates(plait.optim, [plait.zeros(2), plait.zeros(3)], make, reload_at, loaded)
            except Exception as raised:
                report.differs(name, f"raised {type(raised).__name__}: {raised}", how)
                continue
            report.check(name, difference(theirs, ours, None, "rates"), how)
            lacks = sorted(key for key in state if own and key not in own and not key.startswith("_"))
            report.check(name, f"state_dict lacks {lacks}" if lacks else None, how)
