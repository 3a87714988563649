"""L-BFGS with an optional line search for the strong Wolfe conditions."""

from __future__ import annotations

import plait

from .fused import _number
from .optimizer import Optimizer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

__all__ = ["LBFGS"]


class _Point:
    """The objective at step length `t` along the direction: value, gradient, slope."""

    __slots__ = ("grad", "slope", "t", "value")

    def __init__(self, t: float, value: float, grad: Any, slope: float):
        self.t = t
        self.value = value
        self.grad = grad
        self.slope = slope


def _cubic_minimum(a: _Point, b: _Point, low: float, high: float) -> float:
    """Where the cubic through two points with slopes is least, kept within [low, high] (Nocedal and Wright,
    3.59).
    """
    if b.t < a.t:
        a, b = b, a
    if a.t == b.t:
        return (low + high) / 2
    d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2
    d2 = square**0.5
    denominator = b.slope - a.slope + 2 * d2
    if denominator == 0:
        return (low + high) / 2
    return min(max(b.t - (b.t - a.t) * ((b.slope + d2 - d1) / denominator), low), high)


def _strong_wolfe(
    evaluate: Callable[[float], _Point],
    t: float,
    start: _Point,
    direction_size: float,
    max_evals: int,
    c1: float = 1e-4,
    c2: float = 0.9,
    tolerance_change: float = 1e-9,
) -> tuple[_Point, int]:
    """A point that satisfies the strong Wolfe conditions, and the number of evaluations.

    Bracketing, then zooming in (Nocedal and Wright, Numerical Optimization, algorithms 3.5 and 3.6, with the
    cubic interpolation and safeguards of M. Schmidt's minFunc).
    """
    previous, new = start, evaluate(t)
    evals, iteration = 1, 0
    bracket: list[_Point] = []
    while iteration < max_evals:
        too_high = new.value > start.value + c1 * new.t * start.slope
        if too_high or (iteration > 1 and new.value >= previous.value):
            bracket = [previous, new]
            break
        if abs(new.slope) <= -c2 * start.slope:
            return new, evals
        if new.slope >= 0:
            bracket = [previous, new]
            break
        t = _cubic_minimum(previous, new, new.t + 0.01 * (new.t - previous.t), new.t * 10)
        previous, new = new, evaluate(t)
        evals += 1
        iteration += 1
    if not bracket:
        bracket = [start, new]

    low, high = sorted(bracket, key=lambda point: point.value)
    stuck = False
    while iteration < max_evals:
        if abs(high.t - low.t) * direction_size < tolerance_change:
            break
        left, right = min(low.t, high.t), max(low.t, high.t)
        t = _cubic_minimum(low, high, left, right)
        margin = 0.1 * (right - left)
        if min(right - t, t - left) < margin:  # close to an end: no progress twice in a row moves it inwards
            if stuck or t >= right or t <= left:
                t = right - margin if abs(t - right) < abs(t - left) else left + margin
                stuck = False
            else:
                stuck = True
        else:
            stuck = False
        new = evaluate(t)
        evals += 1
        iteration += 1
        if new.value > start.value + c1 * t * start.slope or new.value >= low.value:
            high = new
            if high.value < low.value:
                low, high = high, low
        else:
            if abs(new.slope) <= -c2 * start.slope:
                return new, evals
            if new.slope * (high.t - low.t) >= 0:
                high = low
            low = new
    return low, evals


class LBFGS(Optimizer):
    """Limited-memory BFGS (Nocedal and Wright, Numerical Optimization, algorithm 7.5), after M. Schmidt's
    minFunc.

    One group of parameters only. `step(closure)` needs a closure that clears the gradients, computes the
    loss, calls backward and returns the loss; it is called up to `max_eval` times (default 1.25 `max_iter`).
    `line_search_fn` is None (fixed step `lr`) or "strong_wolfe". Keeps 2 `history_size` vectors.

    >>> x = plait.zeros(1, requires_grad=True)
    >>> opt = plait.optim.LBFGS([x], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     opt.zero_grad()
    ...     loss = ((x - 3) ** 2).sum()
    ...     loss.backward()
    ...     return loss
    >>> _ = opt.step(closure)
    >>> round(x.item(), 4)
    3.0
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ):
        _number("LBFGS", "lr", lr)
        if line_search_fn not in (None, "strong_wolfe"):
            raise ValueError(
                f"LBFGS: line_search_fn should be None or 'strong_wolfe', got {line_search_fn!r}"
            )
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError(
                f"LBFGS: takes one group of parameters, got {len(self.param_groups)}; use one optimiser "
                "per group"
            )

    def _params(self) -> list:
        return [plait.view_as_real(p) if p.is_complex() else p for p in self.param_groups[0]["params"]]

    def _flat_grad(self) -> Any:
        parts = []
        for p in self.param_groups[0]["params"]:
            grad = plait.zeros_like(p, requires_grad=False) if p.grad is None else p.grad
            parts.append((plait.view_as_real(grad) if grad.is_complex() else grad).reshape(-1))
        return plait.cat(parts)

    def _move(self, t: float, direction: Any) -> None:
        offset = 0
        for p in self._params():
            p.add_(direction[offset : offset + p.numel()].view(p.shape), alpha=t)
            offset += p.numel()

    def step(self, closure: Callable[[], float]) -> float:
        """Does up to `max_iter` iterations; returns the loss before the first."""

        def loss_and_grad() -> tuple[Any, float, Any]:
            with plait.enable_grad():
                loss = closure()
            return loss, float(loss), self._flat_grad()

        with plait.no_grad():
            return self._iterate(self.param_groups[0], loss_and_grad)

    def _iterate(self, group: dict, loss_and_grad: Callable[[], tuple[Any, float, Any]]) -> Any:
        lr, tolerance_change = float(group["lr"]), group["tolerance_change"]
        state = self._state[group["params"][0]]  # all state hangs on the first parameter, as in PyTorch
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first_loss, value, grad = loss_and_grad()
        state["func_evals"] += 1
        evals = 1
        if float(grad.abs().max()) <= group["tolerance_grad"]:
            return first_loss

        for iteration in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            direction = self._direction(state, grad, group["history_size"])
            state["d"] = direction
            state["prev_flat_grad"] = grad.clone()
            state["prev_loss"] = previous_value = value
            t = lr / max(1.0, float(grad.abs().sum())) if state["n_iter"] == 1 else lr
            state["t"] = t
            slope = float(grad.dot(direction))
            if slope > -tolerance_change:
                break
            new_evals = 0
            if group["line_search_fn"] is not None:
                params = self._params()
                origin = [p.clone() for p in params]

                def evaluate(t: float, params=params, origin=origin, direction=direction) -> _Point:
                    self._move(t, direction)
                    _, value, grad = loss_and_grad()
                    for p, old in zip(params, origin):
                        p.copy_(old)
                    return _Point(t, value, grad, float(grad.dot(direction)))

                size = float(direction.abs().max())
                point, new_evals = _strong_wolfe(
                    evaluate, t, _Point(0.0, value, grad, slope), size, group["max_eval"] - evals
                )
                t, value, grad = point.t, point.value, point.grad
                state["t"] = t
                self._move(t, direction)
            else:
                self._move(t, direction)
                if iteration != group["max_iter"]:  # the last value would not be used
                    _, value, grad = loss_and_grad()
                    new_evals = 1
            evals += new_evals
            state["func_evals"] += new_evals
            if (
                evals >= group["max_eval"]
                or float(grad.abs().max()) <= group["tolerance_grad"]
                or abs(t) * float(direction.abs().max()) <= tolerance_change
                or abs(value - previous_value) < tolerance_change
            ):
                break
        return first_loss

    @staticmethod
    def _direction(state: dict, grad: Any, history_size: int) -> Any:
        """Minus the approximate inverse Hessian times the gradient, by the two-loop recursion."""
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
            return grad.neg()
        old_dirs, old_stps, ro = state["old_dirs"], state["old_stps"], state["ro"]
        y = grad.sub(state["prev_flat_grad"])
        s = state["d"].mul(state["t"])
        ys = float(y.dot(s))
        if ys > 1e-10:  # else the curvature condition fails and the pair would spoil the approximation
            if len(old_dirs) == history_size:
                for history in (old_dirs, old_stps, ro):
                    history.pop(0)
            old_dirs.append(y)
            old_stps.append(s)
            ro.append(1.0 / ys)
            state["H_diag"] = ys / float(y.dot(y))
        q = grad.neg()
        alphas = [0.0] * len(old_dirs)
        for i in reversed(range(len(old_dirs))):
            alphas[i] = float(old_stps[i].dot(q)) * ro[i]
            q.add_(old_dirs[i], alpha=-alphas[i])
        q.mul_(float(state["H_diag"]))
        for i in range(len(old_dirs)):
            beta = float(old_dirs[i].dot(q)) * ro[i]
            q.add_(old_stps[i], alpha=alphas[i] - beta)
        return q
