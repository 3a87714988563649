"""Custom functions, and the gradient checker that they are checked with."""

import gc
import weakref

import numpy as np
import plait
import pytest
from plait.autograd import Function, grad


def leaf(*values, dtype=None):
    return plait.tensor(list(values), dtype=dtype or plait.float64, requires_grad=True)


# ---- custom functions ----------------------------------------------------------------------------


class Cube(Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.save_for_backward(x)
        ctx.factor = factor
        return x**3 * factor

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3 * x * x * ctx.factor, None


def test_function():
    x = leaf(1, 2)
    y = Cube.apply(x, 2)
    assert "Cube" in type(y.grad_fn).__name__ or "Cube" in y.grad_fn.name()
    y.sum().backward()
    assert x.grad.tolist() == [6, 24]
    assert plait.autograd.gradcheck(lambda t: Cube.apply(t, 2.0), (leaf(1, 2, -3),))
    assert plait.autograd.gradgradcheck(lambda t: Cube.apply(t, 2.0), (leaf(1, 2, -3),))
    assert not Cube.apply(plait.ones(2), 2).requires_grad
    with plait.no_grad():
        assert not Cube.apply(x, 2).requires_grad


def test_function_runs_forward_without_grad():
    class Look(Function):
        @staticmethod
        def forward(ctx, x):
            assert not plait.is_grad_enabled()
            return x * 2

        @staticmethod
        def backward(ctx, g):
            assert not plait.is_grad_enabled()
            return g * 2

    x = leaf(1)
    Look.apply(x).backward()
    assert x.grad.item() == 2


def test_function_with_setup_context():
    class Scale(Function):
        @staticmethod
        def forward(x, w):
            return x * w

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, g):
            x, w = ctx.saved_tensors
            return g * w, g * x

    x, w = leaf(2), leaf(5)
    Scale.apply(x, w).backward()
    assert x.grad.item() == 5 and w.grad.item() == 2


def test_function_with_several_outputs():
    class Both(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2, x * 3, "text"

        @staticmethod
        def backward(ctx, a, b, text):
            return a * 2 + b * 3

    x = leaf(1)
    a, b, text = Both.apply(x)
    assert text == "text"
    a.backward(retain_graph=True)
    assert x.grad.item() == 2, "the gradient of an unused output comes as zeros"
    b.backward()
    assert x.grad.item() == 5


def test_function_without_materialised_gradients():
    class Both(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, a, b):
            assert b is None
            return a * 2

    x = leaf(1)
    Both.apply(x)[0].backward()
    assert x.grad.item() == 2


def test_needs_input_grad():
    class Look(Function):
        @staticmethod
        def forward(ctx, a, b, c):
            return a * b

        @staticmethod
        def backward(ctx, g):
            assert ctx.needs_input_grad == (True, False, False)
            return g, None, None

    x = leaf(1)
    Look.apply(x, plait.ones(1, dtype=plait.float64), 3).backward()
    assert x.grad.item() == 1


def test_wrong_number_of_gradients():
    class Wrong(Function):
        @staticmethod
        def forward(ctx, a, b):
            return a * b

        @staticmethod
        def backward(ctx, g):
            return g

    with pytest.raises(RuntimeError, match=r"(?s)Wrong.*(2.*1|1.*2)"):
        Wrong.apply(leaf(1), leaf(2)).backward()


def test_wrong_shape_of_a_gradient():
    class Wrong(Function):
        @staticmethod
        def forward(ctx, a):
            return a * 1

        @staticmethod
        def backward(ctx, g):
            return plait.ones(7, dtype=plait.float64)

    with pytest.raises(RuntimeError, match=r"(?s)Wrong.*7"):
        Wrong.apply(leaf(1, 2)).sum().backward()


def test_mark_dirty():
    class AddOne(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x)
            return x.add_(1)

        @staticmethod
        def backward(ctx, g):
            return g * 7

    x = leaf(1)
    y = x * 2
    z = AddOne.apply(y)
    assert z is y and y.item() == 3
    z.backward()
    assert x.grad.item() == 14
    with pytest.raises(RuntimeError, match="leaf"):
        AddOne.apply(leaf(1))


def test_mark_non_differentiable():
    class SortOf(Function):
        @staticmethod
        def forward(ctx, x):
            rank = (x * 0 + 1).detach()
            ctx.mark_non_differentiable(rank)
            return x * 2, rank

        @staticmethod
        def backward(ctx, g, unused):
            return g * 2

    x = leaf(1)
    y, rank = SortOf.apply(x)
    assert y.requires_grad and not rank.requires_grad
    y.backward()
    assert x.grad.item() == 2


def test_once_differentiable():
    class Once(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @plait.autograd.function.once_differentiable
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * g * x

    x = leaf(3)
    (g,) = grad(Once.apply(x) * x, x, create_graph=True)
    assert g.item() == 27
    with pytest.raises(RuntimeError, match="once_differentiable"):
        g.backward()


def test_saved_tensors_are_checked_and_freed():
    x = leaf(1, 2)
    y = x * 1
    z = Cube.apply(y, 1)
    with plait.no_grad():
        y.add_(1)
    with pytest.raises(RuntimeError, match=r"(?i)version|modified"):
        z.sum().backward()
    z = Cube.apply(x, 1).sum()
    z.backward()
    with pytest.raises(RuntimeError, match="retain_graph"):
        z.backward()


def test_a_function_that_returns_its_input():
    class Same(Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 5

    x = leaf(1)
    y = Same.apply(x)
    y.backward()
    assert x.grad.item() == 5 and x.is_leaf


def test_a_function_without_backward():
    class Nothing(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

    with pytest.raises((NotImplementedError, RuntimeError), match=r"(?i)backward"):
        Nothing.apply(leaf(1)).backward()


def test_an_error_in_a_backward_comes_out():
    class Bad(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            raise ArithmeticError("mine")

    with pytest.raises(ArithmeticError, match="mine"):
        Bad.apply(leaf(1)).backward()


def test_a_backward_inside_a_backward():
    class Nested(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**2

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            with plait.enable_grad():
                t = x.detach().requires_grad_()
                return g * grad((t**2).sum(), t)[0]

    x = leaf(3)
    Nested.apply(x).backward()
    assert x.grad.item() == 6


# ---- gradcheck itself ----------------------------------------------------------------------------


def test_gradcheck_finds_a_wrong_derivative():
    class Wrong(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2.01

    assert plait.autograd.gradcheck(lambda x: x * x, (leaf(1, 2),))
    with pytest.raises(RuntimeError):
        plait.autograd.gradcheck(Wrong.apply, (leaf(1, 2),))
    assert plait.autograd.gradcheck(Wrong.apply, (leaf(1, 2),), raise_exception=False) is False


def test_gradgradcheck_finds_a_wrong_second_derivative():
    class Wrong(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**2

        @staticmethod
        def backward(ctx, g):
            return g * 2 * ctx.saved_tensors[0].detach()

    x = leaf(1, 2)
    assert plait.autograd.gradcheck(Wrong.apply, (x,))
    with pytest.raises(RuntimeError):
        plait.autograd.gradgradcheck(Wrong.apply, (x,))


class _KeepsItsResults(Function):
    @staticmethod
    def forward(ctx, x, changed):
        y, positive = x.exp(), x > 0
        ctx.mark_dirty(changed.mul_(2))
        ctx.mark_non_differentiable(positive)
        ctx.save_for_backward(x, y, positive, changed)
        return y, positive, changed

    @staticmethod
    def backward(ctx, grad, _, grad_changed):
        x, y, positive, _ = ctx.saved_tensors
        return grad * y + 0 * x * positive, grad_changed * 2


@pytest.mark.parametrize("create_graph", [None, False, True])
def test_a_graph_that_is_dropped_is_freed_at_once(create_graph):
    """Without the garbage collector: results that a context has saved make no cycle."""
    gc.collect()
    gc.disable()
    try:
        x, z = plait.ones(3, requires_grad=True), plait.ones(3, requires_grad=True)
        changed = z * 1
        y, positive, changed = _KeepsItsResults.apply(x, changed)
        gone = [weakref.ref(t) for t in (y, positive, changed)] + [weakref.ref(y.grad_fn._context)]
        if create_graph is not None:
            plait.autograd.grad((y + changed).sum(), (x, z), create_graph=create_graph)
        del y, positive, changed
        assert [reference() for reference in gone] == [None] * 4
    finally:
        gc.enable()


class _Pair(Function):
    """x^2 and x^3, of which both are saved."""

    @staticmethod
    def forward(ctx, x):
        square, cube = x * x, x * x * x
        ctx.save_for_backward(x, square, cube)
        return square, cube

    @staticmethod
    def backward(ctx, grad_square, grad_cube):
        _, square, cube = ctx.saved_tensors
        return grad_square * 2 * cube / square + grad_cube * 3 * square


@pytest.mark.parametrize("used", [0, 1])
def test_second_derivatives_through_results_that_nobody_holds(used):
    """Backward gives saved results their history back though no Python object of them is left."""
    x = leaf(1.5, -2.0)
    assert plait.autograd.gradgradcheck(lambda x: _Pair.apply(x)[used] * 2, [x])
    (first,) = grad((_Pair.apply(x)[used] * 1).sum(), x, create_graph=True)
    (second,) = grad(first.sum(), x)
    np.testing.assert_allclose(second.numpy(), [2.0, 2.0] if used == 0 else [9.0, -12.0])
    y = _Pair.apply(x)[used]
    _, square, cube = y.grad_fn._context.saved_tensors
    assert square.grad_fn is y.grad_fn and cube.grad_fn is y.grad_fn


def test_setup_context_sees_defaults():
    class Scaled(Function):
        @staticmethod
        def forward(x, factor=3.0, offset=1.0):
            return x * factor + offset

        @staticmethod
        def setup_context(ctx, inputs, output):
            _, ctx.factor, ctx.offset = inputs

        @staticmethod
        def backward(ctx, g):
            return g * ctx.factor, None, None

    for args, slope in (((), 3.0), ((2.0,), 2.0), ((2.0, 5.0), 2.0)):
        x = plait.ones(2, requires_grad=True)
        Scaled.apply(x, *args).sum().backward()
        assert x.grad.tolist() == [slope, slope]
