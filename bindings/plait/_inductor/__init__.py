"""The switches of PyTorch's compiler back end, which plait has not: code that sets them runs."""

from . import config

__all__ = ["config"]
