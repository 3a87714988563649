"""CUDA kernels compiled at run time. Compiling needs libnvrtc alone; launching needs a GPU."""

import ctypes
import threading
import time

import numpy as np
import plait
import pytest
from plait.cuda import _nvrtc, compile_kernel

SCALE = """
template <class T>
__global__ void scale(T* out, const T* x, float factor, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) out[i] = x[i] * factor;
}
"""


def has_nvrtc():
    try:
        return bool(_nvrtc._nvrtc())
    except RuntimeError:
        return False


needs_nvrtc = pytest.mark.skipif(
    not has_nvrtc(), reason="libnvrtc is not installed (pip install nvidia-cuda-nvrtc)"
)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PLAIT_EXTENSIONS_DIR", str(tmp_path))
    return tmp_path


@needs_nvrtc
def test_a_kernel_is_compiled_once(cache, monkeypatch):
    start = time.perf_counter()
    kernel = compile_kernel(SCALE, "scale<float>", compute_capability="9.0")
    assert time.perf_counter() - start < 10
    assert kernel.code[:4] == b"\x7fELF" and kernel.arch == "90" and "scale<float>" in repr(kernel)
    assert len(list(cache.glob("kernels/*.cubin"))) == 1
    monkeypatch.setattr(_nvrtc, "_compile", None)  # from the disk now
    assert compile_kernel(SCALE, "scale<float>", compute_capability="90").code == kernel.code


@needs_nvrtc
def test_a_damaged_file_is_not_trusted(cache):
    kernel = compile_kernel(SCALE, "scale<double>", compute_capability="80")
    path = next(cache.glob("kernels/*.cubin"))
    path.write_bytes(path.read_bytes()[:-100])
    assert compile_kernel(SCALE, "scale<double>", compute_capability="80").code == kernel.code


@needs_nvrtc
def test_the_compilers_log_is_shown():
    with pytest.raises(RuntimeError, match=r"'broken' did not compile:\nbroken\.cu\(2\): error"):
        compile_kernel("__global__ void broken() {\n  int x = y;\n}", "broken", compute_capability="90")


@needs_nvrtc
def test_arguments_are_checked_before_the_launch():
    kernel = compile_kernel(SCALE, "scale<float>", compute_capability="90")
    with pytest.raises(ValueError, match="argument 'grid' must be one to three positive ints"):
        kernel(grid=(0,), block=1)
    with pytest.raises(ValueError, match=r"argument 0 is a tensor on cpu.*\.to\('cuda'\)"):
        kernel(1, 1, (plait.ones(1),))
    with pytest.raises(ValueError, match="does not fit an int"):
        kernel(1, 1, (2**40,))
    with pytest.raises(TypeError, match=r"argument 0 must be a Tensor.*got str"):
        kernel(1, 1, ("x",))


def test_arguments_by_type():
    def value(arg):
        return bytes(_nvrtc._argument("k", 0, arg))

    assert value(3) == np.int32(3).tobytes() and value(True) == b"\x01"
    assert value(0.5) == np.float32(0.5).tobytes() and value(np.float64(0.5)) == np.float64(0.5).tobytes()
    assert value(ctypes.c_int64(2**40)) == np.int64(2**40).tobytes()


def test_what_is_missing_is_said(monkeypatch):
    monkeypatch.setattr(_nvrtc, "_candidates", lambda stem: [])
    monkeypatch.setattr(_nvrtc, "_nvrtc", _nvrtc._nvrtc.__wrapped__)
    with pytest.raises(
        RuntimeError, match=r"libnvrtc\) was not found; install it with 'pip install nvidia-cuda-nvrtc'"
    ):
        compile_kernel(SCALE, "scale<float>", compute_capability="90")


class FakeDriver:
    """Stands for libcuda: notes what it is asked."""

    def __init__(self, types):
        self.calls, self.types, self.mode = [], types, 0
        self.thread = threading.local()

    def __getattr__(self, name):
        def call(*args):
            if name == "cuLaunchKernel":  # the arguments live for the length of the call
                pointers = args[9]
                args += tuple(
                    ctypes.cast(p, ctypes.POINTER(t)).contents.value for p, t in zip(pointers, self.types)
                )
            self.calls.append((name, args))
            if name == "cuCtxGetCurrent":  # as in each thread of its own
                args[0]._obj.value = getattr(self.thread, "context", None)
            elif name == "cuDevicePrimaryCtxRetain":
                args[0]._obj.value = 77
            elif name == "cuCtxSetCurrent":
                self.thread.context = args[0].value
            elif name == "cuThreadExchangeStreamCaptureMode":
                before, self.mode = self.mode, args[0]._obj.value
                args[0]._obj.value = before
            elif name == "cuModuleLoadData":
                assert self.mode == 2, "a capture would be ended"
            free = ("cuCtxGetCurrent", "cuDevicePrimaryCtxRetain")  # need none
            return 0 if name in free or getattr(self.thread, "context", None) else 201  # CUDA_ERROR_INVALID_CONTEXT

        return call


def test_a_launch(monkeypatch):
    driver = FakeDriver((ctypes.c_int, ctypes.c_float))
    monkeypatch.setattr(_nvrtc, "_driver", lambda: driver)
    kernel = _nvrtc.Kernel("k", b"code", "_Z1k", "90")
    kernel(grid=7, block=(32, 2), args=(5, 2.5), shared_mem=64)
    kernel(grid=(1, 2, 3), block=1)
    names = [name for name, _ in driver.calls]
    assert names.count("cuModuleLoadData") == 1 and names.count("cuLaunchKernel") == 2
    launch = next(args for name, args in driver.calls if name == "cuLaunchKernel")
    assert launch[1:8] == (7, 1, 1, 32, 2, 1, 64)
    assert launch[11:] == (5, 2.5)
    assert driver.mode == 0

    failures = []

    def elsewhere():
        try:
            kernel(grid=1, block=1, args=(5, 2.5))
        except RuntimeError as error:
            failures.append(error)

    thread = threading.Thread(target=elsewhere)  # has no context yet
    thread.start()
    thread.join()
    assert not failures
    assert [name for name, _ in driver.calls].count("cuLaunchKernel") == 3


@pytest.mark.skipif(
    not plait.cuda.is_available() or plait._C._cuda.is_emulated(), reason="there is no CUDA device but an emulated one"
)
def test_a_launch_on_a_device():
    x = plait.arange(1000, dtype=plait.float32).to("cuda")
    out = plait.empty_like(x)
    compile_kernel(SCALE, "scale<float>")((4,), (256,), (out, x, 2.5, 1000))
    assert plait.equal(out.cpu(), x.cpu() * 2.5)
