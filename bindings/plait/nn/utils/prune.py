"""Pruning: parameters of a module are multiplied by masks before each forward.

A pruned parameter `weight` becomes the parameter `weight_orig`, the buffer `weight_mask`, and the plain
attribute `weight`, their product, which a forward pre-hook computes anew. `remove` makes the product the
parameter.

>>> m = plait.nn.Linear(2, 2, bias=False)
>>> with plait.no_grad():
...     _ = m.weight.copy_(plait.tensor([[1.0, -4.0], [3.0, 2.0]]))
>>> plait.nn.utils.prune.l1_unstructured(m, "weight", amount=0.5).weight
tensor([[ 0., -4.],
        [ 3.,  0.]], grad_fn=<MulBackward0>)
>>> [name for name, _ in m.named_parameters()], [name for name, _ in m.named_buffers()]
(['weight_orig'], ['weight_mask'])
>>> plait.nn.utils.prune.remove(m, "weight").weight.tolist()
[[0.0, -4.0], [3.0, 0.0]]
"""

from __future__ import annotations

import numbers
from abc import ABC, abstractmethod

import plait
from plait import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from ..modules.module import Module

__all__ = [
    "BasePruningMethod",
    "CustomFromMask",
    "Identity",
    "L1Unstructured",
    "LnStructured",
    "PruningContainer",
    "RandomStructured",
    "RandomUnstructured",
    "custom_from_mask",
    "global_unstructured",
    "identity",
    "is_pruned",
    "l1_unstructured",
    "ln_structured",
    "random_structured",
    "random_unstructured",
    "remove",
]


class BasePruningMethod(ABC):
    """A way to choose what is pruned: subclasses give `PRUNING_TYPE` ("global", "structured" or
    "unstructured") and `compute_mask`.
    """

    _tensor_name: str
    PRUNING_TYPE: str = "unstructured"

    def __call__(self, module: Module, inputs: Any) -> None:
        """The forward pre-hook: computes the product anew."""
        setattr(module, self._tensor_name, self.apply_mask(module))

    @abstractmethod
    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask for importances `t`: `default_mask` with more zeros."""

    def apply_mask(self, module: Module) -> Tensor:
        """The original parameter times its mask."""
        name = self._tensor_name
        mask, original = getattr(module, name + "_mask"), getattr(module, name + "_orig")
        return mask.to(dtype=original.dtype) * original

    @classmethod
    def apply(
        cls, module: Module, name: str, *args: Any, importance_scores: Tensor | None = None, **kwargs: Any
    ) -> BasePruningMethod:
        """Prunes the parameter `name` of `module`, on top of what has been pruned there before."""
        found = [(k, m) for k, m in _methods(module) if m._tensor_name == name]
        if len(found) > 1:
            raise RuntimeError(
                f"prune: {len(found)} pruning hooks are on the parameter {name!r}; there may be one"
            )
        method: BasePruningMethod = cls(*args, **kwargs)
        method._tensor_name = name
        if found:
            key, old = found[0]
            del module._forward_pre_hooks[key]
            container = old if isinstance(old, PruningContainer) else PruningContainer(old)
            container._tensor_name = name
            container.add_pruning_method(method)
            method = container
        original = getattr(module, name)
        if importance_scores is None:
            importance_scores = original
        elif importance_scores.shape != original.shape:
            raise ValueError(
                f"prune: importance_scores should have the shape of {name}, {tuple(original.shape)}, got "
                f"{tuple(importance_scores.shape)}"
            )
        if not found:
            before = module._parameters.get(name)
            if before is None:
                raise AttributeError(f"prune: {type(module).__name__} has no parameter {name!r}")
            del module._parameters[name]
            module.register_parameter(name + "_orig", before)
            default = plait.ones_like(before.detach())
        else:
            default = getattr(module, name + "_mask").detach().clone()
        try:
            with plait.no_grad():
                mask = method.compute_mask(importance_scores.detach(), default)
            if found:
                getattr(module, name + "_mask").copy_(mask)
            else:
                module.register_buffer(name + "_mask", mask)
        except Exception:
            if not found:
                del module._parameters[name + "_orig"]
                module.register_parameter(name, before)
            raise
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(
        self, t: Tensor, default_mask: Tensor | None = None, importance_scores: Tensor | None = None
    ) -> Tensor:
        """t times the mask for it; modules are not needed."""
        scores = t if importance_scores is None else importance_scores
        if scores.shape != t.shape:
            raise ValueError(
                f"prune: importance_scores should have the shape {tuple(t.shape)}, got {tuple(scores.shape)}"
            )
        default = plait.ones_like(t) if default_mask is None else default_mask
        return t * self.compute_mask(scores.detach(), default)

    def remove(self, module: Module) -> None:
        """Makes the product the parameter, for good. The hook stays: the function `remove` takes it away."""
        name = self._tensor_name
        product = self.apply_mask(module)
        original = module._parameters[name + "_orig"]
        vars(module).pop(name, None)
        del module._parameters[name + "_orig"], module._buffers[name + "_mask"]
        with plait.no_grad():
            original.copy_(product)
        module.register_parameter(name, original)


class PruningContainer(BasePruningMethod):
    """Several methods, one after the other, each on what the earlier ones left."""

    def __init__(self, *args: Any):
        self._pruning_methods: tuple[BasePruningMethod, ...] = ()
        methods = args[0] if len(args) == 1 and not isinstance(args[0], BasePruningMethod) else args
        for method in methods:
            if not hasattr(self, "_tensor_name") and hasattr(method, "_tensor_name"):
                self._tensor_name = method._tensor_name
            self.add_pruning_method(method)

    def add_pruning_method(self, method: BasePruningMethod | None) -> None:
        """Adds one, for the same parameter."""
        if not isinstance(method, BasePruningMethod) and method is not None:
            raise TypeError(f"{type(method).__name__} is not a BasePruningMethod")
        if method is None:
            return
        own, its = getattr(self, "_tensor_name", None), getattr(method, "_tensor_name", None)
        if own is not None and its is not None and own != its:
            raise ValueError(f"prune: a container for the parameter {own!r} cannot take a method for {its!r}")
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Iterator[BasePruningMethod]:
        return iter(self._pruning_methods)

    def __getitem__(self, index: int) -> BasePruningMethod:
        return self._pruning_methods[index]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The newest method's mask, computed on the entries (or slices) that are left, in `default_mask`."""
        method = self._pruning_methods[-1]
        mask = default_mask.to(dtype=t.dtype)
        kind = method.PRUNING_TYPE
        where: Any
        if kind == "unstructured":
            where = mask == 1
        elif kind == "structured":
            dim = method.dim % t.dim()  # type: ignore[attr-defined]
            others = [d for d in range(t.dim()) if d != dim]
            kept = mask.sum(others) != 0 if others else mask != 0
            where = (slice(None),) * dim + (kept,)
        elif kind == "global":
            where = (slice(None),) * t.dim()
        else:
            raise ValueError(
                f"prune: {type(method).__name__}.PRUNING_TYPE is {kind!r}; it may be 'unstructured', "
                "'structured' or 'global'"
            )
        result = mask.clone()
        result[where] = method.compute_mask(t[where], mask[where])
        return result


class Identity(BasePruningMethod):
    """Prunes nothing; the parameter gets its mask."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """`default_mask`."""
        return default_mask


def _check_amount(amount: Any) -> None:
    if isinstance(amount, bool) or not isinstance(amount, numbers.Real):
        raise TypeError(f"prune: amount should be a number of entries or a fraction, got {amount!r}")
    if (isinstance(amount, numbers.Integral) and int(amount) < 0) or (
        not isinstance(amount, numbers.Integral) and not 0.0 <= float(amount) <= 1.0
    ):
        raise ValueError(
            f"prune: amount should be a fraction in [0, 1] or a count of 0 or more, got {amount!r}"
        )


def _count(amount: Any, size: int) -> int:
    """How many of `size` are pruned."""
    if isinstance(amount, numbers.Integral):
        if int(amount) > size:
            raise ValueError(f"prune: amount={amount} is more than the {size} there are to prune")
        return int(amount)
    return round(float(amount) * size)


class _ByAmount(BasePruningMethod):
    def __init__(self, amount: float):
        _check_amount(amount)
        self.amount = amount


class RandomUnstructured(_ByAmount):
    """Prunes entries at random: `amount` of them, a count (int) or a fraction (float)."""

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """`default_mask` with `amount` more zeros."""
        count = _count(self.amount, t.numel())
        mask = default_mask.clone()
        if count:
            mask.view(-1)[plait.randperm(t.numel(), device=t.device)[:count]] = 0
        return mask


class L1Unstructured(_ByAmount):
    """Prunes the entries of smallest absolute value."""

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """`default_mask` with `amount` more zeros."""
        count = _count(self.amount, t.numel())
        mask = default_mask.clone()
        if count:
            mask.view(-1)[plait.topk(t.abs().reshape(-1), count, largest=False)[1]] = 0
        return mask


class _Structured(_ByAmount):
    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, dim: int = -1):
        super().__init__(amount)
        self.dim = dim

    def _without(self, t: Tensor, default_mask: Tensor, chosen: Tensor) -> Tensor:
        kept = plait.ones(t.shape[self.dim], dtype=default_mask.dtype, device=t.device)
        kept[chosen] = 0
        shape = [1] * t.dim()
        shape[self.dim] = -1
        return default_mask * kept.view(shape)

    def _slices(self, t: Tensor) -> int:
        if t.dim() < 2:
            raise ValueError(
                f"prune: structured pruning takes whole slices of a tensor of two or more dimensions, got "
                f"{t.dim()}; use an unstructured method"
            )
        if not -t.dim() <= self.dim < t.dim():
            raise IndexError(
                f"prune: dim={self.dim} is not a dimension of a tensor of shape {tuple(t.shape)}"
            )
        return _count(self.amount, t.shape[self.dim])


class RandomStructured(_Structured):
    """Prunes whole slices along `dim` at random."""

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """`default_mask` with `amount` more slices of zeros."""
        count = self._slices(t)
        return self._without(t, default_mask, plait.randperm(t.shape[self.dim], device=t.device)[:count])


class LnStructured(_Structured):
    """Prunes the slices along `dim` of smallest n-norm; n as in `Tensor.norm`."""

    def __init__(self, amount: float, n: Any, dim: int = -1):
        super().__init__(amount, dim)
        self.n = n

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """`default_mask` with `amount` more slices of zeros."""
        count = self._slices(t)
        others = [d for d in range(t.dim()) if d != self.dim % t.dim()]
        norms = plait.norm(t, p=self.n, dim=others)
        return self._without(t, default_mask, plait.topk(norms, count, largest=False)[1])


class CustomFromMask(BasePruningMethod):
    """Prunes where the given mask is 0."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor):
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The product of both masks."""
        if self.mask.shape != default_mask.shape:
            raise ValueError(
                f"prune: the mask should have the parameter's shape, {tuple(default_mask.shape)}, got "
                f"{tuple(self.mask.shape)}"
            )
        return default_mask * self.mask.to(dtype=default_mask.dtype)


def _methods(module: Module) -> list[tuple[int, BasePruningMethod]]:
    hooks = module._forward_pre_hooks.items() if "_forward_pre_hooks" in vars(module) else ()
    found = ((key, getattr(hook, "function", hook)) for key, hook in hooks)
    return [(key, hook) for key, hook in found if isinstance(hook, BasePruningMethod)]


def identity(module: Module, name: str) -> Module:
    """Gives the parameter `name` a mask of ones."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: Module, name: str, amount: float) -> Module:
    """Prunes `amount` entries of the parameter `name` at random: a count (int) or a fraction (float)."""
    RandomUnstructured.apply(module, name, amount=amount)
    return module


def l1_unstructured(
    module: Module, name: str, amount: float, importance_scores: Tensor | None = None
) -> Module:
    """Prunes the `amount` entries of the parameter `name` with the smallest absolute value, or score."""
    L1Unstructured.apply(module, name, amount=amount, importance_scores=importance_scores)
    return module


def random_structured(module: Module, name: str, amount: float, dim: int) -> Module:
    """Prunes `amount` slices along `dim` at random."""
    RandomStructured.apply(module, name, amount=amount, dim=dim)
    return module


def ln_structured(
    module: Module, name: str, amount: float, n: Any, dim: int, importance_scores: Tensor | None = None
) -> Module:
    """Prunes the `amount` slices along `dim` with the smallest n-norm."""
    LnStructured.apply(module, name, amount=amount, n=n, dim=dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: Module, name: str, mask: Tensor) -> Module:
    """Prunes the parameter `name` where `mask` is 0."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Module, str]],
    pruning_method: type[BasePruningMethod],
    importance_scores: dict[tuple[Module, str], Tensor] | None = None,
    **kwargs: Any,
) -> None:
    """Prunes the entries of several parameters, (module, name) pairs, as if they were one.

    >>> m = plait.nn.Sequential(plait.nn.Linear(3, 3), plait.nn.Linear(3, 3))
    >>> prune = plait.nn.utils.prune
    >>> prune.global_unstructured([(m[0], "weight"), (m[1], "weight")], prune.L1Unstructured, amount=6)
    >>> int(sum((layer.weight == 0).sum() for layer in m))
    6
    """
    pairs = list(parameters)
    scores = importance_scores or {}
    if not isinstance(scores, dict):
        raise TypeError(
            f"global_unstructured: importance_scores should be a dict, got {type(scores).__name__}"
        )
    flat = plait.cat([scores.get(pair, getattr(*pair)).detach().reshape(-1) for pair in pairs])
    masks = plait.cat(
        [
            getattr(m, f"{name}_mask", plait.ones_like(getattr(m, name))).detach().reshape(-1)
            for m, name in pairs
        ]
    )
    container = PruningContainer()
    container._tensor_name = "temp"
    method = pruning_method(**kwargs)
    method._tensor_name = "temp"
    container.add_pruning_method(method)
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(f"global_unstructured: {pruning_method.__name__} is not unstructured")
    final = container.compute_mask(flat, masks)
    start = 0
    for module, name in pairs:
        p = getattr(module, name)
        custom_from_mask(module, name, final[start : start + p.numel()].view_as(p))
        start += p.numel()


def remove(module: Module, name: str) -> Module:
    """Makes the pruned values of the parameter `name` its values, and takes mask and hook away. Raises
    ValueError where it is not pruned.
    """
    for key, method in _methods(module):
        if method._tensor_name == name:
            method.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"prune.remove: the parameter {name!r} of {type(module).__name__} is not pruned")


def is_pruned(module: Module) -> bool:
    """Is any parameter of the module, or of one inside of it, pruned?"""
    return any(_methods(m) for m in module.modules())
