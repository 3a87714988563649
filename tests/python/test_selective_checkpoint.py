"""Selective checkpointing gives the gradients of the plain call, and does not run kept ops again."""

import functools
import gc

import numpy as np
import plait
import pytest
from plait.nn import functional as F
from plait.utils.checkpoint import (
    CheckpointPolicy,
    SelectiveCheckpointContext,
    checkpoint,
    create_selective_checkpoint_contexts,
)

aten = plait.ops.aten


def leaf(*shape, seed=0):
    return plait.tensor(np.random.default_rng(seed).standard_normal(shape)).requires_grad_()


def keeping(policy, **options):
    return functools.partial(create_selective_checkpoint_contexts, policy, **options)


class Names(plait.overrides.TorchFunctionMode):
    """The ops that are called within it."""

    def __enter__(self):
        self.names = []
        return super().__enter__()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.names.append(func.__name__)
        return func(*args, **(kwargs or {}))


def products(x, w):
    return (plait.sigmoid((x @ w) @ w.t()) * x).exp()


def normalised(x, w):
    h = F.layer_norm(F.linear(x, w).relu(), (4,))
    return F.softmax(h, -1).log() + plait.cat([h, x], 0).max(0).values


def convolved(x, w):
    y = F.conv1d(x.view(1, 4, 4), w.view(2, 4, 2), padding=1)
    return y.transpose(1, 2).flatten() * F.scaled_dot_product_attention(x, w, w).sum()


FUNCTIONS = [products, normalised, convolved]
POLICIES = {
    "none": [],
    "products": [aten.mm.default, plait.linear, aten.convolution.default],
    "some": [plait.sigmoid, plait.exp, aten.relu, aten.softmax, aten.t.default, aten._scaled_dot_product_flash_attention],
    "all": lambda context, op, *args, **kwargs: CheckpointPolicy.MUST_SAVE,
    "offload": lambda context, op, *args, **kwargs: CheckpointPolicy.PREFER_CPU_OFFLOAD,
    "every other": None,
}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_same_gradients(function, policy):
    x, w = leaf(4, 4), leaf(4, 4, seed=1)
    expected = plait.autograd.grad(function(x, w).sum(), (x, w), create_graph=True)
    chosen = POLICIES[policy]
    if policy == "every other":
        turns = iter(range(1000))
        chosen = lambda *call, **more: next(turns) % 2 == 0  # noqa: E731
    y = checkpoint(function, x, w, context_fn=keeping(chosen))
    given = plait.autograd.grad(y.sum(), (x, w), create_graph=True)
    for a, b in zip(given, expected):
        assert a.tolist() == b.tolist()
    second = [plait.autograd.grad(g[0].sum(), (x, w), retain_graph=True) for g in (given, expected)]
    for a, b in zip(*second):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12, atol=1e-14)


def test_kept_ops_do_not_run_again():
    x, w = leaf(4, 4), leaf(4, 4, seed=1)
    for policy, again in (
        ([aten.mm.default], ["t", "sigmoid", "mul", "exp"]),
        ([plait.matmul, plait.sigmoid], ["t", "mul", "exp"]),
        ([], ["matmul", "t", "matmul", "sigmoid", "mul", "exp"]),
    ):
        y = checkpoint(products, x, w, context_fn=keeping(policy)).sum()
        with Names() as seen:
            y.backward()
        assert [n for n in seen.names if n not in ("detach", "zeros")] == again


def test_custom_ops_by_their_own_names():
    calls = []

    @plait.library.custom_op("plait_tests::tripled", mutates_args=())
    def tripled(x: plait.Tensor) -> plait.Tensor:
        calls.append(1)
        return x * 3

    tripled.register_autograd(lambda ctx, g: g * 3)
    x = leaf(3)
    for policy in ([tripled], [plait.ops.plait_tests.tripled]):
        calls.clear()
        y = checkpoint(lambda t: tripled(t).exp(), x, context_fn=keeping(policy))
        (g,) = plait.autograd.grad(y.sum(), x)
        assert len(calls) == 1
        np.testing.assert_allclose(g.numpy(), 3 * np.exp(3 * x.detach().numpy()))


def test_what_the_policy_is_told():
    seen = []

    def policy(context, op, *args, **kwargs):
        assert isinstance(context, SelectiveCheckpointContext) and context.is_recompute is False
        seen.append((op, len(args), kwargs, tuple(context.op_output.shape)))
        return CheckpointPolicy.PREFER_RECOMPUTE

    x = leaf(2, 2)
    checkpoint(lambda t: t.sum(dim=0).exp(), x, context_fn=keeping(policy)).sum().backward()
    assert seen == [(aten.sum, 1, {"dim": 0}, (2,)), (aten.exp.default, 1, {}, (2,))]  # of the first run alone


def test_only_what_is_kept_stays_in_memory():
    def function(x, w):
        a = x * 2
        b = a @ w
        c = b.sigmoid()
        return c.exp()

    x, w = leaf(64, 64), leaf(64, 64, seed=1)
    gc.collect()
    before = plait.memory_stats()["allocated"]
    sizes = []
    for policy in ([], [plait.matmul], lambda *call: True):
        y = checkpoint(function, x, w, context_fn=keeping(policy))
        gc.collect()
        sizes.append((plait.memory_stats()["allocated"] - before) // (64 * 64 * 8))
        del y
    assert sizes == [1, 2, 4]  # the result; and the product; and the others, of which one is the result


def test_random_numbers_go_on_behind_a_kept_op():
    x = leaf(50)

    def function(t):
        return F.dropout(F.dropout(t, 0.5) * 2, 0.5) * t

    for policy in ([], [plait.dropout], [plait.mul]):
        plait.manual_seed(3)
        expected = plait.autograd.grad(function(x).sum(), x)[0]
        after = plait.rand(1)
        plait.manual_seed(3)
        y = checkpoint(function, x, context_fn=keeping(policy))
        given = plait.autograd.grad(y.sum(), x)[0]
        assert given.tolist() == expected.tolist() and plait.rand(1) == after


def test_kept_results_are_not_to_be_written_to():
    x = leaf(3)

    def function(t):
        return t.sin().mul_(2).sin() * t

    y = checkpoint(function, x, context_fn=keeping([plait.sin]))
    with pytest.raises(RuntimeError, match="a result of sin that was kept has been written to in place"):
        y.sum().backward()
    expected = plait.autograd.grad(function(x).sum(), x)[0]
    y = checkpoint(function, x, context_fn=keeping([plait.mul]))  # what writes runs again
    np.testing.assert_allclose(plait.autograd.grad(y.sum(), x)[0].numpy(), expected.numpy())
    y = checkpoint(function, x, context_fn=keeping([plait.sin], allow_cache_entry_mutation=True))
    assert plait.autograd.grad(y.sum(), x)[0].shape == (3,)  # of what was written twice


def test_nested_calls_and_two_backwards():
    x, w = leaf(4, 4), leaf(4, 4, seed=1)

    def outer(x, w):
        return checkpoint(products, (x @ w).tanh(), w, context_fn=keeping([plait.sigmoid])) @ w

    expected = plait.autograd.grad(outer(x, w).sum(), (x, w))
    for policy in ([plait.matmul], [plait.tanh], lambda *call, **more: True):
        y = checkpoint(outer, x, w, context_fn=keeping(policy)).sum()
        for retain in (True, False):
            given = plait.autograd.grad(y, (x, w), retain_graph=retain)
            assert [g.tolist() for g in given] == [g.tolist() for g in expected]


def test_a_function_that_changes_its_mind_is_an_error():
    x, runs = leaf(3), []

    def function(t):
        runs.append(1)
        return t.exp() * t if len(runs) == 1 else t.sin() * t

    y = checkpoint(function, x, context_fn=keeping([plait.exp]))
    with pytest.raises(RuntimeError, match="called exp at first and sin when it ran again"):
        y.sum().backward()


def test_bad_policies():
    with pytest.raises(TypeError, match="expected a function or a list of ops, got int"):
        create_selective_checkpoint_contexts(3)
    with pytest.raises(TypeError, match="expected an op"):
        create_selective_checkpoint_contexts([3])
    with pytest.raises(TypeError, match="to return a CheckpointPolicy, got str"):
        checkpoint(plait.exp, leaf(2), context_fn=keeping(lambda *call: "save"))


def test_small_names():
    from plait.utils import checkpoint as module

    first, second = module.noop_context_fn()
    with first, second, module.set_checkpoint_debug_enabled(True):
        pass
    assert issubclass(module.CheckpointError, RuntimeError)
    assert CheckpointPolicy(0) is CheckpointPolicy.MUST_SAVE and len(CheckpointPolicy) == 6
