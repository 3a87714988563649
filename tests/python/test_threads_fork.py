"""Threads, and children made by fork: nobody hangs, numbers do not depend on how many work."""

import multiprocessing
import os
import subprocess
import sys
import threading
import time

import plait
import pytest

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def run_python(code, timeout=60, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **environment},
    )


def heavy():
    """Work that goes parallel: elementwise, a reduction, a product of matrices, and a backward."""
    a = plait.ones((300, 400), requires_grad=True)
    y = ((a * 2).exp().sum() + (a @ plait.ones((400, 300))).sum()) / 1000
    y.backward()
    return y.item() + a.grad.sum().item()


def test_set_num_threads():
    before = plait.get_num_threads()
    try:
        plait.set_num_threads(1)
        assert plait.get_num_threads() == 1
        one = heavy()
        plait.set_num_threads(3)
        assert plait.get_num_threads() == 3
        assert abs(heavy() - one) < 1e-3 * abs(one)
    finally:
        plait.set_num_threads(before)
    for bad in (0, -1):
        with pytest.raises((RuntimeError, ValueError)):
            plait.set_num_threads(bad)
    with pytest.raises((TypeError, RuntimeError)):
        plait.set_num_threads("two")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_fork_after_parallel_work():
    want = heavy()
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(0 if abs(heavy() - want) < 1e-3 * abs(want) else 1)
        finally:
            os._exit(2)
    deadline = time.time() + 60
    while time.time() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            assert os.waitstatus_to_exitcode(status) == 0
            break
        time.sleep(0.02)
    else:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        pytest.fail("a forked child hangs in parallel work")
    assert abs(heavy() - want) < 1e-3 * abs(want), "the parent works on"


def child(queue, seed):
    plait.manual_seed(seed)
    queue.put((seed, heavy(), plait.rand(3).tolist()))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing(method):
    heavy()
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    children = [context.Process(target=child, args=(queue, s)) for s in (1, 2)]
    for c in children:
        c.start()
    results = {r[0]: r[1:] for r in (queue.get(timeout=90) for _ in children)}
    for c in children:
        c.join(30)
        assert c.exitcode == 0
    assert abs(results[1][0] - results[2][0]) < 1e-2 and results[1][1] != results[2][1]


def test_a_fork_in_the_middle_of_threads():
    code = """
import os, threading, plait
stop = False
def spin():
    while not stop:
        (plait.ones(200, 300) * 2).sum().item()
threads = [threading.Thread(target=spin) for _ in range(3)]
[t.start() for t in threads]
codes = []
for _ in range(8):
    pid = os.fork()
    if pid == 0:
        x = plait.ones(100, 100, requires_grad=True)
        (x @ x).sum().backward()
        os._exit(0 if x.grad[0, 0].item() == 200 else 1)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
stop = True
[t.join() for t in threads]
print(codes)
"""
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str([0] * 8)


def test_ops_from_many_threads():
    wrong = []

    def work(k):
        for i in range(50):
            x = plait.full((64, 65), float(k))
            if ((x + i) @ x.t()).sum().item() != (k + i) * k * 65 * 64 * 64:
                wrong.append((k, i))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(1, 6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(120)
    assert not wrong


def test_tensors_freed_by_other_threads():
    made = [plait.ones(1000) for _ in range(2000)]

    def drop():
        while made:
            try:
                made.pop()
            except IndexError:
                return
            plait.ones(777)

    threads = [threading.Thread(target=drop) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert not made and plait.ones(1000).sum().item() == 1000


def test_other_threads_run_during_a_long_kernel():
    """The GIL is released around kernels that are not tiny."""
    ticks = []
    stop = threading.Event()

    def tick():
        while not stop.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    t = threading.Thread(target=tick)
    t.start()
    a = plait.ones((900, 900), dtype=plait.float64)
    start = time.perf_counter()
    while time.perf_counter() - start < 0.5:
        b = a @ a
    stop.set()
    t.join()
    inside = [x for x in ticks if x > start]
    assert b[0, 0].item() == 900 and len(inside) > 20


def test_import_and_exit_are_quiet():
    done = run_python(
        "import plait; x = plait.ones(3).requires_grad_(); (x * 2).sum().backward(); print(x.grad.tolist())"
    )
    assert done.returncode == 0 and done.stdout.strip() == "[2.0, 2.0, 2.0]" and done.stderr == ""


def test_exit_with_live_threads_and_graphs():
    code = """
import threading, plait
x = plait.ones(1000, requires_grad=True)
x.register_hook(lambda g: g)
y = x
for _ in range(50000): y = y + 1
x.cycle = y
threading.Thread(target=lambda: plait.ones(100, 100) @ plait.ones(100, 100)).start()
"""
    done = run_python(code)
    assert done.returncode == 0, done.stderr


def test_exit_with_daemon_threads_inside_ops_is_quiet():
    """The interpreter takes the GIL away from them for good; that must not end the process."""
    code = """
import threading, time, plait
x = plait.randn(256, 256)
def forward():
    while True: (x @ x).sum()
def backward():
    while True:
        y = plait.randn(300, 300).requires_grad_()
        y.register_hook(lambda g: g * 2)
        (y * 2).sum().backward()
for f in (forward, backward) * 3: threading.Thread(target=f, daemon=True).start()
time.sleep(0.3)
"""
    for _ in range(3):
        done = run_python(code)
        assert done.returncode == 0 and done.stderr == "", done.stderr


def test_exit_with_daemon_threads_inside_python_code_that_ops_call():
    """A transform by NumPy, a custom Function, an overriding class, a __del__: there, too, threads may lose the GIL."""
    code = """
import sys, threading, time, plait
sys.setswitchinterval(1e-5)
x = plait.randn(64, 64)
class Twice(plait.autograd.Function):
    @staticmethod
    def forward(ctx, a): return a * 2
    @staticmethod
    def backward(ctx, g): return g * 2
class Sub(plait.Tensor):
    @classmethod
    def __torch_function__(cls, f, types, args=(), kwargs=None):
        return super().__torch_function__(f, types, args, kwargs or {})
class Dying:
    def __del__(self): sum(range(100))
def transform():
    while True: plait.fft.fft(x)
def custom():
    while True:
        y = plait.ones(10).requires_grad_()
        with plait.autograd.graph.saved_tensors_hooks(lambda t: [t], lambda p: p[0]):
            z = Twice.apply(y) * y
        z.sum().backward()
def override():
    s = x.as_subclass(Sub)
    while True: (s + 1).sum()
def drop():
    while True:
        t = plait.ones(10)
        t.attribute = Dying()
        t = None
for f in (transform, custom, override, drop): threading.Thread(target=f, daemon=True).start()
time.sleep(0.2)
"""
    for _ in range(5):
        done = run_python(code)
        assert done.returncode == 0 and done.stderr == "", done.stderr


# What is registered first runs last: a while after the destructors of all that is loaded later.
LATE_PAUSE = """
import ctypes
c = ctypes.CDLL(None)
c.__cxa_atexit(ctypes.cast(c.usleep, ctypes.c_void_p), ctypes.c_void_p(800_000), None)
"""


def test_static_objects_outlive_the_threads():
    """A backward goes on, without the GIL, while the process runs what has to happen at its end. Freed memory is overwritten."""
    code = """
import ctypes, threading, plait
ready = threading.Event()
def backward():
    x = plait.ones(2, requires_grad=True)
    y = x
    for _ in range(100000): y = (y * 0.5 + 1).exp().log()
    ready.set()
    while True: y.sum().backward(retain_graph=True)
threading.Thread(target=backward, daemon=True).start()
ready.wait()
"""
    done = run_python(LATE_PAUSE + code, GLIBC_TUNABLES="glibc.malloc.perturb=165")
    assert done.returncode == 0 and done.stderr == "", done.stderr


# A backward, without the GIL, of more products than a thread keeps plans for: each makes primitives of oneDNN anew.
MANY_PRODUCTS = """
import os, signal, threading, time, plait
ready = threading.Event()
def work(n):
    x = plait.ones(40, 1, requires_grad=True)
    y = sum(((x * plait.ones(40, k)) @ plait.ones(k, 40)).square().sum() for k in range(n, n + 1500))
    ready.set()
    while True: y.backward(retain_graph=True)
for n in (100, 1700): threading.Thread(target=work, args=(n,), daemon=True).start()
ready.wait()
"""


def test_exit_while_onednn_makes_primitives():
    done = run_python(LATE_PAUSE + MANY_PRODUCTS, GLIBC_TUNABLES="glibc.malloc.perturb=165")
    assert done.returncode == 0 and done.stderr == "", done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_fork_while_onednn_makes_primitives():
    code = """
codes = []
for i in range(40):
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)  # ends a child that hangs
        os._exit((plait.ones(80, 77) @ plait.ones(77, 71))[0, 0].item() != 77)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
print(set(codes))
"""
    done = run_python(MANY_PRODUCTS + code, timeout=120)
    assert done.stdout.strip() == "{0}", done.stdout + done.stderr


@pytest.mark.parametrize(
    "end, code",
    [("sys.exit(3)", 3), ("os._exit(4)", 4), ("raise KeyError", 1), ("kill(15)", -15), ("fork", 0)],
)
def test_other_ends_with_daemon_threads_inside_ops(end, code):
    program = f"""
import os, sys, threading, time, plait
x = plait.randn(128, 128)
def kill(signal): os.kill(os.getpid(), signal); time.sleep(30)
def work():
    while True:
        y = plait.fft.fft(x @ x).abs().requires_grad_()
        y.register_hook(lambda g: g * 2)
        (y * 2).sum().backward()
for _ in range(3): threading.Thread(target=work, daemon=True).start()
time.sleep(0.1)
if "{end}" == "fork":
    pid = os.fork()
    if pid == 0: sys.exit((plait.ones(3) * 2).sum().item() != 6)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
{"" if end == "fork" else end}
"""
    done = run_python(program)
    assert done.returncode == code and ("KeyError" in done.stderr if code == 1 else done.stderr == ""), (
        done.stderr
    )


def test_a_subinterpreter_is_refused():
    code = """
try: import _interpreters as interpreters
except ImportError: import _xxsubinterpreters as interpreters
import plait
other = interpreters.create()
try:
    failure = interpreters.run_string(other, "import plait")
except Exception as error:
    failure = error
print(failure)
interpreters.destroy(other)
print((plait.ones(3) * 2).sum().item())
"""
    done = run_python(code)
    assert "plait: expected the main interpreter" in done.stdout and done.stdout.endswith("6.0\n"), (
        done.stdout + done.stderr
    )
    assert done.returncode == 0


def test_import_is_light():
    code = """
import sys
before = set(sys.modules)
import plait
after = set(sys.modules) - before
print([m for m in ("numpy", "inspect", "dataclasses", "typing", "enum") if m in after])
"""
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_no_lock_of_another_thread_stays_taken_in_a_child():
    """Threads allocate, free and add gradients without the GIL while this one forks."""
    code = """
import os, signal, threading, plait
going = True
leaf = plait.zeros(20000, requires_grad=True)
def work():
    while going:
        y = (leaf * 1).sum()
        y.backward()
threads = [threading.Thread(target=work) for _ in range(4)]
for t in threads:
    t.start()
stuck = 0
for _ in range(300):
    child = os.fork()
    if not child:
        signal.alarm(20)
        (leaf * plait.ones(20000)).sum().backward()
        os._exit(0)
    stuck += os.waitpid(child, 0)[1] != 0
going = False
for t in threads:
    t.join()
print("stuck:", stuck)
"""
    result = run_python(code, timeout=120)
    assert result.stdout.strip() == "stuck: 0", result.stderr
