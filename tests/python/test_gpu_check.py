"""The harness for GPUs, without one: what it writes when all goes well, when cases fail, when it is killed."""

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import cuda_device
import numpy as np
import plait
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "benchmarks"), str(ROOT / "tools")]

import gpu_check  # noqa: E402
import gpu_machine  # noqa: E402
import gpu_run  # noqa: E402
import gpu_tests  # noqa: E402
from gpu import cases, driver, kernels, report  # noqa: E402

spec = importlib.util.spec_from_file_location("gpu_program", ROOT / "benchmarks" / "gpu.py")
gpu_program = importlib.util.module_from_spec(spec)
spec.loader.exec_module(gpu_program)

REGISTRY = cases.load()


def run(*arguments, **environment):
    command = [sys.executable, str(ROOT / "benchmarks" / "gpu.py"), "--tiny", "--threads", "1", *arguments]
    env = os.environ | {"PYTHONPATH": str(Path(plait.__file__).parents[1])} | environment
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=env)


# --- a dry run --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dry_run(tmp_path_factory):
    """A few ops and one training step at tiny sizes, on the emulator where the build has it, without a peer."""
    path = tmp_path_factory.mktemp("gpu") / "dry.json"
    only = ["submission/add*", "norm/layer norm*fp32*", "matmul/fp8*", "training/MLP*"]
    done = run("--out", str(path), "--peers", "--only", *only)
    assert done.returncode == 0, done.stdout + done.stderr
    found = DryRun((json.loads(path.read_text()), path.with_suffix(".md").read_text(), done.stdout))
    found.kernels = gpu_program.kernels_path(path).read_text()
    return found


class DryRun(tuple):
    """What it wrote and printed; and the kernels."""

    kernels: str


def test_a_dry_run_measures_and_checks_what_was_asked_for(dry_run):
    result, _, _ = dry_run
    rows = {row["key"]: row for row in result["rows"]}
    expected = {key for key, case in REGISTRY.items() if case.family == "limits"}
    expected |= {key for key in REGISTRY if key.startswith(("submission/add", "matmul/fp8", "training/MLP"))}
    expected |= {key for key in REGISTRY if key.startswith("norm/layer norm") and "fp32" in key}
    assert set(rows) == expected
    device = result["systems"]["plait"]["device"]
    assert device == ("cuda" if plait.cuda.is_available() else "cpu")
    for key, row in rows.items():
        assert row["reference"] in ("plait in float64", "torch in float64"), row["reference"]
        graph = "graph" in REGISTRY[key].variants and device == "cuda"
        for label in ("plait", "plait graph") if graph else ("plait",):
            ours = row["systems"][label]
            assert ours["deviation"] <= driver.tolerance(REGISTRY[key]), row
            assert ours["value"] > 0 and ours["samples"] == 6 and len(ours["rounds"]) == driver.ROUNDS


def test_a_dry_run_lists_kernels(dry_run):
    result, _, printed = dry_run
    rows = {row["key"]: row for row in result["rows"]}
    step = rows["training/MLP 784-128-10, batch 64"]["kernels"]["plait"]
    assert "kernels" not in rows["submission/add, 1k floats"] and "kernels of training/MLP 784" in printed
    assert kernels.markdown(result) == dry_run.kernels
    if not plait.cuda.is_available():
        assert "there is no CUDA device" in step["error"] and "plait: error: " in dry_run.kernels
        return
    assert step["launches"] == sum(k["calls"] for k in step["kernels"]) + step["rest"]["calls"] > 5
    assert 0 < step["busy"] <= step["seconds"] * 1.001
    products = next(k for k in step["kernels"] if "linear" in k["ops"])
    assert products["calls"] == 5 and {"linear", "_linear_grads"} <= set(products["ops"])
    assert "_fused_adam_" in dry_run.kernels and "| kernel | calls | total us | share | us per call | of |" in dry_run.kernels
    layer_norm = rows["norm/layer norm 32768x768 fp32, forward"]["kernels"]["plait"]
    assert layer_norm["launches"] == 1 and layer_norm["kernels"][0]["ops"] == ["_layer_norm"]


@pytest.mark.skipif(plait.cuda.is_available(), reason="there is a CUDA device: graphs can be captured")
def test_what_plait_cannot_do_is_written_down_with_its_message(dry_run):
    result, table, _ = dry_run
    row = next(row for row in result["rows"] if row["key"].startswith("training/MLP"))
    assert "CUDA" in row["systems"]["plait graph"]["error"] and "value" not in row["systems"]["plait graph"]
    assert "plait graph: error: " in table


def test_a_dry_run_claims_nothing(dry_run):
    result, table, printed = dry_run
    assert result["dry"] and "none of these figures measures a GPU" in table and table in printed
    assert "**Goals: 0 met, 0 missed, " in table and "pass" not in table and "FAIL" not in table
    assert "not asked for: decoding: GPT-2 124M" in table
    assert all(goal["met"] is None for row in result["rows"] for goal in row["goals"])


def test_without_a_gpu_nothing_is_measured(tmp_path):
    command = [sys.executable, str(ROOT / "benchmarks" / "gpu.py"), "--out", str(tmp_path / "x.json")]
    env = os.environ | {"PYTHONPATH": str(Path(plait.__file__).parents[1]), "PLAIT_CUDA_LIBRARY": "/none"}
    done = subprocess.run([*command, "--peers"], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 2 and "finds no CUDA device" in done.stderr and not list(tmp_path.iterdir())


def test_a_worker_that_dies_costs_its_own_figures_only(tmp_path):
    """A library that ends its process at the first case: the row says so, and the run goes on."""
    lines = ["import os", "__version__ = '0'", "class cuda: is_available = staticmethod(lambda: False)"]
    lines += ["class backends:", " class cuda: matmul = type('m', (), {})()", " cudnn = type('c', (), {})()"]
    lines += ["set_num_threads = print", "manual_seed = lambda seed: os._exit(3)"]
    (tmp_path / "hollow.py").write_text("\n".join(lines))
    path = tmp_path / "x.json"
    done = run("--subject", "hollow", "--out", str(path), "--peers", "--only", "submission/add*",
               PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    for row in json.loads(path.read_text())["rows"]:
        assert "status 3" in row["systems"]["hollow"]["error"] and row["reference"].startswith("no reference")


# --- rows that are kept, and a run that is killed -----------------------------------------------------------------


def fake_row(case, seconds=1e-3, **more):
    ours = {"value": seconds, "rounds": [seconds], "deviation": 0.0} | more
    row = {"key": case.key, "part": case.part, "family": case.family, "name": case.name, "dtype": case.dtype}
    row |= {"timing": case.timing, "reference": "torch in float64", "seconds": 0.1, "commit": "c", "at": ""}
    row |= {"bytes": 3e9, "flops": 1e12, "items": 1000, "item": "tokens"}
    return row | {"systems": {"plait": ours, "torch": {"value": 3e-3, "rounds": [3e-3]}}}


def empty_result(rows=(), dry=False):
    result = {"gpu": "NVIDIA H200", "date": "2027-01-02T03:04:05", "subject": "plait", "dry": dry}
    return result | {"machine": {}, "systems": {}, "rows": list(rows)}


def selection(*patterns):
    return {key: case for key, case in REGISTRY.items() if cases.selected(key, patterns)}


def test_a_killed_run_is_resumed_where_it_stopped(tmp_path, monkeypatch):
    path, wanted, asked = tmp_path / "r.json", selection("norm"), []

    def measure(case, *rest):
        asked.append(case.key)
        if len(asked) == 4:
            raise KeyboardInterrupt
        return fake_row(case)

    monkeypatch.setattr(driver, "measure", measure)
    args = gpu_program.parse(["--out", str(path)])
    with pytest.raises(KeyboardInterrupt):
        gpu_program.run(args, gpu_program.Record(path, empty_result(), REGISTRY), wanted, {})
    kept = json.loads(path.read_text())
    assert [row["key"] for row in kept["rows"]] == list(wanted)[:3]
    assert "softmax" in path.with_suffix(".md").read_text()

    again = gpu_program.parse(["--out", str(path), "--resume"])
    record = gpu_program.Record(path, empty_result(gpu_program.earlier(path, False)["rows"]), REGISTRY)
    gpu_program.run(again, record, wanted, {})
    assert asked == [*list(wanted)[:4], *list(wanted)[3:]]
    assert [row["key"] for row in json.loads(path.read_text())["rows"]] == list(wanted)


def test_half_a_file_is_no_earlier_run(tmp_path):
    path = tmp_path / "r.json"
    path.write_text('{"rows": [{"ke')
    assert gpu_program.earlier(path, False) == {} and gpu_program.earlier(tmp_path / "none", False) == {}
    path.write_text(json.dumps(empty_result(dry=True)))
    assert gpu_program.earlier(path, False) == {}  # a dry run's rows never become a measurement's


def test_cases_without_time_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(driver, "measure", lambda *args: pytest.fail("there was no time"))
    record = gpu_program.Record(tmp_path / "r.json", empty_result(), REGISTRY)
    gpu_program.run(gpu_program.parse(["--budget", "0"]), record, selection("attention"), {})
    assert all(row["skipped"] for row in record.result["rows"]) and len(record.result["rows"]) == 4
    table = report.markdown(record.result, selection("attention"))
    assert "the time was used up: attention: causal B16" in table and "12 not measured" not in table
    assert "**Goals: 0 met, 0 missed, 9 not measured.**" in table


def test_a_later_part_keeps_the_rows_of_the_earlier(tmp_path, monkeypatch):
    monkeypatch.setattr(driver, "measure", lambda case, *rest: fake_row(case))
    record = gpu_program.Record(tmp_path / "r.json", empty_result(), REGISTRY)
    gpu_program.run(gpu_program.parse([]), record, selection("training"), {})
    gpu_program.run(gpu_program.parse([]), record, selection("norm"), {})
    families = [row["family"] for row in record.result["rows"]]
    assert families == sorted(families, key=["norm", "training"].index) and set(families) == {"norm", "training"}


# --- kernels ------------------------------------------------------------------------------------------------------


BREAKDOWN = {
    "busy": 2e-3,
    "seconds": 2.5e-3,
    "launches": 41,
    "kernels": [{"name": "matmul<a|b>", "calls": 1, "seconds": 1.5e-3, "ops": ["linear"]}],
    "rest": {"kinds": 7, "calls": 40, "seconds": 1e-3},
}


class Asked:
    """A system that answers, fails or dies as it is told."""

    def __init__(self, label, *replies):
        self.label, self.replies, self.asked, self.process = label, list(replies), [], None

    def try_ask(self, deadline, do, case):
        self.asked.append(case)
        reply = self.replies.pop(0) if self.replies else BREAKDOWN
        self.process = None if "no answer" in reply.get("error", "") else self
        return dict(reply)


def ask(wanted, rows, **systems):
    written = {}
    kernels.ask_all(wanted, rows, systems, "plait", time.monotonic() + 100, lambda row: written.update({row["key"]: row}))
    return written


def test_kernels_are_asked_for_where_the_need_is_greatest():
    wanted = selection("training")
    ratios = dict(zip(wanted, (1.5, 0.9, 2.0, 0.7)))
    rows = {key: fake_row(wanted[key], 3e-3 / r) for key, r in ratios.items()}
    rows |= {key: {"key": key, "skipped": "the time was used up"} for key in list(wanted)[4:]}
    plait_, torch = Asked("plait"), Asked("torch")
    written = ask(wanted, rows, plait=plait_, torch=torch)
    assert plait_.asked == torch.asked == sorted(ratios, key=ratios.get) == list(written)
    assert all(row["kernels"] == {"plait": BREAKDOWN, "torch": BREAKDOWN} for row in written.values())
    assert all(row["systems"] == rows[key]["systems"] for key, row in written.items())  # no figure is touched
    assert ask(wanted, written, plait=Asked("plait")) == {}  # a run that is resumed
    key = next(iter(wanted))
    failed = {key: fake_row(wanted[key], wrong="NaN")}
    assert ask(wanted, failed, plait=Asked("plait"), torch=torch)[key]["kernels"] == {"torch": BREAKDOWN}
    assert kernels.chosen(REGISTRY, []) == {} and set(kernels.chosen(REGISTRY, ["training"])) == set(wanted)


def test_a_profiler_that_hangs_costs_two_cases():
    wanted = selection("training")
    rows = {key: fake_row(case) for key, case in wanted.items()}
    hung = Asked("plait", {"error": "no answer within 20 s"}, {"error": "no answer within 20 s"})
    wrong = Asked("torch", {"error": "ValueError: not this one"})
    written = ask(wanted, rows, plait=hung, torch=wrong)
    assert len(hung.asked) == kernels.FAILURES and len(wrong.asked) == len(wanted) == len(written)
    errors = [row["kernels"].get("plait", {}).get("error") for row in written.values()]
    assert errors[:3] == ["no answer within 20 s", "no answer within 20 s; not asked again", None]
    table = kernels.markdown(empty_result(written.values()))
    assert "plait: error: no answer within 20 s; not asked again" in table
    assert "torch: error: ValueError: not this one" in table


def test_the_table_of_kernels():
    case = REGISTRY["training/MLP 784-128-10, batch 64"]
    row = fake_row(case, 4e-3) | {"kernels": {"plait": BREAKDOWN | {"note": "profile: kernels are not traced"}}}
    table = kernels.markdown(empty_result([row]))
    assert "## training/MLP 784-128-10, batch 64 (0.75x torch)" in table
    assert "plait: 41 launches, 2 ms busy\n(profile: kernels are not traced)" in table
    assert "| training/MLP 784-128-10, batch 64 | 0.75x | 4 ms | 2 ms | 50% | 41 |" in table
    assert "| matmul<a\\|b> | 1 | 1500.0 | 60.0% | 1500.00 | linear |" in table
    assert "| 7 others | 40 | 1000.0 | 40.0% | 25.00 |  |" in table
    assert kernels.markdown(empty_result([fake_row(case)])) == ""
    assert kernels.busy([(0, 2), (5, 6), (1, 3), (1, 2)]) == 4


def test_little_of_the_time_is_kept_for_kernels():
    assert kernels.reserve(100, 4) == 10 and kernels.reserve(100, 1000) == 15
    assert len(kernels.chosen(REGISTRY, kernels.PATTERNS)) > 25


# --- the answers' check -------------------------------------------------------------------------------------------


def saved(path, *arrays, shapes=None):
    shapes = shapes or [str(a.shape) for a in arrays]
    np.savez(path, *arrays, shapes=np.array(shapes))
    return path


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_rounding_passes_and_errors_do_not(tmp_path, dtype):
    case = next(c for c in REGISTRY.values() if c.dtype == dtype and c.checked and not c.tolerance)
    rng = np.random.default_rng(0)
    exact = rng.standard_normal((64, 64))
    unit = {"float32": 2.0**-24, "bfloat16": 2.0**-8, "float16": 2.0**-11}[dtype]
    want = saved(tmp_path / "want.npz", exact)

    def verdict(array):
        result = {}
        driver.check(case, result, saved(tmp_path / "got.npz", array), want)
        return "wrong" in result

    assert not verdict(exact * (1 + unit * rng.uniform(-1, 1, exact.shape)))
    one_off = exact.copy()
    one_off[3, 5] += 0.2
    assert verdict(one_off) and verdict(exact.T)
    one_off[3, 5] = np.nan
    assert verdict(one_off) and verdict(exact[:32])


def test_no_tolerance_lets_everything_pass():
    assert all(driver.tolerance(case) <= 0.2 for case in REGISTRY.values())


# --- the table ----------------------------------------------------------------------------------------------------


def judged(case, row, copy=4e12):
    return report.judged(case, row, {"copy": copy, "flops": 8e14}, "plait")


def test_goals_are_met_and_missed():
    softmax = REGISTRY["norm/softmax 32768x1024 bf16, forward"]  # at least 3.7 TB/s; a row moves 3 GB
    assert judged(softmax, fake_row(softmax, 0.8e-3)) == [(">= 3.7 TB/s", "3.75 TB/s", True)]
    assert judged(softmax, fake_row(softmax, 0.9e-3))[0][2] is False
    add = REGISTRY["pointwise/add, 256M bf16"]
    assert judged(add, fake_row(add, 0.79e-3)) == [(">= 93% of copy", "95%", True)]
    assert judged(add, fake_row(add, 0.85e-3))[0][2] is False
    loss = REGISTRY["loss/cross-entropy 32768x50304 bf16, forward and backward"]
    assert judged(loss, fake_row(loss, 0.7e-3)) == [(">= 4x torch", "4.29x", True)]
    assert judged(loss, fake_row(loss, 0.8e-3))[0][2] is False
    allocate = REGISTRY["allocation/allocate and free 4 kB, from C++"]
    assert [met for *_, met in judged(allocate, fake_row(allocate, 199e-9))] == [True]
    assert [met for *_, met in judged(allocate, fake_row(allocate, 201e-9))] == [False]


def test_memory_and_the_best_variant():
    case = REGISTRY["training/MLP 784-128-10, batch 64"]
    row = fake_row(case, 2e-3, peak=90)
    row["systems"]["torch"]["peak"] = 100
    row["systems"]["torch.compile"] = {"value": 1e-3}
    eager, compiled, memory = judged(case, row)
    assert eager == (">= 2x torch", "1.50x", False) and compiled[2] is False and memory[2] is True
    row["systems"]["plait graph"] = {"value": 0.9e-3}
    eager, compiled, _ = judged(case, row)
    assert eager[2] is False and compiled[1:] == ("1.11x", True)  # a graph is beside a graph, not beside eager
    row["systems"]["plait"]["peak"] = 101
    assert judged(case, row)[2][2] is False


def test_a_wrong_answer_is_not_fast():
    case = REGISTRY["loss/cross-entropy 32768x50304 bf16, forward and backward"]
    row = fake_row(case, 1e-9, wrong="relative error 0.5, allowed 0.03")
    assert judged(case, row) == [(">= 4x torch", "WRONG ANSWER: relative error 0.5, allowed 0.03", False)]
    table = report.markdown(empty_result([row]), REGISTRY)
    assert "| WRONG |" in table and "0 met, 1 missed" in table and report.means([row], "plait") == {}
    row = fake_row(case, 1e-4)
    row["systems"]["torch"]["wrong"] = "NaN"
    assert judged(case, row)[0][1:] == ("not measured", None)


def test_what_failed_is_not_measured():
    case = REGISTRY["pointwise/gelu, 256M bf16"]
    row = fake_row(case)
    row["systems"]["plait"] = {"rounds": [], "error": "NotImplementedError: gelu: no kernel\nfor this"}
    assert judged(case, row) == [(">= 93% of copy", "not measured", None)]
    table = report.markdown(empty_result([row]), REGISTRY)
    assert "- gelu, 256M bf16, plait: error: NotImplementedError: gelu: no kernel\n" in table


def test_limits_and_means_come_from_the_run():
    copies = [REGISTRY["limits/copy of 2 GiB"], REGISTRY["limits/x + 0, 256M float32"]]
    product = REGISTRY["limits/matmul bf16 8192x8192x8192"]
    rows = {case.key: fake_row(case, 2e-3) for case in (*copies, product)}
    rows[copies[1].key]["systems"]["torch"]["value"] = 1e-3
    assert report.limits(rows) == {"copy": 3e12, "flops": 5e14}
    norms = [fake_row(case, seconds) for case, seconds in zip(selection("norm").values(), (1e-3, 3e-3 / 4))]
    assert report.means(norms, "plait")["norm", "torch"] == pytest.approx(12**0.5)


def test_every_case_can_be_told_apart_and_asked_for():
    assert list(cases.load(["ops"], ["attention"])) == [
        *selection("limits"), *(key for key in REGISTRY if key.startswith("attention/"))
    ]
    assert {case.part for case in cases.load(["train"]).values() if case.family != "limits"} == {"train"}
    peers = {peer for case in REGISTRY.values() for peer in case.peers}
    assert peers == set(cases.PEERS)


# --- gpu_check ----------------------------------------------------------------------------------------------------


@pytest.fixture
def checked(tmp_path, monkeypatch):
    """A Check in a folder of its own."""
    for name in ("PARTS", "BUDGET", "JOBS", "GPU_DEPS", "OUT"):
        monkeypatch.delenv(name, raising=False)

    def make(*arguments):
        args = gpu_check.parse([*arguments, "--build", str(tmp_path / "build" / "gpu")])
        return gpu_run.Check(args, tmp_path)

    return make


def test_parts_are_chosen(monkeypatch):
    monkeypatch.setenv("PARTS", "train, build")
    assert gpu_check.parse([]).parts == ["build", "train"]  # in the order in which they can run
    assert gpu_check.parse(["--parts", "ops"]).parts == ["ops"]
    monkeypatch.setenv("PARTS", "")
    assert gpu_check.parse([]).parts == ["build", "test", "ops", "train"]
    assert gpu_check.parse(["--parts", "suite,build"]).parts == ["build", "suite"]
    with pytest.raises(SystemExit):
        gpu_check.parse(["--parts", "build,tests"])


def test_a_part_gets_what_earlier_ones_left(checked):
    check = checked("--budget", "500")
    assert check.limit("build") == pytest.approx(310, abs=2)
    assert check.limit("train") == pytest.approx(500, abs=2)
    assert check.limit("ops") + 0 == pytest.approx(500 * 105 / 235, abs=2)
    alone = checked("--budget", "500", "--parts", "build")
    assert alone.limit("build") == pytest.approx(500, abs=2)


def test_a_part_that_fails_does_not_stop_the_others(checked, monkeypatch, tmp_path, capsys):
    out = tmp_path / "out"
    monkeypatch.setenv("OUT", str(out))
    monkeypatch.setattr(gpu_check, "warm_compile", lambda check: None)
    monkeypatch.setattr(gpu_check, "build", lambda check, limit: (_ for _ in ()).throw(gpu_run.Stop("no nvcc")))
    monkeypatch.setattr(gpu_tests, "test", lambda check, limit: {}["a mistake of ours"])
    monkeypatch.setattr(gpu_check, "bench", lambda check, part, limit: check.note(f"{part} was run"))
    assert gpu_check.main(["--build", str(tmp_path / "b")]) == 1
    summary = (out / "summary.md").read_text()
    assert summary.startswith("# gpu-check: build FAILED, test FAILED, ops ok, train ok")
    assert "build: FAILED: no nvcc" in summary and "train was run" in summary
    assert "test: FAILED: KeyError: 'a mistake of ours'" in summary
    with tarfile.open(out / "logs.tar.xz") as logs:
        assert "KeyError" in logs.extractfile("failures.log").read().decode()  # where it happened
    assert summary in capsys.readouterr().out


def test_what_takes_too_long_is_ended_with_all_its_processes(checked):
    check = checked()
    begin = time.monotonic()
    first, second = f"61.{os.getpid()}", f"62.{os.getpid()}"  # no other program's
    assert check.run(["bash", "-c", f"sleep {first} & sleep {second}"], "x.log", 1) is None
    assert time.monotonic() - begin < 20
    asked = {f"sleep\0{time}\0".encode() for time in (first, second)}

    def left() -> set[bytes]:
        found = set()
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):  # it may just have ended
                found.add(path.read_bytes())
        return asked & found

    while left() and time.monotonic() - begin < 20:  # a killed process is there until it is reaped
        time.sleep(0.05)
    assert not left()
    assert check.run(["false"], "x.log", 10) == 1
    with pytest.raises(gpu_run.Stop, match=r"no-such-program cannot be run"):
        check.run(["no-such-program"], "x.log", 10)


SEVERAL = """
import os, time
import pytest
def test_good(): pass
def test_wrong(): assert 1 == 2
@pytest.mark.skip
def test_left_out(): pass
"""
HANGS = """
def test_hangs():  # as a kernel that never ends: no Python runs
    import ctypes
    ctypes.PyDLL(None).sleep(100)
"""
LOST = """
def test_after_which_the_device_is_lost():
    import gpu_pytest
    gpu_pytest.answers = lambda: False
    raise RuntimeError("CUDA error: an illegal memory access was encountered")
"""


def outcome_of(check, tmp_path, text, limit=100):
    path = tmp_path / "test_cuda_x.py"
    path.write_text(text)
    return gpu_tests.python_tests(check, [str(path)], limit)


def test_failing_tests_are_counted_and_named(checked, tmp_path):
    check = checked("--jobs", "1")
    assert outcome_of(check, tmp_path, SEVERAL) == ["Python tests: failed (1), 1 failed"]
    assert "1 failed, 1 passed, 1 skipped" in check.lines[0]
    assert check.lines[1].endswith("test_wrong: assert 1 == 2") and "slowest: " in check.lines[2]
    check = checked("--jobs", "1")
    assert outcome_of(check, tmp_path, "import pytest\n@pytest.mark.skip\ndef test_a(): pass\n") == [
        "no Python test ran: all were skipped"
    ]
    check = checked("--jobs", "1")
    assert outcome_of(check, tmp_path, "def") == ["Python tests: failed (1), 0 failed"]  # not a test, and seen all the same
    assert "error" in check.lines[0]


@cuda_device.needs_cuda
def test_the_suite_runs_on_the_device(checked, tmp_path, monkeypatch):
    tests = tmp_path / "test_tensor.py"
    tests.write_text("""
import numpy as np
import plait
def test_repr(): assert False, "left out: its text names no device"
def test_numpy():
    x = plait.from_numpy(np.ones(3)) * plait.tensor([1.0, 2.0, 3.0])
    assert x.is_cuda and x.numpy().tolist() == [1, 2, 3] and np.asarray(x).sum() == 6
def test_on_the_cpu(): assert plait.ones(2).is_cpu
""")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "cuda_suite.py").write_text(f"print({str(tests)!r})")
    check = checked("--jobs", "1")
    with pytest.raises(gpu_run.Stop, match="1 failed"):
        gpu_tests.suite(check, 100)
    assert "1 failed, 1 passed" in check.lines[0] and "test_on_the_cpu" in check.lines[1]
    assert (check.folder / "suite.jsonl").exists() and not (check.folder / "tests.jsonl").exists()
    (tools / "cuda_suite.py").write_text("raise SystemExit('nothing here')")
    with pytest.raises(gpu_run.Stop, match="names no tests: nothing here"):
        gpu_tests.suite(checked("--jobs", "1"), 100)


def test_a_test_that_hangs_costs_one_process(checked, tmp_path, monkeypatch):
    pytest.importorskip("xdist")
    monkeypatch.setenv("GPU_TEST_HANGS_AFTER", "2")
    check = checked("--jobs", "2")
    assert outcome_of(check, tmp_path, HANGS + SEVERAL) == ["Python tests: failed (1), 2 failed"]
    assert "2 failed, 1 passed, 1 skipped" in check.lines[0]
    assert any("test_hangs" in line and "crashed" in line for line in check.lines)


def test_a_lost_device_costs_one_process(checked, tmp_path):
    """Those after it run in another, on a device that answers."""
    pytest.importorskip("xdist")
    good = "".join(f"def test_{i}(): import gpu_pytest; assert gpu_pytest.answers.__module__ == 'gpu_pytest'\n" for i in range(6))
    check = checked("--jobs", "1")
    assert outcome_of(check, tmp_path, LOST + good) == ["Python tests: failed (1), 1 failed"]
    assert "1 failed, 6 passed" in check.lines[0]
    assert any("test_after_which" in line and "an illegal memory access" in line for line in check.lines)


def test_tests_that_are_ended_early_tell_what_they_found(checked, tmp_path):
    check = checked("--jobs", "1")
    found = outcome_of(check, tmp_path, SEVERAL + "def test_z(): time.sleep(100)\n", limit=8)
    assert found == ["Python tests: out of time, 1 failed"]
    assert "out of time; 1 failed, 1 passed, 1 skipped" in check.lines[0]
    assert any("not over when the run ended" in line and "test_z" in line for line in check.lines)


CLEAN = "op 0 add\nop 1 mul\ngpu_sanitize: 2 ops ran, 0 raised, 0 were not reached\n========= ERROR SUMMARY: 0 errors"
BROKEN = "op 0 add\n========= Invalid __global__ read of size 4 bytes\ngpu_sanitize: 1 ops ran\n========= ERROR SUMMARY: 3 errors"


@pytest.mark.parametrize(
    ("printed", "status", "said", "problems"),
    [
        (CLEAN, 0, "clean: 0 errors; 2 ops", 0),
        (BROKEN, 77, "NOT CLEAN: 3 errors", 2),
        (BROKEN, 0, "NOT CLEAN: 3 errors", 2),
        ("========= Error: Device not supported. Please refer to the guide", 1, "does not run on this machine", 0),
        ("no op was reached", 1, "NOT CLEAN: failed (1)", 2),
    ],
)
def test_what_compute_sanitizer_says(checked, tmp_path, monkeypatch, printed, status, said, problems):
    program = tmp_path / "compute-sanitizer"
    program.write_text(f"#!/bin/sh\ncat <<'EOF'\n{printed}\nEOF\nexit {status}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    check = checked()
    assert len(gpu_tests.sanitizer(check, 30)) == problems
    assert sum(said in line for line in check.lines) == 2  # memcheck and racecheck


def test_an_op_that_kills_the_process_is_named_and_passed(checked, tmp_path):
    """The last argument is where to begin."""
    program = tmp_path / "sanitizer"
    program.write_text(
        '#!/bin/bash\nfor first; do :; done\nif [ "$first" = 0 ]; then echo "op 0 add"; echo "op 1 bad"; exit 139; fi\n'
        'echo "op $first mul"; echo "gpu_sanitize: 1 ops ran"; echo "========= ERROR SUMMARY: 0 errors"\n'
    )
    program.chmod(0o755)
    check = checked()
    problem = gpu_tests.sanitize_with(check, str(program), "memcheck", time.monotonic() + 60)
    assert problem.startswith("memcheck: 0 errors; 3 ops") and problem.endswith("died in bad")
    assert check.log("memcheck.log").splitlines()[-1] == "========= ERROR SUMMARY: 0 errors"


def test_a_benchmark_that_dies_is_started_again_where_it_stopped(checked, tmp_path, monkeypatch):
    """The driver writes what it has after every case; the second run resumes."""
    (tmp_path / "benchmarks").mkdir()
    program = tmp_path / "benchmarks" / "gpu.py"
    program.write_text(
        "import os, sys\nopen('asked', 'a').write(' '.join(sys.argv[1:]) + '\\n')\n"
        f"print('writing {tmp_path}/r.json', flush=True)\n"
        "if '--resume' not in sys.argv: os.abort()\nprint('norm/x (1 s): plait 1 ms')\n"
        "print('kernels of norm/x (0.1 s): plait 1 launches, 1 ms busy')\n"
        "print('**Goals: 1 met, 0 missed, 2 not measured.**')\n"
    )
    check = checked("--parts", "ops")
    gpu_check.bench(check, "ops", 100)
    first, second = (tmp_path / "asked").read_text().splitlines()
    assert first.startswith("--part ops") and "--resume" not in first and second.endswith("--resume")
    assert check.results == tmp_path / "r.json"
    (tmp_path / "r.json").write_text("{}")
    (tmp_path / "r-kernels.md").write_text("# Kernels")
    monkeypatch.setenv("OUT", str(tmp_path / "out"))
    gpu_check.deliver(check, {"ops": True})
    assert (tmp_path / "out" / "r-kernels.md").read_text() == "# Kernels"
    assert check.lines[-2] == "kernels of 1 cases were listed (<results>-kernels.md)"
    assert check.lines[-1] == "1 cases ran; goals so far: 1 met, 0 missed, 2 not measured."


def test_wheels_are_unpacked_to_one_prefix(tmp_path):
    files = {
        "onednn-1.whl": ["dnnl-1.data/data/lib/cmake/dnnl/dnnl-config.cmake", "dnnl-1.data/data/include/dnnl.h",
                         "dnnl-1.dist-info/METADATA"],
        "fmt-1.whl": ["cmeel.prefix/lib/cmake/fmt/fmt-config.cmake", "cmeel_fmt.py"],
        "front-1.whl": ["include/cudnn_frontend.h", "cudnn/__init__.py"],
    }
    brought, prefix = tmp_path / "brought", tmp_path / "prefix"
    brought.mkdir()
    for name, entries in files.items():
        with zipfile.ZipFile(brought / name, "w") as wheel:
            for entry in entries:
                wheel.writestr(entry, entry)
    assert gpu_machine.unpack(brought, prefix) == ["oneDNN", "fmt", "cuDNN's front end"]
    found = sorted(str(p.relative_to(prefix)) for p in prefix.rglob("*") if p.is_file() and p.name != ".unpacked")
    assert found == ["include/cudnn_frontend.h", "include/dnnl.h", "lib/cmake/dnnl/dnnl-config.cmake",
                     "lib/cmake/fmt/fmt-config.cmake"]
    (brought / "catch2").mkdir()
    (brought / "catch2" / "catch.hpp").write_text("")
    (brought / "front-1.whl").unlink()
    assert gpu_machine.unpack(brought, prefix) == ["oneDNN", "fmt", "Catch2"]  # made anew
    assert gpu_machine.unpack(tmp_path / "nothing", prefix) == []


# --- the guide ----------------------------------------------------------------------------------------------------


@cuda_device.needs_cuda
def test_the_examples_of_the_guide_run():
    """In a process of its own, with a device: a GPU, or the emulator."""
    code = (
        "import doctest, sys; flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS; "
        "result = doctest.testfile(sys.argv[1], module_relative=False, optionflags=flags); "
        "sys.exit(result.failed or result.attempted < 20)"
    )
    page = str(ROOT / "docs" / "guide" / "gpu.md")
    env = os.environ | {"PYTHONPATH": str(Path(plait.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code, page], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
