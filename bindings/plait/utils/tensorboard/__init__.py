"""Logs that TensorBoard shows: scalars, histograms, images, text. Nothing needs to be installed to write
them; `pip install tensorboard; tensorboard --logdir runs` shows them.
"""

from .writer import FileWriter, SummaryWriter

__all__ = ["FileWriter", "SummaryWriter"]
