"""plait.cuda: devices, streams, events, memory, graphs, random numbers, page-locked memory.

Runs in this process where it has a CUDA device (a GPU, or PLAIT_CUDA_LIBRARY=<libplait_cuda_emulated.so>). Else the last
test runs the others in a process with the emulator, where that was built: the rest of the suite is to see no device.
"""

import gc
import os
import pathlib
import subprocess
import sys
import threading

import plait
import pytest

EMULATED = pathlib.Path(plait._C.__file__).parent / "lib" / "libplait_cuda_emulated.so"

cuda = plait.cuda
two_devices = pytest.mark.skipif(cuda.device_count() < 2, reason="needs two CUDA devices")
no_device_needed = pytest.mark.no_device_needed


@pytest.fixture(autouse=True)
def clean(request):
    """Every test begins and ends on device 0, on the default stream, and frees what it allocated."""
    if not cuda.is_available():
        if request.node.get_closest_marker("no_device_needed"):
            yield
            return
        pytest.skip(f"no CUDA device: {cuda.why_unavailable()}")
    gc.collect()
    cuda.synchronize()
    before = cuda.memory_allocated()
    yield
    gc.collect()
    assert cuda.current_device() == 0, "the test left another device current"
    assert cuda.current_stream() == cuda.default_stream(), "the test left another stream current"
    assert plait.get_default_device().type == "cpu", "the test left another default device"
    cuda.synchronize()
    assert cuda.memory_allocated() == before, "the test left memory behind"


def run(program, **env):
    """The output of a program in a process of its own."""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env={**os.environ, **env}, timeout=300
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout.strip()


# ---- devices


@no_device_needed
def test_import_loads_nothing_of_cuda():
    program = """
import sys, plait
maps = open("/proc/self/maps").read()
assert "libplait_cuda" not in maps and "libcudart" not in maps, "loaded by import"
assert "plait.cuda" not in sys.modules
plait.ones(2).to("cpu") + 1
assert "libplait_cuda" not in open("/proc/self/maps").read(), "loaded by work on the CPU"
if plait.cuda.is_available():
    assert "libplait_cuda" in open("/proc/self/maps").read()
"""
    run(program)


@no_device_needed
def test_without_a_library():
    program = """
import plait
assert not plait.cuda.is_available() and plait.cuda.device_count() == 0
print(plait.cuda.why_unavailable())
for call in (plait.cuda.current_device, lambda: plait.cuda.set_device(0), plait.cuda.synchronize, plait.cuda.Stream,
             plait.cuda.Event, plait.cuda.CUDAGraph, plait.cuda.mem_get_info, lambda: plait.ones(2, device="cuda"),
             lambda: plait.ones(2).cuda(), lambda: plait.nn.Linear(2, 2).cuda(), lambda: plait.set_default_device("cuda")):
    try:
        call()
    except RuntimeError as error:
        assert "use device='cpu'" in str(error) and "no-such-library" in str(error), error
    else:
        raise AssertionError("no error")
assert plait.cuda.memory_allocated() == 0 and plait.cuda.memory_stats() == {} and plait.cuda.memory_snapshot() == []
plait.cuda.empty_cache(); plait.cuda.manual_seed(1); plait.cuda.reset_peak_memory_stats()
x = plait.ones(2)
assert x.pin_memory() is x and not x.is_pinned()
assert not plait.cuda.is_current_stream_capturing() and not plait.cuda.is_bf16_supported()
"""
    text = run(program, PLAIT_CUDA_LIBRARY="/no-such-library.so")
    assert "/no-such-library.so" in text


def test_devices():
    assert cuda.device_count() >= 1 and cuda.why_unavailable() == ""
    assert cuda.current_device() == 0
    properties = cuda.get_device_properties()
    assert properties.name == cuda.get_device_name("cuda:0") and properties.name
    assert (properties.major, properties.minor) == cuda.get_device_capability(0)
    assert properties.total_memory > 0 and properties.multi_processor_count > 0 and properties.warp_size == 32
    assert f"name='{properties.name}'" in repr(properties)
    free, total = cuda.mem_get_info()
    assert 0 < free <= total
    assert cuda.is_bf16_supported() and cuda.is_initialized()
    with pytest.raises(RuntimeError, match=r"there is no device 99: this machine has \d+"):
        cuda.set_device(99)
    with pytest.raises(RuntimeError, match="there is no device 99"):
        plait.ones(2, device="cuda:99")
    with pytest.raises(ValueError, match=r"cuda\.synchronize: expected a CUDA device, got 'cpu'"):
        cuda.synchronize("cpu")
    cuda.set_device(-1)


@two_devices
def test_the_current_device():
    with cuda.device(1):
        assert cuda.current_device() == 1
        x = plait.ones(3, device="cuda")
        assert x.device == plait.device("cuda:1") and x.get_device() == 1
        with cuda.device(None), cuda.device(-1):
            assert cuda.current_device() == 1
    assert cuda.current_device() == 0
    with cuda.device_of(x):
        assert cuda.current_device() == 1
    with cuda.device_of(plait.ones(1)):
        assert cuda.current_device() == 0
    # A device without an index is the current one, wherever the tensor is.
    assert x.to("cuda").device == plait.device("cuda:0")
    assert x.cuda().device == plait.device("cuda:0")
    assert x.to("cuda:1") is x and x.to(1) is x and x.cuda(1) is x
    y = x.cuda()
    assert y.to("cuda") is y and y.cuda() is y
    assert plait.equal(y.cpu(), x.cpu())
    with pytest.raises(RuntimeError, match="expected all tensors on one device"):
        x + y
    seen = []
    thread = threading.Thread(target=lambda: seen.append(cuda.current_device()))
    with cuda.device(1):
        thread.start()
        thread.join()
    assert seen == [0]  # each thread has its own
    del x, y


def test_moving_tensors():
    x = plait.arange(6.0).view(2, 3)
    there = x.cuda()
    assert there.is_cuda and there.device.type == "cuda" and there.type() == "plait.cuda.FloatTensor"
    assert plait.equal(there.cpu(), x) and there.cpu().is_cpu
    assert plait.equal(x.to("cuda", plait.float64).cpu(), x.double())
    assert plait.equal(x.to(there).cpu(), x)
    assert there.to("cuda", copy=True) is not there
    assert x.to("cuda", plait.float32, True, True).is_cuda
    t = plait.arange(6.0).view(2, 3).t().cuda()
    assert plait.equal(t.cpu(), plait.arange(6.0).view(2, 3).t())
    leaf = plait.ones(3, requires_grad=True)
    (leaf.cuda() * 2).cpu().sum().backward()
    assert leaf.grad.is_cpu and leaf.grad.tolist() == [2, 2, 2]
    with pytest.raises(ValueError, match="expected a CUDA device, got 'cpu'"):
        x.cuda("cpu")
    module = plait.nn.Linear(3, 2)
    assert module.cuda() is module and all(p.is_cuda for p in module.parameters())
    assert module.to("cpu").weight.is_cpu
    assert plait.tensor([1, 2], device="cuda").tolist() == [1, 2]
    assert plait.ones(2, device="cuda").sum().item() == 2


def test_the_default_device():
    plait.set_default_device("cuda")
    try:
        assert plait.get_default_device() == plait.device("cuda:0")
        for made in (plait.zeros(2), plait.full((2,), 1.0), plait.empty(2), plait.tensor([1.0]), plait.ones(2)):
            assert made.is_cuda, made
        assert plait.zeros(2, device="cpu").is_cpu
        assert plait.ones_like(plait.zeros(2, device="cpu")).is_cpu
        assert plait.zeros(2, device="cpu").new_zeros(3).is_cpu
        assert plait.as_tensor(plait.ones(2, device="cpu")).is_cpu
        others = []
        thread = threading.Thread(target=lambda: others.append(plait.get_default_device()))
        thread.start()
        thread.join()
        assert others == [plait.device("cpu")]  # of a thread
        with plait.device("cpu"):
            assert plait.zeros(2).is_cpu
            with plait.device("meta"):
                assert plait.zeros(2).is_meta
        assert plait.zeros(2).is_cuda
        loader = plait.utils.data.DataLoader(range(8), batch_size=4, shuffle=True)
        assert sorted(int(i) for batch in loader for i in batch) == list(range(8))
    finally:
        plait.set_default_device(None)
    assert plait.zeros(2).is_cpu
    del made


def test_an_index_out_of_range_raises_where_the_host_waits():
    x = plait.zeros(10, device="cuda")
    for wait in (cuda.synchronize, lambda: cuda.current_stream().synchronize(), lambda: x.cpu(), lambda: x[0].item()):
        bad = x[plait.tensor([3, 11], device="cuda")]
        with pytest.raises(IndexError, match="index 11 is out of range for dimension 0 with size 10; expected -10 to 9"):
            wait()
        cuda.synchronize()
        assert (x + 1).tolist() == [1] * 10  # the device goes on
        del bad


# ---- streams and events


def test_streams():
    default = cuda.current_stream()
    assert default == cuda.default_stream() and default.cuda_stream == 0 and default.device == plait.device("cuda:0")
    s = cuda.Stream()
    assert s != default and s.cuda_stream != 0 and hash(s) != hash(default)
    x = plait.full((1000,), 3.0, device="cuda")
    s.wait_stream(default)
    with cuda.stream(s):
        assert cuda.current_stream() == s
        y = x * 2
        with cuda.stream(None):
            assert cuda.current_stream() == s
        with s:  # the same, and again
            assert cuda.current_stream() == s
    assert cuda.current_stream() == default
    default.wait_stream(s)
    y.record_stream(default)
    assert y.sum().item() == 6000
    s.synchronize()
    assert s.query()
    lowest, highest = cuda.Stream.priority_range()
    assert lowest == 0 > highest
    assert cuda.Stream(priority=-1).priority == -1 and s.priority == 0
    assert cuda.Stream(priority=-100).priority == highest
    assert "device=cuda:0" in repr(s)
    assert len({cuda.Stream().cuda_stream for _ in range(64)}) == 32
    cuda.set_stream(s)
    assert cuda.current_stream() == s
    cuda.set_stream(None)
    cuda.set_stream(default)
    same = cuda.ExternalStream(s.cuda_stream)
    assert same == s and isinstance(same, cuda.Stream)
    with same:
        z = x + 1
    same.synchronize()
    assert z.sum().item() == 4000
    with pytest.raises(RuntimeError, match="expected a tensor on a CUDA device"):
        plait.ones(1).record_stream(s)


@two_devices
def test_streams_of_another_device():
    s = cuda.Stream("cuda:1")
    assert s.device_index == 1
    with s:
        assert cuda.current_device() == 1 and cuda.current_stream() == s and cuda.current_stream(0) == cuda.default_stream(0)
        x = plait.ones(4, device="cuda")
    assert x.device.index == 1 and cuda.current_device() == 0
    s.synchronize()
    x.record_stream(cuda.current_stream())  # used by a stream of device 0
    del x
    cuda.synchronize()


def test_events():
    begin, end = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
    assert begin.query() and begin.device is None and "uninitialized" in repr(begin)
    with pytest.raises(ValueError, match="must have been recorded"):
        begin.elapsed_time(end)
    x = plait.ones(1000, device="cuda")
    begin.record()
    y = x + x
    end.record()
    end.synchronize()
    assert begin.query() and end.query() and begin.elapsed_time(end) >= 0
    assert begin.device == plait.device("cuda:0") and begin.cuda_event != 0
    plain = cuda.current_stream().record_event()
    side = cuda.Stream()
    side.wait_event(plain)
    with cuda.stream(side):
        z = y + 1
        done = cuda.Event(blocking=True)
        done.record()
    done.wait()  # the current stream
    assert z.sum().item() == 3000
    with pytest.raises(ValueError, match="enable_timing=True"):
        begin.elapsed_time(plain)
    with pytest.raises(NotImplementedError, match="between processes"):
        cuda.Event(interprocess=True)


def test_a_tensor_of_another_stream_is_not_overwritten():
    side = cuda.Stream()
    for _ in range(8):
        x = plait.full((1000,), 1.0, device="cuda")
        side.wait_stream(cuda.current_stream())
        with cuda.stream(side):
            y = x * 1
        x.record_stream(side)
        del x
        other = plait.full((1000,), 2.0, device="cuda")  # not in the memory of x
        cuda.synchronize()
        assert y.sum().item() == 1000
        del y, other


# ---- memory


def test_memory_statistics():
    cuda.empty_cache()
    start = cuda.memory_allocated()
    cuda.reset_peak_memory_stats()
    x = plait.empty(1 << 20, device="cuda")  # 4 MiB
    assert cuda.memory_allocated() - start == 4 << 20
    y = plait.empty(100, device="cuda")
    assert cuda.memory_allocated() - start == (4 << 20) + 512
    del x
    assert cuda.memory_allocated() - start == 512
    assert cuda.max_memory_allocated() - start == (4 << 20) + 512
    assert cuda.memory_reserved() >= 22 << 20 and cuda.max_memory_reserved() >= cuda.memory_reserved()
    stats = cuda.memory_stats()
    for name in ("allocation.all.current", "allocated_bytes.small_pool.peak", "reserved_bytes.large_pool.current",
                 "active_bytes.all.freed", "inactive_split_bytes.all.current", "num_alloc_retries", "num_ooms"):  # fmt: skip
        assert isinstance(stats[name], int), name
    nested = cuda.memory.memory_stats_as_nested_dict()
    assert nested["allocated_bytes"]["all"]["current"] == cuda.memory_allocated() and "num_ooms" in nested
    cuda.reset_peak_memory_stats()
    assert cuda.max_memory_allocated() == cuda.memory_allocated()
    reserved = cuda.memory_reserved()
    cuda.empty_cache()
    assert cuda.memory_reserved() == reserved - (20 << 20)
    cuda.reset_accumulated_memory_stats()
    assert cuda.memory_stats()["allocated_bytes.all.freed"] == 0
    text = cuda.memory_summary()
    assert "Allocated memory" in text and "from large pool" in text
    assert "from large pool" not in cuda.memory_summary(abbreviated=True)
    del y


def test_the_snapshot_names_op_and_line():
    x = plait.zeros(1 << 20, device="cuda")
    y = x + 1
    blocks = {b["address"]: b for s in cuda.memory_snapshot() for b in s["blocks"]}
    block = blocks[y.data_ptr()]
    assert block["state"] == "active_allocated" and block["size"] == block["requested_size"] == 4 << 20
    assert block["op"] == "add"
    assert "test_cuda_runtime.py" in block["line"] and "in test_the_snapshot_names_op_and_line" in block["line"]
    for segment in cuda.memory_snapshot():
        assert segment["total_size"] == sum(b["size"] for b in segment["blocks"])
        assert segment["allocated_size"] <= segment["total_size"] and segment["segment_type"] in ("small", "large")
    with plait.no_grad():
        z = y * 2  # without a tape, too
    blocks = {b["address"]: b for s in cuda.memory_snapshot() for b in s["blocks"]}
    assert blocks[z.data_ptr()]["op"] == "mul" and "test_cuda_runtime.py" in blocks[z.data_ptr()]["line"]


def test_out_of_memory_and_on():
    total = cuda.mem_get_info()[1]
    kept = plait.zeros(3 << 20, device="cuda")
    with pytest.raises(plait.OutOfMemoryError) as caught:
        plait.empty(total, dtype=plait.uint8, device="cuda")
    text = str(caught.value)
    assert f"shape ({total},), dtype uint8: out of memory on cuda:0:" in text
    assert "largest live allocations:" in text and "12.00 MiB" in text and "test_cuda_runtime.py" in text
    assert cuda.OutOfMemoryError is plait.OutOfMemoryError and issubclass(cuda.OutOfMemoryError, RuntimeError)
    before = cuda.memory_allocated()
    for _ in range(20):
        live = []
        with pytest.raises(plait.OutOfMemoryError):
            while True:
                live.append(plait.empty(total // 7, dtype=plait.uint8, device="cuda"))
        assert len(live) >= 5
        live.clear()
    assert cuda.memory_allocated() == before
    assert (kept + 1).sum().item() == 3 << 20


def test_a_fraction_of_the_memory():
    assert cuda.get_per_process_memory_fraction() == 1
    total = cuda.mem_get_info()[1]
    cuda.empty_cache()
    cuda.set_per_process_memory_fraction(0.25)
    try:
        with pytest.raises(plait.OutOfMemoryError, match=r"set_per_process_memory_fraction allows 0\.25"):
            plait.empty(total // 2, dtype=plait.uint8, device="cuda")
        plait.empty(total // 8, dtype=plait.uint8, device="cuda")
    finally:
        cuda.set_per_process_memory_fraction(1.0)
    plait.empty(total // 2, dtype=plait.uint8, device="cuda")
    with pytest.raises(ValueError, match="expected a fraction of 0 to 1"):
        cuda.set_per_process_memory_fraction(2)
    cuda.empty_cache()


def test_memory_for_other_libraries():
    before = cuda.memory_allocated()
    address = cuda.caching_allocator_alloc(1000)
    assert address % 512 == 0 and cuda.memory_allocated() == before + 1024
    cuda.caching_allocator_delete(address)
    assert cuda.memory_allocated() == before
    with pytest.raises(ValueError, match="no address that caching_allocator_alloc gave"):
        cuda.caching_allocator_delete(address)


def test_page_locked_memory():
    x = plait.arange(1000.0)
    assert not x.is_pinned()
    p = x.pin_memory()
    assert p is not x and p.is_pinned() and p.is_cpu and plait.equal(p, x) and p.pin_memory() is p
    assert p[10:].is_pinned() and p.view(10, 100).t().is_pinned()
    t = x.view(10, 100).t().pin_memory()
    assert t.stride() == (1, 100) and plait.equal(t, x.view(10, 100).t())
    assert plait.zeros(3, pin_memory=True).is_pinned() and plait.tensor([1.0], pin_memory=True).is_pinned()
    assert plait.rand(4, pin_memory=True, requires_grad=True).requires_grad
    there = p.to("cuda", non_blocking=True)
    p2 = p
    del p, p2  # the copy still reads it
    q = plait.empty(1000, pin_memory=True)
    q.fill_(-1)
    assert plait.equal(there.cpu(), x)
    back = plait.empty(1000, pin_memory=True)
    back.copy_(there, non_blocking=True)
    cuda.synchronize()
    assert plait.equal(back, x)
    assert plait.equal(there.to("cpu", non_blocking=True).clone(), x)
    stats = cuda.host_memory_stats()
    assert stats["allocated_bytes.current"] > 0 and stats["num_host_alloc"] <= stats["num_alloc"]
    with pytest.raises(RuntimeError, match="only tensors on the CPU can be pinned"):
        there.pin_memory()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_pins_its_batches(workers):
    data = plait.utils.data.TensorDataset(plait.arange(10.0), plait.arange(10))
    seen = []
    for x, y in plait.utils.data.DataLoader(data, batch_size=4, num_workers=workers, pin_memory=True):
        assert x.is_pinned() and y.is_pinned()
        seen += x.cuda(non_blocking=True).cpu().tolist()
    assert seen == list(map(float, range(10)))
    from plait.utils.data.pin import pin_memory

    batch = pin_memory({"a": [plait.ones(2), "text"], "b": (plait.zeros(1), 3)})
    assert batch["a"][0].is_pinned() and batch["a"][1] == "text" and batch["b"][0].is_pinned() and batch["b"][1] == 3


# ---- graphs


def test_a_graph():
    x = plait.zeros(100, device="cuda")
    with pytest.raises(RuntimeError, match="the null stream cannot be captured"):
        cuda.CUDAGraph().capture_begin()
    g = cuda.CUDAGraph()
    with pytest.raises(RuntimeError, match="was not captured"):
        g.replay()
    assert not cuda.is_current_stream_capturing()
    with cuda.graph(g):
        assert cuda.is_current_stream_capturing()
        y = x * 2 + 1
        x.add_(1)
    assert not cuda.is_current_stream_capturing()
    for i in range(3):
        g.replay()
        assert y.tolist() == [2 * i + 1] * 100 and x.tolist() == [i + 1] * 100
    x.fill_(10)
    g.replay()
    assert y[0].item() == 21
    assert isinstance(g.pool(), tuple)
    second = cuda.CUDAGraph()
    with cuda.graph(second, pool=g.pool()):
        z = y + x
    second.replay()
    assert z[0].item() == 32
    g.reset()
    second.reset()
    with pytest.raises(RuntimeError, match="was not captured"):
        g.replay()
    del y, z


def test_what_a_captured_copy_may_read():
    """Pageable memory may be gone at the replay, which would read whatever lies there."""
    static = plait.zeros(4, device="cuda")
    host = plait.arange(4.0)
    for copy, op in (
        (lambda: static.copy_(host), "copy_"),
        (lambda: static.copy_(host, non_blocking=True), "copy_"),
        (lambda: host.cuda(), "to"),
        (lambda: plait.tensor([1, 2], device="cuda"), "(copy_|to)"),
        (lambda: static[[0, 2]], "copy_"),
    ):
        with pytest.raises(RuntimeError, match=rf"^{op}: a graph is being captured.* pageable .*pin_memory"):
            with cuda.graph(cuda.CUDAGraph()):
                copy()
    pinned = host.pin_memory()
    with pytest.raises(RuntimeError, match=r"^copy_: a graph is being captured.* to be waited for.*non_blocking=True"):
        with cuda.graph(cuda.CUDAGraph()):
            static.copy_(pinned)
    with pytest.raises(RuntimeError, match=r"^copy_: a graph is being captured.* not contiguous"):
        with cuda.graph(cuda.CUDAGraph()):
            static[:2].copy_(pinned[::2], non_blocking=True)
    for out in (pinned, host):
        with pytest.raises(RuntimeError, match=r"^copy_: .*nothing may wait for the device .*a copy to the host"):
            with cuda.graph(cuda.CUDAGraph()):
                out.copy_(static)
    with pytest.raises(RuntimeError, match=r"^to: .*nothing may wait for the device"):
        with cuda.graph(cuda.CUDAGraph()):
            static.cpu()

    # Pinned memory is read and written at each replay; other dtypes, broadcasts and numbers go as well.
    small, wide = plait.zeros(4, device="cuda", dtype=plait.float16), plait.zeros(3, 4, device="cuda")
    back = plait.zeros(4).pin_memory()
    graph = cuda.CUDAGraph()
    with cuda.graph(graph):
        static.copy_(pinned, non_blocking=True)
        small.copy_(pinned, non_blocking=True)
        wide.copy_(pinned, non_blocking=True)
        static.add_(1)
        static[3] = 9.0
        back.copy_(static, non_blocking=True)
    for i in range(3):
        pinned.fill_(float(i))
        graph.replay()
        cuda.synchronize()
        assert back.tolist() == [i + 1, i + 1, i + 1, 9]
        assert small.tolist() == [i] * 4 and wide.tolist() == [[i] * 4] * 3


def test_what_waits_cannot_be_captured():
    x = plait.ones(3, device="cuda")
    g = cuda.CUDAGraph()
    with pytest.raises(RuntimeError, match="a graph is being captured: nothing may wait for the device"):
        with cuda.graph(g):
            x.sum().item()
    assert not cuda.is_current_stream_capturing()
    g.reset()
    with cuda.graph(g):
        y = x + 1
    g.replay()
    assert y.tolist() == [2, 2, 2]
    with pytest.raises(ValueError, match="capture_error_mode"):
        with cuda.graph(cuda.CUDAGraph(), capture_error_mode="nonsense"):
            pass
    del y


def test_memory_of_a_graph_is_not_used_by_others():
    x = plait.full((1000,), 2.0, device="cuda")
    g = cuda.CUDAGraph()
    with cuda.graph(g):
        y = (x * 3).add_(1) * 2
    addresses = {y.data_ptr()}
    for _ in range(50):
        other = plait.full((1000,), -1.0, device="cuda")
        assert other.data_ptr() not in addresses
    g.replay()
    assert y.tolist() == [14] * 1000
    pools = {tuple(s["segment_pool_id"]) for s in cuda.memory_snapshot()}
    assert tuple(g.pool()) in pools
    del y, other
    g.reset()
    cuda.empty_cache()
    assert {tuple(s["segment_pool_id"]) for s in cuda.memory_snapshot()} <= {(0, 0)}


def has_kernel(call):
    try:
        call()
    except NotImplementedError:
        return False
    return True


def test_replays_draw_what_eager_ops_draw():
    x = plait.ones(64, device="cuda")
    if not has_kernel(lambda: plait.dropout(x, 0.5)):
        pytest.skip("no kernel for dropout")

    def step():
        leaf = x.clone().requires_grad_()
        y = plait.dropout(leaf, 0.5) + plait.rand_like(leaf)
        (grad,) = plait.autograd.grad(y.sum(), leaf)
        return y.detach(), grad

    plait.manual_seed(5)
    eager = [[t.cpu() for t in step()] for _ in range(3)]
    plait.manual_seed(5)
    g = cuda.CUDAGraph()
    with cuda.graph(g):
        result = step()
    for expected in eager:
        g.replay()
        for got, wanted in zip(result, expected):
            assert plait.equal(got.cpu(), wanted)
    assert not plait.equal(eager[0][0], eager[1][0])


def test_graphed_callables():
    def f(a, b):
        return a * b + a, (a - b).square()

    a = plait.randn(5, 3).cuda().requires_grad_()
    b = plait.randn(5, 3).cuda()
    graphed = cuda.make_graphed_callables(f, (a.detach().clone().requires_grad_(), b.clone()))
    for i in range(3):
        x = (a.detach() + i).requires_grad_()
        expected, got = f(x, b), graphed(x, b)
        for e, g in zip(expected, got):
            assert plait.allclose(e.cpu(), g.cpu())
        (grad,) = plait.autograd.grad((got[0] * 2 + got[1]).sum(), x)
        (wanted,) = plait.autograd.grad((expected[0] * 2 + expected[1]).sum(), x)
        assert plait.allclose(grad.cpu(), wanted.cpu())
    with pytest.raises(ValueError, match=r"tensor 0 should have the sample's shape \(5, 3\)"):
        graphed(a[:2], b[:2])
    with pytest.raises(TypeError, match="expected 2 tensors"):
        graphed(a)
    with pytest.raises(TypeError, match="only Tensors are allowed"):
        cuda.make_graphed_callables(f, (a, 3))
    with plait.autocast("cuda"), pytest.raises(RuntimeError, match="cache_enabled=False"):
        cuda.make_graphed_callables(f, (a, b))
    del x, grad, wanted, got, expected, e, g


def test_a_graphed_module_trains():
    plait.manual_seed(1)
    eager = plait.nn.Sequential(plait.nn.Linear(4, 8), plait.nn.Tanh(), plait.nn.Linear(8, 2)).cuda()
    plait.manual_seed(1)
    model = plait.nn.Sequential(plait.nn.Linear(4, 8), plait.nn.Tanh(), plait.nn.Linear(8, 2)).cuda()
    graphed = cuda.make_graphed_callables(model, (plait.randn(6, 4).cuda(),))
    assert graphed is model
    for m in (eager, model):
        plait.manual_seed(3)
        for _ in range(4):
            x, y = plait.randn(6, 4).cuda(), plait.randn(6, 2).cuda()
            (m(x) - y).square().mean().backward()
            with plait.no_grad():
                for p in m.parameters():
                    p -= 0.1 * p.grad
                    p.grad = None
    for p, q in zip(eager.parameters(), model.parameters()):
        assert plait.allclose(p.cpu(), q.cpu(), atol=1e-6)
    model.eval()
    assert model(plait.randn(3, 4).cuda()).shape == (3, 2)  # eager, in any shape
    del x, y, p, q, m


# ---- random numbers


def test_one_generator_for_all_devices():
    cuda.manual_seed(3)
    assert plait.initial_seed() == cuda.initial_seed() == 3
    a = plait.rand(4)
    cuda.manual_seed_all(3)
    assert plait.equal(plait.rand(4), a)
    state = cuda.get_rng_state()
    b = plait.rand(4)
    cuda.set_rng_state(state)
    assert plait.equal(plait.rand(4), b)
    states = cuda.get_rng_state_all()
    assert len(states) == cuda.device_count()
    cuda.set_rng_state_all(states)
    cuda.seed()
    assert cuda.initial_seed() != 3
    if has_kernel(lambda: plait.rand(4, device="cuda")):
        plait.manual_seed(3)
        assert plait.equal(plait.rand(4, device="cuda").cpu(), a)


# ---- processes


def test_a_forked_child_is_told():
    program = """
import os, plait
x = plait.ones(3, device="cuda")
pid = os.fork()
if pid == 0:
    try:
        for call in (lambda: plait.ones(3, device="cuda"), lambda: x + 1, lambda: x.cpu(), plait.cuda.synchronize,
                     plait.cuda.Stream, lambda: plait.cuda.set_device(0), lambda: plait.ones(2).pin_memory().sum() and 1 / 0):
            try:
                call()
            except ZeroDivisionError:
                raise SystemExit(3)
            except RuntimeError as error:
                assert "Cannot re-initialize CUDA in forked subprocess" in str(error), error
                assert "spawn" in str(error)
            else:
                raise SystemExit(4)
        del x  # dropped without a word
        assert plait.ones(3).sum().item() == 3  # the CPU works
    except BaseException as error:
        print(repr(error), flush=True)
        os._exit(5)
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
assert (x + 1).sum().item() == 6  # and so does the parent
print("fine")
"""
    assert run(program) == "fine"


def test_tensors_outlive_the_interpreter():
    program = """
import plait, sys
class Keeper:
    pass
x = plait.ones(1 << 20, device="cuda")
sys.modules["keeper"] = keeper = Keeper()
keeper.tensor, keeper.self = x, keeper
keeper.stream, keeper.event = plait.cuda.Stream(), plait.cuda.Event()
keeper.event.record(keeper.stream)
x.record_stream(keeper.stream)
keeper.graph = plait.cuda.CUDAGraph()
with plait.cuda.graph(keeper.graph):
    keeper.y = x + 1
keeper.pinned = plait.ones(1000).pin_memory()
keeper.there = keeper.pinned.to("cuda", non_blocking=True)
print("fine")
"""
    assert run(program) == "fine"


# ---- switches


def test_accelerator():
    accelerator = plait.accelerator
    assert accelerator.is_available() and accelerator.device_count() == cuda.device_count()
    assert accelerator.current_accelerator() == plait.device("cuda")
    assert accelerator.current_device_index() == 0 and accelerator.current_stream() == cuda.current_stream()
    accelerator.synchronize()
    with accelerator.device_index(cuda.device_count() - 1):
        assert accelerator.current_device_index() == cuda.device_count() - 1
    assert accelerator.memory_allocated() == cuda.memory_allocated() and accelerator.get_memory_info()[1] > 0


def test_cudnn_is_asked_for():
    version = plait.backends.cudnn.version()
    assert version is None or version >= 90000
    assert plait.backends.cudnn.is_available() is (version is not None)
    assert plait.backends.cudnn.is_acceptable(plait.ones(1)) is False


# ---- other libraries


def test_sharing_memory():
    x = plait.arange(6.0).view(2, 3).cuda()
    assert x.__dlpack_device__() == (2, 0)
    y = plait.from_dlpack(x)
    assert y.data_ptr() == x.data_ptr() and y.device == x.device and y.tolist() == x.tolist()
    side = cuda.Stream()
    for i in range(4):
        x.fill_(i)
        capsule = x.__dlpack__(stream=side.cuda_stream)  # whose taker works on that stream, which waits
        with cuda.stream(side):
            y = plait.from_dlpack(capsule)
            z = y + 1
        side.synchronize()
        assert z.tolist() == [[i + 1] * 3] * 2
    x.__dlpack__(stream=-1)
    with pytest.raises(ValueError, match="stream 0 is ambiguous"):
        x.__dlpack__(stream=0)
    with pytest.raises(ValueError, match="stream must be None"):
        plait.ones(1).__dlpack__(stream=1)
    interface = x.t().__cuda_array_interface__
    assert interface["shape"] == (3, 2) and interface["strides"] == (4, 12) and interface["typestr"] == "<f4"
    assert interface["data"] == (x.data_ptr(), False) and x.__cuda_array_interface__["strides"] is None
    assert not hasattr(plait.ones(1), "__cuda_array_interface__")


def test_copies_of_objects():
    import copy
    import pickle

    x = plait.arange(4.0).cuda()
    y = copy.deepcopy(x)
    assert y.is_cuda and y.data_ptr() != x.data_ptr() and plait.equal(x.cpu(), y.cpu())
    z = pickle.loads(pickle.dumps(x))
    assert z.device == x.device and z.tolist() == x.tolist()
    module = plait.nn.Linear(2, 2).cuda()
    again = copy.deepcopy(module)
    assert all(p.is_cuda for p in again.parameters())


def test_saved_tensors_return_to_their_device(tmp_path):
    x = plait.arange(4.0).cuda()
    plait.save({"x": x, "y": plait.ones(2)}, tmp_path / "file")
    loaded = plait.load(tmp_path / "file")
    assert loaded["x"].device == x.device and loaded["x"].tolist() == [0, 1, 2, 3] and loaded["y"].is_cpu
    assert plait.load(tmp_path / "file", map_location="cpu")["x"].is_cpu
    assert plait.load(tmp_path / "file", map_location="cuda")["y"].is_cuda
    if cuda.device_count() > 1:
        moved = plait.load(tmp_path / "file", map_location={"cuda:0": "cuda:1"})
        assert moved["x"].device.index == 1
        del moved
    del loaded


# ---- without a device in this process


@no_device_needed
@pytest.mark.skipif(cuda.is_available(), reason="the tests above have run")
def test_on_the_emulator():
    if not EMULATED.exists():
        pytest.skip(f"no CUDA device ({cuda.why_unavailable()}), and the emulator was not built ({EMULATED})")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    result = subprocess.run(
        command, env={**os.environ, "PLAIT_CUDA_LIBRARY": str(EMULATED)}, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert " passed" in result.stdout
