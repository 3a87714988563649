"""Hooks of tensors and nodes, and gradients that are retained."""

import gc
import weakref

import plait
import pytest
from plait.autograd import grad


def leaf(*values):
    return plait.tensor(list(values), dtype=plait.float64, requires_grad=True)


def test_tensor_hooks():
    x = leaf(1, 2)
    seen = []
    handle = x.register_hook(lambda g: seen.append(g.tolist()))
    x.register_hook(lambda g: g * 10)
    (x * 2).sum().backward()
    assert seen == [[2, 2]] and x.grad.tolist() == [20, 20]
    handle.remove()
    x.grad = None
    (x * 2).sum().backward()
    assert seen == [[2, 2]] and x.grad.tolist() == [20, 20]
    handle.remove()


def test_hook_of_an_intermediate():
    x = leaf(1, 2)
    y = x * 2
    y.register_hook(lambda g: g + 1)
    (y * y).sum().backward()
    assert x.grad.tolist() == [2 * (4 + 1), 2 * (8 + 1)]


def test_hooks_run_in_order_and_may_replace():
    x = leaf(1)
    y = x * 1
    y.register_hook(lambda g: g * 2)
    y.register_hook(lambda g: g + 1)
    y.backward()
    assert x.grad.item() == 3


def test_a_hook_that_raises():
    x = leaf(1)
    y = x * 2

    def bad(g):
        raise KeyError("from the hook")

    y.register_hook(bad)
    with pytest.raises(KeyError, match="from the hook"):
        y.backward()


def test_a_hook_must_return_a_tensor():
    x = leaf(1)
    x.register_hook(lambda g: "text")
    with pytest.raises((TypeError, RuntimeError)):
        (x * 2).backward()


def test_no_hook_without_requires_grad():
    with pytest.raises(RuntimeError, match=r"(?i)require"):
        plait.ones(1).register_hook(lambda g: None)


def test_hook_as_a_cycle_is_collected():
    x = leaf(1)
    x.register_hook(lambda g, me=x: None)
    gone = weakref.ref(x)
    del x
    gc.collect()
    assert gone() is None


def test_post_accumulate_hook():
    x = leaf(1, 2)
    seen = []
    handle = x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.tolist()))
    (x * 3).sum().backward()
    (x * 3).sum().backward()
    assert seen == [[3, 3], [6, 6]]
    handle.remove()
    (x * 3).sum().backward()
    assert len(seen) == 2
    with pytest.raises(RuntimeError, match=r"(?i)leaf"):
        (x * 2).register_post_accumulate_grad_hook(lambda p: None)


def test_node_hooks():
    x = leaf(2)
    y = x * 3
    seen = []
    pre = y.grad_fn.register_prehook(lambda grads: (grads[0] * 10,))
    post = y.grad_fn.register_hook(lambda inputs, outputs: seen.append((inputs[0].item(), outputs[0].item())))
    y.backward(retain_graph=True)
    assert seen == [(30, 10)] and x.grad.item() == 30
    pre.remove()
    post.remove()
    x.grad = None
    y.backward()
    assert x.grad.item() == 3 and len(seen) == 1


def test_nodes_can_be_walked():
    x = leaf(2)
    y = (x * 3).exp()
    node = y.grad_fn
    assert "exp" in node.name().lower()
    (previous, index), *_ = node.next_functions
    assert "mul" in previous.name().lower() and index == 0


def test_retain_grad():
    x = leaf(1, 2)
    y = x * 2
    y.retain_grad()
    (y * y).sum().backward()
    assert y.grad.tolist() == [4, 8] and y.retains_grad
    x.retain_grad()
    z = x * 2
    z.sum().backward()
    with pytest.warns(UserWarning, match=r"(?i)leaf"):
        assert z.grad is None


# ---- hooks that change the list while it runs ----------------------------------------------------

REGISTER = {
    "leaf": lambda x, y: x.register_hook,
    "intermediate": lambda x, y: y.register_hook,
    "accumulated": lambda x, y: x.register_post_accumulate_grad_hook,
    "node": lambda x, y: y.grad_fn.register_hook,
    "before node": lambda x, y: y.grad_fn.register_prehook,
}


@pytest.mark.parametrize("where", REGISTER)
def test_a_hook_may_remove_itself(where):
    x = leaf(1)
    y = x * 2
    calls, handles = [], []
    register = REGISTER[where](x, y)
    for i in range(4):

        def hook(*args, i=i):
            calls.append(i)
            handles[i].remove()

        handles.append(register(hook))
    y.backward(retain_graph=True)
    assert calls == [0, 1, 2, 3]
    y.backward()
    assert calls == [0, 1, 2, 3]


@pytest.mark.parametrize("where", REGISTER)
def test_a_hook_registered_by_a_hook_waits_for_the_next_backward(where):
    x = leaf(1)
    y = x * 2
    calls = []
    register = REGISTER[where](x, y)

    def hook(*args):
        calls.append(len(calls))
        if len(calls) < 100:
            register(hook)

    register(hook)
    y.backward(retain_graph=True)
    assert len(calls) == 1
    y.backward()
    assert len(calls) == 3


def test_a_hook_may_not_change_dtype_or_shape():
    for bad in (lambda g: g.float(), lambda g: g[:1]):
        x = leaf(1, 2)
        x.register_hook(bad)
        with pytest.raises(
            RuntimeError, match=r"hook: expected a gradient of shape \(2,\) and dtype float64"
        ):
            x.sum().backward()


def test_the_order_of_hooks():
    """Those of the tensor, what is retained and asked for, those of the node."""
    x = leaf(1)
    y = x * 2
    y.retain_grad()
    y.grad_fn.register_prehook(lambda grads: (grads[0] * 7,))
    y.register_hook(lambda g: g * 3)
    (asked,) = grad(y, y, retain_graph=True)
    assert asked.tolist() == [3]
    y.grad = None
    y.backward()
    assert y.grad.tolist() == [3] and x.grad.tolist() == [42]


# ---- retained gradients --------------------------------------------------------------------------


def test_retained_gradients_add_up():
    x = leaf(1, 2)
    y = x * 2
    y.retain_grad()
    y.sum().backward(retain_graph=True)
    first = y.grad
    (y * 3).sum().backward()
    assert y.grad.tolist() == [4, 4] and first.tolist() == [1, 1]


def test_a_retained_gradient_has_memory_of_its_own():
    x = leaf(1, 2)
    a, b = x * 2, x * 3
    a.retain_grad()
    b.retain_grad()
    (a + b).sum().backward()
    a.grad.zero_()
    assert b.grad.tolist() == [1, 1] and x.grad.tolist() == [5, 5]


def test_a_retained_gradient_is_recorded_with_create_graph():
    x = leaf(2)
    y = x * 2
    y.retain_grad()
    (y**3).sum().backward(create_graph=True)
    first = y.grad
    (second,) = grad(first, x)
    assert first.item() == 48 and second.item() == 48


def test_backward_retains_the_gradient_of_an_input_it_was_asked_for():
    x = leaf(1, 2)
    y = x * 1
    z = (y * y).sum()
    z.backward(inputs=[y], retain_graph=True)
    assert y.grad.tolist() == [2, 4] and x.grad is None
    z.backward(inputs=[y, x])
    assert y.grad.tolist() == [4, 8] and x.grad.tolist() == [2, 4]


def test_a_view_retains_the_gradient_of_what_it_shows_now():
    x = leaf(1, 1, 1)
    base = x * 1
    view = base[:2]
    view.retain_grad()
    before = view * 3
    base.mul_(2)
    (before.sum() + (view * 5).sum()).backward()
    assert view.grad.tolist() == [5, 5] and x.grad.tolist() == [13, 13, 0]


def test_nobody_writes_to_the_gradient_of_a_tensor_that_is_gone():
    """The history of a tensor changes hands; the node that it had lives on."""

    def view_of_a_changed_base():
        x = leaf(1, 1, 1)
        base = x * 1
        view = base[:2]
        view.retain_grad()
        used = view * 3
        base.mul_(2)
        assert view.requires_grad
        return x, used, weakref.ref(view)

    def detached():
        x = leaf(1, 1)
        y = x * 2
        y.retain_grad()
        used = y * 3
        y.detach_()
        assert not y.retains_grad
        return x, used, weakref.ref(y)

    for case, want in ((view_of_a_changed_base, [3, 3, 0]), (detached, [6, 6])):
        x, used, gone = case()
        gc.collect()
        assert gone() is None
        others = [leaf(1) * 1 for _ in range(100)]  # in the memory that has become free
        used.sum().backward()
        assert x.grad.tolist() == want
        for other in others:
            other.retain_grad()
            assert other.grad is None
