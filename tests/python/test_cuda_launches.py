"""tools/cuda_launches.py reads what the emulated device is given."""

import importlib.util
import os
import pathlib
import sys

import plait
import pytest
from cuda_device import IS_EMULATED

TOOL = pathlib.Path(__file__).parents[2] / "tools" / "cuda_launches.py"
pytestmark = pytest.mark.skipif(not IS_EMULATED or not plait.cuda.is_available(), reason="the emulator keeps the log")


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("cuda_launches", TOOL)
    tool = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = tool  # its dataclass looks itself up
    spec.loader.exec_module(tool)
    return tool


def test_a_step(tool):
    x = plait.ones(100, 100, device="cuda")
    with tool.launches() as log:
        y = (x + x) @ x
        y.cpu()
    first, product, last = [work.name.split("<")[0] for work in log]
    assert (first, last) == ("vector_kernel", "copy") and (product == "library cublasLtMatmul" or "gemm" in product)
    assert log[0].threads >= 100 * 100 // 8 and "FloatArithmetic<float>" in log[0].name
    assert log[2].bytes == y.nbytes
    assert "3             in all" in tool.table(log) and len(tool.table(log, order=True).splitlines()) == 3
    with tool.launches() as log:
        pass
    x + x
    assert log == [] and "PLAIT_CUDA_EMULATOR_LOG" not in os.environ


def test_gradients_of_a_convolution_need_no_conversion(tool):
    layer = plait.nn.Conv2d(4, 8, 3, device="cuda")
    with plait.autocast("cuda", dtype=plait.bfloat16):
        y = layer(plait.randn(2, 4, 9, 8, device="cuda"))
    g = plait.ones_like(y)
    plait.cuda.synchronize()
    with tool.launches() as log:
        y.backward(g)
        plait.cuda.synchronize()
    names = [work.name for work in log]
    assert any("weight_grad_kernel<BFloat16, float>" in name for name in names)
    assert not any("ConvertFamily" in name for name in names), names
