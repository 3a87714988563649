"""Every registered op with garbage: only Python exceptions come out."""

import os
import pathlib
import subprocess
import sys

import pytest

PROGRAM = pathlib.Path(__file__).with_name("fuzz_ops.py")


def limited():
    import resource

    # What asks for terabytes gets an error, not the machine's last page.
    resource.setrlimit(resource.RLIMIT_DATA, (6 << 30, 6 << 30))


@pytest.mark.parametrize("part", range(4))
def test_garbage_never_crashes(part):
    seed = os.environ.get("PLAIT_FUZZ_SEED", "1")
    done = subprocess.run(
        [sys.executable, str(PROGRAM), seed, str(part), "4"],
        capture_output=True, text=True, timeout=240, env=os.environ, preexec_fn=limited,
    )  # fmt: skip
    last = "\n".join(done.stderr.splitlines()[-30:])
    assert done.returncode == 0, f"seed {seed}: exit status {done.returncode}; the last calls:\n{last}"
    calls, passed = map(int, done.stdout.split()[-2:])
    assert calls > 500 and passed > calls // 20, f"{passed} of {calls} calls were valid: it tells little"
