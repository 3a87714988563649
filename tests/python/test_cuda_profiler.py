"""Profiles, anomaly mode and hooks of saved tensors on a CUDA device."""

import contextlib
import ctypes
import json
import os
import threading
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
import plait
import pytest
from cuda_device import EMULATED, IS_EMULATED, needs_cuda
from cuda_process import run_without
from plait.profiler import DeviceType, ProfilerActivity, _profile, profile, record_function

pytestmark = needs_cuda
BOTH = [ProfilerActivity.CPU, ProfilerActivity.CUDA]
emulated = pytest.mark.skipif(not IS_EMULATED, reason="asks the emulator for something")


def why_not_traced():
    """Empty where kernels can be traced."""
    recording = plait._C._Recording.begin(shapes=False, memory=False, stack=False, device=True)
    try:
        return recording.begin_trace()
    finally:
        recording.end()
        recording.abandon_trace()


@pytest.fixture
def traced():
    """Kernels are traced: the emulator's library can always be loaded."""
    reason = why_not_traced() if plait.cuda.is_available() else ""
    if "was not found" in reason and not IS_EMULATED:
        pytest.skip(reason)
    assert not reason


@pytest.fixture
def untraced():
    """Another thread holds the process's one trace."""
    begun, over = threading.Event(), threading.Event()

    def hold():
        recording = plait._C._Recording.begin(shapes=False, memory=False, stack=False, device=True)
        recording.begin_trace()
        begun.set()
        over.wait()
        recording.end()
        recording.abandon_trace()

    thread = threading.Thread(target=hold)
    thread.start()
    begun.wait()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "profile: kernels are not traced")
        yield
    over.set()
    thread.join()


def works(prof):
    """What the devices did."""
    return [e for e in prof.events() if e.device_type is DeviceType.CUDA]


def launcher(prof, work):
    """The event that a device's work was launched within, or None."""
    return next(
        (e for e in prof.events() if e.device_type is DeviceType.CPU and e.id == work._parent_id), None
    )


def path(event):
    """The names of an event and those around it, outermost first."""
    return [*path(event.cpu_parent), event.name] if event else []


# --- kernels ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("traced")
def test_kernels_are_events_of_the_op_that_launched_them(tmp_path):
    x = plait.ones(256, 256, device="cuda", requires_grad=True)
    (x * 2).exp().sum().backward()
    with profile(activities=BOTH) as prof:
        for _ in range(3):
            with record_function("loss"):
                loss = (x * 2).exp().sum()
            loss.backward()
    by_launcher = {}
    for work in works(prof):
        by_launcher.setdefault("/".join(path(launcher(prof, work))), []).append(work)
    counts = {place: len(found) for place, found in by_launcher.items()}
    assert counts["loss/mul"] == counts["loss/exp"] == counts["loss/sum"] == 3
    assert counts["ExpBackward0/mul"] == counts["MulBackward0/mul"] == counts["AccumulateGrad"] == 3
    assert counts[""] == 3 and sum(counts.values()) == 21  # the ones that a backward begins with are no op's
    exp = by_launcher["loss/exp"]
    assert {e.name.partition("<")[0] for e in exp} == {"vector_kernel"} and "exp" in exp[0].name.lower()
    assert not any("(" in e.name or "plait::" in e.name for e in works(prof))
    details = exp[0].details
    threads = np.prod(details["grid"]) * np.prod(details["block"])
    assert (
        threads * 16 >= 256 * 256 and details["block"][1:] == [1, 1] and details["registers per thread"] > 0
    )
    assert details["name"].startswith("void plait::cuda::") and len({e.id for e in works(prof)}) == len(
        works(prof)
    )

    # Times: a kernel runs after its op began, by one clock; kernels of a stream one after the other.
    ranges = [e.time_range for e in works(prof)]
    end = max(e.time_range.end for e in prof.events() if e.device_type is DeviceType.CPU)
    for work in works(prof):
        begin = launcher(prof, work).time_range.start if work._parent_id else 0
        assert begin - 100 <= work.time_range.start < work.time_range.end <= end + 1e6
    assert all(a.end <= b.start + 5 for a, b in pairwise(ranges))

    # Sums: an op's own kernels, and those of what is within.
    averages = {e.key: e for e in prof.key_averages()}
    own = sum(e.time_range.elapsed_us() for e in exp)
    assert averages["exp"].self_device_time_total == pytest.approx(own) == averages["exp"].device_time_total
    within = sum(
        e.time_range.elapsed_us() for place in ("mul", "exp", "sum") for e in by_launcher[f"loss/{place}"]
    )
    assert (
        averages["loss"].device_time_total == pytest.approx(within)
        and averages["loss"].self_device_time_total == 0
    )
    assert averages["ExpBackward0"].device_time_total > 0 == averages["ExpBackward0"].self_device_time_total
    kernels = [k for e in prof.events() if e.name == "exp" for k in e.kernels]
    assert [(k.name, k.device) for k in kernels] == [(e.name, 0) for e in exp]
    total = sum(r.elapsed_us() for r in ranges)
    assert sum(e.self_device_time_total for e in averages.values() if e.device_type is DeviceType.CUDA) == (
        pytest.approx(total)
    )
    no_op = sum(e.time_range.elapsed_us() for e in by_launcher[""])
    assert sum(e.self_device_time_total for e in averages.values() if e.device_type is DeviceType.CPU) == (
        pytest.approx(total - no_op)
    )
    table = prof.key_averages().table(sort_by="self_cuda_time_total", row_limit=-1)
    assert "Self CUDA %" in table and "Self CUDA time total" in table and "vector_kernel<" in table


@pytest.mark.usefixtures("traced")
def test_a_chrome_trace_has_rows_of_streams_and_arrows(tmp_path):
    x, side = plait.ones(1000, device="cuda"), plait.cuda.Stream()
    side.wait_stream(plait.cuda.current_stream())
    with profile(activities=BOTH) as prof:
        x.exp()
        with plait.cuda.stream(side):
            x.log()
        x.cpu()
    prof.export_chrome_trace(str(tmp_path / "trace.json"))
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    kernels = [e for e in events if e.get("cat") == "kernel"]
    (copy,) = [e for e in events if e.get("cat") == "gpu_memcpy"]
    assert copy["args"]["bytes"] == 4000 and copy["args"]["memory bandwidth (GB/s)"] > 0
    ops = {e["args"]["External id"]: e["name"] for e in events if e.get("cat") == "cpu_op"}
    assert [
        ops[e["args"]["External id"]] for e in sorted(kernels, key=lambda e: e["args"]["External id"])
    ] == ["exp", "log"]
    assert {e["pid"] for e in kernels} == {0} and len({e["tid"] for e in kernels}) == 2
    rows = {(e["pid"], e["tid"]): e["args"]["name"] for e in events if e["name"] == "thread_name"}
    for kernel in kernels:
        assert rows[0, kernel["tid"]] == f"stream {kernel['tid']}"
        assert {"grid", "block", "registers per thread", "shared memory", "correlation"} <= kernel[
            "args"
        ].keys()
    ends = {
        (e["pid"], e["tid"], e["ts"]): e["id"] for e in events if e.get("cat") == "ac2g" and e["ph"] == "f"
    }
    starts = {e["id"]: e for e in events if e.get("cat") == "ac2g" and e["ph"] == "s"}
    for work in (*kernels, copy):
        assert starts[ends[work["pid"], work["tid"], work["ts"]]]["pid"] == os.getpid()


@pytest.mark.usefixtures("traced")
def test_copies_and_fills_have_bytes():
    host, pinned = plait.ones(1000), plait.ones(500).pin_memory()
    x = plait.ones(1000, device="cuda")
    with profile(activities=BOTH) as prof:
        host.cuda()
        pinned.to("cuda", non_blocking=True)
        x.cpu()
        plait.cuda.synchronize()
    names = [(e.name, e.details["bytes"]) for e in works(prof)]
    assert ("Memcpy HtoD (Pageable -> Device)", 4000) in names
    assert ("Memcpy HtoD (Pinned -> Device)", 2000) in names
    assert ("Memcpy DtoH (Device -> Pageable)", 4000) in names
    assert {path(launcher(prof, e))[0] for e in works(prof)} == {"_to_device"}


@pytest.mark.usefixtures("traced")
@pytest.mark.skipif(plait.cuda.device_count() < 2, reason="needs two devices")
def test_several_devices():
    x = [plait.ones(100, device=f"cuda:{i}") for i in range(2)]
    with profile(activities=BOTH) as prof:
        for tensor in x:
            tensor.exp()
        x[0].to("cuda:1")
    # Two devices work at the same time: either may be the first.
    assert sorted(e.device_index for e in works(prof) if launcher(prof, e).name == "exp") == [0, 1]
    assert "Memcpy PtoP (Device -> Device)" in [e.name for e in works(prof)]


@pytest.mark.usefixtures("traced")
def test_the_kernels_of_replays_are_seen():
    x = plait.ones(8, device="cuda")
    graph = plait.cuda.CUDAGraph()
    x.exp().log()
    with profile(activities=BOTH) as prof:
        with plait.cuda.graph(graph):
            y = x.exp().log()
        assert graph is not None
        with record_function("replays"):
            graph.replay()
            graph.replay()
    np.testing.assert_allclose(y.cpu().numpy(), np.ones(8), rtol=1e-6)
    found = [e for e in works(prof) if "graph" in e.details]
    assert len(found) == 4  # a capture launches nothing
    assert {"/".join(path(launcher(prof, e))) for e in found} == {"replays/CUDAGraph.replay"}
    assert (
        len({e.details["correlation"] for e in found}) == 2 and len({e.details["graph"] for e in found}) == 1
    )
    (replay,) = [e for e in prof.key_averages() if e.key == "CUDAGraph.replay"]
    assert replay.count == 2
    assert replay.self_device_time_total == pytest.approx(sum(e.time_range.elapsed_us() for e in found))


@pytest.mark.usefixtures("traced")
def test_a_graph_from_before_the_profile_is_seen():
    x = plait.ones(8, device="cuda")
    x.exp()
    graph = plait.cuda.CUDAGraph()
    with plait.cuda.graph(graph):
        x.exp()
    with profile(activities=BOTH) as prof:
        graph.replay()
    assert [launcher(prof, e).name for e in works(prof)] == ["CUDAGraph.replay"]


@pytest.mark.usefixtures("traced")
def test_other_threads_and_no_op_at_all():
    x = plait.ones(64, device="cuda")
    config = plait.profiler._ExperimentalConfig(profile_all_threads=True)
    with profile(activities=BOTH, experimental_config=config) as prof:
        for _ in range(3):
            thread = threading.Thread(target=lambda: x.exp())
            thread.start()
            thread.join()
    assert [launcher(prof, e).name for e in works(prof)] == ["exp"] * 3
    assert len({launcher(prof, e).thread for e in works(prof)}) == 3
    with profile(
        activities=BOTH
    ) as prof:  # a thread that is not recorded: its kernels are the device's all the same
        thread = threading.Thread(target=lambda: x.exp())
        thread.start()
        thread.join()
    (work,) = works(prof)
    assert work._parent_id == 0 and [e for e in prof.events() if e.device_type is DeviceType.CPU] == []


@pytest.mark.usefixtures("traced")
def test_what_was_launched_before_and_after_is_not_seen():
    x = plait.ones(1000, device="cuda")
    x.exp()  # perhaps not begun when the profile begins
    with profile(
        activities=BOTH, schedule=plait.profiler.schedule(wait=1, warmup=1, active=2, repeat=1)
    ) as prof:
        for _ in range(6):
            x.log()
            prof.step()
    x.exp()
    found = works(prof)
    assert [launcher(prof, e).name for e in found] == ["log", "log"]
    assert [path(launcher(prof, e))[0] for e in found] == ["ProfilerStep#2", "ProfilerStep#3"]


@pytest.mark.usefixtures("traced")
def test_a_profile_within_a_profile_is_refused():
    x = plait.ones(8, device="cuda")
    with profile(activities=BOTH) as prof:
        with pytest.raises(RuntimeError, match="being profiled already"), profile(activities=BOTH):
            pass
        x.exp()
    assert [launcher(prof, e).name for e in works(prof)] == ["exp"]


@pytest.mark.usefixtures("traced")
def test_a_forked_child_harms_nothing():
    """As the workers of a DataLoader: it inherits the recording, and may not call CUPTI."""
    x = plait.ones(8, device="cuda")
    with profile(activities=BOTH) as prof:
        x.exp()
        child = os.fork()
        if child == 0:
            status = 1
            with contextlib.suppress(BaseException):
                status = int(plait.ones(4).sum().item() != 4)
                prof.stop()
            os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        x.log()
    assert [launcher(prof, e).name for e in works(prof)] == ["exp", "log"]


@emulated
@pytest.mark.usefixtures("traced")
def test_many_buffers_and_many_streams(monkeypatch):
    """Buffers of three records; streams whose order a seed decides."""
    monkeypatch.setenv("PLAIT_CUPTI_EMULATOR_RECORDS", "3")
    x = plait.ones(100, device="cuda")
    streams = [plait.cuda.Stream() for _ in range(4)]
    plait.cuda.synchronize()
    with profile(activities=BOTH) as prof:
        for i in range(40):
            with plait.cuda.stream(streams[i % 4]):
                x.exp()
    found = works(prof)
    assert len(found) == 40 and {launcher(prof, e).name for e in found} == {"exp"}
    assert (
        sorted(
            len([e for e in found if e.device_resource_id == s])
            for s in {e.device_resource_id for e in found}
        )
        == [10] * 4
    )
    starts = [e.time_range.start for e in found]
    assert starts == sorted(starts)


@emulated
@pytest.mark.usefixtures("traced")
def test_profiles_end_what_they_began():
    cupti = ctypes.CDLL(str(EMULATED.parent / "libplait_cupti_emulated.so"))
    x = plait.ones(8, device="cuda")
    with profile(activities=BOTH):
        assert cupti.plait_emulator_cupti_active()
    assert not cupti.plait_emulator_cupti_active()
    with pytest.raises(ZeroDivisionError), profile(activities=BOTH):
        x.exp()
        raise ZeroDivisionError
    assert not cupti.plait_emulator_cupti_active()
    left = profile(activities=BOTH)
    left.start()
    left._session._stop()
    del left
    assert not cupti.plait_emulator_cupti_active()
    stack = contextlib.ExitStack()
    graph = plait.cuda.CUDAGraph()
    with pytest.warns(UserWarning, match="a graph is being captured"), profile(activities=BOTH):
        stack.enter_context(plait.cuda.graph(graph))
        x.exp()
    stack.close()  # the capture is as good as before
    graph.replay()
    plait.cuda.synchronize()


# --- where kernels cannot be traced: events around the ops --------------------------------------------------------


@pytest.mark.usefixtures("untraced")
def test_the_devices_work_is_shown_by_op(tmp_path):
    x = plait.ones(256, 256, device="cuda", requires_grad=True)
    (x * 2).sum().backward()
    with profile(activities=BOTH, record_shapes=True) as prof:
        for _ in range(3):
            (x * 2).exp().sum().backward()
    averages = {e.key: e for e in prof.key_averages()}
    assert averages["exp"].count == averages["exp [cuda:0]"].count == 3
    assert averages["exp [cuda:0]"].device_type is DeviceType.CUDA
    device = averages["exp [cuda:0]"].self_device_time_total
    assert device > 0 and averages["exp [cuda:0]"].self_cpu_time_total == 0
    assert averages["exp"].self_device_time_total == pytest.approx(device)
    # The derivative's time is that of the op within it.
    assert averages["ExpBackward0"].device_time_total > 0 == averages["ExpBackward0"].self_device_time_total
    kernels = [k for e in prof.events() if e.name == "exp" for k in e.kernels]
    assert len(kernels) == 3 and {k.device for k in kernels} == {0}
    works = [e.time_range for e in prof.events() if e.device_type is DeviceType.CUDA]
    works.sort(key=lambda r: r.start)
    # One stream: one after the other, by a clock in milliseconds of float32.
    assert all(a.end <= b.start + 1 for a, b in pairwise(works))
    table = prof.key_averages().table(sort_by="self_cuda_time_total", row_limit=5)
    assert "Self CUDA %" in table and "Self CUDA time total" in table
    prof.export_chrome_trace(str(tmp_path / "trace.json"))
    document = json.loads((tmp_path / "trace.json").read_text())
    rows = [e for e in document["traceEvents"] if e.get("cat") == "kernel"]
    assert len(rows) == len(works) and {e["pid"] for e in rows} == {0}


@pytest.mark.usefixtures("untraced")
def test_without_the_activity_devices_are_not_timed():
    x = plait.ones(8, device="cuda")
    with profile(activities=[ProfilerActivity.CPU]) as prof:
        x.exp()
    assert [e.name for e in prof.events()] == ["exp"]
    with profile(activities=[ProfilerActivity.CUDA]) as prof:
        x.exp()
    assert [e.name for e in prof.events()] == ["exp [cuda:0]"]


@pytest.mark.usefixtures("untraced")
def test_captured_graphs_are_not_timed():
    x = plait.ones(8, device="cuda")
    graph = plait.cuda.CUDAGraph()
    x.exp()
    with profile(activities=BOTH) as prof:
        with plait.cuda.graph(graph):
            y = x.exp()
        graph.replay()
    plait.cuda.synchronize()
    np.testing.assert_allclose(y.cpu().numpy(), np.exp(np.ones(8)), rtol=1e-6)
    assert not [e for e in prof.events() if e.name == "exp [cuda:0]"]


@emulated
@pytest.mark.parametrize(
    ("call", "nth", "error"),
    [("cuptiSubscribe", 1, 39), ("cuptiSubscribe", 1, 15), ("cuptiActivityRegisterCallbacks", 1, 999)]
    + [("cuptiGetTimestamp", 3, 999), ("cuptiActivityEnable", 1, 35), ("cuptiActivityEnable", 4, 14)],
)
def test_where_cupti_refuses_ops_are_timed_and_it_is_said_once(monkeypatch, call, nth, error):
    monkeypatch.setattr(_profile, "_said", set())
    control = ctypes.CDLL(str(EMULATED.parent / "libplait_cudart_emulated.so"))
    cupti = ctypes.CDLL(str(EMULATED.parent / "libplait_cupti_emulated.so"))
    x = plait.ones(8, device="cuda")
    said = []
    for _ in range(2):
        assert control.plait_emulator_fail_after(call.encode(), nth, error) == 0
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            with profile(activities=BOTH) as prof:
                x.exp()
        said += found
        assert [e.name for e in works(prof)] == ["exp [cuda:0]"]
        assert not cupti.plait_emulator_cupti_active()
    (warning,) = said
    assert f"{call} failed: CUPTI_ERROR_" in str(warning.message) and "\n" not in str(warning.message)
    assert Path(warning.filename).name == "test_cuda_profiler.py"
    assert ("Nsight" in str(warning.message)) == (error == 39)
    with profile(activities=BOTH) as prof:  # and then it does not
        x.exp()
    assert [launcher(prof, e).name for e in works(prof)] == ["exp"] and "exp [cuda:0]" not in works(prof)[
        0
    ].name


@emulated
@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize(
    "call", ["cuptiActivityFlushAll", "cuptiActivityDisable", "cuptiActivityGetNextRecord"]
)
def test_what_fails_at_the_end_is_said(call):
    control = ctypes.CDLL(str(EMULATED.parent / "libplait_cudart_emulated.so"))
    x = plait.ones(8, device="cuda")
    with pytest.warns(UserWarning, match=rf"not all is known: {call} failed"), profile(activities=BOTH):
        x.exp()
        assert control.plait_emulator_fail_after(call.encode(), 1, 999) == 0
    if call == "cuptiActivityDisable":  # it was called for a kind that is enabled still
        cupti = ctypes.CDLL(str(EMULATED.parent / "libplait_cupti_emulated.so"))
        for kind in range(1, 50):
            cupti.cuptiActivityDisable(kind)
        cupti.plait_emulator_cupti_occupy(0)


@emulated
@pytest.mark.usefixtures("traced")
def test_a_device_that_fails_ends_the_profile_all_the_same():
    control = ctypes.CDLL(str(EMULATED.parent / "libplait_cudart_emulated.so"))
    x = plait.ones(8, device="cuda")
    with pytest.warns(UserWarning, match=r"CUDA error 999 .*cudaDeviceSynchronize"), profile(activities=BOTH):
        x.exp()
        assert control.plait_emulator_fail_after(b"cudaDeviceSynchronize", 1, 999) == 0
    with profile(activities=BOTH) as prof:
        x.exp()
    assert "exp" in [launcher(prof, e).name for e in works(prof) if e._parent_id]


WITHOUT_CUPTI = """
import warnings, plait
from plait.profiler import ProfilerActivity, profile
assert plait._C._cuda.library_version("cupti") == 0
x = plait.ones(8, device="cuda")
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    with profile(activities=[ProfilerActivity.CUDA]) as prof:
        x.exp()
    print(len(said), said[0].message, [e.name for e in prof.events()])
"""


@emulated
def test_without_cupti(tmp_path):
    said = run_without("cupti", WITHOUT_CUPTI, tmp_path)
    assert said.startswith("1 profile: kernels are not traced") and "pip install nvidia-cuda-cupti" in said
    assert said.endswith("['exp [cuda:0]']")


# --- memory, anomalies, saved tensors ------------------------------------------------------------------------------


def test_memory_of_the_device():
    with profile(activities=BOTH, profile_memory=True) as prof:
        x = plait.empty(1 << 20, device="cuda")
        del x
    events = prof.events()
    (empty,) = [e for e in events if e.name == "empty"]
    assert empty.self_device_memory_usage == 4 << 20
    assert sum(e.self_device_memory_usage for e in events) == 0
    assert "CUDA Mem" in prof.key_averages().table()


def test_anomaly_mode():
    x = plait.tensor([1.0, 0.0], device="cuda", requires_grad=True)
    with (
        plait.autograd.detect_anomaly(),
        pytest.raises(RuntimeError, match=r"SqrtBackward0.*index \(1") as caught,
    ):
        (x.sqrt() * 0).sum().backward()
    assert "in test_anomaly_mode" in str(caught.value)


@pytest.mark.parametrize("pin", [False, True])
def test_save_on_cpu(pin):
    x = plait.rand(64, 64, device="cuda", requires_grad=True)

    def loss():
        return (x @ x).exp().log().sum()

    (expected,) = plait.autograd.grad(loss(), x)
    before = plait.cuda.memory_allocated()
    y = loss()
    plain = plait.cuda.memory_allocated() - before
    del y
    with plait.autograd.graph.save_on_cpu(pin_memory=pin):
        y = loss()
    assert plait.cuda.memory_allocated() - before < plain
    (found,) = plait.autograd.grad(y, x)
    np.testing.assert_array_equal(found.cpu().numpy(), expected.cpu().numpy())
