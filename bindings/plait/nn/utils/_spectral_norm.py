"""Spectral normalisation by a hook, the former form of parametrizations.spectral_norm."""

from __future__ import annotations

import plait
from plait import Tensor

from .. import functional as F
from ..modules.module import Module
from ..parameter import Parameter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["SpectralNorm", "matrix_of", "power_iterations", "remove_spectral_norm", "spectral_norm"]


def matrix_of(weight: Tensor, dim: int) -> Tensor:
    """The weight as a matrix whose rows are those of dimension `dim`."""
    if dim != 0:
        weight = weight.movedim(dim, 0)
    return weight.flatten(1)


def power_iterations(matrix: Tensor, u: Tensor, v: Tensor, count: int, eps: float) -> None:
    """Improves the estimates of the first singular vectors, in place."""
    with plait.no_grad():
        for _ in range(count):
            u.copy_(F.normalize(plait.mv(matrix, v), dim=0, eps=eps))
            v.copy_(F.normalize(plait.mv(matrix.t(), u), dim=0, eps=eps))


def default_dim(module: Module) -> int:
    """The dimension of a weight's output channels."""
    return 1 if type(module).__name__.removeprefix("Parametrized").startswith("ConvTranspose") else 0


class SpectralNorm:
    """The hook: divides the weight by an estimate of its largest singular value before each forward (Miyato
    et al. 2018)."""

    def __init__(self, name: str, n_power_iterations: int, dim: int, eps: float):
        if n_power_iterations <= 0:
            raise ValueError(f"spectral_norm: expected n_power_iterations > 0, got {n_power_iterations}")
        self.name, self.n_power_iterations, self.dim, self.eps = name, n_power_iterations, dim, eps

    def compute_weight(self, module: Module, do_power_iteration: bool) -> Tensor:
        """The weight over its largest singular value."""
        weight = getattr(module, self.name + "_orig")
        u, v = getattr(module, self.name + "_u"), getattr(module, self.name + "_v")
        matrix = matrix_of(weight, self.dim)
        if do_power_iteration:
            with plait.no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(F.normalize(plait.mv(matrix.t(), u), dim=0, eps=self.eps))
                    u.copy_(F.normalize(plait.mv(matrix, v), dim=0, eps=self.eps))
            # A second forward changes u and v in place before the first one's backward.
            u, v = u.clone(), v.clone()
        return weight / plait.dot(u, plait.mv(matrix, v))

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, do_power_iteration=module.training))


def _hook_of(module: Module, name: str) -> tuple[int, SpectralNorm] | None:
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook.function, SpectralNorm) and hook.function.name == name:
            return key, hook.function
    return None


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """Keeps the largest singular value of a weight at 1; `name_orig` is the parameter, `name_u` and `name_v`
    the estimates of its singular vectors.

    >>> m = plait.nn.utils.spectral_norm(plait.nn.Linear(4, 3))
    >>> list(m.state_dict())
    ['bias', 'weight_orig', 'weight_u', 'weight_v']
    """
    if _hook_of(module, name) is not None:
        raise RuntimeError(f"spectral_norm: '{name}' of {type(module).__name__} has one already")
    hook = SpectralNorm(name, n_power_iterations, default_dim(module) if dim is None else dim, eps)
    weight = module._parameters[name]
    with plait.no_grad():
        rows, columns = matrix_of(weight, hook.dim).shape
        u = F.normalize(weight.new_empty((rows,)).normal_(0, 1), dim=0, eps=eps)
        v = F.normalize(weight.new_empty((columns,)).normal_(0, 1), dim=0, eps=eps)
    delattr(module, name)
    module.register_parameter(name + "_orig", weight)
    setattr(module, name, weight.data)
    module.register_buffer(name + "_u", u)
    module.register_buffer(name + "_v", v)
    module.register_forward_pre_hook(hook)
    return module


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Makes the weight, as it is now, an ordinary parameter again."""
    found = _hook_of(module, name)
    if found is None:
        raise ValueError(f"remove_spectral_norm: '{name}' of {type(module).__name__} has no spectral norm")
    key, hook = found
    with plait.no_grad():
        weight = hook.compute_weight(module, do_power_iteration=False)
    for part in ("", "_u", "_v", "_orig"):
        delattr(module, name + part)
    module.register_parameter(name, Parameter(weight.detach()))
    del module._forward_pre_hooks[key]
    return module
