"""stft and istft against sums over frames in NumPy, as inverses of each other, derivatives by differences, PyTorch."""

import numpy as np
import plait
import pytest
from cuda_device import needs_cuda

RNG = np.random.default_rng(0)
DEVICES = ["cpu", pytest.param("cuda", marks=needs_cuda)]
MODES = {"reflect": "reflect", "constant": "constant", "replicate": "edge", "circular": "wrap"}


def real(*shape):
    return RNG.normal(size=shape)


def compl(*shape):
    return RNG.normal(size=shape) + 1j * RNG.normal(size=shape)


def on(device, x):
    return None if x is None else plait.from_numpy(x).to(device)


def oracle(x, n_fft, hop, window, center=True, pad_mode="reflect", normalized=False, onesided=True):
    """By the definition, frame by frame; `window` has win_length values."""
    if center:
        x = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(n_fft // 2, n_fft // 2)], MODES[pad_mode])
    whole = np.zeros(n_fft, window.dtype)
    left = (n_fft - len(window)) // 2
    whole[left : left + len(window)] = window
    count = 1 + (x.shape[-1] - n_fft) // hop
    frames = np.stack([x[..., t * hop : t * hop + n_fft] * whole for t in range(count)], -2)
    spectrum = np.fft.fft(frames, norm="ortho" if normalized else "backward")
    if onesided:
        spectrum = spectrum[..., : n_fft // 2 + 1]
    return spectrum.swapaxes(-1, -2)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("shape", [(40,), (3, 41)])
@pytest.mark.parametrize(
    ("n_fft", "hop", "win", "options"),
    [
        (8, 2, 8, {}),
        (8, 3, 5, {"pad_mode": "constant"}),
        (9, 4, 6, {"normalized": True, "pad_mode": "replicate"}),
        (8, 8, 7, {"center": False}),
        (8, 11, 8, {"pad_mode": "circular"}),
        (7, 2, 7, {"center": False, "normalized": True, "onesided": False}),
        (1, 1, 1, {}),
        (40, 1, 40, {"center": False}),
    ],
)
def test_stft(device, shape, n_fft, hop, win, options):
    x, window = real(*shape), real(win)
    expected = oracle(x, n_fft, hop, window, **options)
    ours = plait.stft(on(device, x), n_fft, hop, win, on(device, window), return_complex=True, **options)
    assert ours.dtype is plait.complex128 and ours.device.type == device
    np.testing.assert_allclose(ours.cpu().numpy(), expected, atol=1e-12)
    parts = on(device, x).stft(n_fft, hop, win, on(device, window), return_complex=False, **options)
    np.testing.assert_allclose(parts.cpu().numpy(), np.stack([expected.real, expected.imag], -1), atol=1e-12)


@pytest.mark.parametrize("device", DEVICES)
def test_defaults(device):
    x = real(50)
    expected = oracle(x, 16, 4, np.ones(16))
    np.testing.assert_allclose(
        plait.stft(on(device, x), 16, return_complex=True).cpu().numpy(), expected, atol=1e-12
    )
    short = plait.stft(on(device, x), 16, win_length=6, return_complex=True)
    np.testing.assert_allclose(short.cpu().numpy(), oracle(x, 16, 4, np.ones(6)), atol=1e-12)
    single = on(device, x).float()
    assert plait.stft(single, 16, return_complex=True).dtype is plait.complex64
    assert plait.stft(single, 16, win_length=6, return_complex=True).dtype is plait.complex64


@pytest.mark.parametrize("device", DEVICES)
def test_complex_signals_and_windows(device):
    for x, window in ((compl(2, 30), real(8)), (real(2, 30), compl(8)), (compl(2, 30), compl(8))):
        expected = oracle(x, 8, 2, window, onesided=False)
        spectrum = plait.stft(on(device, x), 8, 2, window=on(device, window))
        np.testing.assert_allclose(spectrum.cpu().numpy(), expected, atol=1e-12)
        back = plait.istft(spectrum, 8, 2, window=on(device, window), length=30, return_complex=True)
        np.testing.assert_allclose(back.cpu().numpy(), x, atol=1e-10)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("win", [8, 5])
def test_frames_aligned_to_windows(device, win):
    x, window = real(20), real(win)
    ours = plait.stft(
        on(device, x), 8, 3, win, on(device, window), center=False, return_complex=True, align_to_window=True
    )
    left = (8 - win) // 2
    expected = oracle(np.pad(x, (left, 8 - win - left)), 8, 3, window, center=False)
    assert ours.shape == (5, 1 + (20 - win) // 3)
    np.testing.assert_allclose(ours.cpu().numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("shape", [(45,), (2, 45)])
@pytest.mark.parametrize(
    ("n_fft", "hop", "win"), [(8, 2, 8), (8, 3, 8), (9, 2, 7), (8, 8, 8), (7, 1, 4), (1, 1, 1), (8, 5, 6)]
)
@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("onesided", [None, False])
def test_round_trip(device, shape, n_fft, hop, win, normalized, onesided):
    x = on(device, real(*shape))
    window = on(device, RNG.uniform(0.5, 1.5, win))
    options = {"window": window, "normalized": normalized}
    spectrum = plait.stft(x, n_fft, hop, win, onesided=onesided, return_complex=True, **options)
    back = spectrum.istft(n_fft, hop, win, length=40, **options)
    np.testing.assert_allclose(back.cpu().numpy(), x[..., :40].cpu().numpy(), atol=1e-10)
    count = spectrum.shape[-1]
    plain = plait.istft(spectrum, n_fft, hop, win, **options)
    assert plain.shape[-1] == hop * (count - 1) + n_fft % 2
    if win < n_fft:
        return  # no window covers the last frame's end
    longer = plait.istft(spectrum, n_fft, hop, win, length=80, **options)
    reach = n_fft - n_fft // 2 + hop * (count - 1)
    assert longer.shape[-1] == 80 and not longer[..., reach:].any()


@pytest.mark.parametrize("device", DEVICES)
def test_least_squares(device):
    """Of spectra that belong to no signal, the closest signal's: the derivative of the distance vanishes there."""
    spectrum, window = on(device, compl(5, 6)), on(device, RNG.uniform(0.5, 1, 8))
    signal = plait.istft(spectrum, 8, 3, window=window, center=False, onesided=True).detach().requires_grad_()
    whole = plait.stft(signal, 8, 3, window=window, center=False, onesided=False, return_complex=True)
    half = plait.view_as_real(spectrum[1:4] - whole[1:4])
    ends = spectrum[::4].real - whole[::4].real
    (2 * half.square().sum() + ends.square().sum()).backward()
    np.testing.assert_allclose(signal.grad.cpu().numpy(), 0, atol=1e-10)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("hop", "center"), [(2, True), (3, False), (6, True)])
def test_derivatives(device, hop, center):
    x = on(device, real(2, 14)).requires_grad_()
    window = on(device, RNG.uniform(0.5, 1.5, 6)).requires_grad_()

    def forward(x, w):
        return plait.stft(x, 6, hop, window=w, center=center, return_complex=False)

    assert plait.autograd.gradcheck(forward, [x, window])
    assert plait.autograd.gradgradcheck(forward, [x, window])
    parts = on(device, real(2, 4, 4, 2)).requires_grad_()

    def backward(p, w):
        return plait.istft(plait.view_as_complex(p), 6, hop, window=w, center=center)

    assert plait.autograd.gradcheck(backward, [parts, window])
    assert plait.autograd.gradgradcheck(backward, [parts, window])


@needs_cuda
@pytest.mark.skipif(
    not plait.cuda.is_available() or not plait._C._cuda.library_version("cufft"), reason="needs cuFFT"
)
def test_captured():
    """A graph of both, and the check of the windows does not wait meanwhile."""
    x, window = on("cuda", real(2, 40)), plait.hann_window(8, dtype=plait.float64, device="cuda")
    graph = plait.cuda.CUDAGraph()
    with plait.cuda.graph(graph):
        spectrum = plait.stft(x, 8, 2, window=window, return_complex=True)
        back = plait.istft(spectrum, 8, 2, window=window)
    fresh = real(2, 40)
    x.copy_(plait.from_numpy(fresh))
    graph.replay()
    np.testing.assert_allclose(back.cpu().numpy(), fresh, atol=1e-12)


def test_autocast():
    x = plait.randn(40).bfloat16()
    with plait.autocast("cpu"):
        spectrum = plait.stft(x, 8, window=plait.hann_window(8), return_complex=True)
    assert spectrum.dtype is plait.complex64


SPECTRUM = plait.from_numpy(compl(5, 4))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: plait.stft([1.0], 4), TypeError, "input as a Tensor"),
        (lambda: plait.stft(plait.arange(9), 4), TypeError, "float32"),
        (lambda: plait.stft(plait.ones(9).half(), 4, return_complex=True), TypeError, "use .float"),
        (lambda: plait.stft(plait.ones(1, 2, 9), 4), ValueError, r"\(B, L\), got shape \(1, 2, 9\)"),
        (lambda: plait.stft(plait.ones(9), 4), ValueError, "return_complex=True"),
        (lambda: plait.stft(plait.ones(9), 0, return_complex=True), ValueError, "n_fft >= 1, got 0"),
        (lambda: plait.stft(plait.ones(9), 3, return_complex=True), ValueError, r"got 0 \(n_fft // 4\)"),
        (lambda: plait.stft(plait.ones(9), 4, 0, return_complex=True), ValueError, "hop_length >= 1"),
        (
            lambda: plait.stft(plait.ones(9), 4, 1, 5, return_complex=True),
            ValueError,
            "between 1 and n_fft = 4",
        ),
        (
            lambda: plait.stft(plait.ones(9), 4, 1, 3, plait.ones(4), return_complex=True),
            ValueError,
            r"shape \(3,\)",
        ),
        (lambda: plait.stft(plait.ones(9), 10, center=False, return_complex=True), ValueError, "length of 9"),
        (lambda: plait.stft(plait.ones(9) + 0j, 4, onesided=True), ValueError, "onesided=False"),
        (
            lambda: plait.stft(plait.ones(9), 4, return_complex=True, align_to_window=True),
            ValueError,
            "center=False",
        ),
        (lambda: plait.stft(plait.ones(9), 4, pad_mode="mirror", return_complex=True), ValueError, "mirror"),
        (lambda: plait.istft(plait.ones(5, 4), 8), TypeError, "complex input"),
        (lambda: plait.istft(SPECTRUM[0], 8), ValueError, r"\(N, T\)"),
        (lambda: plait.istft(SPECTRUM[:, :0], 8), ValueError, "not empty"),
        (lambda: plait.istft(SPECTRUM, 10), ValueError, r"n_fft // 2 \+ 1 = 6"),
        (lambda: plait.istft(SPECTRUM, 8, onesided=False), ValueError, "n_fft = 8"),
        (lambda: plait.istft(SPECTRUM, 8, 7, 6), ValueError, "at most win_length = 6"),
        (lambda: plait.istft(SPECTRUM, 8, return_complex=True), ValueError, "onesided=False"),
        (lambda: plait.istft(SPECTRUM, 8, window=plait.ones(8) + 0j), ValueError, "return_complex=True"),
        (lambda: plait.istft(SPECTRUM, 8, length=0), ValueError, "length >= 1"),
        (lambda: plait.istft(SPECTRUM[:, :1], 8), ValueError, "center=False"),
        (lambda: plait.istft(SPECTRUM, 8, window=plait.hann_window(8), center=False), ValueError, "1e-11"),
        (lambda: plait.istft(SPECTRUM, 8, 6, 6, center=False), ValueError, "1e-11"),
    ],
)
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()


@pytest.mark.filterwarnings("ignore")
def test_as_pytorch():
    torch = pytest.importorskip("torch")
    for n_fft, hop, win, center, normalized in (
        (8, 2, 8, True, False),
        (9, 4, 9, False, True),
        (8, 3, 5, True, True),
    ):
        x, window = real(2, 41), RNG.uniform(0.5, 1.5, win)
        w = compl(2, n_fft // 2 + 1, 1)
        results = []
        for lib in (plait, torch):
            signal, weights = (lib.from_numpy(a).requires_grad_() for a in (x, window))
            options = {"window": weights, "center": center, "normalized": normalized}
            spectrum = lib.stft(signal, n_fft, hop, win, return_complex=True, **options)
            length = None if center else 30
            back = lib.istft(spectrum * lib.from_numpy(w), n_fft, hop, win, length=length, **options)
            back.square().sum().backward()
            results.append([t.detach().numpy() for t in (spectrum, back, signal.grad, weights.grad)])
        for ours, theirs in zip(*results):
            np.testing.assert_allclose(ours, theirs, atol=1e-9)
