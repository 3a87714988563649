"""What programs take from `functorch`, whose functions went to `torch.func`: those, and modules as functions
of their parameters.
"""

from __future__ import annotations

from copy import deepcopy

import plait

from .func import functional_call, grad, grad_and_value, hessian, jacfwd, jacrev, jvp, vjp, vmap
from .func import stack_module_state as _stack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from plait import Tensor

    from .nn import Module

__all__ = [
    "FunctionalModule",
    "FunctionalModuleWithBuffers",
    "combine_state_for_ensemble",
    "functional_call",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "make_functional",
    "make_functional_with_buffers",
    "vjp",
    "vmap",
]


class FunctionalModule(plait.nn.Module):
    """A module as a function: called with its parameters, and then its inputs."""

    def __init__(self, stateless_model: Module, param_names: Sequence[str]):
        super().__init__()
        self.stateless_model, self.param_names = stateless_model, tuple(param_names)

    def forward(self, params: Sequence[Tensor], *args: Any, **kwargs: Any) -> Any:
        given = dict(zip(self.param_names, params, strict=True))
        return functional_call(self.stateless_model, given, args, kwargs)


class FunctionalModuleWithBuffers(plait.nn.Module):
    """A module as a function: called with its parameters and its buffers, and then its inputs."""

    def __init__(self, stateless_model: Module, param_names: Sequence[str], buffer_names: Sequence[str]):
        super().__init__()
        self.stateless_model = stateless_model
        self.param_names, self.buffer_names = tuple(param_names), tuple(buffer_names)

    def forward(self, params: Sequence[Tensor], buffers: Sequence[Tensor], *args: Any, **kwargs: Any) -> Any:
        given = dict(zip(self.param_names, params, strict=True))
        given.update(zip(self.buffer_names, buffers, strict=True))
        return functional_call(self.stateless_model, given, args, kwargs)


def _parts(model: Module, disable_autograd_tracking: bool) -> tuple[Module, dict, dict]:
    stateless = deepcopy(model)
    params: dict[str, Tensor] = dict(model.named_parameters())
    if disable_autograd_tracking:
        params = {name: p.detach() for name, p in params.items()}
    return stateless, params, dict(model.named_buffers())


def make_functional(
    model: Module, disable_autograd_tracking: bool = False
) -> tuple[FunctionalModule, tuple[Tensor, ...]]:
    """The module as a function of its parameters, and these.

    >>> function, params = make_functional(plait.nn.Linear(2, 1))
    >>> function(params, plait.ones(3, 2)).shape
    plait.Size([3, 1])
    """
    stateless, params, buffers = _parts(model, disable_autograd_tracking)
    if buffers:
        raise RuntimeError(
            "make_functional: the module has buffers; use make_functional_with_buffers"
        )
    return FunctionalModule(stateless, tuple(params)), tuple(params.values())


def make_functional_with_buffers(
    model: Module, disable_autograd_tracking: bool = False
) -> tuple[FunctionalModuleWithBuffers, tuple[Tensor, ...], tuple[Tensor, ...]]:
    """The module as a function of its parameters and buffers, and these."""
    stateless, params, buffers = _parts(model, disable_autograd_tracking)
    function = FunctionalModuleWithBuffers(stateless, tuple(params), tuple(buffers))
    return function, tuple(params.values()), tuple(buffers.values())


def combine_state_for_ensemble(
    models: Sequence[Module],
) -> tuple[Callable[..., Any], tuple[Tensor, ...], tuple[Tensor, ...]]:
    """One function for modules of one structure, and their parameters and buffers, stacked for vmap."""
    params, buffers = _stack(list(models))
    function = FunctionalModuleWithBuffers(deepcopy(models[0]), tuple(params), tuple(buffers))
    return function, tuple(params.values()), tuple(buffers.values())
