"""What is right on the emulator and wrong on a GPU, and can be seen in the sources of the kernels."""

import re
from pathlib import Path

import pytest

CUDA = Path(__file__).parents[2] / "cuda"
SOURCES = sorted([*CUDA.glob("kernels/*.cu*"), *CUDA.glob("device/*.cuh")])


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_reports_name_ops_by_what_the_host_passed(path):
    """The host reads the name of the op from a fault: a literal of a kernel lies in the device's memory."""
    for call in re.finditer(r"\breport_\w+\s*\(([^;{]*)[;{]", path.read_text()):
        assert '"' not in call[1], f"{path.name}: {call[0]}: pass the op's name as an argument of the kernel"


def test_there_are_sources():
    assert len(SOURCES) > 70
