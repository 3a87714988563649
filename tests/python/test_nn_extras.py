"""Lazy modules, pruning, unpooling, the adaptive softmax: against NumPy, and against what they stand for."""

import copy

import numpy as np
import plait
import pytest
from plait import nn
from plait.nn.utils import prune

F = nn.functional


def close(a, b, tol=1e-5):
    b = b.detach().numpy() if isinstance(b, plait.Tensor) else np.asarray(b)
    np.testing.assert_allclose(a.detach().numpy(), b, rtol=tol, atol=tol)


# ---- lazy modules
LAZY = {
    "LazyLinear": (lambda: nn.LazyLinear(3), (2, 5), lambda: nn.Linear(5, 3)),
    "LazyLinear no bias": (lambda: nn.LazyLinear(3, bias=False), (5,), lambda: nn.Linear(5, 3, bias=False)),
    "LazyConv1d": (lambda: nn.LazyConv1d(4, 2, bias=False), (2, 3, 6), lambda: nn.Conv1d(3, 4, 2, bias=False)),
    "LazyConv2d": (
        lambda: nn.LazyConv2d(4, 3, 2, 1, 1, 2, True, "reflect"),
        (2, 6, 7, 7),
        lambda: nn.Conv2d(6, 4, 3, 2, 1, 1, 2, True, "reflect"),
    ),
    "LazyConv3d": (lambda: nn.LazyConv3d(2, 2), (3, 4, 4, 4), lambda: nn.Conv3d(3, 2, 2)),
    "LazyConvTranspose1d": (lambda: nn.LazyConvTranspose1d(4, 2), (2, 3, 6), lambda: nn.ConvTranspose1d(3, 4, 2)),
    "LazyConvTranspose2d": (
        lambda: nn.LazyConvTranspose2d(4, 3, 2, 1, 1, 2),
        (2, 6, 5, 5),
        lambda: nn.ConvTranspose2d(6, 4, 3, 2, 1, 1, 2),
    ),
    "LazyConvTranspose3d": (
        lambda: nn.LazyConvTranspose3d(2, 2), (1, 3, 2, 2, 2), lambda: nn.ConvTranspose3d(3, 2, 2),
    ),
    "LazyBatchNorm1d": (lambda: nn.LazyBatchNorm1d(), (4, 3), lambda: nn.BatchNorm1d(3)),
    "LazyBatchNorm2d": (
        lambda: nn.LazyBatchNorm2d(1e-3, 0.2, affine=False), (4, 3, 2, 2),
        lambda: nn.BatchNorm2d(3, 1e-3, 0.2, affine=False),
    ),
    "LazyBatchNorm3d": (
        lambda: nn.LazyBatchNorm3d(track_running_stats=False), (4, 3, 2, 2, 2),
        lambda: nn.BatchNorm3d(3, track_running_stats=False),
    ),
    "LazyInstanceNorm1d": (
        lambda: nn.LazyInstanceNorm1d(), (3, 8), lambda: nn.InstanceNorm1d(3, affine=True, track_running_stats=True),
    ),
    "LazyInstanceNorm2d": (
        lambda: nn.LazyInstanceNorm2d(affine=False, track_running_stats=False), (2, 3, 4, 4),
        lambda: nn.InstanceNorm2d(3),
    ),
    "LazyInstanceNorm3d": (
        lambda: nn.LazyInstanceNorm3d(), (2, 3, 2, 2, 2),
        lambda: nn.InstanceNorm3d(3, affine=True, track_running_stats=True),
    ),
}


@pytest.mark.parametrize("name", LAZY)
def test_a_lazy_module_becomes_its_class(name):
    make, shape, plain = LAZY[name]
    x = plait.randn(shape)
    plait.manual_seed(3)
    lazy = make()
    before = list(lazy.parameters())
    plait.manual_seed(4)
    got = lazy(x)
    plait.manual_seed(4)
    want = plain()
    assert type(lazy) is type(want) and str(lazy) == str(want)
    assert [type(p) for p in before] == [nn.Parameter] * len(before)
    assert all(a is b for a, b in zip(before, lazy.parameters())), "an optimiser made earlier would miss them"
    close(got, want(x))
    for (key, a), (key2, b) in zip(lazy.state_dict().items(), want.state_dict().items()):
        assert key == key2
        close(a, b)


@pytest.mark.parametrize("name", LAZY)
def test_lazy_modules_copy_move_and_load(name):
    make, shape, plain = LAZY[name]
    full = plain().double()
    for t in full.state_dict().values():
        if t.is_floating_point():
            t.copy_(plait.rand_like(t) + 0.5)
    lazy = copy.deepcopy(make()).double()
    lazy.load_state_dict(lazy.state_dict())  # nothing yet: stays as it is
    assert type(lazy).__name__.startswith("Lazy")
    lazy.load_state_dict(full.state_dict())
    x = plait.randn(shape, dtype=plait.float64)
    assert type(lazy).__name__.startswith("Lazy")
    lazy.eval(), full.eval()
    close(lazy(x), full(x), 1e-12)
    assert type(lazy) is type(full) and lazy.extra_repr() == full.extra_repr()
    if full.state_dict() and any(isinstance(t, plait.Tensor) and t.dim() for t in full.state_dict().values()):
        with pytest.raises(RuntimeError, match="shape is not known"):
            lazy.load_state_dict(make().state_dict())


def test_uninitialized_parameters_say_so():
    p = nn.LazyLinear(2).weight
    assert nn.parameter.is_lazy(p) and not nn.parameter.is_lazy(nn.Parameter())
    assert isinstance(p, nn.Parameter) and repr(p) == "<UninitializedParameter>"
    with pytest.raises(RuntimeError, match="first forward"):
        _ = p.shape
    p.materialize((2, 3), dtype=plait.float64)
    assert type(p) is nn.Parameter and p.shape == (2, 3) and p.dtype is plait.float64 and p.requires_grad
    with pytest.raises(ValueError, match="divisible by groups"):
        nn.LazyConv2d(4, 3, groups=2)(plait.zeros(1, 3, 5, 5))
    net = nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(2))
    net(plait.zeros(1, 3, 5, 5)).sum().backward()
    assert net[2].in_features == 36 and all(p.grad is not None for p in net.parameters())


# ---- unpooling
@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("batched", [True, False])
def test_max_unpool(n, batched):
    shape = (2, 3, *[7, 6, 5][:n]) if batched else (3, *[7, 6, 5][:n])
    x = plait.randn(shape, dtype=plait.float64, requires_grad=True)
    pool = getattr(nn, f"MaxPool{n}d")(3, 2, 1, return_indices=True)
    unpool = getattr(nn, f"MaxUnpool{n}d")(3, 2, 1)
    values, where = pool(x)
    got = unpool(values, where, output_size=x.shape)
    flat = np.zeros((int(np.prod(shape[:-n])), int(np.prod(shape[-n:]))))
    rows = np.asarray(where).reshape(flat.shape[0], -1)
    for row, places, numbers in zip(flat, rows, np.asarray(values.detach()).reshape(flat.shape[0], -1)):
        row[places] = numbers
    assert got.shape == shape
    close(got, flat.reshape(shape), 0)
    even = plait.randn((*shape[:-n], *[4, 6, 2][:n]), dtype=plait.float64)
    simple = getattr(F, f"max_pool{n}d")(even, 2, return_indices=True)
    small = plait.randn(simple[0].shape, dtype=plait.float64, requires_grad=True)
    assert plait.autograd.gradcheck(lambda t: getattr(F, f"max_unpool{n}d")(t, simple[1], 2), (small,))


def test_max_unpool_refuses():
    x, where = F.max_pool2d(plait.zeros(1, 1, 4, 4), 2, return_indices=True)
    with pytest.raises(ValueError, match="output_size"):
        F.max_unpool2d(x, where, 2, output_size=(7, 4))
    with pytest.raises(ValueError, match="shape of input"):
        F.max_unpool2d(x, where[..., :1], 2)
    with pytest.raises(ValueError, match="3 or 4 dimensions"):
        F.max_unpool2d(x[0, 0], where[0, 0], 2)
    with pytest.raises(IndexError):
        F.max_unpool2d(x, where + 100, 2)


# ---- adaptive softmax
def test_adaptive_log_softmax():
    plait.manual_seed(0)
    m = nn.AdaptiveLogSoftmaxWithLoss(16, 60, [4, 20], div_value=2.0, head_bias=True).double()
    x = plait.randn(10, 16, dtype=plait.float64, requires_grad=True)
    target = plait.tensor([0, 3, 4, 19, 20, 59, 7, 45, 1, 2])

    def probabilities(x):  # one class after the other, as the paper defines them
        head = x @ np.asarray(m.head.weight.detach()).T + np.asarray(m.head.bias.detach())
        head = np.exp(head) / np.exp(head).sum(1, keepdims=True)
        parts = [head[:, :4]]
        for i, (first, second) in enumerate(m.tail):
            z = x @ np.asarray(first.weight.detach()).T @ np.asarray(second.weight.detach()).T
            parts.append(np.exp(z) / np.exp(z).sum(1, keepdims=True) * head[:, 4 + i : 5 + i])
        return np.concatenate(parts, 1)

    want = probabilities(np.asarray(x.detach()))
    assert np.allclose(want.sum(1), 1)
    close(m.log_prob(x).exp(), want, 1e-12)
    out = m(x, target)
    close(out.output, np.log(want[np.arange(10), np.asarray(target)]), 1e-12)
    close(out.loss, -np.log(want[np.arange(10), np.asarray(target)]).mean(), 1e-12)
    assert m.predict(x).tolist() == want.argmax(1).tolist()
    assert plait.autograd.gradcheck(lambda x: m(x, target).loss, (x,))
    single = m(x[0], target[0])
    close(single.output, out.output[0].detach(), 1e-12)
    assert [tuple(p.shape) for p in m.tail[1].parameters()] == [(4, 16), (40, 4)]
    with pytest.raises(RuntimeError, match=r"\[0, 59\]"):
        m(x, target + 1)
    for cutoffs in ([], [5, 5], [5, 3], [0, 5], [60]):
        with pytest.raises(ValueError, match="cutoffs"):
            nn.AdaptiveLogSoftmaxWithLoss(16, 60, cutoffs)


# ---- pruning
def linear(seed=0):
    plait.manual_seed(seed)
    return nn.Linear(6, 5)


def test_l1_unstructured():
    m = linear()
    w = m.weight.detach().clone()
    parameter = m.weight
    assert prune.l1_unstructured(m, "weight", 7) is m
    mask = np.ones(30)
    mask[np.argsort(np.abs(np.asarray(w)).ravel())[:7]] = 0
    close(m.weight_mask, mask.reshape(5, 6), 0)
    close(m.weight, np.asarray(w) * mask.reshape(5, 6), 0)
    assert m.weight_orig is parameter and prune.is_pruned(nn.Sequential(m))
    assert set(m.state_dict()) == {"weight_orig", "weight_mask", "bias"}
    m(plait.ones(1, 6)).sum().backward()
    close(parameter.grad, mask.reshape(5, 6), 0)
    with plait.no_grad():
        parameter.add_(1)
    m(plait.ones(1, 6))
    close(m.weight, (np.asarray(w) + 1) * mask.reshape(5, 6))
    prune.remove(m, "weight")
    assert set(m.state_dict()) == {"weight", "bias"} and not prune.is_pruned(m) and m.weight is parameter
    close(m.weight, (np.asarray(w) + 1) * mask.reshape(5, 6))
    with pytest.raises(ValueError, match="not pruned"):
        prune.remove(m, "weight")


def test_pruning_goes_on_where_it_ended():
    m = linear()
    w = np.asarray(m.weight.detach()).copy()
    prune.ln_structured(m, "weight", 2, 2, 0)
    rows = np.argsort(np.linalg.norm(w, axis=1))[:2]
    want = np.ones((5, 6))
    want[rows] = 0
    close(m.weight_mask, want, 0)
    prune.l1_unstructured(m, "weight", amount=0.5)  # half of the 18 that are left
    left = np.where(want.ravel() == 1)[0]
    gone = left[np.argsort(np.abs(w).ravel()[left])[:9]]
    want.ravel()[gone] = 0
    close(m.weight_mask, want, 0)
    prune.random_structured(m, "weight", 1, dim=1)
    assert len(m._forward_pre_hooks) == 1
    (hook,) = prune._methods(m)
    assert [type(x).__name__ for x in hook[1]] == ["LnStructured", "L1Unstructured", "RandomStructured"]
    mask = np.asarray(m.weight_mask)
    assert ((mask == 0) >= (want == 0)).all() and (mask == 0).all(0).sum() >= 1
    prune.random_unstructured(m, "bias", 0.4)
    assert int((m.bias_mask == 0).sum()) == 2


def test_other_ways_to_prune():
    m = linear()
    scores = plait.arange(30.0).reshape(5, 6)
    prune.l1_unstructured(m, "weight", 3, importance_scores=scores)
    assert (np.asarray(m.weight_mask).ravel()[:3] == 0).all() and m.weight_mask.sum() == 27
    prune.identity(m, "bias")
    assert m.bias_mask.tolist() == [1] * 5
    prune.custom_from_mask(m, "bias", plait.tensor([1, 0, 1, 0, 1]))
    assert m.bias_mask.tolist() == [1, 0, 1, 0, 1]
    t = plait.tensor([[1.0, -3.0], [2.0, 0.5]])
    assert prune.L1Unstructured(0.5).prune(t).tolist() == [[0, -3], [2, 0]]
    a, b = linear(1), linear(2)
    both = np.abs(np.concatenate([np.asarray(x.weight.detach()).ravel() for x in (a, b)]))
    prune.global_unstructured([(a, "weight"), (b, "weight")], prune.L1Unstructured, amount=0.2)
    got = np.concatenate([np.asarray(x.weight_mask).ravel() for x in (a, b)])
    want = np.ones(60)
    want[np.argsort(both)[:12]] = 0
    assert (got == want).all()
    with pytest.raises(TypeError, match="not unstructured"):
        prune.global_unstructured([(a, "weight")], prune.RandomStructured, amount=0.2)


@pytest.mark.parametrize("amount, error", [(-1, ValueError), (1.5, ValueError), ("x", TypeError), (31, ValueError)])
def test_bad_amounts_leave_the_module_as_it_was(amount, error):
    m = linear()
    with pytest.raises(error, match="amount"):
        prune.l1_unstructured(m, "weight", amount)
    assert set(m.state_dict()) == {"weight", "bias"} and not prune.is_pruned(m)


# ---- small things
def test_utils():
    conv = nn.Sequential(nn.Conv2d(8, 4, 2), nn.Conv3d(2, 3, 2))
    nn.utils.convert_conv2d_weight_memory_format(conv, plait.channels_last)
    assert conv[0].weight.is_contiguous(memory_format=plait.channels_last)
    assert isinstance(conv[0].weight, nn.Parameter)
    assert nn.utils.skip_init(nn.Linear, 5, 1, dtype=plait.float64).weight.dtype is plait.float64
    with pytest.raises(TypeError, match=r"nn\.Module"):
        nn.utils.skip_init(int)
