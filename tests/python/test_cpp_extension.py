"""Ops in C++, compiled while the test runs: what works, and the errors of what does not."""

import os
import pathlib
import shutil
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import plait
import pytest
from plait.utils.cpp_extension import load, load_inline

pytestmark = pytest.mark.skipif(
    not any(shutil.which(c) for c in ("c++", "g++", "clang++")), reason="there is no C++ compiler"
)


SWISH = """
using namespace plait;
PLAIT_OP(swish, Tensor(const Tensor&, double)){
    .schema = "swish(Tensor x, *, float beta=1.0) -> Tensor",
    .doc = "x sigmoid(beta x), elementwise.",
    .meta = [](const Tensor& x, double) { return like(x); },
    .vjp =
        [](Vjp& v) {
          const double beta = v.attr<double>("beta");
          const Tensor x = v.in("x"), s = sigmoid(x * beta);
          v.set("x", v.grad() * (s + x * beta * s * (1 - s)));
        },
    .save = "x",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& x, double beta) {
          elementwise(out, {x}, [beta](auto v) { return v * math::sigmoid(static_cast<decltype(v)>(beta) * v); });
        },
};
"""


@pytest.fixture(scope="module")
def swish():
    return load_inline("test_swish", SWISH).swish


def reference(x, beta=1.0):
    x = np.asarray(x, dtype=np.float64)
    return x / (1 + np.exp(-beta * x))


def test_an_op_is_like_a_built_in_one(swish):
    assert swish is plait.ops.test_swish.swish
    assert "x sigmoid(beta x)" in swish.__doc__ and "float beta=1.0" in swish.__doc__
    assert plait.ops.test_swish.swish(plait.ones(2, 3, device="meta")).shape == (2, 3)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(), (0,), (7,), (3, 300), (2, 3, 5)])
def test_dtypes_and_shapes(swish, dtype, shape):
    x = plait.randn(shape, dtype=plait.float64).to(getattr(plait, dtype)) * 4
    tolerance = {"float16": 2e-3, "bfloat16": 2e-2, "float32": 1e-6, "float64": 1e-14}[dtype]
    got = swish(x, beta=1.5)
    assert got.dtype == x.dtype and got.shape == x.shape
    want = reference(x.double().numpy(), 1.5)
    np.testing.assert_allclose(got.double().numpy(), want, rtol=tolerance, atol=tolerance)


def test_layouts(swish):
    base = plait.randn(6, 8, 10)
    for x in (
        base.transpose(0, 2),
        base[::2, 1:, ::3],
        base[:, :1].expand(6, 8, 10),
        base.permute(1, 2, 0),
    ):
        np.testing.assert_allclose(swish(x).numpy(), reference(x.numpy()), rtol=1e-5, atol=1e-6)


def test_derived_forms(swish):
    x = plait.randn(5)
    want = swish(x)
    out = plait.empty(5)
    assert swish(x, out=out) is out
    assert plait.equal(out, want)
    version = x._version
    assert plait.ops.test_swish.swish_(x) is x
    assert plait.equal(x, want) and x._version > version


def test_gradients(swish):
    x = plait.randn(3, 4, dtype=plait.float64, requires_grad=True)
    assert plait.autograd.gradcheck(lambda a: swish(a, beta=1.5), (x,))
    assert plait.autograd.gradgradcheck(lambda a: swish(a, beta=1.5), (x,))
    y = x * 1
    plait.ops.test_swish.swish_(y)
    y.sum().backward()
    want = plait.autograd.grad(swish(x).sum(), x)[0]
    np.testing.assert_allclose(x.grad.numpy(), want.numpy())


def test_arguments_are_checked(swish):
    with pytest.raises(
        TypeError, match=r"test_swish::swish: expected argument 'x' of dtype float16.*got int64"
    ):
        swish(plait.ones(2, dtype=plait.int64))
    with pytest.raises(TypeError, match="must be a Tensor"):
        swish(3)
    with pytest.raises(TypeError, match="unexpected keyword argument 'gamma'"):
        swish(plait.ones(2), gamma=1)
    with pytest.raises(AttributeError, match="has no op 'swoosh'; it has swish"):
        plait.ops.test_swish.swoosh


def test_a_saved_tensor_that_was_written(swish):
    x = plait.randn(3, requires_grad=True)
    y = x * 1
    z = swish(y).sum()
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an in-place"):
        z.backward()


FUNCTIONS = """
#include <string>
using plait::Tensor;

Tensor distance(const Tensor& x, Tensor y) { return ((x - y) * (x - y)).sum().sqrt(); }
std::tuple<Tensor, Tensor> both(const Tensor& a, int64_t n, bool flip) {
  return {flip ? -a : a, a * n};
}
std::vector<Tensor> pieces(std::vector<Tensor> parts, double scale) {
  for (Tensor& p : parts) p = p * scale;
  return parts;
}
double total(const Tensor& x, std::optional<double> start) { return x.sum().item<double>() + start.value_or(0); }
int64_t count(plait::IntSpan sizes) {
  int64_t n = 1;
  for (int64_t s : sizes) n *= s;
  return n;
}
bool is_named(std::string name, std::string_view other) { return name == other; }
void fill_ramp(Tensor& x) {
  float* p = x.data<float>();
  for (int64_t i = 0; i < x.numel(); ++i) p[i] = static_cast<float>(i);
}
Tensor maybe(const std::optional<Tensor>& x) { return x ? *x + 1 : plait::zeros({1}); }
"""


@pytest.fixture(scope="module")
def functions():
    names = ["distance", "both", "pieces", "total", "count", "is_named", "fill_ramp", "maybe"]
    return load_inline("test_functions", FUNCTIONS, functions=dict.fromkeys(names, "A function."))


def test_plain_functions(functions):
    x = plait.tensor([3.0, 4.0], requires_grad=True)
    d = functions.distance(x, y=plait.zeros(2))  # the parameters' names are those of the source
    d.backward()
    assert d.item() == 5 and x.grad.tolist() == pytest.approx([0.6, 0.8])
    a, b = functions.both(plait.ones(2), 3, flip=True)
    assert a.tolist() == [-1, -1] and b.tolist() == [3, 3]
    assert [p.tolist() for p in functions.pieces([plait.ones(1), plait.ones(2)], 2.0)] == [[2], [2, 2]]
    assert functions.total(plait.ones(3), None) == 3 and functions.total(plait.ones(3), start=2) == 5
    assert functions.count((2, 3, 4)) == 24
    assert functions.is_named("a", "a") is True and functions.is_named("a", "b") is False
    assert functions.maybe(None).tolist() == [0] and functions.maybe(plait.ones(1)).tolist() == [2]
    assert "A function." in functions.distance.__doc__


def test_a_function_that_writes_its_argument(functions):
    x = plait.empty(4)
    version = x._version
    assert functions.fill_ramp(x) is None
    assert x.tolist() == [0, 1, 2, 3] and x._version > version


def test_a_kernel_cannot_read_what_is_not_there(functions):
    with pytest.raises(RuntimeError, match="meta device has no data"):
        functions.fill_ramp(plait.empty(4, device="meta"))
    with pytest.raises(TypeError, match="dtype float64, it was asked for as float32"):
        functions.fill_ramp(plait.empty(4, dtype=plait.float64))


LOOPS = """
using namespace plait;
PLAIT_OP(hypot, Tensor(const Tensor&, const Tensor&)){
    .schema = "hypot(Tensor a, Tensor b) -> Tensor",
    .meta = [](const Tensor& a, const Tensor& b) { return broadcast_float("hypot", a, b); },
    .no_grad = true,
    .cpu = [](const Tensor& out, const Tensor& a, const Tensor& b) {
      elementwise(out, {a, b}, [](auto x, auto y) { return math::sqrt(x * x + y * y); });
    },
};
PLAIT_OP(farther, Tensor(const Tensor&, const Tensor&)){
    .schema = "farther(Tensor a, Tensor b) -> Tensor",
    .meta = [](const Tensor& a, const Tensor& b) { return broadcast_as(DType::Bool, "farther", a, b); },
    .cpu = [](const Tensor& out, const Tensor& a, const Tensor& b) {
      elementwise<Real>(out, {a, b}, [](auto x, auto y) { return x > y; });
    },
};
PLAIT_OP(sum_squares, Tensor(const Tensor&, IntSpan, bool)){
    .schema = "sum_squares(Tensor x, int[] dim=[], bool keepdim=False) -> Tensor",
    .meta = [](const Tensor& x, IntSpan dim, bool keep) { return reduced("sum_squares", x, dim, keep, x.dtype()); },
    .no_grad = true,
    .cpu = [](const Tensor& out, const Tensor& x, IntSpan dim, bool) {
      reduce(out, x, dim, 0.0, [](auto acc, auto v) { return acc + v * v; },
             [](auto a, auto b) { return a + b; }, [](auto acc, int64_t) { return acc; });
    },
};
struct Range { double low = 1e308, high = -1e308; };
PLAIT_OP(spread, Tensor(const Tensor&)){
    .schema = "spread(Tensor x) -> Tensor",
    .meta = [](const Tensor& x) { return reduced("spread", x, {}, false, x.dtype()); },
    .no_grad = true,
    .cpu = [](const Tensor& out, const Tensor& x) {
      reduce(out, x, {}, Range(),
             [](Range r, auto v) { return Range{v < r.low ? v : r.low, v > r.high ? v : r.high}; },
             [](Range a, Range b) { return Range{a.low < b.low ? a.low : b.low, a.high > b.high ? a.high : b.high}; },
             [](Range r, int64_t n) { return n ? r.high - r.low : 0.0; });
    },
};
PLAIT_OP(noise, Tensor(const Tensor&, Generator)){
    .schema = "noise(Tensor x, *, Generator? generator=None) -> Tensor",
    .meta = [](const Tensor& x, Generator) { return TensorSpec(x.sizes(), DType::Float32); },
    .kind = Kind::Random,
    .no_grad = true,
    .cpu = [](const Tensor& out, const Tensor&, Generator generator) {
      const Draw draw(generator);
      float* p = out.data<float>();
      parallel_for(0, out.numel(), 1000, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) p[i] = draw.normal(i);
      });
    },
};
Tensor apply(const Tensor& x, std::string_view which) {
  Tensor out(TensorSpec(x.sizes(), x.dtype()));
  if (which == "exp") elementwise(out, {x}, [](auto v) { return math::exp(v); });
  if (which == "log") elementwise(out, {x}, [](auto v) { return math::log(v); });
  if (which == "tanh") elementwise(out, {x}, [](auto v) { return math::tanh(v); });
  if (which == "sigmoid") elementwise(out, {x}, [](auto v) { return math::sigmoid(v); });
  return out;
}
void fail_in_a_thread(int64_t at) {
  parallel_for(0, 1 << 20, 1000, [&](int64_t begin, int64_t end) {
    if (begin <= at && at < end) fail<IndexError>("position {} of {} in a tensor of dtype {}", at, IntSpan(Dims{1, 2}), DType::Int8);
  });
}
void throw_a_number() { throw 3; }
"""


@pytest.fixture(scope="module")
def loops():
    return load_inline("test_loops", LOOPS, functions=["apply", "fail_in_a_thread", "throw_a_number"])


def test_elementwise_broadcasts_and_promotes(loops):
    a, b = plait.randn(3, 1, 5), plait.randn(4, 1)
    np.testing.assert_allclose(loops.hypot(a, b).numpy(), np.hypot(a.numpy(), b.numpy()), rtol=1e-6)
    i = plait.arange(6).reshape(2, 3)
    got = loops.hypot(i, plait.tensor(2.5, dtype=plait.float64))
    np.testing.assert_allclose(got.numpy(), np.hypot(i.numpy(), 2.5), rtol=1e-6)
    assert (
        loops.hypot(i, 2.5).dtype == plait.float32
        and loops.hypot(i, a.double()[0, :, :3]).dtype == plait.float64
    )
    with pytest.raises(ValueError, match=r"hypot: shapes \(2, 3\) and \(4,\)"):
        loops.hypot(i, plait.ones(4))


def test_a_comparison_gives_bool(loops):
    a, b = plait.tensor([1, 5, 3]), plait.tensor([2.5, 2.5, 3.0])
    assert loops.farther(a, b).tolist() == [False, True, False]
    assert loops.farther(a, 3).tolist() == [False, True, False]


@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
@pytest.mark.parametrize(
    "shape, dim",
    [((7,), []), ((), []), ((4, 5), [0]), ((4, 5), [1]), ((3, 4, 5), [0, 2]), ((3, 4, 5), [-2]), ((2, 0), [1]),
     ((0, 2), [1]), ((300, 200), [0]), ((200, 3000), [1]), ((300, 1000), [])],
)  # fmt: skip
def test_reductions(loops, dtype, shape, dim):
    x = plait.randn(shape).to(getattr(plait, dtype))
    for view in (x, x.transpose(0, -1) if x.dim() > 1 else x):
        for keepdim in (False, True):
            got = loops.sum_squares(view, dim, keepdim)
            exact = view.double().numpy() ** 2
            want = exact.sum(axis=tuple(dim) if dim else None, keepdims=keepdim)
            tolerance = {"bfloat16": 1e-2, "float32": 1e-6, "float64": 1e-13}[dtype]
            assert got.shape == want.shape
            np.testing.assert_allclose(got.double().numpy(), want, rtol=tolerance)


def test_a_reduction_of_a_struct(loops):
    x = plait.randn(300, 700)
    assert loops.spread(x).item() == pytest.approx(x.max().item() - x.min().item())


def test_random_numbers_do_not_depend_on_threads(loops):
    before = plait.get_num_threads()
    draws = []
    try:
        for threads in (1, 2):
            plait.set_num_threads(threads)
            g = plait.Generator().manual_seed(7)
            first = loops.noise(plait.empty(50_000), generator=g)
            draws.append(first)
            assert not plait.equal(first, loops.noise(plait.empty(50_000), generator=g))
    finally:
        plait.set_num_threads(before)
    assert plait.equal(*draws)
    assert abs(draws[0].mean().item()) < 0.02 and abs(draws[0].std().item() - 1) < 0.02
    plait.manual_seed(3)
    one = loops.noise(plait.empty(10))
    plait.manual_seed(3)
    assert plait.equal(one, loops.noise(plait.empty(10)))


@pytest.mark.parametrize("name", ["exp", "log", "tanh", "sigmoid"])
def test_vector_mathematics(loops, name):
    special = [
        0.0,
        -0.0,
        1e-40,
        -1e-40,
        np.inf,
        -np.inf,
        np.nan,
        88.7,
        88.8,
        -103.9,
        -104.1,
        1e38,
        1e-38,
        1.0,
    ]
    x = np.concatenate([np.linspace(-110, 95, 20001), np.geomspace(1e-44, 3e38, 20001), special]).astype(
        np.float32
    )
    with np.errstate(all="ignore"):
        exact = x.astype(np.float64)
        want = {"exp": np.exp, "log": np.log, "tanh": np.tanh, "sigmoid": lambda v: 1 / (1 + np.exp(-v))}[
            name
        ](exact)
        want = want.astype(np.float32)
    got = loops.apply(plait.from_numpy(x), name).numpy()
    assert (np.isnan(got) == np.isnan(want)).all() and (np.isinf(got) == np.isinf(want)).all()
    finite = np.isfinite(want)
    spacing = np.maximum(np.spacing(np.abs(want[finite])), np.float32(1e-45))
    error = np.abs(got[finite].astype(np.float64) - want[finite]) / spacing
    assert error.max() <= 3, x[finite][error.argmax()]


def test_an_exception_on_another_thread(loops):
    for at in (0, (1 << 20) - 1):
        with pytest.raises(IndexError, match=rf"position {at} of \(1, 2\) in a tensor of dtype int8"):
            loops.fail_in_a_thread(at)


def test_an_exception_of_any_type(loops):
    with pytest.raises(RuntimeError, match="unknown type"):
        loops.throw_a_number()


# --- building and caching


def test_the_cache_is_by_content(tmp_path):
    source = "plait::Tensor twice(const plait::Tensor& x) { return x * 2; }"
    first = load_inline("test_cached", source, functions="twice")
    start = time.perf_counter()
    again = load_inline("test_cached", source, functions="twice")
    assert time.perf_counter() - start < 0.5
    assert first.__file__ == again.__file__
    other = load_inline("test_cached", source.replace("2", "3"), functions="twice")
    assert other.__file__ != first.__file__
    assert other.twice(plait.ones(1)).item() == 3  # the name's ops are replaced ...
    assert plait.ops.test_cached.twice(plait.ones(1)).item() == 3
    assert first.twice(plait.ones(1)).item() == 2  # ... what is held stays what it was


def test_source_files_and_their_headers(tmp_path):
    (tmp_path / "part.h").write_text("constexpr int kFactor = 5;\n")
    (tmp_path / "one.cpp").write_text(
        '#include <plait/extension.h>\n#include "part.h"\n'
        "plait::Tensor scale(const plait::Tensor& x) { return x * kFactor; }\nPLAIT_FUNCTION(scale);\n"
    )
    (tmp_path / "two.cpp").write_text(
        "#include <plait/extension.h>\nplait::Tensor shift(const plait::Tensor& x) { return x + 1; }\n"
        "PLAIT_FUNCTION(shift);\n"
    )
    paths = [tmp_path / "one.cpp", str(tmp_path / "two.cpp")]
    module = load("test_files", paths)
    assert module.scale(plait.ones(1)).item() == 5 and module.shift(plait.ones(1)).item() == 2
    (tmp_path / "part.h").write_text("constexpr int kFactor = 7;\n")
    assert load("test_files", paths).scale(plait.ones(1)).item() == 7
    with pytest.raises(FileNotFoundError, match=r"nowhere\.cpp"):
        load("test_files", tmp_path / "nowhere.cpp")


def test_a_half_written_file_is_not_trusted(tmp_path):
    source = "plait::Tensor same(const plait::Tensor& x) { return x + 0; }"
    code = f"""
        import plait
        from plait.utils.cpp_extension import load_inline
        m = load_inline("test_torn", {source!r}, functions="same", build_directory={str(tmp_path)!r})
        print(m.__file__)
    """
    run = [sys.executable, "-c", textwrap.dedent(code)]
    library = pathlib.Path(subprocess.run(run, check=True, capture_output=True, text=True).stdout.strip())
    whole = library.read_bytes()
    library.write_bytes(whole[: len(whole) // 2])
    subprocess.run(run, check=True)
    assert library.read_bytes()[:4] == b"\x7fELF" and library.stat().st_size == len(whole)


def test_several_processes_build_at_once(tmp_path):
    code = """
        from plait.utils.cpp_extension import load_inline
        import plait
        source = "plait::Tensor thrice(const plait::Tensor& x) { return x * 3; }"
        assert load_inline("test_race", source, functions="thrice").thrice(plait.ones(1)).item() == 3
    """
    env = {**os.environ, "PLAIT_EXTENSIONS_DIR": str(tmp_path)}
    runs = [subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], env=env) for _ in range(3)]
    assert [r.wait() for r in runs] == [0, 0, 0]
    assert len(list(tmp_path.glob("*/*.so"))) == 1
    assert not list(tmp_path.glob("*/build-*"))


def test_calls_from_several_threads(swish):
    x = plait.randn(1000, dtype=plait.float64)
    want = swish(x)
    wrong = []

    def work():
        for _ in range(200):
            if not plait.equal(swish(x), want):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


FUNCTION = """
#include <plait/function.h>
using namespace plait;

struct Cube : Function<Cube> {
  static Tensor forward(FunctionContext& ctx, const Tensor& x) {
    ctx.save_for_backward({x});
    return x * x * x;
  }
  static std::vector<Tensor> backward(FunctionContext& ctx, const std::vector<Tensor>& grads) {
    const Tensor x = ctx.saved_tensors()[0];
    return {grads[0] * x * x * 3};
  }
};
struct Scale : Function<Scale, double> {
  static std::vector<Tensor> forward(FunctionContextOf<double>& ctx, const Tensor& x, double factor) {
    ctx.state = factor;
    return {x * factor, x.detach()};
  }
  static std::vector<Tensor> backward(FunctionContextOf<double>& ctx, const std::vector<Tensor>& grads) {
    return {grads[0] * ctx.state + grads[1], Tensor()};
  }
};
struct Wrong : Function<Wrong> {
  static Tensor forward(FunctionContext&, const Tensor& x) { return x + 1; }
  static std::vector<Tensor> backward(FunctionContext&, const std::vector<Tensor>&) { return {}; }
};
Tensor cube(const Tensor& x) { return Cube::apply(x); }
std::vector<Tensor> scale(const Tensor& x, double factor) { return Scale::apply(x, factor); }
Tensor wrong(const Tensor& x) { return Wrong::apply(x); }
"""


def test_custom_functions():
    module = load_inline("test_function", FUNCTION, functions=["cube", "scale", "wrong"])
    x = plait.randn(3, dtype=plait.float64, requires_grad=True)
    assert plait.autograd.gradcheck(module.cube, (x,)) and plait.autograd.gradgradcheck(module.cube, (x,))
    assert "Cube" in repr(module.cube(x).grad_fn)
    scaled, same = module.scale(x, 2.5)
    (scaled.sum() + same.sum()).backward()
    assert x.grad.tolist() == [3.5] * 3
    with pytest.raises(RuntimeError, match="expected 1 gradients, one for each argument"):
        module.wrong(x).sum().backward()
    y = x * 1
    z = module.cube(y).sum()
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an in-place"):
        z.backward()
    with plait.no_grad():
        assert module.cube(x).grad_fn is None
