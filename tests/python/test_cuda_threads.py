"""Other Python threads run while one waits for the device, whatever it is that waits."""

import ctypes
import threading
import time

import plait
import pytest
from cuda_device import EMULATED, IS_EMULATED, needs_cuda

pytestmark = needs_cuda

SECONDS = 0.4


def keep_the_device_busy():
    """Work for about SECONDS on the current stream, in front of what comes next."""
    if IS_EMULATED:  # a function of the host in the stream: C's usleep, which knows nothing of Python
        runtime = ctypes.CDLL(str(EMULATED.parent / "libplait_cudart_emulated.so"))
        usleep = ctypes.cast(ctypes.CDLL(None).usleep, ctypes.c_void_p)
        stream = ctypes.c_void_p(plait.cuda.current_stream().cuda_stream)
        launch = runtime["_Z18cudaLaunchHostFuncP11CUstream_stPFvPvES1_"]  # a C++ function there
        assert launch(stream, usleep, ctypes.c_void_p(int(SECONDS * 1e6))) == 0
        return
    a = plait.randn(8192, 8192, device="cuda")
    for _ in range(80):  # 1.1 TFLOP each, at no more than 70 TFLOP/s
        plait.mm(a, a)


class Ticker(threading.Thread):
    """Takes down the longest time between two of its turns."""

    def __init__(self):
        super().__init__(daemon=True)
        self.stop = threading.Event()
        self.running = threading.Event()
        self.longest = 0.0

    def run(self):
        last = time.perf_counter()
        while not self.stop.is_set():
            time.sleep(0.002)
            now = time.perf_counter()
            self.longest = max(self.longest, now - last)
            last = now
            self.running.set()


def longest_pause(act):
    """Of another thread while `act()` waits for a busy device, and how long that took."""
    plait.cuda.synchronize()
    ticker = Ticker()
    ticker.start()
    ticker.running.wait()
    keep_the_device_busy()
    ticker.longest = 0.0
    begin = time.perf_counter()
    act()
    took = time.perf_counter() - begin
    ticker.stop.set()
    ticker.join()
    return ticker.longest, took


class Waits(plait.autograd.Function):
    """Waits in its backward, where Python has taken the GIL again."""

    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, grad):
        assert len(grad.nonzero()) == grad.numel()
        return grad * 2


@pytest.fixture(scope="module")
def values():
    x = plait.tensor([3.0, 0.0, 1.0, 3.0]).cuda()
    return {"x": x, "mask": x > 0, "n": plait.tensor([1, 0, 2, 1]).cuda(), "w": x.clone().requires_grad_()}


ACTS = {
    "nonzero": lambda v: v["x"].nonzero(),
    "unique": lambda v: plait.unique(v["x"]),
    "masked_select": lambda v: plait.masked_select(v["x"], v["mask"]),
    "x[mask]": lambda v: v["x"][v["mask"]],
    "x[i] by a tensor": lambda v: v["x"][v["n"][0]],
    "repeat_interleave": lambda v: plait.repeat_interleave(v["x"], v["n"]),
    "bincount": lambda v: plait.bincount(v["n"]),
    "equal": lambda v: plait.equal(v["x"], v["x"].clone()),
    "allclose": lambda v: plait.allclose(v["x"], v["x"].clone()),
    "item": lambda v: v["x"][0].item(),
    "bool": lambda v: bool(v["x"].any()),
    "int": lambda v: int(v["n"][2]),
    "cpu": lambda v: v["x"].cpu(),
    "numpy": lambda v: v["x"].cpu().numpy(),
    "tolist": lambda v: v["x"].tolist(),
    "repr": lambda v: repr(v["x"]),
    "copy_": lambda v: plait.zeros(4).copy_(v["x"]),
    "synchronize": lambda v: plait.cuda.synchronize(),
    "Stream.synchronize": lambda v: plait.cuda.current_stream().synchronize(),
    "Event.synchronize": lambda v: plait.cuda.current_stream().record_event().synchronize(),
    "backward": lambda v: Waits.apply(v["w"]).sum().backward(),
}


@pytest.mark.parametrize("name", ACTS)
def test_other_threads_run(name, values):
    ACTS[name](values)  # once, so that all is loaded
    longest, took = longest_pause(lambda: ACTS[name](values))
    assert took > 0.7 * SECONDS, f"'{name}' did not wait: {took} s"
    assert longest < 0.4 * SECONDS, f"the other thread stood still for {longest} s of {took} s"


def test_errors_of_a_wait():
    """What a kernel reported comes up in the thread that waited, with the GIL taken again."""
    x, bad = plait.zeros(4, device="cuda"), plait.tensor([7]).cuda()
    for _ in range(2):
        y = x.index_select(0, bad)
        with pytest.raises(IndexError, match="index 7 is out of range"):
            y.nonzero()
    assert x.nonzero().shape == (0, 1)


def test_many_threads_wait():
    """Each on a stream of its own, over and over."""
    failures = []

    def work(seed):
        try:
            with plait.cuda.stream(plait.cuda.Stream()):
                for i in range(30):
                    x = plait.full((50 + seed,), float(i % 3), device="cuda")
                    assert len(x.nonzero()) == (0 if i % 3 == 0 else 50 + seed)
                    assert x[x > 1].sum().item() == (2 * (50 + seed) if i % 3 == 2 else 0)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(120)
    assert not any(t.is_alive() for t in threads) and not failures, failures
