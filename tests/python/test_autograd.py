"""The engine's semantics, as PyTorch documents them."""

import gc
import inspect
import sys
import threading
import weakref

import numpy as np
import plait
import pytest
from plait.autograd import Function, backward, grad


def leaf(*values, dtype=None):
    return plait.tensor(list(values), dtype=dtype or plait.float64, requires_grad=True)


# ---- backward and grad ---------------------------------------------------------------------------


def test_backward_accumulates_into_leaves():
    x = leaf(1, 2, 3)
    (x * x).sum().backward()
    assert x.grad.tolist() == [2, 4, 6]
    first = x.grad
    (3 * x).sum().backward()
    assert x.grad.tolist() == [5, 7, 9]
    assert x.grad is first, "accumulation is in place"
    x.grad = None
    (x * x).sum().backward()
    assert x.grad.tolist() == [2, 4, 6]


def test_grad_keeps_its_identity():
    x = leaf(1, 2)
    x.sum().backward()
    assert x.grad is x.grad
    x.grad.note = "kept"
    gc.collect()
    assert x.grad.note == "kept"


def test_a_leaf_used_twice():
    x = leaf(2)
    y = x * x * x + x
    y.backward()
    assert x.grad.tolist() == [13]


def test_the_same_tensor_on_both_sides():
    x = leaf(3)
    plait.mul(x, x).backward()
    assert x.grad.item() == 6


def test_backward_of_several_roots():
    x, y = leaf(1, 2), leaf(3, 4)
    backward([(x * y).sum(), (x + y).sum()])
    assert x.grad.tolist() == [4, 5] and y.grad.tolist() == [2, 3]
    x.grad = None
    backward(
        [x * 2, x * 3], [plait.ones(2, dtype=plait.float64), plait.tensor([1.0, 10.0], dtype=plait.float64)]
    )
    assert x.grad.tolist() == [5, 32]


def test_a_diamond_runs_each_node_once():
    x = leaf(1)
    calls = []
    middle = x * 2
    middle.register_hook(lambda g: calls.append(g.item()))
    (middle * 3 + middle * 4).backward()
    assert calls == [7] and x.grad.item() == 14


def test_backward_with_a_gradient():
    x = leaf(1, 2, 3)
    (x * 2).backward(plait.tensor([1.0, 0.0, 5.0], dtype=plait.float64))
    assert x.grad.tolist() == [2, 0, 10]
    with pytest.raises(RuntimeError, match=r"(?s)\[2\].*\[3\]|\[3\].*\[2\]|shape"):
        (x * 2).backward(plait.ones(2, dtype=plait.float64))


def test_backward_of_inputs_only():
    x, y = leaf(1), leaf(2)
    (x * y).backward(inputs=[x])
    assert x.grad.item() == 2 and y.grad is None


def test_a_non_scalar_needs_a_gradient():
    with pytest.raises(RuntimeError, match=r"(?i)scalar"):
        leaf(1, 2).mul(2).backward()
    with pytest.raises(RuntimeError, match=r"(?i)scalar"):
        grad(leaf(1, 2) * 2, leaf(1, 2))


def test_no_element_requires_grad():
    with pytest.raises(RuntimeError, match=r"(?i)require"):
        plait.ones(1).sum().backward()
    with pytest.raises(RuntimeError, match=r"(?i)require"):
        grad(leaf(1).sum(), plait.ones(1))


def test_backward_twice():
    x = leaf(1, 2)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="retain_graph"):
        y.backward()
    assert x.grad.tolist() == [2, 4], "the failed backward left the gradient alone"


def test_retain_graph():
    x = leaf(1, 2)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [4, 8]


def test_a_graph_that_saves_nothing_may_run_twice():
    x = leaf(1, 2)
    y = (x + 1).sum()
    y.backward()
    y.backward()
    assert x.grad.tolist() == [2, 2]


def test_create_graph():
    x = leaf(3)
    (g,) = grad(x**3, x, create_graph=True)
    assert g.item() == 27 and g.requires_grad
    (gg,) = grad(g, x, create_graph=True)
    assert gg.item() == 18
    (ggg,) = grad(gg, x)
    assert ggg.item() == 6 and not ggg.requires_grad


def test_backward_with_create_graph():
    x = leaf(2)
    (x**3).backward(create_graph=True)
    assert x.grad.requires_grad
    second = grad(x.grad, x)[0]
    assert second.item() == 12
    x.grad = None


def test_grad_does_not_touch_leaves():
    x, y = leaf(1), leaf(2)
    assert grad(x * y, [x, y])[0].item() == 2
    assert x.grad is None and y.grad is None


def test_grad_of_an_intermediate():
    x = leaf(2)
    y = x * 3
    z = y * y
    assert grad(z, y)[0].item() == 12
    z = (x * 3) ** 2
    assert grad(z, [x, z])[1].item() == 1


def test_unused_inputs():
    x, y = leaf(1), leaf(2)
    with pytest.raises(RuntimeError, match="allow_unused"):
        grad(x * 2, [x, y])
    assert grad(x * 2, [x, y], allow_unused=True)[1] is None
    zero = grad(x * 2, [x, y], allow_unused=True, materialize_grads=True)[1]
    assert zero.tolist() == [0] and zero.shape == y.shape
    assert grad(x * 2, [y], materialize_grads=True)[0].tolist() == [0]
    # zeros, too, can be differentiated where the gradients are
    zero = grad(x * 2, [y], create_graph=True, materialize_grads=True)[0]
    assert zero.requires_grad and grad(zero, [x], materialize_grads=True)[0].tolist() == [0]


def test_grad_outputs():
    x = leaf(1, 2)
    got = grad(
        [x * 2, x * 3],
        x,
        [plait.tensor([1.0, 0.0], dtype=plait.float64), plait.tensor([0.0, 1.0], dtype=plait.float64)],
    )
    assert got[0].tolist() == [2, 3]


def test_gradients_have_the_shape_and_dtype_of_their_tensor():
    a = plait.ones((3, 1), dtype=plait.float32, requires_grad=True)
    b = plait.ones(4, dtype=plait.float64, requires_grad=True)
    c = plait.tensor(2.0, requires_grad=True)
    (a * b * c).sum().backward()
    for t in (a, b, c):
        assert t.grad.shape == t.shape and t.grad.dtype == t.dtype
    assert a.grad.tolist() == [[8], [8], [8]] and c.grad.item() == 12


def test_real_inputs_of_complex_ops_get_real_gradients():
    x = plait.tensor([1.0, 2.0], requires_grad=True)
    y = (x * plait.tensor([1 + 2j, 3 - 1j])).abs().sum()
    y.backward()
    assert x.grad.dtype == plait.float32
    np.testing.assert_allclose(x.grad.numpy(), [abs(1 + 2j), abs(3 - 1j)], rtol=1e-6)


def test_integers_do_not_require_grad():
    with pytest.raises(RuntimeError, match=r"(?i)float"):
        plait.tensor([1, 2], requires_grad=True)
    with pytest.raises(RuntimeError, match=r"(?i)float"):
        plait.tensor([1, 2]).requires_grad_()
    assert not (leaf(1, 2) > 1).requires_grad
    assert not leaf(1, 2).argmax().requires_grad


def test_setting_grad():
    x = leaf(1, 2)
    x.grad = plait.ones(2, dtype=plait.float64)
    x.sum().backward()
    assert x.grad.tolist() == [2, 2]
    with pytest.raises((RuntimeError, TypeError)):
        x.grad = plait.ones(3, dtype=plait.float64)
    with pytest.raises((RuntimeError, TypeError)):
        x.grad = 1.0


# ---- leaves and modes ----------------------------------------------------------------------------


def test_leaf_rules():
    x = leaf(1)
    y = x * 2
    assert x.is_leaf and x.grad_fn is None
    assert not y.is_leaf and y.grad_fn is not None and y.requires_grad
    assert plait.ones(1).is_leaf
    with pytest.raises(RuntimeError, match="leaf"):
        y.requires_grad_(False)
    y.requires_grad_()
    assert x.requires_grad_(False) is x and not x.requires_grad
    assert y.grad_fn is y.grad_fn, "a node keeps its Python object"


def test_detach():
    x = leaf(1, 2)
    y = (x * 2).detach()
    assert not y.requires_grad and y.is_leaf
    d = x.detach()
    d[0] = 7
    assert x.tolist() == [7, 2], "detach shares memory"
    assert d._version == x._version, "and the version"


def test_detach_in_place():
    x = leaf(1, 2)
    y = x * 2
    y.detach_()
    assert y.is_leaf and not y.requires_grad


def test_data_does_not_bump_the_version():
    x = leaf(1, 2)
    y = x * x
    x.data.mul_(10)
    y.sum().backward()
    assert x.grad.tolist() == [20, 40]


MODES = [
    (plait.no_grad, False),
    (plait.enable_grad, True),
    (lambda: plait.set_grad_enabled(False), False),
    (lambda: plait.set_grad_enabled(True), True),
    (plait.inference_mode, False),
]


@pytest.mark.parametrize(("mode", "on"), MODES)
def test_modes_as_contexts(mode, on):
    for outer in (True, False):
        with plait.set_grad_enabled(outer):
            with mode():
                assert plait.is_grad_enabled() is on
                assert (leaf(1) * 2 if on else plait.ones(1)).requires_grad is on
            assert plait.is_grad_enabled() is outer
            with pytest.raises(ZeroDivisionError), mode():
                raise ZeroDivisionError
            assert plait.is_grad_enabled() is outer


@pytest.mark.parametrize(
    ("mode", "on"), [(plait.no_grad, False), (plait.enable_grad, True), (plait.inference_mode, False)]
)
def test_modes_as_decorators(mode, on):
    @mode()
    def f(a, *, b=1):
        """Text."""
        return plait.is_grad_enabled(), a, b

    assert f(1, b=2) == (on, 1, 2) and f.__name__ == "f" and f.__doc__ == "Text."

    @mode()
    def generator():
        yield plait.is_grad_enabled()
        yield plait.is_grad_enabled()

    with plait.set_grad_enabled(not on):
        for seen in generator():
            assert seen is on
            assert plait.is_grad_enabled() is not on, "the mode holds inside the generator only"


def test_what_a_decorated_function_keeps():
    def function(a, b: int = 1):
        """Its text."""

    function.mark = 1
    wrapped = plait.no_grad()(plait.inference_mode()(function))
    assert inspect.unwrap(wrapped) is function and inspect.signature(wrapped) == inspect.signature(function)
    assert (wrapped.__name__, wrapped.__doc__, wrapped.mark) == ("function", "Its text.", 1)
    wrapped.other = 2
    assert vars(function) == {"mark": 1}


def test_no_grad_without_parentheses():
    @plait.no_grad
    def f():
        return plait.is_grad_enabled()

    assert f() is False


def test_set_grad_enabled_as_a_function():
    plait.set_grad_enabled(False)
    try:
        assert not (leaf(1) * 2).requires_grad
    finally:
        plait.set_grad_enabled(True)


def test_modes_belong_to_a_thread():
    seen = []
    with plait.no_grad():
        t = threading.Thread(target=lambda: seen.append(plait.is_grad_enabled()))
        t.start()
        t.join()
    assert seen == [True]


def test_inference_mode():
    with plait.inference_mode():
        assert plait.is_inference_mode_enabled()
        x = plait.ones(3)
        assert x.is_inference()
        x.add_(1)
        y = x * 2
    assert not plait.is_inference_mode_enabled()
    assert y.tolist() == [4, 4, 4]
    w = plait.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"(?i)inference"):
        (w * y).sum().backward()
    with plait.inference_mode(False):
        assert plait.is_grad_enabled()


def test_a_tensor_of_inference_mode_is_written_only_there():
    with plait.inference_mode():
        x = plait.ones(3)
    for write in (
        lambda: x.add_(1),
        lambda: x[0].add_(1),
        lambda: x.__setitem__(0, 5.0),
        lambda: plait.add(plait.ones(3), 1, out=x),
        lambda: plait.cumsum(plait.ones(3), 0, out=x),
    ):
        with pytest.raises(RuntimeError, match=r"inference mode.*clone"):
            write()
        assert x.tolist() == [1, 1, 1]
    y = x.clone()
    y.add_(1)
    with plait.inference_mode():
        x.add_(1)
        y.add_(1)
    assert x.tolist() == [2, 2, 2] and y.tolist() == [3, 3, 3]


def test_no_grad_leaves_no_history():
    x = leaf(1)
    with plait.no_grad():
        y = x * 2
        z = plait.ones(1, requires_grad=True)
    assert y.grad_fn is None and not y.requires_grad and z.requires_grad


# ---- in place ------------------------------------------------------------------------------------


def test_in_place_on_a_leaf_is_refused():
    x = leaf(1, 2)
    for change in (lambda: x.mul_(2), lambda: x.__setitem__(0, 1.0), lambda: x[0].add_(1), lambda: x.zero_()):
        with pytest.raises(RuntimeError, match="leaf"):
            change()
    with plait.no_grad():
        x.mul_(2)
    assert x.tolist() == [2, 4] and x.is_leaf


def test_in_place_rewrites_history():
    x = leaf(1, 2)
    y = x * 3
    y.mul_(2).add_(1)
    y.sum().backward()
    assert x.grad.tolist() == [6, 6]


def test_in_place_brings_requires_grad():
    a, w = plait.ones(3, dtype=plait.float64), leaf(2, 3, 4)
    a.mul_(w)
    assert a.requires_grad and not a.is_leaf
    a.sum().backward()
    assert w.grad.tolist() == [1, 1, 1]


def test_saved_tensor_overwritten():
    x = leaf(1, 2)
    y = x.exp()
    y.add_(1)
    with pytest.raises(RuntimeError) as caught:
        y.sum().backward()
    text = str(caught.value)
    for word in ("exp", "(2", "version"):
        assert word in text.lower().replace("[", "("), f"the message lacks {word}: {text}"
    numbers = [c for c in text.replace(".", " ").replace(";", " ").replace(",", " ").split() if c.isdigit()]
    assert {"0", "1"} <= set(numbers), f"the message lacks the two versions: {text}"


def test_saved_input_overwritten_under_no_grad():
    x, w = leaf(1, 2), plait.ones(2, dtype=plait.float64)
    y = x * w
    with plait.no_grad():
        w.add_(1)
    with pytest.raises(RuntimeError, match=r"(?i)version"):
        y.sum().backward()


def test_version_counter():
    x = plait.ones(4)
    assert x._version == 0
    x.add_(1)
    x[0] = 3
    v = x[1:]
    v.mul_(2)
    assert x._version == v._version == 3
    with plait.no_grad():
        x.zero_()
    assert x._version == 4 and x.clone()._version == 0


def test_out_does_not_record():
    x, out = leaf(1, 2), plait.empty(2, dtype=plait.float64)
    with pytest.raises(RuntimeError, match="out"):
        plait.mul(x, x, out=out)
    with plait.no_grad():
        plait.mul(x, x, out=out)
    assert out.tolist() == [1, 4]


# ---- size and threads ----------------------------------------------------------------------------


def test_a_chain_of_a_million_nodes():
    x = plait.ones(1, requires_grad=True)
    y = x
    for _ in range(1_000_000):
        y = y + 1
    y.backward()
    assert x.grad.item() == 1
    del y  # freed without recursion


def test_a_long_chain_is_freed_unused():
    x = plait.ones(1, requires_grad=True)
    y = x
    for _ in range(300_000):
        y = y * 1.0
    del y
    assert x.grad is None


def test_a_deep_chain_of_functions():
    class Id(Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            return g

    x = leaf(1)
    y = x
    for _ in range(20_000):
        y = Id.apply(y)
    y.backward()
    assert x.grad.item() == 1


def test_threads_run_backward_of_their_own():
    failed = []

    def work(seed):
        try:
            for i in range(30):
                x = plait.full((50,), float(seed + i), dtype=plait.float64, requires_grad=True)
                y = x
                for _ in range(20):
                    y = y * 1.5 - y
                y.sum().backward()
                np.testing.assert_allclose(x.grad.numpy(), 0.5**20, rtol=1e-12)
        except Exception as e:
            failed.append(e)

    threads = [threading.Thread(target=work, args=(s,)) for s in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(120)
    assert not failed and not any(t.is_alive() for t in threads)


def test_threads_accumulate_into_one_leaf():
    x = plait.zeros(3, dtype=plait.float64, requires_grad=True)
    (x * 0).sum().backward()

    def work():
        for _ in range(200):
            (x * 1).sum().backward()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(120)
    assert x.grad.tolist() == [800, 800, 800]


def test_no_gradient_is_lost_between_threads():
    """Neither where the first of them makes .grad, nor where all add to it."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for rounds, size in ((300, 3), (4, 40000)):
            for _ in range(rounds):
                x = plait.zeros(size, requires_grad=True)
                start = threading.Barrier(4)
                times = 1 if size == 3 else 50

                def work(x=x, start=start, times=times):
                    for _ in range(times):
                        y = (x * 1).sum()
                        start.wait(60)
                        y.backward()

                threads = [threading.Thread(target=work) for _ in range(4)]
                for t in threads:
                    t.start()
                for t in threads:
                    t.join(120)
                assert (x.grad == 4 * times).all()
    finally:
        sys.setswitchinterval(interval)


def test_the_graph_goes_with_its_root():
    x = leaf(1, 2)
    big = plait.ones(2, dtype=plait.float64)
    gone = weakref.ref(big)
    y = x * big
    del big
    gc.collect()
    y.sum().backward()
    del y
    gc.collect()
    assert gone() is None


def test_checkpoint():
    from plait.utils.checkpoint import checkpoint

    calls = []

    def block(t):
        calls.append(1)
        return (t * t).sin()

    x = leaf(1, 2)
    y = checkpoint(block, x, use_reentrant=False)
    y.sum().backward()
    assert len(calls) == 2
    np.testing.assert_allclose(x.grad.numpy(), 2 * np.array([1, 2]) * np.cos([1, 4]), rtol=1e-12)


def test_modes_hold_within_generators_however_they_are_left():
    seen = []

    @plait.no_grad()
    def numbers():
        try:
            sent = yield plait.is_grad_enabled()
            while True:
                try:
                    sent = yield (sent, plait.is_grad_enabled())
                except KeyError as error:
                    sent = (str(error), plait.is_grad_enabled())
        finally:
            seen.append(plait.is_grad_enabled())

    run = numbers()
    assert next(run) is False and plait.is_grad_enabled()
    assert run.send(1) == (1, False)
    assert run.throw(KeyError("k")) == (("'k'", False), False)
    assert plait.is_grad_enabled() and not seen
    run.close()
    assert seen == [False]
    with pytest.raises(ValueError, match="not caught"):
        other = numbers()
        next(other)
        other.throw(ValueError("not caught"))
    assert seen == [False, False] and plait.is_grad_enabled()


def test_modules_of_grad_modes_and_marks_of_views():
    from plait.autograd import grad_mode

    with grad_mode.no_grad(), grad_mode.set_multithreading_enabled(False):
        assert not plait.is_grad_enabled()
    x = plait.ones(2, dtype=plait.complex64)
    assert not plait.is_conj(x.conj()) and not plait.is_neg(x)
    assert plait.resolve_conj(x) is x and plait.resolve_neg(x) is x
