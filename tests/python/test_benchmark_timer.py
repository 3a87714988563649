"""plait.utils.benchmark and plait.utils.bottleneck."""

import subprocess
import sys
import time

import numpy as np
import plait
import pytest
from plait.utils.benchmark import Compare, Measurement, TaskSpec, Timer, select_unit, trim_sigfig


def test_times_are_those_of_the_statement():
    timer = Timer("time.sleep(0.002)", setup="import time")
    assert 0.002 <= timer.timeit(5).median < 0.05
    m = timer.blocked_autorange(min_run_time=0.02)
    assert 0.002 <= m.median < 0.05 and len(m.times) >= 2
    quick = Timer("x + x", globals={"x": plait.ones(4)})
    m = quick.blocked_autorange(min_run_time=0.02)
    assert m.number_per_run >= 10 and 0 < m.median < 1e-3
    m = quick.adaptive_autorange(threshold=0.5, max_run_time=0.5)
    assert m.times and sum(m.raw_times) < 5


def test_threads_are_set_and_put_back():
    before = plait.get_num_threads()
    seen = []
    Timer("seen.append(plait.get_num_threads())", globals={"seen": seen}, num_threads=3).timeit(2)
    assert set(seen) == {3} and plait.get_num_threads() == before
    with pytest.raises(KeyError):
        Timer("{}[1]", num_threads=3).timeit(1)
    assert plait.get_num_threads() == before


def test_statistics_against_numpy():
    times = list(np.random.default_rng(0).uniform(1, 2, 31))
    m = Measurement(4, times, TaskSpec("f()", "pass"))
    per_call = np.array(times) / 4
    low, high = np.quantile(per_call, [0.25, 0.75])
    np.testing.assert_allclose([m.median, m.mean, m.iqr], [np.median(per_call), per_call.mean(), high - low])
    assert m.has_warnings and not m.meets_confidence() and m.meets_confidence(1.0)
    assert 1 <= m.significant_figures <= 5
    steady = Measurement(1, [1.0] * 10, TaskSpec("f()", "pass"))
    assert not steady.has_warnings and steady.significant_figures == 5
    text = repr(m)
    assert "f()" in text and "Median" in text and "31 measurements, 4 runs per measurement" in text


def test_units():
    assert [select_unit(t)[0] for t in (2e-9, 3e-6, 4e-3, 5.0, 1e-12)] == ["ns", "us", "ms", "s", "ns"]
    assert trim_sigfig(0.0123456, 2) == 0.012 and trim_sigfig(0.0, 3) == 0.0


def task(label, sub_label, description, threads=1, env=None):
    return TaskSpec("f()", "pass", "", label, sub_label, description, env, threads)


def test_measurements_are_merged_by_task():
    a, b = task("l", "s", "d"), task("l", "s", "e")
    merged = Measurement.merge([Measurement(1, [1.0], a), Measurement(2, [4.0], a), Measurement(1, [3.0], b)])
    assert [m.times for m in merged] == [[1.0, 2.0], [3.0]]


def test_comparisons():
    results = [
        Measurement(1, [n * 1e-6 * t] * 5, task("ops", sub, desc, t))
        for n, (sub, desc) in enumerate(
            [("small", "plait"), ("small", "other"), ("large", "plait"), ("large", "other")], 1
        )
        for t in (1, 2)
    ]
    compare = Compare(results)
    text = str(compare)
    lines = text.splitlines()
    assert lines[0].startswith("[") and " ops " in lines[0]
    assert lines[1].split() == ["|", "plait", "|", "other"]
    assert [line.split() for line in lines[3:5]] == [
        ["small", "|", "1.0", "|", "2.0"],
        ["large", "|", "3.0", "|", "4.0"],
    ]
    assert "2 threads" in text and "Times are in microseconds (us)." in text
    compare.trim_significant_figures()
    compare.colorize()
    compare.highlight_warnings()
    assert "\033[" in str(compare)
    compare.colorize(rowwise=True)
    assert "\033[" in str(compare)
    compare.extend_results([Measurement(1, [1e-6, 9e-6, 1e-6, 9e-6, 5e-6], task("ops", "odd", "plait"))])
    assert "(! " in str(compare)
    with pytest.raises(TypeError, match="Measurement"):
        Compare([3])


def test_errors():
    with pytest.raises(NotImplementedError, match="Python"):
        Timer("x", language="c++")
    with pytest.raises(TypeError, match="str"):
        Timer(lambda: 1)
    with pytest.raises(ValueError, match="num_threads"):
        Timer("1", num_threads=0)
    with pytest.raises(ValueError, match="number"):
        Timer("1").timeit(0)
    for name in ("autorange", "repeat", "collect_callgrind"):
        with pytest.raises(NotImplementedError, match="blocked_autorange"):
            getattr(Timer("1"), name)()
    with pytest.raises(ZeroDivisionError):
        Timer("1 / 0").timeit(1)


def test_a_clock_that_sees_nothing():
    timer = Timer("pass", timer=lambda: 0.0)
    begin = time.perf_counter()
    assert timer.timeit(10).median > 0
    assert time.perf_counter() - begin < 10


def test_bottleneck(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, plait\n"
        "def work(n):\n"
        "    x = plait.ones(n, n, requires_grad=True)\n"
        "    (x @ x).sum().backward()\n"
        "if __name__ == '__main__':\n"
        "    work(int(sys.argv[1]))\n"
        "    sys.exit(0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "plait.utils.bottleneck", str(program), "8"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "work" in done.stdout and "MatmulBackward0" in done.stdout and "Self CPU time total" in done.stdout
