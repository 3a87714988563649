"""Hooks around what the graph saves, and the other names of plait.autograd.graph."""

import gc
import threading
import weakref

import numpy as np
import plait
import pytest
from plait.autograd import graph


def same(a, b):
    np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())


def test_pack_is_called_when_saved_and_unpack_when_needed():
    log = []
    a = plait.tensor([1.0, 2.0], requires_grad=True)
    b = plait.tensor([3.0, 4.0], requires_grad=True)

    def pack(x):
        log.append(("pack", x.tolist()))
        return x

    def unpack(x):
        log.append(("unpack", x.tolist()))
        return x

    with graph.saved_tensors_hooks(pack, unpack):
        y = a * b
    assert sorted(log) == [("pack", [1.0, 2.0]), ("pack", [3.0, 4.0])]
    log.clear()
    z = y.exp()  # outside: no hooks
    assert log == []
    z.sum().backward()
    assert sorted(log) == [("unpack", [1.0, 2.0]), ("unpack", [3.0, 4.0])]
    np.testing.assert_allclose(a.grad.numpy(), np.exp([3, 8]) * [3, 4], rtol=1e-6)


def test_what_is_packed_may_be_anything():
    x = plait.randn(5, requires_grad=True)
    store = {}

    def pack(t):
        store[len(store)] = t.detach().numpy().tobytes()
        return len(store) - 1

    with graph.saved_tensors_hooks(
        pack, lambda key: plait.from_numpy(np.frombuffer(store[key], np.float32).copy())
    ):
        y = x.sigmoid().sum()
    y.backward()
    s = 1 / (1 + np.exp(-x.detach().numpy().astype(np.float64)))
    np.testing.assert_allclose(x.grad.numpy(), s * (1 - s), rtol=1e-5)


def test_arguments_are_packed_as_they_are_and_results_without_history():
    seen = []
    x = plait.ones(2, requires_grad=True)
    with graph.saved_tensors_hooks(lambda t: seen.append(t) or t, lambda t: t):
        x.log()  # saves its argument
        x.exp()  # saves its result
    assert seen[0] is x
    assert not seen[1].requires_grad


def test_each_backward_unpacks_again_and_the_graph_lets_go():
    counts = {"pack": 0, "unpack": 0}

    class Box:
        def __init__(self, t):
            counts["pack"] += 1
            self.t = t

    def unpack(box):
        counts["unpack"] += 1
        return box.t

    boxes = []

    def pack(t):
        box = Box(t.detach())
        boxes.append(weakref.ref(box))
        return box

    x = plait.ones(2, requires_grad=True)
    with graph.saved_tensors_hooks(pack, unpack):
        y = x.log().sum()
    y.backward(retain_graph=True)
    assert boxes[0]() is not None
    y.backward()
    assert counts == {"pack": 1, "unpack": 2}
    assert boxes[0]() is None  # released, though y and its graph are alive
    with pytest.raises(RuntimeError, match="freed by an earlier backward"):
        y.backward()


def test_nested_blocks_the_innermost_counts():
    log = []

    def named(name):
        return graph.saved_tensors_hooks(lambda t: log.append(name) or t, lambda t: t)

    x = plait.ones(2, requires_grad=True)
    with named("outer"):
        x.log()
        with named("inner"):
            x.log()
        x.log()
    x.log()
    assert log == ["outer", "inner", "outer"]


def test_errors_of_the_hooks_reach_the_caller_and_leave_things_in_order():
    x = plait.ones(2, requires_grad=True)

    def refuse(t):
        raise KeyError("no room")

    with graph.saved_tensors_hooks(refuse, lambda t: t):
        with pytest.raises(KeyError, match="no room"):
            x.log()
        with pytest.raises(KeyError, match="no room"):
            x.exp()
        assert plait.is_grad_enabled()
        assert (x + 1).tolist() == [2, 2]  # saves nothing
    with graph.saved_tensors_hooks(lambda t: t, refuse):
        y = x.log().sum()
    with pytest.raises(KeyError, match="no room"):
        y.backward()
    assert x.grad is None
    x.log().sum().backward()
    same(x.grad, plait.ones(2))


def test_unpack_must_give_the_tensor_that_was_packed():
    x = plait.ones(2, requires_grad=True)

    def by(result):
        with graph.saved_tensors_hooks(lambda t: None, lambda _: result):
            return x.log().sum()

    with pytest.raises(TypeError, match="expected a Tensor from the unpack hook, got str"):
        by("x").backward()
    with pytest.raises(TypeError, match="got NoneType"):
        by(None).backward()
    for wrong in (plait.ones(3), plait.ones(2, dtype=plait.float64)):
        with pytest.raises(RuntimeError, match="must be equal to x"):
            by(wrong).backward()
    by(plait.tensor([2.0, 4.0])).backward()  # equal in kind: it is believed
    np.testing.assert_allclose(x.grad.numpy(), [0.5, 0.25])


def test_pack_must_not_write_in_place():
    x = plait.ones(2, requires_grad=True)
    with (
        graph.saved_tensors_hooks(lambda t: t.detach().mul_(2), lambda t: t),
        pytest.raises(
            RuntimeError, match=r"modified its input of shape \(2"
        ),
    ):
        (x * 1).log()


@pytest.mark.parametrize("bad", [None, 3, "hook"])
def test_hooks_must_be_callable(bad):
    with pytest.raises(TypeError, match="must be callable"):
        graph.saved_tensors_hooks(bad, lambda t: t)
    with pytest.raises(TypeError, match="must be callable"):
        graph.saved_tensors_hooks(lambda t: t, bad)


def through_bytes():
    """Hooks that keep nothing but bytes: whatever the derivative uses went through them."""

    def pack(t):
        return t.detach().clone().numpy()

    return graph.saved_tensors_hooks(pack, lambda a: plait.from_numpy(a.copy()))


def functions():
    w = plait.linspace(0.5, 1.5, 6).reshape(3, 2)
    yield "matmul", lambda x: (x @ w).tanh()
    yield "in-place", lambda x: (x * 1).mul_(x).exp_()
    yield "view", lambda x: (x * 2)[1:].mul_(x[:1])
    yield "list", lambda x: plait.cat([x.exp(), x.log()]).prod(0)
    yield "softmax", lambda x: plait.softmax(x, 1) * plait.linspace(0, 1, 3)
    yield "several results", lambda x: x.max(1)[0] * x.sort(1)[0][:, 1]
    yield "norm", lambda x: plait.nn.functional.layer_norm(x, (3,))
    yield "composite", lambda x: plait.nn.functional.gelu(x).var(1)


@pytest.mark.parametrize(("name", "f"), list(functions()), ids=lambda v: v if isinstance(v, str) else "")
def test_gradients_of_both_orders_are_the_same_through_hooks(name, f):
    x = (plait.rand(2, 3, dtype=plait.float32) + 0.5).requires_grad_()

    def both():
        y = f(x)
        (g,) = plait.autograd.grad(y.pow(2).sum(), x, create_graph=True)
        (h,) = plait.autograd.grad(g.pow(2).sum(), x)
        return g, h

    expected = both()
    with through_bytes():
        found = both()
    for a, b in zip(expected, found):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=2e-5, atol=1e-6)


class Cube(plait.autograd.Function):
    """x ** 3, which saves an input and its own output."""

    @staticmethod
    def forward(ctx, x):
        y = x**3
        ctx.save_for_backward(x, y, None)
        return y

    @staticmethod
    def backward(ctx, grad):
        x, y, nothing = ctx.saved_tensors
        assert nothing is None
        return 3 * y / x * grad


def test_custom_functions_are_packed_too():
    log = []
    x = plait.tensor([2.0], requires_grad=True)
    with graph.saved_tensors_hooks(
        lambda t: log.append(("pack", t.item())) or t.detach(),
        lambda t: log.append(("unpack", t.item())) or t,
    ):
        y = Cube.apply(x)
    assert log == [("pack", 2.0), ("pack", 8.0)]
    (g,) = plait.autograd.grad(y, x, create_graph=True)
    assert sorted(log[2:]) == [("unpack", 2.0), ("unpack", 8.0)]
    assert g.item() == 12.0
    (h,) = plait.autograd.grad(g, x)
    assert h.item() == pytest.approx(12.0)  # d(3 x**2)/dx, through input and output


def test_a_custom_function_whose_pack_fails():
    x = plait.tensor([2.0], requires_grad=True)

    def refuse(t):
        raise ValueError("no")

    with graph.saved_tensors_hooks(refuse, refuse), pytest.raises(ValueError, match="no"):
        Cube.apply(x)
    Cube.apply(x).backward()
    assert x.grad.item() == 12.0


def test_save_on_cpu():
    x = plait.randn(4, 4, requires_grad=True)
    plain = plait.autograd.grad((x @ x).relu().sum(), x)[0]
    for pin in (False, True):
        with graph.save_on_cpu(pin_memory=pin):
            y = (x @ x).relu().sum()
        same(plait.autograd.grad(y, x)[0], plain)
    with pytest.raises(ValueError, match="device_type"):
        graph.save_on_cpu(device_type="tpu")


def test_hooks_can_be_refused():
    x = plait.ones(2, requires_grad=True)
    with graph.disable_saved_tensors_hooks("this layer runs again"):
        with pytest.raises(RuntimeError, match="this layer runs again"), graph.save_on_cpu():
            pass
        with graph.disable_saved_tensors_hooks("inner"):
            with pytest.raises(RuntimeError, match="inner"), graph.save_on_cpu():
                pass
        with pytest.raises(RuntimeError, match="this layer runs again"), graph.save_on_cpu():
            pass
    with graph.save_on_cpu():
        y = x.log().sum()
    y.backward()


def test_hooks_are_of_one_thread():
    log = []
    x = plait.ones(2, requires_grad=True)
    with graph.saved_tensors_hooks(lambda t: log.append(1) or t, lambda t: t):
        thread = threading.Thread(target=lambda: x.log())
        thread.start()
        thread.join()
        assert log == []
        x.log()
    assert log == [1]


def test_large_tensors_and_backward_in_another_thread():
    x = plait.full((1 << 17,), 2.0, requires_grad=True)
    with through_bytes():
        y = x.log().sum()
    thread = threading.Thread(target=y.backward)
    thread.start()
    thread.join()
    np.testing.assert_allclose(x.grad.numpy(), 0.5)


def test_nothing_leaks():
    class Owner:
        def __init__(self):
            self.kept = []

        def pack(self, t):
            self.kept.append(t.detach())
            return len(self.kept) - 1

        def unpack(self, i):
            return self.kept[i]

    x = plait.ones(8, requires_grad=True)

    def cycle(backward):
        owner = Owner()
        with graph.saved_tensors_hooks(owner.pack, owner.unpack):
            owner.out = (x.exp() * x.log() + 1).sin()
        if backward:
            owner.out.sum().backward()
        return weakref.ref(owner)

    for backward in (True, False):
        refs = [cycle(backward) for _ in range(3)]
        gc.collect()
        assert [r() for r in refs] == [None] * 3, backward


def test_a_graph_that_is_dropped_drops_what_was_packed():
    class Box:
        pass

    x = plait.ones(2, requires_grad=True)
    made = []

    def pack(t):
        box = Box()
        made.append(weakref.ref(box))
        return box

    with graph.saved_tensors_hooks(pack, lambda b: plait.ones(2)):
        y = x.log().exp().sum()
    assert all(r() is not None for r in made) and len(made) == 2
    del y
    gc.collect()
    assert all(r() is None for r in made)


# ---- nodes and edges


def test_increment_version_makes_backward_raise():
    x = plait.ones(2, requires_grad=True)
    a = x * 1
    y = a.log().sum()
    graph.increment_version(a.detach())
    with pytest.raises(RuntimeError, match="modified by an in-place operation"):
        y.backward()
    before = [t._version for t in (x, a)]
    graph.increment_version([x, a])
    assert [t._version for t in (x, a)] == [v + 1 for v in before]


def test_gradient_edges_stand_for_tensors():
    x = plait.ones(2, requires_grad=True)
    y = x * 3
    z = y * y
    edge_x, edge_y, edge_z = map(graph.get_gradient_edge, (x, y, z))
    assert edge_y.node is y.grad_fn and edge_y.output_nr == 0
    assert edge_x.node.name() == "AccumulateGrad" and edge_x.node.variable is x
    gx, gy = plait.autograd.grad(z.sum(), (edge_x, edge_y), retain_graph=True)
    assert gx.tolist() == [18, 18] and gy.tolist() == [6, 6]
    del y
    (gx,) = plait.autograd.grad(edge_z, x, plait.tensor([1.0, 2.0]), retain_graph=True)
    assert gx.tolist() == [18, 36]
    plait.autograd.backward(edge_z, plait.ones(2), inputs=[edge_x])
    assert x.grad.tolist() == [18, 18]
    values = plait.ones(2, 3, requires_grad=True).sort(1)
    assert graph.get_gradient_edge(values[0]).output_nr == 0
    with pytest.raises(RuntimeError, match="does not require grad"):
        graph.get_gradient_edge(plait.ones(2))
    with pytest.raises(TypeError, match="expected a Tensor"):
        graph.get_gradient_edge(3)


def test_hooks_of_nodes():
    x = plait.ones(2, requires_grad=True)
    y = x * 3
    node = y.grad_fn
    assert isinstance(node, graph.Node)
    with (
        node.register_prehook(lambda grads: (grads[0] * 2,)),
        node.register_hook(lambda inputs, outputs: (inputs[0] + 1, *inputs[1:])),
    ):
        y.sum().backward(retain_graph=True)
    assert x.grad.tolist() == [7, 7]
    x.grad = None
    y.sum().backward()
    assert x.grad.tolist() == [3, 3]


def test_multi_grad_hooks():
    a, b, c = (plait.ones(1, requires_grad=True) for _ in range(3))
    calls = []
    handle = graph.register_multi_grad_hook(
        (a, b, c), lambda grads: calls.append([g and g.item() for g in grads])
    )
    (2 * a + 3 * b).backward()
    (2 * a + 3 * b + 4 * c).backward()
    assert calls == [[2, 3, None], [2, 3, 4]]
    handle.remove()
    (a + b).backward()
    assert len(calls) == 2
    first = []
    graph.register_multi_grad_hook((a, b), lambda g: first.append(g.item()), mode="any")
    (5 * a + 5 * b).backward()
    (6 * a).backward()
    assert first == [5, 6]
    with pytest.raises(ValueError, match="mode"):
        graph.register_multi_grad_hook((a,), print, mode="some")
