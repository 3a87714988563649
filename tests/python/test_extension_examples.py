"""What users of the C++ API copy: the guide's ops, the template of a package, a program in C++."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import plait
import plait.utils
import pytest
from cuda_device import IS_EMULATED
from plait.autograd import gradcheck, gradgradcheck
from plait.testing import assert_close, opcheck
from plait.utils.cpp_extension import load

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
OPS = EXAMPLES / "custom_ops"
GUIDE = ROOT / "docs" / "guide" / "custom-ops.md"

pytestmark = pytest.mark.skipif(
    not any(shutil.which(c) for c in ("c++", "g++", "clang++")), reason="there is no C++ compiler"
)
needs_cmake = pytest.mark.skipif(not shutil.which("cmake"), reason="there is no CMake")


def needs(*modules):
    missing = [m for m in modules if importlib.util.find_spec(m) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def nvcc():
    return shutil.which("nvcc") or shutil.which("/usr/local/cuda/bin/nvcc")


def sh(*words, cwd=None, **env):
    """Run a command; return what it printed, or fail with it."""
    done = subprocess.run(
        [str(w) for w in words], cwd=cwd, env=os.environ | env, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{words[0]} said:\n{done.stdout}{done.stderr}"
    return done.stdout


# --- the guide ---------------------------------------------------------------------------------------------


def test_the_guide_quotes_the_sources():
    """The page shows each of the sources whole, and as it is."""
    quoted = re.findall(r"<!-- (\S+) -->\n```\w+\n(.*?)```", GUIDE.read_text(), flags=re.DOTALL)
    sources = {f"examples/custom_ops/{p.name}" for p in OPS.iterdir() if p.suffix in (".cpp", ".cu")}
    assert {path for path, _ in quoted} == sources
    assert len(sources) == 5
    for path, text in quoted:
        assert text == (ROOT / path).read_text(), f"{path} has changed: copy it into {GUIDE.name}"


def test_the_guide_quotes_the_program():
    blocks = re.findall(r"```cpp\n(struct Net.*?)```", GUIDE.read_text(), flags=re.DOTALL)
    assert len(blocks) == 1
    assert blocks[0] in (EXAMPLES / "cpp" / "spirals.cpp").read_text()


# --- the five ops ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """examples/custom_ops/run.py as a module, which builds in a folder of this test's."""
    before = os.environ.get("PLAIT_EXTENSIONS_DIR")
    os.environ["PLAIT_EXTENSIONS_DIR"] = str(tmp_path_factory.mktemp("extensions"))
    spec = importlib.util.spec_from_file_location("custom_ops_run", OPS / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda source: load(source.stem, source), sorted(OPS.glob("*.cpp"))))
    yield module
    if before is None:
        del os.environ["PLAIT_EXTENSIONS_DIR"]
    else:
        os.environ["PLAIT_EXTENSIONS_DIR"] = before


def op(run, name):
    return getattr(run.build(name), name)


def leaf(*shape, dtype=plait.float64):
    return plait.randn(*shape, dtype=dtype, requires_grad=True)


def test_swish(run):
    swish, swish_ = op(run, "swish"), run.build("swish").swish_
    x = plait.randn(7, 9)
    expected = x * (1.5 * x).sigmoid()
    assert_close(swish(x, beta=1.5), expected)
    assert_close(swish(x.T, beta=1.5), expected.T)
    assert_close(swish(x.half(), beta=1.5), expected.half(), atol=2e-3, rtol=2e-3)
    out = plait.empty(7, 9)
    assert swish(x, beta=1.5, out=out) is out
    assert_close(out, expected)
    y = x.clone()
    version = y._version
    assert swish_(y, beta=1.5) is y
    assert y._version == version + 1
    assert_close(y, expected)
    opcheck(swish, [((leaf(3, 4, dtype=plait.float32),), {}), ((leaf(3, 4),), {"beta": 1.5})])


@pytest.mark.parametrize("shape", [(3, 4, 5), (70_000,), (2, 33_000), (300, 70)])
def test_rms(run, shape):
    rms = op(run, "rms")
    x = plait.randn(*shape)
    dims = [None, 0, -1, tuple(range(len(shape)))]
    for dim in dims:
        for keepdim in (False, True):
            expected = x.square().mean(dim, keepdim=keepdim).sqrt()
            assert_close(rms(x, dim, keepdim), expected, atol=0, rtol=1e-5)
            assert_close(rms(x.to("meta"), dim, keepdim).shape, expected.shape)


def test_rms_gradients(run):
    rms = op(run, "rms")
    samples = [((leaf(3, 4),), {}), ((leaf(3, 4, 2), (0, -1)), {"keepdim": True}), ((leaf(3, 4), 1), {})]
    opcheck(rms, samples)
    with pytest.raises(IndexError, match="rms: dimension 2 is out of range"):
        rms(plait.ones(2, 2), 2)


def test_dropout(run):
    dropout = op(run, "dropout")
    x = plait.randn(300, 1000)

    def seeded(x):
        return dropout(x, 0.25, generator=plait.Generator().manual_seed(7))

    threads = plait.get_num_threads()
    try:
        results = []
        for n in (1, 2, 3):
            plait.set_num_threads(n)
            results.append(seeded(x))
    finally:
        plait.set_num_threads(threads)
    result, mask = results[0]
    assert all(r.result.equal(result) and r.mask.equal(mask) for r in results)
    assert_close(result, x * mask / 0.75)
    # 300,000 draws: five standard deviations of their mean
    assert abs(mask.float().mean().item() - 0.75) < 5 * (0.75 * 0.25 / 300_000) ** 0.5
    assert seeded(x.T.contiguous().T).mask.equal(mask), "the numbers depend on the layout"
    generator = plait.Generator().manual_seed(7)
    first, second = (dropout(x, 0.25, generator=generator).mask for _ in range(2))
    assert first.equal(mask) and not second.equal(mask)
    x = leaf(40)
    assert gradcheck(lambda x: seeded(x).result, x)
    assert gradgradcheck(lambda x: seeded(x).result, x)
    opcheck(dropout, [((leaf(3, 4), 0.3), {})])


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("late", [False, True])
def test_linear_scan(run, reverse, late):
    linear_scan = op(run, "linear_scan")

    def by_ops(a, b):
        if late:
            a = plait.cat([a[1:], a[:1]]) if reverse else plait.cat([a[-1:], a[:-1]])
        return run.scan_by_ops(a.flip(0), b.flip(0)).flip(0) if reverse else run.scan_by_ops(a, b)

    for shape in [(1, 3), (2, 1), (6, 4, 3)]:
        a, b = leaf(*shape), leaf(*shape)
        assert_close(linear_scan(a, b, reverse=reverse, late=late), by_ops(a, b))
        opcheck(linear_scan, [((a, b), {"reverse": reverse, "late": late})])
    # so wide that several threads share it
    a, b = plait.rand(8, 50_000), plait.rand(8, 50_000)
    assert_close(linear_scan(a, b, reverse=reverse, late=late), by_ops(a, b))
    assert linear_scan(plait.ones(0, 3), plait.ones(0, 3)).shape == (0, 3)


def test_linear_scan_says_what_is_wrong(run):
    linear_scan = op(run, "linear_scan")
    with pytest.raises(ValueError, match=r"'a' and 'b' must have one shape.*got \(3, 2\) and \(3,\)"):
        linear_scan(plait.ones(3, 2), plait.ones(3))
    with pytest.raises(TypeError, match="'a' is float32, 'b' is float64"):
        linear_scan(plait.ones(3), plait.ones(3).double())


def test_linear_scan_beats_the_composite(run, capsys):
    """Five times and more, forward and with the gradient: the same thread, the best of interleaved runs."""
    threads = plait.get_num_threads()
    plait.set_num_threads(1)
    try:
        seconds = run.compare_scans(op(run, "linear_scan"), steps=256, batch=8, features=16)
    finally:
        plait.set_num_threads(threads)
    ratios = [composite / by_op for by_op, composite in seconds]
    with capsys.disabled():
        print(f" [linear_scan against the composite: {ratios[0]:.1f}x, {ratios[1]:.1f}x with gradient] ", end="")
    assert min(ratios) >= 5, f"only {ratios} times as fast as plait's ops"


@pytest.mark.slow
@pytest.mark.skipif(not nvcc(), reason="there is no nvcc")
def test_saxpy(run):
    saxpy = op(run, "saxpy")
    for device in ["cpu", *(["cuda"] if plait.cuda.is_available() and not IS_EMULATED else [])]:
        x, y = plait.randn(5, 1000, device=device), plait.randn(1000, device=device)
        assert_close(saxpy(x, y, alpha=2.0), 2 * x + y)
        assert_close(saxpy(x.T, y.expand(5, 1000).T), (x + y).T)
        assert saxpy(x.double(), y).dtype == plait.float64
        assert saxpy(x[:0], y).shape == (0, 1000)
    if not IS_EMULATED:  # it is compiled by nvcc: the emulator's device is not its own
        opcheck(saxpy, [((leaf(3, 4), leaf(4)), {"alpha": 2.0})])


def test_run_py(run):
    """The script, as a user starts it; what it compiles is in the cache."""
    said = sh(sys.executable, OPS / "run.py", "swish", "rms", "dropout")
    assert re.search(r"swish.cpp: ready after 0\.\d+ s\n  swish\(1\.0\) = 0\.7310", said)
    assert "rms([3, 4]) = 3.5355" in said
    assert re.search(r"kept 7[45]\.\d+%", said)


# --- the package -------------------------------------------------------------------------------------------


@pytest.fixture
def template(tmp_path):
    folder = tmp_path / "template"
    shutil.copytree(EXAMPLES / "extension", folder, ignore=shutil.ignore_patterns("__pycache__", "build"))
    return folder


def check_package(template, site):
    """The template's own tests pass with the package in `site`, and it links neither plait nor Python."""
    (library,) = (site / "my_ops").glob("_ops*.so")
    needed = sh("ldd", library) if shutil.which("ldd") else ""
    assert "plait" not in needed and "python" not in needed
    shutil.rmtree(template / "my_ops")  # has no library beside it, and would be found first
    path = os.pathsep.join([str(site), str(Path(plait.__file__).parents[1])])
    said = sh(
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", cwd=template, PYTHONPATH=path
    )
    assert "3 passed" in said, said


def test_cmake_prefix_path():
    prefix = Path(plait.utils.cmake_prefix_path)
    assert (prefix / "lib" / "cmake" / "plait" / "plaitConfig.cmake").is_file()
    assert (prefix / "include" / "plait" / "extension.h").is_file()


@pytest.mark.slow
@needs_cmake
def test_template_by_cmake(template, tmp_path):
    build, site = tmp_path / "build", tmp_path / "site"
    sh("cmake", "-S", template, "-B", build, f"-DCMAKE_PREFIX_PATH={plait.utils.cmake_prefix_path}")
    sh("cmake", "--build", build)
    sh("cmake", "--install", build, "--prefix", site)
    shutil.copy(template / "my_ops" / "__init__.py", site / "my_ops")
    check_package(template, site)


@pytest.mark.slow
@needs_cmake
@needs("pip", "scikit_build_core")
def test_template_by_scikit_build_core(template, tmp_path):
    site = tmp_path / "site"
    sh(
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index",
        "--no-build-isolation", "--no-deps", "--target", site, template,
        CMAKE_PREFIX_PATH=plait.utils.cmake_prefix_path,
    )  # fmt: skip
    tag = (site / "my_ops-0.1.0.dist-info" / "WHEEL").read_text()
    assert "Tag: py3-none-" in tag, "one wheel for every Python"
    check_package(template, site)


@pytest.mark.slow
@needs("setuptools")
def test_template_by_setuptools(template, tmp_path):
    # As the README says: the other build system's lines.
    readme = (template / "README.md").read_text()
    other = re.search(r"```toml\n(\[build-system\].*?)```", readme, flags=re.DOTALL)[1]
    project = template / "pyproject.toml"
    text, count = re.subn(r"\[build-system\].*?\n\n", other + "\n", project.read_text(), flags=re.DOTALL)
    assert count == 1
    project.write_text(text)
    (template / "CMakeLists.txt").unlink()
    site = tmp_path / "site"
    path = str(Path(plait.__file__).parents[1])
    sh(sys.executable, "setup.py", "--quiet", "build", "--build-lib", site, cwd=template, PYTHONPATH=path)
    check_package(template, site)


@needs_cmake
@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("plait_add_extension(mine)", "expected source files after the name"),
        ("plait_add_extension(mine NAMESPACE plait a.cpp)", "must be an identifier other than 'plait'"),
        ("plait_add_extension(my-ops a.cpp)", "must be an identifier other than 'plait', got\n  'my-ops'"),
    ],
)
def test_plait_add_extension_says_what_is_wrong(tmp_path, call, error):
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(x LANGUAGES NONE)\nfind_package(plait REQUIRED)\n" + call
    )
    done = subprocess.run(
        ["cmake", "-S", tmp_path, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={plait.utils.cmake_prefix_path}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert " ".join(error.split()) in " ".join(done.stderr.split())


# --- the program -------------------------------------------------------------------------------------------


@pytest.mark.slow
@needs_cmake
def test_program(tmp_path):
    """It is compiled as some systems link by default (--as-needed), and learns."""
    sh(
        "cmake", "-S", EXAMPLES / "cpp", "-B", tmp_path, "-DCMAKE_EXE_LINKER_FLAGS=-Wl,--as-needed",
        f"-DCMAKE_PREFIX_PATH={plait.utils.cmake_prefix_path}",
    )  # fmt: skip
    sh("cmake", "--build", tmp_path)
    said = sh(tmp_path / "spirals")
    losses = [float(x) for x in re.findall(r"loss ([\d.]+)", said)]
    assert losses[0] > 0.6, "two classes at first: log 2 is 0.69"
    assert losses[-1] < 0.1
    assert float(re.search(r"test accuracy ([\d.]+)%", said)[1]) > 95


OPTIMISERS = """
#include <cstdio>
#include <plait/nn.h>
using namespace plait;

template <class Optimizer>
void descend(const char* name, const auto& options) {
  const Tensor w = arange(1, 7, DType::Float64).reshape({2, 3});
  w.requires_grad_();
  Optimizer optimizer({w}, options);
  for (int step = 0; step < 5; ++step) {
    optimizer.zero_grad();
    (w * w * w).sum().backward();
    optimizer.step();
  }
  std::printf("%s", name);
  for (int i = 0; i < 6; ++i) std::printf(" %.15g", w.detach().data<double>()[i]);
  std::printf("\\n");
}
int main() try {
  const nn::Linear layer(4, 3), bare(4, 3, false);
  std::printf("linear %d %d\\n", int(layer.parameters().size()), int(bare.parameters().size()));
  descend<optim::SGD>("SGD", optim::SGDOptions{.lr = 0.01});
  descend<optim::SGD>("SGD", optim::SGDOptions{.lr = 0.01, .momentum = 0.9, .weight_decay = 0.1});
  descend<optim::Adam>("Adam", optim::AdamOptions{.lr = 0.1});
  descend<optim::Adam>("AdamW", optim::AdamOptions{.lr = 0.1, .weight_decay = 0.1});
  try {
    optim::SGD wrong({ones({2, 3})});
  } catch (const ValueError& error) {
    std::printf("%s\\n", error.what());
  }
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\\n", error.what());
  return 1;
}
"""


@pytest.mark.slow
@needs_cmake
def test_optimisers_are_those_of_python(tmp_path):
    (tmp_path / "program.cpp").write_text(OPTIMISERS)
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(program LANGUAGES CXX)\nfind_package(plait REQUIRED)\n"
        "add_executable(program program.cpp)\ntarget_link_libraries(program PRIVATE plait::plait)\n"
    )
    build = tmp_path / "build"
    sh("cmake", "-S", tmp_path, "-B", build, f"-DCMAKE_PREFIX_PATH={plait.utils.cmake_prefix_path}")
    sh("cmake", "--build", build)
    lines = sh(build / "program").splitlines()
    assert lines[0] == "linear 2 1"
    cases = [
        (plait.optim.SGD, {"lr": 0.01}),
        (plait.optim.SGD, {"lr": 0.01, "momentum": 0.9, "weight_decay": 0.1}),
        (plait.optim.Adam, {"lr": 0.1}),
        (plait.optim.AdamW, {"lr": 0.1, "weight_decay": 0.1}),
    ]
    for line, (kind, options) in zip(lines[1:5], cases, strict=True):
        w = plait.arange(1.0, 7.0, dtype=plait.float64).requires_grad_()
        optimizer = kind([w], **options)
        for _ in range(5):
            optimizer.zero_grad()
            (w**3).sum().backward()
            optimizer.step()
        name, *values = line.split()
        assert name == kind.__name__
        assert_close(plait.tensor([float(v) for v in values], dtype=plait.float64), w.detach())
    assert lines[5].startswith("optim: every parameter must require grad; one of shape (2, 3) does not")
