"""Logs that TensorBoard shows: scalars, histograms, images, text, hyperparameters, embeddings.

The package `tensorboard` writes them, and is imported when a writer is made: `pip install tensorboard`, or
plait with the extra of that name. `tensorboard --logdir runs` shows them.
"""

from .writer import FileWriter, SummaryWriter

__all__ = ["FileWriter", "SummaryWriter"]
