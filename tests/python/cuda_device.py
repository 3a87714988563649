"""Which CUDA device the tests use: a GPU where there is one, else the emulator that the build made."""

import os
from pathlib import Path

import plait
import pytest

EMULATED = Path(plait.__file__).parent / "lib" / "libplait_cuda_emulated.so"


def choose():
    """Called before the first test: the library is chosen when a device is first asked for."""
    has_gpu = Path("/dev/nvidiactl").exists()
    if not has_gpu and EMULATED.exists():
        os.environ.setdefault("PLAIT_CUDA_LIBRARY", str(EMULATED))


choose()
IS_EMULATED = Path(os.environ.get("PLAIT_CUDA_LIBRARY", "")).name in (EMULATED.name, "libplait_cuda_racecheck.so")
if IS_EMULATED and not plait.cuda.is_available():
    plait.zeros(1, device="cuda")  # an emulator that does not load is a failure, which this reports, and no reason to skip
needs_cuda = pytest.mark.skipif(
    not plait.cuda.is_available(),
    reason="no CUDA device, and no emulator in the build (CMake option PLAIT_CUDA_EMULATOR)",
)
