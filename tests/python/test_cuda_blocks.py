"""Sizes at which kernels use many warps and blocks, which the small samples of the ops do not reach.

Results are the CPU's. What the sizes are for is `make cuda-racecheck`: threads can only race where there are several.
"""

import plait
import plait.nn.functional as F
import pytest
from cuda_device import needs_cuda

pytestmark = needs_cuda

WIDTHS = [300, 2500, 20000]


def both(f, *tensors, grad=True, tolerance=2e-4):
    """Compare f, and its gradients, on the device and on the CPU."""
    results = []
    for device in ("cpu", "cuda"):
        leaves = [t.to(device, copy=True) for t in tensors]
        if grad:
            for leaf in leaves:
                if leaf.dtype.is_floating_point:
                    leaf.requires_grad_()
        y = f(*leaves)
        values = [y.detach().cpu()]
        if grad:
            weights = plait.linspace(-1, 1, y.numel()).reshape(y.shape).to(device)
            (y * weights).sum().backward()
            values += [leaf.grad.cpu() for leaf in leaves if leaf.grad is not None]
        results.append(values)
    for expected, got in zip(*results, strict=True):
        scale = max(float(expected.abs().max()), 1e-3) if expected.numel() else 1.0
        error = float((expected.double() - got.double()).abs().max()) / scale if expected.numel() else 0.0
        assert error < tolerance


def numbers(*shape):
    return plait.randn(*shape, generator=plait.Generator().manual_seed(7))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    "name", ["softmax", "log_softmax", "logsumexp", "cumsum", "mean", "var", "amax", "cumprod", "prod"]
)
def test_rows(name, width):
    x = numbers(3, width) * 0.1 + (1 if "prod" in name else 0)
    both(lambda t: getattr(plait, name)(t, 1), x)


@pytest.mark.parametrize("height", WIDTHS)
@pytest.mark.parametrize("name", ["softmax", "cumsum", "sum", "var", "amax"])
def test_columns(name, height):
    both(lambda t: getattr(plait, name)(t, 0), numbers(height, 5))


@pytest.mark.parametrize("width", WIDTHS)
def test_whole(width):
    both(lambda t: t.sum() + t.norm() + t.max() + t.std(), numbers(7, width))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["argmax", "sort", "topk", "median", "kthvalue", "cummax"])
def test_order(name, width):
    more = {"topk": (17,), "kthvalue": (5,), "cummax": (1,), "argmax": (1,)}.get(name, ())

    def values(t):
        result = getattr(plait, name)(t, *more)
        return result[0] if isinstance(result, tuple) else result

    both(values, numbers(2, width), grad=False)


@pytest.mark.parametrize("width", WIDTHS)
def test_norms(width):
    both(lambda t, w, b: F.layer_norm(t, [width], w, b), numbers(5, width), numbers(width), numbers(width))


@pytest.mark.parametrize("shape", [(200, 3), (8, 6, 40, 40), (2, 4, 3000)])
def test_channel_norms(shape):
    both(lambda t: F.batch_norm(t, None, None, training=True), numbers(*shape))
    if len(shape) > 2:
        both(lambda t: F.group_norm(t, 2), numbers(*shape))


@pytest.mark.parametrize("classes", WIDTHS)
def test_cross_entropy(classes):
    target = plait.arange(6) * (classes // 7)
    both(lambda t: F.cross_entropy(t, target.to(t.device)), numbers(6, classes))


def test_places():
    index = (plait.arange(5000) * 37) % 301
    x = numbers(5000, 3)
    both(lambda t: plait.zeros(301, 3, device=t.device).index_add(0, index.to(t.device), t), x)
    both(lambda t: t[index.to(t.device)], numbers(301, 3))
    both(lambda t: F.embedding(index.to(t.device), t), numbers(301, 40))
    both(lambda t: plait.bincount(index.to(t.device)), numbers(1), grad=False)
    both(lambda t: plait.histc(t, 50, -3, 3), numbers(20000), grad=False)
    both(lambda t: t[t > 0], numbers(20000), grad=False)
    both(lambda t: plait.nonzero(t > 0), numbers(3, 5000), grad=False)
    both(lambda t: plait.unique((t * 100).long()), numbers(20000), grad=False)
    both(lambda t: t.t().contiguous(), numbers(301, 411))
    both(
        lambda t: plait.searchsorted(plait.linspace(-3, 3, 999, device=t.device), t),
        numbers(3000),
        grad=False,
    )


def test_layers():
    samples = plait.rand(2, 3, 2)
    both(F.conv2d, numbers(2, 5, 20, 20), numbers(7, 5, 3, 3), numbers(7))
    both(lambda t: F.max_pool2d(t, 3, 2) + F.avg_pool2d(t, 3, 2), numbers(2, 3, 41, 41))
    both(lambda t: F.interpolate(t, scale_factor=2, mode="bilinear"), numbers(2, 3, 30, 30))
    both(lambda t: F.interpolate(t, (9, 50), mode="bicubic", antialias=True), numbers(2, 3, 60, 40))
    both(
        lambda t, g: F.grid_sample(t, g, align_corners=False), numbers(2, 3, 9, 8), numbers(2, 30, 31, 2) / 3
    )
    both(
        lambda t: F.fractional_max_pool2d(t, 3, 20, _random_samples=samples.to(t.device)),
        numbers(2, 3, 41, 41),
    )
    both(plait.matmul, numbers(3, 70, 90), numbers(3, 90, 65))
    both(lambda t: F.dropout(t, 0.0), numbers(40000))


@pytest.mark.parametrize("width", [*WIDTHS, 70000])
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "rms_norm", "layer_norm", "cross_entropy"])
def test_rows_of_16_bits(name, width):
    x = numbers(3, width).bfloat16()
    weight = numbers(width).bfloat16()
    target = plait.tensor([0, width // 2, width - 1])
    f = {
        "softmax": lambda t: plait.softmax(t, 1),
        "log_softmax": lambda t: plait.log_softmax(t, 1),
        "rms_norm": lambda t, w: F.rms_norm(t, [width], w),
        "layer_norm": lambda t, w: F.layer_norm(t, [width], w, w),
        "cross_entropy": lambda t: F.cross_entropy(t, target.to(t.device)),
    }[name]
    both(f, x, *([weight] if "norm" in name else []), tolerance=0.02)  # a few roundings of bfloat16


def seeded(f):
    def run(t):
        plait.manual_seed(11)
        return f(t)

    return run


def test_random_numbers():
    x = numbers(40, 3000)
    both(seeded(lambda t: F.dropout(t, 0.5)), x)
    both(seeded(lambda t: F.dropout(t.half(), 0.5).float()), x)
    both(seeded(lambda t: F.alpha_dropout(t, 0.3)), x)
    both(seeded(lambda t: F.dropout2d(t[:, None, :60, None], 0.3)), x)
    for f in (plait.rand_like, plait.randn_like, lambda t: plait.randint_like(t, 9), plait.bernoulli):
        both(seeded(f), plait.rand(40, 3000, generator=plait.Generator().manual_seed(3)), grad=False)
    both(seeded(lambda t: plait.poisson(t.abs() * 9)), x, grad=False)
    # Of these the order is each device's own.
    both(seeded(lambda t: plait.multinomial(t.abs(), 3000).sort(1)[0]), x, grad=False)
    both(seeded(lambda t: plait.randperm(7001, device=t.device).sort()[0]), x, grad=False)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "uint8", "int64"])
def test_many_write_one_place(dtype):
    index = (plait.arange(6000) * 37) % 211
    x = (plait.arange(6000) % 3).to(getattr(plait, dtype))
    for reduce in ("sum", "prod", "amax", "amin"):
        both(
            lambda t, reduce=reduce: plait.ones(211, dtype=t.dtype, device=t.device).scatter_reduce(
                0, index.to(t.device), t, reduce
            ),
            x, grad=False,
        )  # fmt: skip
    both(
        lambda t: plait.zeros(211, dtype=t.dtype, device=t.device).index_put(
            [index.to(t.device)], t, accumulate=True
        ),
        x, grad=False,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "NAdam"])
def test_optimiser_steps(name):
    def steps(*parameters):
        leaves = [p.clone().requires_grad_() for p in parameters]
        options = {"momentum": 0.9} if name in ("SGD", "RMSprop") else {}
        optimizer = getattr(plait.optim, name)(leaves, lr=0.01, **options)
        for _ in range(2):
            optimizer.zero_grad()
            plait.stack([(p * p).mean() + p.sum() for p in leaves]).sum().backward()
            plait.nn.utils.clip_grad_norm_(leaves, 1.0)
            optimizer.step()
        return plait.cat([p.detach().reshape(-1) for p in leaves])

    both(steps, numbers(3), numbers(70, 1001), numbers(9, 11), grad=False)


def test_decompositions():
    x = numbers(2, 150, 150).double()
    both(lambda t: plait.linalg.qr(t)[1].abs(), x, grad=False)
    both(lambda t: plait.linalg.qr(t[:, :, :40])[0].abs(), x, grad=False)
    both(lambda t: plait.linalg.lu(t)[0], x, grad=False)
    both(lambda t: plait.linalg.solve(t, t[:, :, :3]), x)


def test_places_in_images():
    x, places = numbers(2, 3, 40, 37), numbers(2, 50, 41, 2) / 2
    for mode in ("bilinear", "nearest", "bicubic"):
        for padding in ("zeros", "border", "reflection"):
            both(
                lambda t, g, m=mode, p=padding: F.grid_sample(t, g, m, p, align_corners=True),
                x, places, grad=mode == "bilinear",
            )  # fmt: skip
    for mode in ("nearest", "nearest-exact", "area", "bicubic"):
        both(lambda t, mode=mode: F.interpolate(t, (61, 23), mode=mode), x)
    both(lambda t: F.unfold(t, 3, padding=1), x)
    both(lambda t: F.max_unpool2d(*F.max_pool2d(t, 2, return_indices=True), 2), x[..., :36])
    both(lambda t: F.adaptive_avg_pool2d(t, (7, 9)) + F.adaptive_max_pool2d(t, (7, 9)), x)
    both(lambda t: F.pad(t, (5, 3, 2, 9), "reflect").flip(2).roll(3, 1).tril(), x)
