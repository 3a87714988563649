"""grid_sample beyond its samples: places at the edges, the ways through the kernel, CUDA, PyTorch."""

import itertools

import cuda_device
import numpy as np
import plait
import plait.nn.functional as F
import pytest

MODES = ("bilinear", "nearest", "bicubic")
PADDINGS = ("zeros", "border", "reflection")
WAYS = [*itertools.product(MODES, PADDINGS, (False, True))]
EPS = {"float64": 1e-12, "float32": 2e-5, "float16": 4e-3, "bfloat16": 3e-2}  # of values of size 1


def numbers(*shape, seed=0, low=-1.0, high=1.0, dtype="float64"):
    values = np.random.default_rng(seed).uniform(low, high, shape)
    return plait.from_numpy(values).to(getattr(plait, dtype))


def close(a, b, dtype="float64", scale=1.0):
    a, b = (x.detach().to("cpu").to(plait.float64).numpy() for x in (a, b))
    np.testing.assert_allclose(a, b, rtol=EPS[dtype] * scale, atol=EPS[dtype] * scale)


def gradients(x, g, way, weights):
    x, g = x.detach().requires_grad_(), g.detach().requires_grad_()
    y = F.grid_sample(x, g, *way)
    y.backward(weights)
    return y.detach(), x.grad, g.grad


@pytest.mark.parametrize("align", [False, True])
def test_places_on_the_centres_of_pixels(align):
    x = numbers(2, 3, 4, 5)
    ys, xs = np.meshgrid(np.arange(4), np.arange(5), indexing="ij")
    places = [2 * at / (n - 1) - 1 if align else (2 * at + 1) / n - 1 for at, n in ((xs, 5), (ys, 4))]
    g = plait.from_numpy(np.stack(places, -1)[None].repeat(2, 0))
    for mode, padding in itertools.product(MODES, PADDINGS):
        close(F.grid_sample(x, g, mode, padding, align), x)


def test_corners_and_edges():
    x = plait.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    g = plait.tensor([[[[-1.0, -1.0], [1.0, 1.0], [1.0, -1.0], [0.0, 0.0]]]])
    at_corners = [[[[1.0, 4.0, 2.0, 2.5]]]]
    for padding in PADDINGS:
        assert F.grid_sample(x, g, "bilinear", padding, True).tolist() == at_corners
    # Outer edges: half a pixel beyond the centres, in both directions.
    assert F.grid_sample(x, g, "bilinear", "zeros", False).tolist() == [[[[0.25, 1.0, 0.5, 2.5]]]]
    for padding in ("border", "reflection"):
        assert F.grid_sample(x, g, "bilinear", padding, False).tolist() == at_corners
    # Halfway between two pixels the even one is nearest.
    ties = plait.tensor([[[[-1.0, -1.0], [0.0, -0.5], [0.0, 0.5], [1.0, 0.5]]]])
    assert F.grid_sample(x, ties, "nearest", "border", False).tolist() == [[[[1.0, 1.0, 3.0, 4.0]]]]
    assert F.grid_sample(x, ties, "nearest", "zeros", True).tolist() == [[[[1.0, 1.0, 3.0, 4.0]]]]


def test_far_outside():
    x = numbers(1, 2, 3, 4, dtype="float32")
    inf, nan = float("inf"), float("nan")
    far = [
        [9.0, 0.0],
        [0.0, -9.0],
        [1e30, 1e30],
        [-1e30, 0.0],
        [inf, 0.0],
        [0.0, -inf],
        [nan, 0.0],
        [nan, nan],
    ]
    g = plait.tensor([[far]]).requires_grad_()
    for mode, align in itertools.product(MODES, (False, True)):
        x = x.detach().requires_grad_()
        y = F.grid_sample(x, g, mode, "zeros", align)
        assert y.abs().sum() == 0
        y.sum().backward()
        assert x.grad.abs().sum() == 0 and g.grad.abs().sum() == 0
        if mode == "bicubic":
            continue
        for padding in ("border", "reflection"):
            y = F.grid_sample(x, g, mode, padding, align)
            assert y.isfinite().all()
            # The last columns and rows, or, where there is nothing to measure, the first.
            if padding == "border":
                assert (y[0, :, 0, 2] == x[0, :, 2, 3]).all() and (y[0, :, 0, 7] == x[0, :, 0, 0]).all()
                grads = plait.autograd.grad(y.sum(), g)[0]
                assert grads[0, 0, 2:].tolist()[0] == [0, 0] and grads.isfinite().all()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("align", [False, True])
def test_one_pixel(mode, align):
    x = plait.tensor([[[[3.0]]]])
    g = numbers(1, 4, 5, 2, low=-4, high=4, dtype="float32")
    for padding in ("border", "reflection"):
        y, dx, dg = gradients(x, g, (mode, padding, align), plait.ones(1, 1, 4, 5))
        close(y, plait.full((1, 1, 4, 5), 3.0), "float32")
        close(dx, plait.full((1, 1, 1, 1), 20.0), "float32")
        close(dg, plait.zeros(1, 4, 5, 2), "float32")


def test_infinite_pixels_count_where_they_are_read():
    inf = float("inf")
    x = plait.tensor([[[[inf, 1.0, 2.0]]]])
    g = plait.tensor([[[[1.2, 0.0], [-9.0, 0.0], [0.4, 0.0]]]])
    assert F.grid_sample(x, g, align_corners=True)[0, 0, 0].isfinite().all()
    for channels in (1, 40):  # both ways through the kernel
        y = F.grid_sample(x.expand(1, channels, 1, 3).contiguous(), g, align_corners=True)
        assert y[0, :, 0, 1].tolist() == [0.0] * channels


def reference(x, g, way, weights):
    """A channel at a time: the kernel of planes."""
    parts = [
        gradients(x[:, c : c + 1].contiguous(), g, way, weights[:, c : c + 1]) for c in range(x.shape[1])
    ]
    y, dx, dg = zip(*parts)
    return plait.cat(y, 1), plait.cat(dx, 1), sum(dg[1:], dg[0])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "shape, places",
    [
        ((2, 8, 6, 7), (9, 11)),
        ((1, 17, 6, 7), (70, 3)),  # more than one block of places
        ((2, 133, 5, 4), (3, 4)),  # more than one tile of channels
        ((1, 24, 40, 30), (3, 2)),  # too few places for a copy in rows
        ((2, 9, 3, 4, 5), (4, 3, 5)),
        ((3, 64, 2, 2, 2), (2, 3, 4)),
    ],
)
def test_many_channels(shape, places, dtype):
    rank = len(places)
    x = numbers(*shape, dtype=dtype)
    g = numbers(shape[0], *places, rank, seed=1, low=-1.4, high=1.4, dtype=dtype)
    weights = numbers(*shape[:2], *places, seed=2, dtype=dtype)
    last = plait.channels_last if rank == 2 else plait.channels_last_3d
    for way in WAYS:
        if way[0] == "bicubic" and rank == 3:
            continue
        scale = 100 * shape[1] ** 0.5
        want = reference(x, g, way, weights)
        for given in (x, x.contiguous(memory_format=last), plait.cat([x, x], -1)[..., : x.shape[-1]]):
            got = gradients(given, g, way, weights)
            assert got[0].is_contiguous()
            for a, b in zip(got, want):
                close(a, b, dtype, scale)


def test_gradients_lie_as_their_inputs():
    x = numbers(2, 5, 6, 7).contiguous(memory_format=plait.channels_last)
    g = numbers(2, 4, 3, 2, seed=1).transpose(1, 2)
    y, dx, dg = gradients(x, g, WAYS[0], numbers(2, 5, 3, 4, seed=2))
    assert y.is_contiguous() and dx.is_contiguous(memory_format=plait.channels_last) and dg.shape == g.shape


def test_threads_change_nothing():
    x, g = numbers(3, 40, 30, 20, dtype="float32"), numbers(3, 50, 40, 2, seed=1, dtype="float32")
    weights, threads = numbers(3, 40, 50, 40, seed=2, dtype="float32"), plait.get_num_threads()
    try:
        for batch, channels in ((3, 40), (1, 40), (1, 3)):
            found = []
            for count in (1, 2, 5):
                plait.set_num_threads(count)
                found.append(
                    gradients(
                        x[:batch, :channels], g[:batch], WAYS[0], weights[:batch, :channels].contiguous()
                    )
                )
            for other in found[1:]:
                for a, b in zip(found[0], other):
                    assert (a == b).all()
    finally:
        plait.set_num_threads(threads)


@pytest.mark.parametrize("mode, padding, align", WAYS)
@pytest.mark.parametrize("rank", [2, 3])
def test_derivatives_of_any_order(mode, padding, align, rank):
    if mode == "bicubic" and rank == 3:
        return
    x = numbers(2, 2, 4, 3, 5)[:, :, 0] if rank == 2 else numbers(2, 2, 2, 3, 4)
    g = numbers(2, *(2,) * rank, rank, seed=3, low=-1.3, high=1.3)

    def sample(x, g):
        return F.grid_sample(x, g, mode, padding, align)

    if mode == "nearest":
        x = x.detach().requires_grad_()
        assert plait.autograd.gradgradcheck(lambda x: sample(x, g), (x,))
        return
    inputs = (x.detach().requires_grad_(), g.detach().requires_grad_())
    assert plait.autograd.gradcheck(sample, inputs)
    assert plait.autograd.gradgradcheck(sample, inputs)
    for one in range(2):  # what the other needs is left out
        fixed = list(inputs)
        fixed[1 - one] = fixed[1 - one].detach()
        assert plait.autograd.gradcheck(sample, fixed) and plait.autograd.gradgradcheck(sample, fixed)


def test_the_recorded_derivative_is_the_other_one():
    for dtype in ("float32", "bfloat16"):
        x, g = numbers(2, 3, 5, 4, dtype=dtype), numbers(2, 6, 3, 2, seed=1, low=-1.2, high=1.2, dtype=dtype)
        weights = numbers(2, 3, 6, 3, seed=2, dtype=dtype)
        for way in WAYS:
            _, *want = gradients(x, g, way, weights)
            leaves = [t.detach().requires_grad_() for t in (x, g)]
            y = F.grid_sample(*leaves, *way)
            got = plait.autograd.grad(y, leaves, weights, create_graph=True)
            for a, b in zip(got, want):
                assert a.dtype is b.dtype
                close(a, b, dtype, 20)


def test_refusals():
    x, g = plait.ones(1, 2, 3, 3), plait.zeros(1, 4, 4, 2)
    for call, error, words in (
        (lambda: plait.grid_sampler(x, g, 3, 0, False), ValueError, "interpolation_mode"),
        (lambda: plait.grid_sampler(x, g, 0, -1, False), ValueError, "padding_mode"),
        (
            lambda: plait.grid_sampler_3d(x, g, 0, 0, False),
            ValueError,
            "grid_sampler_3d: expected input with 5",
        ),
        (lambda: plait.grid_sampler_2d(x[None], g[None], 0, 0, False), ValueError, "grid_sampler_2d"),
        (lambda: plait.grid_sampler(x.long(), g.long(), 0, 0, False), TypeError, "grid_sampler"),
        (lambda: plait.grid_sampler(x, g.to("meta"), 0, 0, False), (RuntimeError, ValueError, TypeError), "meta"),
    ):
        with pytest.raises(error, match=words):
            call()
    assert plait.grid_sampler(x.to("meta"), g.to("meta"), 0, 0, False).shape == (1, 2, 4, 4)


# ---- CUDA


@cuda_device.needs_cuda
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize(
    "shape, places", [((2, 5, 6, 7), (9, 4)), ((2, 3, 3, 4, 5), (4, 3, 2)), ((1, 70, 4, 3), (2, 2))]
)
def test_cuda(shape, places, dtype):
    rank = len(places)
    x, g = (
        numbers(*shape, dtype=dtype),
        numbers(shape[0], *places, rank, seed=1, low=-1.4, high=1.4, dtype=dtype),
    )
    weights = numbers(*shape[:2], *places, seed=2, dtype=dtype)
    last = plait.channels_last if rank == 2 else plait.channels_last_3d
    for way in WAYS:
        if way[0] == "bicubic" and rank == 3:
            continue
        want = gradients(x, g, way, weights)
        on = [t.to("cuda") for t in (x, g, weights)]
        for given in (on[0], on[0].contiguous(memory_format=last)):
            for a, b in zip(gradients(given, on[1], way, on[2]), want):
                close(a, b, dtype, 30)


@cuda_device.needs_cuda
def test_cuda_in_a_fixed_order():
    # Many places meet at few pixels.
    x, g = (
        numbers(2, 3, 2, 3, dtype="float32"),
        numbers(2, 20, 30, 2, seed=1, low=-1.5, high=1.5, dtype="float32"),
    )
    weights = numbers(2, 3, 20, 30, seed=2, dtype="float32")
    on = [t.to("cuda") for t in (x, g, weights)]
    plait.use_deterministic_algorithms(True)
    try:
        for way in WAYS:
            for given in (on[0], on[0].contiguous(memory_format=plait.channels_last)):
                results = [gradients(given, on[1], way, on[2]) for _ in range(3)]
                for a, b in zip(results[0], gradients(x, g, way, weights)):
                    close(a, b, "float32", 20)
                for other in results[1:]:
                    assert all((a == b).all() for a, b in zip(results[0], other))
    finally:
        plait.use_deterministic_algorithms(False)


@cuda_device.needs_cuda
def test_cuda_second_derivatives():
    x, g = numbers(1, 2, 3, 4), numbers(1, 2, 2, 2, seed=1)
    for way in (("bilinear", "zeros", False), ("bicubic", "reflection", True)):
        inputs = tuple(t.to("cuda").requires_grad_() for t in (x, g))
        assert plait.autograd.gradgradcheck(lambda x, g, way=way: F.grid_sample(x, g, *way), inputs)


# ---- PyTorch


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("mode, padding, align", WAYS)
@pytest.mark.parametrize(
    "shape, places", [((2, 3, 5, 6), (8, 7)), ((2, 20, 9, 6), (8, 9)), ((2, 3, 4, 3, 5), (3, 4, 2))]
)
def test_as_pytorch(shape, places, mode, padding, align, dtype):
    torch = pytest.importorskip("torch")
    if mode == "bicubic" and len(places) == 3:
        return
    way = (mode, padding, align)
    x, g = (
        numbers(*shape, dtype=dtype),
        numbers(shape[0], *places, len(places), seed=1, low=-2.6, high=2.6, dtype=dtype),
    )
    weights = numbers(*shape[:2], *places, seed=2, dtype=dtype)
    theirs = [torch.tensor(t.numpy(), requires_grad=True) for t in (x, g)]
    out = torch.nn.functional.grid_sample(*theirs, *way)
    out.backward(torch.tensor(weights.numpy()))
    for ours, other in zip(gradients(x, g, way, weights), (out.detach(), theirs[0].grad, theirs[1].grad)):
        close(ours, plait.from_numpy(other.numpy()), dtype, 100)


def test_layouts_as_pytorch():
    torch = pytest.importorskip("torch")
    x, g = torch.rand(2, 5, 6, 7).contiguous(memory_format=torch.channels_last), torch.rand(2, 3, 4, 2)
    ours = plait.from_numpy(x.permute(0, 2, 3, 1).numpy()).permute(0, 3, 1, 2)
    result = F.grid_sample(ours, plait.from_numpy(g.numpy()), align_corners=False)
    assert result.stride() == torch.nn.functional.grid_sample(x, g, align_corners=False).stride()
