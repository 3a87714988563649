"""SGD, Adam, AdamW and RMSprop: one C++ call per parameter group and step.

Note [Plans of fused steps]
    A step needs, beside the gradients, the list of parameters and one list per state entry. They are gathered
    once, into a plan per group, and hold until the parameters, the set of those with a gradient, or the
    wanted state entries change, or until somebody reads `optimizer.state` and then replaces entries or writes
    the number of a step, which the tensors' identity and version tell: nothing is read from the device.
    Inside a plan, a bucket is a set of parameters that one call can update: same dtype, same device, same
    number of steps done. `state[p]["step"]` of a bucket's parameters are 0-d views of one small tensor, so
    that one write keeps them right. With capturable=True that tensor lies on the device, where a captured
    graph counts on at each replay, and `step` of the bucket says no more than whether there was one. A later
    plan goes on with the tensor if it is for the same parameters, so that graphs and eager steps count alike.

Note [Steps of a gradient scaler]
    `GradScaler.step` does not read whether the gradients are finite. It sets two tensors of one element,
    `optimizer.found_inf` and `optimizer.grad_scale`, and the kernels read them: a step whose gradients are
    not finite changes nothing. So the host does not know how many steps were done: from the first step of a
    scaler on, CUDA parameters have their steps counted on the device, as PyTorch's fused optimisers have
    them always, and a step that was left out does not count. Only the first step of SGD with momentum, which
    is another formula, is waited for.
"""

from __future__ import annotations

import plait

from .optimizer import Optimizer, _gathered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

__all__ = ["SGD", "Adam", "AdamW", "RMSprop"]


class _Bucket:
    __slots__ = (
        "entries",
        "index",
        "is_complex",
        "on_device",
        "owners",
        "params",
        "slots",
        "step",
        "steps",
        "version",
    )

    def __init__(
        self,
        index: list[int],
        params: list,
        slots: tuple[list, ...],
        step: int,
        steps: Any,
        on_device: bool,
        entries: list[tuple],
    ):
        self.index = index
        self.entries = entries  # of the state, the number of the step first, for each of the owners
        self.version = steps._version if steps is not None else 0
        self.on_device = on_device
        self.owners = params
        self.is_complex = params[0].is_complex()
        if self.is_complex:  # the formulas are elementwise on the real and imaginary parts
            params = _as_real(params)
            slots = tuple(_as_real(slot) for slot in slots)
        self.params = params
        self.slots = slots
        self.step = step
        self.steps = steps


class _Scaling:
    """What a gradient scaler has set for one step; on whatever device it is asked for."""

    def __init__(self, grad_scale: Any, found_inf: Any):
        self._given = (grad_scale, found_inf)
        self._there: dict[Any, tuple[Any, Any]] = {}
        self._done: dict[Any, Any] = {}

    def on(self, device: Any) -> tuple[Any, Any]:
        """The scale and the sign that gradients are not finite; None where it is not set."""
        there = self._there.get(device)
        if there is None:
            # More than one element is the op's to refuse, with a message.
            there = self._there[device] = tuple(  # type: ignore[assignment]
                None if t is None else plait.as_tensor(t, dtype=plait.float32, device=device)
                for t in self._given
            )
        return there  # type: ignore[return-value]

    def done(self, device: Any) -> Any:
        """1 where the step is done and 0 where it is left out, to count with."""
        done = self._done.get(device)
        if done is None:
            found_inf = self.on(device)[1]
            done = self._done[device] = 1 if found_inf is None else (found_inf == 0).to(plait.float32)
        return done


class _Plan:
    __slots__ = ("active", "buckets", "capturable", "count", "group", "params", "slots")

    def __init__(self, group: Any, params: list, slots: Any, active: list[bool], buckets: list[_Bucket]):
        self.group = group
        self.capturable = group.get("capturable") if group else None
        self.params = params
        self.slots = slots
        self.count = sum(active)
        # Which of the parameters have a gradient; None for all, the common case, which the count alone tells.
        self.active = None if all(active) else active
        self.buckets = buckets


_NO_PLAN = _Plan(None, [], None, [], [])


def _as_real(tensors: list) -> list:
    with plait.no_grad():
        return [plait.view_as_real(t.detach()) for t in tensors]


def _number(who: str, name: str, value: Any, low: float = 0.0, high: float | None = None) -> None:
    """Checks an option; NaN fails every comparison and so is refused, too."""
    if isinstance(value, plait.Tensor) and value.numel() != 1:
        raise ValueError(f"{who}: {name} should have one element, got shape {tuple(value.shape)}")
    if not (low <= value and (high is None or value < high)):
        bound = f"at least {low}" if high is None else f"in [{low}, {high})"
        raise ValueError(f"{who}: {name} should be {bound}, got {value}")


def _refuse_differentiable(who: str, differentiable: bool) -> None:
    if differentiable:
        raise ValueError(
            f"{who}: differentiable=True is not supported (the fused step is not recorded); write the "
            "update in tensor ops where it has to be differentiated"
        )


class FusedOptimizer(Optimizer):
    """Runs `_launch` once per bucket; see Note [Plans of fused steps]."""

    _counts_steps = True
    _step_supports_amp_scaling = True  # Note [Steps of a gradient scaler]

    def _slots(self, group: dict) -> tuple[str, ...]:
        """The names of the state entries that the group's options ask for."""
        raise NotImplementedError

    def _launch(self, group: dict, bucket: _Bucket, grads: list, scaling: _Scaling | None) -> None:
        raise NotImplementedError

    def _launch_scaled(self, group: dict, bucket: _Bucket, grads: list, scaling: _Scaling) -> None:
        device = bucket.params[0].device
        if self._host_must_know(bucket, device):
            grad_scale, found_inf = scaling.on(device)
            if found_inf is not None and found_inf.item() != 0:
                self._leave_out(bucket)
                return
            scaling = _Scaling(grad_scale, None)
        self._launch(group, bucket, grads, scaling)

    def _host_must_know(self, bucket: _Bucket, device: Any) -> bool:
        """Must the host read whether the step is left out?"""
        return device.type == "cpu"

    def _leave_out(self, bucket: _Bucket) -> None:
        """The host has read that nothing is done."""

    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Does one update; `closure`, if given, computes loss and gradients anew and returns the loss."""
        if self._hooked and not self._in_step:
            return self._step_with_hooks(closure)
        loss = None
        if closure is not None:
            with plait.enable_grad():
                loss = closure()
        groups = self.param_groups
        scaling = None
        if "found_inf" in self.__dict__ or "grad_scale" in self.__dict__:
            scaling = _Scaling(getattr(self, "grad_scale", None), getattr(self, "found_inf", None))
            if not self._scaled:
                self._scaled = True
                self._plans = self._seen_plans = []  # the next ones count on the device
        plans = self._plans
        if len(plans) != len(groups):
            plans = self._plans = [_NO_PLAN] * len(groups)
        for i, group in enumerate(groups):
            plan = plans[i]
            params = group["params"]
            known = plan.params
            grads = [g for p, q in zip(params, known) if p is q and (g := p.grad) is not None]
            if (
                len(grads) != plan.count
                or len(params) != len(known)
                or plan.group is not group
                or plan.slots is not self._slots(group)
                or plan.capturable is not group.get("capturable")
                or (plan.active is not None and [p.grad is not None for p in params] != plan.active)
            ):
                plan = plans[i] = self._seen_plan(i, group) or self._plan(group)
                grads = [g for p in params if (g := p.grad) is not None]
            buckets = plan.buckets
            launch: Any = self._launch if scaling is None else self._launch_scaled
            if len(buckets) == 1:
                bucket = buckets[0]
                launch(group, bucket, _as_real(grads) if bucket.is_complex else grads, scaling)
                continue
            if not self._counts_steps and any(bucket.step == 0 for bucket in buckets):
                plans[i] = _NO_PLAN  # new parameters may share a bucket with the others from the next step on
            for bucket in buckets:
                part = [grads[k] for k in bucket.index]
                launch(group, bucket, _as_real(part) if bucket.is_complex else part, scaling)
        self._opt_called = True
        return loss

    step._runs_hooks = True  # type: ignore[attr-defined]

    def _step_with_hooks(self, closure: Callable[[], float] | None) -> float | None:
        self._in_step = True
        try:
            args, kwargs = self._run_pre_hooks(() if closure is None else (closure,), {})
            loss = FusedOptimizer.step(self, *args, **kwargs)
            self._run_post_hooks(args, kwargs)
        finally:
            self._in_step = False
        return loss

    def _seen_plan(self, i: int, group: dict) -> _Plan | None:
        """The plan from before somebody read the state, where nothing was changed meanwhile."""
        if i >= len(self._seen_plans):
            return None
        plan, self._seen_plans[i] = self._seen_plans[i], _NO_PLAN
        params, names = group["params"], self._slots(group)
        if (
            plan.group is not group
            or plan.slots is not names
            or plan.capturable is not group.get("capturable")
            or len(params) != len(plan.params)
            or any(p is not q for p, q in zip(params, plan.params))
            or [p.grad is not None for p in params] != (plan.active or [True] * len(params))
        ):
            return None
        if self._counts_steps:
            names = ("step", *names)
        for bucket in plan.buckets:
            if bucket.steps is not None and bucket.steps._version != bucket.version:
                return None
            for p, entries in zip(bucket.owners, bucket.entries):
                state = self._state.get(p, {})
                if any(state.get(name) is not entry for name, entry in zip(names, entries)):
                    return None
        return plan

    def _plan(self, group: dict) -> _Plan:
        slots = self._slots(group)
        params = list(group["params"])
        active = [p.grad is not None for p in params]
        parts: dict[tuple, list[tuple[int, Any]]] = {}
        position = 0
        with plait.no_grad():
            for p, has_grad in zip(params, active):
                if not has_grad:
                    continue
                step = self._prepare(p, slots, group)
                parts.setdefault((p.dtype, p.device, step), []).append((position, p))
                position += 1
            buckets = [self._bucket(group, key, part, slots) for key, part in parts.items()]
        return _Plan(group, params, slots, active, buckets)

    def _prepare(self, p: Any, slots: tuple[str, ...], group: dict) -> int:
        """Makes the missing state entries of one parameter and returns how many steps it has seen."""
        state = self._state[p] if slots or self._counts_steps else {}
        on_device = self._counts_on_device(group, p.device)
        if self._counts_steps and p.device.type == "cuda" and not group["capturable"]:
            self._refuse_host_count()
        if p.device.type == "cuda" and any(state.get(name) is None for name in slots):
            self._refuse_capture(
                "its state would be made again at each replay; run one step before the capture"
            )
        step = 0
        if self._counts_steps:
            if on_device:
                self._refuse_capture(
                    "its state was changed since the last step, so that each replay would count from here; "
                    "run one step before the capture"
                )
            step = int(state.setdefault("step", 0))  # the first of the entries; a tensor after _bucket
        for name in slots:
            if state.get(name) is None:
                state[name] = plait.zeros_like(p, requires_grad=False)
        return step

    def _bucket(
        self, group: dict, key: tuple, part: list[tuple[int, Any]], slots: tuple[str, ...]
    ) -> _Bucket:
        _, device, step = key
        steps = None
        on_device = self._counts_on_device(group, device)
        if self._counts_steps and on_device:
            steps = _gathered([self._state[p] for _, p in part], "step", device)
        elif self._counts_steps:
            steps = plait.full((len(part),), float(step), dtype=plait.float32, device="cpu")
            for k, (_, p) in enumerate(part):
                self._state[p]["step"] = steps[k]
        lists = tuple([self._state[p][name] for _, p in part] for name in slots)
        names = ("step", *slots) if self._counts_steps else slots
        entries = [tuple(self._state[p][name] for name in names) for _, p in part]
        return _Bucket([k for k, _ in part], [p for _, p in part], lists, step, steps, on_device, entries)


_NONE: tuple[str, ...] = ()
_MOMENTUM = ("momentum_buffer",)


class SGD(FusedOptimizer):
    """Stochastic gradient descent, with momentum and Nesterov's variant (Sutskever et al. 2013, as PyTorch
    has it).

    g = grad + weight_decay p;  b = momentum b + (1 - dampening) g (the first time b = g);
    p = p - lr b, or p - lr (g + momentum b) with `nesterov`. `foreach` and `fused` are accepted; a step is
    always fused.

    >>> w = plait.ones(2, requires_grad=True)
    >>> opt = plait.optim.SGD([w], lr=0.5)
    >>> w.sum().backward()
    >>> opt.step()
    >>> w.tolist()
    [0.5, 0.5]
    """

    _counts_steps = False

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ):
        _number("SGD", "lr", lr)
        _number("SGD", "momentum", momentum)
        _number("SGD", "weight_decay", weight_decay)
        _refuse_differentiable("SGD", differentiable)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError(
                "SGD: nesterov=True needs momentum > 0 and dampening == 0, "
                f"got momentum={momentum}, dampening={dampening}"
            )
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def _slots(self, group: dict) -> tuple[str, ...]:
        return _MOMENTUM if group["momentum"] != 0 else _NONE

    def _prepare(self, p: Any, slots: tuple[str, ...], group: dict) -> int:
        """Returns 0 for a parameter whose momentum buffer is new (it takes the gradient as it is), else 1."""
        if not slots:
            return 1
        seen = int(self._state[p].get("momentum_buffer") is not None)
        super()._prepare(p, slots, group)
        return seen

    def _host_must_know(self, bucket: _Bucket, device: Any) -> bool:
        return device.type == "cpu" or bool(bucket.slots and bucket.step == 0)

    def _leave_out(self, bucket: _Bucket) -> None:
        if bucket.slots and bucket.step == 0:  # the first step is still to come
            self._plans = []
            for p in bucket.owners:
                self._state[p]["momentum_buffer"] = None

    def _launch(self, group: dict, bucket: _Bucket, grads: list, scaling: _Scaling | None) -> None:
        slots = bucket.slots
        lr = group["lr"]
        if type(lr) is not float:
            lr = float(lr)  # an int, or a tensor that a schedule writes into
        grad_scale, found_inf = scaling.on(bucket.params[0].device) if scaling else (None, None)
        plait._fused_sgd_(
            bucket.params,
            grads,
            slots[0] if slots else [],
            lr=lr,
            momentum=group["momentum"],
            dampening=group["dampening"],
            weight_decay=group["weight_decay"],
            nesterov=group["nesterov"],
            maximize=group["maximize"],
            first_step=bucket.step == 0,
            grad_scale=grad_scale,
            found_inf=found_inf,
        )
        bucket.step = 1


_ADAM = ("exp_avg", "exp_avg_sq")
_AMSGRAD = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")


class Adam(FusedOptimizer):
    """Adam (Kingma and Ba 2015, arXiv:1412.6980); `amsgrad` after Reddi et al. 2018 (arXiv:1904.09237).

    m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  p = p - lr m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) +
    eps), with g = grad + weight_decay p, or, with `decoupled_weight_decay`, p first scaled by (1 - lr
    weight_decay). `foreach` and `fused` are accepted; a step is always fused. With `capturable`, a graph can
    capture steps of CUDA parameters: they are counted on the device, and `lr` may be a tensor there, which
    the replays read anew.

    >>> w = plait.ones(2, requires_grad=True)
    >>> opt = plait.optim.Adam([w], lr=0.5)
    >>> w.sum().backward()
    >>> opt.step()
    >>> [round(x, 4) for x in w.tolist()]
    [0.5, 0.5]
    """

    _capturable = True

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ):
        who = type(self).__name__
        _number(who, "lr", lr)
        _number(who, "eps", eps)
        _number(who, "betas[0]", betas[0], 0.0, 1.0)
        _number(who, "betas[1]", betas[1], 0.0, 1.0)
        _number(who, "weight_decay", weight_decay)
        _refuse_differentiable(who, differentiable)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def _slots(self, group: dict) -> tuple[str, ...]:
        return _AMSGRAD if group["amsgrad"] else _ADAM

    def _launch(self, group: dict, bucket: _Bucket, grads: list, scaling: _Scaling | None) -> None:
        slots = bucket.slots
        lr = group["lr"]
        amsgrad = group["amsgrad"]
        beta1, beta2 = group["betas"]
        device = bucket.params[0].device
        if device.type == "cuda" and not group["capturable"]:
            self._refuse_host_count()
        if bucket.on_device or scaling:
            grad_scale, found_inf = scaling.on(device) if scaling else (None, None)
            if bucket.on_device:
                number = bucket.steps.add_(scaling.done(device) if scaling else 1)[0]
                bucket.step = 1
            else:
                number = bucket.step = bucket.step + 1
                bucket.steps.fill_(number)
            bucket.version = bucket.steps._version
            plait._fused_adam_capturable_(
                bucket.params,
                grads,
                slots[0],
                slots[1],
                slots[2] if amsgrad else [],
                step=number,
                lr=lr,
                beta1=beta1,
                beta2=beta2,
                eps=group["eps"],
                weight_decay=group["weight_decay"],
                amsgrad=amsgrad,
                maximize=group["maximize"],
                decoupled=group["decoupled_weight_decay"],
                grad_scale=grad_scale,
                found_inf=found_inf,
            )
            return
        if type(lr) is not float:
            lr = float(lr)  # an int, or a tensor that a schedule writes into
        step = bucket.step + 1
        plait._fused_adam_(
            bucket.params,
            grads,
            slots[0],
            slots[1],
            slots[2] if amsgrad else [],
            step=step,
            lr=lr,
            beta1=beta1,
            beta2=beta2,
            eps=group["eps"],
            weight_decay=group["weight_decay"],
            amsgrad=amsgrad,
            maximize=group["maximize"],
            decoupled=group["decoupled_weight_decay"],
        )
        bucket.step = step
        bucket.steps.fill_(step)
        bucket.version = bucket.steps._version


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019, arXiv:1711.05101).

    As `Adam`, but p is first scaled by (1 - lr weight_decay) and the gradient is left alone.

    >>> w = plait.ones(2, requires_grad=True)
    >>> opt = plait.optim.AdamW([w], lr=0.5, weight_decay=0.2)
    >>> w.sum().backward()
    >>> opt.step()
    >>> [round(x, 4) for x in w.tolist()]
    [0.4, 0.4]
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ):
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:  # a state of an Adam, or of a version that had no such option
            group["decoupled_weight_decay"] = True


_RMSPROP = {
    (centered, momentum): ("square_avg",)
    + (("momentum_buffer",) if momentum else ())
    + (("grad_avg",) if centered else ())
    for centered in (False, True)
    for momentum in (False, True)
}


class RMSprop(FusedOptimizer):
    """RMSprop (Tieleman and Hinton, lecture 6e, 2012); `centered` after Graves 2013 (arXiv:1308.0850).

    v = alpha v + (1 - alpha) g^2;  p = p - lr g / (sqrt(v) + eps), with v - (mean of g)^2 in place of v where
    `centered`, and a buffer b = momentum b + g / (sqrt(v) + eps) where momentum > 0.

    >>> w = plait.ones(2, requires_grad=True)
    >>> opt = plait.optim.RMSprop([w], lr=0.1, alpha=0.75)
    >>> w.sum().backward()
    >>> opt.step()
    >>> [round(x, 4) for x in w.tolist()]
    [0.8, 0.8]
    """

    _capturable = True

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ):
        for name, value in {
            "lr": lr,
            "alpha": alpha,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum": momentum,
        }.items():
            _number("RMSprop", name, value)
        _refuse_differentiable("RMSprop", differentiable)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _slots(self, group: dict) -> tuple[str, ...]:
        return _RMSPROP[bool(group["centered"]), group["momentum"] > 0]

    def _launch(self, group: dict, bucket: _Bucket, grads: list, scaling: _Scaling | None) -> None:
        slots = bucket.slots
        device = bucket.params[0].device
        if device.type == "cuda" and not group["capturable"]:
            self._refuse_host_count()
        grad_scale, found_inf = scaling.on(device) if scaling else (None, None)
        lr = group["lr"]
        if type(lr) is not float:
            lr = float(lr)  # an int, or a tensor that a schedule writes into
        centered = group["centered"]
        momentum = group["momentum"]
        plait._fused_rmsprop_(
            bucket.params,
            grads,
            slots[0],
            slots[-1] if centered else [],
            slots[1] if momentum > 0 else [],
            lr=lr,
            alpha=group["alpha"],
            eps=group["eps"],
            weight_decay=group["weight_decay"],
            momentum=momentum,
            centered=centered,
            maximize=group["maximize"],
            grad_scale=grad_scale,
            found_inf=found_inf,
        )
        step = bucket.step + 1
        bucket.step = step
        if bucket.on_device:
            bucket.steps.add_(scaling.done(device) if scaling else 1)
        else:
            bucket.steps.fill_(step)
        bucket.version = bucket.steps._version
