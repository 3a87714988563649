"""A third party's device: it claims a name, brings its memory, and attaches kernels to plait's ops."""

import shutil

import plait
import pytest
from plait.utils.cpp_extension import load_inline

pytestmark = pytest.mark.skipif(not shutil.which("c++"), reason="there is no C++ compiler")

# The device's memory is the host's, counted: what matters here is who is called.
TOY = """
#include <cstdlib>
#include <plait/backend.h>
using namespace plait;

static int64_t g_live = 0, g_calls = 0;
static Backend toy("toy", [](size_t bytes) -> void* { g_live += bytes; return std::malloc(bytes ? bytes : 1); },
                   [](void* data, size_t bytes) { g_live -= bytes; std::free(data); });
static void copy_elements(const Tensor& out, const Tensor& from) {
  ++g_calls;
  const Tensor source = from;
  elementwise<Real>(out, {source}, [](auto v) { return v; });
}
static BackendKernel copy_toy(toy, "copy", +[](const Tensor& out, const Tensor&, const Tensor& src, bool) {
  copy_elements(out, src);
});
static BackendKernel to_toy(toy, "_to_device", +[](const Tensor& out, const Tensor& self, Device, bool) {
  copy_elements(out, self);
});
static BackendKernel add_toy(toy, "add", +[](const Tensor& out, const Tensor& a, const Tensor& b, const Scalar& alpha) {
  ++g_calls;
  const double scale = alpha.to<double>();
  elementwise(out, {a, b}, [scale](auto x, auto y) { return x + static_cast<decltype(y)>(scale) * y; });
});
static BackendKernel mul_toy(toy, "mul", +[](const Tensor& out, const Tensor& a, const Tensor& b) {
  ++g_calls;
  elementwise(out, {a, b}, [](auto x, auto y) { return x * y; });
});
int64_t calls() { return g_calls; }
int64_t live() { return g_live; }
"""


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    return load_inline("toy_backend", TOY, functions=["calls", "live"], build_directory=str(folder))


def test_tensors_live_on_the_device(toy):
    before = toy.live()
    x = plait.tensor([1.0, 2.0, 3.0]).to("toy")
    assert x.device == plait.device("toy") and x.device.type == "toy"
    assert toy.live() >= before + 12
    assert x.tolist() == [1, 2, 3]
    assert x.cpu().tolist() == [1, 2, 3] and x.cpu().device.type == "cpu"
    assert "device='toy'" in repr(x) and "1., 2., 3." in repr(x)
    del x
    assert toy.live() == before


def test_ops_run_its_kernels(toy):
    x = plait.tensor([1.0, 2.0]).to("toy")
    calls = toy.calls()
    y = x + x * 3
    assert toy.calls() >= calls + 2
    assert y.device.type == "toy" and y.cpu().tolist() == [4, 8]
    x += 1
    assert x.cpu().tolist() == [2, 3]


def test_gradients_flow_on_the_device(toy):
    x = plait.tensor([1.0, 2.0]).to("toy").requires_grad_()
    (x * x).backward(plait.ones(2).to("toy"))
    assert x.grad.device.type == "toy" and x.grad.cpu().tolist() == [2, 4]


def test_what_is_missing_is_said(toy):
    x = plait.tensor([1.0, 2.0]).to("toy")
    with pytest.raises(NotImplementedError, match="exp: no kernel for device 'toy'"):
        x.exp()
    with pytest.raises(RuntimeError, match="one device"):
        x + plait.ones(2)


def test_a_kernel_that_does_not_fit_the_schema(toy, tmp_path):
    source = """
        #include <plait/backend.h>
        using namespace plait;
        static Backend other("other_toy", [](size_t n) -> void* { return std::malloc(n); },
                             [](void* p, size_t) { std::free(p); });
        static BackendKernel wrong(other, "mul", +[](const Tensor&, const Tensor&, double) {});
    """
    with pytest.raises(
        TypeError, match=r"mul: the kernel for another device must take .*'mul\(Tensor self"
    ):
        load_inline("other_backend", "#include <cstdlib>\n" + source, build_directory=str(tmp_path))
    with pytest.raises(ValueError, match="the name 'toy' is taken"):
        load_inline("toy_again", TOY, build_directory=str(tmp_path / "again"))
