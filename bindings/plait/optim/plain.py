"""Optimisers written in tensor ops, one parameter at a time: Adagrad, Adadelta, Adamax, NAdam, RAdam."""

from __future__ import annotations

import plait

from .fused import _number, _refuse_differentiable
from .optimizer import Optimizer, _gathered, _is_one_tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

__all__ = ["Adadelta", "Adagrad", "Adamax", "NAdam", "RAdam"]


class PlainOptimizer(Optimizer):
    """Runs `_update` for each parameter that has a gradient, outside the tape.

    Complex parameters come to `_update` as their real view, and so do gradient and state.

    With capturable=True the steps of CUDA parameters are counted on the device, where a captured graph counts
    on at each replay: the entries `_counted` of a group's parameters are views of one tensor, and what
    follows from them is computed for all parameters at once.
    """

    _capturable = True
    _counted: tuple[str, ...] = ("step",)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for entries in self.state.values():
            for name in self._counted:  # Python numbers in states that early releases of PyTorch saved
                if isinstance(entries.get(name), (int, float)):
                    entries[name] = plait.tensor(entries[name], dtype=plait.float32, device="cpu")

    def _init_state(self, group: dict, p: Any, state: dict) -> None:
        raise NotImplementedError

    def _numbers(self, group: dict, step: Any, lr: Any, state: dict) -> tuple:
        """What the formula makes of the number of the step and the learning rate.

        Python numbers; of steps on the device, float64 tensors with an element a parameter (of an `lr` there,
        without dimensions), and `state` has the tensors of `_counted`.
        """
        raise NotImplementedError

    def _update(self, group: dict, p: Any, grad: Any, state: dict, numbers: Sequence) -> None:
        raise NotImplementedError

    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Does one update; `closure`, if given, computes the loss and its gradients anew and returns the
        loss.
        """
        loss = None
        checked = False
        if closure is not None:
            with plait.enable_grad():
                loss = closure()
        groups = self.param_groups
        if len(self._plans) != len(groups):
            self._plans = [{} for _ in groups]
        with plait.no_grad():
            for group, plans in zip(groups, self._plans):
                on_device: dict[Any, list] = {}
                for p in group["params"]:
                    if p.grad is None:
                        continue
                    if p.device.type == "cuda":
                        if self._counts_on_device(group, p.device):
                            on_device.setdefault(p.device, []).append(p)
                            continue
                        if not checked:
                            checked = True
                            self._refuse_host_count()
                    state = self._state[p]
                    if not state:
                        self._begin(group, p, state)
                    elif state["step"].device.type != "cpu":  # was counted on the device
                        state.update({name: state[name].cpu() for name in self._counted})
                    state["step"] += 1
                    lr = float(group["lr"])
                    numbers = self._numbers(group, int(state["step"]), lr, state)
                    self._apply(group, p, state, _shrinkage(group, lr), numbers)
                for device, params in on_device.items():
                    self._step_on_device(group, plans, device, params)
        return loss

    def _begin(self, group: dict, p: Any, state: dict) -> None:
        state["step"] = plait.zeros((), dtype=plait.float32, device="cpu")
        self._init_state(group, p, state)

    def _step_on_device(self, group: dict, plans: dict, device: Any, params: list) -> None:
        states = [self._state[p] for p in params]
        known, counters = plans.get(device, ((), {}))
        if len(known) != len(params) or any(p is not q for p, q in zip(params, known)):
            counters = self._counters(group, device, params, states)
            plans[device] = params, counters
        counters["step"].add_(1)
        lr = group["lr"]
        is_there = isinstance(lr, plait.Tensor) and lr.device.type == "cuda"
        lr = lr.to(device, plait.float64) if is_there else float(lr)
        exact = (
            _shrinkage(group, lr),
            *self._numbers(group, counters["step"].double(), lr, counters),
        )
        of_dtype: dict[Any, list] = {}
        for k, (p, state) in enumerate(zip(params, states)):
            numbers = of_dtype.get(p.dtype)
            if numbers is None:
                wide = p.dtype in (plait.float64, plait.complex128)
                numbers = of_dtype[p.dtype] = list(exact) if wide else [_as_float(x) for x in exact]
            own = [x[k] if isinstance(x, plait.Tensor) and x.dim() else x for x in numbers]
            self._apply(group, p, state, own[0], own[1:])

    def _counters(self, group: dict, device: Any, params: list, states: list[dict]) -> dict:
        for p, state in zip(params, states):
            if not state:
                self._refuse_capture(
                    "its state would be made again at each replay; run one step before the capture"
                )
                self._begin(group, p, state)
        if not all(_is_one_tensor([state[name] for state in states], device) for name in self._counted):
            self._refuse_capture(
                "its state was made for other parameters, or loaded; run one step before the capture"
            )
        return {name: _gathered(states, name, device) for name in self._counted}

    def _apply(self, group: dict, p: Any, state: dict, shrinkage: Any, numbers: Sequence) -> None:
        real, grad = _real(p.detach()), _real(p.grad)
        if group.get("maximize"):
            grad = -grad
        weight_decay = group["weight_decay"]
        if weight_decay != 0:
            if group.get("decoupled_weight_decay"):
                real.mul_(shrinkage)
            else:
                grad = grad.add(real, alpha=weight_decay)
        self._update(group, real, grad, {k: _real(v) for k, v in state.items()}, numbers)


def _shrinkage(group: dict, lr: Any) -> Any:
    """What decoupled weight decay multiplies the parameters by."""
    return 1 - lr * group["weight_decay"] if group.get("decoupled_weight_decay") else 1.0


def _as_float(number: Any) -> Any:
    if isinstance(number, plait.Tensor) and number.dtype == plait.float64:
        return number.float()
    return number


def _add_multiple(p: Any, direction: Any, factor: Any) -> None:
    """p += factor direction, with a Python number or a 0-d tensor of the device."""
    if isinstance(factor, plait.Tensor):
        p.addcmul_(direction, factor)
    else:
        p.add_(direction, alpha=factor)


def _add_quotient(p: Any, a: Any, b: Any, factor: Any) -> None:
    """p += factor a / b, with a Python number or a 0-d tensor of the device."""
    if isinstance(factor, plait.Tensor):
        p.addcmul_(a / b, factor)
    else:
        p.addcdiv_(a, b, value=factor)


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

    _capturable = False

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

    def _numbers(self, group: dict, step: Any, lr: Any, state: dict) -> tuple:
        return (-lr / (1 + (step - 1) * group["lr_decay"]),)

    def _update(self, group: dict, p: Any, grad: Any, state: dict, numbers: Sequence) -> None:
        state["sum"].addcmul_(grad, grad, value=1)
        p.addcdiv_(grad, state["sum"].sqrt().add_(group["eps"]), value=numbers[0])


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

    def _numbers(self, group: dict, step: Any, lr: Any, state: dict) -> tuple:
        return (-lr,)

    def _update(self, group: dict, p: Any, grad: Any, state: dict, numbers: Sequence) -> None:
        rho, eps = group["rho"], group["eps"]
        square_avg, acc_delta = state["square_avg"], state["acc_delta"]
        square_avg.mul_(rho).addcmul_(grad, grad, value=1 - rho)
        delta = acc_delta.add(eps).sqrt_().div_(square_avg.add(eps).sqrt_()).mul_(grad)
        acc_delta.mul_(rho).addcmul_(delta, delta, value=1 - rho)
        _add_multiple(p, delta, numbers[0])


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

    def _numbers(self, group: dict, step: Any, lr: Any, state: dict) -> tuple:
        return (-lr / (1 - group["betas"][0] ** step),)

    def _update(self, group: dict, p: Any, grad: Any, state: dict, numbers: Sequence) -> None:
        beta1, beta2 = group["betas"]
        exp_avg, exp_inf = state["exp_avg"], state["exp_inf"]
        exp_avg.lerp_(grad, 1 - beta1)
        exp_inf.copy_(plait.maximum(exp_inf.mul_(beta2), grad.abs().add_(group["eps"])))
        _add_quotient(p, exp_avg, exp_inf, numbers[0])


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

    _counted = ("step", "mu_product")

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

    def _numbers(self, group: dict, step: Any, lr: Any, state: dict) -> tuple:
        beta1, beta2 = group["betas"]
        decay = group["momentum_decay"]
        mu = beta1 * (1.0 - 0.5 * 0.96 ** (step * decay))
        mu_next = beta1 * (1.0 - 0.5 * 0.96 ** ((step + 1) * decay))
        product = state["mu_product"].mul_(_as_float(mu))
        product = product.double() if isinstance(mu, plait.Tensor) else float(product)
        return (
            1 - beta2**step,
            -lr * (1 - mu) / (1 - product),
            -lr * mu_next / (1 - product * mu_next),
        )

    def _update(self, group: dict, p: Any, grad: Any, state: dict, numbers: Sequence) -> None:
        beta1, beta2 = group["betas"]
        correction2, of_grad, of_average = numbers
        exp_avg, exp_avg_sq = state["exp_avg"], state["exp_avg_sq"]
        exp_avg.lerp_(grad, 1 - beta1)
        exp_avg_sq.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        denominator = exp_avg_sq.div(correction2).sqrt_().add_(group["eps"])
        _add_quotient(p, grad, denominator, of_grad)
        _add_quotient(p, exp_avg, denominator, of_average)


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

    def _numbers(self, group: dict, step: Any, lr: Any, state: dict) -> tuple:
        beta1, beta2 = group["betas"]
        correction1, correction2 = 1 - beta1**step, 1 - beta2**step
        rho_inf = 2 / (1 - beta2) - 1
        rho = rho_inf - 2 * step * beta2**step / correction2
        plain = -lr / correction1
        is_long = rho > 5.0
        on_device = isinstance(step, plait.Tensor)
        if not on_device and not is_long:
            return False, plain
        rectify = ((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)) ** 0.5
        rectified = plain * rectify * correction2**0.5
        return (is_long, plait.where(is_long, rectified, plain)) if on_device else (True, rectified)

    def _update(self, group: dict, p: Any, grad: Any, state: dict, numbers: Sequence) -> None:
        beta1, beta2 = group["betas"]
        is_long, factor = numbers
        exp_avg, exp_avg_sq = state["exp_avg"], state["exp_avg_sq"]
        exp_avg.lerp_(grad, 1 - beta1)
        exp_avg_sq.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        if is_long is False:
            _add_multiple(p, exp_avg, factor)
            return
        denominator = exp_avg_sq.sqrt().add_(group["eps"])
        if is_long is not True:  # a tensor
            denominator = plait.where(is_long, denominator, 1.0)
        _add_quotient(p, exp_avg, denominator, factor)
