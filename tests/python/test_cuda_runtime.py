"""plait.cuda: devices, streams, events, random numbers, processes."""

import threading

import plait
import pytest
from cuda_process import clean, cuda, needs_cuda, run, two_devices  # noqa: F401

# ---- devices


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


@needs_cuda
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


@needs_cuda
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


@needs_cuda
def test_type_as_moves():
    x = plait.tensor([1, 0])
    y = x.type_as(plait.ones(1, device="cuda", dtype=plait.float16))
    assert y.is_cuda and y.dtype is plait.float16 and y.tolist() == [1, 0]
    assert y.type_as(x).is_cpu and y.type_as(y) is y


@needs_cuda
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


@needs_cuda
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


@needs_cuda
def test_reading_one_element():
    for shape in ((), (1,), (1, 1), (1, 2)):
        x = plait.full(shape, 2.5, device="cuda")[..., :1] if shape else plait.full(shape, 2.5, device="cuda")
        assert x.item() == 2.5 and float(x) == 2.5 and int(x) == 2 and bool(x)
        assert f"{x.reshape(()):.1f}" == "2.5"
    assert range(5)[plait.tensor([3], device="cuda")] == 3
    with pytest.raises(RuntimeError, match=r"item: expected a tensor of one element, got shape \(2,\)"):
        plait.ones(2, device="cuda").item()


def test_data_on_the_device():
    data = plait.utils.data.TensorDataset(plait.arange(5, device="cuda"), plait.arange(5.0))
    batches = list(plait.utils.data.DataLoader(data, batch_size=2))
    assert [b[0].tolist() for b in batches] == [[0, 1], [2, 3], [4]]
    assert batches[0][0].device.type == "cuda" and batches[0][1].is_cpu


def test_what_the_default_device_does_not_change(tmp_path):
    value = {"a": plait.arange(3.0), "empty": plait.zeros(0), "there": plait.ones(2, device="cuda")}
    with plait.device("cuda"):
        plait.save(value, tmp_path / "x.pt")
        loaded = plait.load(tmp_path / "x.pt")
        assert loaded["a"].is_cpu and loaded["empty"].is_cpu and loaded["there"].is_cuda
        assert plait.equal(loaded["a"], value["a"])
        plait.utils.safetensors.save_file({"a": value["a"]}, tmp_path / "x.safetensors")
        assert plait.equal(plait.utils.safetensors.load_file(tmp_path / "x.safetensors")["a"], value["a"])
        w = plait.nn.init.orthogonal_(plait.empty(3, 5, device="cpu"))
        assert w.is_cpu and plait.allclose(w @ w.mT, plait.eye(3, device="cpu"), atol=1e-5)
    w = plait.nn.init.sparse_(plait.empty(4, 3, device="cuda"), 0.5)
    assert (w == 0).sum(0).tolist() == [2, 2, 2]
    w = plait.nn.init.orthogonal_(plait.empty(5, 3, device="cuda"))
    assert plait.allclose(w.mT @ w, plait.eye(3, device="cuda"), atol=1e-5)


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


@needs_cuda
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


@needs_cuda
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


@needs_cuda
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
    # CUDA refuses its flag outside of captures.
    external = cuda.Event(external=True)
    external.record()
    side.wait_event(external)
    external.synchronize()
    assert external.query()


@needs_cuda
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


# ---- random numbers


@needs_cuda
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
    plait.manual_seed(3)
    assert plait.equal(plait.rand(4, device="cuda").cpu(), a)


# ---- processes


@needs_cuda
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


@needs_cuda
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


@needs_cuda
def test_accelerator():
    accelerator = plait.accelerator
    assert accelerator.is_available() and accelerator.device_count() == cuda.device_count()
    assert accelerator.current_accelerator() == plait.device("cuda")
    assert accelerator.current_device_index() == 0 and accelerator.current_stream() == cuda.current_stream()
    accelerator.synchronize()
    with accelerator.device_index(cuda.device_count() - 1):
        assert accelerator.current_device_index() == cuda.device_count() - 1
    assert accelerator.memory_allocated() == cuda.memory_allocated() and accelerator.get_memory_info()[1] > 0


@needs_cuda
def test_cudnn_is_asked_for():
    version = plait.backends.cudnn.version()
    assert version is None or version >= 90000
    assert plait.backends.cudnn.is_available() is (version is not None)
    assert plait.backends.cudnn.is_acceptable(plait.ones(1)) is False


# ---- other libraries


@needs_cuda
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


@needs_cuda
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


@needs_cuda
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
