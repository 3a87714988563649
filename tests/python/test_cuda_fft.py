"""plait.fft of CUDA tensors against NumPy: layouts, the cache of plans, graphs, and what happens without cuFFT."""

import ctypes

import numpy as np
import plait
import pytest
from cuda_device import EMULATED, IS_EMULATED, needs_cuda
from cuda_process import run_without
from plait import fft

pytestmark = needs_cuda
PLANS = plait.backends.cuda.cufft_plan_cache

has_cufft = pytest.mark.skipif(
    not plait.cuda.is_available() or not plait._C._cuda.library_version("cufft"), reason="needs cuFFT"
)
RNG = np.random.default_rng(0)


def numbers(*shape, real=False):
    x = RNG.normal(size=shape)
    return x if real else x + 1j * RNG.normal(size=shape)


def check(name, x, *args, view=lambda t: t, **kwargs):
    """plait.fft.name on the device against NumPy, in both precisions; `view` of a tensor and of an array alike."""
    expected = getattr(np.fft, name)(view(x), *args, **kwargs)
    for single, tolerance in ((False, 1e-12), (True, 2e-6)):
        given = x.astype("complex64" if np.iscomplexobj(x) else "float32") if single else x
        ours = getattr(fft, name)(view(plait.from_numpy(given).cuda()), *args, **kwargs)
        assert ours.is_cuda and ours.is_contiguous()
        size = max(np.abs(expected).max(initial=0), 1)
        np.testing.assert_allclose(ours.cpu().numpy(), expected, rtol=0, atol=tolerance * size)


@pytest.mark.parametrize("norm", ["backward", "forward", "ortho"])
@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"])
@pytest.mark.parametrize(
    ("n", "dim"), [(None, -1), (4, 0), (7, 1), (1, -1), (2, 1), (6, -2), (3, 2), (31, 1)]
)
def test_one_dimension(name, n, dim, norm):
    check(name, numbers(5, 6, 3, real=name in ("rfft", "ihfft")), n, dim, norm)


@pytest.mark.parametrize("name", ["fftn", "ifftn", "rfftn", "irfftn"])
@pytest.mark.parametrize(
    ("s", "dim"),
    [
        (None, (-2, -1)),
        (None, (0,)),
        (None, (1, 0)),
        ((3, 5), (0, 2)),
        ((4, 4), (2, 1)),
        ((2, 7), (-1, 0)),
        ((2, 7, 3), (1, 0, 3)),
        ((1, 4, 5), (0, 1, 2)),
        ((4, 1), (0, 1)),
        (None, (0, 1, 2, 3)),
        (None, (3, 1, 0, 2)),
        ((5, 2, 1, 6), (2, 3, 1, 0)),
    ],
)
def test_several_dimensions(name, s, dim):
    check(name, numbers(3, 4, 5, 2, real=name == "rfftn"), s, dim, "ortho")


@pytest.mark.parametrize("name", ["fftn", "ifftn", "rfftn", "irfftn"])
def test_more_dimensions_than_a_plan_has(name):
    x = numbers(2, 3, 2, 3, 2, 2, 3, real=name == "rfftn")
    check(name, x)
    check(name, x, None, (6, 2, 0, 4, 1))


VIEWS = {
    "transposed": lambda t: t.T,
    "middle last": lambda t: t.swapaxes(1, 2),
    "every second": lambda t: t[:, ::2],
    "every second at the end": lambda t: t[..., ::2],
    "part of a row": lambda t: t[..., 1:4],
    "part of the rows": lambda t: t[:, 1:3],
    "the last ones": lambda t: t[1:],
    "odd offset": lambda t: t[1:, 1:, 1:],
}


@pytest.mark.parametrize("name", ["fftn", "rfftn", "irfftn"])
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("dim", [(0,), (1,), (2,), (1, 2), (2, 1), (0, 2), (0, 1), (0, 1, 2)])
def test_layouts(name, view, dim):
    check(name, numbers(3, 4, 5, real=name == "rfftn"), None, dim, view=VIEWS[view])


def test_expanded_tensors():
    row = numbers(1, 6)
    for x in (row, row.real.copy()):
        t = plait.from_numpy(x).cuda().expand(4, 6)
        for dim in (0, 1):
            expected = np.fft.fft(np.broadcast_to(x, (4, 6)), axis=dim)
            np.testing.assert_allclose(fft.fft(t, dim=dim).cpu().numpy(), expected, atol=1e-12)
    half = plait.from_numpy(row).cuda().expand(4, 6)
    np.testing.assert_allclose(
        fft.irfft2(half).cpu().numpy(), np.fft.irfft2(np.broadcast_to(row, (4, 6))), atol=1e-12
    )


def test_overlapping_frames():
    x = numbers(20, real=True)
    frames = plait.from_numpy(x).cuda().unfold(0, 6, 2)
    expected = np.fft.rfft(np.lib.stride_tricks.sliding_window_view(x, 6)[::2])
    np.testing.assert_allclose(fft.rfft(frames).cpu().numpy(), expected, atol=1e-12)


def test_the_argument_is_left_alone():
    """cuFFT's transform to real numbers overwrites what it reads."""
    for shape, name in (((4, 5), "irfft"), ((4, 5), "irfft2"), ((4, 5), "fft"), ((4, 5), "fft2")):
        x = numbers(*shape)
        t = plait.from_numpy(x).cuda()
        getattr(fft, name)(t, norm="forward")
        np.testing.assert_array_equal(t.cpu().numpy(), x)


@pytest.mark.parametrize("shape", [(6,), (7,), (4, 6), (5, 7), (3, 4, 6), (2, 3, 4, 5)])
def test_spectra_that_are_not_hermitian(shape):
    """Their parts that belong to no real numbers count nothing, as in NumPy."""
    for n in (2 * shape[-1] - 2, 2 * shape[-1] - 1):
        check("irfftn", numbers(*shape), (*shape[:-1], n), tuple(range(len(shape))))


@pytest.mark.parametrize("n", [1, 2, 97, 128, 210, 1009])
def test_sizes(n):
    for name in ("fft", "rfft", "irfft"):
        check(name, numbers(3, n, real=name == "rfft"), n)
        check(name, numbers(n, 3, real=name == "rfft"), n, 0)


def test_empty_batches():
    for name, real in (("fft", False), ("rfft", True), ("irfft", False)):
        t = plait.from_numpy(numbers(0, 4, real=real)).cuda()
        ours = getattr(fft, name)(t)
        assert ours.is_cuda and ours.shape == getattr(np.fft, name)(numbers(0, 4, real=real)).shape
    with pytest.raises(ValueError, match="at least 1"):
        fft.fft(plait.ones(2, 0, device="cuda"))


@pytest.mark.parametrize("name", ["fft", "rfft", "irfft", "hfft", "ihfft", "fft2", "rfft2", "irfft2"])
def test_derivatives(name):
    real = name in ("rfft", "rfft2", "ihfft")
    x = plait.from_numpy(numbers(3, 4, real=real)).cuda()
    leaf = (x if real else plait.view_as_real(x)).requires_grad_()

    def f(t):
        y = getattr(fft, name)(t if real else plait.view_as_complex(t), norm="ortho")
        return plait.view_as_real(y) if y.is_complex() else y

    assert plait.autograd.gradcheck(f, [leaf])
    assert plait.autograd.gradgradcheck(f, [leaf])


# ---- plans


@pytest.fixture
def plans():
    PLANS.clear()
    before = PLANS.max_size
    yield PLANS
    PLANS.max_size = before
    PLANS.clear()


@has_cufft
def test_plan_cache(plans):
    assert plans.size == 0 and plans.max_size == 4096
    x = plait.from_numpy(numbers(3, 8)).cuda()
    for _ in range(3):
        fft.fft(x)
        fft.ifft(x)  # the same plan
    assert plans.size == 1
    fft.fft(x[:2])
    fft.fft(x, dim=0)
    assert plans.size == 3
    plans.max_size = 2
    assert plans.size == 2
    fft.fft2(x)
    assert plans.size == 2 and plans[0].size == 2 and plans["cuda:0"].max_size == 2
    plans[0].clear()
    assert plans.size == 0
    plans.max_size = 0
    np.testing.assert_allclose(fft.fft(x).cpu().numpy(), np.fft.fft(x.cpu().numpy()), atol=1e-12)
    assert plans.size == 0
    with pytest.raises(ValueError, match="max_size: expected a number of at least 0, got -1"):
        plans.max_size = -1
    with pytest.raises(AttributeError, match="size"):
        plans.size = 3


@has_cufft
@pytest.mark.skipif(not IS_EMULATED, reason="counts the emulator's plans")
def test_the_plan_used_longest_ago_goes(plans):
    plans.max_size = 2
    a, b, c = (plait.from_numpy(numbers(2, n)).cuda() for n in (4, 5, 6))
    made = ctypes.CDLL(str(EMULATED.parent / "libplait_cufft_emulated.so")).plait_emulator_cufft_plans
    for x in (a, b, a, c):
        fft.fft(x)
    before = made()
    fft.fft(a)
    assert made() == before
    fft.fft(b)
    assert made() == before + 1


@has_cufft
@pytest.mark.skipif(plait.cuda.device_count() < 2, reason="needs two CUDA devices")
def test_devices_have_their_own_plans(plans):
    x = numbers(3, 8)
    with plait.cuda.device(1):
        plans.clear()
        fft.fft(plait.from_numpy(x).cuda())
        assert plans.size == 1 and plans[0].size == 0 and plans[1].size == 1
        plans.clear()
    ours = fft.fft(plait.from_numpy(x).to("cuda:1"))
    assert ours.device == plait.device("cuda:1")
    np.testing.assert_allclose(ours.cpu().numpy(), np.fft.fft(x), atol=1e-12)
    plans[1].clear()


@has_cufft
def test_streams(plans):
    x = plait.from_numpy(numbers(40, 64)).cuda()
    results = []
    for _ in range(3):
        stream = plait.cuda.Stream()
        stream.wait_stream(plait.cuda.current_stream())
        with plait.cuda.stream(stream):
            results.append(fft.fft(x + 1))
    plait.cuda.synchronize()
    for y in results:
        np.testing.assert_allclose(y.cpu().numpy(), np.fft.fft(x.cpu().numpy() + 1), atol=1e-11)


@has_cufft
def test_captured_transforms(plans):
    """A graph goes on with plans that the cache has given up."""
    x = plait.from_numpy(numbers(4, 6)).cuda()
    graph = plait.cuda.CUDAGraph()
    with plait.cuda.graph(graph):
        spectrum = fft.fft2(x, norm="ortho")
        back = fft.irfft(spectrum)
    PLANS.clear()
    for _ in range(2):
        fresh = numbers(4, 6)
        x.copy_(plait.from_numpy(fresh))
        graph.replay()
        expected = np.fft.fft2(fresh, norm="ortho")
        np.testing.assert_allclose(spectrum.cpu().numpy(), expected, atol=1e-12)
        np.testing.assert_allclose(back.cpu().numpy(), np.fft.irfft(expected), atol=1e-12)


# ---- failures


@pytest.mark.skipif(not IS_EMULATED, reason="orders failures from the emulator")
@has_cufft
def test_failures_are_named(plans):
    control = ctypes.CDLL(str(EMULATED.parent / "libplait_cudart_emulated.so"))
    x = plait.from_numpy(numbers(3, 11)).cuda()
    expected = fft.fft(x).cpu().numpy()
    unsupported, memory, other = 801, 2, 999
    for api, error, kind, text in (
        (
            "cufftXtMakePlanMany",
            unsupported,
            RuntimeError,
            r"cufftXtMakePlanMany failed .*\(11,\).* batch of 3: CUFFT_NOT_SUPPORTED",
        ),
        ("cufftXtExec", other, RuntimeError, "cufftXtExec failed: CUFFT_INTERNAL_ERROR"),
        ("cufftCreate", other, RuntimeError, "cufftCreate failed"),
    ):
        PLANS.clear()
        assert control.plait_emulator_fail_after(api.encode(), 1, error) == 0
        with pytest.raises(kind, match=text):
            fft.fft(x)
        np.testing.assert_array_equal(fft.fft(x).cpu().numpy(), expected)
    # Memory that the allocator keeps is given back once.
    PLANS.clear()
    assert control.plait_emulator_fail_after(b"cufftXtMakePlanMany", 1, memory) == 0
    np.testing.assert_array_equal(fft.fft(x).cpu().numpy(), expected)
    PLANS.clear()
    assert control.plait_emulator_fail_after(b"cufftXtMakePlanMany", 1, memory) == 0
    assert control.plait_emulator_fail_after(b"cufftXtMakePlanMany", 2, memory) == 0
    with pytest.raises(plait.OutOfMemoryError, match="CUFFT_ALLOC_FAILED"):
        fft.fft(x)


WITHOUT_CUFFT = """
import numpy as np, plait
assert plait._C._cuda.library_version("cufft") == 0
x = np.arange(12.0).reshape(3, 4)
t = plait.from_numpy(x).cuda().requires_grad_()
y = plait.fft.rfft2(t, norm="ortho")
assert y.is_cuda
np.testing.assert_allclose(y.detach().cpu().numpy(), np.fft.rfft2(x, norm="ortho"), atol=1e-12)
np.testing.assert_allclose(plait.fft.irfft2(y, norm="ortho").detach().cpu().numpy(), x, atol=1e-12)
np.testing.assert_allclose(plait.fft.ifft(t, dim=0).detach().cpu().numpy(), np.fft.ifft(x, axis=0), atol=1e-12)
plait.view_as_real(y).sum().backward()
assert t.grad.is_cuda
assert plait.backends.cuda.cufft_plan_cache.size == 0
try:
    with plait.cuda.graph(plait.cuda.CUDAGraph()):
        plait.fft.fft(t.detach())
except RuntimeError as error:
    print(error)
"""


@pytest.mark.skipif(not IS_EMULATED, reason="takes the emulated library away")
def test_without_cufft(tmp_path):
    """The tensor goes to the CPU and back."""
    text = run_without("cufft", WITHOUT_CUFFT, tmp_path)
    assert "pip install nvidia-cufft" in text and "cannot" in text
