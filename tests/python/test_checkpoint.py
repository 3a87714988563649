"""Activation checkpointing gives the same results and gradients as the plain call, and computes twice."""

import collections
import gc
import weakref

import numpy as np
import plait
import pytest
from plait.utils.checkpoint import checkpoint, checkpoint_sequential

Pair = collections.namedtuple("Pair", "a b")


def leaf(*shape, seed=0):
    return plait.tensor(np.random.default_rng(seed).standard_normal(shape)).requires_grad_()


class Counted:
    """A function that counts its calls."""

    def __init__(self, function):
        self.function, self.calls = function, 0

    def __call__(self, *args, **kwargs):
        self.calls += 1
        return self.function(*args, **kwargs)


def test_same_result_and_gradient_and_the_function_runs_again():
    w = leaf(4, 4, seed=1)
    results = []
    for use in (False, True):
        x = leaf(3, 4)
        w.grad = None
        f = Counted(lambda x: (x @ w).tanh() @ w)
        y = checkpoint(f, x) if use else f(x)
        assert f.calls == 1
        (y * y).sum().backward()
        assert f.calls == 1 + use
        results.append([y.tolist(), x.grad.tolist(), w.grad.tolist()])
    assert results[0] == results[1]


def test_gradients_accumulate_over_several_calls_and_other_paths():
    results = []
    for use in (False, True):
        x, w = leaf(3), leaf(3, seed=1)

        def block(t, w=w):
            return (t * w).sin()

        call = checkpoint if use else lambda f, *a: f(*a)
        y = call(block, call(block, x)) + block(x)
        y.sum().backward()
        results.append([x.grad.tolist(), w.grad.tolist()])
    np.testing.assert_allclose(results[0], results[1], rtol=1e-14)


def test_nested_structures_in_and_out():
    results = []
    for use in (False, True):
        a, b, c = leaf(2), leaf(2, seed=1), leaf(2, seed=2)

        def f(pair, scale, *, extra):
            assert isinstance(pair, Pair)
            return {"sum": pair.a + pair.b[0] * scale, "rest": [extra["c"] * 2, "text", extra["n"]]}

        call = checkpoint if use else lambda f, *args, **kwargs: f(*args, **kwargs)
        out = call(f, Pair(a, [b]), 3.0, extra={"c": c, "n": 5})
        assert out["rest"][1:] == ["text", 5]
        (out["sum"].sum() * 2 + out["rest"][0].sum()).backward()
        results.append([a.grad.tolist(), b.grad.tolist(), c.grad.tolist()])
    assert results[0] == results[1]


def test_parameters_get_gradients_when_no_input_requires_grad():
    w = leaf(3)
    x = plait.ones(3, dtype=plait.float64)
    checkpoint(lambda x: x * w, x).sum().backward()
    assert w.grad.tolist() == [1, 1, 1]


def test_some_outputs_unused_or_not_differentiable():
    x = leaf(4)
    y, _z, index = checkpoint(lambda x: (x * 2, x * 3, x.argmax()), x)
    assert not index.requires_grad
    y.sum().backward()
    assert x.grad.tolist() == [2, 2, 2, 2]


def test_nothing_happens_without_grad():
    x = leaf(2)
    f = Counted(lambda t: t * 2)
    with plait.no_grad():
        y = checkpoint(f, x)
    assert not y.requires_grad
    assert f.calls == 1


def test_nested_checkpoints():
    x = leaf(3)
    inner = Counted(lambda t: t.sin())
    outer = Counted(lambda t: checkpoint(inner, t * 2) * t)
    checkpoint(outer, x).sum().backward()
    assert (outer.calls, inner.calls) == (2, 3)
    v = x.detach().numpy()
    np.testing.assert_allclose(x.grad.numpy(), 2 * np.cos(2 * v) * v + np.sin(2 * v), rtol=1e-12)


def test_random_numbers_are_the_same_both_times_and_the_stream_goes_on():
    x = plait.ones(1000, dtype=plait.float64).requires_grad_()
    plait.manual_seed(1)
    y = checkpoint(lambda t: t * plait.rand(1000, dtype=plait.float64), x)
    after = plait.rand(3).tolist()
    y.sum().backward()
    assert x.grad.tolist() == y.tolist()
    plait.manual_seed(1)
    plait.rand(1000, dtype=plait.float64)
    assert plait.rand(3).tolist() == after
    more = plait.rand(3).tolist()
    plait.manual_seed(1)
    x.grad = None
    y = checkpoint(lambda t: t * plait.rand(1000, dtype=plait.float64), x)
    plait.rand(3)
    y.sum().backward()
    assert plait.rand(3).tolist() == more  # backward has put the generator back

    x.grad = None
    y = checkpoint(lambda t: t * plait.rand(1000, dtype=plait.float64), x, preserve_rng_state=False)
    y.sum().backward()
    assert x.grad.tolist() != y.tolist()


def test_intermediate_results_are_not_kept():
    kept = []

    class Probe(plait.autograd.Function):
        @staticmethod
        def forward(ctx, t):
            y = t.exp()
            ctx.save_for_backward(y)
            kept.append(weakref.ref(y))
            return y

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0]

    x = leaf(3)
    y = checkpoint(lambda t: Probe.apply(t) * 2, x)
    gc.collect()
    assert [ref() for ref in kept] == [None]
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * np.exp(x.detach().numpy()), rtol=1e-12)


def test_inputs_of_inner_calls_are_not_kept():
    kept = []

    def outer(t):
        for _ in range(3):
            t = t * 2
            kept.append(weakref.ref(t))
            t = checkpoint(plait.sin, t)
        return t

    x, z = leaf(3), leaf(3)
    y = checkpoint(outer, x)
    gc.collect()
    assert [ref() for ref in kept] == [None] * 3
    y.sum().backward()
    (((z * 2).sin() * 2).sin() * 2).sin().sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), z.grad.numpy(), rtol=1e-12)


def test_sequential():
    steps = [plait.tanh, lambda t: t * 2, plait.sin, lambda t: t + 1, plait.exp]
    for segments in (1, 2, 3, 5):
        x, z = leaf(3), leaf(3)
        y = checkpoint_sequential(steps, segments, x)
        y.sum().backward()
        r = z
        for step in steps:
            r = step(r)
        r.sum().backward()
        assert y.tolist() == r.tolist()
        assert x.grad.tolist() == z.grad.tolist()
    with pytest.raises(ValueError, match="segments should be in 1 to 5, got 6"):
        checkpoint_sequential(steps, 6, leaf(3))


def test_a_function_that_changes_its_mind_is_an_error():
    sizes = [2, 3]

    def f(t):
        return t.sum() * plait.ones(sizes.pop(0), dtype=plait.float64)

    y = checkpoint(f, leaf(3))
    with pytest.raises(RuntimeError, match=r"\(2,\).* at first and .*\(3,\)"):
        y.sum().backward()


def test_a_changed_input_is_an_error():
    x = leaf(3)
    t = x * 1
    y = checkpoint(lambda t: t * t, t)
    with plait.no_grad():
        t.add_(1)
    with pytest.raises(RuntimeError, match=r"modified|version"):
        y.sum().backward()


def test_gradients_without_backward_and_second_derivatives():
    x, w = leaf(3), leaf(3, seed=1)

    def block(t):
        return (t * w).sin() * t

    results = []
    for use in (False, True):
        y = checkpoint(block, x).sum() if use else block(x).sum()
        first = plait.autograd.grad(y, [x, w], create_graph=True)
        second = plait.autograd.grad((first[0] * first[1]).sum(), [x, w])
        results.append([g.tolist() for g in (*first, *second)])
    np.testing.assert_allclose(*results, rtol=1e-14)
    assert x.grad is None and w.grad is None


def test_two_backwards_through_one_graph():
    x = leaf(3)
    f = Counted(lambda t: t.exp() * t)
    y = checkpoint(f, x).sum()
    (one,) = plait.autograd.grad(y, x, retain_graph=True)
    (two,) = plait.autograd.grad(y, x)
    assert one.tolist() == two.tolist() and f.calls == 3
    with pytest.raises(RuntimeError, match="retain_graph"):
        y.backward()


def test_gradients_within_the_function():
    def f(t):
        (slope,) = plait.autograd.grad((t**3).sum(), t, create_graph=True)
        return slope * t

    x, z = leaf(3), leaf(3)
    checkpoint(f, x).sum().backward()
    f(z).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), z.grad.numpy(), rtol=1e-14)


def test_hooks_and_states_around_it():
    x, z = leaf(3), leaf(3)
    seen = []
    with plait.autograd.graph.saved_tensors_hooks(lambda t: seen.append(t.shape) or t, lambda t: t):
        y = checkpoint(lambda t: t.sin().exp(), x)
    assert seen == [(3,)]  # the input alone
    y.sum().backward()
    z.sin().exp().sum().backward()
    assert x.grad.tolist() == z.grad.tolist()


def test_bad_options():
    with pytest.raises(TypeError, match="context_fn to return two context managers"):
        checkpoint(plait.sin, leaf(1), context_fn=lambda: None)
    with pytest.raises(ValueError, match="determinism_check"):
        checkpoint(plait.sin, leaf(1), determinism_check="maybe")


def test_each_run_in_a_context_of_its_own():
    entered = []

    class Noted:
        def __init__(self, name):
            self.name = name

        def __enter__(self):
            entered.append(self.name)

        def __exit__(self, *error):
            entered.append("-" + self.name)

    x = leaf(3)
    run = checkpoint(lambda t: (entered.append("run"), t.sin())[1], x, context_fn=lambda: (Noted("a"), Noted("b")))
    assert entered == ["a", "run", "-a"]
    run.sum().backward()
    assert entered == ["a", "run", "-a", "b", "run", "-b"]
    np.testing.assert_allclose(x.grad.numpy(), np.cos(x.detach().numpy()))
