"""NCCL in a group of one rank, which one GPU can show; several ranks are test_distributed_nccl.py's."""

import ctypes
from datetime import timedelta

import plait
import plait.distributed as dist
import pytest
from cuda_device import EMULATED, IS_EMULATED
from cuda_process import clean, cuda, needs_cuda, run_without  # noqa: F401

pytestmark = needs_cuda
needs_nccl = pytest.mark.skipif(not dist.is_nccl_available(), reason="NCCL is not there")


@pytest.fixture
def group():
    dist.init_process_group("nccl", rank=0, world_size=1, timeout=timedelta(seconds=60), device_id=0, store=dist.HashStore())
    try:
        yield
    finally:
        dist.destroy_process_group()


@needs_nccl
def test_version():
    version = cuda.nccl.version()
    assert len(version) == 3
    assert version[0] == 2 and version[1] >= 19, version
    x = plait.ones(4, 3, device="cuda")
    assert cuda.nccl.is_available([x])
    assert not cuda.nccl.is_available([x.t()])
    assert not cuda.nccl.is_available([x.cpu()])
    assert not cuda.nccl.is_available([x, x])
    with pytest.raises(NotImplementedError, match=r"cuda\.nccl\.all_reduce .*plait\.distributed"):
        cuda.nccl.all_reduce([x])


@needs_nccl
@pytest.mark.parametrize("dtype", [plait.float32, plait.bfloat16, plait.int64, plait.bool, plait.complex64])
def test_collectives_of_one(group, dtype):
    x = plait.tensor([1, 0, 1, 1], device="cuda").to(dtype)
    expected = x.tolist()
    dist.all_reduce(x)
    dist.broadcast(x, 0)
    dist.reduce(x, 0)
    work = dist.all_reduce(x, async_op=True)
    work.wait()
    assert x.tolist() == expected
    assert work.is_completed() and work.is_success()
    out = plait.empty_like(x)
    dist.all_gather_into_tensor(out, x)
    assert out.tolist() == expected
    out.zero_()
    dist.reduce_scatter_tensor(out, x)
    assert out.tolist() == expected
    out.zero_()
    dist.all_to_all_single(out, x)
    assert out.tolist() == expected
    dist.barrier()


@needs_nccl
def test_other_streams(group):
    side = cuda.Stream()
    side.wait_stream(cuda.current_stream())
    with cuda.stream(side):
        for i in range(10):
            x = plait.full((100_000,), float(i), device="cuda")
            dist.all_reduce(x)
            x += 1
            y = plait.full((100_000,), -1.0, device="cuda")
            assert (x == i + 1).all().item()
    side.synchronize()
    del x, y


@needs_nccl
def test_graph(group):
    x, graph = plait.ones(16, device="cuda"), cuda.CUDAGraph()
    dist.all_reduce(x)
    cuda.synchronize()
    with cuda.graph(graph):
        y = x * 2
        dist.all_reduce(y)
        z = y + 1
    for i in range(3):
        x.fill_(i)
        graph.replay()
        assert z.tolist() == [2 * i + 1] * 16
    graph.reset()
    del y, z


@needs_nccl
def test_refused(group):
    with pytest.raises(TypeError, match="NCCL reduces no tensors of int16"):
        dist.all_reduce(plait.ones(1, device="cuda", dtype=plait.int16))
    with pytest.raises(TypeError, match="bools have no average"):
        dist.all_reduce(plait.ones(1, device="cuda", dtype=plait.bool), dist.ReduceOp.AVG)
    with pytest.raises(ValueError, match="nccl"):
        dist.all_reduce(plait.ones(1, device="cuda", dtype=plait.int32), dist.ReduceOp.BAND)


@needs_nccl
@pytest.mark.skipif(not IS_EMULATED, reason="asks the emulated library")
def test_groups_leave_nothing(group):
    nccl = ctypes.CDLL(str(EMULATED.with_name("libplait_nccl_emulated.so")))
    before = nccl.plait_emulator_nccl_communicators()
    other = dist.new_group([0])
    x = plait.ones(2, device="cuda")
    dist.all_reduce(x, group=other)
    during = nccl.plait_emulator_nccl_communicators()
    dist.destroy_process_group(other)
    assert (during, nccl.plait_emulator_nccl_communicators()) == (before + 1, before)


@pytest.mark.skipif(not IS_EMULATED, reason="leaves one of the emulated libraries out")
def test_without_the_library(tmp_path):
    program = """
import plait, plait.distributed as dist
assert plait.cuda.is_available() and not dist.is_nccl_available()
try:
    dist.init_process_group("nccl", store=dist.HashStore(), rank=0, world_size=2)
except RuntimeError as error:
    print("init:", error)
try:
    plait.cuda.nccl.version()
except RuntimeError as error:
    print("version:", error)
dist.init_process_group("nccl", rank=0, world_size=1)
x = plait.ones(2, device="cuda")
dist.all_reduce(x)  # nothing is to be connected
print(x.tolist())
"""
    said = run_without("nccl", program, tmp_path).splitlines()
    assert "pip install nvidia-nccl-cu13" in said[0] and said[0].startswith("init:")
    assert "pip install nvidia-nccl-cu13" in said[1] and said[1].startswith("version:")
    assert said[2] == "[1.0, 1.0]"
