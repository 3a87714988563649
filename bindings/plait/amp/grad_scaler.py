"""GradScaler: losses scaled up so that float16 gradients do not vanish, steps skipped where they overflow."""

from __future__ import annotations

import warnings
from collections import defaultdict
from enum import Enum

import plait
from plait import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["GradScaler", "OptState"]


class OptState(Enum):
    """What has happened to an optimiser's gradients since the last update()."""

    READY = 0
    UNSCALED = 1
    STEPPED = 2


def _fresh() -> dict[str, Any]:
    return {"stage": OptState.READY, "found_inf_per_device": {}}


class GradScaler:
    """Multiplies losses by a scale, divides gradients by it before the step, and leaves out steps whose
    gradients are infinite or NaN. The scale falls by `backoff_factor` after such a step and grows by
    `growth_factor` after `growth_interval` good ones in a row (Micikevicius et al. 2018).

    For 'cuda' without CUDA it warns and is disabled: all methods then pass through.

    >>> scaler = plait.amp.GradScaler("cpu", init_scale=8.0)
    >>> w = plait.ones(2, requires_grad=True)
    >>> optimizer = plait.optim.SGD([w], lr=0.5)
    >>> scaler.scale(w.sum()).backward()
    >>> w.grad
    tensor([8., 8.])
    >>> _ = scaler.step(optimizer)
    >>> scaler.update()
    >>> w.detach()
    tensor([0.5000, 0.5000])
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ):
        self._device = device
        if enabled and plait.device(device).type == "cuda" and not plait.cuda.is_available():
            warnings.warn("GradScaler is enabled, but CUDA is not available. Disabling.", stacklevel=2)
            enabled = False
        self._enabled = enabled
        if not enabled:
            return
        if growth_factor <= 1.0:
            raise ValueError(f"GradScaler: expected growth_factor > 1, got {growth_factor}")
        if not 0.0 < backoff_factor < 1.0:
            raise ValueError(f"GradScaler: expected backoff_factor between 0 and 1, got {backoff_factor}")
        self._init_scale = init_scale
        self._scale: Tensor | None = None
        self._one: Tensor | None = None  # the factor of gradients that are looked at and left as they are
        self._growth_factor = growth_factor
        self._backoff_factor = backoff_factor
        self._growth_interval = growth_interval
        self._init_growth_tracker = 0
        self._growth_tracker: Tensor | None = None
        self._per_optimizer_states: dict[int, dict[str, Any]] = defaultdict(_fresh)

    def _scale_tensor(self, device: Any) -> Tensor:
        if self._scale is None:
            if plait.cuda.is_current_stream_capturing():
                raise RuntimeError(
                    "GradScaler.scale: a graph is being captured, and each replay would begin with the first "
                    "scale again; call scaler.scale(loss) once before the capture"
                )
            self._scale = plait.full((), self._init_scale, dtype=plait.float32, device=device)
            self._one = plait.ones((), dtype=plait.float32, device=device)
            self._growth_tracker = plait.full(
                (), self._init_growth_tracker, dtype=plait.int32, device=device
            )
        return self._scale

    def scale(self, outputs: Any) -> Any:
        """A tensor, or tensors in lists and tuples, times the scale."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            return outputs * self._scale_tensor(outputs.device).to(outputs.device)
        if isinstance(outputs, (list, tuple)):
            scaled = [self.scale(value) for value in outputs]
            return type(outputs)(*scaled) if hasattr(outputs, "_fields") else type(outputs)(scaled)
        if hasattr(outputs, "__iter__"):
            return (self.scale(value) for value in outputs)
        raise ValueError(
            f"GradScaler.scale: expected a Tensor or an iterable of Tensors, got {type(outputs).__name__}"
        )

    def _unscale_grads(self, optimizer: Any, inverse: Tensor, allow_fp16: bool) -> dict[Any, Tensor]:
        """Multiplies the gradients by `inverse`; says for each device whether one was not finite."""
        grads: dict[Any, list[Tensor]] = defaultdict(list)
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                grad = parameter.grad
                if grad is None:
                    continue
                if grad.dtype is plait.float16 and not allow_fp16:
                    raise ValueError(
                        "GradScaler.unscale_: Attempting to unscale FP16 gradients; keep parameters in "
                        "float32"
                    )
                grads[str(grad.device)].append(grad)
        found: dict[Any, Tensor] = {}
        for device, there in grads.items():
            found[device] = plait.zeros((), dtype=plait.float32, device=device)
            plait._amp_foreach_non_finite_check_and_unscale_(there, found[device], inverse.to(device))
        return found

    def unscale_(self, optimizer: Any) -> None:
        """Divides the gradients of an optimiser's parameters by the scale, in place: for clipping them
        before step(). Once between updates."""
        if not self._enabled:
            return
        scale = self._checked_scale("unscale_")
        state = self._per_optimizer_states[id(optimizer)]
        if state["stage"] is OptState.UNSCALED:
            raise RuntimeError(
                "GradScaler.unscale_: unscale_() has already been called on this optimizer since the last "
                "update()"
            )
        if state["stage"] is OptState.STEPPED:
            raise RuntimeError("GradScaler.unscale_: unscale_() is being called after step()")
        # In float64: the inverse of a large scale is exact there, and so are the quotients of float64 grads.
        inverse = scale.double().reciprocal().float()
        state["found_inf_per_device"] = self._unscale_grads(optimizer, inverse, False)
        state["stage"] = OptState.UNSCALED

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """Unscales the gradients, unless unscale_() has, and calls optimizer.step(*args, **kwargs) where
        all are finite; returns its result, or None.

        Optimisers with `_step_supports_amp_scaling` (SGD, Adam, AdamW, RMSprop) are always called: they find
        the scale in `grad_scale` and a number that is not 0 where a gradient is not finite in `found_inf`,
        and their kernels unscale the gradients or do nothing. So the host does not wait for the device, and a
        graph can capture the step (with capturable=True, and after one step outside). Their hooks run, and
        schedulers see a step, in either case; where a step is left out the gradients stay scaled.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("GradScaler.step: closures are not supported with an enabled GradScaler")
        self._checked_scale("step")
        state = self._per_optimizer_states[id(optimizer)]
        if state["stage"] is OptState.STEPPED:
            raise RuntimeError("GradScaler.step: step() has already been called since the last update()")
        in_kernels = getattr(optimizer, "_step_supports_amp_scaling", False)
        if state["stage"] is OptState.READY:
            if in_kernels:
                assert self._one is not None  # it comes with the scale
                state["found_inf_per_device"] = self._unscale_grads(optimizer, self._one, False)
            else:
                self.unscale_(optimizer)
        if not state["found_inf_per_device"]:
            raise RuntimeError(
                "GradScaler.step: no gradients were found for this optimizer; call "
                "scaler.scale(loss).backward() first"
            )
        if in_kernels:
            return self._step_in_kernels(optimizer, state, args, kwargs)
        finite = not any(found.item() for found in state["found_inf_per_device"].values())
        result = optimizer.step(*args, **kwargs) if finite else None
        state["stage"] = OptState.STEPPED
        return result

    def _step_in_kernels(self, optimizer: Any, state: dict[str, Any], args: tuple, kwargs: dict) -> Any:
        """The step of an optimiser whose kernels find out whether they may."""
        scale = self._checked_scale("step")
        own = getattr(optimizer, "grad_scale", None)  # a factor that the user has set
        if state["stage"] is OptState.READY:
            optimizer.grad_scale = scale if own is None else scale * own
        optimizer.found_inf = self._any_inf(list(state["found_inf_per_device"].values()), scale.device)
        try:
            return optimizer.step(*args, **kwargs)
        finally:
            state["stage"] = OptState.STEPPED
            for name in ("grad_scale", "found_inf"):
                optimizer.__dict__.pop(name, None)

    @staticmethod
    def _any_inf(found: list[Tensor], device: Any) -> Tensor:
        """Added up on one device: nothing is read back."""
        total = found[0].to(device)
        for value in found[1:]:
            total = total + value.to(device)
        return total

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """Sets the scale for the next iteration; call once, after all step()s."""
        if not self._enabled:
            return
        scale = self._checked_scale("update")
        if new_scale is not None:
            if isinstance(new_scale, Tensor) and (new_scale.numel() != 1 or new_scale.requires_grad):
                raise ValueError(
                    "GradScaler.update: expected new_scale as a number or a 1-element Tensor that does not "
                    f"require grad, got shape {tuple(new_scale.shape)}"
                )
            scale.copy_(new_scale.reshape(())) if isinstance(new_scale, Tensor) else scale.fill_(new_scale)
        else:
            found = [
                value
                for state in self._per_optimizer_states.values()
                for value in state["found_inf_per_device"].values()
            ]
            if not found:
                raise RuntimeError("GradScaler.update: no inf checks were recorded; call step() before")
            total = self._any_inf(found, scale.device)
            assert self._growth_tracker is not None  # it comes with the scale
            plait._amp_update_scale_(
                scale,
                self._growth_tracker,
                total,
                self._growth_factor,
                self._backoff_factor,
                self._growth_interval,
            )
        self._per_optimizer_states = defaultdict(_fresh)

    def _checked_scale(self, who: str) -> Tensor:
        if self._scale is None:
            raise RuntimeError(
                f"GradScaler.{who}: attempted before the scale was set; call scaler.scale(loss).backward() "
                "first"
            )
        return self._scale

    def get_scale(self) -> float:
        """The scale; 1 where disabled."""
        if not self._enabled:
            return 1.0
        return self._init_scale if self._scale is None else self._scale.item()

    def get_growth_factor(self) -> float:
        """The factor by which the scale grows."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Sets the factor by which the scale grows."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """The factor by which the scale falls."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Sets the factor by which the scale falls."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """The number of good steps in a row before the scale grows."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Sets the number of good steps in a row before the scale grows."""
        self._growth_interval = new_interval

    def _get_growth_tracker(self) -> int:
        if not self._enabled:
            return 0
        if self._growth_tracker is None:
            return self._init_growth_tracker
        return int(self._growth_tracker.item())

    def is_enabled(self) -> bool:
        """Does it scale?"""
        return self._enabled

    def state_dict(self) -> dict[str, Any]:
        """The scale, its factors and the growth tracker; empty where disabled."""
        if not self._enabled:
            return {}
        return {
            "scale": self.get_scale(),
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._get_growth_tracker(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over what state_dict() gave."""
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(
                "GradScaler.load_state_dict: the state dict is empty, possibly that of a disabled GradScaler"
            )
        self._init_scale = state_dict["scale"]
        if self._scale is not None:
            self._scale.fill_(state_dict["scale"])
        self._growth_factor = state_dict["growth_factor"]
        self._backoff_factor = state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]
        self._init_growth_tracker = state_dict["_growth_tracker"]
        if self._growth_tracker is not None:
            self._growth_tracker.fill_(state_dict["_growth_tracker"])
