"""Custom ops in Python as PyTorch has them: every test runs with plait, and with PyTorch where it is installed."""

import importlib

import numpy as np
import pytest

COUNT = iter(range(10**6))


def fresh(name="f"):
    """A name of an op that no other test has."""
    return f"test_library_parity::{name}{next(COUNT)}"


@pytest.fixture(params=["plait", "torch"])
def lib(request):
    """The same behaviour of plait and of PyTorch."""
    if request.param == "torch":
        pytest.importorskip("torch.library")
    return importlib.import_module(request.param)


def test_numpy_sin(lib):
    """The example of PyTorch's documentation."""

    def numpy_sin(x: lib.Tensor) -> lib.Tensor:
        return lib.from_numpy(np.sin(x.numpy(force=True))).to(x.device)

    op = lib.library.custom_op(fresh(), numpy_sin, mutates_args=())
    op.register_fake(lambda x: lib.empty_like(x))

    def setup_context(ctx, inputs, output):
        (x,) = inputs
        ctx.save_for_backward(x)

    op.register_autograd(lambda ctx, grad: grad * ctx.saved_tensors[0].cos(), setup_context=setup_context)
    x = lib.linspace(-1, 1, 5, dtype=lib.float64).requires_grad_()
    y = op(x)
    assert np.allclose(y.detach().numpy(), np.sin(x.detach().numpy()))
    (g,) = lib.autograd.grad(y.sum(), x, create_graph=True)
    assert np.allclose(g.detach().numpy(), np.cos(x.detach().numpy()))
    (gg,) = lib.autograd.grad(g.sum(), x)
    assert np.allclose(gg.numpy(), -np.sin(x.detach().numpy()))


def test_what_setup_context_and_backward_get(lib):
    seen = {}

    def function(
        x: lib.Tensor, many: list[lib.Tensor], n: int, maybe: lib.Tensor | None, *, scale: float
    ) -> tuple[lib.Tensor, lib.Tensor]:
        return x * scale, many[0] * many[1] * n

    op = lib.library.custom_op(fresh(), function, mutates_args=())

    def setup_context(ctx, inputs, keyword_only_inputs, output):
        seen.update(inputs=inputs, keywords=keyword_only_inputs, output=output, needs=ctx.needs_input_grad)
        ctx.save_for_backward(*inputs[1])
        ctx.n, ctx.scale = inputs[2], keyword_only_inputs["scale"]

    def backward(ctx, grad_x, grad_many):
        seen.update(grads=(grad_x, grad_many), needs_later=ctx.needs_input_grad)
        _, b = ctx.saved_tensors
        return grad_x * ctx.scale, [grad_many * b * ctx.n, None], None, None

    op.register_autograd(backward, setup_context=setup_context)
    x, a = lib.ones(2, requires_grad=True), lib.full((3,), 2.0).requires_grad_()
    b = lib.full((3,), 5.0)
    _, second = op(x, [a, b], 4, None, scale=0.5)
    inputs = seen["inputs"]
    assert inputs[0] is x and inputs[1][0] is a and inputs[1][1] is b and inputs[2:] == (4, None)
    assert type(inputs) is tuple and type(inputs[1]) is list
    assert seen["keywords"] == {"scale": 0.5} and len(seen["output"]) == 2
    second.sum().backward()
    assert a.grad.tolist() == [20.0] * 3 and x.grad.tolist() == [0.0, 0.0]
    assert seen["grads"][0].tolist() == [0.0, 0.0], "a missing gradient is zeros"
    assert tuple(seen["needs_later"]) == (True, [True, False], False, False)
    assert b.grad is None


def test_lists_in_and_out(lib):
    def function(many: list[lib.Tensor]) -> list[lib.Tensor]:
        return [t * (i + 1) for i, t in enumerate(many)]

    op = lib.library.custom_op(fresh(), function, mutates_args=())
    seen = []

    def backward(ctx, grads):
        seen.append(grads)
        return [g * (i + 1) for i, g in enumerate(grads)]

    op.register_autograd(backward)
    a, b, c = (lib.ones(n, requires_grad=n != 2) for n in (1, 2, 3))
    out = op([a, b, c])
    assert [o.requires_grad for o in out] == [True] * 3
    (out[0].sum() * 10 + out[2].sum()).backward()
    assert type(seen[0]) is list and [g.tolist() for g in seen[0]] == [[10.0], [0.0, 0.0], [1.0] * 3]
    assert a.grad.tolist() == [10.0] and c.grad.tolist() == [3.0] * 3 and b.grad is None


def test_missing_gradients_can_be_none(lib):
    seen = []

    def function(x: lib.Tensor) -> tuple[lib.Tensor, lib.Tensor, lib.Tensor]:
        return x * 2, x * 3, (x * 4).to(lib.int64)

    op = lib.library.custom_op(fresh(), function, mutates_args=())

    def backward(ctx, *grads):
        seen.extend(grads)
        return grads[1] * 3

    op.register_autograd(backward, setup_context=lambda ctx, inputs, output: ctx.set_materialize_grads(False))
    x = lib.ones(2, requires_grad=True)
    a, b, c = op(x)
    assert a.requires_grad and b.requires_grad and not c.requires_grad
    b.sum().backward()
    assert seen[0] is None and seen[2] is None and x.grad.tolist() == [3.0, 3.0]


def test_marking_and_saving_results(lib):
    def function(x: lib.Tensor) -> tuple[lib.Tensor, lib.Tensor]:
        return x.exp(), x * 2

    op = lib.library.custom_op(fresh(), function, mutates_args=())

    def setup_context(ctx, inputs, output):
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(output[0])

    op.register_autograd(lambda ctx, g, _: g * ctx.saved_tensors[0], setup_context=setup_context)
    x = lib.zeros(2, dtype=lib.float64, requires_grad=True)
    y, z = op(x)
    assert y.requires_grad and not z.requires_grad
    (g,) = lib.autograd.grad(y.sum(), x, create_graph=True)
    assert g.tolist() == [1.0, 1.0]
    assert lib.autograd.grad(g.sum(), x)[0].tolist() == [1.0, 1.0]


def test_no_derivative(lib):
    op = lib.library.custom_op(fresh(), lambda x: x * 2, mutates_args=(), schema="(Tensor x) -> Tensor")
    x = lib.ones(2, requires_grad=True)
    y = op(x)
    assert y.requires_grad
    with pytest.raises(RuntimeError, match=r"register_autograd"):  # NotImplementedError is one
        y.sum().backward()
    with lib.no_grad():
        assert not op(x).requires_grad


def test_the_kernel_runs_without_grad_mode(lib):
    seen = []

    def function(x: lib.Tensor) -> lib.Tensor:
        seen.append((lib.is_grad_enabled(), x.requires_grad))
        return x * 2

    op = lib.library.custom_op(fresh(), function, mutates_args=())
    op.register_autograd(lambda ctx, g: g * 2)
    x = lib.ones(1, requires_grad=True)
    op(x).backward()
    assert seen == [(False, True)] and x.grad.item() == 2


def test_what_is_written_has_a_new_version(lib):
    def function(x: lib.Tensor, many: list[lib.Tensor]) -> None:
        x.numpy()[...] = 7
        many[0].add_(1)

    op = lib.library.custom_op(fresh(), function, mutates_args=("x", "many"))
    x, a = lib.zeros(2), lib.zeros(1)
    before = x._version
    assert op(x, [a]) is None
    assert x.tolist() == [7, 7] and a.item() == 1 and x._version > before and a._version > 0
    w = lib.ones(2, requires_grad=True)
    y = w * x  # saves x
    op(x, [a])
    with pytest.raises(RuntimeError, match="modified"):
        y.sum().backward()
    with pytest.raises(RuntimeError):
        op.register_autograd(lambda ctx, g: g)


def test_kernels_by_device(lib):
    def function(x: lib.Tensor) -> int:
        return 0

    op = lib.library.custom_op(fresh(), function, mutates_args=())
    x = lib.ones(1)
    assert op(x) == 0
    op.register_kernel("cpu")(lambda x: 1)
    assert op(x) == 1
    with op.set_kernel_enabled("cpu", enabled=False):
        assert op(x) == 0
    assert op(x) == 1
    op.register_kernel(["cpu", "cuda"], lambda x: 2)
    assert op(x) == 2


def test_defined_anew(lib):
    name = fresh()
    space, short = name.split("::")
    x = lib.ones(1)

    def define(value):
        return lib.library.custom_op(name, lambda x: x * value, mutates_args=(), schema="(Tensor x) -> Tensor")

    first = define(2)
    assert getattr(getattr(lib.ops, space), short)(x).item() == 2 == first(x).item()
    second = define(3)
    assert getattr(getattr(lib.ops, space), short)(x).item() == 3 == second(x).item()
