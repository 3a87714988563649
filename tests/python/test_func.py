"""plait.func, plait.autograd.functional and trees: against NumPy's formulas of the derivatives, and PyTorch's results where
it is installed."""

from collections import OrderedDict, defaultdict, deque, namedtuple

import numpy as np
import plait
import pytest
from plait import func
from plait.autograd import functional
from plait.utils import _pytree

RNG = np.random.default_rng(0)


def t(x, **kwargs):
    return plait.tensor(x, dtype=plait.float64, **kwargs)


X = RNG.normal(size=3)
A = RNG.normal(size=(4, 3))


def f(x):
    """R3 -> R4"""
    return (t(A) @ x).sin()


JACOBIAN = np.cos(A @ X)[:, None] * A


def test_grad_of_trees_with_aux_and_several_arguments():
    def loss(p, x, scale=1.0):
        return scale * (p["w"] * x + p["b"][0]).sum(), "aux"

    p = {"w": t(X), "b": (t(1.0),)}
    grads, aux = func.grad(loss, has_aux=True)(p, t(X), scale=2.0)
    np.testing.assert_allclose(grads["w"].numpy(), 2 * X)
    assert grads["b"][0].item() == 6 and aux == "aux"
    (of_x, of_p), (value, _) = func.grad_and_value(loss, (1, 0), has_aux=True)(p, t(X))
    np.testing.assert_allclose(of_x.numpy(), X)
    assert of_p["b"][0].item() == 3 and value.item() == pytest.approx((X * X).sum() + 3)
    assert func.grad(lambda x: t(1.0))(t(X)).tolist() == [0, 0, 0]
    for bad, error in ((lambda x: x, "0-d"), (lambda x: 1.0, "0-d")):
        with pytest.raises(RuntimeError, match=error):
            func.grad(bad)(t(X))
    with pytest.raises(RuntimeError, match="argnums"):
        func.grad(lambda x: x.sum(), 1)(t(X))
    with pytest.raises(RuntimeError, match="floating-point"):
        func.grad(lambda x: x.sum())(plait.tensor(1))


def test_levels_and_graphs():
    cube = func.grad(func.grad(func.grad(lambda x: x**4)))
    result = cube(t(2.0))
    assert result.item() == 48 and not result.requires_grad
    # With respect to what is outside, the result is differentiable; under no_grad it is not.
    x, w = t(2.0, requires_grad=True), t(3.0, requires_grad=True)
    y = func.grad(lambda x: w * x**2)(x)
    y.backward()
    assert (y.item(), x.grad.item(), w.grad.item()) == (12, 6, 4)
    y = func.grad(lambda x: w * x**2)(t(2.0))
    assert y.requires_grad and plait.autograd.grad(y, w)[0].item() == 4
    with plait.no_grad():
        assert not func.grad(lambda x: w * x**2)(x).requires_grad

    # d/dx of (x * d/dy (x y^2) at y = x) = d/dx 2 x^3; perturbations are not confused
    def outer(x):
        return x * func.grad(lambda y: x * y**2)(x)

    assert func.grad(outer)(t(2.0)).item() == 24


def test_jacobians_and_products():
    v, u = RNG.normal(size=3), RNG.normal(size=4)
    for make in (func.jacrev, func.jacfwd):
        np.testing.assert_allclose(make(f)(t(X)).numpy(), JACOBIAN)
    two = func.jacrev(lambda a, b: {"y": a * b, "z": b.sum()}, (0, 1))(t(X), t(X + 1))
    np.testing.assert_allclose(two["y"][0].numpy(), np.diag(X + 1))
    assert two["z"][0].tolist() == [0, 0, 0] and two["z"][1].tolist() == [1, 1, 1]
    value, pull = func.vjp(f, t(X))
    np.testing.assert_allclose(value.numpy(), np.sin(A @ X))
    for _ in range(2):
        np.testing.assert_allclose(pull(t(u))[0].numpy(), u @ JACOBIAN)
    value, pushed = func.jvp(f, (t(X),), (t(v),))
    np.testing.assert_allclose(pushed.numpy(), JACOBIAN @ v)
    assert not (value.requires_grad or pushed.requires_grad)
    h = func.hessian(lambda x: f(x).sum())(t(X))
    np.testing.assert_allclose(h.numpy(), -(A.T * np.sin(A @ X)) @ A)
    with pytest.raises(RuntimeError, match="shape"):
        pull(t(X))
    with pytest.raises(RuntimeError, match="tuples"):
        func.jvp(f, t(X), t(v))


def test_vmap():
    x, y = t(RNG.normal(size=(5, 3))), t(RNG.normal(size=(3, 5)))
    np.testing.assert_allclose(func.vmap(plait.dot, (0, 1))(x, y).numpy(), (x.numpy() * y.numpy().T).sum(1))
    out = plait.vmap(
        lambda d, s: (d["a"] * s, d["b"]), in_dims=({"a": 0, "b": None}, None), out_dims=(1, None)
    )({"a": x, "b": y}, 2)
    np.testing.assert_allclose(out[0].numpy(), 2 * x.numpy().T)
    assert out[1] is y
    nested = func.vmap(func.vmap(lambda a, b: a * b, (None, 0)), (0, None))(t(X), t(X))
    np.testing.assert_allclose(nested.numpy(), np.outer(X, X))
    each = func.vmap(func.grad(lambda w, x: (w @ x) ** 2), (None, 0))(t(X), x)
    np.testing.assert_allclose(each.numpy(), 2 * (x.numpy() @ X)[:, None] * x.numpy())
    same = func.vmap(lambda x: x + plait.rand(()), randomness="same")(plait.zeros(4))
    assert len(set(same.tolist())) == 1
    other = func.vmap(lambda x: x + plait.rand(()), randomness="different")(plait.zeros(4))
    assert len(set(other.tolist())) == 4
    for call, error in (
        (lambda: func.vmap(lambda x: x + plait.rand(()))(x), "randomness"),
        (lambda: func.vmap(plait.dot)(x, y), "batch size"),
        (lambda: func.vmap(plait.dot, None)(x, y), "batched"),
        (lambda: func.vmap(plait.dot, (0, 5))(x, y), "range"),
        (lambda: func.vmap(plait.dot, (0, 0, 0))(x, y), "structure"),
        (lambda: func.vmap(lambda x: 1.0)(x), "tensors"),
        (lambda: func.vmap(lambda x: x)(plait.ones(0)), "empty"),
    ):
        with pytest.raises((ValueError, RuntimeError), match=error):
            call()


def test_ensembles():
    models = [plait.nn.Linear(3, 2) for _ in range(4)]
    parameters, buffers = func.stack_module_state(models)
    x = plait.randn(5, 3)
    base = plait.nn.Linear(3, 2)
    out = func.vmap(lambda p, b: func.functional_call(base, (p, b), (x,)))(parameters, buffers)
    plait.testing.assert_close(out, plait.stack([m(x) for m in models]))
    out.sum().backward()
    assert parameters["weight"].grad.shape == (4, 2, 3)
    with pytest.raises(ValueError, match="weight"):
        func.functional_call(base, (parameters, parameters), (x,))
    with pytest.raises(RuntimeError, match="one class"):
        func.stack_module_state([base, plait.nn.ReLU()])


def test_functional():
    x, v, u = t(X), t(RNG.normal(size=3)), t(RNG.normal(size=4))
    np.testing.assert_allclose(functional.jacobian(f, x).numpy(), JACOBIAN)
    np.testing.assert_allclose(functional.vjp(f, x, u)[1].numpy(), u.numpy() @ JACOBIAN)
    np.testing.assert_allclose(functional.jvp(f, x, v)[1].numpy(), JACOBIAN @ v.numpy())
    h = -(A.T * np.sin(A @ X)) @ A
    np.testing.assert_allclose(functional.hessian(lambda x: f(x).sum(), x).numpy(), h)
    for product in (functional.hvp, functional.vhp):
        value, found = product(lambda x: f(x).sum(), x, v)
        np.testing.assert_allclose(found.numpy(), h @ v.numpy())
        assert not (value.requires_grad or found.requires_grad)
    blocks = functional.hessian(lambda a, b: (a * a * b).sum(), (x, v))
    np.testing.assert_allclose(blocks[0][0].numpy(), np.diag(2 * v.numpy()))
    np.testing.assert_allclose(blocks[0][1].numpy(), np.diag(2 * X))
    np.testing.assert_allclose(blocks[1][1].numpy(), np.zeros((3, 3)))
    many = functional.jacobian(lambda a, b: (a + b, a.sum()), (x, v))
    assert many[0][1].shape == (3, 3) and many[1][1].tolist() == [0, 0, 0]
    y = t(X, requires_grad=True)
    functional.jacobian(lambda x: x**3, y, create_graph=True).sum().backward()
    np.testing.assert_allclose(y.grad.numpy(), 6 * X)
    for call in (
        lambda: functional.jacobian(lambda a, b: a * 2, (x, v), strict=True),
        lambda: functional.hessian(lambda x: x, x),
        lambda: functional.vjp(f, x),
        lambda: functional.jvp(f, x, u),
    ):
        with pytest.raises(RuntimeError):
            call()
    with pytest.raises(TypeError, match="tensor"):
        functional.jacobian(f, 1.0)


Pair = namedtuple("Pair", "a b")


def test_trees():
    tree = {
        "a": [1, (2, None)],
        "o": OrderedDict(x=3),
        "d": defaultdict(list, k=4),
        "q": deque([5], maxlen=3),
        "n": Pair(6, []),
    }
    leaves, spec = _pytree.tree_flatten(tree)
    assert leaves == [1, 2, None, 3, 4, 5, 6] and spec.num_leaves == 7
    again = _pytree.tree_unflatten(leaves, spec)
    assert again == tree and again["d"].default_factory is list and again["q"].maxlen == 3
    assert type(again["n"]) is Pair and type(again["o"]) is OrderedDict
    assert _pytree.tree_map(lambda a, b: a + b, [1, {"x": 2}], [10, {"x": 20}]) == [11, {"x": 22}]
    assert _pytree.tree_map(len, [[1, 2], [3]], is_leaf=lambda v: isinstance(v, list) and v[0] != [1, 2]) == [
        2,
        1,
    ]
    assert _pytree.tree_structure([1, 2]) == _pytree.tree_structure([3, 4]) != _pytree.tree_structure((3, 4))
    assert _pytree.tree_any(lambda v: v == 2, tree) and not _pytree.tree_all(lambda v: v == 2, tree)
    with pytest.raises(ValueError, match="2 leaves"):
        _pytree.tree_unflatten([1], _pytree.tree_structure([1, 2]))

    class Box:
        def __init__(self, value):
            self.value = value

    _pytree.register_pytree_node(Box, lambda box: ([box.value], None), lambda values, _: Box(*values))
    assert _pytree.tree_map(lambda v: v + 1, [Box(1)])[0].value == 2
    with pytest.raises(ValueError, match="already"):
        _pytree.register_pytree_node(Box, None, None)


def test_random_states():
    plait.random.manual_seed(3)
    assert plait.random.initial_seed() == 3
    with plait.random.fork_rng():
        inside = plait.rand(2).tolist()
    assert plait.rand(2).tolist() == inside
    with plait.random.fork_rng(enabled=False):
        pass
    with pytest.raises(RuntimeError, match="device_type"), plait.random.fork_rng(device_type="tpu"):
        pass


def test_gradients_record_no_graph_but_for_those_outside():
    made = []

    class Watched(plait.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**2

        @staticmethod
        def backward(ctx, g):
            made.append(plait.is_grad_enabled())
            (x,) = ctx.saved_tensors
            return 2 * x * g

    outside = plait.tensor(3.0, requires_grad=True)
    assert func.grad(Watched.apply)(plait.tensor(2.0)) == 4 and made == [False]
    (by_outside,) = plait.autograd.grad(
        func.grad(lambda x: Watched.apply(x) * outside)(plait.tensor(2.0)), outside
    )
    assert by_outside == 4 and made == [False, True]
    with plait.no_grad():
        assert not func.grad(lambda x: Watched.apply(x) * outside)(plait.tensor(2.0)).requires_grad
    value, aux = func.grad(lambda x: (Watched.apply(x), x * outside), has_aux=True)(plait.tensor(2.0))
    assert not value.requires_grad and plait.autograd.grad(aux, outside)[0] == 2
    assert func.grad(func.grad(Watched.apply))(plait.tensor(2.0)) == 2


def test_results_that_depend_on_leaves_outside_stay_attached():
    w, x = plait.tensor(2.0, requires_grad=True), plait.tensor(3.0)
    slope, value = plait.func.grad_and_value(lambda x: w * x**2)(x)
    (slope + value).backward()
    assert w.grad.item() == 6 + 9
    slope, value = plait.func.grad_and_value(lambda x: x**2)(x)
    assert not slope.requires_grad and not value.requires_grad

    def doubled(x, last):  # 2**40 ways lead to the leaf
        for _ in range(40):
            x = x + x
        return x * last

    assert not plait.func.grad(lambda x: doubled(x, 1.0))(x).requires_grad
    slope = plait.func.grad(lambda x: doubled(x, w))(x)
    assert slope.requires_grad and slope.item() == 2.0**41
    assert plait.func.vjp(lambda x: doubled(x, w), x)[0].requires_grad


def add_and_square(x):
    x.add_(1)
    return (x * x).sum()


def test_functions_may_write_to_their_arguments():
    """What they are given is no leaf; the caller's tensor is written to, as without a transform."""
    x = plait.ones(2, dtype=plait.float64)
    assert func.grad(add_and_square)(x).tolist() == [4.0, 4.0]
    assert x.tolist() == [2.0, 2.0]
    one = plait.ones(2, dtype=plait.float64)
    value, pushed = func.jvp(add_and_square, (one.clone(),), (one,))
    assert (value.item(), pushed.item()) == (8.0, 8.0)
    assert func.vjp(add_and_square, one.clone())[1](plait.tensor(1.0, dtype=plait.float64))[0].tolist() == [4.0, 4.0]
    assert func.jacrev(lambda t: t.mul_(3))(one.clone()).tolist() == [[3.0, 0.0], [0.0, 3.0]]
    assert func.hessian(add_and_square)(one.clone()).tolist() == [[2.0, 0.0], [0.0, 2.0]]
    assert func.vmap(func.grad(add_and_square))(plait.ones(3, 2)).tolist() == [[4.0, 4.0]] * 3


def test_what_an_inner_function_writes_the_outer_one_sees():
    def outer(x):
        inner = func.grad(lambda t: t.mul_(3).pow(2).sum())(x)  # 18 x; x becomes 3 x
        return (inner * x).sum()  # 54 x^2

    x = plait.tensor([1.0, 2.0], dtype=plait.float64)
    assert func.grad(outer)(x.clone()).tolist() == [108.0, 216.0]


def test_arguments_to_differentiate():
    x = plait.ones(2)
    for wrong in ([0], ("0",), (), (0, 0), (0, -2), 2, (1, -3)):
        with pytest.raises(RuntimeError, match="argnums"):
            func.grad(lambda a, b: (a * b).sum(), argnums=wrong)(x, x)
        with pytest.raises(RuntimeError, match="argnums"):
            func.jacrev(plait.mul, argnums=wrong)(x, x)


def test_products_without_grad_mode_are_attached_to_nothing():
    x = plait.tensor(3.0, requires_grad=True)
    value, pull = func.vjp(lambda t: t**2, x)
    with plait.no_grad():
        (gradient,) = pull(plait.tensor(1.0))
    assert gradient.item() == 6 and not gradient.requires_grad and value.requires_grad


def test_stacked_models_agree_on_what_requires_grad():
    models = [plait.nn.Linear(2, 2) for _ in range(3)]
    models[1].bias.requires_grad_(False)
    with pytest.raises(RuntimeError, match="'bias' requires grad in some models"):
        func.stack_module_state(models)
