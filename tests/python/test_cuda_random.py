"""Random numbers on CUDA: the CPU's, element by element, whatever the size, the dtype and the layout."""

import numpy as np
import plait
import pytest
from cuda_device import needs_cuda
from opinfo.bridge import mismatch
from opinfo.core import Tol

pytestmark = needs_cuda

FLOATS = ("float16", "bfloat16", "float32", "float64")
SIZES = (0, 1, 2, 3, 4, 5, 7, 8, 9, 1023, 1024, 1027, 50_001)


def dtype_of(name):
    return getattr(plait, name)


def both(draw, seed=5):
    """The same draw on the CPU and on the device."""
    results = []
    for device in ("cpu", "cuda"):
        plait.manual_seed(seed)
        results.append(draw(device).cpu())
    return results


def exactly(draw):
    cpu, cuda = both(draw)
    assert cpu.dtype == cuda.dtype
    assert plait.equal(cuda, cpu)


def nearly(draw, dtype, tol=None):
    cpu, cuda = both(draw)
    tol = tol or Tol(16, 4, half=(1, 1))
    assert mismatch(cuda.double().numpy(), cpu.double().numpy(), dtype, tol) is None


@pytest.mark.parametrize("dtype", FLOATS)
def test_every_size(dtype):
    for n in SIZES:
        exactly(lambda d: plait.rand(n, dtype=dtype_of(dtype), device=d))
        nearly(lambda d: plait.randn(n, dtype=dtype_of(dtype), device=d), dtype)
        nearly(lambda d: plait.empty(n, dtype=dtype_of(dtype), device=d).exponential_(2.0), dtype)
        nearly(lambda d: plait.empty(n, dtype=dtype_of(dtype), device=d).uniform_(-3, 5), dtype)
        nearly(lambda d: plait.empty(n, dtype=dtype_of(dtype), device=d).normal_(3, 0.5), dtype)
        exactly(lambda d: plait.dropout(plait.ones(n, dtype=dtype_of(dtype), device=d), 0.25))


@pytest.mark.parametrize("dtype", ("complex64", "complex128"))
def test_complex_numbers(dtype):
    real = {"complex64": "float32", "complex128": "float64"}[dtype]
    for n in (1, 3, 4, 999):
        nearly(lambda d: plait.view_as_real(plait.randn(n, dtype=dtype_of(dtype), device=d)), real)
        exactly(lambda d: plait.view_as_real(plait.rand(n, dtype=dtype_of(dtype), device=d)))


@pytest.mark.parametrize("dtype", ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float64"))
def test_integers(dtype):
    t = dtype_of(dtype)
    for n in (1, 5, 4097):
        exactly(lambda d: plait.randint(0, 2, (n,), dtype=t, device=d))
        exactly(lambda d: plait.empty(n, dtype=t, device=d).random_())
        if dtype != "bool":
            exactly(lambda d: plait.randint(3, 120, (n,), dtype=t, device=d))
        if dtype in ("int32", "int64", "float64"):
            exactly(lambda d: plait.randint(-(2**30), 2**31 - 1, (n,), dtype=t, device=d))
        if dtype == "int64":
            exactly(lambda d: plait.randint(-(2**62), 2**62, (n,), device=d))
            exactly(lambda d: plait.randint(0, 2**32, (n,), device=d))
            exactly(lambda d: plait.randint(0, 2**32 + 1, (n,), device=d))


def test_layouts():
    """Elements are counted in the logical order; memory beside a view is left alone."""

    def draws(device):
        x = plait.zeros(6, 7, device=device)
        x.t().uniform_()
        y = plait.zeros(41, device=device)
        y[1:38].uniform_()
        z = plait.zeros(20, 3, device=device)
        z[:, 1].random_(100)
        w = plait.dropout(plait.ones(2, 8, 3, 3, device=device).to(memory_format=plait.channels_last), 0.5)
        v = plait.dropout(plait.ones(10, 9, device=device)[:, 1:8], 0.5)
        return plait.cat([t.reshape(-1) for t in (x, y, z, w, v)])

    exactly(draws)


@pytest.mark.parametrize("dtype", FLOATS)
def test_bernoulli(dtype):
    for n in (1, 6, 4099):
        exactly(lambda d: plait.empty(n, dtype=dtype_of(dtype), device=d).bernoulli_(0.3))
        p = plait.linspace(0, 1, n).to(dtype_of(dtype))
        exactly(lambda d: plait.bernoulli(p.to(d)))
        exactly(lambda d: plait.empty(n, dtype=plait.int32, device=d).bernoulli_(p.to(d)))
    exactly(lambda d: plait.bernoulli(plait.rand(30, 40, device=d).t()))
    with pytest.raises(ValueError, match=r"expected probabilities between 0 and 1, got 1\.5"):
        plait.bernoulli(plait.tensor([0.5, 1.5]).cuda()).cpu()
    with pytest.raises(ValueError, match="expected probabilities between 0 and 1, got nan"):
        plait.bernoulli(plait.tensor([0.5, float("nan")]).cuda()).cpu()


def test_dropout_and_its_derivative_use_one_mask():
    x = plait.ones(1000, device="cuda", requires_grad=True)
    y = plait.dropout(x, 0.4)
    y.backward(plait.ones_like(y))
    assert plait.equal(x.grad.cpu(), y.detach().cpu())
    kept = (y != 0).double().mean().item()
    assert abs(kept - 0.6) < 0.06
    assert (plait.dropout(x.detach(), 1.0) == 0).all().item()


@pytest.mark.parametrize("n", [0, 1, 2, 17, 1000, 20_000])
def test_permutations(n):
    plait.manual_seed(1)
    a, b = plait.randperm(n, device="cuda"), plait.randperm(n, device="cuda", dtype=plait.int32)
    for p in (a, b):
        assert sorted(p.tolist()) == list(range(n))
    plait.manual_seed(1)
    assert plait.equal(plait.randperm(n, device="cuda").cpu(), a.cpu())
    if n >= 17:
        assert a.tolist() != b.tolist() and a.tolist() != list(range(n))


def test_multinomial():
    w = plait.tensor([[0.0, 1.0, 3.0, 0.0, 4.0], [5.0, 0.0, 0.0, 0.0, 5.0]])
    for dtype in FLOATS:
        exactly(lambda d: plait.multinomial(w.to(dtype_of(dtype)).to(d), 2))
        exactly(lambda d: plait.multinomial(w.to(dtype_of(dtype)).to(d), 100, replacement=True))
    got = plait.multinomial(w[0].cuda(), 20_000, replacement=True).cpu()
    counts = np.bincount(got.numpy(), minlength=5) / 20_000
    assert np.abs(counts - np.array([0, 1, 3, 0, 4]) / 8).max() < 0.02
    exactly(lambda d: plait.multinomial(plait.arange(3000.0).to(d), 3))
    for bad, message in (
        ([1.0, -1.0], "expected finite weights of 0 or more, got -1 at index 1"),
        ([1.0, float("inf")], "expected finite weights of 0 or more, got inf at index 1"),
        ([0.0, 0.0], "the weights of row 0 sum to 0"),
    ):
        for replacement in (True, False):
            with pytest.raises(ValueError, match=message):
                plait.multinomial(plait.tensor(bad).cuda(), 1, replacement=replacement).cpu()
    with pytest.raises(ValueError, match="2 draws without replacement were asked for, but only 1 weights"):
        plait.multinomial(plait.tensor([0.0, 1.0]).cuda(), 2).cpu()


def test_a_captured_graph_draws_anew_each_time():
    plait.manual_seed(3)
    eager = [plait.rand(10, device="cuda").cpu() for _ in range(3)]
    plait.manual_seed(3)
    graph = plait.cuda.CUDAGraph()
    with plait.cuda.graph(graph):
        x = plait.rand(10, device="cuda")
    for expected in eager:
        graph.replay()
        assert plait.equal(x.cpu(), expected)
