"""Ops from outside with CUDA kernels: the stream that they are launched on, and the device.

On a GPU the guide's saxpy.cu is compiled by nvcc as it is. On the emulator the same source is compiled by the
host's compiler, with its launches in the emulator's spelling.
"""

import re
import shutil
from pathlib import Path

import plait
import pytest
from cuda_device import EMULATED, IS_EMULATED, needs_cuda
from plait.testing import assert_close, opcheck
from plait.utils.cpp_extension import load, load_inline

ROOT = Path(__file__).parents[2]
SAXPY = ROOT / "examples" / "custom_ops" / "saxpy.cu"

pytestmark = [
    needs_cuda,
    pytest.mark.skipif(
        not any(shutil.which(c) for c in ("c++", "g++", "clang++")), reason="there is no C++ compiler"
    ),
    pytest.mark.skipif(
        not IS_EMULATED and not (shutil.which("nvcc") or Path("/usr/local/cuda/bin/nvcc").exists()),
        reason="there is no nvcc",
    ),
]

LAUNCH = """
#include <cuda_runtime.h>
struct EmulatedConfig {
  dim3 grid, block;
  size_t shared = 0;
  cudaStream_t stream = nullptr;
};
template <class Kernel>
auto emulated(EmulatedConfig config, Kernel kernel) {
  return [=](auto... args) {
    (void)emulator::launch(config.grid, config.block, config.shared, config.stream, [=] { kernel(args...); });
  };
}
"""

STREAM_OF = """
int64_t stream_of(const plait::Tensor& x) { return reinterpret_cast<int64_t>(plait::current_stream(x)); }
int64_t stream_of_current() { return reinterpret_cast<int64_t>(plait::current_stream(plait::DeviceType::CUDA)); }
"""


@pytest.fixture(scope="module")
def saxpy():
    if not IS_EMULATED:
        return load("test_cuda_saxpy", SAXPY).saxpy
    source = LAUNCH + re.sub(
        r"(\w+)<<<(.*?)>>>\(", r"emulated({\2}, [](auto... a) { \1(a...); })(", SAXPY.read_text(), flags=re.DOTALL
    )
    assert "<<<" not in source and "emulated({" in source
    return load_inline(
        "test_cuda_saxpy",
        source,
        extra_cflags=["-DPLAIT_CUDA_EMULATED", "-Wno-unknown-pragmas"],
        extra_include_paths=[ROOT / "cuda" / "emulator" / "include"],
        extra_ldflags=[f"-L{EMULATED.parent}", "-lplait_cudart_emulated", f"-Wl,-rpath,{EMULATED.parent}"],
    ).saxpy


@pytest.fixture(scope="module")
def streams():
    return load_inline("test_cuda_stream_of", STREAM_OF, functions=["stream_of", "stream_of_current"])


def numbers(*shape, device="cuda", dtype=plait.float32):
    return plait.randn(*shape, dtype=dtype).to(device)


def test_the_example(saxpy):
    x, y = numbers(5, 1000), numbers(1000)
    assert_close(saxpy(x, y, alpha=2.0), 2 * x + y)
    assert_close(saxpy(x.T, y.expand(5, 1000).T), (x + y).T)
    assert saxpy(x.double(), y).dtype == plait.float64
    assert saxpy(x[:0], y).shape == (0, 1000)
    leaves = [plait.randn(s, dtype=plait.float64, requires_grad=True) for s in ((3, 4), (4,))]
    opcheck(saxpy, [(tuple(leaves), {"alpha": 2.0})])


def test_the_current_stream(streams):
    side = plait.cuda.Stream()
    x = plait.zeros(1, device="cuda")
    assert streams.stream_of(x) == plait.cuda.current_stream().cuda_stream
    with plait.cuda.stream(side):
        assert streams.stream_of(x) == streams.stream_of_current() == side.cuda_stream
    assert streams.stream_of(x) != side.cuda_stream


def test_on_a_side_stream_between_two_ops(saxpy):
    """A kernel on the default stream would not wait for `x * 3`, nor `+ 1` for it."""
    base = numbers(70_000)
    plait.cuda.synchronize()
    for _ in range(5):
        side = plait.cuda.Stream()
        with plait.cuda.stream(side):
            before = base * 3
            result = saxpy(before, base, alpha=2.0) + 1
            host = result.cpu()
        assert_close(host, base.cpu() * 7 + 1)


def test_gradients_on_a_side_stream(saxpy):
    x, y = (numbers(30_000, dtype=plait.float64).requires_grad_() for _ in range(2))
    plait.cuda.synchronize()
    with plait.cuda.stream(plait.cuda.Stream()):
        saxpy(x * 2, y, alpha=3.0).square().sum().backward()
        got = x.grad.cpu(), y.grad.cpu()
    inner = 2 * (6 * x + y).detach().cpu()
    assert_close(got[0], 6 * inner)
    assert_close(got[1], inner)


def test_in_a_captured_graph(saxpy):
    x, y = numbers(4097), numbers(4097)
    saxpy(x, y)  # its kernels are loaded before the capture
    graph = plait.cuda.CUDAGraph()
    with plait.cuda.graph(graph):
        result = saxpy(x * 2, y, alpha=0.5) - y
    for _ in range(3):
        x.copy_(numbers(4097))
        y.copy_(numbers(4097))
        graph.replay()
        assert_close(result, x, atol=1e-5, rtol=1e-5)


@pytest.mark.skipif(plait.cuda.device_count() < 2, reason="there is one device")
def test_on_another_device_than_the_current_one(saxpy, streams):
    x, y = numbers(5000, device="cuda:1"), numbers(5000, device="cuda:1")
    side = plait.cuda.Stream("cuda:1")
    assert plait.cuda.current_device() == 0
    assert_close(saxpy(x, y, alpha=2.0), 2 * x + y)
    assert plait.cuda.current_device() == 0
    plait.cuda.synchronize("cuda:1")
    with plait.cuda.stream(side), plait.cuda.device(0):
        assert streams.stream_of(x) == side.cuda_stream
        assert streams.stream_of(plait.zeros(1, device="cuda:0")) != side.cuda_stream
        host = (saxpy(x * 3, y, alpha=2.0) + 1).cpu()
    assert_close(host, 6 * x.cpu() + y.cpu() + 1)
