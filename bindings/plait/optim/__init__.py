"""Optimisers and learning-rate schedulers, with PyTorch's names, formulas and state_dict layout."""

from . import lr_scheduler
from .classic import ASGD, Rprop
from .fused import SGD, Adam, AdamW, RMSprop
from .lbfgs import LBFGS
from .matrix import Adafactor, Muon
from .optimizer import Optimizer, register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from .plain import Adadelta, Adagrad, Adamax, NAdam, RAdam

__all__ = [
    "ASGD",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Muon",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "lr_scheduler",
    "register_optimizer_step_post_hook",
    "register_optimizer_step_pre_hook",
]


def __getattr__(name: str):
    if name == "swa_utils":  # needs plait.nn, which an optimiser does not
        from importlib import import_module

        return import_module("plait.optim.swa_utils")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'; it has {', '.join(__all__)}")
