"""Schedules by batch that may move momentum against the rate: OneCycleLR and CyclicLR."""

from __future__ import annotations

import math

from ..optimizer import Optimizer
from .base import LRScheduler, _check_optimizer, _per_group, _set

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class _CyclesMomentum(LRScheduler):
    """What OneCycleLR and CyclicLR share: momentum, or the first beta, goes against the rate."""

    cycle_momentum: bool
    use_beta1: bool

    def _init_momentum(self, optimizer: Optimizer, base: Any, top: Any, last_epoch: int) -> None:
        who = type(self).__name__
        self.use_beta1 = "betas" in optimizer.defaults
        if not self.use_beta1 and "momentum" not in optimizer.defaults:
            raise ValueError(
                f"{who}: cycle_momentum=True needs an optimiser with momentum or betas, got "
                f"{type(optimizer).__name__}; try cycle_momentum=False"
            )
        self.base_momentums = _per_group(who, "base_momentum", optimizer, base)
        self.max_momentums = _per_group(who, "max_momentum", optimizer, top)
        if last_epoch == -1:
            for low, high, group in zip(self.base_momentums, self.max_momentums, optimizer.param_groups):
                self._set_momentum(group, high)
                group["max_momentum"] = high
                group["base_momentum"] = low

    def _set_momentum(self, group: dict, value: float) -> None:
        if self.use_beta1:
            group["betas"] = (value, *group["betas"][1:])
        else:
            group["momentum"] = value


class OneCycleLR(_CyclesMomentum):
    """One rise to `max_lr` and a long fall, set after every batch (Smith and Topin, arXiv:1708.07120).

    Give `total_steps`, or `epochs` and `steps_per_epoch`. The rate starts at max_lr / div_factor and ends at
    that over `final_div_factor`; with `three_phase` it falls symmetrically first. Raises ValueError when
    stepped too often.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ):
        _check_optimizer("OneCycleLR", optimizer)
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("OneCycleLR: give total_steps, or both epochs and steps_per_epoch")
            total_steps = epochs * steps_per_epoch
        if not isinstance(total_steps, int) or total_steps <= 0:
            raise ValueError(f"OneCycleLR: the number of steps should be a positive int, got {total_steps!r}")
        if not 0 <= pct_start <= 1:
            raise ValueError(f"OneCycleLR: pct_start should be in [0, 1], got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"OneCycleLR: anneal_strategy should be 'cos' or 'linear', got {anneal_strategy!r}"
            )
        self.total_steps = total_steps
        self._anneal_func_type = anneal_strategy
        up = {
            "end_step": float(pct_start * total_steps) - 1,
            "start_lr": "initial_lr", "end_lr": "max_lr",
            "start_momentum": "max_momentum", "end_momentum": "base_momentum",
        }  # fmt: skip
        down = {
            "end_step": float(2 * pct_start * total_steps) - 2 if three_phase else total_steps - 1,
            "start_lr": "max_lr", "end_lr": "initial_lr" if three_phase else "min_lr",
            "start_momentum": "base_momentum", "end_momentum": "max_momentum",
        }  # fmt: skip
        last = {
            "end_step": total_steps - 1,
            "start_lr": "initial_lr", "end_lr": "min_lr",
            "start_momentum": "max_momentum", "end_momentum": "max_momentum",
        }  # fmt: skip
        self._schedule_phases: list[dict[str, Any]] = [up, down, last] if three_phase else [up, down]
        if last_epoch == -1:
            for group, top in zip(
                optimizer.param_groups, _per_group("OneCycleLR", "max_lr", optimizer, max_lr)
            ):
                group["initial_lr"] = top / div_factor
                group["max_lr"] = top
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._init_momentum(optimizer, base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)

    def _anneal(self, start: float, end: float, done: float) -> float:
        if self._anneal_func_type == "cos":
            return end + (start - end) / 2.0 * (math.cos(math.pi * done) + 1)
        return (end - start) * done + start

    def get_lr(self) -> list:
        """The rate of each group at `self.last_epoch`."""
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(
                f"OneCycleLR: step {step} of a schedule of {self.total_steps} steps; give more total_steps"
            )
        start_step = 0.0
        for phase in self._schedule_phases:
            end_step = phase["end_step"]
            if step <= end_step or phase is self._schedule_phases[-1]:
                break
            start_step = end_step
        done = (step - start_step) / (end_step - start_step)
        rates = []
        for group in self.optimizer.param_groups:
            rates.append(self._anneal(group[phase["start_lr"]], group[phase["end_lr"]], done))
            if self.cycle_momentum:
                momentum = self._anneal(group[phase["start_momentum"]], group[phase["end_momentum"]], done)
                self._set_momentum(group, momentum)
        return rates


class CyclicLR(_CyclesMomentum):
    """A triangle wave between `base_lr` and `max_lr`, set after every batch (Smith, arXiv:1506.01186).

    `mode`: "triangular", "triangular2" (amplitude halved each cycle), "exp_range" (times gamma^iteration); or
    a `scale_fn` of one's own, of the cycle or of the iteration, by `scale_mode` ("cycle" or "iterations").
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ):
        _check_optimizer("CyclicLR", optimizer)
        if scale_fn is None and mode not in ("triangular", "triangular2", "exp_range"):
            raise ValueError(
                f"CyclicLR: mode should be 'triangular', 'triangular2' or 'exp_range', got {mode!r}"
            )
        base_lrs = _per_group("CyclicLR", "base_lr", optimizer, base_lr)
        self.max_lrs = _per_group("CyclicLR", "max_lr", optimizer, max_lr)
        if last_epoch == -1:
            for group, low in zip(optimizer.param_groups, base_lrs):
                _set(group, "lr", low)
        down = step_size_up if step_size_down is None else step_size_down
        self.total_size = float(step_size_up + down)
        self.step_ratio = step_size_up / self.total_size
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        if scale_fn is None:
            scale_mode = "iterations" if mode == "exp_range" else "cycle"
        self.scale_mode = scale_mode
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._init_momentum(optimizer, base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """The factor of the amplitude at cycle, or iteration, `x`."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular":
            return 1.0
        if self.mode == "triangular2":
            return 1 / 2.0 ** (x - 1)
        return self.gamma**x

    def get_lr(self) -> list:
        """The rate of each group at `self.last_epoch`."""
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            for group, low, high in zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums):
                self._set_momentum(group, high - (high - low) * height * scale)
        return [low + (high - low) * height * scale for low, high in zip(self.base_lrs, self.max_lrs)]

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimiser; a `scale_fn` only if it is a callable object, by its attributes."""
        from types import FunctionType

        state = super().state_dict()
        fn = state["_scale_fn_custom"]
        plain = fn is None or isinstance(fn, FunctionType)
        state["_scale_fn_custom"] = None if plain else dict(getattr(fn, "__dict__", {}))
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over what `state_dict()` gave; a function stays that of this scheduler."""
        super().load_state_dict({k: v for k, v in state_dict.items() if k != "_scale_fn_custom"})
        attributes = state_dict.get("_scale_fn_custom")
        if attributes and self._scale_fn_custom is not None:
            self._scale_fn_custom.__dict__.update(attributes)
