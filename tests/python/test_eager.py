"""plait.jit, compile, compiler, accelerator, backends: the answers of an eager library on the CPU."""

import importlib
import subprocess
import sys
from typing import Final

import cuda_device  # noqa: F401
import plait
import pytest


def test_jit_leaves_functions_as_they_are():
    jit = plait.jit
    assert jit.is_scripting() is False and jit.is_tracing() is False

    def f(x):
        return x + 1

    for mark in (jit.script, jit.unused, jit.export, jit.ignore, jit.ignore(), jit.ignore(drop=True)):
        assert mark(f) is f
    assert jit.script_if_tracing(f) is f and jit._script_if_tracing(f) is f and jit.script_method(f) is f
    assert jit.Final is Final
    assert jit.annotate(list[int], [1]) == [1]
    assert jit.isinstance([1], list[int]) and not jit.isinstance(1, (list[int], str))
    linear = plait.nn.Linear(2, 2)
    assert jit.script(linear) is linear and not isinstance(linear, jit.ScriptModule)


@pytest.mark.parametrize("name", ["trace", "trace_module", "freeze", "save", "load"])
def test_what_needs_a_graph_raises(name):
    with pytest.raises(NotImplementedError, match=rf"jit\.{name}: plait is eager"):
        getattr(plait.jit, name)(plait.nn.Linear(2, 2), plait.ones(2))


def test_compile():
    linear = plait.nn.Linear(2, 2)
    assert plait.compile(linear, mode="max-autotune", fullgraph=True) is linear

    @plait.compile
    def f(x):
        return x + 1

    @plait.compile(dynamic=True)
    def g(x):
        return x + 2

    assert f(1) == 2 and g(1) == 3
    with pytest.raises(TypeError, match="int"):
        plait.compile(3)
    with pytest.raises(TypeError):
        plait.compile(f, no_such_option=1)
    compiler = plait.compiler
    assert compiler.is_compiling() is False
    assert compiler.disable(f) is f and compiler.disable(recursive=False)(f) is f


def test_assert():
    plait._assert(True, "fine")
    with pytest.raises(AssertionError, match="not fine"):
        plait._assert(False, "not fine")


@pytest.mark.skipif(plait.cuda.is_available(), reason="there is an accelerator: tests/python/test_cuda_runtime.py")
def test_accelerator():
    accelerator = plait.accelerator
    assert accelerator.is_available() is False and accelerator.device_count() == 0
    assert accelerator.current_accelerator() is None and accelerator.current_accelerator(True) is None
    accelerator.empty_cache()
    for call in (
        accelerator.current_device_index,
        accelerator.synchronize,
        lambda: accelerator.set_device_index(0),
    ):
        with pytest.raises(RuntimeError, match="there is no accelerator"):
            call()


def test_switches():
    backends = plait.backends
    cudnn = backends.cudnn
    for name in ("enabled", "benchmark", "deterministic", "allow_tf32"):
        before = getattr(cudnn, name)
        setattr(cudnn, name, not before)
        assert getattr(backends.cudnn, name) is not before
        setattr(cudnn, name, before)
    with cudnn.flags(enabled=False, benchmark=True):
        assert cudnn.benchmark and not cudnn.enabled
    assert not cudnn.benchmark and cudnn.enabled
    assert plait.cuda.is_available() or (cudnn.is_available() is False and cudnn.version() is None)
    backends.cuda.matmul.allow_tf32 = True
    assert backends.cuda.matmul.allow_tf32
    backends.cuda.matmul.allow_tf32 = False
    for kind in ("flash", "mem_efficient", "math", "cudnn"):
        enabled = getattr(backends.cuda, f"{kind}_sdp_enabled")
        assert enabled()
        getattr(backends.cuda, f"enable_{kind}_sdp")(False)
        assert not enabled()
        getattr(backends.cuda, f"enable_{kind}_sdp")(True)
    with backends.cuda.sdp_kernel(enable_flash=False):
        assert not backends.cuda.flash_sdp_enabled()
    assert backends.cuda.flash_sdp_enabled()


def test_what_there_is():
    answers = {"mps": False, "mkl": False, "mkldnn": True, "openmp": True, "opt_einsum": False}
    for name, answer in answers.items():
        assert importlib.import_module(f"plait.backends.{name}").is_available() is answer
    assert plait.backends.mps.is_built() is False and plait.backends.cuda.is_built() in (False, True)
    with plait.backends.mkldnn.flags(enabled=False):
        assert not plait.backends.mkldnn.enabled
    assert plait.backends.mkldnn.enabled


LATE = """
    accelerator amp backends compiler distributions fft jit linalg nn optim special _composites _eager
    _legacy_tensors _linalg
"""


def test_nothing_is_loaded_before_it_is_asked_for():
    program = "import sys, plait; print(*[m for m in sys.modules if m.split('.')[0] in ('plait', 'numpy')])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(result.stdout.split())
    assert "plait._tensor" in loaded
    assert not loaded & {"numpy", *(f"plait.{name}" for name in LATE.split())}


def test_import_after_other_libraries_of_cpp():
    """libstdc++ may have been loaded before, without room for thread-locals that are read directly."""
    pytest.importorskip("matplotlib")
    subprocess.run([sys.executable, "-c", "import matplotlib.pyplot, plait"], check=True, timeout=120)
