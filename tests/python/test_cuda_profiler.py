"""Profiles, anomaly mode and hooks of saved tensors on a CUDA device."""

import json
from itertools import pairwise

import numpy as np
import plait
import pytest
from cuda_device import needs_cuda
from plait.profiler import DeviceType, ProfilerActivity, profile

pytestmark = needs_cuda
BOTH = [ProfilerActivity.CPU, ProfilerActivity.CUDA]


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


def test_without_the_activity_devices_are_not_timed():
    x = plait.ones(8, device="cuda")
    with profile(activities=[ProfilerActivity.CPU]) as prof:
        x.exp()
    assert [e.name for e in prof.events()] == ["exp"]
    with profile(activities=[ProfilerActivity.CUDA]) as prof:
        x.exp()
    assert [e.name for e in prof.events()] == ["exp [cuda:0]"]


def test_memory_of_the_device():
    with profile(activities=BOTH, profile_memory=True) as prof:
        x = plait.empty(1 << 20, device="cuda")
        del x
    events = prof.events()
    (empty,) = [e for e in events if e.name == "empty"]
    assert empty.self_device_memory_usage == 4 << 20
    assert sum(e.self_device_memory_usage for e in events) == 0
    assert "CUDA Mem" in prof.key_averages().table()


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
