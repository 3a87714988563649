"""GradScaler, beside PyTorch's where installed, and plait.amp without CUDA. Autocast regions: test_autocast.py."""

import copy
import math
import pickle
import warnings

import numpy as np
import plait
import pytest
from cuda_device import needs_cuda
from plait.amp import GradScaler, autocast


def test_a_disabled_region_does_nothing():
    with autocast("cpu", enabled=False), plait.autocast("cuda", dtype=plait.bfloat16, enabled=False):
        assert not plait.is_autocast_enabled()
        assert (plait.ones(2, 2) @ plait.ones(2, 2)).dtype is plait.float32

    @autocast("cpu", enabled=False)
    def double(x, *, by=2):
        """Doubles."""
        return x * by

    assert double(plait.ones(1), by=3).item() == 3 and double.__doc__ == "Doubles."


without_cuda = pytest.mark.skipif(plait.cuda.is_available(), reason="there is a CUDA device")


@without_cuda
def test_cuda_without_cuda_warns_and_is_disabled():
    for make in (lambda: plait.autocast("cuda"), plait.cuda.amp.autocast):
        with pytest.warns(UserWarning, match=r"CUDA is not available\. Disabling"):
            region = make()
        with region:
            assert not plait.is_autocast_enabled("cuda")


def test_custom_functions():
    class Square(plait.autograd.Function):
        @staticmethod
        @plait.cuda.amp.custom_fwd
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @plait.amp.custom_bwd(device_type="cuda")
        def backward(ctx, grad):
            return 2 * ctx.saved_tensors[0] * grad

    x = plait.tensor(3.0, requires_grad=True)
    Square.apply(x).backward()
    assert x.grad.item() == 6


def problem(lib, scaler, factors, device="cpu"):
    """Parameters after steps whose losses are scaled by the factors; an infinite one spoils the gradient."""
    w = lib.tensor([1.0, -2.0, 3.0], requires_grad=True, device=device)
    v = lib.tensor([0.5], requires_grad=True, device=device)
    first, second = lib.optim.SGD([w], lr=0.1), lib.optim.SGD([v], lr=0.1, momentum=0.9)
    seen = []
    for factor in factors:
        for optimizer in (first, second):
            optimizer.zero_grad()
        a, b = scaler.scale([(w * w).sum() * factor, (v * v).sum()])
        a.backward()
        b.backward()
        scaler.unscale_(second)
        scaler.step(first)
        scaler.step(second)
        scaler.update()
        seen.append((scaler.get_scale(), scaler._get_growth_tracker()))
    return w.detach().cpu().numpy(), v.detach().cpu().numpy(), seen, scaler.state_dict()


FACTORS = [1.0, 0.5, math.inf, 2.0, math.nan, 1.0, 1.0, 1.0, 0.1]
OPTIONS = {"init_scale": 4.0, "growth_interval": 3, "growth_factor": 3.0, "backoff_factor": 0.25}


def test_steps_growth_and_backoff():
    w, v, seen, state = problem(plait, GradScaler("cpu", **OPTIONS), FACTORS)
    assert seen == [(4, 1), (4, 2), (1, 0), (1, 1), (0.25, 0), (0.25, 1), (0.25, 2), (0.75, 0), (0.75, 1)]
    expected = np.array([1.0, -2.0, 3.0])
    for factor in FACTORS:
        if math.isfinite(factor):
            expected = expected - 0.1 * 2 * expected * factor
    np.testing.assert_allclose(w, expected, rtol=1e-5)
    assert state == {"scale": 0.75, "growth_factor": 3.0, "backoff_factor": 0.25} | {
        "growth_interval": 3,
        "_growth_tracker": 1,
    }
    assert np.isfinite(v).all()


def test_as_pytorch():
    torch = pytest.importorskip("torch")
    ours = problem(plait, GradScaler("cpu", **OPTIONS), FACTORS)
    theirs = problem(torch, torch.amp.GradScaler("cpu", **OPTIONS), FACTORS)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-6)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-6)
    assert ours[2:] == theirs[2:]
    scaler = torch.amp.GradScaler("cpu")
    scaler.load_state_dict(ours[3])
    mine = GradScaler("cpu")
    mine.load_state_dict(scaler.state_dict())
    assert mine.state_dict() == ours[3]


@needs_cuda
def test_on_cuda_as_on_the_cpu():
    ours = problem(plait, GradScaler("cuda", **OPTIONS), FACTORS, "cuda")
    theirs = problem(plait, GradScaler("cpu", **OPTIONS), FACTORS)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-6)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-6)
    assert ours[2:] == theirs[2:]


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_cuda)])
def test_nothing_is_read_from_the_device_but_by_other_optimisers(device, monkeypatch):
    reads = []
    monkeypatch.setattr(plait.Tensor, "item", lambda t, item=plait.Tensor.item: (reads.append(t), item(t))[1])
    w = [plait.ones(3, device=device, requires_grad=True) for _ in range(5)]
    optimizer = plait.optim.SGD(w, lr=0.1)
    scaler = GradScaler(device)
    scaler.scale(sum(p.sum() for p in w)).backward()
    scaler.unscale_(optimizer)
    assert not reads
    scaler.step(optimizer)
    scaler.update()
    assert len(reads) == (device == "cpu")
    optimizer = plait.optim.Adagrad(w, lr=0.1)
    scaler.scale(sum(p.sum() for p in w)).backward()
    reads.clear()
    scaler.step(optimizer)
    assert len(reads) == 1
    scaler.update()
    assert len(reads) == 1


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_cuda)])
def test_gradients_of_all_kinds_are_unscaled(device):
    g = np.random.default_rng(0)
    grads = [
        plait.from_numpy(g.standard_normal(s)).to(device) for s in ((), (0,), (3, 5), (70001,), (4, 6, 2))
    ]
    grads += [
        grads[3].float(),
        grads[3].float()[1:],
        grads[3].half(),
        grads[3].bfloat16()[3:],
        grads[2].float(),
    ]
    grads += [grads[3].float()[::3], grads[4].float().permute(2, 0, 1), grads[2].float().t()[::2]]
    grads += [plait.from_numpy(g.standard_normal(2).astype("float32")).to(device) for _ in range(500)]
    expected = [(t.double() * 0.25).to(t.dtype).cpu() for t in grads]
    versions = [t._version for t in grads]
    found, factor = plait.zeros((), device=device), plait.tensor(0.25, device=device)
    plait._amp_foreach_non_finite_check_and_unscale_(grads, found, factor)
    assert found.item() == 0
    for t, want, version in zip(grads, expected, versions):
        assert t.cpu().equal(want) and t._version > version
    for place, bad in [
        (3, math.inf),
        (5, -math.inf),
        (6, math.nan),
        (7, math.inf),
        (10, math.nan),
        (-1, math.inf),
    ]:
        t, found = grads[place], plait.zeros((), device=device)
        t[-1] = bad
        plait._amp_foreach_non_finite_check_and_unscale_([grads[0], t], found, factor)
        assert found.item() == 1, (place, bad)
        t[-1] = 0.0


def test_what_the_ops_refuse():
    one, grads = plait.ones(()), [plait.ones(2)]
    unscale, update = plait._amp_foreach_non_finite_check_and_unscale_, plait._amp_update_scale_
    with pytest.raises(ValueError, match=r"'found_inf' of one element.*\(2,\)"):
        unscale(grads, plait.ones(2), one)
    with pytest.raises(ValueError, match=r"'inv_scale' of one element and dtype float32.*float64"):
        unscale(grads, one, one.double())
    with pytest.raises(TypeError, match="floating"):
        unscale([plait.ones(2), plait.ones(2).long()], one, one)
    with pytest.raises(ValueError, match=r"'growth_tracker'.*int32"):
        update(one, one, one, 2.0, 0.5, 3)


def test_the_scale_stays_finite():
    scaler = GradScaler("cpu", init_scale=3e38, growth_interval=1)
    w = plait.zeros(1, requires_grad=True)
    optimizer = plait.optim.SGD([w], lr=1.0)
    scaler.scale((w * 0).sum()).backward()
    scaler.step(optimizer)
    scaler.update()
    np.testing.assert_allclose(scaler.get_scale(), 3e38, rtol=1e-6)
    scaler.update(8.0)
    assert scaler.get_scale() == 8
    scaler.update(plait.tensor([16.0]))
    assert scaler.get_scale() == 16


def test_scale_of_structures_and_dtypes():
    scaler = GradScaler("cpu", init_scale=2.0)
    x = plait.ones(2)
    assert isinstance(scaler.scale((x, [x])), tuple)
    assert [t.tolist() for t in scaler.scale(t for t in (x, x))] == [[2, 2], [2, 2]]
    assert scaler.scale(x.double()).dtype is plait.float64 and scaler.scale(x.half()).dtype is plait.float16
    with pytest.raises(ValueError, match="iterable"):
        scaler.scale(3)


def test_misuse():
    w = plait.ones(1, requires_grad=True)
    optimizer = plait.optim.SGD([w], lr=1.0)
    scaler = GradScaler("cpu")
    with pytest.raises(RuntimeError, match="before the scale was set"):
        scaler.step(optimizer)
    scaler.scale(w.sum())
    with pytest.raises(RuntimeError, match="no gradients"):
        scaler.step(optimizer)
    scaler = GradScaler("cpu")
    scaler.scale(w.sum()).backward()
    with pytest.raises(RuntimeError, match="no inf checks"):
        scaler.update()
    scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match="already been called"):
        scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match="closures"):
        scaler.step(optimizer, closure=lambda: 0)
    scaler.step(optimizer)
    with pytest.raises(RuntimeError, match=r"after step\(\)"):
        scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match="already been called"):
        scaler.step(optimizer)
    half = plait.ones(1, dtype=plait.float16, requires_grad=True)
    scaler.scale(half.sum()).backward()
    with pytest.raises(ValueError, match="FP16"):
        scaler.unscale_(plait.optim.SGD([half], lr=1.0))
    with pytest.raises(ValueError, match="growth_factor"):
        GradScaler("cpu", growth_factor=1.0)
    with pytest.raises(ValueError, match="backoff_factor"):
        GradScaler("cpu", backoff_factor=2.0)
    with pytest.raises(RuntimeError, match="empty"):
        scaler.load_state_dict({})


@without_cuda
@pytest.mark.parametrize("make", [GradScaler, plait.cuda.amp.GradScaler])
def test_disabled_without_cuda(make):
    with pytest.warns(UserWarning, match=r"CUDA is not available\. Disabling"):
        scaler = make()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(enabled=False)
    w = plait.ones(1, requires_grad=True)
    optimizer = plait.optim.SGD([w], lr=1.0)
    loss = w.sum()
    assert scaler.scale(loss) is loss and not scaler.is_enabled() and scaler.get_scale() == 1
    loss.backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    assert w.item() == 0 and scaler.state_dict() == {}
    scaler.load_state_dict({"scale": 1.0})


def test_copies():
    scaler = GradScaler("cpu", init_scale=2.0)
    scaler.scale(plait.ones(1))
    for other in (copy.deepcopy(scaler), pickle.loads(pickle.dumps(scaler))):
        assert other.state_dict() == scaler.state_dict()
