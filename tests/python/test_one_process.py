"""What programs for many processes, graphs and other exporters import, in one eager process."""

import subprocess
import sys
import textwrap
import warnings

import plait
import plait.distributed as dist
import pytest


@pytest.fixture
def world(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    dist.init_process_group("nccl")
    yield
    if dist.is_initialized():
        dist.destroy_process_group()


def test_a_world_of_one(world):
    assert (dist.get_rank(), dist.get_world_size(), dist.get_backend()) == (0, 1, "nccl")
    x = plait.tensor([1.0, 2.0])
    for call in (
        lambda: dist.all_reduce(x, op=dist.ReduceOp.AVG),
        lambda: dist.broadcast(x, 0),
        lambda: dist.reduce(x, dst=0),
        dist.barrier,
    ):
        assert call() is None
    assert x.tolist() == [1, 2]
    work = dist.all_reduce(x, async_op=True)
    assert work.wait() and work.get_future().wait() == [x]
    for call in (
        lambda y: dist.all_gather([y], x),
        lambda y: dist.all_gather_into_tensor(y, x),
        lambda y: dist.gather(x, [y], dst=0),
        lambda y: dist.scatter(y, [x], src=0),
        lambda y: dist.reduce_scatter(y, [x]),
        lambda y: dist.reduce_scatter_tensor(y, x),
        lambda y: dist.all_to_all([y], [x]),
        lambda y: dist.all_to_all_single(y, x),
    ):
        y = plait.zeros(2)
        call(y)
        assert y.tolist() == [1, 2]
    objects = [None]
    dist.all_gather_object(objects, "a")
    assert objects == ["a"]
    from plait.distributed import nn

    z = plait.ones(2, requires_grad=True)
    (nn.all_reduce(z) * nn.all_gather(z)[0]).sum().backward()
    assert z.grad.tolist() == [2, 2]
    with pytest.raises(ValueError, match="list of 1"):
        dist.all_gather([x, x], x)
    with pytest.raises(ValueError, match="already"):
        dist.init_process_group()
    with pytest.raises(ValueError, match="rank 0"):
        dist.broadcast(x, 1)


def test_other_processes_must_be_found(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "8")
    with pytest.raises(ValueError, match=r"RANK is not set.*plait.distributed.run"):
        dist.init_process_group("gloo")
    with pytest.raises(ValueError, match="rank from 0 to 1"):
        dist.init_process_group("gloo", store=dist.HashStore(), rank=2, world_size=2)
    with pytest.raises(RuntimeError, match="libnccl"):
        dist.init_process_group("mpi", store=dist.HashStore(), rank=0, world_size=2)
    assert not dist.is_initialized() and dist.is_available()
    with pytest.raises(ValueError, match="init_process_group"):
        dist.get_rank()
    with pytest.raises(NotImplementedError, match="process groups"):
        dist.init_device_mesh("cpu", (2,))


def test_wrappers(world):
    module, x = plait.nn.Linear(3, 2), plait.randn(4, 3)
    for wrap in (plait.nn.parallel.DistributedDataParallel, plait.nn.DataParallel):
        wrapped = wrap(module)
        assert sorted(wrapped.state_dict()) == ["module.bias", "module.weight"]
        assert plait.equal(wrapped(x).cpu(), module(x.to(module.weight.device)).cpu())
        module.cpu()
    ddp = plait.nn.parallel.DistributedDataParallel(module)
    with ddp.no_sync():
        assert not ddp.require_backward_grad_sync
        ddp(x).sum().backward()
    assert ddp.require_backward_grad_sync and module.weight.grad is not None
    with pytest.raises(RuntimeError, match="requires grad"):
        plait.nn.parallel.DistributedDataParallel(plait.nn.ReLU())
    dist.destroy_process_group()
    with pytest.raises(ValueError, match="init_process_group"):
        plait.nn.parallel.DistributedDataParallel(module)
    with pytest.raises(ValueError, match="CUDA"):
        plait.nn.DataParallel(module, device_ids=["cpu"])


def test_spawn(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent("""
        import sys
        import plait
        import plait.multiprocessing as mp

        def work(index, folder, fail):
            if fail and index == 1:
                raise ValueError("from process 1")
            plait.save(plait.full((2,), float(index)), f"{folder}/{index}.pt")

        if __name__ == "__main__":
            mp.spawn(work, args=(sys.argv[1], False), nprocs=2)
            print([plait.load(f"{sys.argv[1]}/{i}.pt").tolist() for i in range(2)])
            try:
                mp.spawn(work, args=(sys.argv[1], True), nprocs=2)
            except mp.ProcessRaisedException as error:
                print(error.error_index, "from process 1" in str(error))
            queue = mp.Queue()
            queue.put(plait.ones(2))
            print(queue.get().tolist())
        """)
    )
    done = subprocess.run(
        [sys.executable, program, tmp_path], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.splitlines() == ["[[0.0, 0.0], [1.0, 1.0]]", "1 True", "[1.0, 1.0]"], done.stderr


def test_what_only_needs_to_be_imported():
    from plait.fx import GraphModule, symbolic_trace, wrap
    from plait.jit.annotations import List
    from plait.onnx import export

    assert wrap("len") == "len" and List[int].__origin__ is list
    assert not isinstance(plait.nn.ReLU(), GraphModule)
    for call in (symbolic_trace, export):
        with pytest.raises(NotImplementedError, match="is not there"):
            call(plait.nn.ReLU())
    with pytest.raises(AttributeError, match="no_such"):
        _ = plait.fx.no_such
    plait._dynamo.config.cache_size_limit = 64
    plait._inductor.config.coordinate_descent_tuning = True
    plait._dynamo.reset()
    assert not plait.xpu.is_available() and plait.mps.device_count() == 0
    assert plait.version.__version__ == plait.__version__
    assert plait.version.cuda is None or plait.cuda.is_available()


def test_hub(tmp_path, monkeypatch):
    state = {"w": plait.arange(3)}
    plait.save(state, tmp_path / "source.pth")
    address = (tmp_path / "source.pth").as_uri()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PLAIT_HOME", raising=False)
    for _ in range(2):
        loaded = plait.hub.load_state_dict_from_url(address)
        assert loaded["w"].tolist() == [0, 1, 2]
        (tmp_path / "source.pth").unlink(missing_ok=True)  # the second time it is in the folder
    assert (tmp_path / "home/hub/checkpoints/source.pth").exists()
    plait.save(state, tmp_path / "model-00000000.pth")
    with pytest.raises(RuntimeError, match="SHA-256"):
        plait.hub.load_state_dict_from_url((tmp_path / "model-00000000.pth").as_uri(), check_hash=True)
    assert not (tmp_path / "home/hub/checkpoints/model-00000000.pth").exists()
    (tmp_path / "hubconf.py").write_text("def net(width):\n    return width * 2\n")
    assert plait.hub.load(tmp_path, "net", 3, source="local") == 6
    assert plait.hub.list(tmp_path) == ["net"]
    with pytest.raises(NotImplementedError, match="source='local'"):
        plait.hub.load("owner/name", "net")
    with pytest.raises(RuntimeError, match="no function"):
        plait.hub.load(tmp_path, "other", source="local")


@pytest.mark.parametrize("rank", [2, 3, 5])
def test_dropout2d_of_other_dimensions(rank):
    """As PyTorch: (N, C, *) with a warning."""
    x = plait.ones((8, 16) + (3,) * (rank - 2))
    with pytest.warns(UserWarning, match=r"\(N, C, \*\)"):
        y = plait.nn.functional.dropout2d(x, 0.5)
    y = y.reshape(8, 16, -1)
    assert set(y.unique().tolist()) == {0, 2} and (y == y[..., :1]).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plait.nn.functional.dropout2d(plait.ones(2, 2, 2, 2), 0.5)
    with pytest.raises(RuntimeError, match="4D"):
        plait.nn.functional.dropout2d(plait.ones(3), 0.5)


def test_dropout3d_of_other_dimensions():
    with pytest.warns(UserWarning, match=r"\(C, \*\)"):
        y = plait.nn.functional.dropout3d(plait.ones(64, 5, 4), 0.5).reshape(64, -1)
    assert set(y.unique().tolist()) == {0, 2} and (y == y[:, :1]).all()
