"""Profiles: which ops, how often, within which others, when, with what memory; schedules; files."""

import gc
import gzip
import json
import threading
import time
import weakref

import plait
import pytest
from plait.profiler import (
    DeviceType,
    ProfilerAction,
    ProfilerActivity,
    profile,
    record_function,
    schedule,
    tensorboard_trace_handler,
)
from plait.profiler import _ExperimentalConfig as Config

CPU = [ProfilerActivity.CPU]


def counts(prof, *keys):
    found = {e.key: e.count for e in prof.key_averages()}
    return {k: found.get(k, 0) for k in keys} if keys else found


def named(prof, name):
    return [e for e in prof.events() if e.name == name]


def test_ops_are_counted():
    x = plait.ones(4, 4)
    with profile(activities=CPU) as prof:
        for _ in range(3):
            y = x @ x
            y = y + 1
        y.mul_(2)
        plait.add(x, x, out=y)
    assert counts(prof) == {"matmul": 3, "add": 4, "mul_": 1}
    x.exp()  # after the profile
    assert "exp" not in counts(prof)


def test_derivatives_are_counted_and_linked_to_their_op():
    x = plait.ones(3, requires_grad=True)
    with profile(activities=CPU) as prof:
        y = x * 2
        z = y.exp()
        z.sum().backward()
    found = counts(prof)
    for key in ("mul", "exp", "sum", "MulBackward0", "ExpBackward0", "SumBackward0", "AccumulateGrad"):
        assert found[key] >= 1, key
    for op, derivative in (("exp", "ExpBackward0"), ("sum", "SumBackward0")):
        (forward,), (backward,) = named(prof, op), named(prof, derivative)
        assert forward.sequence_nr == backward.sequence_nr > 0
        assert backward.fwd_thread == forward.thread
        assert forward.time_range.end <= backward.time_range.start
    # What a derivative calls is within it.
    (backward,) = named(prof, "ExpBackward0")
    assert [c.name for c in backward.cpu_children] == ["mul"]
    assert backward.cpu_children[0].cpu_parent is backward


def test_the_tree_of_a_composite_and_self_times():
    x = plait.ones(2, 3)
    with profile(activities=CPU) as prof, record_function("outer"), record_function("inner"):
        plait.outer(x[0], x[1])
    (outer,), (inner,) = named(prof, "outer")[:1], named(prof, "inner")
    assert outer.is_user_annotation and outer.cpu_parent is None
    assert inner.cpu_parent is outer
    assert {c.name for c in inner.cpu_children} >= {"outer"}
    for event in prof.events():
        inside = sum(c.cpu_time_total for c in event.cpu_children)
        assert 0 <= inside <= event.cpu_time_total + 1e-6
        assert event.self_cpu_time_total == pytest.approx(event.cpu_time_total - inside)
        for child in event.cpu_children:
            assert event.time_range.start <= child.time_range.start
            assert child.time_range.end <= event.time_range.end


def test_an_op_is_one_event_however_many_layers_it_goes_through():
    x = plait.ones(2, requires_grad=True)
    with profile(activities=CPU) as prof:
        x * 3  # autograd
        with plait.no_grad():
            x * 3
        with plait.autocast("cpu"):
            x * 3
        with plait.inference_mode():
            x * 3
    assert counts(prof, "mul") == {"mul": 4}


def test_autocast_keeps_recording_what_an_op_calls():
    x = plait.ones(4, 4)
    with profile(activities=CPU) as prof, plait.autocast("cpu", dtype=plait.bfloat16):
        y = x @ x
    assert y.dtype == plait.bfloat16
    found = counts(prof)
    assert found["matmul"] == 1 and found["_convert"] >= 1


def test_times_are_within_the_wall_time():
    x = plait.rand(200, 200)
    begin = time.perf_counter()
    with profile(activities=CPU) as prof:
        for _ in range(20):
            x @ x
        with record_function("sleep"):
            time.sleep(0.02)
    wall = 1e6 * (time.perf_counter() - begin)
    events = prof.events()
    assert 20_000 <= named(prof, "sleep")[0].cpu_time_total <= wall
    assert 20_000 <= events.self_cpu_time_total <= wall
    assert prof.self_cpu_time_total == events.self_cpu_time_total
    assert all(0 <= e.time_range.start <= e.time_range.end <= wall for e in events)
    assert events.total_average().count == len(events) == 21
    starts = [e.time_range.start for e in events]
    assert starts == sorted(starts)


def test_shapes_and_groups_by_them():
    a, b = plait.ones(2, 3), plait.ones(3, 4)
    with profile(activities=CPU, record_shapes=True) as prof:
        a @ b
        a @ b
        b.t() @ plait.ones(3, 1)
        plait.cat([a, a], 1)
    shapes = [e.input_shapes for e in named(prof, "matmul")]
    assert shapes == [[[2, 3], [3, 4]], [[2, 3], [3, 4]], [[4, 3], [3, 1]]]
    (cat,) = named(prof, "cat")
    assert cat.input_shapes == [[[2, 3], [2, 3]], []] and cat.concrete_inputs == [[], [1]]
    groups = prof.key_averages(group_by_input_shape=True)
    assert sorted(e.count for e in groups if e.key == "matmul") == [1, 2]
    assert [e.count for e in prof.key_averages() if e.key == "matmul"] == [3]
    assert "[[2, 3], [3, 4]]" in groups.table()


def test_shapes_are_no_references():
    x = plait.ones(100)
    with profile(activities=CPU, record_shapes=True, with_stack=True) as prof:
        y = x * 2
    reference = weakref.ref(y)
    del y
    gc.collect()
    assert reference() is None
    assert named(prof, "mul")[0].input_shapes[0] == [100]


def test_memory():
    with profile(activities=CPU, profile_memory=True) as prof:
        with record_function("keep"):
            kept = plait.empty(1000, 1000)
        with record_function("drop"):
            plait.empty(1000, 1000).fill_(1)
        del kept
    (keep,), (drop,) = named(prof, "keep"), named(prof, "drop")
    assert 4_000_000 <= keep.cpu_memory_usage < 5_000_000
    assert keep.self_cpu_memory_usage == 0  # `empty` within it allocated
    assert named(prof, "empty")[0].self_cpu_memory_usage == keep.cpu_memory_usage
    assert drop.cpu_memory_usage == 0 and drop.self_cpu_memory_usage < 0
    (freed,) = named(prof, "[memory]")  # outside of any op
    assert freed.cpu_memory_usage == -keep.cpu_memory_usage
    assert sum(e.self_cpu_memory_usage for e in prof.events()) == 0
    table = prof.key_averages().table(sort_by="self_cpu_memory_usage")
    assert "Self CPU Mem" in table and " MB" in table
    assert "Self CPU Mem" not in profiled_table()


def profiled_table():
    with profile(activities=CPU) as prof:
        plait.ones(2)
    return prof.key_averages().table()


def fully(x):
    return x.sin()


def test_stacks(tmp_path):
    x = plait.ones(20000, requires_grad=True)
    with profile(activities=CPU, with_stack=True) as prof:
        y = fully(x)
        y.sum().backward()
    (sin,) = named(prof, "sin")
    line = fully.__code__.co_firstlineno + 1
    assert sin.stack[0].endswith(f"test_profiler.py({line}): fully")
    assert any("test_stacks" in entry for entry in sin.stack)
    assert named(prof, "SinBackward0")[0].stack == sin.stack
    groups = prof.key_averages(group_by_stack_n=1)
    assert any(e.key == "sin" and e.stack == sin.stack[:1] for e in groups)
    assert "fully" in groups.table()
    path = tmp_path / "stacks"
    prof.export_stacks(str(path), "self_cpu_time_total")
    lines = path.read_text().splitlines()
    assert lines and all(text.rpartition(" ")[2].isdigit() for text in lines)
    assert any("_fully " in text for text in lines)
    with pytest.raises(ValueError, match="metric"):
        prof.events().export_stacks(str(path), "cpu")
    with profile(activities=CPU) as without:
        fully(x)
    with pytest.raises(RuntimeError, match="with_stack"):
        without.export_stacks(str(path))


def test_flops():
    a, b = plait.ones(2, 3), plait.ones(3, 4)
    image, kernel = plait.ones(2, 3, 8, 8), plait.ones(5, 3, 3, 3)
    with profile(activities=CPU, with_flops=True) as prof:
        a @ b
        plait.bmm(plait.ones(6, 2, 3), plait.ones(6, 3, 4))
        plait.nn.functional.linear(a, plait.ones(7, 3))
        plait.nn.functional.conv2d(image, kernel, padding=1, stride=2)
        a * a
        a * 2
    flops = {e.key: e.flops for e in prof.key_averages()}
    assert flops["matmul"] == 2 * 2 * 3 * 4
    assert flops["bmm"] == 6 * 2 * 2 * 3 * 4
    assert flops["linear"] == 2 * 2 * 3 * 7
    assert flops["_conv"] == 2 * 2 * 5 * 4 * 4 * 3 * 3 * 3
    assert flops["mul"] == 6 + 6
    assert "MFLOPs" in prof.key_averages().table()
    image.requires_grad_()
    kernel.requires_grad_()
    y = plait.nn.functional.conv2d(image, kernel)
    with profile(activities=CPU, with_flops=True) as prof:
        y.sum().backward()
    flops = {e.key: e.flops for e in prof.key_averages()}
    assert flops["_conv_input_grad"] == flops["_conv_weight_grad"] == 2 * 2 * 5 * 6 * 6 * 27


def test_tables():
    with profile(activities=CPU, record_shapes=True) as prof:
        x = plait.ones(64, 64)
        for _ in range(5):
            x = x @ x * 0
        with record_function("a name that is longer than any column of a table ought to be " * 2):
            x.exp()
    averages = prof.key_averages()
    rows = averages.table(sort_by="count", row_limit=2).splitlines()
    assert rows[3].split()[0] in ("matmul", "mul") and rows[4].split()[0] in ("matmul", "mul")
    assert rows[5].startswith("--")
    assert rows[-1].startswith("Self CPU time total: ")
    assert len(averages.table(row_limit=-1).splitlines()) == len(averages) + 5
    assert averages.table(header="HEAD").splitlines()[1] == "HEAD"
    assert "..." in averages.table() and "..." not in averages.table(
        max_name_column_width=None, max_shapes_column_width=None
    )
    cells = averages.table(time_unit="s").splitlines()[3].split()
    assert [c[-1] + c[-2].isdigit() * "0" for c in (cells[2], cells[4])] == ["s0", "s0"]
    top = prof.events().table(top_level_events_only=True)
    assert "exp" not in [line.split()[0] for line in top.splitlines()]
    for key in ("cpu_time", "cpu_time_total", "self_cpu_time_total", "count", "cuda_time_total", "flops"):
        lines = averages.table(sort_by=key, max_name_column_width=None).splitlines()[3:-2]
        values = {e.key: getattr(e, key) for e in averages}
        found = [next(v for k, v in values.items() if line.startswith(k.strip())) for line in lines]
        assert found == sorted(values.values(), reverse=True), key
    with pytest.raises(ValueError, match="sort_by"):
        averages.table(sort_by="speed")
    with pytest.raises(ValueError, match="time_unit"):
        averages.table(time_unit="h")
    with profile(activities=CPU) as empty:
        pass
    assert empty.key_averages().table() == "" and len(empty.events()) == 0


def valid_trace(document):
    """The rules of the Trace Event Format that the viewers rely on."""
    for event in document["traceEvents"]:
        assert event["ph"] in "XMsfi" and isinstance(event["name"], str)
        assert "pid" in event and "tid" in event and event["ts"] >= 0
        if event["ph"] == "X":
            assert event["dur"] >= 0
    starts = {e["id"] for e in document["traceEvents"] if e["ph"] == "s"}
    ends = {e["id"] for e in document["traceEvents"] if e["ph"] == "f"}
    assert starts == ends
    return starts


@pytest.mark.parametrize("suffix", ["json", "json.gz"])
def test_chrome_traces(tmp_path, suffix):
    x = plait.ones(3, requires_grad=True)
    with (
        profile(activities=CPU, record_shapes=True, profile_memory=True) as prof,
        record_function('a "name"\n'),
    ):
        x.exp().sum().backward()
    prof.add_metadata("run", "seven")
    prof.add_metadata_json("numbers", "[1, 2]")
    path = tmp_path / f"trace.{suffix}"
    prof.export_chrome_trace(str(path))
    raw = path.read_bytes()
    document = json.loads(gzip.decompress(raw) if suffix.endswith("gz") else raw)
    assert document["run"] == "seven" and document["numbers"] == [1, 2]
    assert len(valid_trace(document)) == 2  # arrows of exp and sum to their derivatives
    by_name = {e["name"]: e for e in document["traceEvents"]}
    assert by_name["exp"]["args"]["Input Dims"] == [[3]]
    assert by_name["exp"]["args"]["Sequence number"] == by_name["ExpBackward0"]["args"]["Sequence number"]
    assert by_name['a "name"\n']["cat"] == "user_annotation"
    assert by_name["[memory]"]["args"]["Total Allocated"] >= 0
    assert by_name["exp"]["tid"] == threading.get_native_id()


def test_schedules():
    action = schedule(skip_first=2, wait=1, warmup=1, active=2, repeat=2)
    names = [action(i).name for i in range(12)]
    cycle = ["NONE", "WARMUP", "RECORD", "RECORD_AND_SAVE"]
    assert names == ["NONE"] * 2 + cycle * 2 + ["NONE"] * 2
    forever = schedule(wait=0, warmup=0, active=1)
    assert {forever(i) for i in range(5)} == {ProfilerAction.RECORD_AND_SAVE}
    early = schedule(wait=5, warmup=1, active=1, skip_first=1, skip_first_wait=1)
    assert [early(i).name for i in range(4)] == ["NONE", "WARMUP", "RECORD_AND_SAVE", "NONE"]
    for bad in ({"wait": -1}, {"warmup": -1}, {"active": 0}, {"repeat": -1}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            schedule(**{"wait": 0, "warmup": 0, "active": 1, **bad})


def test_a_scheduled_profile():
    traces = []
    x = plait.ones(2)
    with profile(
        activities=CPU,
        schedule=schedule(wait=1, warmup=1, active=2, repeat=2),
        on_trace_ready=lambda p: traces.append((p.step_num, counts(p))),
    ) as prof:
        for step in range(10):
            for _ in range(step + 1):
                x + 1
            prof.step()
    # Steps 2, 3 and 6, 7 are kept.
    assert [t[1]["add"] for t in traces] == [3 + 4, 7 + 8]
    assert [t[0] for t in traces] == [4, 8]
    assert traces[0][1]["ProfilerStep#2"] == traces[0][1]["ProfilerStep#3"] == 1
    assert sum(key.startswith("ProfilerStep") for key in traces[0][1]) == 2
    assert counts(prof, "add") == {"add": 15}  # the last trace


def test_accumulated_events_and_generators_as_schedules():
    def actions():
        yield ProfilerAction.NONE
        while True:
            yield ProfilerAction.RECORD_AND_SAVE

    generator = actions()
    x = plait.ones(2)
    with profile(activities=CPU, schedule=lambda step: next(generator), acc_events=True) as prof:
        for _ in range(4):
            x + 1
            prof.step()
    assert counts(prof, "add") == {"add": 3}
    with pytest.raises(RuntimeError, match="outside of the profile"):
        prof.step()


def test_tensorboard_files(tmp_path):
    handler = tensorboard_trace_handler(str(tmp_path / "log"), worker_name="w", use_gzip=True)
    with profile(
        activities=CPU, schedule=schedule(wait=0, warmup=0, active=1), on_trace_ready=handler
    ) as prof:
        for _ in range(3):
            plait.ones(2)
            prof.step()
    files = sorted((tmp_path / "log").iterdir())
    assert len(files) == 4  # the fourth step began and was ended by the block
    assert all(f.name.startswith("w.") and f.name.endswith(".pt.trace.json.gz") for f in files)
    for f in files:
        valid_trace(json.loads(gzip.decompress(f.read_bytes())))


def test_optimizer_steps_have_a_name():
    model = plait.nn.Linear(3, 2)
    opt = plait.optim.SGD(model.parameters(), lr=0.1)
    model(plait.ones(1, 3)).sum().backward()
    with profile(activities=CPU) as prof:
        opt.step()
    assert counts(prof, "Optimizer.step#SGD.step") == {"Optimizer.step#SGD.step": 1}
    from plait.optim import optimizer

    assert not optimizer._global_pre_hooks and not optimizer._global_post_hooks


def test_other_threads_are_left_alone_unless_asked_for():
    x = plait.ones(2, requires_grad=True)

    def work():
        for _ in range(5):
            (x * 2).sum().backward()

    def run():
        threads = [threading.Thread(target=work) for _ in range(3)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()

    with profile(activities=CPU) as prof:
        x + 1
        run()
    assert counts(prof, "add", "mul")["mul"] == 0
    with profile(activities=CPU, experimental_config=Config(profile_all_threads=True)) as prof:
        x + 1
        run()
    events = named(prof, "MulBackward0")
    assert len(events) == 15 and len({e.thread for e in events}) == 3
    assert threading.get_native_id() not in {e.thread for e in events}
    assert threading.getprofile() is None
    # A link between forward and backward stays within a thread.
    assert all(e.fwd_thread == e.thread for e in events)


def test_a_thread_that_goes_on_after_the_profile():
    go, stop = threading.Event(), threading.Event()
    x = plait.ones(2)

    def work():
        x * 2
        go.set()
        while not stop.is_set():
            x * 3

    with profile(activities=CPU, experimental_config=Config(profile_all_threads=True)) as prof:
        thread = threading.Thread(target=work)
        thread.start()
        go.wait()
    before = counts(prof, "mul")["mul"]
    assert before >= 1
    time.sleep(0.01)
    stop.set()
    thread.join()
    assert counts(prof, "mul")["mul"] == before


def test_two_threads_with_a_profile_each():
    results = {}

    def work(name, times):
        with profile(activities=CPU) as prof:
            for _ in range(times):
                plait.ones(2) + 1
        results[name] = counts(prof, "add")["add"]

    threads = [threading.Thread(target=work, args=(n, 10 * n)) for n in range(1, 5)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == {n: 10 * n for n in range(1, 5)}


def test_a_profile_within_a_profile_is_refused_and_harms_nothing():
    x = plait.ones(2)
    with profile(activities=CPU) as prof:
        x + 1
        inner = profile(activities=CPU)
        with pytest.raises(RuntimeError, match="profiled already"):
            inner.start()
        inner.stop()
        x + 1
    assert counts(prof, "add") == {"add": 2}
    with profile(activities=CPU) as prof:
        with pytest.raises(RuntimeError, match="started already"):
            prof.start()
        x + 1
    assert counts(prof, "add") == {"add": 1}


def test_exceptions_in_the_middle():
    x = plait.ones(2)
    with pytest.raises(ZeroDivisionError), profile(activities=CPU) as prof:
        with record_function("range"):
            x + 1
            raise ZeroDivisionError
    assert counts(prof) == {"range": 1, "add": 1}
    with profile(activities=CPU) as prof:
        for _ in range(2):
            with pytest.raises(ValueError, match="matmul"):
                plait.ones(2, 3) @ plait.ones(2, 3)
        x + 1
    assert counts(prof)["matmul"] == 2
    assert named(prof, "add")[0].cpu_parent is None  # what raised has been ended
    assert not plait._C._is_profiling()


def test_ranges_that_are_not_nested_or_never_ended():
    with profile(activities=CPU) as prof:
        a, b = record_function("a"), record_function("b")
        a.__enter__()
        b.__enter__()
        a.__exit__(None, None, None)  # ends b, too
        b.__exit__(None, None, None)
        plait.ones(1)
        record_function("open").__enter__()
        plait.ones(1)
    assert counts(prof) == {"a": 1, "b": 1, "ones": 2, "open": 1}
    assert [e.cpu_parent and e.cpu_parent.name for e in named(prof, "ones")] == [None, "open"]
    left = record_function("left")
    with profile(activities=CPU):
        left.__enter__()
    left.__exit__(None, None, None)  # after its profile
    with record_function("no profile"):
        pass
    with pytest.raises(TypeError, match="str"):
        record_function(3)


def test_ranges_as_decorators():
    @record_function("f")
    def f(n):
        return f(n - 1) if n else plait.ones(1)

    with profile(activities=CPU) as prof:
        f(2)
    assert counts(prof) == {"f": 3, "ones": 1}
    assert f.__name__ == "f"


def test_stopping_within_a_hook_of_backward():
    x = plait.ones(2, requires_grad=True)
    y = x * 2
    prof = profile(activities=CPU)
    y.register_hook(lambda g: prof.stop())
    prof.start()
    y.sum().backward()
    assert "SumBackward0" in counts(prof)
    assert x.grad.tolist() == [2, 2]
    assert (x + 1).tolist() == [2, 2] and not plait._C._is_profiling()
    # And started in one: the rest of the backward, and what comes after, is as it was.
    y = x * 2
    prof = profile(activities=CPU)
    y.register_hook(lambda g: prof.start())
    y.sum().backward()
    prof.stop()
    x + 1
    assert not plait._C._is_profiling()


def test_profiles_and_hooks_leak_nothing():
    gc.collect()

    def once():
        with profile(activities=CPU, record_shapes=True, with_stack=True, profile_memory=True) as prof:
            x = plait.ones(10, requires_grad=True)
            (x * 2).sum().backward()
        return weakref.ref(prof._finished[0][0]), weakref.ref(x)

    for event, tensor in [once() for _ in range(3)]:
        gc.collect()
        assert event() is None and tensor() is None


def test_python_ops_and_custom_functions():
    @plait.library.custom_op("profiled::twice", mutates_args=())
    def twice(x: plait.Tensor) -> plait.Tensor:
        return x * 2

    class Triple(plait.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 3

        @staticmethod
        def backward(ctx, g):
            return g * 3

    x = plait.ones(2, requires_grad=True)
    with profile(activities=CPU) as prof:
        twice(plait.ones(2))
        Triple.apply(x).sum().backward()
    found = counts(prof)
    assert found["profiled::twice"] == 1 and found["TripleBackward"] == 1
    (op,) = named(prof, "profiled::twice")
    assert "mul" in [c.name for c in op.cpu_children]


def test_arguments():
    with pytest.raises(TypeError, match="ProfilerActivity"):
        profile(activities=["cpu"])
    with pytest.raises(ValueError, match="at least one"):
        profile(activities=[])
    prof = profile(activities=CPU)
    with pytest.raises(RuntimeError, match="nothing has been recorded"):
        prof.key_averages()
    prof.stop()  # never started
    if not plait.cuda.is_available():
        with pytest.warns(UserWarning, match="no CUDA device"):
            prof = profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA])
        with prof:
            plait.ones(1)
        assert "CUDA" not in prof.key_averages().table()
    assert ProfilerActivity.CPU in plait.profiler.supported_activities()


def test_the_former_profiler(tmp_path):
    from plait.autograd import profiler

    with profiler.profile(record_shapes=True, use_kineto=True) as prof, profiler.record_function("r"):
        plait.ones(2) * 2
    assert [e.name for e in prof.function_events] == ["r", "ones", "mul"]
    assert prof.total_average().count == 3 and prof.self_cpu_time_total > 0
    assert "mul" in prof.table() and "mul" in str(prof) and "mul" in prof.key_averages().table()
    prof.export_chrome_trace(str(tmp_path / "t.json"))
    valid_trace(json.loads((tmp_path / "t.json").read_text()))
    with profiler.profile(enabled=False):
        pass
    with pytest.raises(NotImplementedError, match=r"nvtx\.range"):
        profiler.emit_nvtx()
    with profiler.emit_nvtx(enabled=False):
        pass


def test_nothing_is_recorded_on_the_cpu_where_only_devices_were_asked_for():
    if plait.cuda.is_available():
        pytest.skip("no device is needed here")
    with pytest.warns(UserWarning, match="no CUDA device"):
        prof = profile(activities=[ProfilerActivity.CUDA])
    with prof:
        plait.ones(2)
    assert len(prof.events()) == 0


def test_device_type_of_events():
    with profile(activities=CPU) as prof:
        plait.ones(2)
    (event,) = prof.events()
    assert event.device_type is DeviceType.CPU and event.device_time_total == 0 == event.cuda_time_total
