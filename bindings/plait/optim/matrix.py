"""Optimisers that look at a parameter as a matrix: Adafactor, Muon."""

from __future__ import annotations

import math

import plait

from .fused import _number
from .optimizer import Optimizer
from .plain import PlainOptimizer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

__all__ = ["Adafactor", "Muon"]


class Adafactor(PlainOptimizer):
    """Adafactor (Shazeer and Stern 2018, arXiv:1804.04235): the second moments of a matrix are the product of
    a column and a row of means, so that the state takes rows + columns numbers instead of their product.

    Args: `lr`, the most that the relative step size may be (it is min(lr, 1 / sqrt(t))); `beta2_decay`, the
    exponent of the moments' weight t^beta2_decay; `eps`, two floors, of the squared update (None: the dtype's
    epsilon) and of the parameter's root mean square; `d`, the root mean square beyond which an update is
    scaled down. Parameters of one dimension keep all moments. Raises ValueError for options out of range,
    TypeError for complex parameters.

    >>> w = plait.ones(2, 3, requires_grad=True)
    >>> opt = plait.optim.Adafactor([w], lr=0.5)
    >>> w.sum().backward()
    >>> opt.step()
    >>> w[0].tolist()
    [0.5, 0.5, 0.5]
    """

    _capturable = False

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ):
        _number("Adafactor", "lr", lr)
        _number("Adafactor", "weight_decay", weight_decay)
        if beta2_decay > 0:
            raise ValueError(f"Adafactor: beta2_decay should be 0 or less, got {beta2_decay}")
        if (eps[0] is not None and eps[0] < 0) or eps[1] < 0:
            raise ValueError(f"Adafactor: eps should be two numbers of 0 or more, got {eps}")
        if d < 1:
            raise ValueError(f"Adafactor: d should be 1 or more, got {d}")
        defaults = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _init_state(self, group: dict, p: Any, state: dict) -> None:
        if p.is_complex():
            raise TypeError("Adafactor: complex parameters are not supported; use Adam")
        if p.dim() > 1:
            state["row_var"] = plait.zeros_like(p[..., :1]).contiguous()
            state["col_var"] = plait.zeros_like(p[..., :1, :]).contiguous()
        else:
            state["variance"] = plait.zeros_like(p)

    def _numbers(self, group: dict, step: Any, lr: Any, state: dict) -> tuple:
        return step ** group["beta2_decay"], min(lr, 1 / math.sqrt(step)), lr

    def _apply(self, group: dict, p: Any, state: dict, shrinkage: Any, numbers: Sequence) -> None:
        grad = -p.grad if group["maximize"] else p.grad
        self._update(group, p.detach(), grad, state, numbers)

    def _update(self, group: dict, p: Any, grad: Any, state: dict, numbers: Sequence) -> None:
        weight, rho, lr = numbers
        eps1, eps2 = group["eps"]
        if eps1 is None:
            eps1 = plait.finfo(p.dtype).eps
        # On the device: the host waits for nothing.
        alpha = (p.norm() / math.sqrt(max(p.numel(), 1))).clamp(min=eps2) * rho
        if group["weight_decay"] != 0:
            p.mul_(1 - lr * group["weight_decay"])
        if grad.dim() > 1:
            row, column = state["row_var"], state["col_var"]
            row.lerp_((grad * grad).mean(-1, keepdim=True), weight)
            column.lerp_((grad * grad).mean(-2, keepdim=True), weight)
            estimate = (row @ column).div_(row.mean(-2, keepdim=True).clamp_(min=eps1))
        else:
            state["variance"].lerp_(grad * grad, weight)
            estimate = state["variance"].clone()
        update = estimate.clamp_(min=eps1 * eps1).rsqrt_().mul_(grad)
        scale = (update.norm() / (math.sqrt(max(update.numel(), 1)) * group["d"])).clamp(min=1.0)
        p.sub_(update.mul_(alpha / scale))


class Muon(Optimizer):
    """Muon (Jordan 2024, https://kellerjordan.github.io/posts/muon/), for the matrices of hidden layers: the
    momentum is made nearly orthogonal, by five Newton-Schulz iterations in bfloat16, before it is subtracted.

    b = mu b + (1 - mu) g;  u = (1 - mu) g + mu b (nesterov) or b;  p = p - lr weight_decay p - lr'
    orthogonal(u). `adjust_lr_fn` makes lr' of lr: "original" (the default), by sqrt(max(1, rows / columns));
    "match_rms_adamw", by 0.2 sqrt(max(rows, columns)), so that AdamW's learning rates serve
    (arXiv:2502.16982). Raises ValueError for a parameter that is no matrix: give those, embeddings and heads
    to AdamW.

    >>> w = plait.eye(2).requires_grad_()
    >>> opt = plait.optim.Muon([w], lr=0.1, weight_decay=0.0)
    >>> (w * plait.tensor([[1.0, 0.0], [0.0, 1.0]])).sum().backward()
    >>> opt.step()
    >>> bool((w.diagonal() < 0.95).all())
    True
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ):
        for name, value in (("lr", lr), ("weight_decay", weight_decay), ("momentum", momentum)):
            _number("Muon", name, value)
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(
                f"Muon: adjust_lr_fn should be None, 'original' or 'match_rms_adamw', got {adjust_lr_fn!r}"
            )
        if not 0 <= ns_steps < 100 or len(ns_coefficients) != 3:
            raise ValueError(
                f"Muon: expected ns_steps in [0, 100) and three ns_coefficients, got {ns_steps} and "
                f"{ns_coefficients}"
            )
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds a group; its parameters must be real matrices."""
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            if p.dim() != 2 or p.is_complex():
                self.param_groups.pop()
                raise ValueError(
                    f"Muon: parameters should be real matrices, got shape {tuple(p.shape)}, {p.dtype}; "
                    "give the others to AdamW"
                )

    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Does one update; `closure`, if given, computes the loss and its gradients anew and returns the
        loss.
        """
        loss = None
        if closure is not None:
            with plait.enable_grad():
                loss = closure()
        with plait.no_grad():
            for group in self.param_groups:
                lr, momentum = float(group["lr"]), group["momentum"]
                for p in group["params"]:
                    grad = p.grad
                    if grad is None:
                        continue
                    state = self._state[p]
                    if not state:
                        state["momentum_buffer"] = plait.zeros_like(grad)
                    buffer = state["momentum_buffer"]
                    buffer.lerp_(grad, 1 - momentum)
                    update = grad.lerp(buffer, momentum) if group["nesterov"] else buffer
                    update = _orthogonal(update, group["ns_coefficients"], group["ns_steps"], group["eps"])
                    rows, columns = p.shape
                    if group["adjust_lr_fn"] == "match_rms_adamw":
                        factor = 0.2 * math.sqrt(max(rows, columns))
                    else:
                        factor = math.sqrt(max(1.0, rows / columns)) if columns else 1.0
                    p.mul_(1 - lr * group["weight_decay"])
                    p.add_(update.to(p.dtype), alpha=-lr * factor)
        return loss


def _orthogonal(matrix: Any, coefficients: Sequence[float], steps: int, eps: float) -> Any:
    """Nearly U V^T of the singular value decomposition: an odd polynomial of degree five, `steps` times,
    drives the singular values to about 1.
    """
    a, b, c = coefficients
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix).bfloat16()
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.T
        x = plait.addmm(x, plait.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x
