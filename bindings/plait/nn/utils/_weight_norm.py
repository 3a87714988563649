"""Weight normalisation by a hook, the former form of parametrizations.weight_norm."""

from __future__ import annotations

import plait
from plait import Tensor

from ..modules.module import Module
from ..parameter import Parameter, is_lazy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["WeightNorm", "norm_except_dim", "remove_weight_norm", "weight_norm"]


def norm_except_dim(v: Tensor, dim: int | None) -> Tensor:
    """The Euclidean norms over all dimensions but `dim`, which are kept; over all where it is None or -1."""
    if dim is None or dim == -1:
        return plait.norm(v)
    rest = tuple(d for d in range(v.dim()) if d != dim % v.dim())
    return plait.norm(v, 2, rest, True) if rest else v.abs()


class WeightNorm:
    """The hook: sets the weight to g v / |v| before each forward (Salimans and Kingma 2016)."""

    def __init__(self, name: str, dim: int | None):
        self.name, self.dim = name, -1 if dim is None else dim

    def compute_weight(self, module: Module) -> Tensor:
        """The weight, from its norm and its direction."""
        g, v = getattr(module, self.name + "_g"), getattr(module, self.name + "_v")
        return v * (g / norm_except_dim(v, self.dim))

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


def _hook_of(module: Module, name: str) -> tuple[int, WeightNorm] | None:
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook.function, WeightNorm) and hook.function.name == name:
            return key, hook.function
    return None


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Splits a weight into its norm `name_g` over all dimensions but `dim` and its direction `name_v`.

    >>> m = plait.nn.utils.weight_norm(plait.nn.Linear(4, 3))
    >>> list(m.state_dict())
    ['bias', 'weight_g', 'weight_v']
    """
    if _hook_of(module, name) is not None:
        raise RuntimeError(f"weight_norm: '{name}' of {type(module).__name__} has one already")
    hook = WeightNorm(name, dim)
    weight = getattr(module, name)
    if is_lazy(weight):
        raise ValueError(
            f"weight_norm: '{name}' of {type(module).__name__} has no shape yet; run a batch through the "
            "module first"
        )
    del module._parameters[name]
    module.register_parameter(name + "_g", Parameter(norm_except_dim(weight, hook.dim).detach()))
    module.register_parameter(name + "_v", Parameter(weight.detach()))
    setattr(module, name, hook.compute_weight(module))
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """Makes the weight an ordinary parameter again."""
    found = _hook_of(module, name)
    if found is None:
        raise ValueError(f"remove_weight_norm: '{name}' of {type(module).__name__} has no weight norm")
    key, hook = found
    weight = hook.compute_weight(module)
    delattr(module, name)
    del module._parameters[name + "_g"], module._parameters[name + "_v"]
    module.register_parameter(name, Parameter(weight.detach()))
    del module._forward_pre_hooks[key]
    return module
