"""The sweep of test_ops.py on CUDA: the same samples, layouts, forms and oracles; tensors live on the device.

Without a GPU it runs on the emulator (docs/design/cuda.md), where a kernel that touches what is not its own, or a
host function that reads device memory, dies.
"""

from contextlib import contextmanager

import plait
import pytest
import test_ops as sweep
from cuda_device import needs_cuda
from opinfo.bridge import Bridge

pytestmark = needs_cuda

# Device-side names: only one device's tensors take part in an op.
CUDA = Bridge(plait, "cuda")


@contextmanager
def on_cuda():
    """The sweep's tensors, and those that ops make without a tensor argument, live on the device."""
    before, sweep.BRIDGE = sweep.BRIDGE, CUDA
    plait.set_default_device("cuda")
    try:
        yield
    finally:
        plait.set_default_device("cpu")
        sweep.BRIDGE = before


def on_device(name):
    """The test of the same name in test_ops, with its parameters, on the device."""
    original = getattr(sweep, name)

    def test(**arguments):
        with on_cuda():
            original(**arguments)

    test.__name__, test.__doc__ = name, original.__doc__
    test.__signature__ = __import__("inspect").signature(original)
    for mark in original.pytestmark:
        test = getattr(pytest.mark, mark.name)(*mark.args, **mark.kwargs)(test)
    return test


test_forward = on_device("test_forward")
test_layouts = on_device("test_layouts")
test_inplace = on_device("test_inplace")
test_out = on_device("test_out")
test_gradient = on_device("test_gradient")
test_float32_gradient = on_device("test_float32_gradient")
test_half_gradient_runs = on_device("test_half_gradient_runs")
test_distribution = on_device("test_distribution")
test_shape_and_dtype = on_device("test_shape_and_dtype")
test_seed_decides = on_device("test_seed_decides")


RANDOM = [i for i in sweep.RANDOM if i.name not in ("randperm", "multinomial")]


@sweep.by_name(RANDOM)
def test_random_numbers_are_those_of_the_cpu(info):
    """One seed gives the same numbers on every device (to the rounding of logarithms and the like)."""
    for sample in info.make_samples("float32"):
        results = []
        for bridge in (Bridge(plait), CUDA):
            plait.set_default_device(bridge.device)
            try:
                plait.manual_seed(7)
                args, kwargs = bridge.arguments(sample)
                results.append([bridge.array(x) for x in bridge.tensors(info.run(plait, *args, **kwargs))])
            finally:
                plait.set_default_device("cpu")
        for cpu, cuda in zip(*results):
            assert sweep.mismatch(cuda, cpu, "float32", sweep.Tol(16, 4)) is None, sample
