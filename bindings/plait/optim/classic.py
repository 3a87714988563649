"""Optimisers from before the adaptive ones: averaged SGD, Rprop."""

from __future__ import annotations

import plait

from .fused import _number, _refuse_differentiable
from .plain import PlainOptimizer, _add_multiple, _real

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

__all__ = ["ASGD", "Rprop"]


class ASGD(PlainOptimizer):
    """Averaged stochastic gradient descent (Polyak and Juditsky 1992): the state's `ax` is the mean of the
    parameters from step `t0` on, and until then the parameters themselves.

    p = p (1 - lambd eta) - eta g;  ax = ax + mu (p - ax);  eta = lr / (1 + lambd lr t)^alpha;  mu = 1 /
    max(1, t - t0).

    >>> w = plait.ones(2, requires_grad=True)
    >>> opt = plait.optim.ASGD([w], lr=0.5, lambd=0.0)
    >>> w.sum().backward()
    >>> opt.step()
    >>> w.tolist(), opt.state[w]["ax"].tolist()
    ([0.5, 0.5], [0.5, 0.5])
    """

    _counted = ("step", "eta", "mu")

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ):
        _number("ASGD", "lr", lr)
        _number("ASGD", "weight_decay", weight_decay)
        _refuse_differentiable("ASGD", differentiable)
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _init_state(self, group: dict, p: Any, state: dict) -> None:
        state["eta"] = plait.tensor(float(group["lr"]), dtype=plait.float32, device="cpu")
        state["mu"] = plait.ones((), dtype=plait.float32, device="cpu")
        state["ax"] = plait.zeros_like(p)

    def _numbers(self, group: dict, step: Any, lr: Any, state: dict) -> tuple:
        """Those of the step before, which the state keeps; and that gets those of this one."""
        following = lr / (1 + group["lambd"] * lr * step) ** group["alpha"]
        since = step - group["t0"]
        if isinstance(step, plait.Tensor):
            eta, mu = state["eta"].double(), state["mu"].double()
            state["eta"].copy_(following)
            state["mu"].copy_(1 / since.clamp_min(1))
            return eta, mu
        eta, mu = float(state["eta"]), float(state["mu"])
        state["eta"].fill_(following)
        state["mu"].fill_(1 / max(1, since))
        return eta, mu

    def _update(self, group: dict, p: Any, grad: Any, state: dict, numbers: Sequence) -> None:
        eta, mu = numbers
        p.mul_(1 - group["lambd"] * eta)
        _add_multiple(p, grad, -eta)
        state["ax"].lerp_(p, mu)  # which is p where mu is 1


class Rprop(PlainOptimizer):
    """Resilient backpropagation (Riedmiller and Braun 1993), for gradients of the whole data set: each number
    has a step size of its own, which grows by etas[1] while its gradient keeps its sign and shrinks by
    etas[0] when that changes; gradients count by their signs alone.

    >>> w = plait.ones(2, requires_grad=True)
    >>> opt = plait.optim.Rprop([w], lr=0.5)
    >>> w.sum().backward()
    >>> opt.step()
    >>> w.tolist()
    [0.5, 0.5]
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ):
        _number("Rprop", "lr", lr)
        if not 0 < etas[0] < 1 < etas[1]:
            raise ValueError(f"Rprop: etas should be below and above 1, both positive, got {etas}")
        _refuse_differentiable("Rprop", differentiable)
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _init_state(self, group: dict, p: Any, state: dict) -> None:
        lr = float(group["lr"])
        state["prev"] = plait.zeros_like(p)
        state["step_size"] = plait.full_like(
            p, complex(lr, lr) if p.is_complex() else lr, requires_grad=False
        )

    def _numbers(self, group: dict, step: Any, lr: Any, state: dict) -> tuple:
        return ()

    def _apply(self, group: dict, p: Any, state: dict, shrinkage: Any, numbers: Sequence) -> None:
        real, grad = _real(p.detach()), _real(p.grad)
        self._update(
            group, real, -grad if group["maximize"] else grad, {k: _real(v) for k, v in state.items()}, ()
        )

    def _update(self, group: dict, p: Any, grad: Any, state: dict, numbers: Sequence) -> None:
        down, up = group["etas"]
        agreement = grad * state["prev"]
        turned = agreement < 0
        factor = plait.ones_like(p).masked_fill_(turned, down).masked_fill_(agreement > 0, up)
        state["step_size"].mul_(factor).clamp_(*group["step_sizes"])
        grad = grad.masked_fill(turned, 0)
        p.addcmul_(grad.sign(), state["step_size"], value=-1)
        state["prev"].copy_(grad)
