"""Tools around training: data loading, activation checkpointing, file formats."""

from . import checkpoint, data

__all__ = ["checkpoint", "data", "dlpack", "safetensors"]


def __getattr__(name: str):
    if name in (
        "safetensors",
        "dlpack",
    ):  # few programs need it, and it is not worth its import time to the others
        from importlib import import_module

        return import_module("." + name, __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")
