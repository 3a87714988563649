"""Autocast regions on CUDA: norms' results, the gradients of their inputs and parameters in 16 bits beside float32; gradients
in another dtype than is due; and the sums that a norm's derivative adds to (on every device)."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import plait
import plait.nn.functional as F
import pytest
from cuda_device import IS_EMULATED, needs_cuda
from plait import nn

BF16, F16, F32 = plait.bfloat16, plait.float16, plait.float32
ROWS, N = 37, 24


def region(dtype=BF16):
    return plait.autocast("cuda", dtype=dtype)


def normal(*shape, seed=0, dtype=F32, requires_grad=False):
    numbers = np.random.default_rng(seed).standard_normal(shape)
    return plait.tensor(numbers, dtype=dtype, device="cuda", requires_grad=requires_grad)


def launches(run):
    spec = importlib.util.spec_from_file_location(
        "cuda_launches", Path(__file__).parents[2] / "tools" / "cuda_launches.py"
    )
    tool = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = tool
    spec.loader.exec_module(tool)
    with tool.launches() as log:
        run()
        plait.cuda.synchronize()
    return [work.name for work in log]


def distance(got, expected):
    return float((got.cpu().double() - expected).norm() / (expected.norm() + 1e-30))


class Block(nn.Module):
    """x + f(norm(x)), as in a transformer; three products read the norm's result."""

    def __init__(self, norm, n, inner=8):
        super().__init__()
        self.norm = norm
        self.a, self.b, self.c = (nn.Linear(n, inner) for _ in range(3))
        self.up = nn.Linear(inner, n)

    def forward(self, x, spoil=False):
        h = self.norm(x)
        if spoil:
            h.data_ptr()  # no copy counts from here on
        return x + self.up(self.c(h) * plait.tanh(self.a(h) + self.b(h)))


def block_of(kind, n=N, seed=0):
    plait.manual_seed(seed)
    block = Block(nn.LayerNorm(n) if kind == "layer_norm" else nn.RMSNorm(n, eps=1e-5), n).cuda()
    with plait.no_grad():
        for parameter in block.parameters():
            parameter.copy_(plait.randn_like(parameter) * parameter.shape[-1] ** -0.5)
    return block


def gradients(model, x, weights, dtype=BF16, **options):
    x = x.detach().requires_grad_()
    model.zero_grad()
    with region(dtype):
        y = model(x, **options)
    (y * weights).sum().backward()
    return [y.detach(), x.grad, *(p.grad.clone() for p in model.parameters())]


@needs_cuda
@pytest.mark.parametrize("dtype", [BF16, F16], ids=["bfloat16", "float16"])
@pytest.mark.parametrize("kind", ["layer_norm", "rms_norm"])
@pytest.mark.parametrize("shape", [(ROWS, N), (3, 5, N), (2, 3, 2, N), (ROWS, 7), (1, N), (3, 2600)], ids=str)
def test_as_without_copies(kind, shape, dtype):
    n = shape[-1]
    block, x, weights = block_of(kind, n), normal(*shape), normal(*shape, seed=1)
    with_copies, without = (
        gradients(block, x, weights, dtype),
        gradients(block, x, weights, dtype, spoil=True),
    )
    assert with_copies[0].dtype is F32
    for a, b in zip(with_copies, without, strict=True):
        assert a.dtype is b.dtype is F32
        # The same numbers; only what is added to dx is rounded once less.
        np.testing.assert_allclose(a.cpu(), b.cpu(), rtol=2e-6, atol=1e-5 * float(b.abs().max()))
    exact = block_of(kind, n).cpu().double()
    x = x.cpu().double().requires_grad_()
    y = exact(x)
    (y * weights.cpu().double()).sum().backward()
    for got, expected in zip(with_copies, [y, x.grad, *(p.grad for p in exact.parameters())], strict=True):
        assert distance(got, expected) < (0.03 if dtype is BF16 else 0.004)


@needs_cuda
def test_a_chain_of_blocks():
    blocks = nn.Sequential(*(block_of("layer_norm", seed=s) for s in range(3)))
    x, weights = normal(4, 5, N), normal(4, 5, N, seed=1)
    got = gradients(blocks, x, weights)
    exact = nn.Sequential(*(block_of("layer_norm", seed=s) for s in range(3))).cpu().double()
    x = x.cpu().double().requires_grad_()
    (exact(x) * weights.cpu().double()).sum().backward()
    for a, b in zip(got[1:], [x.grad, *(p.grad for p in exact.parameters())], strict=True):
        assert distance(a, b) < 0.05


@needs_cuda
@pytest.mark.skipif(not IS_EMULATED, reason="the emulator keeps the log")
def test_nothing_is_converted():
    block = block_of("layer_norm")
    x, weights = normal(ROWS, N, requires_grad=True), normal(ROWS, N, seed=1)

    def step(spoil=False):
        with region():
            y = block(block(x, spoil), spoil)
        y.backward(weights)

    def conversions(spoil):
        return sum("Convert" in name for name in launches(lambda: step(spoil)))

    step()
    # Forward: 8 parameters, once; products write their gradients in float32. Backward: what comes from outside, for `up`;
    # and for each norm's result the first of three gradients in 16 bits, to which the others are added.
    assert conversions(spoil=False) == 8 + 1 + 2
    assert conversions(spoil=True) == 8 + 1 + 2 + 2 * 3
    names = launches(step)
    one = [name for name in names if name.startswith("layer_norm_rows_backward")]
    assert len(one) == 2 and all("true" in name for name in one), names  # with the residual's gradient


@needs_cuda
def test_writes_are_seen():
    x, linear = normal(ROWS, N), nn.Linear(N, N).cuda()

    def product(change):
        with region(), plait.no_grad():
            h = F.layer_norm(x, (N,))
            change(h)
            return linear(h), F.linear(h.to(BF16), linear.weight.to(BF16), linear.bias.to(BF16))

    for change in [
        lambda h: h.add_(1),
        lambda h: h.data.mul_(2),
        lambda h: h[3:5].zero_(),
        lambda h: h.view(-1)[7:9].fill_(5),
        lambda h: F.dropout(h.data, 0.5, inplace=True),
        lambda h: h.copy_(normal(ROWS, N, seed=5)),
        lambda h: plait.add(x, 1, out=h),
        lambda h: None,
    ]:
        got, expected = product(change)
        assert plait.equal(got, expected)


@needs_cuda
def test_parts_and_views_are_their_own():
    x, linear = normal(6, 4, N), nn.Linear(N, N).cuda()
    with region(), plait.no_grad():
        h = F.layer_norm(x, (N,))
        for part in (
            h[1:],
            h[:, :1],
            h[..., :N],
            h.flatten(0, 1),
            h.transpose(0, 1),
            h.view(2, 12, N),
            h[:0],
            h.expand(1, 6, 4, N),
        ):
            expected = F.linear(part.to(BF16), linear.weight.to(BF16), linear.bias.to(BF16))
            assert plait.equal(linear(part), expected)


@needs_cuda
def test_hooks_and_captures_see_float32():
    block, x = block_of("layer_norm"), normal(ROWS, N, requires_grad=True)
    seen = {}
    with region():
        h = block.norm(x)
        h.register_hook(lambda g: seen.setdefault("hook", g))
        h.retain_grad()
        h.grad_fn.register_prehook(lambda grads: seen.update(pre=grads[0]))
        y = block.a(h) + block.b(h)
    y.float().sum().backward(retain_graph=True)
    assert seen["hook"].dtype is seen["pre"].dtype is h.grad.dtype is F32
    retained = h.grad
    (g,) = plait.autograd.grad(y.float().sum(), h, retain_graph=True)
    assert g.dtype is F32 and plait.equal(g, retained)
    (dx,) = plait.autograd.grad(y.float().sum(), x)
    assert plait.equal(dx, x.grad)


@needs_cuda
def test_a_hook_changes_the_gradient():
    block, x = block_of("layer_norm"), normal(ROWS, N, requires_grad=True)
    got = []
    for scale in (1, 2):
        with region():
            h = block.norm(x)
            h.register_hook(lambda g, scale=scale: g * scale)
            y = block.a(h)
        got.append(plait.autograd.grad(y.float().sum(), x)[0])
    np.testing.assert_allclose(got[1].cpu(), 2 * got[0].cpu(), rtol=1e-5, atol=1e-6)


@needs_cuda
def test_second_derivatives():
    linear, x = nn.Linear(N, N).cuda(), normal(4, N, requires_grad=True)
    with region():
        y = linear(F.layer_norm(x, (N,)))
    (g,) = plait.autograd.grad(y.float().square().sum(), x, create_graph=True)
    (second,) = plait.autograd.grad(g.square().sum(), x)
    with region():
        h = F.layer_norm(x, (N,))
        h.data_ptr()
        y = linear(h)
    (g2,) = plait.autograd.grad(y.float().square().sum(), x, create_graph=True)
    (expected,) = plait.autograd.grad(g2.square().sum(), x)
    assert second.dtype is F32
    np.testing.assert_allclose(
        second.cpu(), expected.cpu(), rtol=1e-4, atol=1e-4 * float(expected.abs().max())
    )


@needs_cuda
def test_outside_of_regions_and_in_other_dtypes_there_is_no_copy():
    x = normal(ROWS, N)
    linear = nn.Linear(N, N).cuda()
    assert linear(F.layer_norm(x, (N,))).dtype is F32
    with plait.autocast("cuda", dtype=BF16):
        h = F.layer_norm(x, (N,))
        with plait.autocast("cuda", dtype=F16):  # another dtype than that of the copy
            assert plait.equal(linear(h), F.linear(h.to(F16), linear.weight.to(F16), linear.bias.to(F16)))
        with plait.autocast("cuda", enabled=False):
            assert linear(h).dtype is F32
        assert F.layer_norm(x.double(), (N,)).dtype is plait.float64


@needs_cuda
def test_a_step_captured_in_a_graph():
    block, x, weights = block_of("layer_norm"), normal(ROWS, N), normal(ROWS, N, seed=1)
    expected = gradients(block, x, weights)
    static = x.clone().requires_grad_()

    def step():
        with region():
            y = block(static)
        (y * weights).sum().backward()
        return y

    for _ in range(2):
        step()
    block.zero_grad()
    static.grad = None
    graph = plait.cuda.CUDAGraph()
    with plait.cuda.graph(graph):
        y = step()
    graph.replay()
    plait.cuda.synchronize()
    for a, b in zip([y, static.grad, *(p.grad for p in block.parameters())], expected, strict=True):
        np.testing.assert_allclose(a.detach().cpu(), b.cpu(), rtol=1e-6, atol=1e-6)


@needs_cuda
def test_other_streams():
    linear, x = nn.Linear(N, N).cuda(), normal(ROWS, N)
    side = plait.cuda.Stream()
    with region(), plait.no_grad():
        expected = linear(F.layer_norm(x, (N,)))
        for _ in range(20):
            h = F.layer_norm(x, (N,))
            side.wait_stream(plait.cuda.current_stream())
            with plait.cuda.stream(side):
                y = linear(h)
            h.record_stream(side)
            del h
            normal(ROWS, N, dtype=BF16, seed=3)  # would take the copy's block
            plait.cuda.current_stream().wait_stream(side)
            assert plait.equal(y, expected)


# ---- parameters


def explicit(linear, x, dtype=BF16):
    return F.linear(x.to(dtype), linear.weight.to(dtype), linear.bias.to(dtype))


OPTIMIZERS = {
    "SGD": lambda p: plait.optim.SGD(p, lr=0.1),
    "momentum": lambda p: plait.optim.SGD(p, lr=0.1, momentum=0.9),
    "Adam": lambda p: plait.optim.Adam(p, lr=0.1),
    "AdamW": lambda p: plait.optim.AdamW(p, lr=0.1),
    "RMSprop": lambda p: plait.optim.RMSprop(p, lr=0.1),
}


@needs_cuda
@pytest.mark.parametrize("dtype", [BF16, F16], ids=["bfloat16", "float16"])
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_optimisers_write_the_copies(kind, dtype):
    linear, x = nn.Linear(N, 33).cuda(), normal(ROWS, N)
    optimizer = OPTIMIZERS[kind](linear.parameters())

    def step():
        with region(dtype):
            y = linear(x)
        optimizer.zero_grad()
        y.float().square().mean().backward()
        optimizer.step()

    def right():
        with region(dtype), plait.no_grad():
            return plait.equal(linear(x), explicit(linear, x, dtype))

    for _ in range(3):
        step()
        assert right()
    if IS_EMULATED:
        with region(dtype):
            names = launches(lambda: linear(x.to(dtype)))
        assert sum("Convert" in name for name in names) == 1, names  # x alone
        step()
        names = launches(step)
        assert sum("Convert" in name for name in names) <= 3, names  # x, the loss and its gradient

    # Whatever else changes the parameters.
    for change in [
        lambda: linear.weight.mul_(0.5),
        lambda: linear.weight.data.mul_(3),
        lambda: linear.weight[2:4].zero_(),
        lambda: linear.load_state_dict({k: v * 2 for k, v in linear.state_dict().items()}),
        lambda: setattr(linear.weight, "data", plait.randn_like(linear.weight)),
        lambda: nn.init.zeros_(linear.bias),
    ]:
        step()
        with plait.no_grad():
            change()
        assert right()


@needs_cuda
@pytest.mark.parametrize(
    "alias", [lambda p: p.data, lambda p: plait.from_dlpack(p.detach())], ids=["data", "dlpack"]
)
def test_aliases_from_before(alias):
    linear, x = nn.Linear(N, N).cuda(), normal(ROWS, N)
    optimizer = plait.optim.SGD(linear.parameters(), lr=0.1)
    same = alias(linear.weight)
    for _ in range(2):
        with region():
            linear(x).sum().backward()
        optimizer.step()
    same.mul_(2)
    with region(), plait.no_grad():
        assert plait.equal(linear(x), explicit(linear, x))


@needs_cuda
def test_a_retained_graph_keeps_its_parameters():
    linear, x = nn.Linear(N, N).cuda(), normal(ROWS, N, requires_grad=True)
    optimizer = plait.optim.SGD(linear.parameters(), lr=0.5)
    got = []
    for _ in range(2):
        with region():
            y = linear(x)
        loss = y.float().sum()
        (first,) = plait.autograd.grad(loss, x, retain_graph=True)
        loss.backward(retain_graph=True)
        optimizer.step()
        (second,) = plait.autograd.grad(loss, x)
        assert plait.equal(first, second)
        got.append(first)
    assert not plait.equal(*got)


@needs_cuda
def test_a_step_left_out_keeps_the_copy_right():
    linear, x = nn.Linear(N, N).cuda(), normal(ROWS, N)
    optimizer = plait.optim.AdamW(linear.parameters(), lr=0.1)
    scaler = plait.amp.GradScaler("cuda", init_scale=4.0)
    for bad in (False, True, False, True, True, False):
        with region(F16):
            y = linear(x)
        optimizer.zero_grad()
        scaler.scale(y.float().square().mean() * (float("inf") if bad else 1.0)).backward()
        before = linear.weight.detach().clone()
        scaler.step(optimizer)
        scaler.update()
        assert plait.equal(before, linear.weight) == bad
        with region(F16), plait.no_grad():
            assert plait.equal(linear(x), explicit(linear, x, F16))


@needs_cuda
def test_parameters_that_a_graph_updates():
    def make():
        plait.manual_seed(0)
        linear = nn.Linear(N, N).cuda()
        return linear, plait.optim.Adam(linear.parameters(), lr=0.05, capturable=True)

    x = normal(ROWS, N)

    def step(linear, optimizer):
        optimizer.zero_grad()
        with region():
            y = linear(x)
        y.float().square().mean().backward()
        optimizer.step()

    linear, optimizer = make()
    for _ in range(3):
        step(linear, optimizer)
    graph = plait.cuda.CUDAGraph()
    optimizer.zero_grad()
    with plait.cuda.graph(graph):
        step(linear, optimizer)
    reference, other = make()
    for _ in range(3):
        step(reference, other)
    for i in range(6):
        if i == 3:  # an eager step in between: its copies end with the next replay
            step(linear, optimizer)
        else:
            graph.replay()
        step(reference, other)
        np.testing.assert_allclose(
            linear.weight.detach().cpu(), reference.weight.detach().cpu(), rtol=1e-5, atol=1e-6
        )
        with region(), plait.no_grad():
            assert plait.equal(linear(x), explicit(linear, x))


@needs_cuda
def test_large_parameters_are_converted_as_they_are_used():
    linear = nn.Linear(1100, 1000).cuda()
    optimizer = plait.optim.SGD(linear.parameters(), lr=0.1)
    x = normal(2, 1100)
    for _ in range(2):
        with region():
            linear(x).sum().backward()
        optimizer.step()
    before = plait.cuda.memory_allocated()
    with region(), plait.no_grad():
        y = linear(x)
        held = plait.cuda.memory_allocated() - before
        assert plait.equal(y, explicit(linear, x))
    assert held >= 2 * linear.weight.numel()  # the region's


@needs_cuda
@pytest.mark.parametrize("bias", [True, False])
def test_gradients_of_products_are_not_rounded(bias):
    linear, x, g = nn.Linear(N, 5, bias=bias).cuda(), normal(ROWS, N), normal(ROWS, 5, seed=1)
    with region():
        y = linear(x) if bias else F.relu(linear(x))
    y.backward(g.to(BF16))
    x, g = x.to(BF16).double(), g.to(BF16).double()
    if not bias:
        g = g * (y > 0)
    assert linear.weight.grad.dtype is F32
    np.testing.assert_allclose(linear.weight.grad.cpu(), (g.T @ x).cpu(), rtol=1e-5, atol=1e-5)
    if bias:
        np.testing.assert_allclose(linear.bias.grad.cpu(), g.sum(0).cpu(), rtol=1e-5, atol=1e-5)


@needs_cuda
def test_a_hook_on_a_converted_parameter_sees_its_dtype():
    weight, x = normal(5, N, requires_grad=True), normal(ROWS, N)
    lower, seen = weight.to(BF16), []
    lower.register_hook(lambda g: seen.append(g.dtype))
    F.linear(x.to(BF16), lower).sum().backward()
    assert seen == [BF16] and weight.grad.dtype is F32
    lower = weight.to(BF16)
    (g,) = plait.autograd.grad(F.linear(x.to(BF16), lower).sum(), lower)
    assert g.dtype is BF16
    # Read twice: by a product, and by an op whose gradient is of the dtype.
    weight.grad = None
    lower = weight.to(BF16)
    (F.linear(x.to(BF16), lower).sum() + (lower * 2).sum()).backward()
    expected = x.to(BF16).double().sum(0).expand(5, N) + 2
    assert weight.grad.dtype is F32
    np.testing.assert_allclose(weight.grad.cpu(), expected.cpu(), rtol=0.01, atol=0.02)


# ---- a derivative that adds to what has come in


def both_orders(x, norm):
    """x is read by a norm and by other ops, before and after it."""
    return [
        x * 2 + norm(x),
        norm(x) + x * 2,
        norm(x) * norm(x.sin()) + x.exp(),
        norm(x).cumsum(0) * x + norm(norm(x) + x),
    ]


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_cuda)])
@pytest.mark.parametrize("dtype", [plait.float64, F32, BF16], ids=str)
@pytest.mark.parametrize("n", [8, 2600])
def test_sums(device, dtype, n):
    weight = plait.tensor(np.random.default_rng(1).standard_normal(n), device=device).to(dtype)
    numbers = np.random.default_rng(0).standard_normal((3, n))

    def run(dtype, device, hooked):
        x = plait.tensor(numbers, device=device).to(dtype).requires_grad_()
        w = weight.detach().to(device, dtype).requires_grad_()
        middle = x * 1
        if hooked:
            middle.register_hook(lambda g: g)
        losses = both_orders(middle, lambda t: F.layer_norm(t, (n,), w))
        return plait.autograd.grad(sum((y * (i + 1)).sum() for i, y in enumerate(losses)), [x, w, middle])

    exact = run(plait.float64, "cpu", hooked=False)
    for hooked in (False, True):
        for got, expected in zip(run(dtype, device, hooked), exact, strict=True):
            assert got.dtype is dtype
            bits = {plait.float64: 1e-12, F32: 2e-5, BF16: 0.06}[dtype]
            scale = float(expected.abs().max())
            np.testing.assert_allclose(got.cpu().double(), expected, atol=bits * scale)


def test_sums_by_finite_differences():
    x = plait.randn(3, 6, dtype=plait.float64, requires_grad=True)
    w = plait.randn(6, dtype=plait.float64, requires_grad=True)

    def f(x, w):
        return sum(both_orders(x * 1, lambda t: F.rms_norm(t, (6,), w)))

    assert plait.autograd.gradcheck(f, (x, w)) and plait.autograd.gradgradcheck(f, (x, w))


def test_a_leaf_that_a_norm_reads_too():
    x = plait.randn(4, 6, requires_grad=True)
    x.grad = plait.ones(4, 6)
    (x * 3 + F.layer_norm(x, (6,))).sum().backward()
    # The norm's own gradient of a sum is zero.
    np.testing.assert_allclose(x.grad, np.full((4, 6), 4.0), atol=1e-5)
    kept = plait.ones(4, 6)
    (x * 3 + F.layer_norm(x, (6,))).backward(kept)
    assert plait.equal(kept, plait.ones(4, 6))


def test_what_has_come_in_stays_as_it_is_for_others():
    x = plait.randn(4, 6, requires_grad=True)
    y = x * 1
    seen = []
    z = y * 1
    z.register_hook(lambda g: seen.append((g, g.clone())) and None)
    (z + F.layer_norm(y, (6,)) * plait.arange(6)).sum().backward()
    assert plait.equal(*seen[0])
