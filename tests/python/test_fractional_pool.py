"""Fractional max pooling: an oracle in NumPy, PyTorch, CUDA."""

import cuda_device
import numpy as np
import plait
import plait.nn.functional as F
import pytest

CASES = [
    ((2, 3, 9, 11), 2, (4, 5)),
    ((1, 2, 7, 7), (3, 2), (5, 6)),
    ((2, 2, 5, 6), 5, 1),
    ((2, 2, 6, 7, 8), 2, (3, 1, 6)),
]


def pool(rank):
    return getattr(F, f"fractional_max_pool{rank}d")


def numbers(*shape, seed=0, low=-1.0, high=1.0):
    return np.random.default_rng(seed).uniform(low, high, shape)


def begins(sample, size, out, kernel):
    step = (size - kernel) / (out - 1) if out > 1 else 0.0
    return [int((o + sample) * step) - int(sample * step) for o in range(out - 1)] + [size - kernel]


def expected(x, kernel, out, samples):
    rank = x.ndim - 2
    kernel, out = ((v,) * rank if isinstance(v, int) else v for v in (kernel, out))
    values, places = np.zeros((*x.shape[:2], *out)), np.zeros((*x.shape[:2], *out), np.int64)
    for n, c in np.ndindex(*x.shape[:2]):
        shifts = samples[n, c] if rank == 3 else samples[n, c, ::-1]
        at = [begins(*a) for a in zip(shifts, x.shape[2:], out, kernel)]
        for o in np.ndindex(*out):
            begin = [a[i] for a, i in zip(at, o)]
            window = x[(n, c, *(slice(b, b + k) for b, k in zip(begin, kernel)))]
            values[(n, c, *o)] = window.max()
            inner = np.unravel_index(window.argmax(), window.shape)
            places[(n, c, *o)] = np.ravel_multi_index([b + i for b, i in zip(begin, inner)], x.shape[2:])
    return values, places


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize("shape, kernel, out", CASES)
def test_values_and_places(shape, kernel, out, dtype):
    rank = len(shape) - 2
    x = plait.from_numpy(numbers(*shape)).to(getattr(plait, dtype))
    samples = plait.from_numpy(numbers(*shape[:2], rank, seed=1, low=0)).to(x.dtype)
    want = expected(x.double().numpy(), kernel, out, samples.double().numpy())
    for given in (x, plait.cat([x, x], -1)[..., : shape[-1]], x.transpose(0, 1).contiguous().transpose(0, 1)):
        values, places = pool(rank)(given, kernel, out, return_indices=True, _random_samples=samples)
        assert values.dtype is x.dtype and places.dtype is plait.int64
        np.testing.assert_array_equal(values.double().numpy(), want[0])
        np.testing.assert_array_equal(places.numpy(), want[1])


@pytest.mark.parametrize("shape, kernel, out", CASES)
def test_gradients(shape, kernel, out):
    rank = len(shape) - 2
    x = plait.from_numpy(np.random.default_rng(0).permutation(np.prod(shape)).reshape(shape) / 10.0)
    samples = plait.from_numpy(numbers(*shape[:2], rank, seed=1, low=0))

    def run(x):
        return pool(rank)(x, kernel, out, _random_samples=samples)

    x.requires_grad_()
    assert plait.autograd.gradcheck(run, (x,)) and plait.autograd.gradgradcheck(run, (x,))


def test_nan_wins():
    x = plait.zeros(1, 1, 4, 4)
    x[0, 0, 1, 1] = float("nan")
    y, where = F.fractional_max_pool2d_with_indices(x, 2, 2, _random_samples=plait.zeros(1, 1, 2))
    assert y.isnan().sum() == 1 and where[0, 0, 0, 0] == 5


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=cuda_device.needs_cuda)])
def test_samples_out_of_range_are_its_ends(device):
    x = plait.rand(1, 2, 9, 8, device=device)

    def run(*samples):
        return F.fractional_max_pool2d(
            x, 2, 3, _random_samples=plait.tensor([[samples, samples]], device=device)
        )

    nan, inf = float("nan"), float("inf")
    assert (run(-3.0, inf) == run(0.0, 1.0)).all() and (run(nan, 1e30) == run(0.0, 1.0)).all()


def test_samples_are_drawn():
    x = plait.arange(400.0).reshape(1, 1, 20, 20).expand(1, 500, 20, 20)
    plait.manual_seed(1)
    y = F.fractional_max_pool2d(x, 2, output_ratio=0.6)
    plait.manual_seed(1)
    assert y.shape == (1, 500, 12, 12) and (y == F.fractional_max_pool2d(x, 2, output_ratio=(0.6, 0.6))).all()
    assert len({tuple(row.tolist()) for row in y[0, :, 0]}) > 5  # channels differ
    # The last window ends where the picture does; windows move by one or two.
    assert (y[..., -1, -1] == 399).all()
    steps = y[..., 0, 1:] - y[..., 0, :-1]
    assert set(steps.unique().tolist()) == {1.0, 2.0}


def test_modules():
    x = plait.rand(2, 3, 12, 10)
    assert plait.nn.FractionalMaxPool2d(2, output_size=(4, 3))(x).shape == (2, 3, 4, 3)
    values, places = plait.nn.FractionalMaxPool2d((2, 3), output_ratio=0.5, return_indices=True)(x[0])
    assert values.shape == places.shape == (3, 6, 5)
    assert (x[0].flatten(1).gather(1, places.flatten(1)) == values.flatten(1)).all()
    assert plait.nn.FractionalMaxPool3d(2, output_size=3)(plait.rand(1, 2, 5, 6, 7)).shape == (1, 2, 3, 3, 3)
    samples = plait.rand(2, 3, 2)
    module = plait.nn.FractionalMaxPool2d(2, 4, _random_samples=samples)
    assert (module(x) == module(x)).all() and list(module.state_dict()) == ["_random_samples"]
    for call in (
        lambda: plait.nn.FractionalMaxPool2d(2),
        lambda: plait.nn.FractionalMaxPool2d(2, 3, 0.5),
        lambda: plait.nn.FractionalMaxPool3d(2, output_ratio=1.5),
        lambda: F.fractional_max_pool2d(x, 2),
        lambda: F.fractional_max_pool2d(x[0, 0], 2, 3),
        lambda: F.fractional_max_pool2d(x, 7, 8),
        lambda: F.fractional_max_pool2d(x, 2, 3, _random_samples=samples[:1]),
    ):
        with pytest.raises(ValueError, match=r"(?i)fractional_?max_?pool"):
            call()


@cuda_device.needs_cuda
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize("shape, kernel, out", CASES)
def test_cuda(shape, kernel, out, dtype):
    rank = len(shape) - 2
    x = plait.from_numpy(numbers(*shape)).to(getattr(plait, dtype))
    samples = plait.from_numpy(numbers(*shape[:2], rank, seed=1, low=0)).to(x.dtype)
    found = []
    for device in ("cpu", "cuda"):
        leaf = x.to(device).transpose(-1, -2).contiguous().transpose(-1, -2).requires_grad_()
        values, places = pool(rank)(leaf, kernel, out, None, True, samples.to(device))
        values.backward(plait.ones_like(values))
        found.append([t.detach().to("cpu").double().numpy() for t in (values, places, leaf.grad)])
    for a, b in zip(*found):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape, kernel, out", CASES)
def test_as_pytorch(shape, kernel, out, dtype):
    torch = pytest.importorskip("torch")
    rank = len(shape) - 2
    x, samples = numbers(*shape).astype(dtype), numbers(*shape[:2], rank, seed=1, low=0).astype(dtype)
    function = getattr(torch.nn.functional, f"fractional_max_pool{rank}d")
    theirs = function(
        torch.tensor(x), kernel, out, return_indices=True, _random_samples=torch.tensor(samples)
    )
    ours = pool(rank)(
        plait.from_numpy(x), kernel, out, return_indices=True, _random_samples=plait.from_numpy(samples)
    )
    for a, b in zip(ours, theirs):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
