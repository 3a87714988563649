"""Every registered op with garbage: only Python exceptions come out.

PLAIT_FUZZ_SECONDS=600 makes each part a longer soak, PLAIT_FUZZ_SEED draws other arguments.
"""

import os
import pathlib
import subprocess
import sys

import pytest
from cuda_device import needs_cuda

PROGRAM = pathlib.Path(__file__).with_name("fuzz_ops.py")
PARTS = 4
SECONDS = float(os.environ.get("PLAIT_FUZZ_SECONDS", "3"))
SEED = os.environ.get("PLAIT_FUZZ_SEED", "1")


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_cuda)])
def test_garbage_never_crashes(device, part):
    done = subprocess.run(
        [sys.executable, str(PROGRAM), SEED, str(part), str(PARTS), str(SECONDS)],
        capture_output=True, text=True, errors="replace", timeout=240 + 2 * SECONDS,
        env={**os.environ, "PLAIT_FUZZ_DEVICE": device},
    )  # fmt: skip
    last = "\n".join(line[:200] for line in done.stderr.splitlines()[-40:] if line)
    assert done.returncode == 0, f"seed {SEED}: exit status {done.returncode}; the last calls:\n{last}"
    calls, passed = map(int, done.stdout.split()[-2:])
    assert calls > 500 and passed > calls // 10, f"{passed} of {calls} calls were valid: it tells little"
