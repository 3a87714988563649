"""Optimisers and learning-rate schedulers, with PyTorch's names, formulas and state_dict layout."""

from . import lr_scheduler
from .fused import SGD, Adam, AdamW, RMSprop
from .lbfgs import LBFGS
from .optimizer import Optimizer, register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from .plain import Adadelta, Adagrad, Adamax, NAdam, RAdam

__all__ = [
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "lr_scheduler",
    "register_optimizer_step_post_hook",
    "register_optimizer_step_pre_hook",
]
