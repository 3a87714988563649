"""Tests that were written for the CPU, with CUDA as the default device: `make cuda-suite`.

A plugin of pytest (`-p cuda_suite`, this folder on PYTHONPATH): what tests make without naming a device is on
the current CUDA device, arrays of NumPy are copied there and back. So a function that leaves a tensor on the
CPU by mistake raises. Run as a program it prints the files.

What cannot hold there is left out: tests about the CPU, text that names no device, memory shared with NumPy,
and errors for bad values, which a device reports when it is waited for.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import plait
import pytest

TESTS = Path(__file__).resolve().parent.parent / "tests" / "python"
sys.path.insert(0, str(TESTS))
import cuda_device  # noqa: E402, F401  which chooses a GPU, or the emulator

FILES = """
    anomaly autograd autograd_function channels_last checkpoint composites constraint_registry cross_entropy
    data distributions distributions_of_others eager fft foreach func fuzz grad_layouts gradcheck grid_sample
    interpolate layout_kernels library_needs linalg linalg_complex linalg_factorizations masked nn nn_extras
    nn_init nn_layers nn_parametrize nn_rnn no_crash optim optim_more overrides published_programs
    saved_tensors_hooks scaled_steps serialization statistics stft swa tensor torch_files views views_in_place
"""
# Parts of the names of tests, by why they are left out.
OF_THE_CPU = {
    "text that names no device": """
        test_nn.py::test_parameter_copies test_nn.py::test_examples_in_docstrings test_repr_copies_and_pickles
        test_statistics.py::test_names_of_tensors test_tensor.py::test_repr
        test_tensor.py::test_str_and_format
    """,
    "about the CPU": """
        test_tensor.py::test_attributes_of_shape test_tensor.py::test_to test_stft.py::test_autocast
        test_what_the_ops_refuse[cuda] test_threads_change_nothing test_bytes_on_cuda
    """,
    "memory shared with NumPy": "test_tensor.py::test_as_tensor_shares",
    "tensors made on the CPU when the tests were collected, by another thread, or of a file that says so": """
        test_bijections[half_open] AffineTransform-ndarray test_stft.py::test_errors test_scatter_and_gather
        same_through_hooks[matmul- test_modules_need_trust
        test_large_tensors_and_backward_in_another_thread
    """,
    "errors that a device reports when it is waited for": "test_put test_max_unpool_refuses",
}
LEFT_OUT = tuple(name for names in OF_THE_CPU.values() for name in names.split())

_numpy, _from_numpy = plait.Tensor.numpy, plait.from_numpy


def numpy(self: plait.Tensor, *, force: bool = False) -> Any:
    """A copy of what is on a device."""
    return _numpy(self.detach().cpu()) if self.is_cuda else _numpy(self, force=force)


def array(self: plait.Tensor, dtype: Any = None, copy: Any = None) -> Any:
    """What NumPy asks for."""
    found = numpy(self)
    return found if dtype is None else found.astype(dtype)


def from_numpy(given: Any) -> plait.Tensor:
    """A copy on the default device."""
    return _from_numpy(given).to(plait.get_default_device())


def pytest_configure(config: pytest.Config) -> None:
    """NumPy's arrays come from the device and go there."""
    plait.Tensor.numpy, plait.Tensor.__array__, plait.from_numpy = numpy, array, from_numpy  # type: ignore


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what is of the CPU."""
    left_out = [item for item in items if any(name in item.nodeid for name in LEFT_OUT)]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


@pytest.fixture(autouse=True)
def on_cuda():
    """The default device of a test."""
    plait.set_default_device("cuda")
    yield
    plait.set_default_device("cpu")


def files() -> list[str]:
    """The tests."""
    return [str(TESTS / f"test_{name}.py") for name in FILES.split()]


if __name__ == "__main__":
    print(*files())
