"""Device memory: statistics, the snapshot, what happens when it runs out; page-locked memory of the host."""

import plait
import pytest
from cuda_process import clean, cuda, needs_cuda, run  # noqa: F401

pytestmark = needs_cuda


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
    assert "test_cuda_memory.py" in block["line"] and "in test_the_snapshot_names_op_and_line" in block["line"]
    for segment in cuda.memory_snapshot():
        assert segment["total_size"] == sum(b["size"] for b in segment["blocks"])
        assert segment["allocated_size"] <= segment["total_size"] and segment["segment_type"] in ("small", "large")
    with plait.no_grad():
        z = y * 2  # without a tape, too
    blocks = {b["address"]: b for s in cuda.memory_snapshot() for b in s["blocks"]}
    assert blocks[z.data_ptr()]["op"] == "mul" and "test_cuda_memory.py" in blocks[z.data_ptr()]["line"]


def test_out_of_memory_and_on():
    total = cuda.mem_get_info()[1]
    kept = plait.zeros(3 << 20, device="cuda")
    with pytest.raises(plait.OutOfMemoryError) as caught:
        plait.empty(total, dtype=plait.uint8, device="cuda")
    text = str(caught.value)
    assert f"shape ({total},), dtype uint8: out of memory on cuda:0:" in text
    assert "largest live allocations:" in text and "12.00 MiB" in text and "test_cuda_memory.py" in text
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


def test_without_a_cache_blocks_are_what_was_asked_for():
    """What a memory checker needs: no tensor beside another one, none in the place of another one."""
    program = """if True:
        import plait
        def segments():
            return [s["total_size"] for s in plait.cuda.memory_snapshot()]
        plait.zeros(1, device="cuda")
        plait.cuda.empty_cache()
        before = len(segments())
        live = [plait.empty(n, dtype=plait.uint8, device="cuda") for n in (5, 1000, 3 << 20)]
        print(sorted(segments())[-3:], plait.cuda.memory_stats()["num_device_alloc"] >= 3)
        del live
        print(len(segments()) - before)
        side = plait.cuda.Stream()
        x = plait.ones(100, device="cuda")
        x.record_stream(side)
        del x
        plait.cuda.synchronize()
        plait.cuda.empty_cache()
        static = plait.ones(4, device="cuda")
        graph = plait.cuda.CUDAGraph()
        with plait.cuda.graph(graph):
            y = (static + 1) * 3 + (static + 2)
        static.fill_(2)
        graph.replay()
        print(y.tolist())
        del graph, y, static
        plait.cuda.empty_cache()
        print(len(segments()) - before)
    """
    assert run(program, PLAIT_NO_CUDA_MEMORY_CACHING="1").splitlines() == [
        "[512, 1024, 3145728] True", "0", "[13.0, 13.0, 13.0, 13.0]", "0",
    ]  # fmt: skip
