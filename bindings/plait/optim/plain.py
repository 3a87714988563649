"""Optimisers written in tensor ops, one parameter at a time: Adagrad, Adadelta, Adamax, NAdam, RAdam."""

from __future__ import annotations

import plait

from .fused import _number, _refuse_differentiable
from .optimizer import Optimizer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

__all__ = ["Adadelta", "Adagrad", "Adamax", "NAdam", "RAdam"]


class PlainOptimizer(Optimizer):
    """Runs `_update` for each parameter that has a gradient, outside the tape.

    Complex parameters come to `_update` as their real view, and so do gradient and state.
    """

    def _init_state(self, group: dict, p: Any, state: dict) -> None:
        raise NotImplementedError

    def _update(self, group: dict, p: Any, grad: Any, state: dict, step: int) -> None:
        raise NotImplementedError

    def _refuse_capture(self) -> None:
        if plait.cuda.is_current_stream_capturing():
            raise RuntimeError(
                f"{type(self).__name__}: a captured graph would repeat this step with its number; capture "
                "forward and backward, and call step() after the replay, or use SGD"
            )

    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Does one update; `closure`, if given, computes the loss and its gradients anew and returns the
        loss.
        """
        loss = None
        checked = False
        if closure is not None:
            with plait.enable_grad():
                loss = closure()
        with plait.no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    grad = p.grad
                    if grad is None:
                        continue
                    if not checked and p.device.type == "cuda":
                        checked = True
                        self._refuse_capture()
                    state = self._state[p]
                    if not state:
                        state["step"] = plait.zeros((), dtype=plait.float32, device="cpu")
                        self._init_state(group, p, state)
                    state["step"] += 1
                    step = int(state["step"])
                    real, grad, state = (
                        _real(p.detach()),
                        _real(grad),
                        {k: _real(v) for k, v in state.items()},
                    )
                    if group.get("maximize"):
                        grad = -grad
                    weight_decay = group["weight_decay"]
                    if weight_decay != 0:
                        if group.get("decoupled_weight_decay"):
                            real.mul_(1 - float(group["lr"]) * weight_decay)
                        else:
                            grad = grad.add(real, alpha=weight_decay)
                    self._update(group, real, grad, state, step)
        return loss


def _real(value: Any) -> Any:
    if isinstance(value, plait.Tensor) and value.is_complex():
        return plait.view_as_real(value)
    return value


def _options(who: str, options: dict[str, Any]) -> dict[str, Any]:
    """Checks the options that several optimisers share and returns the defaults."""
    for name in ("lr", "eps", "weight_decay", "lr_decay", "momentum_decay", "initial_accumulator_value"):
        if name in options:
            _number(who, name, options[name])
    for i, beta in enumerate(options.get("betas", ())):
        _number(who, f"betas[{i}]", beta, 0.0, 1.0)
    _refuse_differentiable(who, options["differentiable"])
    return options


class Adagrad(PlainOptimizer):
    """Adagrad (Duchi, Hazan and Singer 2011): s = s + g^2;  p = p - lr / (1 + (t - 1) lr_decay) g / (sqrt(s)
    + eps).

    >>> w = plait.ones(2, requires_grad=True)
    >>> opt = plait.optim.Adagrad([w], lr=0.5)
    >>> w.sum().backward()
    >>> opt.step()
    >>> [round(x, 4) for x in w.tolist()]
    [0.5, 0.5]
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ):
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, _options("Adagrad", defaults))
        for (
            group
        ) in self.param_groups:  # PyTorch makes this state at once; state_dict before the first step has it
            for p in group["params"]:
                self._state[p]["step"] = plait.zeros((), dtype=plait.float32, device="cpu")
                self._init_state(group, p, self._state[p])

    def _init_state(self, group: dict, p: Any, state: dict) -> None:
        value = group["initial_accumulator_value"]
        state["sum"] = plait.full_like(
            p, complex(value, value) if p.is_complex() else value, requires_grad=False
        )

    def _update(self, group: dict, p: Any, grad: Any, state: dict, step: int) -> None:
        lr = float(group["lr"]) / (1 + (step - 1) * group["lr_decay"])
        state["sum"].addcmul_(grad, grad, value=1)
        p.addcdiv_(grad, state["sum"].sqrt().add_(group["eps"]), value=-lr)


class Adadelta(PlainOptimizer):
    """Adadelta (Zeiler 2012, arXiv:1212.5701).

    v = rho v + (1 - rho) g^2;  d = g sqrt(u + eps) / sqrt(v + eps);  u = rho u + (1 - rho) d^2;  p = p - lr
    d.

    >>> w = plait.ones(2, requires_grad=True)
    >>> opt = plait.optim.Adadelta([w], lr=0.5, eps=1.0)
    >>> w.sum().backward()
    >>> opt.step()
    >>> [round(x, 4) for x in w.tolist()]
    [0.5233, 0.5233]
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ):
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Adadelta: rho should be in [0, 1], got {rho}")
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, _options("Adadelta", defaults))

    def _init_state(self, group: dict, p: Any, state: dict) -> None:
        state["square_avg"] = plait.zeros_like(p, requires_grad=False)
        state["acc_delta"] = plait.zeros_like(p, requires_grad=False)

    def _update(self, group: dict, p: Any, grad: Any, state: dict, step: int) -> None:
        rho, eps = group["rho"], group["eps"]
        square_avg, acc_delta = state["square_avg"], state["acc_delta"]
        square_avg.mul_(rho).addcmul_(grad, grad, value=1 - rho)
        delta = acc_delta.add(eps).sqrt_().div_(square_avg.add(eps).sqrt_()).mul_(grad)
        acc_delta.mul_(rho).addcmul_(delta, delta, value=1 - rho)
        p.add_(delta, alpha=-float(group["lr"]))


class Adamax(PlainOptimizer):
    """Adamax, Adam with the infinity norm (Kingma and Ba 2015, arXiv:1412.6980, section 7.1).

    m = b1 m + (1 - b1) g;  u = max(b2 u, |g| + eps);  p = p - lr / (1 - b1^t) m / u.

    >>> w = plait.ones(2, requires_grad=True)
    >>> opt = plait.optim.Adamax([w], lr=0.5)
    >>> w.sum().backward()
    >>> opt.step()
    >>> [round(x, 4) for x in w.tolist()]
    [0.5, 0.5]
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ):
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, _options("Adamax", defaults))

    def _init_state(self, group: dict, p: Any, state: dict) -> None:
        state["exp_avg"] = plait.zeros_like(p, requires_grad=False)
        state["exp_inf"] = plait.zeros_like(p, requires_grad=False)

    def _update(self, group: dict, p: Any, grad: Any, state: dict, step: int) -> None:
        beta1, beta2 = group["betas"]
        exp_avg, exp_inf = state["exp_avg"], state["exp_inf"]
        exp_avg.lerp_(grad, 1 - beta1)
        exp_inf.copy_(plait.maximum(exp_inf.mul_(beta2), grad.abs().add_(group["eps"])))
        p.addcdiv_(exp_avg, exp_inf, value=-float(group["lr"]) / (1 - beta1**step))


class NAdam(PlainOptimizer):
    """NAdam, Adam with Nesterov momentum (Dozat 2016, OpenReview OM0jvwB8jIp57ZJjtNEZ).

    mu_t = b1 (1 - 0.96^(t momentum_decay) / 2); the step mixes the gradient, with weight (1 - mu_t) / (1 -
    prod mu), and the running mean, with weight mu_(t+1) / (1 - prod mu mu_(t+1)), over sqrt(v / (1 - b2^t)) +
    eps.

    >>> w = plait.ones(2, requires_grad=True)
    >>> opt = plait.optim.NAdam([w], lr=0.5)
    >>> w.sum().backward()
    >>> opt.step()
    >>> bool((w < 1).all())
    True
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ):
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, _options("NAdam", defaults))

    def _init_state(self, group: dict, p: Any, state: dict) -> None:
        state["mu_product"] = plait.ones((), dtype=plait.float32, device="cpu")
        state["exp_avg"] = plait.zeros_like(p, requires_grad=False)
        state["exp_avg_sq"] = plait.zeros_like(p, requires_grad=False)

    def _update(self, group: dict, p: Any, grad: Any, state: dict, step: int) -> None:
        beta1, beta2 = group["betas"]
        lr, decay = float(group["lr"]), group["momentum_decay"]
        exp_avg, exp_avg_sq = state["exp_avg"], state["exp_avg_sq"]
        mu = beta1 * (1.0 - 0.5 * 0.96 ** (step * decay))
        mu_next = beta1 * (1.0 - 0.5 * 0.96 ** ((step + 1) * decay))
        state["mu_product"].mul_(mu)
        mu_product = float(state["mu_product"])
        exp_avg.lerp_(grad, 1 - beta1)
        exp_avg_sq.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        denominator = exp_avg_sq.div(1 - beta2**step).sqrt_().add_(group["eps"])
        p.addcdiv_(grad, denominator, value=-lr * (1 - mu) / (1 - mu_product))
        p.addcdiv_(exp_avg, denominator, value=-lr * mu_next / (1 - mu_product * mu_next))


class RAdam(PlainOptimizer):
    """RAdam, Adam with a rectified variance (Liu et al. 2020, arXiv:1908.03265).

    With rho_t = rho_inf - 2 t b2^t / (1 - b2^t) the length of the moving average: above 5 the step is Adam's
    times sqrt((rho_t - 4)(rho_t - 2) rho_inf / ((rho_inf - 4)(rho_inf - 2) rho_t)), else lr m / (1 - b1^t).

    >>> w = plait.ones(2, requires_grad=True)
    >>> opt = plait.optim.RAdam([w], lr=0.5)
    >>> w.sum().backward()
    >>> opt.step()
    >>> [round(x, 4) for x in w.tolist()]
    [0.5, 0.5]
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ):
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        super().__init__(params, _options("RAdam", defaults))

    def _init_state(self, group: dict, p: Any, state: dict) -> None:
        state["exp_avg"] = plait.zeros_like(p, requires_grad=False)
        state["exp_avg_sq"] = plait.zeros_like(p, requires_grad=False)

    def _update(self, group: dict, p: Any, grad: Any, state: dict, step: int) -> None:
        beta1, beta2 = group["betas"]
        exp_avg, exp_avg_sq = state["exp_avg"], state["exp_avg_sq"]
        exp_avg.lerp_(grad, 1 - beta1)
        exp_avg_sq.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        correction1, correction2 = 1 - beta1**step, 1 - beta2**step
        rho_inf = 2 / (1 - beta2) - 1
        rho = rho_inf - 2 * step * beta2**step / correction2
        lr = float(group["lr"]) / correction1
        if rho > 5.0:
            rectify = ((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)) ** 0.5
            denominator = exp_avg_sq.sqrt().add_(group["eps"])
            p.addcdiv_(exp_avg, denominator, value=-lr * rectify * correction2**0.5)
        else:
            p.add_(exp_avg, alpha=-lr)
