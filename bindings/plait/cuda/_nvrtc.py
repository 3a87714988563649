"""CUDA kernels from source text, without nvcc: NVRTC compiles, the driver launches."""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import glob
import hashlib
import os
import pathlib
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

_RELAXED = 2  # CU_STREAM_CAPTURE_MODE_RELAXED


def _candidates(stem: str) -> list[str]:
    """Where NVIDIA's wheels and the toolkit put a library; they bring `libX.so.N` without the plain link."""
    found = []
    for root in sys.path:
        found += glob.glob(os.path.join(root, "nvidia", "*", "lib", f"lib{stem}.so.*"))
    home = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH") or "/usr/local/cuda"
    for folder in ("lib64", "lib"):
        found += sorted(glob.glob(os.path.join(home, folder, f"lib{stem}.so*")), reverse=True)
    plain = ctypes.util.find_library(stem)
    return [f for f in [*found, *([plain] if plain else [])] if ".alt." not in f]


@functools.cache
def _nvrtc() -> ctypes.CDLL:
    for path in _candidates("nvrtc"):
        try:
            for builtins in glob.glob(os.path.join(os.path.dirname(path), "libnvrtc-builtins.so.*")):
                if ".alt." not in builtins:
                    ctypes.CDLL(
                        builtins
                    )  # NVRTC asks for it by name, and wheels are not on the loader's path
            return ctypes.CDLL(path)
        except OSError:
            continue
    raise RuntimeError(
        "compile_kernel: the CUDA run-time compiler (libnvrtc) was not found; install it with "
        "'pip install nvidia-cuda-nvrtc', or set CUDA_HOME to a CUDA toolkit"
    )


@functools.cache
def _driver() -> ctypes.CDLL:
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        raise RuntimeError(
            "compile_kernel: there is no CUDA driver on this machine (libcuda.so.1); give "
            "compute_capability to compile "
            "without running"
        ) from error
    _check_driver(driver, driver.cuInit(0), "cuInit")
    return driver


def _check_driver(driver: ctypes.CDLL, status: int, call: str) -> None:
    if status:
        text = ctypes.c_char_p()
        driver.cuGetErrorString(status, ctypes.byref(text))
        what = text.value.decode() if text.value else "unknown error"
        raise RuntimeError(f"compile_kernel: {call} failed with CUDA error {status}: {what}")


def _check_nvrtc(lib: ctypes.CDLL, status: int, call: str) -> None:
    if status:
        lib.nvrtcGetErrorString.restype = ctypes.c_char_p
        raise RuntimeError(f"compile_kernel: {call} failed: {lib.nvrtcGetErrorString(status).decode()}")


def _current_device() -> int:
    """plait's current device; 0 where plait has no CUDA library and the driver is used alone."""
    from .. import _C

    return _C._cuda.current_device() if _C._cuda.device_count() else 0


def _current_stream() -> int:
    """The handle of plait's current stream."""
    from .. import _C

    cuda = _C._cuda
    return cuda.current_stream(cuda.current_device()) if cuda.device_count() else 0


def _compute_capability() -> str:
    """Of the current device."""
    driver = _driver()
    device, major, minor = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    _check_driver(driver, driver.cuDeviceGet(ctypes.byref(device), _current_device()), "cuDeviceGet")
    for into, attribute in (
        (major, 75),
        (minor, 76),
    ):  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR
        status = driver.cuDeviceGetAttribute(ctypes.byref(into), attribute, device)
        _check_driver(driver, status, "cuDeviceGetAttribute")
    return f"{major.value}{minor.value}"


def _compile(
    source: str, name: str, arch: str, include: Sequence[str], options: Sequence[str]
) -> tuple[bytes, str]:
    """The device code and the kernel's name in it."""
    lib = _nvrtc()
    program = ctypes.c_void_p()
    status = lib.nvrtcCreateProgram(
        ctypes.byref(program), source.encode(), f"{name}.cu".encode(), 0, None, None
    )  # fmt: skip
    _check_nvrtc(lib, status, "nvrtcCreateProgram")
    try:
        _check_nvrtc(lib, lib.nvrtcAddNameExpression(program, name.encode()), "nvrtcAddNameExpression")
        flags = [
            f"--gpu-architecture=sm_{arch}",
            "--std=c++17",
            *(f"-I{path}" for path in include),
            *options,
        ]
        array = (ctypes.c_char_p * len(flags))(*(f.encode() for f in flags))
        status = lib.nvrtcCompileProgram(program, len(flags), array)
        if status:
            size = ctypes.c_size_t()
            lib.nvrtcGetProgramLogSize(program, ctypes.byref(size))
            log = ctypes.create_string_buffer(size.value)
            lib.nvrtcGetProgramLog(program, log)
            said = log.value.decode(errors="replace").rstrip()
            raise RuntimeError(f"compile_kernel: the kernel '{name}' did not compile:\n{said}")
        size = ctypes.c_size_t()
        _check_nvrtc(lib, lib.nvrtcGetCUBINSize(program, ctypes.byref(size)), "nvrtcGetCUBINSize")
        code = ctypes.create_string_buffer(size.value)
        _check_nvrtc(lib, lib.nvrtcGetCUBIN(program, code), "nvrtcGetCUBIN")
        lowered = ctypes.c_char_p()
        status = lib.nvrtcGetLoweredName(program, name.encode(), ctypes.byref(lowered))
        _check_nvrtc(lib, status, "nvrtcGetLoweredName")
        return code.raw, (lowered.value or b"").decode()
    finally:
        lib.nvrtcDestroyProgram(ctypes.byref(program))


def _cached(key: str) -> pathlib.Path:
    from plait.utils.cpp_extension import get_default_build_root

    return pathlib.Path(get_default_build_root()) / "kernels" / f"{key}.cubin"


def _store(path: pathlib.Path, name: str, code: bytes) -> None:
    """Moved into place when complete, so that another process never reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as f:
        f.write(name.encode() + b"\0" + hashlib.sha256(code).digest() + code)
    os.replace(scratch, path)


def _restore(path: pathlib.Path) -> tuple[bytes, str] | None:
    try:
        name, _, rest = path.read_bytes().partition(b"\0")
    except OSError:
        return None
    code = rest[32:]
    return (code, name.decode()) if hashlib.sha256(code).digest() == rest[:32] else None


class Kernel:
    """A compiled CUDA kernel; call it with a grid, a block and its arguments to launch it on the current
    stream."""

    def __init__(self, name: str, code: bytes, lowered_name: str, arch: str):
        self.name, self.code, self.arch = name, code, arch
        self._lowered = lowered_name
        self._functions: dict[int, ctypes.c_void_p] = {}  # by device

    def __repr__(self) -> str:
        return f"<CUDA kernel {self.name} for sm_{self.arch}, {len(self.code)} bytes>"

    def _load(self) -> ctypes.c_void_p:
        device, driver = _current_device(), _driver()
        # A thread that has called nothing of CUDA's runtime yet has no context, which the driver needs.
        current = ctypes.c_void_p()
        _check_driver(driver, driver.cuCtxGetCurrent(ctypes.byref(current)), "cuCtxGetCurrent")
        if not current.value:
            _check_driver(
                driver,
                driver.cuDevicePrimaryCtxRetain(ctypes.byref(current), device),
                "cuDevicePrimaryCtxRetain",
            )
            _check_driver(driver, driver.cuCtxSetCurrent(current), "cuCtxSetCurrent")
        function = self._functions.get(device)
        if function is None:
            module, function = ctypes.c_void_p(), ctypes.c_void_p()
            mode = ctypes.c_int(_RELAXED)  # loading asks for memory, and a graph may be captured
            driver.cuThreadExchangeStreamCaptureMode(ctypes.byref(mode))
            try:
                status = driver.cuModuleLoadData(ctypes.byref(module), self.code)
                _check_driver(driver, status, "cuModuleLoadData")
                status = driver.cuModuleGetFunction(ctypes.byref(function), module, self._lowered.encode())
                _check_driver(driver, status, "cuModuleGetFunction")
            finally:
                driver.cuThreadExchangeStreamCaptureMode(ctypes.byref(mode))
            self._functions[device] = function
        return function

    def __call__(
        self,
        grid: int | Sequence[int] = (1, 1, 1),
        block: int | Sequence[int] = (1, 1, 1),
        args: Sequence[Any] = (),
        shared_mem: int = 0,
        stream: Any = None,
    ) -> None:
        """Launch, on plait's current stream unless `stream` (a `plait.cuda.Stream`, or a handle) is given.
        Tensors are passed as pointers, ints as `int`, floats as `float`, bools as `bool`; for other C types
        give ctypes or NumPy scalars."""
        sizes = [_three(self.name, "grid", grid), _three(self.name, "block", block)]
        values = [_argument(self.name, i, arg) for i, arg in enumerate(args)]
        function = self._load()
        pointers = (ctypes.c_void_p * len(values))(*(ctypes.addressof(v) for v in values))
        if stream is None:
            stream = _current_stream()
        handle = ctypes.c_void_p(getattr(stream, "cuda_stream", stream) or 0)
        driver = _driver()
        status = driver.cuLaunchKernel(
            function, *sizes[0], *sizes[1], int(shared_mem), handle, pointers, None
        )
        _check_driver(driver, status, f"launching {self.name}")


def _three(name: str, argument: str, given: int | Sequence[int]) -> list[int]:
    sizes = [given] if isinstance(given, int) else list(given)
    if not 1 <= len(sizes) <= 3 or not all(isinstance(s, int) and s >= 1 for s in sizes):
        raise ValueError(f"{name}: argument '{argument}' must be one to three positive ints, got {given!r}")
    return sizes + [1] * (3 - len(sizes))


def _argument(name: str, index: int, arg: Any) -> Any:
    """A ctypes object that holds one argument."""
    import plait

    if isinstance(arg, plait.Tensor):
        if arg.device.type != "cuda":
            raise ValueError(
                f"{name}: argument {index} is a tensor on {arg.device}, a kernel reads CUDA memory; move "
                f"it with .to('cuda')"
            )
        return ctypes.c_void_p(arg.data_ptr())
    if (
        type(arg).__module__ == "numpy" and hasattr(arg, "dtype") and arg.ndim == 0
    ):  # float64 is a float, too
        return (ctypes.c_char * arg.dtype.itemsize).from_buffer_copy(arg.tobytes())
    if isinstance(arg, bool):
        return ctypes.c_bool(arg)
    if isinstance(arg, int):
        if not -(2**31) <= arg < 2**31:
            raise ValueError(
                f"{name}: argument {index} ({arg}) does not fit an int; give ctypes.c_int64({arg})"
            )
        return ctypes.c_int(arg)
    if isinstance(arg, float):
        return ctypes.c_float(arg)
    if isinstance(arg, ctypes._SimpleCData):
        return arg
    raise TypeError(
        f"{name}: argument {index} must be a Tensor, an int, a float, a bool, or a ctypes or NumPy "
        f"scalar, got {type(arg).__name__}"
    )


def compile_kernel(
    kernel_source: str,
    kernel_name: str,
    compute_capability: str | None = None,
    cuda_include_dirs: Sequence[str] | None = None,
    nvcc_options: Sequence[str] | None = None,
) -> Kernel:
    """Compile a CUDA kernel from source with NVRTC and return it, ready to be launched.

    `kernel_name` is the `__global__` function's, or an instance of a template ("scale<float>").
    `compute_capability` ("90") is that of the current device unless given; with it, compiling needs no GPU.
    What was compiled is kept on disk, by content (see `plait.utils.cpp_extension`).

    Raises RuntimeError with the compiler's log where the source does not compile, and where libnvrtc or a
    CUDA driver is missing.
    """
    include, options = list(cuda_include_dirs or []), list(nvcc_options or [])
    arch = (compute_capability or _compute_capability()).replace(".", "")
    lib = _nvrtc()
    major, minor = ctypes.c_int(), ctypes.c_int()
    _check_nvrtc(lib, lib.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)), "nvrtcVersion")
    parts = (kernel_source, kernel_name, arch, include, options, major.value, minor.value)
    path = _cached(hashlib.sha256(repr(parts).encode()).hexdigest()[:24])
    found = None if include else _restore(path)  # headers of the user's may have changed
    if found is None:
        found = _compile(kernel_source, kernel_name, arch, include, options)
        if not include:
            _store(path, found[1], found[0])
    return Kernel(kernel_name, found[0], found[1], arch)
