"""Averages of a model's weights: stochastic weight averaging (Izmailov et al. 2018) and exponential moving
averages.
"""

from __future__ import annotations

import itertools
import math
from copy import deepcopy

import plait
from plait import Tensor

from ..nn import Module
from .lr_scheduler import LRScheduler

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from .optimizer import Optimizer

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]


def _check_decay(who: str, decay: float) -> None:
    if not 0 <= decay <= 1:
        raise ValueError(f"{who}: expected decay within [0, 1], got {decay}")


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[..., None]:
    """The function that moves averages by the share 1 - decay towards the current values, all at once."""
    _check_decay("get_ema_multi_avg_fn", decay)

    def update(averages: Sequence[Tensor], current: Sequence[Tensor], _: Any) -> None:
        with plait.no_grad():
            for average, value in zip(averages, current, strict=True):
                if average.is_floating_point() or average.is_complex():
                    average.lerp_(value.to(average.dtype), 1 - decay)
                else:
                    average.copy_((average * decay + value * (1 - decay)).to(average.dtype))

    return update


def get_swa_multi_avg_fn() -> Callable[..., None]:
    """The function that takes the mean of all values so far, all at once."""

    def update(averages: Sequence[Tensor], current: Sequence[Tensor], count: Any) -> None:
        with plait.no_grad():
            for average, value in zip(averages, current, strict=True):
                step = (value.to(average.dtype) - average) / (count + 1)
                average.copy_((average + step).to(average.dtype))

    return update


def get_ema_avg_fn(decay: float = 0.999) -> Callable[..., Tensor]:
    """As get_ema_multi_avg_fn, of one tensor: the new average."""
    _check_decay("get_ema_avg_fn", decay)

    def update(average: Tensor, value: Tensor, count: Any) -> Tensor:
        with plait.no_grad():
            return decay * average + (1 - decay) * value

    return update


def get_swa_avg_fn() -> Callable[..., Tensor]:
    """As get_swa_multi_avg_fn, of one tensor: the new average."""

    def update(average: Tensor, value: Tensor, count: Any) -> Tensor:
        with plait.no_grad():
            return average + (value - average) / (count + 1)

    return update


class AveragedModel(Module):
    """A copy of a model with averaged weights; `update_parameters(model)` takes the model's in. The mean of
    all, unless `multi_avg_fn` (of lists of tensors) or `avg_fn` (of two tensors) says otherwise.
    `use_buffers` averages buffers as well; else they are copied.

    >>> model = plait.nn.Linear(1, 1, bias=False)
    >>> average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    >>> for value in (0.0, 10.0):
    ...     _ = plait.nn.init.constant_(model.weight, value)
    ...     average.update_parameters(model)
    >>> average.module.weight.item(), average.n_averaged.item()
    (1.0, 2)
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Callable[..., Tensor] | None = None,
        multi_avg_fn: Callable[..., None] | None = None,
        use_buffers: bool = False,
    ):
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise ValueError("AveragedModel: expected avg_fn or multi_avg_fn, got both")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", plait.tensor(0, dtype=plait.long, device=device))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the averaged module."""
        return self.module(*args, **kwargs)

    def _averaged(self, model: Module) -> list[Tensor]:
        return [*model.parameters(), *(model.buffers() if self.use_buffers else ())]

    def update_parameters(self, model: Module) -> None:
        """Takes in the parameters of the model; the first time they are copied."""
        ours = [t.detach() for t in self._averaged(self.module)]
        theirs = [t.detach().to(own.device) for own, t in zip(ours, self._averaged(model), strict=True)]
        count = int(self.n_averaged)
        if count == 0:
            for own, t in zip(ours, theirs, strict=True):
                own.copy_(t)
        elif self.multi_avg_fn is not None:
            self.multi_avg_fn(ours, theirs, self.n_averaged)
        elif self.avg_fn is not None:
            for own, t in zip(ours, theirs, strict=True):
                own.copy_(self.avg_fn(own, t, self.n_averaged.to(own.device)))
        else:
            get_swa_multi_avg_fn()(ours, theirs, count)
        if not self.use_buffers:
            for own, t in zip(self.module.buffers(), model.buffers(), strict=True):
                own.detach().copy_(t.detach())
        self.n_averaged += 1


def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Computes the running statistics of the batch norms of a model anew, from the data of a loader, of whose
    batches that are lists or tuples the first entry is the input.
    """
    from ..nn.modules.batchnorm import _BatchNorm

    norms = {m: m.momentum for m in model.modules() if isinstance(m, _BatchNorm)}
    if not norms:
        return
    training = model.training
    model.train()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over the batches
    with plait.no_grad():
        for batch in loader:
            x = batch[0] if isinstance(batch, list | tuple) else batch
            model(x if device is None else x.to(device))
    for norm, momentum in norms.items():
        norm.momentum = momentum
    model.train(training)


class SWALR(LRScheduler):
    """Moves the learning rate to `swa_lr` within `anneal_epochs`, linearly or as a cosine, and holds it
    there.

    >>> optimizer = plait.optim.SGD([plait.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler = SWALR(optimizer, swa_lr=0.5, anneal_epochs=2, anneal_strategy="linear")
    >>> for _ in range(3):
    ...     optimizer.step()
    ...     scheduler.step()
    ...     print(optimizer.param_groups[0]["lr"])
    0.75
    0.5
    0.5
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | Sequence[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ):
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"SWALR: expected anneal_strategy 'cos' or 'linear', got {anneal_strategy!r}"
            )
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"SWALR: expected anneal_epochs >= 0, got {anneal_epochs}")
        rates = list(swa_lr) if isinstance(swa_lr, list | tuple) else itertools.repeat(swa_lr)
        if isinstance(rates, list) and len(rates) != len(optimizer.param_groups):
            raise ValueError(
                f"SWALR: expected swa_lr as a number or {len(optimizer.param_groups)} of them, one for each "
                f"parameter group, got {len(rates)}"
            )
        for group, rate in zip(optimizer.param_groups, rates):
            group["swa_lr"] = rate
        self.anneal_strategy, self.anneal_epochs = anneal_strategy, anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _share(self, epoch: int) -> float:
        """How much of the way to swa_lr is done."""
        if self.anneal_epochs == 0:
            return 1.0
        t = max(0.0, min(1.0, epoch / self.anneal_epochs))
        return (1 - math.cos(math.pi * t)) / 2 if self.anneal_strategy == "cos" else t

    def get_lr(self) -> list[float]:
        """The learning rates of the epoch, from those before: whatever another scheduler has made of them."""
        before, share = self._share(self.last_epoch - 1), self._share(self.last_epoch)
        rates = []
        for group in self.optimizer.param_groups:
            rate, goal = float(group["lr"]), group["swa_lr"]
            start = goal if before == 1 else (rate - before * goal) / (1 - before)
            rates.append(goal * share + start * (1 - share))
        return rates
