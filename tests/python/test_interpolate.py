"""interpolate beyond its samples: bytes, layouts, sizes that change the order of passes, CUDA, PyTorch."""

import itertools

import cuda_device
import numpy as np
import plait
import plait.nn.functional as F
import pytest

LINEAR = [
    ("bilinear", {}),
    ("bilinear", {"antialias": True}),
    ("bicubic", {}),
    ("bicubic", {"antialias": True}),
]
WAYS = [("nearest", {}), ("nearest-exact", {}), *LINEAR]
SIZES = [(5, 7), (40, 60), (3, 50), (70, 2), (33, 1), (31, 29)]
EPS = {"float64": 1e-12, "float32": 1e-5, "float16": 2e-3, "bfloat16": 1.6e-2}


def numbers(*shape, seed=0, dtype="float32"):
    values = np.random.default_rng(seed).uniform(-1, 1, shape)
    return plait.from_numpy(values).to(getattr(plait, dtype))


def pixels(*shape, seed=0):
    return plait.from_numpy(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


def channels_last(x):
    return x.contiguous(memory_format=plait.channels_last if x.dim() == 4 else plait.channels_last_3d)


def close(a, b, dtype="float32"):
    a, b = (x.detach().to("cpu").to(plait.float64).numpy() for x in (a, b))
    np.testing.assert_allclose(a, b, rtol=EPS[dtype], atol=EPS[dtype])


def gradient(x, weights, *args, **options):
    x = x.detach().requires_grad_()
    y = F.interpolate(x, *args, **options)
    y.backward(weights)
    return y.detach(), x.grad


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode, options", WAYS)
@pytest.mark.parametrize("channels", [1, 3, 40])
def test_layouts(mode, options, size, channels):
    """Planes, channels side by side (few and many), and views."""
    x = numbers(2, channels, 33, 29)
    weights = numbers(2, channels, *size, seed=1)
    want = gradient(x, weights, size, mode=mode, **options)
    last = channels_last(x)
    got = gradient(last, weights, size, mode=mode, **options)
    assert got[0].is_contiguous(memory_format=plait.channels_last)
    wide = plait.cat([x, x], 3)[..., : x.shape[3]]
    for result in (got, gradient(wide, weights, size, mode=mode, **options)):
        for a, b in zip(result, want):
            close(a, b)


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
@pytest.mark.parametrize("mode, options", WAYS)
def test_dtypes(mode, options, dtype):
    x, weights = numbers(2, 3, 23, 31, dtype=dtype), numbers(2, 3, 9, 40, seed=1, dtype=dtype)
    want = gradient(x.double(), weights.double(), (9, 40), mode=mode, **options)
    for given in (x, channels_last(x)):
        for a, b in zip(gradient(given, weights, (9, 40), mode=mode, **options), want):
            assert a.dtype is x.dtype
            scale = max(1.0, float(b.abs().max()))
            close(a.double() / scale, b / scale, dtype)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode, options", WAYS)
def test_bytes(mode, options, size):
    """Bytes are what float32 gives, rounded once and held between 0 and 255."""
    for x in (pixels(2, 3, 33, 29), pixels(1, 1, 33, 29, seed=1), pixels(2, 19, 33, 29, seed=2)):
        plain = F.interpolate(x.float(), size, mode=mode, **options)
        for given in (x, channels_last(x)):
            got = F.interpolate(given, size, mode=mode, **options)
            assert got.dtype is plait.uint8 and got.stride() == F.interpolate(given.float(), size).stride()
            away = (got.float() - plain.clamp(0, 255)).abs()
            assert away.max() <= (0 if mode.startswith("nearest") else 0.5 + 1e-3)


def test_bytes_at_the_ends():
    # Cubic weights are negative, too: sums leave the range.
    x = plait.tensor([[[[0, 0, 255, 255, 0, 0]]]], dtype=plait.uint8)
    y = F.interpolate(x, (1, 24), mode="bicubic")
    plain = F.interpolate(x.float(), (1, 24), mode="bicubic")
    assert plain.max() > 256 and plain.min() < -1
    assert y.max() == 255 and y.min() == 0


@pytest.mark.parametrize("mode", ["linear", "bilinear", "trilinear", "bicubic", "nearest"])
def test_what_has_no_weight_is_not_read(mode):
    rank = {"linear": 1, "trilinear": 3, "nearest": 1}.get(mode, 2)
    x = numbers(1, 2, *(4,) * rank)
    x[(0, 0) + (2,) * rank] = float("inf")
    y = F.interpolate(x, x.shape[2:], mode=mode)
    assert (y == x).all()


def test_threads_change_nothing():
    x, threads = numbers(3, 3, 200, 150), plait.get_num_threads()
    try:
        for mode, options in LINEAR:
            found = []
            for count in (1, 2, 5):
                plait.set_num_threads(count)
                found.append(gradient(x, plait.ones(3, 3, 90, 100), (90, 100), mode=mode, **options))
            for other in found[1:]:
                assert all((a == b).all() for a, b in zip(found[0], other))
    finally:
        plait.set_num_threads(threads)


def test_refusals():
    x = numbers(1, 2, 4, 5)
    resample = plait._C.ops["_resample"]
    for call, words in (
        (lambda: resample(x, (2, 2), "nearest", False, True), "antialias"),
        (lambda: resample(x[0], (2,), "linear", False, True), "antialias"),
        (lambda: resample(x, (2,), "linear", False), "sizes"),
        (lambda: resample(x, (2, 2), "sharp", False), "sharp"),
        (lambda: resample(x.int(), (2, 2), "linear", False), "dtype"),
    ):
        with pytest.raises((ValueError, TypeError), match=words):
            call()


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=cuda_device.needs_cuda)])
@pytest.mark.parametrize("mode, options", WAYS)
def test_factors_that_no_size_has(mode, options, device):
    """Whatever the op below is given, it reads inside of the picture."""
    x, names = numbers(1, 2, 6, 5).to(device), plait._C.ops
    mode = mode.replace("bilinear", "linear")
    for factor in (1e-300, 1e-30, 1e-3, 1e30, 1e308, float("inf"), float("nan"), -2.0):
        for aligned in (False, True):
            arguments = (mode, aligned, bool(options), 0.0, factor, factor)
            assert names["_resample"](x, (3, 7), *arguments).shape == (1, 2, 3, 7)
            assert names["_resample_backward"](x, (3, 7), *arguments).shape == (1, 2, 3, 7)


# ---- CUDA


@cuda_device.needs_cuda
@pytest.mark.parametrize("size", [(5, 7), (40, 60), (3, 50), (70, 2)])
@pytest.mark.parametrize("mode, options", WAYS)
def test_cuda(mode, options, size):
    for dtype in ("float32", "float64", "bfloat16", "float16"):
        x, weights = numbers(2, 3, 33, 29, dtype=dtype), numbers(2, 3, *size, seed=1, dtype=dtype)
        want = gradient(x.double(), weights.double(), size, mode=mode, **options)
        for given in (x.to("cuda"), channels_last(x).to("cuda")):
            got = gradient(given, weights.to("cuda"), size, mode=mode, **options)
            assert got[0].stride() == F.interpolate(given.to("cpu"), size).stride()
            for a, b in zip(got, want):
                scale = max(1.0, float(b.abs().max()))
                close(a.to("cpu").double() / scale, b / scale, dtype)


@cuda_device.needs_cuda
@pytest.mark.parametrize("mode, options", WAYS)
def test_bytes_on_cuda(mode, options):
    x = pixels(2, 3, 33, 29)
    for given, size in itertools.product((x, channels_last(x)), SIZES):
        want = F.interpolate(given, size, mode=mode, **options)
        got = F.interpolate(given.to("cuda"), size, mode=mode, **options)
        assert got.dtype is plait.uint8 and got.stride() == want.stride()
        away = (got.to("cpu").int() - want.int()).abs()
        assert away.max() <= (0 if mode.startswith("nearest") else 1) and away.float().mean() < 0.01


# ---- PyTorch


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode, options", WAYS)
def test_as_pytorch(mode, options, size):
    torch = pytest.importorskip("torch")
    corners = (None,) if mode.startswith("nearest") else (False, True)
    for align, last in itertools.product(corners, (False, True)):
        x, weights = numbers(2, 3, 33, 29, dtype="float64"), numbers(2, 3, *size, seed=1, dtype="float64")
        other = torch.tensor(x.numpy())
        if last:
            x, other = channels_last(x), other.contiguous(memory_format=torch.channels_last)
        other.requires_grad_()
        ours = gradient(x, weights, size, mode=mode, align_corners=align, **options)
        theirs = torch.nn.functional.interpolate(other, size, mode=mode, align_corners=align, **options)
        theirs.backward(torch.tensor(weights.numpy()))
        assert ours[0].stride() == theirs.stride()
        close(ours[0], plait.from_numpy(theirs.detach().numpy()), "float64")
        close(ours[1], plait.from_numpy(other.grad.numpy()), "float64")


@pytest.mark.parametrize("mode, options", WAYS)
def test_bytes_as_pytorch(mode, options):
    torch = pytest.importorskip("torch")
    noise = pixels(2, 3, 33, 29)
    waves = np.sin(np.arange(33)[:, None] / 4) * np.cos(np.arange(29) / 5) * 100 + 128
    smooth = plait.from_numpy(waves.astype(np.uint8)[None, None])
    # Theirs rounds weights and intermediate rows, too, and holds these between 0 and 255, where cubic weights
    # take noise far outside.
    for x, size in itertools.product((smooth,) if mode == "bicubic" else (smooth, noise), SIZES):
        ours = F.interpolate(x, size, mode=mode, **options)
        theirs = torch.nn.functional.interpolate(torch.tensor(x.numpy()), size, mode=mode, **options)
        away = np.abs(ours.numpy().astype(int) - theirs.numpy().astype(int))
        assert away.max() <= (0 if mode.startswith("nearest") else 2)
