"""Neural networks: Module and Parameter, layers, losses, `functional`, `init`, `utils`, with PyTorch's names."""

from . import functional, init, modules, utils
from .modules import *  # noqa: F403
from .modules import __all__ as _layers
from .modules.hooks import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
)
from .parameter import Buffer, Parameter

__all__ = [  # noqa: PLE0604
    "Buffer",
    "Parameter",
    "functional",
    "init",
    "modules",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "utils",
    *_layers,
]
