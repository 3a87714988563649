"""Schedules made of others: SequentialLR and ChainedScheduler."""

from __future__ import annotations

from ..optimizer import Optimizer
from .base import LRScheduler, _copy, _set
from .plateau import ReduceLROnPlateau

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class _Composite(LRScheduler):
    """A scheduler made of others; its state_dict holds theirs."""

    _schedulers: list

    def _check_parts(self, optimizer: Optimizer) -> None:
        who = type(self).__name__
        for i, part in enumerate(self._schedulers):
            if not isinstance(part, LRScheduler):
                raise TypeError(f"{who}: schedulers[{i}] should be a scheduler, got {type(part).__name__}")
            if isinstance(part, ReduceLROnPlateau):
                raise ValueError(
                    f"{who}: schedulers[{i}] is a ReduceLROnPlateau, whose step needs a metric; step it apart"
                )
            if part.optimizer is not optimizer:
                raise ValueError(f"{who}: schedulers[{i}] belongs to another optimizer than the first")

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimiser, with the state_dicts of the parts."""
        state = super().state_dict()
        state["_schedulers"] = [part.state_dict() for part in self._schedulers]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over what `state_dict()` gave."""
        self.__dict__.update({k: v for k, v in state_dict.items() if k != "_schedulers"})
        for part, state in zip(self._schedulers, state_dict["_schedulers"]):
            part.load_state_dict(state)


class SequentialLR(_Composite):
    """Runs `schedulers` one after the other; the i-th gives way at epoch `milestones[i]`.

    >>> w = plait.zeros(1, requires_grad=True)
    >>> opt = plait.optim.SGD([w], lr=1.0)
    >>> warm_up = plait.optim.lr_scheduler.LinearLR(opt, start_factor=0.5, total_iters=2)
    >>> decay = plait.optim.lr_scheduler.ExponentialLR(opt, gamma=0.5)
    >>> schedule = plait.optim.lr_scheduler.SequentialLR(opt, [warm_up, decay], milestones=[2])
    >>> rates = []
    >>> for _ in range(4):
    ...     rates.append(opt.param_groups[0]["lr"])
    ...     opt.step()
    ...     schedule.step()
    >>> rates
    [0.5, 0.75, 1.0, 0.5]
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: list[LRScheduler], milestones: list[int], last_epoch: int = -1
    ):
        if not schedulers:
            raise ValueError("SequentialLR: expects at least one scheduler, got none")
        self._schedulers = schedulers
        self._check_parts(optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"SequentialLR: {len(schedulers)} schedulers need {len(schedulers) - 1} milestones, got "
                f"{len(milestones)}"
            )
        self._milestones = milestones
        self.last_epoch = last_epoch + 1
        self.optimizer = optimizer
        for group in optimizer.param_groups:
            _set(group, "lr", _copy(group["initial_lr"]))
        self._undo(self)  # the parts have stepped when they were made; only the one for epoch 0 may
        first = schedulers[self._index(0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    def _index(self, epoch: int) -> int:
        return sum(milestone <= epoch for milestone in self._milestones)

    def _undo(self, scheduler: LRScheduler) -> None:
        if isinstance(scheduler, _Composite):
            for part in scheduler._schedulers:
                self._undo(part)
        else:
            scheduler.last_epoch -= 1

    def step(self) -> None:
        """Moves on by one epoch."""
        self.last_epoch += 1
        i = self._index(self.last_epoch)
        current = self._schedulers[i]
        if i > 0 and self._milestones[i - 1] == self.last_epoch:
            current._update_lr(0)
        else:
            current.step()
        self._last_lr = current.get_last_lr()


class ChainedScheduler(_Composite):
    """Steps several chainable schedulers at once."""

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None):
        if not schedulers:
            raise ValueError("ChainedScheduler: expects at least one scheduler, got none")
        self._schedulers = list(schedulers)
        self.optimizer = optimizer or self._schedulers[0].optimizer
        self._check_parts(self.optimizer)
        self._last_lr = self._current()

    def step(self) -> None:
        """Moves every part on by one epoch."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = self._current()
