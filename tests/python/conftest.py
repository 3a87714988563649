"""Two test processes share the machine: each takes one or two threads, and idle ones sleep."""

import os
import tempfile

# What tests compile is kept by content, apart from the user's.
os.environ.setdefault("PLAIT_EXTENSIONS_DIR", os.path.join(tempfile.gettempdir(), f"plait-tests-{os.getuid()}"))
os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import pytest


@pytest.fixture(autouse=True)
def same_seed():
    """Every test draws the same numbers whatever ran before."""
    import plait

    plait.manual_seed(20240607)
    yield
    assert plait.is_grad_enabled(), "the test left grad mode off"
    assert not plait.is_inference_mode_enabled(), "the test left inference mode on"
    assert not plait._C._autocast_active(), "the test left autocast on"
