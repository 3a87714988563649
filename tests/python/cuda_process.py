"""What tests of the CUDA runtime share: each leaves the device as it found it."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import plait
import pytest
from cuda_device import EMULATED, needs_cuda

__all__ = ["clean", "cuda", "needs_cuda", "run", "run_without", "two_devices"]

cuda = plait.cuda
two_devices = pytest.mark.skipif(cuda.device_count() < 2, reason="needs two CUDA devices")


@pytest.fixture(autouse=True)
def clean():
    """Every test begins and ends on device 0, on the default stream, and frees what it allocated."""
    if not cuda.is_available():
        yield
        return
    gc.collect()
    cuda.synchronize()
    before = cuda.memory_allocated()
    yield
    gc.collect()
    assert cuda.current_device() == 0, "the test left another device current"
    assert cuda.current_stream() == cuda.default_stream(), "the test left another stream current"
    assert plait.get_default_device().type == "cpu", "the test left another default device"
    cuda.synchronize()
    assert cuda.memory_allocated() == before, "the test left memory behind"


def run(program, **env):
    """The output of a program in a process of its own."""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env={**os.environ, **env}, timeout=300
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout.strip()


def run_without(library, program, folder):
    """What a program prints that finds all emulated libraries but one: in a copy of the package, of links."""
    package, copy = Path(plait.__file__).parent, folder / "plait"
    (copy / "lib").mkdir(parents=True)
    for file in package.iterdir():
        if file.name not in ("lib", "__pycache__"):
            (copy / file.name).symlink_to(file)
    for file in (package / "lib").iterdir():
        if library not in file.name:
            (copy / "lib" / file.name).symlink_to(file)
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    return run(program, PYTHONPATH=path, PLAIT_CUDA_LIBRARY=str(copy / "lib" / EMULATED.name))
