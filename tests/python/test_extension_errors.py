"""What is wrong with an extension is said; and which libraries load: the rules of the ABI."""

import os
import pathlib
import shutil
import subprocess

import numpy as np
import plait
import pytest
from plait.utils import cpp_extension
from plait.utils.cpp_extension import CompileError, load_inline
from test_cpp_extension import SWISH, reference

pytestmark = pytest.mark.skipif(
    not any(shutil.which(c) for c in ("c++", "g++", "clang++")), reason="there is no C++ compiler"
)


def test_compile_errors_show_the_users_lines():
    source = "plait::Tensor f(const plait::Tensor& x) {\n  return x +;\n}\n"
    with pytest.raises(CompileError, match=r"test_broken\.cpp:2:\d+: error"):
        load_inline("test_broken", source, functions="f")
    with pytest.raises(CompileError, match=r"test_broken_1\.cpp\.part:3:\d+: error"):
        load_inline("test_broken", ["int a;", "int b;\n\nint c = d;\n"])


def test_no_compiler(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(RuntimeError, match=r"no C\+\+ compiler was found.*install one"):
        load_inline("test_nothing", "int never_built;")


def test_no_nvcc(monkeypatch):
    path = ":".join(p for p in os.environ["PATH"].split(":") if not os.path.exists(os.path.join(p, "nvcc")))
    monkeypatch.setenv("PATH", path)
    monkeypatch.setenv("CUDA_HOME", "/nonexistent")
    if not shutil.which("c++"):
        pytest.skip("the compiler lies beside nvcc")
    with pytest.raises(RuntimeError, match="need nvcc"):
        load_inline("test_no_nvcc", "int a;", cuda_sources="int b;")


@pytest.mark.parametrize("name", ["", "two words", "plait", "a-b", 3])
def test_bad_names(name):
    with pytest.raises(ValueError, match="name"):
        load_inline(name, "int a;")


def test_memory_of_others_begins_where_an_element_may():
    source = """
    alignas(8) static char memory[64] = {};
    plait::Tensor at(int64_t byte) {
      const int64_t sizes[] = {3};
      return plait::from_blob(memory + byte, plait::IntSpan(sizes, 1), plait::DType::Float64);
    }
    """
    module = load_inline("test_alignment", source, functions="at")
    assert module.at(8).tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match=r"from_blob.*float64 at a multiple of 8 bytes.*copy"):
        module.at(9)


def declared(name, fields, before=""):
    return f"""
        using namespace plait;
        {before}
        PLAIT_OP(op, Tensor(const Tensor&)){{ {fields} }};
        """


META = ".meta = [](const Tensor& x) { return like(x); }"
CPU = ".cpu = [](const Tensor& out, const Tensor& x) { elementwise(out, {x}, [](auto v) { return v; }); }"


@pytest.mark.parametrize(
    "fields, message",
    [
        (f'.schema = "op(Tensor x, int n) -> Tensor", {META}, {CPU}', "the schema and the C\\+\\+ signature disagree: 2 arguments in the schema, 1 in C\\+\\+"),
        (f'.schema = "op(int x) -> Tensor", {META}, {CPU}', "disagree at argument 'x' .*: int in the schema, Tensor in C"),
        (f'.schema = "op(Tensor x -> Tensor", {META}, {CPU}', "op schema: expected ',' or '\\)'"),
        (f'.schema = "op(Tensr x) -> Tensor", {META}, {CPU}', "a known type"),
        (f'.schema = "op(Tensor x) -> Tensor", {META}, .save = "y", {CPU}', "'y' in .save names neither"),
        ('.schema = "op(Tensor x) -> Tensor"', "exactly one of .meta"),
        (f'.schema = "op(Tensor x) -> Tensor", {META}, .composite = [](const Tensor& x) {{ return x; }}, {CPU}',
         "exactly one of .meta"),
        (f'.schema = "op(Tensor x) -> int", {META}, {CPU}', ".meta is for ops that return Tensors"),
    ],
)  # fmt: skip
def test_bad_declarations(fields, message):
    with pytest.raises((TypeError, ValueError), match=message):
        load_inline("test_bad", declared("op", fields))
    assert not plait._C._describe_op("test_bad::op")


def test_names_that_clash():
    fields = f'.schema = "test_mine::op(Tensor x) -> Tensor", {META}, {CPU}'
    load_inline("test_mine", declared("op", fields))
    with pytest.raises(
        ValueError, match="'test_mine::op' is declared already, by 'test_mine'; 'test_yours' must use"
    ):
        load_inline("test_yours", declared("op", fields))
    assert plait.ops.test_mine.op(plait.ones(1)).item() == 1


def test_a_missing_derivative():
    module = load_inline(
        "test_no_vjp", declared("op", f'.schema = "op(Tensor x) -> Tensor", {META}, {CPU}')
    )
    y = module.op(plait.ones(2, requires_grad=True))
    assert y.requires_grad
    with pytest.raises(NotImplementedError, match="test_no_vjp::op: has no derivative; declare one"):
        y.sum().backward()
    with plait.no_grad():
        assert not module.op(plait.ones(2, requires_grad=True)).requires_grad


def test_a_derivative_that_reads_what_was_not_saved():
    fields = f'.schema = "op(Tensor x) -> Tensor", {META}, .vjp = [](Vjp& v) {{ v.set(0, v.grad() * %s); }}, {CPU}'
    for name, read, message in (("in", 'v.in("x")', "argument 'x', which .save"), ("out", "v.out()", "result 0, which")):
        module = load_inline(f"test_unsaved_{name}", declared("op", fields % read))
        with pytest.raises(RuntimeError, match=message):
            module.op(plait.ones(2, requires_grad=True)).sum().backward()


def test_a_missing_kernel():
    module = load_inline("test_no_kernel", declared("op", f'.schema = "op(Tensor x) -> Tensor", {META}'))
    with pytest.raises(NotImplementedError, match="test_no_kernel::op: no kernel for device 'cpu'"):
        module.op(plait.ones(2))


def test_a_kernel_that_returns_its_argument():
    source = """
        using namespace plait;
        PLAIT_OP(same, Tensor(const Tensor&)){
            .schema = "same(Tensor x) -> Tensor", .direct = [](const Tensor& x) { return x; }};
        PLAIT_OP(one_of, Tensor(TensorList)){
            .schema = "one_of(Tensor[] many) -> Tensor", .direct = [](TensorList many) { return many[1]; }};
        PLAIT_OP(none, Tensor(const Tensor&)){
            .schema = "none(Tensor x) -> Tensor", .direct = [](const Tensor&) { return Tensor(); }};
        PLAIT_OP(written, Tensor(const Tensor&)){
            .schema = "written(Tensor(a!) x) -> Tensor(a!)", .direct = [](const Tensor& x) { return x.zero_(); }};
    """
    module = load_inline("test_same", source)
    with pytest.raises(RuntimeError, match="returned its argument 'x' itself"):
        module.same(plait.ones(1))
    with pytest.raises(RuntimeError, match="returned its argument 'many' itself"):
        module.one_of([plait.ones(1), plait.ones(1)])
    with pytest.raises(TypeError, match="result 0 must be a Tensor"):
        module.none(plait.ones(1))
    x = plait.ones(2)
    assert module.written(x) is x and x.tolist() == [0, 0]
    with pytest.raises(NotImplementedError, match="depends on data"):
        module.same(plait.ones(1, device="meta"))
    with pytest.raises(RuntimeError, match="leaf"):
        module.written(plait.ones(2, requires_grad=True))


def extension(name, source, folder):
    """Compiles a library by hand; returns its path."""
    path = folder / f"{name}.cpp"
    path.write_text(source)
    library = folder / f"{name}.so"
    include = [f"-I{p}" for p in cpp_extension.include_paths()]
    compiler = cpp_extension._compiler("test")
    subprocess.run([compiler, "-std=c++20", "-shared", "-fPIC", *include, path, "-o", library], check=True)
    return library


@pytest.mark.parametrize(
    "version, size, message",
    [
        ("PLAIT_ABI_VERSION + 1", "sizeof(plait_api)", "a newer plait .*upgrade plait"),
        ("PLAIT_ABI_VERSION", "sizeof(plait_api) + 8", "a newer plait .*upgrade plait"),
        ("PLAIT_ABI_VERSION - 1", "8", "an older plait .*build the extension again"),
    ],
)
def test_another_version_of_the_abi(tmp_path, version, size, message):
    library = extension(
        "other",
        f"""#include <plait/abi.h>
        static int never(const plait_api*) {{ __builtin_trap(); }}
        extern "C" __attribute__((visibility("default"))) const plait_extension plait_extension_info;
        const plait_extension plait_extension_info = {{{version}, {size}, "other", never}};""",
        tmp_path,
    )
    with pytest.raises(RuntimeError, match=message):
        plait.ops.load_library(library)


def test_a_library_that_knows_less_of_the_table(tmp_path):
    """What an older release gave it: the table has grown since, at its end."""
    library = extension(
        "smaller",
        """#include <plait/abi.h>
        #include <stddef.h>
        static int kernel(void*, const plait_value* args, plait_value* results) {
          results[0].tag = PLAIT_INTEGER;
          results[0].as.integer = args[0].as.integer + 1;
          return 0;
        }
        static int init(const plait_api* api) {
          plait_op_decl decl = {};
          decl.size = offsetof(plait_op_decl, vjp);  // an older struct, without its last field
          decl.schema = "test_smaller::next(int n) -> int";
          decl.library = "test_smaller";
          decl.dtypes = 0xfff;
          decl.composite = kernel;
          const plait_op* op;
          return api->op_declare(&decl, &op);
        }
        extern "C" __attribute__((visibility("default"))) const plait_extension plait_extension_info;
        const plait_extension plait_extension_info = {
            PLAIT_ABI_VERSION, offsetof(plait_api, vjp_grad), "test_smaller", init};""",
        tmp_path,
    )
    assert plait.ops.load_library(library) == ["test_smaller::next"]
    assert plait.ops.test_smaller.next(41) == 42


def test_what_is_no_extension(tmp_path):
    with pytest.raises(RuntimeError, match="could not be loaded"):
        plait.ops.load_library(tmp_path / "nothing.so")
    (tmp_path / "text.so").write_text("not a library")
    with pytest.raises(RuntimeError, match="could not be loaded"):
        plait.ops.load_library(tmp_path / "text.so")
    library = extension("plain", "int f() { return 1; }", tmp_path)
    with pytest.raises(RuntimeError, match=r"is not a plait extension.*plait_extension_info"):
        plait.ops.load_library(library)


ABI = sorted((pathlib.Path(__file__).parent.parent / "abi").iterdir())


@pytest.mark.parametrize("release", ABI, ids=lambda p: p.name)
def test_what_was_built_against_older_headers_loads(release, tmp_path):
    """The headers of each release, as they were: what is built with them must load and work in this plait."""
    source = tmp_path / "old.cpp"
    source.write_text("#include <plait/extension.h>\n" + SWISH)
    library = tmp_path / "old.so"
    compiler = cpp_extension._compiler("test")
    name = f'-DPLAIT_EXTENSION_NAME="test_abi_{release.name}"'
    subprocess.run(
        [compiler, "-std=c++20", "-O1", "-shared", "-fPIC", name, f"-I{release}", source, "-o", library],
        check=True,
    )
    assert plait.ops.load_library(library) == [f"test_abi_{release.name}::swish"]
    op = getattr(plait.ops, f"test_abi_{release.name}").swish
    x = plait.randn(4, dtype=plait.float64, requires_grad=True)
    np.testing.assert_allclose(op(x).detach().numpy(), reference(x.detach().numpy()), rtol=1e-12)
    assert plait.autograd.gradgradcheck(op, (x,))


STREAMS = """
using namespace plait;
int64_t stream_of(const Tensor& x) { return reinterpret_cast<int64_t>(current_stream(x)); }

// What a program finds that was built with these headers, and runs with an older libplait.
std::string with_an_older_plait(const Tensor& x) {
  const plait_api& all = api();
  static plait_api older = all;
  older.size = offsetof(plait_api, current_stream);
  older.current_stream = nullptr;
  detail::g_api = &older;
  std::string said = "nothing";
  try {
    current_stream(x);
  } catch (const RuntimeError& error) {
    said = error.what();
  }
  detail::g_api = &all;
  return said;
}
Tensor told(const Tensor& x) {
  fail<ValueError>("{}", std::string_view(with_an_older_plait(x)));
}
"""


def test_streams_of_what_has_none():
    module = load_inline("test_streams", "#include <string>\n" + STREAMS, functions=["stream_of", "told"])
    for device in ("cpu", "meta"):
        with pytest.raises(RuntimeError, match=f"current_stream: device '{device}' has no streams; ask only in"):
            module.stream_of(plait.ones(2, device=device))
    with pytest.raises(ValueError, match=r"current_stream: plait \S+ is older than the headers .*upgrade plait"):
        module.told(plait.ones(2))
