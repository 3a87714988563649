"""Neural networks with PyTorch's names: Module, Parameter, layers, losses, `functional`, `init`, `utils`."""

from . import functional, init, modules, utils
from .modules import *
from .modules import __all__ as _layers
from .modules.hooks import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
)
from .parameter import Buffer, Parameter

__all__ = [
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
