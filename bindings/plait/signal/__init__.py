"""Tools for signals: `plait.signal.windows`. Fourier transforms stand in `plait.fft`, and `plait.stft`."""

from . import windows

__all__ = ["windows"]
