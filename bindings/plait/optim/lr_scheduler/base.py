"""LRScheduler, the base of the schedules: counts epochs and writes the rates into the groups."""

from __future__ import annotations

import plait

from ..optimizer import Optimizer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _set(group: dict, name: str, value: Any) -> None:
    """Writes an option; a tensor stays the same tensor, because others may hold it."""
    if isinstance(group[name], plait.Tensor):
        group[name].fill_(float(value))
    else:
        group[name] = value


def _copy(value: Any) -> Any:
    return value.clone() if isinstance(value, plait.Tensor) else value


def _check_optimizer(who: str, optimizer: Any) -> None:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{who}: expected an Optimizer, got {type(optimizer).__name__}")


def _per_group(who: str, name: str, optimizer: Optimizer, value: Any) -> list:
    groups = len(optimizer.param_groups)
    if isinstance(value, (list, tuple)):
        if len(value) != groups:
            raise ValueError(
                f"{who}: {name} has {len(value)} values for {groups} parameter groups; give one for each"
            )
        return list(value)
    return [value] * groups


class LRScheduler:
    """Base of the schedulers: `get_lr` returns the rate of each group for `self.last_epoch`, `step` applies
    it.

    A scheduler made with `last_epoch=-1` starts from the groups' `lr` and remembers them as `initial_lr`.
    """

    _get_lr_called_within_step = False
    _is_initial = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1):
        who = type(self).__name__
        _check_optimizer(who, optimizer)
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", _copy(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"{who}: param_groups[{i}] has no 'initial_lr', which last_epoch={last_epoch} needs; "
                    "load the optimizer's state_dict first, or start with last_epoch=-1"
                )
        self.base_lrs: list = [_copy(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimiser."""
        hidden = ("optimizer", "_is_initial", "_get_lr_called_within_step")
        return {key: value for key, value in self.__dict__.items() if key not in hidden}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over what `state_dict()` gave."""
        self.__dict__.update(state_dict)

    def get_last_lr(self) -> list:
        """The rate of each group that the last step set."""
        return self._last_lr

    def get_lr(self) -> list:
        """The rate of each group for `self.last_epoch`; subclasses implement it."""
        raise NotImplementedError(f"{type(self).__name__} does not implement get_lr()")

    def step(self, epoch: int | None = None) -> None:
        """Moves on by one epoch (or to `epoch`, where the schedule has a closed form) and sets the rates."""
        if self._step_count == 1 and not self.optimizer._opt_called:
            import warnings

            warnings.warn(
                "lr_scheduler.step() was called before optimizer.step(): the first value of the schedule "
                "is skipped; call optimizer.step() first",
                stacklevel=2,
            )
        self._step_count += 1
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        self._get_lr_called_within_step = True
        try:
            if epoch is None:
                self.last_epoch += 1
                values = self.get_lr()
            else:
                self.last_epoch = epoch
                closed = getattr(self, "_get_closed_form_lr", None)
                values = closed() if closed is not None else self.get_lr()
        finally:
            self._get_lr_called_within_step = False
        self._apply(values)

    def _apply(self, values: list) -> None:
        groups = self.optimizer.param_groups
        if len(values) != len(groups):
            raise ValueError(
                f"{type(self).__name__}: get_lr() gave {len(values)} rates for {len(groups)} parameter "
                "groups; a group "
                "added later needs a new scheduler"
            )
        for group, lr in zip(groups, values):
            _set(group, "lr", lr)
        self._last_lr = self._current()

    def _current(self) -> list:
        return [_copy(group["lr"]) for group in self.optimizer.param_groups]

    def _scaled(self, factor: float) -> list:
        return [group["lr"] * factor for group in self.optimizer.param_groups]


_LRScheduler = LRScheduler  # the name in PyTorch before 2.0
