"""opcheck: right ops pass every test, and for every test there are ops that are wrong in just that way."""

import inspect

import numpy as np
import plait
import pytest
from plait import Tensor, library
from plait.library import custom_op
from plait.testing import OpCheckError, _opcheck, opcheck
from plait.utils import cpp_extension

ALL = _opcheck.ALL


@pytest.fixture(autouse=True)
def cpu_alone(monkeypatch):
    """The ops of these tests are the CPU's."""
    monkeypatch.setattr(plait.cuda, "is_available", lambda: False)


COUNT = iter(range(10**6))
SUCCESS = {**dict.fromkeys(ALL, "SUCCESS")}


def op_of(function, mutates_args=(), **options):
    return custom_op(f"test_opcheck::f{next(COUNT)}", function, mutates_args=mutates_args, **options)


def simple(function, schema="(Tensor x) -> Tensor", mutates_args=(), fake=plait.empty_like, backward=None, context=None):
    """An op of a lambda, by default one of a tensor with a fake kernel that is right."""
    op = op_of(function, mutates_args, schema=schema)
    if fake:
        op.register_fake(fake)
    if backward:
        op.register_autograd(backward, setup_context=context)
    return op


def fails(op, args, test, *texts, kwargs=None):
    """Just this test fails, with a message that holds the texts; raised or returned."""
    results = opcheck(op, args, kwargs, raise_exception=False)
    wrong = {name for name, result in results.items() if isinstance(result, Exception)}
    assert wrong == {test}, results
    message = str(results[test])
    assert isinstance(results[test], OpCheckError) and f": {test} failed for " in message
    for text in texts:
        assert text in message, message
    with pytest.raises(OpCheckError) as error:
        opcheck(op, args, kwargs, test_utils=test)
    assert str(error.value).split("\n")[0] == message.split("\n")[0]
    return message


def save_input(ctx, inputs, output):
    ctx.save_for_backward(inputs[0])


def x23(grad=True, dtype=plait.float32):
    return plait.randn(2, 3, dtype=dtype).requires_grad_(grad)


# ---- ops that are right


def expect(results, **others):
    devices = "SUCCESS" if plait.cuda.is_available() else "SKIPPED: plait.cuda.is_available() is False"
    for name, result in results.items():
        wanted = others.get(name, devices if name == "test_devices" else "SUCCESS")
        assert isinstance(result, str) and result.startswith(wanted), (name, result)


def test_a_right_op():
    op = right_sin()
    expect(opcheck(op, (x23(),)))
    expect(library.opcheck(op, [(x23(),), (plait.randn(4, requires_grad=True),), (plait.randn((), requires_grad=True),)]))
    expect(opcheck(plait.ops.test_opcheck.__getattr__(op.__name__), (x23(),)))


def right_sin():
    return simple(
        lambda x: plait.from_numpy(np.array(np.sin(x.contiguous().numpy(force=True)))),
        fake=lambda x: plait.empty(tuple(x.shape), dtype=x.dtype, device=x.device),
        backward=lambda ctx, g: g * ctx.saved_tensors[0].cos(), context=save_input,
    )  # fmt: skip


def test_a_right_op_of_everything():
    def function(
        x: Tensor, many: list[Tensor], index: Tensor, maybe: Tensor | None = None, *, scale: float = 2.0
    ) -> tuple[Tensor, list[Tensor], int]:
        return x * scale + (0 if maybe is None else maybe), [t[index] for t in many], len(many)

    op = op_of(function)
    op.register_fake(
        lambda x, many, index, maybe, scale: (plait.empty_like(x), [t.new_empty(index.shape[0]) for t in many], len(many))
    )

    def setup_context(ctx, inputs, keyword_only_inputs, output):
        ctx.scale, ctx.sizes, ctx.has = keyword_only_inputs["scale"], [t.shape[0] for t in inputs[1]], inputs[3] is not None
        ctx.save_for_backward(inputs[2])

    def backward(ctx, g, gs, _):
        (index,) = ctx.saved_tensors
        into = [plait.zeros(n, dtype=gi.dtype).index_add(0, index, gi) for n, gi in zip(ctx.sizes, gs)]
        return g * ctx.scale, into, None, g if ctx.has else None

    op.register_autograd(backward, setup_context=setup_context)
    many = [plait.randn(3, requires_grad=True), plait.randn(4)]
    samples = [
        (x23(), many, plait.tensor([2, 0])),
        ((x23(), many, plait.tensor([1])), {"scale": 0.5}),
        (x23(), [], plait.tensor([1]), x23()),
    ]
    expect(opcheck(op, samples))
    expect(opcheck(op, samples[0], {"scale": -1.0}))


def test_ops_that_write_as_declared():
    def fill(x: Tensor, value: float) -> None:
        x.fill_(value)

    expect(
        opcheck(op_of(fill, ("x",)), (x23(False), 3.0)),
        test_autograd_registration="SKIPPED: no argument of the samples requires grad",
        test_gradcheck="SKIPPED: no argument",
    )

    def sometimes(x: Tensor) -> Tensor:  # to write less than declared is allowed
        return x + 1

    op = op_of(sometimes, ("x",))
    op.register_fake(plait.empty_like)
    expect(opcheck(op, (x23(False),)), test_autograd_registration="SKIPPED", test_gradcheck="SKIPPED")

    def inplace_(x: Tensor) -> Tensor:
        return x.mul_(2)

    op = op_of(inplace_, ("x",), tags=library.Tag.inplace)
    expect(opcheck(op, (x23(False),)), test_autograd_registration="SKIPPED", test_gradcheck="SKIPPED")

    def out_form(x: Tensor, *, out: Tensor) -> Tensor:
        return out.copy_(x * 2)

    op = op_of(out_form, ("out",), tags=library.Tag.out)
    expect(
        opcheck(op, (x23(False),), {"out": x23(False)}), test_autograd_registration="SKIPPED", test_gradcheck="SKIPPED"
    )


@pytest.mark.parametrize(
    ("op", "args", "kwargs"),
    [
        (plait.relu, (plait.tensor([[0.5, -2.0], [1.0, 3.0]], requires_grad=True),), {}),
        (plait.ops.plait.add, (plait.randn(2, 3, requires_grad=True), plait.randn(3, requires_grad=True)), {"alpha": 2}),
        (plait.matmul, (plait.randn(2, 3, requires_grad=True), plait.randn(3, 4, requires_grad=True)), {}),
        (plait.sum, (plait.randn(2, 3, requires_grad=True), 1), {"keepdim": True}),
        (plait.median, (plait.randn(7, requires_grad=True),), {}),
        (plait.median, (plait.randn(2, 7, requires_grad=True), 1), {}),
        (plait.split, (plait.randn(6, requires_grad=True), 2), {}),
        (plait.cat, ([plait.randn(2, 3, requires_grad=True), plait.randn(1, 3)],), {}),
        (plait.transpose, (plait.randn(2, 3, requires_grad=True), 0, 1), {}),
        (plait.exp_, (plait.randn(2, 3, requires_grad=True),), {}),
        (plait.dropout, (plait.randn(20, requires_grad=True), 0.5), {}),
        (plait.randn, ((3, 4),), {}),
        (plait.ops.plait.nonzero, (plait.tensor([1, 0, 2]),), {}),
    ],
    ids=lambda p: getattr(p, "__name__", ""),
)
def test_plaits_own_ops(op, args, kwargs):
    results = opcheck(op, args, kwargs)
    assert all(isinstance(r, str) for r in results.values())
    assert results["test_schema"] == "SUCCESS"
    if any(isinstance(a, Tensor) and a.requires_grad for a in args):
        assert results["test_gradcheck"] == "SUCCESS"
    if op.__name__ == "nonzero":
        assert "depends on data" in results["test_faketensor"]


CPP = """
using namespace plait;
PLAIT_OP(swish, Tensor(const Tensor&)){
    .schema = "swish(Tensor x) -> Tensor",
    .meta = [](const Tensor& x) { return like(x); },
    .vjp = [](Vjp& v) {
      const Tensor x = v.in("x"), s = sigmoid(x);
      v.set("x", v.grad() * (s + x * s * (1 - s)));
    },
    .save = "x",
    .cpu = [](const Tensor& out, const Tensor& x) {
      elementwise(out, {x}, [](auto v) { return v * math::sigmoid(v); });
    },
};
// Wrong: a factor in the derivative.
PLAIT_OP(wrong_vjp, Tensor(const Tensor&)){
    .schema = "wrong_vjp(Tensor x) -> Tensor",
    .meta = [](const Tensor& x) { return like(x); },
    .vjp = [](Vjp& v) { v.set("x", v.grad() * 3); },
    .cpu = [](const Tensor& out, const Tensor& x) { elementwise(out, {x}, [](auto v) { return v + v; }); },
};
// Wrong: reads memory without strides.
PLAIT_OP(no_strides, Tensor(const Tensor&)){
    .schema = "no_strides(Tensor x) -> Tensor",
    .direct = [](const Tensor& x) {
      Tensor out = plait::empty(Dims(x.sizes()));
      for (int64_t i = 0; i < x.numel(); ++i) out.data<float>()[i] = 2 * x.data<float>()[i];
      return out;
    },
    .no_grad = true,
};
// Loses the gradient.
Tensor lost(const Tensor& x) {
  Tensor out = plait::empty(Dims(x.sizes()));
  const Tensor c = x.contiguous();
  for (int64_t i = 0; i < c.numel(); ++i) out.data<float>()[i] = 2 * c.data<float>()[i];
  return out;
}
Tensor written(const Tensor& x) {
  x.data<float>()[0] = 7;
  return x + 1;
}
"""


@pytest.fixture(scope="module")
def cpp():
    return cpp_extension.load_inline("test_opcheck_cpp", CPP, functions=["lost", "written"])


def test_ops_of_a_cpp_extension(cpp):
    expect(opcheck(cpp.swish, [(x23(),), (plait.randn(5, dtype=plait.float64, requires_grad=True),)]))
    x = x23()
    wrong = opcheck(cpp.wrong_vjp, (x,), raise_exception=False)
    assert [n for n, r in wrong.items() if isinstance(r, Exception)] == ["test_gradcheck"]
    assert ".vjp of its declaration" in str(wrong["test_gradcheck"])
    wrong = opcheck(cpp.no_strides, (x23(False),), raise_exception=False)
    assert [n for n, r in wrong.items() if isinstance(r, Exception)] == ["test_faketensor", "test_layouts"]
    assert ".direct_meta beside .direct" in str(wrong["test_faketensor"])
    with pytest.raises(OpCheckError, match=r"computed from data\(\) outside of ops.*PLAIT_OP and .vjp"):
        opcheck(cpp.lost, (x,), test_utils="test_autograd_registration")
    with pytest.raises(OpCheckError, match=r"argument 'x' is written but is not declared to be; declare it as Tensor\(a!\) x"):
        opcheck(cpp.written, (x,), test_utils="test_schema")


# ---- test_schema


def test_undeclared_writes():
    def by_numpy(x, many):
        many[1].numpy(force=True)[0] = 5
        return x + 1

    op = simple(by_numpy, "(Tensor x, Tensor[] many) -> Tensor", fake=lambda x, many: plait.empty_like(x))
    args = (x23(False), [x23(False), x23(False)])
    results = opcheck(op, args, raise_exception=False)
    message = str(results["test_schema"])
    assert "argument 'many'[1] is written but is not declared to be; add 'many' to mutates_args, or work on many.clone()" in message
    in_place = simple(lambda x: x.mul_(2).clone())
    with pytest.raises(OpCheckError, match="argument 'x' is written but is not declared"):
        opcheck(in_place, (x23(False),))
    same_values = simple(lambda x: x.mul_(1) + 1)
    fails(same_values, (x23(False),), "test_schema", "written in place, with the values that it had,")
    gaps = simple(lambda x: plait.as_strided(x, (1,), (1,), 1).zero_() + x)
    with pytest.raises(OpCheckError, match="argument 'x' is written"):  # beside its elements
        opcheck(gaps, (plait.randn(4, 2)[:, 0],), test_utils="test_schema")
    nan = simple(lambda x: x + 1)  # comparison of bytes: NaN is no change
    expect(opcheck(nan, (plait.tensor([float("nan"), 1.0]),), test_utils="test_schema"))


def test_samples_stay_as_they_are():
    x = x23(False)
    before = x.clone()
    opcheck(simple(lambda x: x.mul_(2).clone()), (x,), raise_exception=False)
    assert bool((x == before).all()) and x._version == 0


def test_results_that_share_memory_with_arguments():
    fails(
        simple(lambda x: x[:, 1:], fake=lambda x: x.new_empty(2, 3)[:, 1:]), (x23(False),), "test_schema",
        "result 0 shares memory with argument 'x', but is not declared to; return a copy (.clone())",
    )  # fmt: skip
    fails(
        simple(lambda x: plait.from_numpy(x.numpy(force=True)[::-1][::-1]), backward=lambda ctx, g: g), (x23(),),
        "test_schema", "result 0 shares memory with argument 'x'",
    )  # fmt: skip
    fails(
        simple(lambda many: many[1][:], "(Tensor[] many) -> Tensor", fake=lambda many: plait.empty_like(many[1])),
        ([x23(False), x23(False)],), "test_schema", "result 0 shares memory with argument 'many'",
    )  # fmt: skip
    fails(
        simple(lambda x: [x + 1, x[0]], "(Tensor x) -> Tensor[]", fake=lambda x: [plait.empty_like(x), x.new_empty(x.shape[1:])]),
        (plait.randn(2, 3),), "test_schema", "result 0 shares memory with argument 'x'",
    )  # fmt: skip


def test_results_that_share_memory_with_each_other():
    def function(x):
        y = x + 1
        return y, y[0]

    op = simple(function, "(Tensor x) -> (Tensor, Tensor)", fake=lambda x: (plait.empty_like(x), x.new_empty(x.shape[1:])))
    fails(op, (plait.randn(2, 3),), "test_schema", "results 0 and 1 share memory; return a copy")


def test_a_write_that_the_version_does_not_show():
    def swap(x):
        x.numpy(force=True)[...] = 1
        x.data = plait.zeros(2, 3)  # other memory, whose version is 0

    op = simple(swap, "(Tensor(a!) x) -> ()", ("x",), fake=None)
    x = x23(False)
    x.add_(1).add_(1)

    class Versioned(_opcheck.Sample):
        def copy(self, *args, **kwargs):
            copies = super().copy(*args, **kwargs)
            copies[0][0].add_(0).add_(0)  # as if written twice before
            return copies

    checker = _opcheck._Checker(_opcheck.Op(op), None, None)
    with pytest.raises(OpCheckError, match=r"its version counter did not move on \(2 before, 1 after\)"):
        checker.test_schema(Versioned(_opcheck.Op(op), (x,), {}))


# ---- test_autograd_registration


def test_a_missing_derivative():
    op = simple(lambda x: x * 2)
    message = fails(op, (x23(),), "test_autograd_registration", "the op has no derivative")
    assert f"register one with {op.__name__}.register_autograd(backward, setup_context=...)" in message
    results = opcheck(op, (x23(),), raise_exception=False)
    assert results["test_gradcheck"].startswith("SKIPPED: there is no derivative")
    expect(opcheck(op, (x23(False),)), test_autograd_registration="SKIPPED", test_gradcheck="SKIPPED")


def test_a_backward_that_raises():
    def backward(ctx, g):
        raise KeyError("oh")

    op = simple(lambda x: x * 2, backward=backward)
    with pytest.raises(OpCheckError, match=r"test_autograd_registration.*backward raised KeyError: 'oh'"):
        opcheck(op, (x23(),))


def test_results_that_are_all_marked():
    op = simple(
        lambda x: x * 2, backward=lambda ctx, g: g * 2,
        context=lambda ctx, inputs, output: ctx.mark_non_differentiable(output),
    )  # fmt: skip
    fails(op, (x23(),), "test_autograd_registration", "no result requires grad", "mark_non_differentiable")


def test_integer_results_need_no_derivative():
    op = simple(lambda x: (x > 0).sum(1), fake=lambda x: x.new_empty(x.shape[0], dtype=plait.int64))
    assert opcheck(op, (x23(),))["test_autograd_registration"] == "SUCCESS"


# ---- test_gradcheck


def test_a_wrong_first_derivative():
    op = simple(lambda x: x * x, backward=lambda ctx, g: g * ctx.saved_tensors[0], context=save_input)
    fails(op, (x23(),), "test_gradcheck", "the first derivative is wrong", f"correct backward ({op.__name__}.register_autograd)")


def test_a_wrong_first_derivative_of_something_large():
    op = simple(lambda x: x * x, backward=lambda ctx, g: g * ctx.saved_tensors[0], context=save_input)
    with pytest.raises(OpCheckError, match="disagree along a random direction"):
        opcheck(op, (plait.randn(100, requires_grad=True),))
    right = simple(lambda x: x * x, backward=lambda ctx, g: g * ctx.saved_tensors[0] * 2, context=save_input)
    expect(opcheck(right, (plait.randn(100, requires_grad=True),)))


def test_a_wrong_second_derivative():
    def numpy_backward(ctx, g):
        return plait.from_numpy(g.numpy(force=True) * 3 * ctx.saved_tensors[0].numpy(force=True) ** 2)

    op = simple(lambda x: x * x * x, backward=numpy_backward, context=save_input)
    fails(op, (x23(),), "test_gradcheck", "the second derivative is wrong", "write backward in ops", "once_differentiable")
    once = plait.autograd.function.once_differentiable
    op = simple(lambda x: x * x * x, backward=once(numpy_backward), context=save_input)
    expect(opcheck(op, (x23(),)))


def test_tensors_kept_beside_save_for_backward():
    def context(ctx, inputs, output):
        ctx.x = inputs[0].detach()

    op = simple(lambda x: x * x, backward=lambda ctx, g: g * ctx.x * 2, context=context)
    fails(op, (x23(),), "test_gradcheck", "the second derivative is wrong")


def test_only_arguments_that_require_grad_are_differentiated():
    op = simple(
        lambda x, w: x * w, "(Tensor x, Tensor w) -> Tensor", fake=lambda x, w: plait.empty_like(x),
        backward=lambda ctx, g: (g * ctx.saved_tensors[0], None),
        context=lambda ctx, inputs, output: ctx.save_for_backward(inputs[1]),
    )  # fmt: skip
    expect(opcheck(op, (x23(), x23(False))))
    fails(op, (x23(), x23()), "test_gradcheck", "by input 1", "give only those arguments requires_grad=True")


def test_an_op_that_computes_in_single_precision():
    op = simple(
        lambda x: x.float() * 2, fake=lambda x: plait.empty_like(x, dtype=plait.float32), backward=lambda ctx, g: g * 2
    )
    fails(op, (x23(),), "test_gradcheck", "result 0 is plait.float32 for float64 arguments")

    def only_single(x):
        if x.dtype != plait.float32:
            raise TypeError("float32 only")
        return x * 2

    op = simple(only_single, backward=lambda ctx, g: g * 2)
    assert opcheck(op, (x23(),))["test_gradcheck"] == "SKIPPED: the op does not take float64, which finite differences need: float32 only"


# ---- test_faketensor


def test_a_missing_fake_kernel():
    op = simple(lambda x: x + 1, fake=None)
    fails(
        op, (x23(False),), "test_faketensor",
        f"there is no fake kernel, so that the op does not run on the meta device; register one, which says shape and dtype of the results:\n  @{op.__name__}.register_fake\n  def _(x):\n",
    )  # fmt: skip
    by_data = op_of(lambda x: x[x > 0], schema="(Tensor x) -> Tensor", tags=library.Tag.dynamic_output_shape)
    assert opcheck(by_data, (x23(False),))["test_faketensor"].startswith("SKIPPED: the op is declared so")


@pytest.mark.parametrize(
    ("fake", "text"),
    [
        (lambda x: x.new_empty(3, 2), "result 0 has shape (2, 3), but (3, 2) on the meta device"),
        (lambda x: x.new_empty(2, 3, dtype=plait.float64), "result 0 has dtype plait.float32, but plait.float64"),
        (lambda x: x.new_empty(3, 2).t(), "result 0 has strides (3, 1), but (1, 2) on the meta device"),
        (lambda x: plait.empty(2, 3), "the fake kernel must return tensors of the meta device, result 0 is on 'cpu'"),
        (lambda x: x.new_empty(2, int(x[0, 0].item())), "it may look at shapes, dtypes and strides alone"),
        (lambda x: None, "result 0 must be a Tensor"),
    ],
    ids=["shape", "dtype", "strides", "device", "data", "nothing"],
)
def test_wrong_fake_kernels(fake, text):
    op = simple(lambda x: x + 1, fake=fake)
    fails(op, (x23(False),), "test_faketensor", text, f"correct the function of @{op.__name__}.register_fake")


def test_a_fake_kernel_that_is_right_for_one_sample():
    op = simple(lambda x: x + 1, fake=lambda x: x.new_empty(2, 3))
    expect(opcheck(op, (x23(False),)), test_autograd_registration="SKIPPED", test_gradcheck="SKIPPED")
    fails(op, [(x23(False),), (plait.randn(4),)], "test_faketensor", "failed for sample 1 (float32[4])")


def test_a_fake_list_of_another_length():
    op = simple(lambda x: [x + 1, x + 2], "(Tensor x) -> Tensor[]", fake=lambda x: [plait.empty_like(x)])
    fails(op, (x23(False),), "test_faketensor", "result 0 is a list of 2 tensors, but of 1 on the meta device")


# ---- test_layouts


def raw_memory(x):
    """The elements as they lie in memory from the first on, as a kernel sees them that knows no strides."""
    return plait.as_strided(x, tuple(x.shape), x.contiguous().stride(), x.storage_offset())


def test_a_kernel_that_knows_no_strides():
    op = simple(lambda x: raw_memory(x) * 2, fake=lambda x: plait.empty(tuple(x.shape), device="meta"))
    fails(op, (x23(False),), "test_layouts", "arguments with gaps between their elements give other results", "x.contiguous() first")
    transposed = simple(lambda x: (raw_memory(x) if x.stride(0) == 1 else x) * 2)
    fails(transposed, (x23(False),), "test_layouts", "arguments that are transposed")
    offset = simple(
        lambda x: plait.as_strided(x, tuple(x.shape), x.stride(), 0) * 2 if x.is_contiguous() else x * 2
    )
    fails(offset, (x23(False),), "test_layouts", "arguments that begin within their memory (storage_offset of 1)")


def test_a_kernel_that_refuses_layouts():
    op = simple(lambda x: x.view(-1).view(tuple(x.shape)) * 2)
    fails(op, (x23(False),), "test_layouts", "make them contiguous first")


def test_a_write_to_the_wrong_place():
    op = simple(fill_contiguous, "(Tensor(a!) x) -> ()", ("x",), fake=None)
    fails(op, (x23(False),), "test_layouts", "arguments with gaps between their elements give other results")


def fill_contiguous(x):
    x.contiguous().fill_(1)


def test_a_backward_that_knows_no_strides():
    op = simple(lambda x: x * 2, backward=lambda ctx, g: raw_memory(g) * 2)
    results = opcheck(op, (x23(),), test_utils=("test_schema", "test_layouts"), raise_exception=False)
    assert "gradients with gaps between their elements, as they come from sum() and transposes" in str(results["test_layouts"])

    def refuses(ctx, g):
        if 0 in g.stride():
            raise RuntimeError("no strides of 0")
        return g * 2

    expanded = simple(lambda x: x * 2, backward=refuses)
    fails(expanded, (x23(),), "test_layouts", "gradients that are expanded (strides of 0) raise", "in backward")


def test_a_random_op_repeats():
    op = simple(lambda x: x + plait.rand_like(x), backward=lambda ctx, g: g)
    x = x23()
    before = plait.get_rng_state()
    expect(opcheck(op, (x,)))
    assert bool((plait.get_rng_state() == before).all()), "opcheck leaves the generator as it was"
    generator = plait.Generator()
    generator.manual_seed(3)
    state = generator.get_state()
    with_generator = simple(
        lambda x, generator: x + plait.rand(tuple(x.shape), generator=generator), "(Tensor x, Generator? generator=None) -> Tensor",
        fake=lambda x, generator: plait.empty(tuple(x.shape), device="meta"), backward=lambda ctx, g: (g, None),
    )  # fmt: skip
    expect(opcheck(with_generator, (x23(), generator)), test_devices="SKIPPED")
    assert bool((generator.get_state() == state).all())


def test_an_op_with_a_state_of_its_own():
    state = np.random.default_rng(0)
    op = simple(lambda x: x + state.random())
    fails(op, (x23(False),), "test_layouts", "the same arguments give other results the second time", "plait.rand")


# ---- test_devices


def test_devices_that_disagree(monkeypatch):
    """Where there is no CUDA a flag stands for the second device."""
    where = ["cpu"]

    def move(t, device):
        where[0] = device
        return t

    monkeypatch.setattr(_opcheck, "_cuda_available", lambda: True)
    monkeypatch.setattr(_opcheck, "_move", move)
    op = simple(lambda x: x * (2 if where[0] == "cpu" else 2.1), backward=lambda ctx, g: g * 2)
    with pytest.raises(OpCheckError, match="results on the CPU and on CUDA differ"):
        opcheck(op, (x23(),), test_utils="test_devices")
    op = simple(lambda x: x * 2, backward=lambda ctx, g: g * (2 if where[0] == "cpu" else 2.1))
    with pytest.raises(OpCheckError, match="gradients on the CPU and on CUDA differ"):
        opcheck(op, (x23(),), test_utils="test_devices")
    expect(opcheck(op, (x23(),), test_utils="test_devices", atol=10, rtol=10), test_devices="SUCCESS")

    def cpu_only(x):
        if where[0] == "cuda":
            raise NotImplementedError("no kernel for device 'cuda'")
        return x * 2

    op = simple(cpu_only)
    assert opcheck(op, (x23(False),), test_utils="test_devices")["test_devices"].startswith("SKIPPED: the op has no kernel for 'cuda'")


def test_no_cuda_is_said(monkeypatch):
    monkeypatch.setattr(_opcheck, "_cuda_available", lambda: False)
    result = opcheck(plait.relu, (x23(),), test_utils="test_devices")
    assert result == {"test_devices": "SKIPPED: plait.cuda.is_available() is False: CPU and CUDA were not compared"}


# ---- how it is called


def test_bad_calls():
    x = x23(False)
    for bad in (lambda x: x, "mylib::f", plait.nn.functional.relu6 if inspect.isfunction(plait.nn.functional.relu6) else len):
        with pytest.raises(ValueError, match="argument 'op' must be an op"):
            opcheck(bad, (x,))
    with pytest.raises(TypeError, match=r"did you mean \(x,\)\?"):
        opcheck(plait.relu, x)
    with pytest.raises(ValueError, match="list of samples is empty"):
        opcheck(plait.relu, [])
    with pytest.raises(ValueError, match="give both atol and rtol"):
        opcheck(plait.relu, (x,), atol=1.0)
    with pytest.raises(ValueError, match=r"'test_shema'; there are test_schema, "):
        opcheck(plait.relu, (x,), test_utils=("test_shema",))
    with pytest.raises(ValueError, match="nothing is compiled ahead of time"):
        opcheck(plait.relu, (x,), test_utils="test_aot_dispatch_dynamic")
    op = simple(lambda x: x + 1)
    plait._C._remove_op(op._qualname)
    with pytest.raises(ValueError, match="not in the registry any more"):
        opcheck(op, (x,))
    del library._defined[op._qualname]
    old = simple(lambda x: x + 1)
    custom_op(old._qualname, lambda x: x + 2, mutates_args=(), schema="(Tensor x) -> Tensor")
    with pytest.raises(ValueError, match="has been defined anew"):
        opcheck(old, (x,))


def test_an_op_that_raises_for_the_sample():
    def function(x):
        raise ZeroDivisionError("by zero")

    results = opcheck(simple(function), (x23(False),), raise_exception=False)
    assert "test_schema failed for (float32[2, 3]): the op raised ZeroDivisionError: by zero" in str(results["test_schema"])
    assert isinstance(results["test_schema"].__cause__, ZeroDivisionError)


def test_a_list_of_arguments_is_one_sample():
    op = simple(lambda x, n: x * n, "(Tensor x, int n) -> Tensor", fake=lambda x, n: plait.empty_like(x))
    expect(opcheck(op, [x23(False), 3]), test_autograd_registration="SKIPPED", test_gradcheck="SKIPPED")


# ---- PyTorch's opcheck agrees


@pytest.mark.parametrize(
    ("test", "good"),
    [("test_schema", True), ("test_schema", False), ("test_faketensor", True), ("test_faketensor", False)],
)
def test_as_pytorch(test, good):
    torch = pytest.importorskip("torch.library") and pytest.importorskip("torch")

    def run(lib, check):
        def function(x: lib.Tensor) -> lib.Tensor:
            if not good and test == "test_schema":
                x.mul_(2)
            return x + 1

        op = lib.library.custom_op(f"test_opcheck::t{next(COUNT)}", function, mutates_args=())
        op.register_fake(lambda x: lib.empty_like(x) if good or test != "test_faketensor" else x.new_empty(5))
        result = check(op, (lib.ones(2, 3),), test_utils=test, raise_exception=False)
        return {name: r == "SUCCESS" for name, r in result.items()}

    assert run(torch, torch.library.opcheck) == run(plait, opcheck) == {test: good}
